"""Which items want a decision, kept up item by item, so that counting 100,000 costs what changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime

from triage.desk.timeliness import Clock
from triage.store.queue import Outline

__all__ = ["Tally"]

Says = Callable[[str, Outline, datetime], bool]
"""Told an item's id and outline, and the time."""


class Tally:
    """Counts what waits. ``waits`` says whether an item does; ``snoozed`` whether time alone can change that."""

    def __init__(self, waits: Says, snoozed: Says, clock: Clock) -> None:
        self._waits = waits
        self._snoozed = snoozed
        self._clock = clock
        self._waiting: dict[str, Outline] = {}
        self._by_endpoint: Counter[str] = Counter()
        self._asleep: set[str] = set()
        self._oldest: datetime | None = None
        self._oldest_left = False

    def take(self, pairs: Iterable[tuple[str, Outline | None]]) -> None:
        """Look at these anew: id and outline, None where it has left the queue."""
        now = self._clock.now().wall
        for item_id, outline in pairs:
            self._leave(item_id)
            if outline is None:
                continue
            if self._waits(item_id, outline, now):
                self._enter(item_id, outline)
            elif self._snoozed(item_id, outline, now):
                self._asleep.add(item_id)

    def _leave(self, item_id: str) -> None:
        self._asleep.discard(item_id)
        outline = self._waiting.pop(item_id, None)
        if outline is not None:
            self._by_endpoint[outline.endpoint] -= 1
            self._oldest_left |= outline.since == self._oldest

    def _enter(self, item_id: str, outline: Outline) -> None:
        self._waiting[item_id] = outline
        self._by_endpoint[outline.endpoint] += 1
        if self._oldest is None or outline.since < self._oldest:
            self._oldest = outline.since

    @property
    def asleep(self) -> frozenset[str]:
        """Ids that time may wake."""
        return frozenset(self._asleep)

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def oldest(self) -> datetime | None:
        """When the oldest that waits was made."""
        if self._oldest_left:
            self._oldest = min((outline.since for outline in self._waiting.values()), default=None)
            self._oldest_left = False
        return self._oldest

    def by_endpoint(self) -> dict[str, int]:
        """Endpoint → how many wait there."""
        return {endpoint: count for endpoint, count in self._by_endpoint.items() if count}
