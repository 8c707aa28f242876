"""Picking the rows anew, which takes its time where 100,000 items have to be read: keys are taken meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Iterator
from typing import TYPE_CHECKING

from textual.worker import Worker

if TYPE_CHECKING:
    from triage.tui.screens.desk_screen import DeskScreen

__all__ = ["Picking"]

SAID_S = 0.3
"""How long a search goes on before it is said how far it is, and again."""

REST_S = 0.03
"""A key goes round the loop several times before it is answered: what is not urgent leaves it alone for as long."""


class Picking:
    """Picks what the desk's screen shows: by a filter that is being written, or because time has passed."""

    def __init__(self, screen: DeskScreen) -> None:
        self._screen = screen
        self._work: Worker[None] | None = None

    def stop(self) -> None:
        """What is being picked is not wanted any more."""
        if self._work is not None:
            self._work.cancel()

    def search(self) -> None:
        """The operator's filter is another: at once, or while keys are taken; a key of the filter begins it anew."""
        self.stop()
        self._screen.many.choosing.end_range()
        steps = self._screen.view.pick_in_steps()
        if next(steps, None) is None:
            self._screen.settle_rows()
        else:
            self._begin(self._search_on(steps))

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        self._work = self._screen.run_worker(work)

    async def _search_on(self, steps: Iterator[float]) -> None:
        """Go on searching, and say how far it is where that takes a while."""
        began, said_at = time.monotonic(), 0.0
        for part in steps:
            now = time.monotonic()
            if now - max(began, said_at) > SAID_S:
                said_at = now
                self._screen.say(f"Searching, {part:.0%} so far")
            await asyncio.sleep(0)
        if said_at:
            self._screen.say("")
        self._screen.settle_rows()

    def tick(self) -> None:
        """Time has passed: show what it changes. What is being picked anyway sees the new time."""
        view = self._screen.view
        changed = view.tick()
        if view.timed and (self._work is None or self._work.is_finished):
            before, steps = list(view.rows), view.pick_in_steps(kept=True)
            if next(steps, None) is not None:
                self._begin(self._follow(steps, before))
            else:
                changed = changed or list(view.rows) != before
        if changed:
            self._screen.place_rows()

    async def _follow(self, steps: Iterator[float], before: list[str]) -> None:
        for _ in steps:
            await asyncio.sleep(REST_S)
        if list(self._screen.view.rows) != before:
            self._screen.place_rows()
