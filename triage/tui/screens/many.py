"""Many items on the desk's screen: which are selected, how alike ones are folded, and deciding them together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import msgspec

from triage.desk.desk import Desk
from triage.tui.actions import Keymap
from triage.tui.batch import Standing
from triage.tui.choosing import Choosing
from triage.tui.deciding import Deciding
from triage.tui.deciding_many import DecidingMany
from triage.tui.grouping import is_group
from triage.tui.item_text import body_lines, head_lines
from triage.tui.screens.page import Maker

if TYPE_CHECKING:
    from triage.store.queue import Entry
    from triage.tui.app import TriageApp
    from triage.tui.screens.desk_screen import DeskScreen

__all__ = ["Many"]


class Many:
    """The part of the screen that many items are handled by. It shows through the screen and its list."""

    def __init__(self, screen: DeskScreen) -> None:
        self._screen = screen
        self._view = screen.view
        self.choosing = Choosing(screen.desk, screen.view)
        self.deciding_many = DecidingMany(self)

    # -- what deciding needs --------------------------------------------------------------------

    @property
    def desk(self) -> Desk:
        """The desk that decides."""
        return self._screen.desk

    @property
    def keymap(self) -> Keymap:
        """The keys in force."""
        return self._screen.keymap

    @property
    def deciding(self) -> Deciding:
        """What decides single items."""
        return self._screen.deciding

    @property
    def app(self) -> TriageApp:
        """The app, to open dialogs and to work in."""
        return self._screen.console

    def say(self, text: str, style: str = "text") -> None:
        """Tell the operator something."""
        self._screen.say(text, style)

    def standing(self, item_id: str) -> Standing | None:
        """How an item stands now; None: it is gone."""
        entry = self.desk.entry(item_id)
        if entry is None:
            return None
        chosen = self.choosing.selection.chosen(item_id)
        seen = chosen.revision if chosen else ""
        return Standing(entry, self._view.record(item_id), seen, self.desk.risk_of(entry))

    def page_of(self, entry: Entry) -> Maker:
        """An item's whole page, for reading beside others."""
        marks = self._screen.look.marks
        page = msgspec.structs.replace(self._screen.showing.page(entry), key_of=lambda _: "")  # no keys here
        return lambda width: [*head_lines(page, marks, width), (), *body_lines(page, marks, width)]

    # -- deciding -------------------------------------------------------------------------------

    def begin(self, action_id: str) -> bool:
        """Decide what is selected or folded under the cursor; False where one item is to be decided."""
        targets = self.choosing.targets(self._screen.list.cursor_id)
        if targets:
            self.choosing.end_range()
            self._screen.stopwatch.begin_many()
            self.deciding_many.begin(action_id, targets)
        return bool(targets)

    def decided_many(self, item_ids: Sequence[str], stayed: dict[str, str]) -> None:
        """Decisions were logged; what stayed behind is selected, and says why."""
        screen = self._screen
        records = [record for item_id in item_ids if (record := self.desk.record(item_id)) is not None]
        screen.stopwatch.decided_many([record.decision.id for record in records])
        self._view.update([*item_ids, *stayed])
        self.choosing.stay(stayed)
        screen.place_rows()
        row_id = screen.list.cursor_id
        following = self._view.next_waiting(row_id) if row_id else None
        if row_id and following and not self._view.wants_decision(row_id):
            screen.jump_to(following)
        screen.show_all()

    def took_back(self, item_ids: Sequence[str]) -> None:
        """Many decisions were taken back: they wait again, and are selected."""
        screen = self._screen
        self._view.update(item_ids)
        self.choosing.select(item_ids)
        screen.place_rows()
        if item_ids:
            screen.jump_to(item_ids[0])
        screen.show_all()

    # -- selecting ------------------------------------------------------------------------------

    def swept(self, before: int, after: int) -> None:
        """The cursor goes from one row to another: a range follows. Called before the list paints it."""
        self.choosing.sweep(before, after)

    def fell_out(self, item_ids: Iterable[str]) -> bool:
        """Say which of the selected no longer wait; True when some fell out."""
        said = self.choosing.fell_out(item_ids)
        if said and not self.deciding_many.busy:
            self.say(said, "warning")
        return bool(said)

    def show_selection(self, *, whole: bool = True) -> None:
        """Other items are selected than before; not ``whole``: of the row under the cursor alone."""
        rows = self._screen.list
        rows.unseen = self.choosing.unseen() if rows.unseen else 0
        rows.note = self._screen.showing.note(self._screen.look.marks.dot)
        if whole:
            self._screen.show_all()
        else:
            rows.repaint_rows(rows.index, rows.index)
            self._screen.show_keys()

    # -- folding --------------------------------------------------------------------------------

    def fold_alike(self, wanted: bool) -> None:
        """Fold alike items into one row each, or show every item again; the cursor stays on its item."""
        screen = self._screen
        entry = screen.entry
        self.choosing.end_range()
        self._view.keep(None)
        if not wanted and entry is not None:
            screen.list.cursor_id = entry.item.id
        self._view.fold_alike(wanted)
        screen.settle_rows()

    def unfold(self) -> bool:
        """Unfold the group whose head is under the cursor, or fold it again; False where it is no head."""
        row_id, groups = self._screen.list.cursor_id, self._view.groups
        if row_id is None or groups is None or not is_group(row_id):
            return False
        self.choosing.end_range()
        (groups.fold if groups.is_open(row_id) else groups.unfold)(row_id)
        self._screen.settle_rows()
        return True

    def fold(self) -> bool:
        """Fold the group that the item under the cursor stands in; False where it stands in none."""
        row_id, groups = self._screen.list.cursor_id, self._view.groups
        head = groups.head_of(row_id) if groups is not None and row_id else None
        if groups is None or head is None:
            return False
        groups.fold(head)
        self._screen.settle_rows()
        return True
