"""The decision log: what was decided and what came of it, fsynced before anybody is told.

Several processes share it. Each change is made under one lock, with everything read that others wrote,
so the first decision on an item wins.
"""

from __future__ import annotations

import contextlib
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
from triage.store.encoding import encode
from triage.store.erasing import decided_in, due, half_erased
from triage.store.errors import StoreUnavailable, SyncFailed, os_words
from triage.store.events import DECIDED, DELIVERY, ERASED, EVERYWHERE, Event
from triage.store.files import OS, Files
from triage.store.filesystem import refuse_shared
from triage.store.ledger import Record, Standing
from triage.store.lock import StoreLock, Waiting
from triage.store.payloads import Payload, Payloads, new_payload, reference
from triage.store.reader import Reader
from triage.store.segments import Segments

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
        self._reader = Reader(self.directory, files)

    def close(self) -> None:
        """Give files back; what is asked afterwards opens them again."""
        self._reader.close()

    # looking

    def refresh(self) -> list[Event]:
        """What was logged since this was last asked, by this process and others, oldest first."""
        self._take_in()
        self._reader.save(times=2)  # whoever writes does so earlier
        return self._reader.told()

    def record(self, decision_id: str) -> Record | None:
        """A decision and how its delivery goes."""
        standing = self._reader.ledger.get(decision_id)
        return None if standing is None else self._record_of(standing)

    def standing(self, item_id: str) -> Record | None:
        """The last decision on an item."""
        standing = self._reader.ledger.last_of(item_id)
        return None if standing is None else self._record_of(standing)

    def open_records(self, endpoint: str | None = None) -> list[Record]:
        """Deliveries that are not over, of one endpoint or of all, in the order they were decided."""
        return [self._record_of(standing) for standing in self._reader.ledger.open(endpoint)]

    def recent(self, count: int) -> list[Record]:
        """The last decisions, newest first."""
        return [self._record_of(standing) for standing in islice(self._reader.ledger.newest(), count)]

    def alike(self, item: Item, count: int) -> list[Record]:
        """The last decisions on items that propose the same sort of thing, newest first."""
        found = self._reader.ledger.alike(item.endpoint, proposal_of(item))
        return [self._record_of(standing) for standing in islice(found, count)]

    def records(self) -> Iterator[Record]:
        """All decisions, newest first, each made as it is reached."""
        return map(self._record_of, self._reader.ledger.newest())

    def paused(self) -> frozenset[str]:
        """Names of endpoints to which nothing is sent; ``*``: to none."""
        return self._reader.ledger.paused

    def is_paused(self, endpoint: str) -> bool:
        """Whether nothing is sent to an endpoint."""
        return not self.paused().isdisjoint((EVERYWHERE, endpoint))

    def events(self, item_id: str | None = None, since: datetime | None = None) -> Iterator[Event]:
        """What the log says, of one item or of all, oldest first; as far as it was read with ``refresh``."""
        if item_id is None:
            found = self._all_events(self._reader.segments.at.seq)
        else:
            found = map(self._reader.segments.event_at, self._reader.ledger.places(item_id))
        return (event for event in found if since is None or event.at >= since)

    def _all_events(self, through: int) -> Iterator[Event]:
        for line in Segments(self.directory, self._files).read():
            if line.event.seq > through:
                return
            yield line.event

    def payload(self, event: Event) -> Payload | None:
        """What a decision was taken on, and what it says; None where it was erased or there was none."""
        if event.payload is None or self._reader.ledger.is_erased(event.seq):
            return None
        try:
            return self._payloads.read(event.payload)
        except OSError as error:
            raise StoreUnavailable(f"{self.directory} cannot be read: {os_words(error)}.") from error

    def _record_of(self, standing: Standing) -> Record:
        last_seq, known = self._records.get(standing.decided.decision_id, (0, None))
        if known is None or self._reader.ledger.is_erased(standing.decided.seq):
            payload = self.payload(standing.decided)
            shown = (None, None) if payload is None else (payload.decision, payload.item)
            return self._remember(standing, *shown)
        if last_seq == standing.last_seq:
            return known
        return self._remember(standing, known.decision, known.item)

    def _remember(self, standing: Standing, decision: Decision | None, item: Item | None) -> Record:
        if len(self._records) >= _REMEMBERED:
            self._records.clear()
        record = standing.record(decision, item)
        self._records[record.decision.id] = (standing.last_seq, record)
        return record

    def _standing(self, decision_id: str) -> Standing:
        standing = self._reader.ledger.get(decision_id)
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
            if self._reader.ledger.get(decision.id) is not None:
                raise ValueError(f"decision {decision.id} is in the log already")
            first = self._reader.ledger.last_of(item.id)
            if first is not None and first.state not in REOPENING_STATES:
                raise AlreadyDecided(self._record_of(first))
            self._append(
                DECIDED,
                content,
                at=decision.at,
                item_id=item.id,
                endpoint=item.endpoint,
                decision_id=decision.id,
                operator=decision.operator,
                revision=decision.revision,
                verbs=tuple(verdict.verb for verdict in decision.verdicts),
                proposal=proposal_of(item),
                hold_s=decision.hold_s,
                payload=reference(content),
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
            self._erase(half_erased(self._reader.ledger, self._payloads))
            runs, count = due(self._reader.ledger, before)
            if runs:
                detail = f"payloads before {before.isoformat()}"
                self._append(ERASED, operator=operator, erased=runs, detail=detail)
                self._erase(decided_in(self._reader.ledger, runs))
        return count

    def _erase(self, events: Iterable[Event]) -> None:
        self._records.clear()
        try:
            self._payloads.erase(event.payload for event in events if event.payload is not None)
            return
        except SyncFailed as error:
            self._reader.appender.distrust(b"")
            cause = error.cause
        except OSError as error:
            cause = error
        raise StoreUnavailable(
            f"{self.directory} cannot be written: {os_words(cause)}. Some payloads are not erased yet."
        )

    @contextlib.contextmanager
    def _changing(self) -> Iterator[None]:
        """The log's lock, with everything read that others wrote, and a segment to append to."""
        with self._lock:
            self._take_in()
            while self._reader.appender.make_ready():
                self._take_in()
            yield
        self._reader.save()

    def _take_in(self) -> None:
        if self._reader.take_in():
            self._records.clear()

    def _append(self, type: str, content: bytes = b"", *, at: datetime | None = None, **fields: Any) -> Event:
        moment = at or datetime.now(UTC)
        fields = {name: _text(value) if isinstance(value, str) else value for name, value in fields.items()}
        line = self._reader.appender.append(
            lambda seq, previous: Event(seq, previous, type, moment, **fields), content
        )
        self._reader.apply(line)
        return line.event


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
