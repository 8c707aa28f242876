"""The rows of the list: which items are shown, in which order, kept up item by item.

Nothing here draws. The order is kept by bisection, so that one changed item among 100,000 costs
microseconds and the list never has to be sorted anew for it.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, overload

if TYPE_CHECKING:
    from triage.store.queue import Entry

__all__ = ["Rows", "SortKey", "came_at"]

SortKey = Callable[["Entry"], tuple[Any, ...]]


def came_at(entry: Entry) -> datetime:
    """When the item was made, or first seen where its endpoint does not say."""
    return entry.item.created_at or entry.seen_at


class Rows(Sequence[str]):
    """Item ids in order."""

    def __init__(self, key: SortKey, *, reverse: bool = False) -> None:
        self._key = key
        self._reverse = reverse
        self._order: list[tuple[tuple[Any, ...], str]] = []
        self._keys: dict[str, tuple[Any, ...]] = {}

    def fill(self, entries: Iterable[Entry]) -> None:
        """Begin anew with ``entries``."""
        self._keys = {entry.item.id: self._key(entry) for entry in entries}
        self._order = sorted((key, item_id) for item_id, key in self._keys.items())

    def put(self, entry: Entry) -> bool:
        """Take ``entry`` in at its place; True when the order is another than before."""
        item_id, key = entry.item.id, self._key(entry)
        if self._keys.get(item_id) == key:
            return False
        self.drop(item_id)
        self._keys[item_id] = key
        insort(self._order, (key, item_id))
        return True

    def drop(self, item_id: str) -> bool:
        """Leave an item out; False when it was not there."""
        key = self._keys.pop(item_id, None)
        if key is None:
            return False
        del self._order[bisect_left(self._order, (key, item_id))]
        return True

    def place(self, item_id: str) -> int:
        """Where an item stands. Raises KeyError."""
        index = bisect_left(self._order, (self._keys[item_id], item_id))
        return len(self._order) - 1 - index if self._reverse else index

    def key_of(self, item_id: str) -> tuple[Any, ...]:
        """What an item is ordered by. Raises KeyError."""
        return self._keys[item_id]

    def __contains__(self, item_id: object) -> bool:
        return item_id in self._keys

    def __len__(self) -> int:
        return len(self._order)

    def __iter__(self) -> Iterator[str]:
        order = reversed(self._order) if self._reverse else iter(self._order)
        return (item_id for _, item_id in order)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        return self._order[-1 - index if self._reverse else index][1]
