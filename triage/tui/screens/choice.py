"""A dialog that offers a few things to choose from, each with a key of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import msgspec
from textual.app import ComposeResult

from triage.model.item import Item
from triage.tui.lines import Line, indented, safe, wrapped
from triage.tui.screens.dialog import Dialog
from triage.tui.screens.page import Page

__all__ = ["Choice", "ChoiceDialog"]

T = TypeVar("T")
_MOVES = {"j": 1, "down": 1, "k": -1, "up": -1}
"""The keys that move the cursor, and by how much."""


class Choice(msgspec.Struct, Generic[T], frozen=True):
    """One thing to choose."""

    key: str
    """The key that chooses it at once, none of those that move; empty: only with the cursor and enter."""
    label: str
    value: T
    detail: str = ""


class ChoiceDialog(Dialog[T]):
    """Answers with the value that was chosen; ``on_point`` is told where the cursor goes.

    With ``item`` it decides something of that item, so that a key held down or pressed too soon does not.

    Raises:
        ValueError: a choice has a key that moves the cursor, and could never be chosen by it.
    """

    def __init__(
        self,
        title: str,
        choices: Sequence[Choice[T]],
        *,
        intro: str = "",
        at: int = 0,
        item: Item | None = None,
        on_point: Callable[[T], None] | None = None,
    ) -> None:
        super().__init__(title, item=item)
        if clash := [choice.label for choice in choices if choice.key in _MOVES]:
            raise ValueError(f"a key that moves the cursor cannot choose: {clash[0]!r}")
        self._choices = choices
        self._intro = intro
        self._at = at
        self._on_point = on_point
        self._starts: list[int] = []

    def body(self) -> ComposeResult:
        """The choices, one below the other."""
        yield Page(self._lines, id="choices")

    def on_mount(self) -> None:
        """Stand on the first choice."""
        super().on_mount()
        self.hint(("enter", "choose"), ("j k", "move"), ("esc", "back"))
        page = self.query_one(Page)
        self.set_focus(page)
        self.call_after_refresh(self._point, self._at)

    def single_key(self, key: str) -> bool:
        """Move, choose, or choose by a choice's own key."""
        if key in _MOVES:
            self._point(self._at + _MOVES[key])
        elif key == "enter":
            self._choose(self._at)
        else:
            found = next((at for at, choice in enumerate(self._choices) if choice.key == key), None)
            if found is None:
                return False
            self._choose(found)
        return True

    def _lines(self, width: int) -> list[Line]:
        lines: list[Line] = [*wrapped(safe(self._intro), width), ()] if self._intro else []
        self._starts = []
        for choice in self._choices:
            self._starts.append(len(lines))
            cursor = ">" if len(self._starts) - 1 == self._at else " "
            lead: Line = ((f"{cursor}{choice.key or ' '}  ", "shortcut"),)
            lines.append((*lead, *safe(choice.label, "text", width - 4)))
            lines += indented(
                wrapped(safe(choice.detail, "muted"), width - 4) if choice.detail else [], "    "
            )
        return lines

    def _point(self, at: int) -> None:
        if not self._choices:
            return
        self._at = max(0, min(at, len(self._choices) - 1))
        page = self.query_one(Page)
        page.show()
        page.lines_for(page.size.width)
        page.point(self._starts[self._at])
        if self._on_point is not None:
            self._on_point(self._choices[self._at].value)

    def _choose(self, at: int) -> None:
        if self._choices and (self._item is None or self.may_decide()):
            self.finish(self._choices[at].value)
