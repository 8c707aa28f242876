"""Asking one endpoint what waits there, again and again, and putting the answer into the queue."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

from triage.connectors.base import Connector, Match, Poll
from triage.connectors.http import Busy, Denied, EndpointError
from triage.desk.pace import Pace
from triage.model.decision import REOPENING_STATES
from triage.model.endpoint import Health, HealthState
from triage.model.item import Gone, Item
from triage.store.errors import StoreError
from triage.store.log import Log
from triage.store.queue import Changes, Queue

__all__ = ["Poller", "bury_vanished"]

TOMBSTONE_S = 600.0
"""How long a tombstone stays for a console that may still show it."""

Changed = Callable[[Iterable[str], Iterable[str]], None]
"""Told of item ids and endpoint names that changed."""


class Poller:
    """Polls one endpoint; at most one poll is in flight."""

    def __init__(
        self, connector: Connector, queue: Queue, log: Log, changed: Changed, gate: asyncio.Semaphore
    ) -> None:
        self.connector = connector
        self.gate = gate
        """Lets in so many polls at a time: an endpoint's time begins when it is asked, not when it queues."""
        self.endpoint: str = connector.config.name
        self.queue = queue
        self.log = log
        self.changed = changed
        self.pace = Pace(connector.config.poll_s, connector.config.longest_poll_s, time.monotonic())
        self.polls = 0
        """How many polls were finished, well or not."""
        self.first_at: datetime | None = None
        """When the first poll that went well was over."""
        self.trouble = ""
        """Why what was polled could not be kept: the store's own words; empty when it was."""
        self.due_at = 0.0
        """Loop time of the next poll."""
        self._wake = asyncio.Event()
        self._one = asyncio.Lock()
        self._about: Match | None = None
        self._taken: Poll | None = None
        """The last poll, where all that it lists stands in the queue and no other poll need be told from it."""
        self._taken_at = 0
        """The queue's version then."""

    async def run(self) -> None:
        """Poll until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            pause_s = await self.poll()
            self.due_at = loop.time() + pause_s
            self._wake.clear()
            try:
                async with asyncio.timeout(pause_s):
                    await self._wake.wait()
            except TimeoutError:
                continue

    def soon(self) -> None:
        """Poll as soon as the one in flight, if any, is over."""
        self._wake.set()

    async def poll_now(self) -> None:
        """Poll, or wait for the poll in flight to end."""
        if self._one.locked():
            async with self._one:
                return
        await self.poll()

    async def poll(self) -> float:
        """Poll once; the seconds to wait before the next poll."""
        async with self._one:
            wished_s = 0.0
            try:
                wished_s = await self._ask()
                self.trouble = ""
            except StoreError as error:
                self.pace.failed()
                self.trouble = str(error)
            self.polls += 1
        return self.pace.pause_s(time.monotonic(), wished_s)

    async def _ask(self) -> float:
        """Ask the endpoint and put its answer into the queue; the pause it wishes for. Raises StoreError."""
        try:
            async with self.gate:
                found = await self.connector.poll()
            changed = await self._take(found)
        except EndpointError as error:
            self.pace.failed()
            self._say(HealthState.DENIED if isinstance(error, Denied) else HealthState.FAILING, str(error))
            return (error.retry_after_s or 0.0) if isinstance(error, Busy) else 0.0
        self.pace.went_well(time.monotonic(), changed=changed)
        self.first_at = self.first_at or datetime.now(UTC)
        return 0.0

    async def _take(self, found: Poll) -> bool:
        """Put what was polled into the queue; whether anything differs from before."""
        if self._is_taken(found):
            return False
        items, twice = _without_duplicates(found.items)
        now = datetime.now(UTC)
        changes = await self._sync(items, now)
        if self._about is None:
            self._about = await self._ask_about()
        problems = (*found.problems, *twice, *changes.problems)
        state = HealthState.DEGRADED if problems else HealthState.OK
        self._say(state, _summed(problems), waiting=len(items))
        await bury_vanished(self.connector, self.queue, self.log, changes.vanished, self.changed)
        self._forget_old(now)
        self._taken = None if changes.vanished or self.queue.tombstones(self.endpoint) else found
        self._taken_at = self.queue.version(self.endpoint)
        return bool(changes.new or changes.changed or changes.back or changes.vanished)

    def _is_taken(self, found: Poll) -> bool:
        """Whether all that this poll says stands in the queue already, the endpoint's health too."""
        if found is not self._taken or self.queue.version(self.endpoint) != self._taken_at:
            return False
        health = self.queue.health(self.endpoint)
        return health is not None and health.state is HealthState.OK and self._about is not None

    async def _sync(self, items: list[Item], now: datetime) -> Changes:
        """Put what waits into the queue, step by step: of a large list the keys are not kept waiting."""
        steps = self.queue.sync_in_steps(self.endpoint, items, now)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                changes: Changes = end.value
                self.changed((*changes.new, *changes.changed, *changes.back, *changes.touched), ())
                return changes
            await asyncio.sleep(0)

    async def _ask_about(self) -> Match | None:
        try:
            return await self.connector.about()
        except EndpointError:
            return None  # asked again at the next poll

    def _forget_old(self, now: datetime) -> None:
        limit = now - timedelta(seconds=TOMBSTONE_S)
        tombstones = self.queue.tombstones(self.endpoint)
        old = [entry.item.id for entry in tombstones if entry.gone_at is not None and entry.gone_at < limit]
        if old:
            self.queue.forget(old)
            self.changed(old, ())

    def _say(self, state: HealthState, detail: str, waiting: int | None = None) -> None:
        before = self.queue.health(self.endpoint) or Health(self.endpoint)
        same = before.state is state
        after = Health(
            endpoint=self.endpoint,
            state=state,
            detail=detail,
            since=before.since if same and before.since else datetime.now(UTC),
            version=self._about.version if self._about else before.version,
            warning=self._about.warning if self._about else before.warning,
            waiting=before.waiting if waiting is None else waiting,
        )
        if after != before:
            self.queue.set_health(after)
            self.changed((), (self.endpoint,))


async def bury_vanished(
    connector: Connector, queue: Queue, log: Log, item_ids: Iterable[str], changed: Changed
) -> None:
    """Read each item that left the list once more by itself, and log what became of it.

    One that was decided here is only forgotten: its delivery says what became of it.
    """
    for item_id in item_ids:
        entry = queue.get(item_id)
        if entry is None or entry.gone is not None:
            continue
        record = log.standing(item_id)
        if record is not None and record.state not in REOPENING_STATES:
            queue.forget([item_id])
        else:
            await _bury(connector, queue, log, entry.item)
        changed((item_id,), ())


async def _bury(connector: Connector, queue: Queue, log: Log, item: Item) -> None:
    try:
        now_is = await connector.reread(item)
    except EndpointError:
        return  # unsure: it stays until a read says otherwise
    at = datetime.now(UTC)
    if isinstance(now_is, Gone):
        log.append("gone", item_id=item.id, endpoint=item.endpoint, state=now_is.reason, detail=now_is.detail)
        queue.bury(item.id, now_is, at)
    else:
        queue.put(now_is, at)


def _without_duplicates(items: tuple[Item, ...]) -> tuple[list[Item], list[str]]:
    """The items, one an id, and a sentence for each id that came more than once."""
    counts = Counter(item.id for item in items)
    twice = [
        f"{item.title[:60]!r} was listed {counts[item.id]} times under one id; the first is shown"
        for item in {item.id: item for item in reversed(items)}.values()
        if counts[item.id] > 1
    ]
    return list({item.id: item for item in reversed(items)}.values())[::-1], twice


def _summed(problems: tuple[str, ...]) -> str:
    if len(problems) <= 1:
        return problems[0] if problems else ""
    return f"{problems[0]} (and {len(problems) - 1} more such)"
