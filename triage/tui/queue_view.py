"""Which items the list shows and in which order: the filter, the sort, the endpoint, and what is kept.

The item under the cursor stays in the list whatever becomes of it, until the operator moves on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from triage.desk.desk import Desk, is_snoozed
from triage.model.decision import OPEN_STATES, DeliveryState
from triage.model.filtering import ORDERS, Filter, FilterError, Subject, compile
from triage.model.item import Item
from triage.store.log import Record
from triage.store.queue import Entry
from triage.tui.rows import Rows

__all__ = ["SORTS", "QueueView"]

SORTS = ("age", "deadline", "risk", "agent")
"""The orders ``o`` goes through."""
_STAYS = OPEN_STATES | {DeliveryState.REFUSED, DeliveryState.STALE}
"""Deliveries whose item is shown although it was decided."""


class QueueView:
    """A window on the desk's queue."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._filter = _everything()
        self._order = SORTS[0]
        self._reverse = False
        self._began = datetime.now(UTC)
        self._looked_at: set[str] = set()
        self._waiting: dict[str, str] = {}
        self._snoozed: set[str] = set()
        self._kept: Entry | None = None
        self.endpoint: str | None = None
        """The endpoint shown alone; None: all."""
        self.counts: Counter[str] = Counter()
        """Endpoint → items that want a decision."""
        self.rows = Rows(self._key)

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
        """Show only what matches; or what is wrong with the filter, the old one stays in force."""
        made = compile(text, self._desk.config.filters)
        if isinstance(made, FilterError):
            return made
        if made.text != self._filter.text:
            self._filter = made
            self.refill()
        return None

    def next_order(self) -> None:
        """Order by the next of ``SORTS``."""
        self._order = SORTS[(SORTS.index(self._order) + 1) % len(SORTS)]
        self.refill()

    def turn_round(self) -> None:
        """Turn the order round."""
        self._reverse = not self._reverse
        self.refill()

    def step_endpoint(self, step: int) -> None:
        """Show the next or previous endpoint alone; beyond the ends, all."""
        names: list[str | None] = [None, *self._desk.config.endpoints]
        self.endpoint = names[(names.index(self.endpoint) + step) % len(names)]
        self.refill()

    # -- items ----------------------------------------------------------------------------------

    def entry(self, item_id: str) -> Entry | None:
        """An entry; the one under the cursor as it last was, where it has left the queue."""
        found = self._desk.entry(item_id)
        if found is None and self._kept is not None and self._kept.item.id == item_id:
            return self._kept
        return found

    def record(self, item_id: str) -> Record | None:
        """The last decision on an item."""
        return self._desk.record(item_id)

    def keep(self, item_id: str | None) -> bool:
        """Have the item under the cursor stay; True when another one leaves the list for it."""
        before = self._kept
        self._kept = self.entry(item_id) if item_id else None
        if item_id:
            self._looked_at.add(item_id)
        if before is None or before.item.id == item_id or self._shows(before):
            return False
        return self.rows.drop(before.item.id)

    def subject(self, entry: Entry) -> Subject:
        """The entry as filters and orders see it."""
        item = entry.item
        record = self._desk.record(item.id)
        now = datetime.now(UTC)
        return Subject(
            item=item,
            now=now,
            operator=self._desk.operator,
            claimed_by=entry.marks.claimed_by,
            snoozed=is_snoozed(entry, now),
            new=entry.seen_at > self._began and item.id not in self._looked_at,
            changed=entry.previous is not None,
            gone=entry.gone is not None,
            state=record.state if record else None,
            seen_at=entry.seen_at,
        )

    def items(self) -> Iterator[Item]:
        """The items shown, in order, for completion."""
        entries = (self.entry(item_id) for item_id in self.rows)
        return (entry.item for entry in entries if entry is not None)

    def wants_decision(self, item_id: str) -> bool:
        """Whether an item waits for the operator."""
        return item_id in self._waiting

    def next_waiting(self, item_id: str) -> str | None:
        """The next item that wants a decision, below in the list, else above; None: there is none."""
        if item_id not in self.rows:
            return None
        start = self.rows.place(item_id)
        below = (self.rows[index] for index in range(start + 1, len(self.rows)))
        above = (self.rows[index] for index in range(start - 1, -1, -1))
        return next((each for each in _chained(below, above) if each in self._waiting), None)

    # -- keeping up -----------------------------------------------------------------------------

    def refill(self) -> None:
        """Look at everything anew."""
        self._waiting.clear()
        self._snoozed.clear()
        self.counts.clear()
        shown = []
        for entry in self._desk.queue.entries():
            self._count(entry)
            if self._shows(entry) or self._is_kept(entry.item.id):
                shown.append(entry)
        if self._kept is not None and self._desk.entry(self._kept.item.id) is None:
            shown.append(self._kept)
        self.rows = Rows(self._key, reverse=self._reverse)
        self.rows.fill(shown)

    def update(self, item_ids: Iterable[str]) -> bool:
        """Look at these anew; True when the rows are others than before."""
        changed = False
        for item_id in item_ids:
            entry = self._desk.entry(item_id)
            if entry is None:
                self._uncount(item_id)
                changed |= not self._is_kept(item_id) and self.rows.drop(item_id)
                continue
            if self._is_kept(item_id):
                self._kept = entry
            self._uncount(item_id)
            self._count(entry)
            if self._shows(entry) or self._is_kept(item_id):
                changed |= self.rows.put(entry)
            else:
                changed |= self.rows.drop(item_id)
        return changed

    def tick(self) -> bool:
        """Time has passed: look at what it changes; True when the rows are others than before."""
        if self._filter.timed:
            before = list(self.rows)
            self.refill()
            return list(self.rows) != before
        return self.update(tuple(self._snoozed)) if self._snoozed else False

    def _count(self, entry: Entry) -> None:
        item, now = entry.item, datetime.now(UTC)
        if is_snoozed(entry, now):
            self._snoozed.add(item.id)
        if self._desk.is_waiting(entry, now):
            self._waiting[item.id] = item.endpoint
            self.counts[item.endpoint] += 1

    def _uncount(self, item_id: str) -> None:
        self._snoozed.discard(item_id)
        endpoint = self._waiting.pop(item_id, None)
        if endpoint is not None:
            self.counts[endpoint] -= 1

    def _is_kept(self, item_id: str) -> bool:
        return self._kept is not None and self._kept.item.id == item_id

    def _shows(self, entry: Entry) -> bool:
        if self.endpoint is not None and entry.item.endpoint != self.endpoint:
            return False
        asked = self._filter.fields
        if self._filter and not self._filter.matches(self.subject(entry)):
            return False
        if entry.item.id in self._waiting:
            return True
        record = self._desk.record(entry.item.id)
        if record is not None and record.state in _STAYS:
            return record.state in OPEN_STATES or entry.gone is None
        return bool(self._filter) and not asked.isdisjoint(("is", "state"))

    def _key(self, entry: Entry) -> tuple[Any, ...]:
        return ORDERS[self._order].key(self.subject(entry))


def _everything() -> Filter:
    made = compile("")
    assert isinstance(made, Filter)  # noqa: S101 - the empty filter is always right
    return made


def _chained(*parts: Iterable[str]) -> Iterator[str]:
    for part in parts:
        yield from part
