"""Spoiled configuration and state files: an error that names the place, never a traceback.

``TRIAGE_EXAMPLES=5000`` tries so many of each.
"""

from __future__ import annotations

import json
import os
import random
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.hostile.spoiling import odd_value, spoil
from tests.store.items import NOON, item
from tests.store.log_making import deliver
from triage.cli.main import main
from triage.config import Config, ConfigError, parse
from triage.desk.summary import Summary, write_summary
from triage.model.endpoint import Health, HealthState
from triage.model.item import Gone
from triage.store import appending
from triage.store.log import Log
from triage.store.queue import Queue
from triage.tui.actions import check_keymap
from triage.tui.theming import load_themes

EXAMPLES = int(os.environ.get("TRIAGE_EXAMPLES", "40"))
CONFIGURATION = """
operator = "ann"
hold_s = 5.0
theme = "dark"
keymap = "default"
high_risk = "confirm"
payload_days = 30

[keys]
approve = "a ctrl+a"

[reasons]
reject = ["no", { text = "too much", message = "{title} is too much" }]

[filters]
big = "amount>100"

[[risk]]
when = "amount>100"
risk = "high"

[[notify]]
when = "filter:big"
how = ["bell", "osc9"]
quiet = ["22:00-07:00"]

[commands.ticket]
run = "cat"
key = "ctrl+t"
when = "risk:high"

[endpoints.agent]
kind = "rest"
url = "http://127.0.0.1:1/api"
token_env = "AGENT_TOKEN"
poll_s = 2.5
headers = { X-Team = "blue" }
redact = ["args.card.number"]

[endpoints.other]
kind = "langgraph"
url = "https://other.invalid"
basic_user = "ann"
token_command = ["pass", "other"]
"""
THEME = Path(__file__).parents[2].joinpath("themes", "dark.toml").read_text()

each_chance = given(seed=st.integers(0, 2**32))
many = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def assert_said(done: Result, *places: str) -> None:
    """It went well, or was refused in words that name one of the places."""
    told = done.stdout + done.stderr
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exc_info
    assert "Traceback" not in told
    assert "a fault in triage itself" not in told, told
    if done.exit_code not in (0, 3):
        assert any(place in told for place in places), told


# -- the configuration ----------------------------------------------------------------------------


@many
@each_chance
def test_a_spoiled_configuration_is_read_or_refused_in_words(seed: int) -> None:
    text = spoil(CONFIGURATION.encode(), random.Random(seed)).decode(errors="replace")
    assert_read_or_refused(text)


@many
@each_chance
def test_settings_of_odd_values_are_refused_by_line(seed: int) -> None:
    """Each line with another value, such as TOML can have."""
    chance = random.Random(seed)
    lines = CONFIGURATION.splitlines()
    at = chance.choice([number for number, line in enumerate(lines) if " = " in line])
    lines[at] = f"{lines[at].partition(' = ')[0]} = {_toml(odd_value(chance))}"
    assert_read_or_refused("\n".join(lines))


def _toml(value: object) -> str:
    if value is None or isinstance(value, dict):
        return "{ a = 1 }"
    return "nan" if value == 1.5 else json.dumps(value)


def assert_read_or_refused(text: str) -> None:
    source = Path("/some/where/config.toml")
    found = _read(text, source)
    if isinstance(found, Config):
        check_keymap(found.keymap, found.keys, found.commands)
    else:
        assert str(source) in str(found)
        assert found.faults


def _read(text: str, source: Path) -> Config | ConfigError:
    try:
        return parse(text, source)
    except ConfigError as error:
        return error


@many
@each_chance
def test_a_spoiled_configuration_file_ends_a_command_with_its_name(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(spoil(CONFIGURATION.encode(), random.Random(seed)))
    path.chmod(0o600)
    monkeypatch.setenv("TRIAGE_CONFIG", str(path))
    monkeypatch.setenv("TRIAGE_DATA", str(tmp_path / "data"))
    done = CliRunner().invoke(main, ["list", "--no-poll"], env={"AGENT_TOKEN": "x"})
    if done.exit_code:
        assert_said(done, str(path)) if "No agent endpoint" not in done.stderr else None


@many
@each_chance
def test_a_spoiled_theme_is_a_sentence(seed: int, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(spoil(THEME.encode(), random.Random(seed)))
    themes, problems = load_themes(tmp_path)
    assert len(themes) >= 7
    assert all(isinstance(problem, str) and problem for problem in problems)


# -- the state ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with some of everything."""
    data = tmp_path_factory.mktemp("whole") / "data"
    queue = Queue(data)
    waiting = [item(str(number)) for number in range(5)]
    now = NOON
    queue.sync("agent", waiting, now)
    queue.sync("agent", [item("0", title="changed"), *waiting[1:]], now)
    queue.bury(waiting[4].id, Gone("answered", "elsewhere"), now)
    queue.set_health(Health("agent", HealthState.FAILING, "no route"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(appending, "SEGMENT_BYTES", 2_500)
        patch.setattr("triage.store.reader.SAVE_EVERY", 5)
        log = Log(data)
        for number in range(6):
            deliver(log, f"order-{number}", endpoint="agent")
        log.append("paused", endpoint="other", operator="ann")
    write_summary(data, Summary(now, 5, 0, 0, 0, ["agent"], ["other"], now, {"agent": 5}))
    queue.close()
    return data


COMMANDS = (
    ("list", "--no-poll"),
    ("list", "--no-poll", "--json"),
    ("show", "ID", "--no-poll"),
    ("log",),
    ("log", "--json"),
    ("log", "verify"),
    ("status",),
    ("pause", "agent"),
    ("log", "erase", "--days", "0", "--yes"),
    ("undo",),
)


def files_of(data: Path) -> list[Path]:
    return sorted(path for path in data.rglob("*") if path.is_file() and path.suffix != ".lock")


@many
@each_chance
def test_spoiled_state_is_refused_in_words(
    seed: int, whole: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(seed)
    directory = tmp_path_factory.mktemp("spoiled")
    data = directory / "data"
    shutil.copytree(whole, data)
    path = chance.choice(files_of(data))
    path.write_bytes(spoil(path.read_bytes(), chance))
    (directory / "config.toml").write_text('[endpoints.agent]\nkind = "rest"\nurl = "http://127.0.0.1:1"\n')
    monkeypatch.setenv("TRIAGE_CONFIG", str(directory / "config.toml"))
    monkeypatch.setenv("TRIAGE_DATA", str(data))
    first = item("1").id
    for command in COMMANDS:
        done = CliRunner().invoke(main, [first if one == "ID" else one for one in command])
        try:
            assert_said(done, first, str(data), *(each.name for each in files_of(data)))
        except AssertionError as error:
            raise AssertionError(f"{command} after {path.name} was spoiled: {error}") from error
    shutil.rmtree(directory)
