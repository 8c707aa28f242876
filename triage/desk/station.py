"""One endpoint as this process works on it: its lock, its connector, its poller and its deliverer.

Whichever process holds the endpoint's lock polls and delivers for all; the others only watch the
queue and the log, and try the lock again every second.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from triage.connectors.base import Connector
from triage.desk.delivery import Deliverer
from triage.desk.ownership import Ownership
from triage.desk.polling import Poller
from triage.desk.timeliness import Clock
from triage.store.log import Log
from triage.store.queue import Queue

__all__ = ["Station"]

TAKE_OVER_S = 1.0

Publish = Callable[..., None]
"""``publish(items=…, endpoints=…, decisions=…)``."""


class Station:
    """Works on one endpoint while it can hold its lock."""

    def __init__(
        self,
        connector: Connector,
        ownership: Ownership,
        queue: Queue,
        log: Log,
        publish: Publish,
        refresh: Callable[[], None],
        gate: asyncio.Semaphore,
        *,
        read_only: bool,
        clock: Clock,
    ) -> None:
        self.connector = connector
        self.name: str = connector.config.name
        self.ownership = ownership
        self.read_only = read_only
        self._publish = publish
        self.poller = Poller(connector, queue, log, self._polled, gate)
        self.deliverer = Deliverer(connector, queue, log, self._delivered, self.poller.soon, refresh, clock)
        self._released = asyncio.Event()
        self._others_since: datetime | None = None

    @property
    def watched_since(self) -> datetime | None:
        """From when on whatever comes is new; None: nobody is known to have polled yet."""
        return self.poller.first_at or self._others_since

    async def run(self) -> None:
        """Work until cancelled; frees the lock at the end."""
        try:
            while True:
                if self._released.is_set() or not self.ownership.try_take():
                    self._others_since = self._others_since or datetime.now(UTC)
                    await asyncio.sleep(TAKE_OVER_S)
                elif self.read_only:
                    await self._look_once()
                else:
                    await self._work()
        finally:
            await self.deliverer.finish()
            self.ownership.free()

    async def release(self) -> None:
        """Let another process work on it, once sends under way are logged; until ``take_up``."""
        self._released.set()
        await self.deliverer.finish()
        while self.ownership.held:
            await asyncio.sleep(0.02)

    def take_up(self) -> None:
        """Work on it again, when the lock can be had."""
        self._released.clear()

    async def _work(self) -> None:
        self._publish(endpoints=(self.name,))
        polling = asyncio.create_task(self.poller.run(), name=f"poll {self.name}")
        delivering = asyncio.create_task(self.deliverer.run(), name=f"deliver {self.name}")
        released = asyncio.create_task(self._released.wait(), name=f"release {self.name}")
        tasks = (polling, delivering, released)
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.deliverer.finish()
            self.ownership.free()

    async def _look_once(self) -> None:
        """Poll without keeping the lock: a desk that only looks must not stand in a deliverer's way."""
        try:
            pause_s = await self.poller.poll()
        finally:
            self.ownership.free()
        loop = asyncio.get_running_loop()
        self.poller.due_at = loop.time() + pause_s
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause_s):
                await self._released.wait()

    def _polled(self, items: Iterable[str], endpoints: Iterable[str]) -> None:
        self._publish(items=items, endpoints=endpoints)

    def _delivered(self, items: Iterable[str], decisions: Iterable[str]) -> None:
        self._publish(items=items, decisions=decisions)
