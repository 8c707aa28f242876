"""A dialog that asks for the reason of a verdict: one of nine by number, or a line of text."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.widgets import Input

from triage.model.item import Item, Verb
from triage.model.reason import ReadyReason
from triage.tui import words
from triage.tui.lines import Line, indented, safe, wrapped
from triage.tui.reasons import Reason
from triage.tui.screens.dialog import Dialog, OnDraft
from triage.tui.screens.page import Page

__all__ = ["ReasonDialog"]


class ReasonDialog(Dialog[Reason]):
    """1–9 decide with a ready reason, enter without one; any letter begins a reason of one's own."""

    def __init__(
        self,
        verb: Verb,
        item: Item,
        reasons: Sequence[ReadyReason],
        *,
        title: str = "",
        draft: str = "",
        warning: str = "",
        needed: bool = False,
        on_draft: OnDraft | None = None,
    ) -> None:
        title = title or f"{verb.value.capitalize()}: {item.title}"
        super().__init__(title, item=item, on_draft=on_draft)
        self._verb = verb
        self._reasons = reasons[:9]
        self._value = draft
        self._warning = warning
        self._needed = needed

    def body(self) -> ComposeResult:
        """The ready reasons, and a line for another."""
        yield Page(self._lines, id="reasons")
        yield Input(self._value, id="line", placeholder="or write why", select_on_focus=False)

    def on_mount(self) -> None:
        """The numbers work at once; a kept draft is gone on with."""
        super().on_mount()
        self._show_hints()
        self.set_focus(self.query_one(Input) if self._value else self.query_one(Page))

    def _show_hints(self) -> None:
        done = words.VERB_DONE[self._verb]
        without = () if self._needed else (("enter", f"{self._verb} without a reason"),)
        typing = isinstance(self.focused, Input) or bool(self._value)
        if typing:
            self.hint(("enter", f"{done} for this reason"), ("esc", "back"))
        else:
            self.hint(("1–9", "reason"), ("a letter", "write one"), *without, ("esc", "back"))

    def single_key(self, key: str) -> bool:
        """A number decides, enter decides without a reason, whatever can be typed begins the text."""
        if key.isdecimal() and key != "0" and int(key) <= len(self._reasons):
            ready = self._reasons[int(key) - 1]
            self._decide(Reason(ready.text, ready))
        elif key == "enter" and not self._needed:
            self._decide(Reason())
        elif len(key) == 1 or key == "tab":
            line = self.query_one(Input)
            self.set_focus(line)
            if len(key) == 1:
                line.insert_text_at_cursor(key)
            self.call_after_refresh(self._show_hints)
        else:
            return False
        return True

    def on_input_changed(self, event: Input.Changed) -> None:
        """Keep what is typed."""
        self.typed(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Decide with the text."""
        text = event.value.strip()
        if not text and self._needed:
            self.notice("This needs a reason: write one, or go back with esc.")
        else:
            self._decide(Reason(text or None))

    def _decide(self, reason: Reason) -> None:
        if self.may_decide():
            self.finish(reason)

    def _lines(self, width: int) -> list[Line]:
        lines: list[Line] = []
        if self._warning:
            lines += [*wrapped((("! ", "warning"), *safe(self._warning, "warning")), width), ()]
        for number, reason in enumerate(self._reasons, 1):
            lines.append(((f" {number}  ", "shortcut"), *safe(reason.text, "text", width - 4)))
            if reason.message:
                lines += indented([safe(f"sends: {reason.message}", "muted", width - 4)], "    ")
        return [*lines, ()]
