"""Taking back, holding up and waiting: ``triage undo``, ``pause``, ``resume`` and ``wait``."""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.cli.agents import Agents, open_desk
from tests.cli.conftest import Run, ended, output_of, process
from triage.demo.agent import Agent
from triage.store.log import Log


def held(triage: Run, item: str, place: Path) -> None:
    """Decide an item, with a minute to take it back, through a desk that is open."""
    deadline = time.monotonic() + 20
    while not any(each["id"] == item for each in output_of(triage("list", "--json"))):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert triage("approve", item, "--hold", "60", "--no-wait").exit_code == 0


def test_undo_takes_back_the_last_or_the_named_decision(triage: Run, place: Path, agents: Agents) -> None:
    first, second = agents.ask(), agents.ask()
    with open_desk(os.environ):
        held(triage, first, place)
        held(triage, second, place)
        result = triage("undo", "--json")
        assert result.exit_code == 0
        assert (output_of(result)["id"], output_of(result)["state"]) == (second, "withdrawn")
        decision = Log(place / "data").standing(first)
        assert decision is not None
        assert triage("undo", decision.decision.id[:20]).exit_code == 0
        assert triage("undo").exit_code == 3
        result = triage("undo", first)
        assert (result.exit_code, "is held" in result.stderr) == (3, True)
    assert agents.decision(first) is agents.decision(second) is None
    assert triage("approve", first).exit_code == 0


def test_pause_and_resume_one_or_all(triage: Run, place: Path) -> None:
    assert triage("pause", "mail").exit_code == 0
    assert triage("pause").exit_code == 0
    assert Log(place / "data").paused() == {"*", "mail"}
    result = triage("resume", "mail")
    assert "Still paused: all sending." in result.stderr
    assert triage("resume").exit_code == 0
    assert Log(place / "data").paused() == frozenset()
    result = triage("pause", "males")
    assert result.exit_code == 2
    assert "payments, deploys, mail" in result.stderr


def test_the_emergency_stop_works_whatever_is_wrong_with_the_configuration(triage: Run, home: Path) -> None:
    (home / "config.toml").write_text("this is no TOML")
    assert triage("pause").exit_code == 0
    [event] = Log(home / "data").events()
    assert (event.type, event.endpoint, event.operator) == ("paused", "*", "ann")


def test_wait_ends_with_the_outcome_of_whoever_decides(triage: Run, place: Path, agents: Agents) -> None:
    item = agents.ask()
    triage("list")
    waiting = process("wait", item, "--json", "--timeout", "60")
    result = output_of(triage("approve", item, "--json"))
    code, printed, _ = ended(waiting)
    assert code == 0
    assert json.loads(printed) == result
    assert output_of(triage("wait", item[:9], "--json")) == result


def test_wait_tells_a_refusal_and_what_went_away(triage: Run, place: Path, agents: Agents) -> None:
    failing = {"name": "refund_to_expired_card", "arguments": {"order": "AF-1", "amount": 3.0}}
    item = agents.ask(actions=[failing])
    assert triage("approve", item).exit_code == 3
    assert triage("wait", item).exit_code == 3
    item = agents.ask()
    triage("list")
    agents.withdraw(item)
    result = triage("wait", item, "--json")
    assert result.exit_code == 3
    assert output_of(result)["state"] == "gone"
    assert output_of(result)["decision"] is None


def test_wait_follows_a_delivery_whose_item_has_left_the_queue(
    triage: Run, place: Path, agents: Agents, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_act = threading.Event()

    async def act_when_told(self: Agent, asked: Any, body: Any, wait_s: float) -> None:
        while not may_act.is_set():
            await asyncio.sleep(0.01)
        self._act(asked, body)

    monkeypatch.setattr(Agent, "_act_later", act_when_told)
    item = agents.ask(slow=True)
    assert triage("approve", item, "--timeout", "0.4").exit_code == 4
    assert output_of(triage("list", "--json")) == []
    waiting = process("wait", item, "--json")
    may_act.set()
    code, printed, _ = ended(waiting)
    assert (code, json.loads(printed)["state"]) == (0, "confirmed")


def test_wait_gives_up_after_its_time(triage: Run, place: Path, agents: Agents) -> None:
    item = agents.ask()
    result = triage("wait", item, "--timeout", "0.3", "--json")
    assert result.exit_code == 4
    assert output_of(result) == {
        "id": item,
        "decision": None,
        "state": "waiting",
        "detail": "nobody decided it within 0.3 s",
    }


def test_what_a_crash_left_held_is_delivered_by_the_next_command_that_delivers(
    triage: Run, place: Path, agents: Agents
) -> None:
    item = agents.ask()
    triage("list")
    running = process("approve", item, "--hold", "2")
    assert running.stderr
    assert "held" in running.stderr.readline()
    running.kill()
    ended(running)
    assert agents.decision(item) is None
    assert triage("wait", item, "--timeout", "30").exit_code == 0
    assert len(agents.done(item)) == 1
