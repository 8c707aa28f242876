"""A dialog that asks for one line of text."""

from __future__ import annotations

from collections.abc import Callable

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Input, Static

from triage.model import safe_text
from triage.tui.screens.dialog import Dialog, OnDraft

__all__ = ["PromptDialog"]


class PromptDialog(Dialog[str]):
    """Answers with the text; ``check`` says what is wrong with it (empty: nothing).

    Args:
        needed: an empty text is no answer.
    """

    def __init__(
        self,
        title: str,
        *,
        value: str = "",
        intro: str = "",
        needed: bool = True,
        check: Callable[[str], str] = lambda _: "",
        on_draft: OnDraft | None = None,
    ) -> None:
        super().__init__(title, on_draft=on_draft)
        self._value = value
        self._intro = intro
        self._needed = needed
        self._check = check

    def body(self) -> ComposeResult:
        """What is wanted, and the line."""
        if self._intro:
            yield Static(Content(safe_text.block(self._intro)), markup=False)
        yield Input(self._value, id="line", select_on_focus=False)

    def on_mount(self) -> None:
        """Type at once."""
        super().on_mount()
        self.hint(("enter", "ok"), ("esc", "back"))
        self.set_focus(self.query_one(Input))

    def on_input_changed(self, event: Input.Changed) -> None:
        """Keep what is typed."""
        self.notice("")
        self.typed(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Answer, if it can be."""
        text = event.value.strip()
        wrong = "write something, or go back with esc" if self._needed and not text else self._check(text)
        if wrong:
            self.notice(wrong)
        else:
            self.finish(text)
