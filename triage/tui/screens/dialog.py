"""A dialog: a frame over the desk with a title, the keys at its foot, and one answer.

It keeps the desk's rules: a key that decides must not be held down nor come in a burst, and agent text
is spans made by ``lines.safe``, never markup. What is typed is handed to ``on_draft`` as it is typed.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from typing import ClassVar, Generic, TypeVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.timer import Timer
from textual.widgets import Input, Static, TextArea

from triage.model import safe_text
from triage.model.item import Item
from triage.tui.guard import Guard, Subject
from triage.tui.keys_in_order import edit_in_order
from triage.tui.marks import marks_for

__all__ = ["Dialog", "Hint", "OnDraft", "subject_of"]

T = TypeVar("T")
Hint = tuple[str, str]
"""A key as people read it, and what it does."""
OnDraft = Callable[[str], None]


def subject_of(item: Item) -> Subject:
    """What a decision in a dialog about ``item`` is about."""
    return Subject(item.id, item.revision)


class Dialog(ModalScreen[T | None], Generic[T]):
    """The frame. Its answer is None when the operator went back.

    Args:
        title: at the top of the frame; made harmless here.
        item: what is decided in it; None for a dialog that decides nothing.
        on_draft: takes what was typed so far, soon after it was typed and when the dialog ends.
        clock: seconds, monotonic.
    """

    DEFAULT_CSS = """
    Dialog { align: center middle; background: transparent; }
    Dialog > #frame {
        border: round $border; background: $background; color: $foreground;
        border-title-color: $foreground; border-title-style: bold; border-subtitle-color: $text-muted;
        padding: 0 1; height: auto; width: 84; max-width: 100%; max-height: 100%;
    }
    Dialog.-wide > #frame { width: 100%; height: 100%; }
    Dialog.-ascii > #frame { border: ascii $border; }
    Dialog #notice { height: auto; display: none; color: $error; }
    Dialog #notice.-shown { display: block; }
    Dialog Input { border: none; height: 1; padding: 0; background: $panel; }
    Dialog Input:focus { border: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "back", "back", show=False)]
    DRAFT_S: ClassVar[float] = 0.4
    """Quiet after typing before a draft is kept."""

    def __init__(
        self,
        title: str,
        *,
        item: Item | None = None,
        on_draft: OnDraft | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self._title = title
        self._item = item
        self._on_draft = on_draft
        self._draft: str | None = None
        self._draft_timer: Timer | None = None
        self._finished = False
        self.guard = Guard(clock)
        self.hints: Sequence[Hint] = ()
        self.set_class(marks_for(os.environ).ascii_only, "-ascii")

    def body(self) -> ComposeResult:
        """What stands in the frame."""
        raise NotImplementedError

    def compose(self) -> ComposeResult:
        """The frame around the body, and a line for what is wrong."""
        with Vertical(id="frame"):
            yield from self.body()
            yield Static("", id="notice", markup=False)

    def on_mount(self) -> None:
        """Write title and keys on the frame."""
        self.query_one("#frame").border_title = Content(f" {safe_text.line(self._title, 100)} ")
        self.hint(*self.hints)
        for field in (*self.query(Input), *self.query(TextArea)):  # blinking sends bytes for ever
            field.cursor_blink = False
        if self._item is not None:
            self.guard.paint(subject_of(self._item))

    def hint(self, *hints: Hint) -> None:
        """Say which keys do what."""
        self.hints = hints
        parts: list[Content | str | tuple[str, str]] = []
        for number, (key, label) in enumerate(hints):
            parts += [" ·" if number else "", (f" {key}", "bold $foreground"), f" {label}"]
        parts.append(" ")
        self.query_one("#frame").border_subtitle = Content.assemble(*parts)

    def notice(self, text: str) -> None:
        """Say what is wrong, above the keys; empty: nothing is. ``text`` is made harmless."""
        line = self.query_one("#notice", Static)
        line.update(Content(safe_text.block(text)))
        line.set_class(bool(text), "-shown")

    # -- deciding -------------------------------------------------------------------------------

    def take_key(self, event: events.Key) -> bool:
        """Every key, before anything is done with it; True when the dialog has done it."""
        self.guard.key(event.key)
        if event.key in ("tab", "shift+tab") and isinstance(self.focused, Input | TextArea):
            # At once, so that what is typed right after goes into the next field and not into this one.
            (self.focus_next if event.key == "tab" else self.focus_previous)()
            return True
        if isinstance(self.focused, Input | TextArea):
            return edit_in_order(self, event)
        return self.single_key(event.key)

    def single_key(self, key: str) -> bool:
        """Do what ``key`` does while no text is typed; False when it does nothing here."""
        return False

    def may_decide(self) -> bool:
        """Whether the last key may decide; says why when it may not."""
        why = self.guard.refuse(self._item.id if self._item else None)
        if why:
            self.notice(why.capitalize() + ".")
        return why is None

    def action_back(self) -> None:
        """Leave without an answer; what was typed is kept as a draft."""
        self.finish(None)

    def finish(self, answer: T | None) -> None:
        """Leave with an answer; what is answered while it goes comes too late."""
        if self._finished or not self.is_active:
            return
        self._finished = True
        self._keep_draft()
        self.dismiss(answer)

    # -- drafts ---------------------------------------------------------------------------------

    def typed(self, text: str) -> None:
        """Have ``text`` kept as the draft, once typing pauses."""
        self._draft = text
        if self._draft_timer is not None:
            self._draft_timer.stop()
        if self._on_draft is not None:
            self._draft_timer = self.set_timer(self.DRAFT_S, self._keep_draft)

    def _keep_draft(self) -> None:
        if self._draft is not None and self._on_draft is not None:
            self._on_draft(self._draft)
        self._draft = None
