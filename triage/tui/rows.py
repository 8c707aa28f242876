"""The rows of the list: which items are shown, in which order, kept up item by item.

Nothing here draws, and nothing decides what an item is ordered by: that is its key, whose last part is its id.
The order is kept by bisection, so that one changed item among 100,000 costs microseconds and the list never has
to be sorted anew for it.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, overload

if TYPE_CHECKING:
    from triage.store.queue import Entry

__all__ = ["Rows", "SortKey", "came_at"]

SortKey = tuple[Any, ...]
"""What an item is ordered by; its last part is the item's id."""


def came_at(entry: Entry) -> datetime:
    """When the item was made, or first seen where its endpoint does not say."""
    return entry.item.created_at or entry.seen_at


class Rows(Sequence[str]):
    """Item ids in the order of their keys."""

    def __init__(self, *, reverse: bool = False) -> None:
        self._reverse = reverse
        self._order: list[SortKey] = []
        self._keys: dict[str, SortKey] = {}

    def fill(self, keys: Mapping[str, SortKey]) -> None:
        """Begin anew with these ids and their keys."""
        self._keys = dict(keys)
        self._order = sorted(self._keys.values())

    def put(self, item_id: str, key: SortKey) -> bool:
        """Take an item in at its place; True when the order is another than before."""
        if self._keys.get(item_id) == key:
            return False
        self.drop(item_id)
        self._keys[item_id] = key
        insort(self._order, key)
        return True

    def drop(self, item_id: str) -> bool:
        """Leave an item out; False when it was not there."""
        key = self._keys.pop(item_id, None)
        if key is None:
            return False
        del self._order[bisect_left(self._order, key)]
        return True

    def place(self, item_id: str) -> int:
        """Where an item stands. Raises KeyError."""
        index = bisect_left(self._order, self._keys[item_id])
        return len(self._order) - 1 - index if self._reverse else index

    def key_of(self, item_id: str) -> SortKey:
        """What an item is ordered by. Raises KeyError."""
        return self._keys[item_id]

    def __contains__(self, item_id: object) -> bool:
        return item_id in self._keys

    def __len__(self) -> int:
        return len(self._order)

    def __iter__(self) -> Iterator[str]:
        order = reversed(self._order) if self._reverse else iter(self._order)
        return (key[-1] for key in order)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        item_id: str = self._order[-1 - index if self._reverse else index][-1]
        return item_id
