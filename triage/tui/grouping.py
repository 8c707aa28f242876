"""Alike items as one row: which group an item belongs to, and the rows of a list that is folded by groups.

A group of two or more items has a row of its own, its head, whose id is the group's. Folded, the head stands
for its items; unfolded, they follow it. Groups stand where the first of their items stands. One changed item
among 100,000 costs microseconds, as in ``rows``.
"""

from __future__ import annotations

import re
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, overload

from triage.model.item import Item

__all__ = ["GroupedRows", "Member", "group_of", "group_title", "is_group"]

_MARK = "="
"""Begins a group's id; no item's id begins with it."""
_VARYING = re.compile(r"""["“«][^"”»]*["”»]|(?<![\w-])[\w-]*?\d[\w.,:/-]*""")
"""What differs between titles that ask the same: quoted words, and words with digits."""
_TITLE = 200
"""Characters of a title that tell what is asked."""

Pair = tuple[tuple[Any, ...], str]
"""What an item is ordered by, and its id."""


def group_of(item: Item) -> str:
    """The id of the group: same kind, endpoint, agent and actions; without actions, same shape of title."""
    what = "\0".join(action.name for action in item.actions) or "\0" + _shape(item)
    return f"{_MARK}{item.kind}\0{item.endpoint}\0{item.agent}\0{what}"


def group_title(item: Item) -> str:
    """What the items of a group have in common, in words, as one of them tells."""
    names = list(dict.fromkeys(action.name for action in item.actions))
    return ", ".join(names) or _shape(item) or "(no title)"


def _shape(item: Item) -> str:
    return _VARYING.sub("…", item.title[:_TITLE])


def is_group(row_id: str) -> bool:
    """Whether the id of a row is a group's."""
    return row_id.startswith(_MARK)


class Member(NamedTuple):
    """What the rows know of an item."""

    key: tuple[Any, ...]
    """What it is ordered by."""
    group: str
    waits: bool
    """It wants a decision."""
    high: bool
    """Its risk is high."""


class _Block:
    """A group's items in order, and how many of them are what."""

    __slots__ = ("high", "leader", "pairs", "waiting")

    def __init__(self, leader: Pair) -> None:
        self.pairs: list[Pair] = []
        self.leader = leader
        self.waiting = 0
        self.high = 0


class GroupedRows(Sequence[str]):
    """Row ids in order: of items, and of groups.

    The row that is pinned keeps its form whatever comes or goes, so that what is under the cursor is never
    folded, unfolded or taken away by others.
    """

    def __init__(self, *, reverse: bool = False) -> None:
        self._reverse = reverse
        self._members: dict[str, Member] = {}
        self._blocks: dict[str, _Block] = {}
        self._top: list[tuple[Pair, str]] = []
        self._open: set[str] = set()
        self._pinned: str | None = None
        self._pinned_head = False
        self._tall: list[tuple[int, str, int]] | None = None

    # -- keeping up -----------------------------------------------------------------------------

    def fill(self, members: Iterable[tuple[str, Member]], opened: Iterable[str] = ()) -> None:
        """Begin anew with members by their ids, every group folded but ``opened``."""
        self._members = dict(members)
        self._blocks = {}
        for item_id, member in self._members.items():
            pair = (member.key, item_id)
            block = self._blocks.get(member.group)
            if block is None:
                block = self._blocks[member.group] = _Block(pair)
            block.pairs.append(pair)
            _count(block, member, 1)
        for block in self._blocks.values():
            if len(block.pairs) > 1:
                block.pairs.sort()
            block.leader = self._first(block)
        self._top = sorted((block.leader, name) for name, block in self._blocks.items())
        self._open = set(opened)
        self._pinned, self._pinned_head, self._tall = None, False, None

    def put(self, item_id: str, member: Member) -> bool:
        """Take an item in; True when anything is another than before."""
        before = self._members.get(item_id)
        if before == member:
            return False
        if before is not None:
            self._leave(item_id, before)
        self._members[item_id] = member
        pair = (member.key, item_id)
        block = self._blocks.get(member.group)
        if block is None:
            block = self._blocks[member.group] = _Block(pair)
            insort(self._top, (pair, member.group))
        insort(block.pairs, pair)
        _count(block, member, 1)
        self._settle(member.group, block)
        return True

    def drop(self, item_id: str) -> bool:
        """Leave an item out; False when it was not there."""
        member = self._members.pop(item_id, None)
        if member is None:
            return False
        self._leave(item_id, member)
        return True

    def _leave(self, item_id: str, member: Member) -> None:
        block = self._blocks[member.group]
        del block.pairs[bisect_left(block.pairs, (member.key, item_id))]
        _count(block, member, -1)
        self._settle(member.group, block)

    def _settle(self, name: str, block: _Block) -> None:
        """Put the group where its first item stands; away when it has none left, unless it is pinned."""
        self._tall = None
        if not block.pairs and not (name == self._pinned and self._pinned_head):
            self._remove(name, block)
        elif block.pairs and block.leader != self._first(block):
            del self._top[bisect_left(self._top, (block.leader, name))]
            block.leader = self._first(block)
            insort(self._top, (block.leader, name))

    def _remove(self, name: str, block: _Block) -> None:
        del self._top[bisect_left(self._top, (block.leader, name))]
        del self._blocks[name]

    def _first(self, block: _Block) -> Pair:
        return block.pairs[-1 if self._reverse else 0]

    # -- folding --------------------------------------------------------------------------------

    @property
    def opened(self) -> frozenset[str]:
        """The groups that are unfolded, also those that have no items now."""
        return frozenset(self._open)

    def is_open(self, group: str) -> bool:
        """Whether a group with a head is unfolded."""
        return group in self._open

    def unfold(self, group: str) -> None:
        """Have a group's items follow its head."""
        self._open.add(group)
        self._tall = None

    def fold(self, group: str) -> None:
        """Have a group's head stand for its items."""
        self._open.discard(group)
        self._tall = None

    def pin(self, row_id: str | None) -> bool:
        """Have this row (None: no row) keep its form; True when the rows are others for it."""
        before, head_before = self._pinned, self._pinned_head
        group = None if row_id is None else self.group(row_id)
        head = group is not None and self._has_head(group)
        if head and row_id != group and group in self._open:
            group, head = None, False
        if (group, head) == (before, head_before):
            return False
        was = None if before is None else self._form(before)
        self._pinned, self._pinned_head, self._tall = group, head, None
        if before is None or before == group:
            return False
        block = self._blocks.get(before)
        if block is not None and not block.pairs:
            self._remove(before, block)
            return True
        return self._form(before) != was

    def _has_head(self, name: str) -> bool:
        if name == self._pinned:
            return self._pinned_head
        block = self._blocks.get(name)
        return block is not None and len(block.pairs) > 1

    def _form(self, name: str) -> tuple[bool, int]:
        """Whether a group has a head, and how many of its items have a row."""
        block = self._blocks.get(name)
        if block is None:
            return False, 0
        head = self._has_head(name)
        return head, 0 if head and name not in self._open else len(block.pairs)

    # -- groups ---------------------------------------------------------------------------------

    def group(self, row_id: str) -> str | None:
        """The group of an item or of a head; None: neither is here."""
        if row_id in self._blocks:
            return row_id
        member = self._members.get(row_id)
        return member.group if member else None

    def head_of(self, item_id: str) -> str | None:
        """The head above an item that has a row; None: it stands alone."""
        group = self.group(item_id)
        return group if group and group != item_id and self._has_head(group) else None

    def leader(self, group: str) -> str:
        """The group's first item; of an empty one the last it had."""
        return self._blocks[group].leader[1]

    def members(self, group: str) -> list[str]:
        """The group's items, in order."""
        pairs = self._blocks[group].pairs
        return [item_id for _, item_id in (reversed(pairs) if self._reverse else pairs)]

    def count(self, group: str) -> int:
        """How many items it has."""
        return len(self._blocks[group].pairs)

    def waiting(self, group: str) -> int:
        """How many of them want a decision."""
        return self._blocks[group].waiting

    def high(self, group: str) -> int:
        """How many of them that want a decision are of high risk."""
        return self._blocks[group].high

    # -- rows -----------------------------------------------------------------------------------

    def place(self, row_id: str) -> int:
        """Where a row stands; of a folded item, its head's. Raises KeyError."""
        group = self.group(row_id)
        if group is None:
            raise KeyError(row_id)
        start = self._start(group)
        head, shown = self._form(group)
        if row_id == group or (head and not shown):
            return start
        pairs = self._blocks[group].pairs
        at = bisect_left(pairs, (self._members[row_id].key, row_id))
        return start + head + (len(pairs) - 1 - at if self._reverse else at)

    def _start(self, group: str) -> int:
        """Where a group's first row stands."""
        place = self._place(group)
        return place + sum(more for at, _, more in self._heights() if at < place)

    def _place(self, group: str) -> int:
        """Where a group stands among the groups."""
        at = bisect_left(self._top, (self._blocks[group].leader, group))
        return len(self._top) - 1 - at if self._reverse else at

    def _heights(self) -> list[tuple[int, str, int]]:
        """The groups of more than one row: place among the groups, name, further rows."""
        if self._tall is None:
            names = {*self._open, *(() if self._pinned is None else (self._pinned,))}
            forms = [(name, self._form(name)) for name in names if name in self._blocks]
            self._tall = sorted(
                (self._place(name), name, head + shown - 1)
                for name, (head, shown) in forms
                if head + shown > 1
            )
        return self._tall

    def __contains__(self, row_id: object) -> bool:
        return row_id in self._members or row_id in self._blocks

    def __len__(self) -> int:
        return len(self._top) + sum(more for _, _, more in self._heights())

    def __iter__(self) -> Iterator[str]:
        tops = reversed(self._top) if self._reverse else iter(self._top)
        for _, name in tops:
            head, shown = self._form(name)
            if head:
                yield name
            if shown:
                yield from self.members(name)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        if index < 0:
            index += len(self)
        above = 0
        for place, name, more in self._heights():
            if index < place + above:
                break
            if index <= place + above + more:
                return self._row(name, index - place - above)
            above += more
        at = index - above
        if not 0 <= at < len(self._top):
            raise IndexError(index)
        return self._row(self._top[-1 - at if self._reverse else at][1], 0)

    def _row(self, name: str, number: int) -> str:
        """The row of a group by its number: the head, if it has one, is the first."""
        number -= self._has_head(name)
        if number < 0:
            return name
        return self._blocks[name].pairs[-1 - number if self._reverse else number][1]


def _count(block: _Block, member: Member, sign: int) -> None:
    block.waiting += sign * member.waits
    block.high += sign * (member.waits and member.high)
