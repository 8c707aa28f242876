"""Which rows the list shows and in which order: the filter, the sort, the endpoint, groups, and what is kept.

A row is an item, or the head of a group of items while alike ones are folded. The row under the cursor stays
in the list as it is, whatever becomes of it, until the operator moves on.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

import msgspec

from triage.desk.desk import Desk
from triage.desk.looking import came_after
from triage.model.decision import OPEN_STATES, DeliveryState
from triage.model.filtering import ORDERS, Filter, FilterError, Subject, compile, rank_of
from triage.model.item import Item
from triage.store.log import Record
from triage.store.queue import Entry, Outline, outline_of
from triage.tui.grouping import GroupedRows, Member, group_of, is_group
from triage.tui.rows import Rows, SortKey

__all__ = ["SORTS", "QueueView"]

SORTS = ("age", "deadline", "risk", "agent")
"""The orders ``o`` goes through."""
_AT_ONCE = 1000
"""So many items are looked at before other work may go on: a hundredth of a second."""
_STAYS = OPEN_STATES | {DeliveryState.REFUSED, DeliveryState.STALE}
"""Deliveries whose item is shown although it was decided."""


class QueueView:
    """A window on the desk's queue."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._filter = _everything()
        self._order = SORTS[0]
        self._reverse = False
        self._began = self._desk.clock.now().wall
        self._known: frozenset[str] | None = None
        """Endpoints of which something was known when the console was opened."""
        self._looked_at: set[str] = set()
        self._waiting: dict[str, str] = {}
        self._snoozed: set[str] = set()
        self._kept: Entry | None = None
        self._kept_head: tuple[str, Entry | None] | None = None
        self.endpoint: str | None = None
        """The endpoint shown alone; None: all."""
        self.counts: Counter[str] = Counter()
        """Endpoint → items that want a decision."""
        self._items = Rows()
        self._groups: GroupedRows | None = None
        self._meanwhile: set[str] | None = None
        """Items that changed since the rows began to be picked; None: they are not being picked."""

    @property
    def rows(self) -> Rows | GroupedRows:
        """The ids of the rows, in order."""
        return self._items if self._groups is None else self._groups

    # -- what is asked for ----------------------------------------------------------------------

    @property
    def filter_text(self) -> str:
        """The filter in force, as it was written."""
        return self._filter.text

    @property
    def order(self) -> str:
        """The order in words."""
        return ORDERS[self._order].label + (", reversed" if self._reverse else "")

    def set_filter(self, text: str) -> FilterError | None:
        """Show only what matches, from the next ``refill`` on; or what is wrong with the filter, the old one stays."""
        made = compile(text, self._desk.config.filters)
        if isinstance(made, FilterError):
            return made
        self._filter = made
        return None

    def next_order(self) -> None:
        """Order by the next of ``SORTS``, from the next ``refill`` on."""
        self._order = SORTS[(SORTS.index(self._order) + 1) % len(SORTS)]

    def turn_round(self) -> None:
        """Turn the order round, from the next ``refill`` on."""
        self._reverse = not self._reverse

    def step_endpoint(self, step: int) -> None:
        """Show the next or previous endpoint alone, from the next ``refill`` on; beyond the ends, all."""
        names: list[str | None] = [None, *self._desk.config.endpoints]
        self.endpoint = names[(names.index(self.endpoint) + step) % len(names)]

    # -- groups ---------------------------------------------------------------------------------

    @property
    def groups(self) -> GroupedRows | None:
        """The rows as they are folded; None: alike items are not folded."""
        return self._groups

    @property
    def shown(self) -> Rows:
        """The ids of all items that are shown, folded or not, in order."""
        return self._items

    def fold_alike(self, wanted: bool) -> None:
        """Fold items of the same agent and action into one row each, or show every item again."""
        self._groups = None
        if wanted:
            self._groups = GroupedRows(reverse=self._reverse)
            self._fill_groups(self._groups)

    def items_of(self, row_id: str) -> list[str]:
        """The items a row stands for: itself, or those of its group that want a decision."""
        if not is_group(row_id):
            return [row_id]
        members = self._groups.members(row_id) if self._groups and row_id in self._groups else []
        return [item_id for item_id in members if item_id in self._waiting]

    def is_high(self, entry: Entry) -> bool:
        """Whether a wrong decision does much harm."""
        return self._desk.risk_of(entry).is_high

    def group(self, item_id: str) -> str:
        """The group of an item that is shown; empty for others."""
        entry = self.entry(item_id) if item_id in self._items else None
        return "" if entry is None else group_of(entry.item)

    def place(self, row_id: str) -> int:
        """Where a row stands; of an item that is folded, its group's. Raises KeyError."""
        return self.rows.place(row_id)

    # -- items ----------------------------------------------------------------------------------

    def entry(self, row_id: str) -> Entry | None:
        """An entry, of a group its first item's; that under the cursor as it last was, where it has left."""
        if is_group(row_id):
            return self._head_entry(row_id)
        found = self._desk.entry(row_id)
        if found is None and self._kept is not None and self._kept.item.id == row_id:
            return self._kept
        return found

    def _head_entry(self, group: str) -> Entry | None:
        found = None
        if self._groups is not None and group in self._groups:
            found = self._desk.entry(self._groups.leader(group))
        if self._kept_head is not None and self._kept_head[0] == group:
            self._kept_head = (group, found or self._kept_head[1])
            return self._kept_head[1]
        return found

    def record(self, item_id: str) -> Record | None:
        """The last decision on an item."""
        return self._desk.record(item_id)

    def keep(self, row_id: str | None) -> bool:
        """Have the row under the cursor stay as it is; True when another one leaves the list for it."""
        before = self._kept
        folded = self._groups is not None and self._groups.pin(row_id)
        head = row_id is not None and is_group(row_id)
        self._kept_head = (row_id, None) if row_id and head else None
        self._kept = self.entry(row_id) if row_id and not head else None
        if row_id and not head:
            self._looked_at.add(row_id)
        if before is None or before.item.id == row_id or self._shows(before.item.id, outline_of(before)):
            return folded
        return self._drop(before.item.id) or folded

    def subject(self, entry: Entry) -> Subject:
        """The entry as filters and orders see it."""
        return self._desk.subject(entry, new=self.is_new(entry))

    def is_new(self, entry: Entry) -> bool:
        """Whether it came since the operators last looked at its endpoint, and was not looked at yet."""
        endpoint = entry.item.endpoint
        since = self._began if endpoint in (self._known or ()) else self._desk.watched_since(endpoint)
        return entry.item.id not in self._looked_at and came_after(entry, since, self._desk.clock.now().wall)

    def items(self) -> Iterator[Item]:
        """The items shown, in order, for completion."""
        entries = (self.entry(item_id) for item_id in self._items)
        return (entry.item for entry in entries if entry is not None)

    def wants_decision(self, row_id: str) -> bool:
        """Whether an item waits for the operator, or one of a group does."""
        if not is_group(row_id):
            return row_id in self._waiting
        return self._groups is not None and row_id in self._groups and self._groups.waiting(row_id) > 0

    def next_waiting(self, row_id: str) -> str | None:
        """The next row that wants a decision, below in the list, else above; None: there is none."""
        if row_id not in self.rows:
            return None
        start = self.place(row_id)
        below = (self.rows[index] for index in range(start + 1, len(self.rows)))
        above = (self.rows[index] for index in range(start - 1, -1, -1))
        wanted = (each for each in _chained(below, above) if self.wants_decision(each))
        return next((each for each in wanted if not self.is_unfolded(each)), None)

    def waiting_in(self, row_id: str | None) -> int | None:
        """How many of a group want a decision; None where the row is an item."""
        if row_id is None or not is_group(row_id):
            return None
        return self._groups.waiting(row_id) if self._groups is not None and row_id in self._groups else 0

    def is_inside(self, item_id: str) -> bool:
        """Whether an item's row stands below the head of its group."""
        return self._groups is not None and self._groups.head_of(item_id) is not None

    def is_unfolded(self, row_id: str) -> bool:
        """Whether a row is the head of a group that is unfolded."""
        return self._groups is not None and is_group(row_id) and self._groups.is_open(row_id)

    # -- keeping up -----------------------------------------------------------------------------

    def refill(self) -> None:
        """Look at everything anew."""
        self._waiting.clear()
        self._snoozed.clear()
        self.counts.clear()
        now = self._desk.clock.now().wall
        for item_id, outline in self._desk.queue.outlines():
            self._count(item_id, outline, now)
        if self._known is None:
            self._known = frozenset(outline.endpoint for _, outline in self._desk.queue.outlines())
        for _ in self.pick_in_steps(kept=True):
            continue

    def pick_in_steps(self, *, kept: bool = False) -> Iterator[float]:
        """Pick the rows anew, as one deed, which takes its time where a filter has to read 100,000 items.

        Between two steps other work may go on; yields the part that was looked at. Until all was, the rows are those
        of before as they are kept up; they stay so where another picking is begun meanwhile. ``kept``: the row under
        the cursor stays.
        """
        self._meanwhile = meanwhile = set[str]()
        outlines, keys = list(self._desk.queue.outlines()), dict[str, SortKey]()
        for number, (item_id, outline) in enumerate(outlines):
            if number % _AT_ONCE == _AT_ONCE - 1:
                yield number / len(outlines)
            if self._shows(item_id, outline):
                keys[item_id] = self._key(item_id, outline)
        if self._meanwhile is not meanwhile:
            return
        self._meanwhile = None
        if not kept:
            self.keep(None)
        elif self._kept is not None and (kept_id := self._kept.item.id) not in keys:
            keys[kept_id] = self._key(kept_id, self._desk.queue.outline(kept_id) or outline_of(self._kept))
        self._place(keys)
        self.update(meanwhile)

    def _place(self, keys: Mapping[str, SortKey]) -> None:
        self._items = Rows(reverse=self._reverse)
        self._items.fill(keys)
        if self._groups is not None:
            opened = self._groups.opened
            self._groups = GroupedRows(reverse=self._reverse)
            self._fill_groups(self._groups, opened)

    def update(self, item_ids: Iterable[str]) -> bool:
        """Look at these anew; True when the rows are others than before."""
        changed = False
        now, item_ids = self._desk.clock.now().wall, tuple(item_ids)
        if self._meanwhile is not None:
            self._meanwhile.update(item_ids)
        for item_id in item_ids:
            outline = self._desk.queue.outline(item_id)
            self._uncount(item_id)
            if outline is None:
                changed |= not self._is_kept(item_id) and self._drop(item_id)
                continue
            if self._is_kept(item_id):
                self._kept = self._desk.entry(item_id)
            self._count(item_id, outline, now)
            if self._shows(item_id, outline) or self._is_kept(item_id):
                changed |= self._put(item_id, outline)
            else:
                changed |= self._drop(item_id)
        return changed

    def _put(self, item_id: str, outline: Outline) -> bool:
        changed = self._items.put(item_id, self._key(item_id, outline))
        if self._groups is not None:
            changed |= self._groups.put(item_id, self._member(item_id))
        return changed

    def _drop(self, item_id: str) -> bool:
        if self._groups is not None:
            self._groups.drop(item_id)
        return self._items.drop(item_id)

    def _member(self, item_id: str) -> Member:
        """What groups need of an item that is shown."""
        key, waits, entry = self._items.key_of(item_id), item_id in self._waiting, self.entry(item_id)
        if entry is None:  # it has left this moment, and will be told to have
            return Member(key, f"={item_id}", waits, high=False)
        return Member(key, sys.intern(group_of(entry.item)), waits, self.is_high(entry))

    def _fill_groups(self, groups: GroupedRows, opened: Iterable[str] = ()) -> None:
        groups.fill(((item_id, self._member(item_id)) for item_id in self._items), opened)

    @property
    def timed(self) -> bool:
        """Whether time alone may have other rows picked."""
        return self._filter.timed or self._desk.rater.timed

    def tick(self) -> bool:
        """Time has passed: look whether a snooze is over; True when the rows are others than before."""
        return self.update(tuple(self._snoozed)) if self._snoozed else False

    def _count(self, item_id: str, outline: Outline, now: datetime) -> None:
        if outline.marked and self._desk.sleeps(item_id, outline, now):
            self._snoozed.add(item_id)
        elif not outline.gone and not self._desk.is_decided(item_id):
            self._waiting[item_id] = outline.endpoint
            self.counts[outline.endpoint] += 1

    def _uncount(self, item_id: str) -> None:
        self._snoozed.discard(item_id)
        endpoint = self._waiting.pop(item_id, None)
        if endpoint is not None:
            self.counts[endpoint] -= 1

    def _is_kept(self, item_id: str) -> bool:
        return self._kept is not None and self._kept.item.id == item_id

    def _shows(self, item_id: str, outline: Outline) -> bool:
        if self.endpoint is not None and outline.endpoint != self.endpoint:
            return False
        if self._filter and not self._matches(item_id):
            return False
        if item_id in self._waiting:
            return True
        record = self._desk.record(item_id)
        if record is not None and record.state in _STAYS:
            return record.state in OPEN_STATES or not outline.gone
        return bool(self._filter) and not self._filter.fields.isdisjoint(("is", "state"))

    def _matches(self, item_id: str) -> bool:
        entry = self.entry(item_id)
        return entry is not None and self._filter.matches(self.subject(entry))

    def _key(self, item_id: str, outline: Outline) -> SortKey:
        """By the order that was chosen, those that were escalated on top whatever it is."""
        entry = self.entry(item_id) if outline.marked else None
        escalated = entry is not None and bool(entry.marks.escalated_to)
        rank = self._rank(item_id, outline) if self._order == "risk" else 0
        placed = _Placed(item_id, outline.endpoint, outline.agent, outline.since, outline.expires_at, rank)
        return (escalated == self._reverse, *ORDERS[self._order].key(placed))

    def _rank(self, item_id: str, outline: Outline) -> int:
        entry = self.entry(item_id) if self._desk.rater.has_rules else None
        return rank_of(outline.risk if entry is None else self._desk.risk_of(entry).risk)


class _Placed(msgspec.Struct, frozen=True, gc=False):
    """What orders look at."""

    id: str
    endpoint: str
    agent: str
    since: datetime
    expires_at: datetime | None
    risk_rank: int


def _everything() -> Filter:
    made = compile("")
    assert isinstance(made, Filter)  # noqa: S101 - the empty filter is always right
    return made


def _chained(*parts: Iterable[str]) -> Iterator[str]:
    for part in parts:
        yield from part
