"""The line a filter is written in: it takes effect as it is typed, and shows how it could go on."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from triage.model import safe_text
from triage.model.filtering import Suggestion, complete
from triage.tui.queue_view import QueueView

__all__ = ["FilterLine"]

_SHOWN = 6


class FilterLine(Horizontal):
    """Hidden until it is wanted. Tab takes the first suggestion, enter keeps the filter, esc drops it."""

    DEFAULT_CSS = """
    FilterLine { height: 1; display: none; background: $panel; }
    FilterLine.-shown { display: block; }
    FilterLine Static { width: auto; color: $text-muted; }
    FilterLine Input { width: 1fr; border: none; height: 1; padding: 0; background: $panel; }
    FilterLine Input:focus { border: none; }
    FilterLine #more { width: auto; max-width: 50%; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "drop", "drop", show=False),
        Binding("tab", "take", "take", show=False, priority=True),
    ]

    class Written(Message):
        """The filter is another one."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Left(Message):
        """The operator is done with it."""

    def __init__(self, view: QueueView, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._view = view
        self._suggestions: list[Suggestion] = []

    def compose(self) -> ComposeResult:
        """Label, line, suggestions."""
        yield Static(Content(" filter / "))
        yield Input(id="words")
        yield Static("", id="more", markup=False)

    def show(self) -> None:
        """Write in it."""
        self.add_class("-shown")
        line = self.query_one(Input)
        line.cursor_blink = False
        line.value = self._view.filter_text
        self.screen.set_focus(line)
        self._suggest()

    def hide(self) -> None:
        """Go out of the way; the filter stays in force."""
        self.remove_class("-shown")

    def on_input_changed(self, event: Input.Changed) -> None:
        """Take effect at once."""
        event.stop()
        if self.has_class("-shown"):
            self.post_message(self.Written(event.value))
            self._suggest()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Keep it."""
        event.stop()
        self.post_message(self.Left())

    def action_drop(self) -> None:
        """Show everything again."""
        self.query_one(Input).value = ""
        self.post_message(self.Written(""))
        self.post_message(self.Left())

    def action_take(self) -> None:
        """Put the first suggestion into the line."""
        if self._suggestions:
            first, line = self._suggestions[0], self.query_one(Input)
            line.value = line.value[: first.start] + first.text + line.value[first.end :]
            line.cursor_position = first.start + len(first.text)

    def on_key(self, event: events.Key) -> None:
        """The suggestions follow the cursor."""
        self.call_after_refresh(self._suggest)

    def _suggest(self) -> None:
        line = self.query_one(Input)
        self._suggestions = complete(line.value, line.cursor_position, self._view.items(), _SHOWN)
        words = "  ".join(safe_text.line(suggestion.text, 24) for suggestion in self._suggestions)
        self.query_one("#more", Static).update(Content(f" tab: {words} " if words else ""))
