"""The items that are selected, each at the revision it had when it was, and why it stayed behind, if it did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import msgspec

__all__ = ["Chosen", "Selection", "swept"]


class Chosen(msgspec.Struct, frozen=True):
    """One selected item."""

    revision: str
    """As the operator saw it."""
    group: str = ""
    why: str = ""
    """Why the last decision on many left it; empty: there was none."""


class Selection:
    """Ids of items in the order they were selected."""

    def __init__(self) -> None:
        self._chosen: dict[str, Chosen] = {}
        self._groups: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._chosen)

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._chosen))

    def __contains__(self, item_id: object) -> bool:
        return item_id in self._chosen

    def chosen(self, item_id: str) -> Chosen | None:
        """How an item was selected; None: it is not."""
        return self._chosen.get(item_id)

    def in_group(self, group: str) -> int:
        """How many of a group's items are selected."""
        return self._groups[group]

    def add(self, item_id: str, chosen: Chosen) -> None:
        """Select an item; one that is selected keeps its place."""
        before = self._chosen.get(item_id)
        if before is not None:
            self._groups[before.group] -= 1
        self._chosen[item_id] = chosen
        self._groups[chosen.group] += 1

    def drop(self, item_id: str) -> bool:
        """Have an item no longer selected; False when it was not."""
        chosen = self._chosen.pop(item_id, None)
        if chosen is None:
            return False
        self._groups[chosen.group] -= 1
        return True

    def clear(self) -> None:
        """Select nothing."""
        self._chosen.clear()
        self._groups.clear()


def swept(anchor: int, before: int, after: int) -> tuple[list[range], list[range]]:
    """What a range from ``anchor`` loses and gains when its moving end goes from ``before`` to ``after``.

    Costs as much as the end moves, however long the range is.
    """
    old_low, old_high = sorted((anchor, before))
    low, high = sorted((anchor, after))
    lost = [range(old_low, low), range(high + 1, old_high + 1)]
    gained = [range(low, old_low), range(old_high + 1, high + 1)]
    return [each for each in lost if each], [each for each in gained if each]
