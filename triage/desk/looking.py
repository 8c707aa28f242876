"""What a desk shows: the queue, the log, deliveries on their way, how the endpoints fare. Changes nothing."""

from __future__ import annotations

import asyncio
import time
from datetime import datetime, timedelta
from itertools import islice

from triage.config import Config
from triage.desk.precedents import CANDIDATES, Precedents, precedents_among
from triage.desk.rating import Rated, Rater
from triage.desk.station import Station
from triage.desk.summary import Summary, summarise
from triage.desk.tally import Tally
from triage.desk.timeliness import SLACK_S, Clock
from triage.model.decision import OPEN_STATES, REOPENING_STATES, DeliveryState
from triage.model.endpoint import Health, HealthState
from triage.model.filtering import Subject
from triage.model.item import Item
from triage.store.errors import StoreError
from triage.store.log import Event, Log, Record
from triage.store.queue import Entry, Outline, Queue

__all__ = ["ENDED_SHOWN_S", "Looking", "came_after", "is_snoozed"]

ENDED_SHOWN_S = 60.0
"""How long an ended delivery is still listed."""
READ_AGAIN_AT_ONCE = 20
"""So many entries that could not be read are tried again at a time."""


class Looking:
    """The part of the desk that shows what is so."""

    config: Config
    operator: str
    queue: Queue
    log: Log
    clock: Clock
    rater: Rater
    _tally: Tally
    _uncounted: set[str]
    _unread: dict[str, str]
    _ended: dict[str, float]
    _stations: dict[str, Station]
    _unusable: dict[str, str]

    def summary(self) -> Summary:
        """How things stand, in a few numbers."""
        health = [self._health_of(name) for name in self.config.endpoints]
        self._uncounted |= self._tally.asleep
        while self._uncounted:
            self._count_some(len(self._uncounted))
        return summarise(self._tally, self.log.open_records(), health, self.log.paused())

    def _count_some(self, most: int) -> None:
        """Count of what has changed as many as that."""
        some = {self._uncounted.pop() for _ in range(min(most, len(self._uncounted)))}
        self._tally.take((item_id, self.queue.outline(item_id)) for item_id in some)

    def entries(self) -> list[Entry]:
        """All in the queue: waiting, decided, and tombstones."""
        return list(self.queue.entries())

    def entry(self, item_id: str) -> Entry | None:
        """One of them, by its whole id; None, too, where it cannot be read just now: ``trouble`` then says so."""
        try:
            found = self.queue.get(item_id)
        except StoreError as error:
            self._unread[item_id] = str(error)
            return None
        self._unread.pop(item_id, None)
        return found

    def _read_again(self) -> set[str]:
        """Try to read what could not be read; the ids of what now can."""
        some = list(islice(self._unread, READ_AGAIN_AT_ONCE))
        for item_id in some:
            self.entry(item_id)
        return {item_id for item_id in some if item_id not in self._unread}

    def waiting(self) -> list[Entry]:
        """What wants a decision now: neither gone, nor decided, nor snoozed."""
        now = self.clock.now().wall
        return [entry for entry in self.queue.entries() if self.is_waiting(entry, now)]

    def is_waiting(self, entry: Entry, now: datetime) -> bool:
        """Whether ``entry`` wants a decision at ``now``."""
        return entry.gone is None and not self.is_decided(entry.item.id) and not is_snoozed(entry, now)

    def waits(self, item_id: str, outline: Outline, now: datetime) -> bool:
        """The same of an entry in outline."""
        return not (outline.gone or self.is_decided(item_id) or self.sleeps(item_id, outline, now))

    def sleeps(self, item_id: str, outline: Outline, now: datetime) -> bool:
        """Whether the operators put an item off at ``now``."""
        entry = self.entry(item_id) if outline.marked else None
        return entry is not None and is_snoozed(entry, now)

    def is_decided(self, item_id: str) -> bool:
        """Whether a decision on the item stands, whatever became of its delivery."""
        record = self.log.standing(item_id)
        return record is not None and record.state not in REOPENING_STATES

    def risk_of(self, entry: Entry) -> Rated:
        """How much harm a wrong decision on the item does, and who says so."""
        return self.rater.rate(entry)

    def subject(self, entry: Entry, *, new: bool = False) -> Subject:
        """The entry as filters and orders see it. ``new``: it came since the operator last looked."""
        marks, record = entry.marks, self.record(entry.item.id)
        now = self.clock.now().wall
        return Subject(
            item=entry.item,
            now=now,
            operator=self.operator,
            claimed_by=marks.claimed_by,
            snoozed=is_snoozed(entry, now),
            escalated=bool(marks.escalated_to),
            new=new,
            changed=entry.previous is not None,
            gone=entry.gone is not None,
            state=record.state if record else None,
            seen_at=entry.seen_at,
            risk=self.risk_of(entry).risk,
        )

    def find(self, prefix: str) -> Entry:
        """The entry whose id begins with ``prefix``. Raises LookupError, in words, for none or several."""
        exact = self.queue.get(prefix)
        if exact is not None:
            return exact
        found = [item_id for item_id in self.queue.ids() if item_id.startswith(prefix)] if prefix else []
        if not found:
            raise LookupError(f"no item here has an id that begins with {prefix!r}; `triage list` names them")
        if len(found) > 1:
            raise LookupError(
                f"{prefix!r} begins {len(found)} ids: {', '.join(sorted(found)[:5])}; give more of it"
            )
        entry = self.queue.get(found[0])
        if entry is None:
            raise LookupError(f"{found[0]} has just left the queue")
        return entry

    def record(self, item_id: str) -> Record | None:
        """The last decision on an item."""
        return self.log.standing(item_id)

    def deliveries(self) -> list[Record]:
        """Open deliveries, and those that ended here within the last minute, oldest first."""
        limit_s = time.monotonic() - ENDED_SHOWN_S
        self._ended = {key: at_s for key, at_s in self._ended.items() if at_s >= limit_s}
        ended = [record for key in self._ended if (record := self.log.record(key)) is not None]
        return sorted((*self.log.open_records(), *ended), key=lambda record: record.seq)

    def sends_under_way(self) -> int:
        """How many requests that carry a decision are not answered yet; ``stop`` waits for them."""
        return sum(station.deliverer.sends_under_way for station in self._stations.values())

    def held_here(self) -> list[Record]:
        """Decisions that are held, and would be sent by this process."""
        return [record for record in self._own_open() if record.state is DeliveryState.HELD]

    def is_stopped(self, record: Record) -> bool:
        """Whether a decision is held for as long as sending is paused."""
        return record.state is DeliveryState.HELD and self.log.is_paused(record.decision.endpoint)

    def held_until(self, decision_id: str) -> float | None:
        """Seconds left to undo a decision; None when it is not held."""
        record = self.log.record(decision_id)
        if record is None or record.state is not DeliveryState.HELD:
            return None
        station = self._stations.get(record.decision.endpoint)
        return station.deliverer.held_left_s(record) if station else record.decision.hold_s

    def wait_reason(self, decision_id: str) -> str:
        """Why a delivery does not go on, in words; empty when it does."""
        record = self.log.record(decision_id)
        if record is None:
            return ""
        station = self._stations.get(record.decision.endpoint)
        if station is None:
            return self._unusable.get(record.decision.endpoint, "its endpoint is no longer configured")
        return station.deliverer.reasons.get(decision_id, "") or station.ownership.stopped()

    def health(self) -> list[Health]:
        """How each endpoint fares, in the configuration's order."""
        return [
            self._health_of(name)
            for name in self.config.endpoints
            if name in self._stations or name in self._unusable
        ]

    def _health_of(self, name: str) -> Health:
        if name in self._unusable:
            return Health(name, HealthState.DENIED, self._unusable[name])
        return self.queue.health(name) or Health(name)

    def next_poll_s(self, endpoint: str) -> float | None:
        """Seconds until the endpoint is polled; None when another process polls it."""
        station = self._stations.get(endpoint)
        if station is None or not station.ownership.held:
            return None
        return max(0.0, station.poller.due_at - asyncio.get_running_loop().time())

    def watched_since(self, endpoint: str) -> datetime | None:
        """From when on whatever comes from an endpoint is new; None: it was not polled yet."""
        station = self._stations.get(endpoint)
        return station.watched_since if station else None

    def paused(self) -> frozenset[str]:
        """Names of endpoints to which nothing is sent; ``*``: to none."""
        return self.log.paused()

    def holder(self, endpoint: str) -> str:
        """Which other process polls and delivers for it; empty when this one does, or nobody."""
        station = self._stations.get(endpoint)
        if station is None or station.ownership.held:
            return ""
        if station.ownership.try_take():
            station.ownership.free()
            return ""
        return station.ownership.holder() or "another process"

    def is_staffed(self, endpoint: str) -> bool:
        """Whether another process's desk, one that stays, polls and delivers for it."""
        return bool(self.holder(endpoint)) and self._stations[endpoint].ownership.other_stays()

    def log_of(self, item_id: str) -> list[Event]:
        """What the log says of one item, oldest first."""
        return list(self.log.events(item_id=item_id))

    def precedents(self, item: Item) -> Precedents:
        """How items much like this one were decided before, and whether it comes again and again."""
        return precedents_among(item, self.log.alike(item, CANDIDATES), self.clock.now().wall)

    def recent(self, count: int) -> list[Record]:
        """The last decisions, newest first."""
        return self.log.recent(count)

    def _own_open(self) -> list[Record]:
        """Open deliveries of endpoints that no other process delivers for."""
        return [
            record
            for name, station in self._stations.items()
            if station.ownership.try_take()
            for record in self.log.open_records(name)
        ]

    def _note_end(self, decision_id: str) -> None:
        record = self.log.record(decision_id)
        if record is not None and record.state not in OPEN_STATES:
            self._ended[decision_id] = time.monotonic()


def is_snoozed(entry: Entry, now: datetime) -> bool:
    """Whether the operators put the item off at ``now``; not until a time, where the clock was set back since."""
    marks = entry.marks
    if marks.snoozed_revision and marks.snoozed_revision == entry.item.revision:
        return True
    set_back = marks.snoozed_at is not None and marks.snoozed_at > now + timedelta(seconds=SLACK_S)
    return marks.snoozed_until is not None and marks.snoozed_until > now and not set_back


def came_after(entry: Entry, since: datetime | None, now: datetime) -> bool:
    """Whether the item came after ``since``, None: never; where the clock was set back it may have, and does."""
    return since is not None and (entry.seen_at > since or since > now)
