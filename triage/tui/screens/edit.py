"""A dialog that edits a JSON value: as a form or as text, checked as it is typed, its difference shown first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, cast

import msgspec
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.suggester import SuggestFromList
from textual.widget import Widget
from textual.widgets import ContentSwitcher, Input, Static, TextArea

from triage.model import safe_text
from triage.model.item import Item
from triage.tui.changes import difference_lines, value_differences
from triage.tui.fields import Field, FieldFault, editable_json, fields_of, object_from, parse_json
from triage.tui.lines import Line
from triage.tui.screens.dialog import Dialog, OnDraft
from triage.tui.screens.reading import ReadingScreen
from triage.tui.widgets.json_area import JsonArea

__all__ = ["EditDialog", "Edited"]

FORM, TEXT = "form", "text"


class Edited(msgspec.Struct, frozen=True):
    """The answer: the value as it is to be sent."""

    value: Any


class EditDialog(Dialog[Edited]):
    """F2 goes on: with what was proposed at hand it shows the difference first, and enter there sends.

    Args:
        value: what is edited; None: nothing is there yet.
        schema: JSON Schema the form is made from.
        check: what is wrong with a value, sentence by sentence.
        compare: show the difference from ``value`` before it is sent.
        draft: JSON text of an earlier, unfinished edit.
    """

    DEFAULT_CSS = """
    EditDialog ContentSwitcher { height: 1fr; }
    EditDialog .field { height: auto; }
    EditDialog .area { height: 10; border: none; padding: 0; background: $panel; }
    EditDialog .name { width: 24; color: $secondary; }
    EditDialog .hint { color: $text-muted; height: auto; padding-left: 24; }
    EditDialog VerticalScroll { scrollbar-size: 1 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f2,ctrl+o", "send", "send", show=False),
        Binding("f3,ctrl+t", "switch", "form or JSON", show=False),
    ]

    def __init__(
        self,
        title: str,
        item: Item,
        value: Any,
        schema: dict[str, Any] | None,
        check: Callable[[Any], Sequence[str]],
        *,
        compare: bool = True,
        draft: str = "",
        on_draft: OnDraft | None = None,
    ) -> None:
        super().__init__(title, item=item, on_draft=on_draft)
        self.add_class("-wide")
        self._before = value
        self._schema = schema
        self._check = check
        self._compare = compare
        self._text = draft or editable_json({} if value is None else value)
        shown = _decoded(draft, value)
        self._fields = fields_of(shown, schema)
        self._shown = shown

    def body(self) -> ComposeResult:
        """The form where one can be made, and the text."""
        with ContentSwitcher(initial=FORM if self._fields else TEXT, id="ways"):
            with VerticalScroll(id=FORM, can_focus=False):
                for number, field in enumerate(self._fields or ()):
                    with Horizontal(classes="field"):
                        star = "*" if field.required else " "
                        yield Static(Content(safe_text.line(field.name, 21) + star), classes="name")
                        yield _widget(field, f"field-{number}")
                    yield Static(Content(safe_text.line(field.hint, 200)), classes="hint")
            yield JsonArea(self._text, id=TEXT)

    def on_mount(self) -> None:
        """Begin in the first field."""
        super().on_mount()
        self._focus_first()

    @property
    def way(self) -> str:
        """``form`` or ``text``."""
        return self.query_one(ContentSwitcher).current or TEXT

    def _focus_first(self) -> None:
        if self.way == FORM:
            self.query_one("#field-0").focus()
        else:
            self.query_one(f"#{TEXT}", JsonArea).focus()
        other = ("F3", "as JSON" if self.way == FORM else "as a form")
        ways = (other,) if self._fields else ()
        move = (("tab", "next field"),) if self.way == FORM else ()
        self.hint(("F2", "look and send" if self._compare else "send"), *move, *ways, ("esc", "back"))

    # -- the value ------------------------------------------------------------------------------

    def value(self) -> Any:
        """What is written. Raises FieldFault."""
        if self.way == TEXT:
            return parse_json(self.query_one(f"#{TEXT}", JsonArea).text)
        texts = [_text_in(self.query_one(f"#field-{number}")) for number in range(len(self._fields or ()))]
        return object_from(self._fields or (), texts, self._shown)

    def faults(self) -> list[str]:
        """What is wrong with it."""
        try:
            return list(self._check(self.value()))
        except FieldFault as fault:
            return [str(fault)]

    @on(Input.Changed)
    @on(TextArea.Changed)
    def _on_typing(self) -> None:
        """Check, and keep what was typed."""
        faults = self.faults()
        same = self._unchanged()
        self.notice("" if same and self._compare else "\n".join(faults[:3]))
        self.typed("" if same else self._draft_text())

    def _unchanged(self) -> bool:
        try:
            return msgspec.json.encode(self.value()) == msgspec.json.encode(self._before)
        except FieldFault:
            return False

    def _draft_text(self) -> str:
        if self.way == TEXT:
            return self.query_one(f"#{TEXT}", JsonArea).text
        try:
            return editable_json(self.value())
        except FieldFault:
            return self._text

    # -- keys -----------------------------------------------------------------------------------

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter in a field goes to the next one."""
        self.focus_next()

    def action_switch(self) -> None:
        """Change between form and text, where what is written can be read."""
        if not self._fields:
            self.notice("This has no form: it is not an object with a few properties.")
            return
        try:
            value = self.value()
        except FieldFault as fault:
            self.notice(str(fault))
            return
        if self.way == FORM:
            self.query_one(f"#{TEXT}", JsonArea).load_text(editable_json(value))
            self.query_one(ContentSwitcher).current = TEXT
        elif not self._fill_form(value):
            self.notice("This no longer fits the form: another property came, or it is no object.")
            return
        self._focus_first()

    def _fill_form(self, value: Any) -> bool:
        fields = fields_of(value, self._schema)
        if fields is None or [field.name for field in fields] != [field.name for field in self._fields or ()]:
            return False
        self._fields, self._shown = fields, value
        for number, field in enumerate(fields):
            _fill(self.query_one(f"#field-{number}"), field.text)
        self.query_one(ContentSwitcher).current = FORM
        return True

    def action_send(self) -> None:
        """Show the difference, or send where there is nothing to compare with."""
        faults = self.faults()
        if faults:
            self.notice("\n".join(faults[:5]))
            return
        value = self.value()
        if not self._compare:
            if self.may_decide():
                self.finish(Edited(value))
            return

        def lines(width: int) -> list[Line]:
            return difference_lines(value_differences(self._before, value), width)

        def sent(yes: bool | None) -> None:
            if yes:
                self.finish(Edited(value))

        self.app.push_screen(
            ReadingScreen("What you changed", lines, confirm="send it", item=self._item), sent
        )


def _widget(field: Field, id: str) -> Input | TextArea:
    """What a field is written in: a line, or an area for text of several lines."""
    if field.kind == "text":
        area = TextArea(field.text, id=id, classes="area", tab_behavior="focus", soft_wrap=True)
        area.cursor_blink = False
        return area
    choices = [str(choice) for choice in field.choices]
    suggester = SuggestFromList(choices, case_sensitive=False) if choices else None
    return Input(field.text, id=id, suggester=suggester, select_on_focus=False)


def _text_in(widget: Widget) -> str:
    return widget.text if isinstance(widget, TextArea) else cast(Input, widget).value


def _fill(widget: Widget, text: str) -> None:
    if isinstance(widget, TextArea):
        widget.load_text(text)
    else:
        cast(Input, widget).value = text


def _decoded(draft: str, value: Any) -> Any:
    """The draft's value where it is whole, else the value itself."""
    try:
        return parse_json(draft) if draft else value
    except FieldFault:
        return value
