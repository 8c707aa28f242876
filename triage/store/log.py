"""The decision log: what was decided and what came of it, fsynced before anybody is told.

Several processes share it. Each change is made under one lock, with everything read that others wrote,
so the first decision on an item wins.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from triage.model.decision import (
    REOPENING_STATES,
    TRANSITIONS,
    Decision,
    DeliveryState,
    Receipt,
)
from triage.model.item import Item
from triage.model.likeness import proposal_of
from triage.store.appending import Appender
from triage.store.encoding import encode
from triage.store.erasing import blank, decided_in, due, half_erased
from triage.store.errors import StoreDamaged, StoreUnavailable, SyncFailed, os_words
from triage.store.events import DECIDED, DELIVERY, ERASED, EVERYWHERE, Event, PayloadRef
from triage.store.files import OS, Files
from triage.store.filesystem import refuse_shared
from triage.store.head import HEAD_NAME, HeadFile
from triage.store.ledger import Ledger, Record, Standing
from triage.store.lock import StoreLock, Waiting
from triage.store.payloads import Payload, Payloads, new_payload
from triage.store.segments import REMEDY, Line, Reread, Segments, segment_path

__all__ = ["EVERYWHERE", "AlreadyDecided", "Event", "Log", "Record", "WrongState", "log_directory"]

_REMEMBERED = 1024
_LATELY = 64
"""So many of the last events are remembered; far fewer are ever taken back."""


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
        self._lately: deque[Event] = deque(maxlen=_LATELY)
        self._segments, self._ledger, self._appender = self._unread()
        self._is_sound = False
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

    def alike(self, item: Item, count: int) -> list[Record]:
        """The last decisions on items that propose the same sort of thing, newest first."""
        found = self._ledger.alike(item.endpoint, proposal_of(item))
        return [self._record_of(standing) for standing in islice(found, count)]

    def records(self) -> Iterator[Record]:
        """All decisions, newest first, each made as it is reached."""
        return map(self._record_of, self._ledger.newest())

    def paused(self) -> frozenset[str]:
        """Names of endpoints to which nothing is sent; ``*``: to none."""
        return self._ledger.paused

    def events(self, item_id: str | None = None, since: datetime | None = None) -> Iterator[Event]:
        """What the log says, of one item or of all, oldest first; as far as it was read with ``refresh``."""
        if item_id is None:
            found = self._all_events(self._segments.at.seq)
        else:
            found = map(self._segments.event_at, self._ledger.places(item_id))
        return (event for event in found if since is None or event.at >= since)

    def _all_events(self, through: int) -> Iterator[Event]:
        for line in Segments(self.directory, self._files).read():
            if line.event.seq > through:
                return
            yield line.event

    def payload(self, event: Event) -> Payload | None:
        """What a decision was taken on, and what it says; None where it was erased or there was none."""
        try:
            return None if event.payload is None else self._payloads.read(event.payload)
        except OSError as error:
            raise StoreUnavailable(f"{self.directory} cannot be read: {os_words(error)}.") from error

    def _record_of(self, standing: Standing) -> Record:
        known = self._records.get(standing.decided.decision_id)
        if known is not None and known[0] == standing.last_seq:
            return known[1]
        if known is not None:
            return self._remember(standing, known[1].decision, known[1].item)
        payload = self.payload(standing.decided)
        if payload is None:
            return self._remember(standing, None, None)
        return self._remember(standing, payload.decision, payload.item)

    def _remember(self, standing: Standing, decision: Decision | None, item: Item | None) -> Record:
        if len(self._records) >= _REMEMBERED:
            self._records.clear()
        record = standing.record(decision, item)
        self._records[record.decision.id] = (standing.last_seq, record)
        return record

    def _standing(self, decision_id: str) -> Standing:
        standing = self._ledger.get(decision_id)
        if standing is None:
            raise LookupError(f"no decision {decision_id} is in the log")
        return standing

    # changing

    def decide(self, decision: Decision, item: Item) -> Record:
        """Log a decision; on the disk when this returns.

        Raises AlreadyDecided where another decision on the item stands, StoreUnavailable where it cannot
        be written, ValueError where it cannot be stored or is not one on the item; nothing is decided then.
        """
        if (decision.item_id, decision.endpoint) != (item.id, item.endpoint):
            raise ValueError(f"decision {decision.id} is not one on item {item.id}")
        content = new_payload(decision, item)
        shown = msgspec.structs.replace(item, raw=None)
        with self._changing():
            if self._ledger.get(decision.id) is not None:
                raise ValueError(f"decision {decision.id} is in the log already")
            first = self._ledger.last_of(item.id)
            if first is not None and first.state not in REOPENING_STATES:
                raise AlreadyDecided(self._record_of(first))
            self._append(
                DECIDED,
                at=decision.at,
                item_id=item.id,
                endpoint=item.endpoint,
                decision_id=decision.id,
                operator=decision.operator,
                revision=decision.revision,
                verbs=tuple(verdict.verb for verdict in decision.verdicts),
                proposal=proposal_of(item),
                hold_s=decision.hold_s,
                payload=self._put_payload(content),
            )
            return self._remember(self._standing(decision.id), decision, shown)

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
        """Log the next state of a delivery.

        Raises WrongState where it is not in ``expect``, ValueError where nothing goes from there to ``to``,
        StoreUnavailable where it cannot be written. Text that cannot be stored is replaced, never refused:
        what happened to a delivery must be logged.
        """
        if to not in TRANSITIONS[expect]:
            raise ValueError(f"a delivery does not go from {expect} to {to}")
        with self._changing():
            record = self._record_of(self._standing(decision_id))
            if record.state is not expect:
                raise WrongState(record)
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
                receipt=_storable(receipt),
            )
            return self._remember(self._standing(decision_id), record.decision, record.item)

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
        if type in (DECIDED, DELIVERY):
            raise ValueError(f"{type} has a method of its own")
        with self._changing():
            return self._append(
                type, item_id=item_id, endpoint=endpoint, operator=operator, state=state, detail=detail
            )

    def erase_payloads(self, before: datetime, operator: str = "") -> int:
        """Erase what was shown and said in decisions older than ``before`` whose delivery is over.

        Returns how many were erased; the chain stays whole and says that they were.
        """
        with self._changing():
            self._erase(half_erased(self._ledger, self._payloads))
            runs, count = due(self._ledger, before)
            if runs:
                detail = f"payloads before {before.isoformat()}"
                self._append(ERASED, operator=operator, erased=runs, detail=detail)
                self._erase(decided_in(self._ledger, runs))
        return count

    def _erase(self, events: Iterable[Event]) -> None:
        self._records.clear()
        try:
            blank(self._payloads, events)
        except OSError as error:
            raise StoreUnavailable(
                f"{self.directory} cannot be written: {os_words(error)}. Some payloads are not erased yet."
            ) from error

    @contextlib.contextmanager
    def _changing(self) -> Iterator[None]:
        """The log's lock, with everything read that others wrote, and a segment to append to."""
        with self._lock:
            self._take_in()
            while self._appender.make_ready():
                self._take_in()
            yield

    def _put_payload(self, content: bytes) -> PayloadRef:
        segment = self._segments.at.segment
        try:
            return self._payloads.append(segment, content, self._ledger.payload_end(segment))
        except SyncFailed as error:
            self._appender.distrust(b"")
            cause = error.cause
        except OSError as error:
            cause = error
        raise StoreUnavailable(f"{self.directory} cannot be written: {os_words(cause)}. Nothing was decided.")

    def _append(self, type: str, *, at: datetime | None = None, **fields: Any) -> Event:
        moment = at or datetime.now(UTC)
        fields = {name: _text(value) if isinstance(value, str) else value for name, value in fields.items()}
        line = self._appender.append(lambda seq, previous: Event(seq, previous, type, moment, **fields))
        self._apply(line)
        return line.event

    # reading

    def _take_in(self) -> None:
        """Read what was appended; all anew where lines were taken back that were never acknowledged."""
        if self._is_sound:
            try:
                for line in self._segments.read():
                    self._apply(line)
            except (Reread, StoreDamaged):
                self._is_sound = False
        if not self._is_sound:
            self._read_anew()

    def _apply(self, line: Line) -> None:
        _apply(self._ledger, line, self.directory)
        self._tell(line.event)

    def _tell(self, event: Event) -> None:
        self._untold.append(event)
        self._lately.append(event)

    def _unread(self) -> tuple[Segments, Ledger, Appender]:
        segments = Segments(self.directory, self._files)
        return segments, Ledger(), Appender(segments, self._files)

    def _read_anew(self) -> None:
        segments, ledger, appender = self._unread()
        head = HeadFile(self.directory / HEAD_NAME, self._files).read()
        if head is not None:
            segments.expect(head.stands)
        told = {event.seq: event for event in self._lately}
        newest = max(told, default=0)
        for line in segments.read():
            _apply(ledger, line, self.directory)
            event = line.event
            if event.seq > newest or (event.seq in told and not _is_same(event, told[event.seq])):
                self._tell(event)
        segments.check_end()
        self._segments, self._ledger, self._appender = segments, ledger, appender
        self._records.clear()
        self._is_sound = True


def _text(text: str) -> str:
    """``text`` as it can be stored."""
    return text.encode("utf-8", "replace").decode()


def _storable(receipt: Receipt | None) -> Receipt | None:
    """A receipt as it can be stored; of one that cannot, what settling needs."""
    if receipt is None:
        return None
    try:
        encode(receipt.detail)
    except (ValueError, TypeError, OverflowError) as error:
        return Receipt(_text(receipt.reference), {"not stored": _text(str(error))})
    return Receipt(_text(receipt.reference), receipt.detail)


def _is_same(one: Event, other: Event) -> bool:
    """Whether two events differ in nothing but the line before them."""
    return one == msgspec.structs.replace(other, previous=one.previous)


def _apply(ledger: Ledger, line: Line, directory: Path) -> None:
    try:
        ledger.apply(line.event, line.place)
    except ValueError as error:
        path = segment_path(directory, line.place.segment)
        raise StoreDamaged(path, 0, f"event {line.event.seq}: {error}", REMEDY) from error
