"""``triage log``: its lines and objects, verifying, exporting, erasing."""

from __future__ import annotations

import json
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from tests.cli.agents import Agents, credit
from tests.cli.conftest import Run, ended, output_of, process
from tests.store.log_making import make_decision, make_item
from triage.store.log import Log, log_directory

KEYS = (
    "seq at type item endpoint decision operator state detail effect note revision verbs title verdicts "
    "edited"
).split()


def lines_of(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture
def decided(triage: Run, place: Path, agents: Agents) -> list[str]:
    """Two items: one approved, one rejected."""
    items = [agents.ask(title="Give 5 to Kim"), agents.ask(title="Give 5 to Lee")]
    assert triage("approve", items[0]).exit_code == 0
    assert triage("reject", items[1], "--reason", "not\nLee").exit_code == 0
    return items


def test_the_log_as_words(triage: Run, decided: list[str]) -> None:
    lines = triage("log").stdout.splitlines()
    assert len(lines) == 8
    assert lines[0].endswith(f"{decided[0]}  ann approved: Give 5 to Kim")
    assert lines[4].endswith(f"{decided[1]}  ann rejected (not Lee): Give 5 to Lee")
    assert "confirmed: " in lines[3]


def test_the_log_as_json(triage: Run, decided: list[str]) -> None:
    events = lines_of(triage("log", "--json"))
    assert [list(event) for event in events] == [KEYS] * 8
    assert [event["state"] for event in events[:4]] == [None, "sending", "sent", "confirmed"]
    assert [event["seq"] for event in events] == list(range(1, 9))
    assert events[4]["verdicts"] == [{"verb": "reject", "reason": "not\nLee"}]
    assert events[4]["title"] == "Give 5 to Lee"
    assert events[3]["effect"].startswith("Kim now has")


def test_the_log_names_the_fields_that_were_edited(triage: Run, place: Path, agents: Agents) -> None:
    item = agents.ask(title="Give 5 to Kim")
    assert triage("edit", item, "--args", '{"customer": "Kim", "amount": 3, "note": "half"}').exit_code == 0
    assert f"{item}  ann edited amount, note: Give 5 to Kim" in triage("log").stdout
    assert lines_of(triage("log", "--json"))[0]["edited"] == ["amount", "note"]
    assert [event["edited"] for event in lines_of(triage("log", "--json"))[1:]] == [None] * 3
    lines = triage("log", "--item", item).stdout.splitlines()
    assert [line.strip() for line in lines[1:3]] == ["amount  5.0 → 3", 'note  nothing → "half"']
    assert "→" not in triage("log").stdout


def test_edits_of_several_actions_are_told_by_their_number(triage: Run, place: Path, agents: Agents) -> None:
    item = agents.ask(actions=[credit("Kim", 1), credit("Lee", 2)])
    value = [{"customer": "Kim", "amount": 1}, {"customer": "Lee", "amount": 9}]
    assert triage("edit", item, "--reason", "as agreed", "--args", json.dumps(value)).exit_code == 0
    assert "ann approved, edited 2 amount (as agreed): Give 5 to Kim" in triage("log").stdout
    assert "2 amount  2 → 9" in triage("log", "--item", item).stdout
    assert lines_of(triage("log", "--json"))[0]["edited"] == ["2 amount"]
    assert triage("reject", agents.ask(), "--reason", "no").exit_code == 0
    assert lines_of(triage("log", "--json"))[4]["edited"] == []


def test_one_item_and_since(triage: Run, decided: list[str]) -> None:
    events = lines_of(triage("log", "--json", "--item", decided[1][:9]))
    assert {event["item"] for event in events} == {decided[1]}
    assert len(lines_of(triage("log", "--json", "--since", "1h"))) == 8
    assert len(lines_of(triage("log", "--json", "--since", "1999-12-31"))) == 8
    result = triage("log", "--since", "2999-01-01T10:00")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "nothing" in result.stderr
    assert triage("log", "--item", "zzzz").stdout == ""
    result = triage("log", "--since", "yesterdayish")
    assert (result.exit_code, "30m, 2h, 3d" in result.stderr) == (2, True)


def test_times_that_run_backwards_are_shown_in_the_order_of_the_log(triage: Run, home: Path) -> None:
    log, now = Log(home / "data"), datetime.now(UTC)
    for number, minutes in enumerate((90, 5, 200, 1)):
        item = make_item(f"order-{number}", title=f"Pay {number}")
        log.decide(make_decision(item, at=now - timedelta(minutes=minutes)), item)
    assert [event["seq"] for event in lines_of(triage("log", "--json"))] == [1, 2, 3, 4]
    assert [line[-5:] for line in triage("log").stdout.splitlines()] == ["Pay 0", "Pay 1", "Pay 2", "Pay 3"]
    assert [event["seq"] for event in lines_of(triage("log", "--json", "--since", "1h"))] == [2, 4]
    assert triage("log", "verify").exit_code == 0


def test_an_empty_log(triage: Run, home: Path) -> None:
    result = triage("log")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "Nothing has been decided yet" in result.stderr
    assert triage("log", "verify").exit_code == 0


def test_follow_shows_what_comes(triage: Run, place: Path, agents: Agents) -> None:
    item = agents.ask()
    triage("pause", "mail")
    following = process("log", "--json", "--follow")
    assert following.stdout
    try:
        assert json.loads(following.stdout.readline())["type"] == "paused"
        triage("approve", item)
        seen = json.loads(following.stdout.readline())
    finally:
        following.send_signal(signal.SIGINT)
    assert (seen["type"], seen["item"]) == ("decided", item)
    code, _, said = ended(following)
    assert (code, said) == (0, "")


def test_verify_tells_a_whole_log_from_a_changed_one(triage: Run, place: Path, decided: list[str]) -> None:
    result = triage("log", "verify", "--json")
    assert result.exit_code == 0
    found = output_of(result)
    assert list(found) == "ok segments events payloads erased head findings notes".split()
    assert found["ok"] is True
    assert (found["events"], found["payloads"], found["findings"]) == (8, 2, [])
    assert found["head"] in triage("log", "verify").stdout
    [segment] = log_directory(place / "data").glob("0*1.jsonl")
    segment.write_bytes(segment.read_bytes().replace(b'"operator":"ann"', b'"operator":"eve"', 1))
    result = triage("log", "verify", "--json")
    assert result.exit_code == 1
    assert output_of(result)["ok"] is False
    assert {"file", "line", "why"} == set(output_of(result)["findings"][0])
    result = triage("log", "verify")
    assert result.exit_code == 1
    assert "NOT what was written" in result.stdout
    assert segment.name in result.stderr


def test_export_has_everything(triage: Run, decided: list[str]) -> None:
    events = lines_of(triage("log", "export"))
    assert len(events) == 8
    assert events[0]["event"]["previous"]
    assert events[0]["decision"]["operator"] == "ann"
    assert events[0]["item"]["title"] == "Give 5 to Kim"
    assert events[1]["decision"] is None
    assert len(lines_of(triage("log", "export", "--item", decided[0]))) == 4


def test_erase_keeps_that_it_was_decided(triage: Run, place: Path, decided: list[str]) -> None:
    result = triage("log", "erase", "--days", "0")
    assert (result.exit_code, "--yes" in result.stderr) == (2, True)
    assert triage("log", "erase", "--days", "1", "--yes").stderr.startswith("What was shown and said in 0 ")
    result = triage("log", "erase", "--before", "0s", "--yes")
    assert (result.exit_code, "in 2 decisions" in result.stderr) == (0, True)
    assert output_of(triage("log", "verify", "--json"))["erased"] == 2
    assert "Give 5" not in triage("log").stdout
    assert "ann approved" in triage("log").stdout
    result = triage("show", decided[0])
    assert (result.exit_code, "erased" in result.stderr) == (1, True)


def test_erase_takes_the_days_of_the_configuration(triage: Run, place: Path, decided: list[str]) -> None:
    assert triage("log", "erase", "--yes").exit_code == 2
    assert triage("log", "erase", "--yes", "--days", "1", "--before", "1d").exit_code == 2
    config = place / "config.toml"
    config.write_text("payload_days = 30\n" + config.read_text())
    assert "in 0 decisions" in triage("log", "erase", "--yes").stderr
