"""What the log's events add up to: where every decision stands, what is paused, what was erased.

Pure: ``Ledger.apply`` takes one event after the other; nothing here reads or writes a file. What the events
up to some point added up to may lie elsewhere, behind ``Past``; the ledger then holds only what came since.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import chain
from typing import NamedTuple, Protocol

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
from triage.model.item import Item
from triage.store.events import DECIDED, DELIVERY, ERASED, EVERYWHERE, Event, Place, Runs, in_runs

__all__ = ["Ledger", "NoPast", "Outline", "Past", "Record", "Standing", "Summary"]


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
    """Where that event lies."""
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


class Outline(NamedTuple):
    """The least that is known of a decision."""

    seq: int
    decision_id: str
    at: datetime
    is_over: bool


class Summary(msgspec.Struct, frozen=True):
    """What is true of the log as a whole."""

    paused: frozenset[str] = frozenset()
    """Endpoints to which nothing is sent; ``*``: to none."""
    erased: Runs = ()
    last_erased: Runs = ()
    """What the last ``erased`` event erased."""


class Past(Protocol):
    """What the events up to one of them added up to."""

    def summary(self) -> Summary:
        """What is true of the log as a whole."""

    def open(self) -> list[Standing]:
        """Deliveries that are not over, in the order they were decided."""

    def get(self, decision_id: str) -> Standing | None:
        """Where a decision stands."""

    def last_of(self, item_id: str) -> Standing | None:
        """The last decision on an item."""

    def newest(self) -> Iterator[Standing]:
        """All decisions, the newest first."""

    def alike(self, endpoint: str, proposal: str) -> Iterator[Standing]:
        """Decisions on the same sort of proposal, the newest first."""

    def outlines(self) -> Iterator[Outline]:
        """All decisions in outline, the oldest first."""

    def places(self, item_id: str) -> list[Place]:
        """Where the lines lie that speak of an item."""


class NoPast:
    """Nothing came before."""

    def summary(self) -> Summary:
        return Summary()

    def open(self) -> list[Standing]:
        return []

    def get(self, decision_id: str) -> Standing | None:
        return None

    def last_of(self, item_id: str) -> Standing | None:
        return None

    def newest(self) -> Iterator[Standing]:
        return iter(())

    def alike(self, endpoint: str, proposal: str) -> Iterator[Standing]:
        return iter(())

    def outlines(self) -> Iterator[Outline]:
        return iter(())

    def places(self, item_id: str) -> list[Place]:
        return []


class Ledger:
    """All decisions by id, by item and by endpoint, and what is paused."""

    def __init__(self, past: Past | None = None) -> None:
        self._past: Past = NoPast() if past is None else past
        summary = self._past.summary()
        self.paused = summary.paused
        """Endpoints to which nothing is sent; ``*``: to none."""
        self.last_erased = summary.last_erased
        """What the last ``erased`` event erased."""
        self._erased = list(summary.erased)
        self._here: dict[str, Standing] = {}
        """Decisions that are open, and those that were taken or changed since the past."""
        self._new: list[str] = []
        """Decisions taken since the past."""
        self._by_item: dict[str, str] = {}
        self._open: dict[str, dict[str, None]] = {}
        self._by_proposal: dict[tuple[str, str], list[str]] = {}
        self._places: dict[str, list[Place]] = {}
        for standing in self._past.open():
            self._here[standing.decided.decision_id] = standing
            self._note_open(standing.decided)

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
        if self.get(event.decision_id) is not None:
            raise ValueError(f"{event.decision_id} was decided before")
        if before is not None and before.state not in REOPENING_STATES:
            raise ValueError(f"item {event.item_id} was decided before, by {before.decided.operator}")
        self._here[event.decision_id] = Standing(event, place, DeliveryState.HELD, event.at, event.seq)
        self._new.append(event.decision_id)
        self._by_item[event.item_id] = event.decision_id
        self._note_open(event)
        self._by_proposal.setdefault((event.endpoint, event.proposal), []).append(event.decision_id)

    def _note_open(self, decided: Event) -> None:
        self._open.setdefault(decided.endpoint, {})[decided.decision_id] = None

    def _delivered(self, event: Event) -> None:
        standing = self.get(event.decision_id)
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

    # looking

    def get(self, decision_id: str) -> Standing | None:
        """Where a decision stands."""
        return self._here.get(decision_id) or self._past.get(decision_id)

    def last_of(self, item_id: str) -> Standing | None:
        """The last decision on an item."""
        decision_id = self._by_item.get(item_id)
        if decision_id is not None:
            return self._here[decision_id]
        past = self._past.last_of(item_id)
        return None if past is None else self._now(past)

    def _now(self, past: Standing) -> Standing:
        return self._here.get(past.decided.decision_id, past)

    def open(self, endpoint: str | None) -> list[Standing]:
        """Deliveries that are not over, of one endpoint or of all, in the order they were decided."""
        if endpoint is not None:
            return [self._here[each] for each in self._open.get(endpoint, ())]
        found = [self._here[each] for ids in self._open.values() for each in ids]
        return sorted(found, key=lambda standing: standing.decided.seq)

    def newest(self) -> Iterator[Standing]:
        """All decisions, the newest first."""
        here = [self._here[each] for each in reversed(self._new)]
        return chain(here, map(self._now, self._past.newest()))

    def alike(self, endpoint: str, proposal: str) -> Iterator[Standing]:
        """Decisions on the same sort of proposal, the newest first."""
        here = [self._here[each] for each in reversed(self._by_proposal.get((endpoint, proposal), ()))]
        return chain(here, map(self._now, self._past.alike(endpoint, proposal)))

    def outlines(self) -> Iterator[Outline]:
        """All decisions in outline, the oldest first."""
        for outline in self._past.outlines():
            here = self._here.get(outline.decision_id)
            yield outline if here is None else _outline(here)
        yield from [_outline(self._here[each]) for each in self._new]

    def places(self, item_id: str) -> list[Place]:
        """Where the lines lie that speak of an item."""
        return sorted({*self._past.places(item_id), *self._places.get(item_id, ())})

    def is_erased(self, seq: int) -> bool:
        """Whether the payload of the decision ``seq`` was erased."""
        return in_runs(self._erased, seq)

    # becoming the past

    def summary(self) -> Summary:
        """What is true of the log as a whole."""
        return Summary(self.paused, tuple(self._erased), self.last_erased)

    def standings(self) -> Iterable[Standing]:
        """Decisions that are open, and those that were taken or changed since the past."""
        return self._here.values()

    def items(self) -> Iterator[tuple[str, Standing | None, list[Place]]]:
        """Items that events since the past spoke of: the last decision among them, and where they lie."""
        for item_id, places in self._places.items():
            decision_id = self._by_item.get(item_id)
            yield item_id, None if decision_id is None else self._here[decision_id], places

    def settle(self, past: Past) -> None:
        """Forget what ``past`` knows by now."""
        self._past = past
        self._here = {id: standing for id, standing in self._here.items() if standing.state in OPEN_STATES}
        self._new.clear()
        self._by_item.clear()
        self._by_proposal.clear()
        self._places.clear()


def _outline(standing: Standing) -> Outline:
    decided = standing.decided
    return Outline(decided.seq, decided.decision_id, decided.at, standing.state not in OPEN_STATES)


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
