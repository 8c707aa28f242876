"""Selecting items for a decision on many, and folding alike ones into one row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from triage.tui.words import plural

if TYPE_CHECKING:
    from triage.store.queue import Entry
    from triage.tui.screens.desk_screen import DeskScreen

__all__ = ["Selecting"]


class Selecting:
    """The group Select."""

    def __init__(self, screen: DeskScreen) -> None:
        self._screen = screen

    def select(self, _: Entry | None) -> None:
        """Select the row under the cursor, or no longer, and go to the next."""
        screen = self._screen
        row_id, before = screen.list.cursor_id, len(screen.many.choosing.selection)
        if row_id is None:
            return
        screen.many.choosing.toggle(row_id)
        screen.many.show_selection(whole=False)
        screen.move_to(screen.list.index + 1)
        if not before:
            self._say_what_follows()

    def select_range(self, _: Entry | None) -> None:
        """Begin a range at the row under the cursor, or end the one under way."""
        screen = self._screen
        row_id = screen.list.cursor_id
        if screen.many.choosing.ranging:
            screen.many.choosing.end_range()
            screen.many.show_selection(whole=False)
            self._say_what_follows()
        elif row_id is not None:
            screen.many.choosing.start_range(row_id)
            screen.many.show_selection(whole=False)
            screen.say(f"A range: moving selects; {screen.keymap.label('select_range')} ends it")

    def select_all(self, _: Entry | None) -> None:
        """Select everything that is shown."""
        self._screen.many.choosing.select_all()
        self._screen.many.show_selection()
        self._say_what_follows()

    def group(self, _: Entry | None) -> None:
        """Fold alike items into one row each, or show every item again."""
        screen = self._screen
        folded = screen.view.groups is None
        screen.many.fold_alike(folded)
        screen.say("Alike items are one row each" if folded else "Every item has its own row")

    def _say_what_follows(self) -> None:
        keys = self._screen.keymap
        count = plural(len(self._screen.many.choosing.selection), "item")
        self._screen.say(f"{count} selected: a verb's key decides them all; {keys.label('back')} clears")
