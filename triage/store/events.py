"""One line of the log as data, and where it lies."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from triage.model.decision import Receipt
from triage.model.item import Verb

__all__ = ["DECIDED", "DELIVERY", "ERASED", "EVERYWHERE", "Event", "PayloadRef", "Place", "Runs", "in_runs"]

DECIDED = "decided"
DELIVERY = "delivery"
ERASED = "erased"
EVERYWHERE = "*"


Runs = tuple[tuple[int, int], ...]
"""First and last numbers of decisions that follow each other."""


class PayloadRef(msgspec.Struct, frozen=True, omit_defaults=True):
    """An event's payload. The line itself says no more than size and digest: it stands behind its event."""

    size: int
    digest: str
    """SHA-256 of its bytes, hexadecimal."""
    segment: int = 0
    offset: int = 0
    """Where it begins in the segment's file; in format 1, in the file of payloads beside it."""
    inside: bool = False
    """Whether it stands in the segment itself."""

    def at(self, segment: int, offset: int) -> PayloadRef:
        """The same, where the line does not say where it is; it begins at ``offset`` then."""
        return self if self.segment else PayloadRef(self.size, self.digest, segment, offset, True)


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

    def at_place(self, segment: int, behind: int) -> Event:
        """The same, with a payload on its line found; ``behind``: where what the line hashes ends."""
        if self.payload is None:
            return self
        return msgspec.structs.replace(self, payload=self.payload.at(segment, behind + 1))


class Place(NamedTuple):
    """Where a line lies."""

    segment: int
    offset: int
    size: int


def in_runs(runs: Sequence[tuple[int, int]], seq: int) -> bool:
    """Whether one of ``runs``, which are in order, holds the event ``seq``."""
    index = bisect_right(runs, seq, key=lambda run: run[0]) - 1
    return index >= 0 and seq <= runs[index][1]
