"""How the most alike items were decided before, and whether an agent goes round in circles."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import msgspec

from triage.model.decision import REOPENING_STATES
from triage.model.item import Item, Verb
from triage.model.likeness import likeness
from triage.store.log import Record

__all__ = ["CANDIDATES", "Precedent", "Precedents", "precedents_among"]

CANDIDATES = 200
"""The newest decisions of the same sort that are compared."""
SHOWN = 5
SAME = 0.999
"""From this likeness on, it is the same question again."""
LOOP_COUNT = 3
LOOP_S = 15 * 60
_WORDS = {
    Verb.APPROVE: "approved",
    Verb.EDIT: "approved with edits",
    Verb.REJECT: "rejected",
    Verb.RESPOND: "answered",
    Verb.IGNORE: "ignored",
    Verb.CLOSE: "closed",
}


class Precedent(msgspec.Struct, frozen=True):
    """One decision on an item much like this one."""

    record: Record
    likeness: float
    """0 to 1."""


class Precedents(msgspec.Struct, frozen=True):
    """What was decided before of the same sort."""

    nearest: tuple[Precedent, ...] = ()
    """The most alike, the most alike first; of equals the newest."""
    asked_before: str = ""
    """Of the very same proposal, in words: ``rejected 3 times, approved once``; empty: never asked."""
    loop: str = ""
    """The same proposed again and again within minutes, in words; empty: it is not."""


def precedents_among(item: Item, records: Iterable[Record], now: datetime) -> Precedents:
    """What ``records`` (newest first, of the same sort) say about ``item``."""
    others = [record for record in records if record.item is not None and record.item.id != item.id]
    compared = [Precedent(record, likeness(item, record.item)) for record in others if record.item]
    decided = [one for one in compared if one.record.state not in REOPENING_STATES]
    same = [one.record for one in decided if one.likeness >= SAME]
    nearest = heapq.nlargest(SHOWN, decided, key=lambda one: (one.likeness, one.record.seq))
    return Precedents(tuple(nearest), _asked_before(same), _loop(compared, now))


def _asked_before(same: Sequence[Record]) -> str:
    counts = Counter(_WORDS[record.decision.verb] for record in same)
    return ", ".join(f"{word} {_times(count)}" for word, count in counts.most_common())


def _loop(compared: Sequence[Precedent], now: datetime) -> str:
    """How often the same came lately, this time included; by the clock, as far as that may be set back."""
    lately = [
        one.record.decision.at
        for one in compared
        if one.likeness >= SAME and abs(now - one.record.decision.at) <= timedelta(seconds=LOOP_S)
    ]
    if len(lately) + 1 < LOOP_COUNT:
        return ""
    minutes = max(1, round((max(now, *lately) - min(now, *lately)).total_seconds() / 60))
    return f"the same was proposed {len(lately) + 1} times within {minutes} min"


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")
