"""Selecting items for a decision on many: one by one, a range, all that are shown; and what falls out again.

Only the operator selects. What others do makes an item fall out where it no longer waits, never come in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from triage.desk.desk import Desk
from triage.tui.grouping import is_group
from triage.tui.queue_view import QueueView
from triage.tui.selection import Chosen, Selection, swept

__all__ = ["Choosing"]


class Choosing:
    """What is selected of what a view shows."""

    def __init__(self, desk: Desk, view: QueueView) -> None:
        self._desk = desk
        self._view = view
        self.selection = Selection()
        self._anchor: str | None = None
        self._ranged: set[str] = set()

    # -- what is selected -----------------------------------------------------------------------

    def is_selected(self, row_id: str) -> bool:
        """Whether an item is."""
        return row_id in self.selection

    def why_stayed(self, item_id: str) -> str:
        """Why the last decision on many left an item behind; empty where it did not."""
        chosen = self.selection.chosen(item_id)
        return chosen.why if chosen else ""

    def targets(self, row_id: str | None) -> list[str]:
        """The items a decision would be on, in the list's order: the selected, else those of a group's head.

        Empty where it is on the one item under the cursor.
        """
        if self.selection:
            return sorted(self.selection, key=self._place)
        return self._view.items_of(row_id) if row_id and is_group(row_id) else []

    def unseen(self) -> int:
        """How many of the selected have no row."""
        return sum(item_id not in self._view.rows for item_id in self.selection)

    def _place(self, item_id: str) -> tuple[int, int]:
        shown = item_id in self._view.shown
        return (0, self._view.shown.place(item_id)) if shown else (1, 0)

    # -- by the operator ------------------------------------------------------------------------

    def toggle(self, row_id: str) -> None:
        """Select what a row stands for, or no longer where all of it is."""
        self.end_range()
        items = self._open_items(row_id)
        if all(item_id in self.selection for item_id in items):
            for item_id in items:
                self.selection.drop(item_id)
        else:
            for item_id in items:
                self._add(item_id)

    def select_all(self) -> None:
        """Select everything that is shown and may be decided."""
        self.end_range()
        for item_id in self._view.shown:
            if self._may_be_decided(item_id):
                self._add(item_id)

    def clear(self) -> None:
        """Select nothing."""
        self.end_range()
        self.selection.clear()

    def stay(self, why: dict[str, str]) -> None:
        """Select just these, each with why it was left behind, where they may still be decided."""
        self.clear()
        for item_id, reason in why.items():
            if self._may_be_decided(item_id):
                self._add(item_id, reason)

    def select(self, item_ids: Iterable[str]) -> None:
        """Select just these, where they may be decided."""
        self.clear()
        for item_id in item_ids:
            if self._may_be_decided(item_id):
                self._add(item_id)

    # -- a range --------------------------------------------------------------------------------

    @property
    def ranging(self) -> bool:
        """Whether moving selects."""
        return self._anchor is not None

    def start_range(self, row_id: str) -> None:
        """Begin a range at a row; moving extends it until it is ended."""
        self._anchor = row_id
        self._ranged = {item_id for item_id in self._open_items(row_id) if self._add_new(item_id)}

    def end_range(self) -> None:
        """Moving selects no more; what is selected stays so."""
        self._anchor = None
        self._ranged.clear()

    def sweep(self, before: int, after: int) -> None:
        """The cursor goes from one row to another: the range follows."""
        if self._anchor is None:
            return
        try:
            anchor = self._view.place(self._anchor)
        except KeyError:
            self.end_range()
            return
        lost, gained = swept(anchor, before, max(0, min(after, len(self._view.rows) - 1)))
        for item_id in self._items_in(lost):
            if item_id in self._ranged:
                self._ranged.discard(item_id)
                self.selection.drop(item_id)
        self._ranged |= {item_id for item_id in self._items_in(gained) if self._add_new(item_id)}

    def _items_in(self, parts: Iterable[range]) -> list[str]:
        """What the rows stand for; an unfolded head for nothing, its items have rows of their own."""
        rows = [self._view.rows[index] for part in parts for index in part]
        return [
            item_id
            for row_id in rows
            if not self._view.is_unfolded(row_id)
            for item_id in self._open_items(row_id)
        ]

    # -- by others ------------------------------------------------------------------------------

    def fell_out(self, item_ids: Iterable[str]) -> str:
        """Take out what no longer waits; says so in words, empty when all still do."""
        why: Counter[str] = Counter()
        for item_id in item_ids:
            chosen = self.selection.chosen(item_id)
            if chosen is None:
                continue
            reason = self._why_over(item_id)
            if reason:
                self.selection.drop(item_id)
                why[reason] += 1
            else:
                self.selection.add(item_id, Chosen(chosen.revision, self._view.group(item_id), chosen.why))
        if not why:
            return ""
        count = why.total()
        said = ", ".join(reason if len(why) == 1 else f"{reason} ({times})" for reason, times in why.items())
        subject = (
            "1 selected item no longer waits" if count == 1 else f"{count:,} selected items no longer wait"
        )
        return f"{subject}: {said}"

    def _why_over(self, item_id: str) -> str:
        entry = self._desk.entry(item_id)
        if self._desk.is_decided(item_id):
            record = self._desk.record(item_id)
            by = record.decision.operator if record else ""
            return f"decided by {'you' if by == self._desk.operator else by}"
        if entry is None or entry.gone is not None:
            return entry.gone.reason if entry is not None and entry.gone else "gone"
        return ""

    # -- within ---------------------------------------------------------------------------------

    def _open_items(self, row_id: str) -> list[str]:
        return [item_id for item_id in self._view.items_of(row_id) if self._may_be_decided(item_id)]

    def _may_be_decided(self, item_id: str) -> bool:
        return self._view.wants_decision(item_id) or not self._why_over(item_id)

    def _add_new(self, item_id: str) -> bool:
        return item_id not in self.selection and self._add(item_id)

    def _add(self, item_id: str, why: str = "") -> bool:
        entry = self._desk.entry(item_id)
        if entry is not None:
            self.selection.add(item_id, Chosen(entry.item.revision, self._view.group(item_id), why))
        return entry is not None
