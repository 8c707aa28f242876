"""Retention: what was shown and said in old decisions is erased; that they were taken stays.

First an ``erased`` event says which, then blanks are written over the payloads. A process that is killed
between the two leaves the rest to the next erasing.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import groupby

from triage.store.events import Event, Runs, in_runs
from triage.store.ledger import Ledger, Outline
from triage.store.payloads import Payloads, PayloadState

__all__ = ["decided_in", "due", "half_erased"]


def due(ledger: Ledger, before: datetime) -> tuple[Runs, int]:
    """The decisions older than ``before`` that are over and not erased yet: runs of them, and how many."""

    def is_due(outline: Outline) -> bool:
        return outline.is_over and outline.at < before and not ledger.is_erased(outline.seq)

    runs, count = [], 0
    for chosen, run in groupby(ledger.outlines(), is_due):
        if chosen:
            numbers = [outline.seq for outline in run]
            runs.append((numbers[0], numbers[-1]))
            count += len(numbers)
    return tuple(runs), count


def decided_in(ledger: Ledger, runs: Runs) -> Iterator[Event]:
    """The decisions of these runs."""
    for outline in ledger.outlines():
        if in_runs(runs, outline.seq):
            standing = ledger.get(outline.decision_id)
            if standing is not None:
                yield standing.decided


def half_erased(ledger: Ledger, payloads: Payloads) -> Iterator[Event]:
    """What the last erasing came not to. Raises OSError where that cannot be told."""
    for decided in decided_in(ledger, ledger.last_erased):
        if decided.payload and payloads.state(decided.payload) is not PayloadState.ERASED:
            yield decided
