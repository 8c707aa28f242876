"""Escalations: marked, logged with their note, and given to the operators' command."""

from __future__ import annotations

import asyncio
import os
import shlex
import sys
import time
from pathlib import Path

import msgspec
import pytest

from tests.desk.conftest import MakeDesk, until
from tests.desk.scripted import Agent
from triage.desk import escalating, piping
from triage.desk.desk import Desk
from triage.desk.piping import pipe, pipe_trouble
from triage.model.item import Item, Risk

PYTHON = shlex.quote(sys.executable)


async def waiting(desks: MakeDesk, agent: Agent, command: str | None) -> tuple[Desk, Item]:
    item = agent.ask("a", risk=Risk.HIGH)
    desk = desks(settings={"escalate_command": command})
    await desk.start()
    await until(desk.waiting)
    return desk, item


def details(desk: Desk, item: Item) -> list[str]:
    return [event.detail for event in desk.log_of(item.id)]


async def test_without_a_command_it_is_marked_and_logged(desks: MakeDesk, agent: Agent) -> None:
    desk, item = await waiting(desks, agent, None)
    assert desk.escalate(item.id, "bob", "too large for me") is None
    (entry,) = desk.waiting()
    assert entry.marks.escalated_to == "bob"
    assert desk.subject(entry).escalated
    assert desk.escalate(item.id, "") is None
    assert details(desk, item) == ["escalated to bob: too large for me", "no longer escalated"]


async def test_the_command_gets_item_name_and_note(desks: MakeDesk, agent: Agent, tmp_path: Path) -> None:
    out = tmp_path / "sent.json"
    desk, item = await waiting(desks, agent, f"cat > {shlex.quote(str(out))}")
    sending = desk.escalate(item.id, "bob", "look")
    assert sending is not None
    assert await sending == ""
    sent = msgspec.json.decode(out.read_bytes())
    assert (sent["to"], sent["note"], sent["operator"]) == ("bob", "look", "ann")
    assert (sent["item"]["id"], sent["item"]["risk"]) == (item.id, "high")
    assert details(desk, item) == ["escalated to bob: look"]


async def test_a_command_that_fails_is_told_and_logged(desks: MakeDesk, agent: Agent) -> None:
    command = "echo no route to bob >&2; exit 3"
    desk, item = await waiting(desks, agent, command)
    sending = desk.escalate(item.id, "bob")
    assert sending is not None
    assert await sending == f"{command} ended with status 3: no route to bob"
    assert details(desk, item)[1].startswith("the escalation was not sent out: echo no route")


async def test_taking_an_escalation_back_runs_nothing(desks: MakeDesk, agent: Agent, tmp_path: Path) -> None:
    desk, item = await waiting(desks, agent, f"touch {shlex.quote(str(tmp_path / 'ran'))}")
    assert desk.escalate(item.id, "") is None
    await desk.stop()
    assert not (tmp_path / "ran").exists()


async def test_a_desk_that_stops_waits_a_little_for_the_command(
    desks: MakeDesk, agent: Agent, tmp_path: Path
) -> None:
    desk, item = await waiting(desks, agent, f"cat > {shlex.quote(str(tmp_path / 'out'))}")
    assert desk.escalate(item.id, "bob") is not None
    await desk.stop()
    assert (tmp_path / "out").read_bytes()


async def test_a_command_that_outlasts_the_desk_is_stopped_and_logged(
    desks: MakeDesk, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(escalating, "ENDING_S", 0.05)
    desk, item = await waiting(desks, agent, "exec sleep 60")
    assert desk.escalate(item.id, "bob") is not None
    await desk.stop()
    assert "had not ended when triage did" in details(desk, item)[1]


async def test_a_command_that_hangs_is_killed_with_all_it_started(tmp_path: Path) -> None:
    child = tmp_path / "child"
    command = f"sleep 60 & echo $! > {shlex.quote(str(child))}; sleep 60"
    began = time.monotonic()
    assert await pipe_trouble(command, b"", 0.3) == f"{command} did not end within 0.3 s and was stopped"
    assert time.monotonic() - began < 30
    pid = int(child.read_text())
    async with asyncio.timeout(10):
        while _runs(pid):
            await asyncio.sleep(0.01)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")
    return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"


async def test_what_a_program_prints_is_given_back_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(piping, "MAX_PIPE_BYTES", 5)
    assert await pipe("cat; exit 2", b"abcdefgh") == (2, "abcde")


async def test_a_program_that_reads_nothing_is_no_fault() -> None:
    assert await pipe("true", b"x" * (1 << 20)) == (0, "")
    program = "import sys; sys.stdin.close(); print(7)"
    assert await pipe(f"{PYTHON} -c {shlex.quote(program)}", b"x" * (1 << 20)) == (0, "7\n")
