"""A dialog that answers a question: by the number of an option, or in words that are checked as they come."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import msgspec
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input

from triage.model import safe_text
from triage.model.item import Item
from triage.tui.field_schema import resolved
from triage.tui.fields import FieldFault, field_of, parse_value
from triage.tui.lines import Line, indented, safe, wrapped
from triage.tui.offers import offered
from triage.tui.screens.dialog import Dialog, Hint, OnDraft
from triage.tui.screens.page import Page

__all__ = ["Answer", "AnswerDialog", "takes_text"]


class Answer(msgspec.Struct, frozen=True):
    """What the operator answers, as JSON."""

    value: Any


def takes_text(schema: dict[str, Any] | None) -> bool:
    """Whether words are an answer as they stand; else they are read as JSON."""
    kind = resolved(schema, schema).get("type")
    return kind is None or kind == "string" or (isinstance(kind, list) and "string" in kind)


class AnswerDialog(Dialog[Answer]):
    """Numbers choose an option; where several may be chosen they mark them and enter sends the list.

    Args:
        check: what is wrong with an answer, sentence by sentence.
        on_external: opens the text in the operator's editor and returns the new one.
    """

    DEFAULT_CSS = "AnswerDialog Page { max-height: 16; }"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("f4,ctrl+g", "external", "in $EDITOR", show=False)]

    def __init__(
        self,
        item: Item,
        check: Callable[[Any], Sequence[str]],
        *,
        draft: str = "",
        on_draft: OnDraft | None = None,
        on_external: Callable[[str, Callable[[str], None]], None] | None = None,
    ) -> None:
        super().__init__(f"Answer: {item.title}", item=item, on_draft=on_draft)
        self._asked = item
        self._options, self._many = offered(item)
        self._field = field_of("answer", {}, item.answer_schema, item.answer_schema)
        self._check = check
        self._value = draft
        self._on_external = on_external
        self._chosen: list[int] = []
        self._at = 0

    def body(self) -> ComposeResult:
        """The options, and a line for words."""
        if self._options:
            yield Page(self._lines, id="options")
        hint = "" if self._as_words else f": {safe_text.line(self._field.hint, 120)}"
        placeholder = f"your answer{hint}"
        yield Input(self._value, id="line", placeholder=placeholder, select_on_focus=False)

    @property
    def _as_words(self) -> bool:
        """Whatever is written is the answer as it stands."""
        field = self._field
        return takes_text(self._asked.answer_schema) and not field.format and not field.choices

    def on_mount(self) -> None:
        """Options first, where there are any and nothing was written yet."""
        super().on_mount()
        by_number = bool(self._options) and not self._value
        self.set_focus(self.query_one(Page) if by_number else self.query_one(Input))
        self._show_hints(by_number)

    def _show_hints(self, by_number: bool) -> None:
        if not by_number:
            external: tuple[Hint, ...] = (("F4", "in $EDITOR"),) if self._on_external else ()
            self.hint(("enter", "send"), *external, ("esc", "back"))
        elif self._many:
            self.hint(("1–9 space", "mark"), ("enter", "send"), ("tab", "write"), ("esc", "back"))
        else:
            self.hint(("1–9", "choose and send"), ("j k enter", "choose"), ("tab", "write"), ("esc", "back"))

    def single_key(self, key: str) -> bool:
        """Choose, mark, send, or go over to writing."""
        options = self._options
        if key.isdecimal() and 1 <= int(key) <= min(9, len(options)):
            self._pick(int(key) - 1)
        elif key in ("j", "down", "k", "up"):
            self._at = max(0, min(self._at + (1 if key in ("j", "down") else -1), len(options) - 1))
            self.query_one(Page).show()
        elif key == "space" and self._many:
            self._pick(self._at)
        elif key == "enter":
            if not self._many:
                self._pick(self._at)
            else:
                self._answer([options[at].value for at in sorted(self._chosen)])
        elif key == "tab":
            self.set_focus(self.query_one(Input))
            self._show_hints(False)
        else:
            return False
        return True

    def _pick(self, at: int) -> None:
        if self._many:
            self._chosen = (
                [each for each in self._chosen if each != at] if at in self._chosen else [*self._chosen, at]
            )
            self.query_one(Page).show()
        else:
            self._answer(self._options[at].value)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Check what is written, and keep it."""
        self.typed(event.value)
        if not event.value:
            self.notice("")
            return
        try:
            self.notice("\n".join(self._check(self._read(event.value))[:3]))
        except FieldFault as fault:
            self.notice(str(fault))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Send what is written."""
        if not event.value.strip():
            self.notice("Write an answer, or go back with esc.")
            return
        try:
            self._answer(self._read(event.value))
        except FieldFault as fault:
            self.notice(str(fault))

    def action_external(self) -> None:
        """Write it in the operator's editor."""
        if self._on_external is not None:
            self._on_external(self.query_one(Input).value, self._take_external)

    def _take_external(self, text: str) -> None:
        """What the editor gave: one line goes on here, several are sent as they are."""
        if "\n" not in text.strip():
            self.query_one(Input).value = text.strip()
            self.set_focus(self.query_one(Input))
            return
        try:
            self._answer(self._read(text.rstrip("\n")))
        except FieldFault as fault:
            self.notice(str(fault))

    def _read(self, text: str) -> Any:
        return text if self._as_words else parse_value(self._field, text.strip())

    def _answer(self, value: Any) -> None:
        faults = self._check(value)
        if faults:
            self.notice("\n".join(faults[:5]))
        elif self.may_decide():
            self.finish(Answer(value))

    def _lines(self, width: int) -> list[Line]:
        lines: list[Line] = []
        for number, option in enumerate(self._options, 1):
            mark = ("[x] " if number - 1 in self._chosen else "[ ] ") if self._many else ""
            cursor = ">" if number - 1 == self._at else " "
            key = str(number) if number <= 9 else " "
            first, *rest = wrapped(safe(option.label, "text", 400), width - 9)
            lines.append(((f"{cursor}{key}  {mark}", "shortcut"), *first))
            lines += indented(rest, "    ")
            if option.description:
                lines += indented(wrapped(safe(option.description, "muted"), width - 4), "    ")
        return [*lines, ()]
