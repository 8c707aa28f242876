"""What the widgets show, made from the desk: endpoints, rows of the list, an item's page, a delivery."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from triage.desk.desk import Desk
from triage.desk.precedents import Precedents
from triage.model import safe_text
from triage.model.decision import DeliveryState
from triage.model.endpoint import HealthState
from triage.model.item import Context
from triage.tui import words
from triage.tui.choosing import Choosing
from triage.tui.group_text import GroupView, group_foot
from triage.tui.grouping import is_group
from triage.tui.guard import Subject
from triage.tui.item_text import PageView
from triage.tui.lines import Line, safe
from triage.tui.queue_view import QueueView
from triage.tui.row_text import RowView
from triage.tui.rows import came_at
from triage.tui.widgets.delivery_strip import DeliveryView
from triage.tui.widgets.endpoint_bar import BarView
from triage.tui.widgets.queue_list import RowState

if TYPE_CHECKING:
    from triage.store.log import Record
    from triage.store.queue import Entry

__all__ = ["Showing"]


class Showing:
    """``key_of``: action id → its key as people read it."""

    def __init__(self, desk: Desk, view: QueueView, choosing: Choosing, key_of: Callable[[str], str]) -> None:
        self._desk = desk
        self._view = view
        self._choosing = choosing
        self._key_of = key_of
        self.contexts: dict[Subject, Context | str] = {}
        """What led to items, or a sentence while it is not there."""
        self.precedents: dict[Subject, Precedents] = {}
        """How the like of items was decided before, of those that were rested on."""

    # -- around the rows ------------------------------------------------------------------------

    def bar(self) -> BarView:
        """How the endpoints fare, and who looks."""
        desk = self._desk
        return BarView(
            tuple(desk.health()),
            {name: count for name, count in self._view.counts.items() if count},
            desk.paused(),
            self._view.endpoint,
            desk.operator,
            desk.read_only,
            bool(desk.trouble),
        )

    def note(self, dot: str) -> str:
        """What the list's header says beside its place, ``dot`` between the parts."""
        view = self._view
        parts = [
            "range" if self._choosing.ranging else "",
            safe_text.line(view.filter_text),
            f"only {view.endpoint}" if view.endpoint else "",
            "" if view.order == "oldest first" else view.order,
            "" if view.groups is None else f"{len(view.shown):,} grouped",
        ]
        return f" {dot} ".join(part for part in parts if part)

    def empty(self) -> tuple[str, ...]:
        """Why no row is shown, and what to do; nothing where one is."""
        if self._view.rows:
            return ()
        health = self._desk.health()
        if not health:
            return ("No endpoint is configured.", "triage add URL adds one; triage demo shows how it works.")
        if self._view.filter_text or self._view.endpoint:
            return ("Nothing matches.", f"{self._key_of('back')} shows everything again.")
        bad = [one for one in health if one.state in (HealthState.FAILING, HealthState.DENIED)]
        if len(bad) == len(health):
            return ("No endpoint answers.", *(f"{one.endpoint}: {one.detail}" for one in bad[:4]))
        if any(one.state is HealthState.NEW for one in health):
            return ("Asking the endpoints…",)
        return ("Nothing waits for you.", f"{len(health) - len(bad)} of {len(health)} endpoints answer.")

    # -- rows -----------------------------------------------------------------------------------

    def row(self, row_id: str, state: RowState) -> RowView | GroupView | None:
        """A row of the list; None: there is nothing to show of it any more."""
        entry = self._view.entry(row_id)
        if entry is None:
            return None
        if is_group(row_id):
            return self._head(row_id, entry, state)
        record = self._view.record(row_id)
        return RowView(
            entry,
            record,
            self._desk.clock.now().wall,
            self._desk.operator,
            self.held_s(record),
            state.cursor,
            state.focused,
            state.selected,
            self._view.is_inside(row_id),
            self._choosing.why_stayed(row_id),
            self._desk.risk_of(entry).risk,
            self._view.is_new(entry),
        )

    def times(self, row_ids: Iterable[str]) -> tuple[str, ...] | None:
        """What rows say of the time, as far as it is told without reading the items; None: one is of another sort."""
        now, said = self._desk.clock.now().wall, list[str]()
        for row_id in row_ids:
            outline = self._desk.queue.outline(row_id)
            if outline is None:
                return None
            said.append(words.age((now - outline.since).total_seconds()))
            if outline.expires_at is not None:
                said.append(words.due((outline.expires_at - now).total_seconds()))
        return tuple(said)

    def _head(self, group: str, entry: Entry, state: RowState) -> GroupView | None:
        groups = self._view.groups
        if groups is None or group not in groups:
            return None
        return GroupView(
            first=entry.item,
            since=came_at(entry),
            count=groups.count(group),
            waiting=groups.waiting(group),
            high=groups.high(group),
            now=self._desk.clock.now().wall,
            selected=self._choosing.selection.in_group(group),
            open=groups.is_open(group),
            cursor=state.cursor,
            focused=state.focused,
        )

    def foot(self, row_id: str) -> Line:
        """Below the item in the pane: why it stayed behind; of a group's head, what the row stands for."""
        why = self._choosing.why_stayed(row_id)
        if why:
            return (("Stayed behind: ", "muted"), *safe(why, "warning"))
        groups = self._view.groups
        if groups is None or not is_group(row_id) or row_id not in groups or self._choosing.selection:
            return ()
        return group_foot(groups.waiting(row_id), self._key_of("open"), unfolded=groups.is_open(row_id))

    # -- an item --------------------------------------------------------------------------------

    def page(self, entry: Entry) -> PageView:
        """An item for reading."""
        item = entry.item
        record = self._view.record(item.id)
        return PageView(
            entry=entry,
            record=record,
            now=self._desk.clock.now().wall,
            operator=self._desk.operator,
            context=self.contexts.get(Subject(item.id, item.revision)),
            held_s=self.held_s(record),
            wait_reason=self._desk.wait_reason(record.decision.id) if record else "",
            key_of=self._key_of,
            rated=self._desk.risk_of(entry),
            precedents=self.precedents.get(Subject(item.id, item.revision), Precedents()),
        )

    def seek_precedents(self, entry: Entry) -> bool:
        """Look for how its like was decided; True when there is something to show."""
        found = self._desk.precedents(entry.item)
        self.precedents[Subject(entry.item.id, entry.item.revision)] = found
        return found != Precedents()

    # -- deliveries -----------------------------------------------------------------------------

    def held_s(self, record: Record | None) -> float | None:
        """Seconds left to undo a decision; None: it is not held."""
        if record is None or record.state is not DeliveryState.HELD:
            return None
        return self._desk.held_until(record.decision.id)

    def delivery(self, record: Record) -> DeliveryView:
        """A delivery for the strip."""
        decision = record.decision
        held_s = self.held_s(record)
        detail = self._desk.wait_reason(decision.id) or record.effect or record.detail
        return DeliveryView(
            state=record.state,
            words=decision.words,
            title=record.item.title if record.item else decision.item_id,
            detail=detail,
            held_s=words.countdown(held_s) if held_s is not None else None,
            mine=decision.operator == self._desk.operator,
            operator=decision.operator,
        )
