"""Retention: what was shown and said in old decisions is erased; that they were taken stays.

First an ``erased`` event says which, then blanks are written over the payloads. A process that is killed
between the two leaves the rest to the next erasing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import groupby

from triage.model.decision import OPEN_STATES
from triage.store.ledger import Event, Ledger, PayloadRef, Standing
from triage.store.payloads import Payloads, PayloadState

__all__ = ["blank", "due_runs", "half_erased"]


def due_runs(ledger: Ledger, before: datetime) -> Iterator[list[Event]]:
    """The decisions older than ``before`` that are over and not erased yet, in runs that hold no other."""

    def is_due(standing: Standing) -> bool:
        decided = standing.decided
        is_over = standing.state not in OPEN_STATES
        return is_over and decided.at < before and not ledger.is_erased(decided.seq)

    for due, run in groupby(ledger.oldest(), is_due):
        if due:
            yield [standing.decided for standing in run]


def half_erased(ledger: Ledger, payloads: Payloads) -> Iterator[Event]:
    """What the last erasing came not to."""
    for decided in (standing.decided for standing in ledger.oldest()):
        was_erased = any(first <= decided.seq <= last for first, last in ledger.last_erased)
        if was_erased and decided.payload and payloads.state(decided.payload) is not PayloadState.ERASED:
            yield decided


def blank(payloads: Payloads, events: Iterable[Event]) -> None:
    """Write blanks over the payloads of ``events``. Raises OSError."""
    by_segment: dict[int, list[PayloadRef]] = {}
    for event in events:
        if event.payload is not None:
            by_segment.setdefault(event.payload.segment, []).append(event.payload)
    for segment, references in by_segment.items():
        payloads.erase(segment, references)
