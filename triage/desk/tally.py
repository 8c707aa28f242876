"""Which items want a decision, kept up item by item, so that counting 100,000 costs what changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from triage.store.queue import Entry

__all__ = ["Tally"]


class Tally:
    """Counts what waits. ``waits`` says of an entry whether it does; ``snoozed`` whether time alone can change that."""

    def __init__(
        self, waits: Callable[[Entry, datetime], bool], snoozed: Callable[[Entry, datetime], bool]
    ) -> None:
        self._waits = waits
        self._snoozed = snoozed
        self._since: dict[str, tuple[str, datetime]] = {}
        self._asleep: set[str] = set()

    def take(self, pairs: Iterable[tuple[str, Entry | None]]) -> None:
        """Look at these anew: id and entry, None where it has left the queue."""
        now = datetime.now(UTC)
        for item_id, entry in pairs:
            self._since.pop(item_id, None)
            self._asleep.discard(item_id)
            if entry is None:
                continue
            if self._waits(entry, now):
                self._since[item_id] = (entry.item.endpoint, entry.item.created_at or entry.seen_at)
            elif self._snoozed(entry, now):
                self._asleep.add(item_id)

    @property
    def asleep(self) -> frozenset[str]:
        """Ids that time may wake."""
        return frozenset(self._asleep)

    def __len__(self) -> int:
        return len(self._since)

    @property
    def oldest(self) -> datetime | None:
        """When the oldest that waits was made."""
        return min((since for _, since in self._since.values()), default=None)

    def by_endpoint(self) -> dict[str, int]:
        """Endpoint → how many wait there."""
        return dict(Counter(endpoint for endpoint, _ in self._since.values()))
