"""What commands print of hostile items, decisions and errors: bytes on a terminal, and every item one by one."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.desk.conftest import until
from tests.hostile.console_process import hostile_desk
from tests.hostile.corpus import CORPUS
from tests.hostile.judging import foreign_sequences, text_of, unsafe_in
from tests.hostile.servers import hostile_words
from tests.terminal import Terminal
from triage.cli.main import main
from triage.desk.desk import Desk, Refused
from triage.model.decision import DeliveryState, Verdict
from triage.model.item import Verb

SHORT_TEXTS = [one.text for one in CORPUS if one.kind != "long"]
DECIDED = 18
KNOWN = ("control \n", "control \r")


async def _fill(data: Path) -> list[str]:
    """Put hostile items, decisions and outcomes into a data directory; the items' ids."""
    desk = hostile_desk(data, 0, len(SHORT_TEXTS))
    await desk.start()
    try:
        await until(lambda: len(desk.entries()) > 100 and len(desk.health()) == 2)
        entries = desk.entries()
        for entry in entries[:DECIDED]:
            _decide(desk, entry.item.id, entry.item.revision)
        await until(lambda: _none_under_way(desk))
    finally:
        await desk.stop()
    return [entry.item.id for entry in entries]


def _decide(desk: Desk, item_id: str, revision: str) -> None:
    """Reject or ignore it, for a reason as hostile as the item."""
    item = desk.queue.get(item_id)
    assert item is not None
    for verb in (Verb.REJECT, Verb.IGNORE):
        verdict = Verdict(verb, reason=item.item.title)
        try:
            desk.decide(item_id, revision, [verdict] * max(1, len(item.item.actions)))
        except Refused:
            continue
        desk.note(item_id, item.item.title)
        return


def _none_under_way(desk: Desk) -> bool:
    under_way = {DeliveryState.HELD, DeliveryState.SENDING}
    return not any(record.state in under_way for record in desk.log.open_records())


@pytest.fixture(scope="module")
def ids(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    directory = tmp_path_factory.mktemp("hostile")
    os.environ["TRIAGE_DATA"] = str(directory / "data")
    return asyncio.run(_fill(directory / "data"))


@pytest.fixture
def home(ids: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A configuration whose endpoints answer in hostile words, beside the filled data directory."""
    with hostile_words(SHORT_TEXTS) as url:
        path = tmp_path / "config.toml"
        tables = (f'[endpoints.{name}]\nkind = "rest"\nurl = "{url}"\n' for name in ("agent", "broken"))
        path.write_text("\n".join(tables))
        monkeypatch.setenv("TRIAGE_CONFIG", str(path))
        monkeypatch.setenv("TRIAGE_OPERATOR", "ann")
        monkeypatch.setenv("COLUMNS", "120")
        yield ids


def assert_harmless(printed: str) -> None:
    """Text alone, all of it visible, and no line of an agent's own where triage's begin."""
    assert not unsafe_in(printed.replace("\n", ""))
    own = ("triage: approved by", "triage: nothing waits", "$ sudo", "Password:")
    assert not [line for line in printed.split("\n") if line.startswith(own)]


@pytest.mark.parametrize(
    "arguments",
    [
        ("list", "--no-poll"),
        ("list",),
        ("endpoints",),
        ("log",),
        ("show", "ID", "--no-poll"),
        ("show", "ID", "--json"),
        ("reject", "ID", "--reason", "no"),
        ("doctor",),
    ],
    ids=" ".join,
)
def test_the_bytes_on_a_terminal(home: list[str], arguments: tuple[str, ...]) -> None:
    given = [home[-1] if one == "ID" else one for one in arguments]
    env = {**os.environ, "TERM": "xterm-256color"}
    with Terminal([sys.executable, "-m", "triage", *given], env, columns=120, rows=40) as terminal:
        terminal.wait_ended(60)
        output = bytes(terminal.output)
    assert len(output) > 20
    assert not foreign_sequences(output, KNOWN)
    assert_harmless(text_of(output).replace("\r", ""))


def test_every_item_shown(home: list[str]) -> None:
    for item_id in home[::2]:
        shown = CliRunner().invoke(main, ["show", item_id, "--no-poll"])
        assert shown.exit_code == 0, shown.output
        assert_harmless(shown.stdout)


def test_every_item_as_json_says_exactly_what_the_agent_wrote(home: list[str]) -> None:
    listed = CliRunner().invoke(main, ["list", "--no-poll", "--json"])
    assert_harmless(listed.stdout)
    titles = {item["title"] for item in json.loads(listed.stdout)}
    assert len(titles) > 80
    assert titles <= set(SHORT_TEXTS)


def test_the_log_as_json(home: list[str]) -> None:
    told = CliRunner().invoke(main, ["log", "--json"])
    assert_harmless(told.stdout)
    events = [json.loads(line) for line in told.stdout.splitlines()]
    assert sum(event["type"] == "decided" for event in events) == DECIDED
    assert {event["title"] for event in events if event["title"]} <= set(SHORT_TEXTS)


@pytest.mark.parametrize("command", ["list", "endpoints", "show", "reject", "add"])
def test_errors_in_an_agents_words(home: list[str], command: str) -> None:
    """Each call is answered in other words; a sample of them for each command that asks."""
    url = Path(os.environ["TRIAGE_CONFIG"]).read_text().split('"')[3]
    more = {"show": [home[-1]], "reject": [home[-1], "--reason", "no"], "add": [url]}.get(command, [])
    for _ in range(6):
        done = CliRunner().invoke(main, [command, *more])
        assert_harmless(done.stdout)
        assert_harmless(done.stderr)
        assert done.stderr.strip()
