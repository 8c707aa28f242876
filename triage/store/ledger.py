"""What the log's events add up to: where every decision stands, and what is paused.

Pure: ``Ledger.apply`` takes one event after the other; nothing here reads or writes a file.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

import msgspec

from triage.model.decision import OPEN_STATES, TRANSITIONS, Decision, DeliveryState, Receipt, Verdict
from triage.model.item import Item, Verb

__all__ = ["DECIDED", "DELIVERY", "Event", "Ledger", "PayloadRef", "Place", "Record", "Standing"]

DECIDED = "decided"
DELIVERY = "delivery"
EVERYWHERE = "*"


class PayloadRef(msgspec.Struct, frozen=True):
    """Where an event's payload lies."""

    segment: int
    """Number of the segment beside whose file it is."""
    offset: int
    size: int
    digest: str
    """SHA-256 of those bytes, hexadecimal."""


class Event(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of the log."""

    seq: int
    """Counted from 1 over all segments; the log's order."""
    previous: str
    """SHA-256 of the line before it as it stands on disk, hexadecimal."""
    type: str
    """``decided``, ``delivery``, ``gone``, ``noted``, ``repaired``, ``paused``, ``resumed``, ``erased``,
    ``recovered``."""
    at: datetime
    item_id: str = ""
    endpoint: str = ""
    decision_id: str = ""
    operator: str = ""
    state: str = ""
    """Of a delivery: the state it reached; of an item that is gone: the reason."""
    detail: str = ""
    effect: str = ""
    note: str = ""
    revision: str = ""
    verbs: tuple[Verb, ...] = ()
    hold_s: float = 0.0
    receipt: Receipt | None = None
    payload: PayloadRef | None = None
    through: int = 0
    """Of ``erased``: payloads of events up to this number were erased."""


class Place(NamedTuple):
    """Where a line lies."""

    segment: int
    offset: int
    size: int


class Record(msgspec.Struct, frozen=True):
    """One decision and how its delivery goes."""

    decision: Decision
    item: Item | None
    """The item as it was shown, without its raw form; None where that was erased."""
    state: DeliveryState
    seq: int
    """Number of the event that decided."""
    changed_at: datetime
    detail: str = ""
    effect: str = ""
    note: str = ""
    receipt: Receipt | None = None


class Standing(msgspec.Struct):
    """Where a decision stands; ``record`` makes what others see of it."""

    decided: Event
    place: Place
    state: DeliveryState
    changed_at: datetime
    last_seq: int
    detail: str = ""
    effect: str = ""
    note: str = ""
    receipt: Receipt | None = None

    def record(self, decision: Decision | None, item: Item | None) -> Record:
        """The record, with what was read from the payload; without it only what the event itself says."""
        return Record(
            decision or _bare(self.decided),
            item,
            self.state,
            self.decided.seq,
            self.changed_at,
            self.detail,
            self.effect,
            self.note,
            self.receipt,
        )


class Ledger:
    """All decisions by id, by item and by endpoint, and what is paused."""

    def __init__(self) -> None:
        self._by_id: dict[str, Standing] = {}
        self._by_item: dict[str, str] = {}
        self._open: dict[str, dict[str, None]] = {}
        self._places: dict[str, list[Place]] = {}
        self.paused: frozenset[str] = frozenset()
        """Endpoints to which nothing is sent; ``*``: to none."""
        self.erased_through = 0
        """Payloads of events up to this number were erased."""

    def apply(self, event: Event, place: Place) -> None:
        """Take in the next event. Raises ValueError where it cannot follow what was before."""
        if event.type == DECIDED:
            self._decided(event, place)
        elif event.type == DELIVERY:
            self._delivered(event)
        elif event.type == "paused":
            self.paused |= {event.endpoint}
        elif event.type == "resumed":
            self.paused = frozenset() if event.endpoint == EVERYWHERE else self.paused - {event.endpoint}
        elif event.type == "erased":
            self.erased_through = max(self.erased_through, event.through)
        if event.item_id:
            self._places.setdefault(event.item_id, []).append(place)

    def _decided(self, event: Event, place: Place) -> None:
        self._by_id[event.decision_id] = Standing(event, place, DeliveryState.HELD, event.at, event.seq)
        self._by_item[event.item_id] = event.decision_id
        self._open.setdefault(event.endpoint, {})[event.decision_id] = None

    def _delivered(self, event: Event) -> None:
        standing = self._by_id.get(event.decision_id)
        state = DeliveryState(event.state)
        if standing is None:
            raise ValueError(f"it delivers {event.decision_id}, which nobody decided")
        if state not in TRANSITIONS[standing.state]:
            raise ValueError(f"{event.decision_id} cannot go from {standing.state} to {state}")
        standing.state = state
        standing.changed_at = event.at
        standing.last_seq = event.seq
        standing.detail, standing.effect = event.detail, event.effect
        standing.note = event.note or standing.note
        standing.receipt = event.receipt or standing.receipt
        if state not in OPEN_STATES:
            self._open[standing.decided.endpoint].pop(event.decision_id, None)

    def get(self, decision_id: str) -> Standing | None:
        """Where a decision stands."""
        return self._by_id.get(decision_id)

    def last_of(self, item_id: str) -> Standing | None:
        """The last decision on an item."""
        decision_id = self._by_item.get(item_id)
        return None if decision_id is None else self._by_id[decision_id]

    def open(self, endpoint: str | None) -> list[Standing]:
        """Deliveries that are not over, of one endpoint or of all, in the order they were decided."""
        if endpoint is not None:
            return [self._by_id[each] for each in self._open.get(endpoint, ())]
        found = [self._by_id[each] for ids in self._open.values() for each in ids]
        return sorted(found, key=lambda standing: standing.decided.seq)

    def newest(self) -> Iterator[Standing]:
        """All decisions, the newest first."""
        return reversed(self._by_id.values())

    def places(self, item_id: str) -> list[Place]:
        """Where the lines lie that speak of an item."""
        return self._places.get(item_id, [])


def _bare(event: Event) -> Decision:
    """What is left of a decision whose payload is gone: who, when, what, with which verbs."""
    return Decision(
        id=event.decision_id,
        item_id=event.item_id,
        endpoint=event.endpoint,
        revision=event.revision,
        verdicts=tuple(Verdict(verb) for verb in event.verbs),
        operator=event.operator,
        at=event.at,
        hold_s=event.hold_s,
    )
