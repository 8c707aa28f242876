"""The console before a desk on an agent in memory, driven as by keys."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.binding import Binding
from textual.keys import key_to_character
from textual.pilot import Pilot

from tests.desk.scripted import Agent, make_desk
from triage.desk.desk import Desk
from triage.model.decision import DeliveryState
from triage.model.item import Item
from triage.store.queue import Entry
from triage.tui import guard
from triage.tui.app import TriageApp
from triage.tui.screens.desk_screen import DeskScreen

__all__ = ["Console", "OpenConsole"]


@pytest.fixture(autouse=True)
def own_directories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the developer's own is read."""
    monkeypatch.setenv("TRIAGE_CONFIG", str(tmp_path / "config" / "config.toml"))
    monkeypatch.setenv("TRIAGE_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("NO_COLOR", raising=False)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The guard takes keys as fast as a test sends them."""
    for name in ("PAINT_S", "REPEAT_S", "BURST_S", "DISTURBED_S"):
        monkeypatch.setattr(guard, name, 0.0)


@pytest.fixture
def agent() -> Agent:
    return Agent()


class Console:
    """A running console as a test sees it."""

    def __init__(self, app: TriageApp, desk: Desk, pilot: Pilot[None]) -> None:
        self.app = app
        self.desk = desk
        self.pilot = pilot

    @property
    def screen(self) -> DeskScreen:
        return self.app.desk_screen

    async def press(self, *keys: str) -> None:
        """Press keys one after the other, each done with before the next."""
        for key in keys:
            self.send(key)
            await self.settle()

    def send(self, key: str) -> None:
        """Press a key and go on at once, whatever becomes of it."""
        self.app.post_message(_key_event(key))

    async def settle(self) -> None:
        """Return once app, screen and focused widget have done what was asked of them, and have painted."""
        for _ in range(3):
            for pump in (self.app, self.app.screen, self.app.focused or self.app.screen):
                await _heard(pump.call_later)
            await _heard(self.app.screen.call_after_refresh)

    async def until(self, condition: Callable[[], object], timeout_s: float = 10.0) -> None:
        """Return once ``condition`` holds; fails with what is on screen."""
        try:
            async with asyncio.timeout(timeout_s):
                while not condition():
                    await asyncio.sleep(0.01)
        except TimeoutError:
            pytest.fail(f"waited {timeout_s:g} s; on screen:\n{self.text}")
        await self.settle()

    def state(self, item: Item) -> DeliveryState | None:
        """Where the item's last decision stands; None: nobody decided."""
        record = self.desk.record(item.id)
        return record.state if record else None

    def entry(self, item: Item) -> Entry:
        """The item in the queue."""
        entry = self.desk.entry(item.id)
        assert entry is not None
        return entry

    @property
    def said(self) -> str:
        """What the console says just now."""
        return self.screen.strip.message

    @property
    def text(self) -> str:
        """All that the desk's screen shows."""
        screen = self.screen
        parts = (screen.bar, screen.list, screen.pane, screen.strip, screen.footer)
        return "\n".join(part.shown_text for part in parts)


OpenConsole = Callable[..., AbstractAsyncContextManager[Console]]


@pytest.fixture
def open_console(agent: Agent, tmp_path: Path) -> OpenConsole:
    """Opens a console on the agent; ``async with open_console(size=…) as console``."""

    @asynccontextmanager
    async def opened(
        *, size: tuple[int, int] = (120, 36), hold_s: float = 60.0, waiting: int | None = None, **more: Any
    ) -> AsyncIterator[Console]:
        desk = make_desk(agent, tmp_path / "data", hold_s=hold_s, **more)
        app = TriageApp(desk)
        try:
            async with app.run_test(size=size) as pilot:
                console = Console(app, desk, pilot)
                wanted = len(agent.items) if waiting is None else waiting
                await console.until(lambda: len(console.screen.view.rows) == wanted)
                yield console
        finally:
            await desk.stop()

    return opened


async def _heard(call: Callable[[Callable[[], None]], object]) -> None:
    """Return once a callback was called; a screen that is just going away never calls."""
    done = asyncio.Event()
    call(done.set)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.1):
            await done.wait()


def _key_event(key: str) -> events.Key:
    """A key by its name or character, as a terminal sends it."""
    names = {" ": "space", ",": "comma"}
    name = names.get(key) or (
        next(iter(Binding.make_bindings([(key, "", "")]))).key if len(key) == 1 else key
    )
    character = key if len(key) == 1 else key_to_character(key)
    return events.Key(name, character)
