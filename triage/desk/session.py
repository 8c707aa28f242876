"""One operator's session in a few figures: what they decided, how fast, what is left, what did not work.

Pure: from the log's records, the times they took, and how the desk stands.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from statistics import median

import msgspec

from triage.desk.summary import Summary
from triage.model.decision import DeliveryState
from triage.store.log import Record

__all__ = ["Session", "session_of"]


class Session(msgspec.Struct, frozen=True):
    """What a console was used for."""

    by_verb: dict[str, int]
    """The verbs of decisions that were not taken back → how many, the most frequent first."""
    taken_back: int
    median_s: float | None
    """Of the seconds from an item's appearing to its decision; None: nothing was measured."""
    held: tuple[str, ...]
    """Titles of what is not sent yet."""
    refused: tuple[str, ...]
    """Titles of what its endpoint refused, or of what was out of date when it was to be sent."""
    unknown: tuple[str, ...]
    """Titles of what nobody knows the outcome of."""
    left: int
    """Items that want a decision."""
    oldest_s: float | None
    """Age of the oldest of them."""

    @property
    def decided(self) -> int:
        """How many decisions were not taken back."""
        return sum(self.by_verb.values())


def session_of(records: Iterable[Record], took_s: Mapping[str, float], summary: Summary) -> Session:
    """The figures.

    Args:
        records: of the session's decisions, as they stand now.
        took_s: decision id → seconds from its item's appearing; those that were not measured are missing.
    """
    all_of_it = list(records)
    standing = [record for record in all_of_it if record.state is not DeliveryState.WITHDRAWN]
    times = [took_s[record.decision.id] for record in standing if record.decision.id in took_s]
    verbs = Counter(record.decision.words for record in standing)

    def titles(*states: DeliveryState) -> tuple[str, ...]:
        return tuple(_title(record) for record in standing if record.state in states)

    return Session(
        by_verb=dict(verbs.most_common()),
        taken_back=len(all_of_it) - len(standing),
        median_s=median(times) if times else None,
        held=titles(DeliveryState.HELD),
        refused=titles(DeliveryState.REFUSED, DeliveryState.STALE),
        unknown=titles(DeliveryState.UNKNOWN),
        left=summary.waiting,
        oldest_s=_age_s(summary.oldest, summary.at),
    )


def _title(record: Record) -> str:
    return record.item.title if record.item else f"item {record.decision.item_id}"


def _age_s(since: datetime | None, now: datetime) -> float | None:
    return max(0.0, (now - since).total_seconds()) if since else None
