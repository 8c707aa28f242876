"""A dialog that has a word typed before an item of high risk is decided."""

from __future__ import annotations

import re

from textual.app import ComposeResult
from textual.widgets import Input

from triage.model.item import Item, Verb
from triage.tui.lines import Line, safe, wrapped
from triage.tui.screens.dialog import Dialog
from triage.tui.screens.page import Page

__all__ = ["ConfirmDialog", "word_of"]

_EASY = re.compile(r"[A-Za-z0-9_.-]{1,20}")


def word_of(item: Item) -> str:
    """What has to be typed: the name of what is proposed, where that is one short word; else ``yes``."""
    names = {action.name for action in item.actions}
    name = next(iter(names), "")
    return name if len(names) == 1 and _EASY.fullmatch(name) else "yes"


class ConfirmDialog(Dialog[bool]):
    """Answers True once the word stands there. ``why``: who says that the risk is high; may be empty."""

    def __init__(self, verb: Verb, item: Item, why: str) -> None:
        super().__init__(f"{verb.value.capitalize()}: {item.title}", item=item)
        self._why = why
        self._word = word_of(item)

    def body(self) -> ComposeResult:
        """Why it is asked, and the line."""
        yield Page(self._lines, id="why")
        yield Input(id="line", select_on_focus=False)

    def on_mount(self) -> None:
        """Type at once."""
        super().on_mount()
        self.hint(("enter", "decide"), ("esc", "back"))
        self.set_focus(self.query_one(Input))

    def _lines(self, width: int) -> list[Line]:
        why: Line = (("High risk", "risk-high"), *(safe(f": {self._why}", "risk-high") if self._why else ()))
        asked: Line = (("Type ", "text"), (self._word, "strong"), (" to decide it.", "text"))
        return [*wrapped(why, width), asked]

    def on_input_changed(self) -> None:
        """What was wrong is being mended."""
        self.notice("")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Decide, if it is the word."""
        if event.value.strip().casefold() != self._word.casefold():
            self.notice(f"Nothing is decided: type {self._word}, or go back with esc.")
        elif self.may_decide():
            self.finish(True)
