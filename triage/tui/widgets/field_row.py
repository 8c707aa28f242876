"""One field of a form: its sign, its name, and what it is written in."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.suggester import SuggestFromList
from textual.widgets import Input, Static, TextArea

from triage.model import safe_text
from triage.tui.fields import Field, choice_text
from triage.tui.marks import marks_for
from triage.tui.widgets.json_area import JsonArea

__all__ = ["ChoiceInput", "FieldRow", "name_width"]

_MOST_NAME = 24
_LEAST_NAME = 8


def name_width(fields: Sequence[Field]) -> int:
    """Cells for the names of a form's fields, a star and a gap with them."""
    longest = max((len(safe_text.line(field.name, _MOST_NAME)) for field in fields), default=0)
    return max(_LEAST_NAME, min(longest, _MOST_NAME)) + 2


class ChoiceInput(Input):
    """A line for one of a few values: up and down or space go through them, what is typed is completed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "step(-1)", "the choice before", show=False),
        Binding("down", "step(1)", "the next choice", show=False),
    ]

    def __init__(
        self, choices: Sequence[str], value: str, *, id: str | None = None, placeholder: str = ""
    ) -> None:
        suggester = SuggestFromList(choices, case_sensitive=False)
        super().__init__(value, id=id, suggester=suggester, select_on_focus=False, placeholder=placeholder)
        self._choices = list(choices)

    def on_key(self, event: events.Key) -> None:
        """Space goes to the next choice, unless it is being typed within one."""
        if event.key == "space" and not self._goes_on():
            event.prevent_default()
            event.stop()
            self.action_step(1)

    def action_step(self, step: int) -> None:
        """Put another choice there: the next or the one before, of what was half typed the one it begins."""
        typed = self.value.lower()
        if self.value in self._choices:
            at = (self._choices.index(self.value) + step) % len(self._choices)
        else:
            begun = (at for at, choice in enumerate(self._choices) if choice.lower().startswith(typed))
            at = next(begun, 0)
        self.value = self._choices[at]
        self.cursor_position = len(self.value)

    def _goes_on(self) -> bool:
        begun = self.value.lower() + " "
        return any(choice.lower().startswith(begun) for choice in self._choices)


class FieldRow(Horizontal):
    """Shows one field; says by a sign before its name whether it was changed, or is wrong."""

    DEFAULT_CSS = """
    FieldRow { height: auto; }
    FieldRow .sign { width: 2; }
    FieldRow .name { color: $secondary; }
    FieldRow .way { width: 3; color: $text-muted; }
    FieldRow Input { width: 1fr; }
    FieldRow .area { width: 1fr; height: auto; min-height: 3; max-height: 10; border: none; padding: 0;
        background: $panel; }
    FieldRow .area:focus { border: none; }
    FieldRow.-changed .sign { color: $warning; }
    FieldRow.-wrong .sign, FieldRow.-wrong .name { color: $error; text-style: bold; }
    """

    def __init__(self, field: Field, number: int, width: int) -> None:
        super().__init__()
        self._field = field
        self._width = width
        self._marks = marks_for(os.environ)
        self.editor = _editor(field, f"field-{number}")

    def compose(self) -> ComposeResult:
        """Sign, name, editor; behind a choice the keys that change it."""
        yield Static("", classes="sign", markup=False)
        star = "*" if self._field.required else ""
        name = Static(Content(safe_text.line(self._field.name, self._width - 2) + star), classes="name")
        name.styles.width = self._width
        yield name
        yield self.editor
        if isinstance(self.editor, ChoiceInput):
            yield Static(Content(f" {self._marks.up}{self._marks.down}"), classes="way")

    @property
    def text(self) -> str:
        """What is written."""
        return self.editor.text if isinstance(self.editor, TextArea) else self.editor.value

    def fill(self, text: str) -> None:
        """Write another text."""
        if isinstance(self.editor, TextArea):
            self.editor.load_text(text)
        else:
            self.editor.value = text

    def mark(self, *, changed: bool, wrong: bool) -> None:
        """Say that it is not what was proposed, or no value of the field."""
        if (changed, wrong) != (self.has_class("-changed"), self.has_class("-wrong")):
            self.set_class(changed, "-changed")
            self.set_class(wrong, "-wrong")
            sign = "!" if wrong else self._marks.changed if changed else ""
            self.query_one(".sign", Static).update(Content(sign))


def _editor(field: Field, id: str) -> Input | TextArea:
    """What a field is written in: a line, a choice, or an area for several lines."""
    if field.in_area and field.kind == "text":
        area = TextArea(field.text, id=id, classes="area", tab_behavior="focus", soft_wrap=True)
        area.cursor_blink = False
        return area
    if field.in_area:
        return JsonArea(field.text, id=id, classes="area")
    if field.choices:
        return ChoiceInput([choice_text(choice) for choice in field.choices], field.text, id=id)
    return Input(field.text, id=id, select_on_focus=False)
