"""Lanes: what is in one is worked on one after the other, each brought to its end before the next begins."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

__all__ = ["Lanes"]

AFTER_FAULT_S = 5.0
"""How long a lane rests after a fault of ours."""

Work = Callable[[str], Coroutine[Any, Any, None]]
"""Brings what has that id to its end."""


class _Lane:
    def __init__(self, name: str) -> None:
        self.name = name
        self.ids: dict[str, None] = {}
        self.task: asyncio.Task[None] | None = None


class Lanes:
    """Works on ids, lanes beside each other. ``fault``: told of what goes wrong while one is worked on."""

    def __init__(self, work: Work, fault: Callable[[str, BaseException], None]) -> None:
        self._work = work
        self._fault = fault
        self._lanes: dict[str, _Lane] = {}
        self._placed: set[str] = set()

    def __contains__(self, id: str) -> bool:
        """Whether it was put into a lane and is not at its end."""
        return id in self._placed

    def put(self, name: str, id: str) -> None:
        """Work on it when all that is in that lane before it is at its end."""
        self._placed.add(id)
        lane = self._lanes.setdefault(name, _Lane(name))
        lane.ids[id] = None
        if lane.task is None:
            self._begin(lane)

    async def stop(self) -> None:
        """Leave everything where it is."""
        tasks = [lane.task for lane in self._lanes.values() if lane.task is not None]
        self._lanes.clear()
        self._placed.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _begin(self, lane: _Lane) -> None:
        if self._lanes.get(lane.name) is lane:
            lane.task = asyncio.create_task(self._go_through(lane), name=f"lane {lane.name}")
            lane.task.add_done_callback(partial(self._ended, lane))

    async def _go_through(self, lane: _Lane) -> None:
        while lane.ids:
            id = next(iter(lane.ids))
            await self._work(id)
            del lane.ids[id]
            self._placed.discard(id)

    def _ended(self, lane: _Lane, task: asyncio.Task[None]) -> None:
        if self._lanes.get(lane.name) is not lane:
            return
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._fault(next(iter(lane.ids)), error)
            asyncio.get_running_loop().call_later(AFTER_FAULT_S, self._begin, lane)
        elif lane.ids:  # one came at the last moment
            self._begin(lane)
        else:
            del self._lanes[lane.name]
