"""Notices in the console: only while nobody looks, one for many, never of what was there at the start."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import msgspec
import pytest
from textual import events

from tests.desk.scripted import Agent
from tests.tui.conftest import Console, OpenConsole
from triage.desk import noticing
from triage.model.item import Item
from triage.tui.notifying import desktop_notice

pytestmark = pytest.mark.usefixtures("patient")


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(noticing, "GATHER_S", 0.1)
    monkeypatch.delenv("TMUX", raising=False)


def notify(**rule: Any) -> dict[str, Any]:
    return {"notify": [rule]}


class Heard:
    """What was sent to the terminal beside the screen."""

    def __init__(self, console: Console) -> None:
        self.all: list[str] = []
        console.app.send_to_terminal = self._hear  # type: ignore[method-assign]

    def _hear(self, sequence: str) -> None:
        self.all.append(sequence)

    @property
    def notices(self) -> list[str]:
        """Without titles."""
        return [sequence for sequence in self.all if not sequence.startswith("\x1b]2;")]


async def look_away(console: Console) -> None:
    console.app.post_message(events.AppBlur())
    await console.until(lambda: not console.app.app_focus)


async def watched(console: Console) -> None:
    await console.until(lambda: console.desk.watched_since("agent"))


async def arrived(console: Console, *items: Item) -> None:
    await console.until(lambda: all(item.id in console.screen.view.rows for item in items))


async def quiet_for_a_while(console: Console) -> None:
    """Return once whatever was gathered would have been told."""
    ticks: list[int] = []
    tick = console.screen.notifying.tick

    def counted() -> None:
        tick()
        ticks.append(1)

    console.screen.notifying.tick = counted  # type: ignore[method-assign]
    await console.until(lambda: len(ticks) >= 3)


async def test_what_comes_while_nobody_looks_rings_once_for_many(
    agent: Agent, open_console: OpenConsole
) -> None:
    agent.ask("a")
    async with open_console(settings=notify(how=["bell", "osc9"])) as console:
        heard = Heard(console)
        await watched(console)
        await look_away(console)
        await arrived(console, agent.ask("b"), agent.ask("c"))
        await console.until(lambda: heard.notices)
        await quiet_for_a_while(console)
        assert heard.notices == ["\x07", "\x1b]9;triage: 2 new: Refund b; Refund c\x07"]


async def test_what_is_before_the_operators_eyes_rings_not(agent: Agent, open_console: OpenConsole) -> None:
    agent.ask("a")
    async with open_console(settings=notify()) as console:
        heard = Heard(console)
        await watched(console)
        await arrived(console, agent.ask("b"))
        await quiet_for_a_while(console)
        assert heard.notices == []


async def test_what_comes_out_of_sight_rings_even_with_the_focus(
    agent: Agent, open_console: OpenConsole
) -> None:
    agent.ask("a")
    async with open_console(settings=notify()) as console:
        heard = Heard(console)
        await watched(console)
        await console.press("?")
        await arrived(console, agent.ask("b"))
        await console.until(lambda: heard.notices == ["\x07"])


async def test_what_waited_at_the_start_rings_not(agent: Agent, open_console: OpenConsole) -> None:
    item = agent.ask("a")
    async with open_console(settings=notify()) as console:
        heard = Heard(console)
        await look_away(console)
        await watched(console)
        agent.ask("a", title="Refund a, changed")
        await console.until(lambda: console.entry(item).previous is not None)
        await quiet_for_a_while(console)
        assert heard.notices == []


async def test_what_left_again_meanwhile_rings_not(
    agent: Agent, open_console: OpenConsole, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent.ask("a")
    async with open_console(settings=notify()) as console:
        heard = Heard(console)
        await watched(console)
        await look_away(console)
        monkeypatch.setattr(noticing, "GATHER_S", 60.0)
        item = agent.ask("b")
        await arrived(console, item)
        del agent.items["b"]
        await console.until(lambda: console.desk.entry(item.id) is None or console.entry(item).gone)
        monkeypatch.setattr(noticing, "GATHER_S", 0.0)
        await quiet_for_a_while(console)
        assert heard.notices == []


async def test_a_command_gets_the_items(agent: Agent, open_console: OpenConsole, tmp_path: Path) -> None:
    agent.ask("a")
    out = tmp_path / "items.json"
    part = shlex.quote(f"{out}.part")
    command = f"cat > {part} && mv {part} {shlex.quote(str(out))}"
    rule = notify(when="title:Refund", how=["command"], command=command)
    async with open_console(settings=rule) as console:
        await watched(console)
        await look_away(console)
        item = agent.ask("b")
        agent.ask("c", title="Send it")
        await console.until(out.exists)
        given = msgspec.json.decode(out.read_bytes())
        assert [one["id"] for one in given] == [item.id]


async def test_a_command_that_fails_is_told(agent: Agent, open_console: OpenConsole) -> None:
    agent.ask("a")
    async with open_console(settings=notify(how=["command"], command="exit 7")) as console:
        await watched(console)
        await look_away(console)
        agent.ask("b")
        await console.until(lambda: "A notice was not sent: exit 7 ended with status 7." in console.said)


def test_a_desktop_notice_goes_through_tmux() -> None:
    assert desktop_notice("hello", {}) == "\x1b]9;triage: hello\x07"
    assert desktop_notice("hello", {"TMUX": "/tmp/tmux"}) == "\x1bPtmux;\x1b\x1b]9;triage: hello\x07\x1b\\"
