"""A dialog before one decision on many items: what differs between them, and a key of its own that confirms."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import msgspec
from textual.app import ComposeResult

from triage.tui.batch import Batch, Candidate
from triage.tui.guard import Subject
from triage.tui.lines import Line
from triage.tui.screens.dialog import Dialog, Hint
from triage.tui.screens.page import Maker, look_from
from triage.tui.screens.reading import ReadingScreen
from triage.tui.widgets.comparison_table import ComparisonTable

__all__ = ["Bulk", "BulkDialog"]

_STEPS = {"j": 1, "down": 1, "k": -1, "up": -1}
_PAGES = {"ctrl+d": 0.5, "ctrl+u": -0.5, "pagedown": 0.9, "pageup": -0.9}
_ENDS = {"g": -1, "home": -1, "G": 1, "end": 1}
_SHIFTS = {"l": 1, "right": 1, "h": -1, "left": -1}


class Bulk(msgspec.Struct, frozen=True):
    """The answer: which items are decided, each at the revision the table showed, and which were left out."""

    decided: tuple[Candidate, ...]
    left_out: tuple[Candidate, ...]


class BulkDialog(Dialog[Bulk]):
    """j k move, space leaves an item out, enter reads it whole, ``confirm`` decides: never the verb's own key.

    Args:
        do: what would be done, in words: ``approve``.
        verb_keys: the keys that led here; they confirm nothing.
        confirm: the key that decides, and as people read it.
        intro: lines above the table.
        read: from an item to its page.
    """

    def __init__(
        self,
        batch: Batch,
        do: str,
        *,
        verb_keys: Sequence[str],
        confirm: tuple[str, str],
        intro: Sequence[Line],
        read: Callable[[Candidate], Maker],
    ) -> None:
        count = len(batch.taken)
        super().__init__(f"{do.capitalize()} {count:,} {'item' if count == 1 else 'items'}?")
        self.add_class("-wide")
        self._batch = batch
        self._do = do
        self._verb_keys = verb_keys
        self._confirm, self._confirm_label = confirm
        self._intro = intro
        self._read = read

    def body(self) -> ComposeResult:
        """The table."""
        painted = lambda: self.guard.paint(self.subject)  # noqa: E731
        yield ComparisonTable(look_from(self.app.theme_variables), self._batch, self._intro, painted)

    def on_mount(self) -> None:
        """Look at once."""
        super().on_mount()
        self.set_focus(self.table)
        self.call_after_refresh(self._show_hints)

    @property
    def table(self) -> ComparisonTable:
        """The items side by side."""
        return self.query_one(ComparisonTable)

    @property
    def subject(self) -> Subject:
        """What a decision here is about: these items at these revisions, without those left out."""
        return Subject("these items", _digest(self.table.kept_in))

    def _show_hints(self) -> None:
        table = self.table
        hints: list[Hint] = [
            (self._confirm_label, f"{self._do} {len(table.kept_in):,}"),
            ("space", "leave out"),
        ]
        hints += [("enter", "read")]
        hints += [("n", "next with !")] if table.marked else []
        self.hint(*hints, ("esc", "back"))

    def single_key(self, key: str) -> bool:
        """Move, leave out, read, decide."""
        table = self.table
        self.notice("")
        if key == self._confirm:
            self._decide()
        elif key in self._verb_keys:
            self.notice(f"The key that led here confirms nothing: {self._confirm_label} does.")
        elif key in _STEPS:
            table.move(_STEPS[key])
        elif key in _PAGES:
            table.move_page(_PAGES[key])
        elif key in _ENDS:
            table.move(_ENDS[key] * len(self._batch.taken + self._batch.behind))
        elif key in _SHIFTS:
            table.shift(_SHIFTS[key])
        elif key in ("n", "N"):
            table.move_to_marked(1 if key == "n" else -1)
        elif key == "space":
            self._leave_out()
        elif key == "enter":
            self._read_one()
        elif key == "q":
            self.finish(None)
        else:
            return False
        return True

    def _leave_out(self) -> None:
        if self.table.leave_out():
            self.table.move(1)
            self._show_hints()
        else:
            self.notice(f"It stays behind: {self.table.current.why}.")

    def _read_one(self) -> None:
        def back(_: bool | None) -> None:
            self.guard.paint(None)
            self.table.repaint(whole=True)

        one = self.table.current
        self.app.push_screen(ReadingScreen(one.item.title, self._read(one)), back)

    def may_decide(self) -> bool:
        """Whether the last key may decide these items; says why when it may not."""
        subject = self.subject
        why = self.guard.refuse(subject.item_id)
        if why is None and self.guard.painted != subject:
            why = "what you left out is not on screen yet"
        if why:
            self.notice(why.capitalize() + ".")
        return why is None

    def _decide(self) -> None:
        kept = tuple(self.table.kept_in)
        if not kept:
            self.notice("All were left out: nothing is decided. esc goes back.")
        elif self.may_decide():
            left = tuple(one for one in self._batch.taken if one.item.id in self.table.left_out)
            self.finish(Bulk(kept, left))


def _digest(candidates: Sequence[Candidate]) -> str:
    """Stands for every item at its revision."""
    shown = "".join(one.item.id + one.item.revision for one in candidates)
    return hashlib.sha256(shown.encode()).hexdigest()
