"""What the log's events add up to: where every decision stands, what is paused, what was erased.

Pure: ``Ledger.apply`` takes one event after the other; nothing here reads or writes a file.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

import msgspec

from triage.model.decision import (
    OPEN_STATES,
    REOPENING_STATES,
    TRANSITIONS,
    Decision,
    DeliveryState,
    Receipt,
    Verdict,
)
from triage.model.item import Item, Verb

__all__ = [
    "DECIDED",
    "DELIVERY",
    "ERASED",
    "EVERYWHERE",
    "Event",
    "Ledger",
    "PayloadRef",
    "Place",
    "Record",
    "Standing",
]

DECIDED = "decided"
DELIVERY = "delivery"
ERASED = "erased"
EVERYWHERE = "*"


Runs = tuple[tuple[int, int], ...]
"""First and last numbers of decisions that follow each other."""


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
    """SHA-256 of the line before it as it stands on disk, hexadecimal; half-written ones do not count."""
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
    proposal: str = ""
    """Of ``decided``: what sort of thing was proposed, see ``likeness.proposal_of``."""
    hold_s: float = 0.0
    receipt: Receipt | None = None
    payload: PayloadRef | None = None
    erased: Runs = ()
    """Of ``erased``: the decisions whose payloads are erased."""
    torn: str = ""
    """Of ``recovered``: SHA-256 of the half-written lines before it, with their ends."""


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
        self._by_proposal: dict[tuple[str, str], list[str]] = {}
        self._places: dict[str, list[Place]] = {}
        self.paused: frozenset[str] = frozenset()
        """Endpoints to which nothing is sent; ``*``: to none."""
        self.last_erased: Runs = ()
        """What the last ``erased`` event erased."""
        self._erased: list[tuple[int, int]] = []
        self._payload_end = (0, 0)

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
        elif event.type == ERASED:
            self.last_erased = event.erased
            self._erased = sorted((*self._erased, *event.erased))
        if event.item_id:
            self._places.setdefault(event.item_id, []).append(place)

    def _decided(self, event: Event, place: Place) -> None:
        before = self.last_of(event.item_id)
        if event.decision_id in self._by_id:
            raise ValueError(f"{event.decision_id} was decided before")
        if before is not None and before.state not in REOPENING_STATES:
            raise ValueError(f"item {event.item_id} was decided before, by {before.decided.operator}")
        self._by_id[event.decision_id] = Standing(event, place, DeliveryState.HELD, event.at, event.seq)
        self._by_item[event.item_id] = event.decision_id
        self._open.setdefault(event.endpoint, {})[event.decision_id] = None
        self._by_proposal.setdefault((event.endpoint, event.proposal), []).append(event.decision_id)
        if event.payload is not None:
            self._payload_end = (event.payload.segment, event.payload.offset + event.payload.size)

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

    def oldest(self) -> Iterator[Standing]:
        """All decisions, the oldest first."""
        return iter(self._by_id.values())

    def alike(self, endpoint: str, proposal: str) -> Iterator[Standing]:
        """Decisions on the same sort of proposal, the newest first."""
        return (self._by_id[each] for each in reversed(self._by_proposal.get((endpoint, proposal), ())))

    def newest(self) -> Iterator[Standing]:
        """All decisions, the newest first."""
        return reversed(self._by_id.values())

    def payload_end(self, segment: int) -> int:
        """Where the payloads of a segment end that an event names, if it has the newest of all."""
        newest, end = self._payload_end
        return end if newest == segment else 0

    def is_erased(self, seq: int) -> bool:
        """Whether the payload of the decision ``seq`` was erased."""
        index = bisect_right(self._erased, seq, key=lambda run: run[0]) - 1
        return index >= 0 and seq <= self._erased[index][1]

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
