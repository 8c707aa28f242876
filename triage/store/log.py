"""The decision log: what was decided and what came of it, fsynced before anybody is told.

Several processes share it. Each change is made under one lock, with everything read that others wrote,
so the first decision on an item wins.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from triage.model.decision import OPEN_STATES, REOPENING_STATES, Decision, DeliveryState, Receipt
from triage.model.item import Item
from triage.store.errors import StoreDamaged, StoreUnavailable, os_words
from triage.store.files import OS, Files
from triage.store.filesystem import refuse_shared
from triage.store.ledger import DECIDED, DELIVERY, EVERYWHERE, Event, Ledger, Place, Record, Standing
from triage.store.lock import StoreLock, Waiting
from triage.store.payloads import Payload, Payloads, new_payload
from triage.store.segments import REMEDY, Line, Reread, Segments, segment_path

__all__ = ["EVERYWHERE", "AlreadyDecided", "Event", "Log", "Record", "WrongState", "log_directory"]

_REMEMBERED = 1024


class AlreadyDecided(Exception):
    """Somebody was first; ``record`` is their decision."""

    def __init__(self, record: Record) -> None:
        decision = record.decision
        at = decision.at.astimezone().strftime("%Y-%m-%d %H:%M:%S")
        super().__init__(f"{decision.operator} decided it first, at {at}: {decision.words}, {record.state}")
        self.record = record


class WrongState(Exception):
    """A delivery is not in the state it was thought to be in; ``record`` says where it is."""

    def __init__(self, record: Record) -> None:
        super().__init__(f"the delivery is {record.state} already")
        self.record = record


def log_directory(data: Path) -> Path:
    """Where the log lies in a data directory."""
    return data / "log"


class Log:
    """The log in the data directory ``data``. Raises the errors of ``store.errors``."""

    def __init__(self, data: Path, *, files: Files = OS, waiting: Waiting | None = None) -> None:
        refuse_shared(data)
        self.directory = log_directory(data)
        self._files = files
        self._lock = StoreLock(data / "log.lock", waiting=waiting)
        self._payloads = Payloads(self.directory, files)
        self._records: dict[str, tuple[int, Record]] = {}
        self._untold: list[Event] = []
        self._read_anew()
        self._untold.clear()

    def close(self) -> None:
        """Nothing is held open between two calls."""

    # looking

    def refresh(self) -> list[Event]:
        """What was logged since this was last asked, by this process and others, oldest first."""
        self._take_in()
        told, self._untold = self._untold, []
        return told

    def record(self, decision_id: str) -> Record | None:
        """A decision and how its delivery goes."""
        standing = self._ledger.get(decision_id)
        return None if standing is None else self._record_of(standing)

    def standing(self, item_id: str) -> Record | None:
        """The last decision on an item."""
        standing = self._ledger.last_of(item_id)
        return None if standing is None else self._record_of(standing)

    def open_records(self, endpoint: str | None = None) -> list[Record]:
        """Deliveries that are not over, of one endpoint or of all, in the order they were decided."""
        return [self._record_of(standing) for standing in self._ledger.open(endpoint)]

    def recent(self, count: int) -> list[Record]:
        """The last decisions, newest first."""
        return [self._record_of(standing) for standing in islice(self._ledger.newest(), count)]

    def records(self) -> Iterator[Record]:
        """All decisions, newest first, each made as it is reached."""
        return map(self._record_of, self._ledger.newest())

    def paused(self) -> frozenset[str]:
        """Names of endpoints to which nothing is sent; ``*``: to none."""
        return self._ledger.paused

    def events(self, item_id: str | None = None, since: datetime | None = None) -> Iterator[Event]:
        """What the log says, of one item or of all, oldest first."""
        if item_id is not None:
            found = (self._segments.event_at(place) for place in self._ledger.places(item_id))
        else:
            found = (line.event for line in Segments(self.directory, self._files).read())
        return (event for event in found if since is None or event.at >= since)

    def payload(self, event: Event) -> Payload | None:
        """What a decision was taken on, and what it says; None where it was erased or there was none."""
        return None if event.payload is None else self._payloads.read(event.payload)

    def _record_of(self, standing: Standing) -> Record:
        decision_id = standing.decided.decision_id
        known = self._records.get(decision_id)
        if known is not None and known[0] == standing.last_seq:
            return known[1]
        payload = self.payload(standing.decided) if known is None else None
        if known is not None:
            record = standing.record(known[1].decision, known[1].item)
        else:
            record = standing.record(payload.decision if payload else None, payload.item if payload else None)
        if len(self._records) >= _REMEMBERED:
            self._records.clear()
        self._records[decision_id] = (standing.last_seq, record)
        return record

    # changing

    def decide(self, decision: Decision, item: Item) -> Record:
        """Log a decision; on the disk when this returns.

        Raises AlreadyDecided where another decision on the item stands, StoreUnavailable where it cannot
        be written, ValueError where the item cannot be stored; nothing is decided then.
        """
        content = new_payload(decision, item)
        with self._lock:
            self._take_in()
            first = self._ledger.last_of(item.id)
            if first is not None and first.state not in REOPENING_STATES:
                raise AlreadyDecided(self._record_of(first))
            self._segments.make_ready()
            try:
                reference = self._payloads.append(self._segments.number, content)
            except OSError as error:
                raise StoreUnavailable(
                    f"{self.directory} cannot be written: {os_words(error)}. Nothing was decided."
                ) from error
            self._append(
                DECIDED,
                at=decision.at,
                item_id=item.id,
                endpoint=item.endpoint,
                decision_id=decision.id,
                operator=decision.operator,
                revision=decision.revision,
                verbs=tuple(verdict.verb for verdict in decision.verdicts),
                hold_s=decision.hold_s,
                payload=reference,
            )
        return self._known(decision.id)

    def advance(
        self,
        decision_id: str,
        to: DeliveryState,
        *,
        expect: DeliveryState,
        operator: str = "",
        note: str = "",
        detail: str = "",
        effect: str = "",
        receipt: Receipt | None = None,
    ) -> Record:
        """Log the next state of a delivery. Raises WrongState where it is not in ``expect``."""
        with self._lock:
            self._take_in()
            record = self._known(decision_id)
            if record.state is not expect:
                raise WrongState(record)
            self._segments.make_ready()
            self._append(
                DELIVERY,
                item_id=record.decision.item_id,
                endpoint=record.decision.endpoint,
                decision_id=decision_id,
                state=to.value,
                operator=operator,
                note=note,
                detail=detail,
                effect=effect,
                receipt=receipt,
            )
        return self._known(decision_id)

    def append(
        self,
        type: str,
        *,
        item_id: str = "",
        endpoint: str = "",
        operator: str = "",
        state: str = "",
        detail: str = "",
    ) -> Event:
        """Log what is neither a decision nor a delivery, for instance ``gone`` or ``paused``."""
        with self._lock:
            self._take_in()
            self._segments.make_ready()
            return self._append(
                type, item_id=item_id, endpoint=endpoint, operator=operator, state=state, detail=detail
            )

    def erase_payloads(self, before: datetime, operator: str = "") -> int:
        """Erase what was shown and said in decisions older than ``before`` whose delivery is over.

        Returns how many were erased; the chain stays whole and says that they were.
        """
        with self._lock:
            self._take_in()
            old = [
                each
                for each in self._ledger.newest()
                if each.decided.at < before and each.state not in OPEN_STATES
            ]
            whole = [each.decided for each in old if self.payload(each.decided) is not None]
            if not whole:
                return 0
            through = max(event.seq for event in whole)
            if through > self._ledger.erased_through:
                self._segments.make_ready()
                self._append(
                    "erased",
                    operator=operator,
                    through=through,
                    detail=f"payloads before {before.isoformat()}",
                )
            self._erase(whole)
        return len(whole)

    def _erase(self, events: list[Event]) -> None:
        by_segment: dict[int, list[Any]] = {}
        for event in events:
            assert event.payload is not None  # noqa: S101 - only those with a payload were chosen
            by_segment.setdefault(event.payload.segment, []).append(event.payload)
        try:
            for segment, references in by_segment.items():
                self._payloads.erase(segment, references)
        except OSError as error:
            raise StoreUnavailable(
                f"{self.directory} cannot be written: {os_words(error)}. Some payloads are not erased yet."
            ) from error
        for event in events:
            self._records.pop(event.decision_id, None)

    def _append(self, type: str, *, at: datetime | None = None, **fields: Any) -> Event:
        moment = at or datetime.now(UTC)
        line = self._segments.append(lambda seq, previous: Event(seq, previous, type, moment, **fields))
        self._apply(line)
        return line.event

    def _known(self, decision_id: str) -> Record:
        record = self.record(decision_id)
        if record is None:
            raise LookupError(f"no decision {decision_id} is in the log")
        return record

    # reading

    def _take_in(self) -> None:
        try:
            for line in self._segments.read():
                self._apply(line)
        except Reread:
            self._read_anew()

    def _read_anew(self) -> None:
        self._segments = Segments(self.directory, self._files)
        self._ledger = Ledger()
        self._records.clear()
        for line in self._segments.read():
            self._apply(line)

    def _apply(self, line: Line) -> None:
        try:
            self._ledger.apply(line.event, line.place)
        except ValueError as error:
            raise _inconsistent(self.directory, line.place, line.event, error) from error
        self._untold.append(line.event)


def _inconsistent(directory: Path, place: Place, event: Event, error: ValueError) -> StoreDamaged:
    return StoreDamaged(segment_path(directory, place.segment), 0, f"event {event.seq}: {error}", REMEDY)
