"""A dialog that edits a JSON value: as a form or as text, checked as it is typed, its difference shown first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import msgspec
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import ContentSwitcher, Input, Static, TextArea

from triage.model import safe_text
from triage.model.item import Item
from triage.tui.changes import difference_lines, value_differences
from triage.tui.fields import (
    Field,
    FieldFault,
    editable_json,
    faults_by_field,
    fields_of,
    parse_json,
    read_form,
)
from triage.tui.lines import Line
from triage.tui.screens.dialog import Dialog, OnDraft
from triage.tui.screens.reading import ReadingScreen
from triage.tui.widgets.field_row import ChoiceInput, FieldRow, name_width
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
    EditDialog VerticalScroll { scrollbar-size: 1 1; }
    EditDialog #about { height: auto; max-height: 3; color: $text-muted; }
    EditDialog #about.-wrong { color: $error; }
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
        self._shown = _decoded(draft, value)
        self._fields = fields_of(self._shown, schema) or []
        self._proposed = (
            {field.name: field.text for field in fields_of(value, schema) or ()} if compare else {}
        )
        self._faults: dict[int, str] = {}
        self._seen: set[int] = set()
        """Fields whose faults are told: those written in, and all once it was tried to send them."""

    def body(self) -> ComposeResult:
        """The form where one can be made, the text, and a line about the field at hand."""
        width = name_width(self._fields)
        with ContentSwitcher(initial=FORM if self._fields else TEXT, id="ways"):
            with VerticalScroll(id=FORM, can_focus=False):
                for number, field in enumerate(self._fields):
                    yield FieldRow(field, number, width)
            yield JsonArea(self._text, id=TEXT)
        yield Static("", id="about", markup=False)

    def on_mount(self) -> None:
        """Begin in the first field."""
        super().on_mount()
        self._focus_first()
        self._mark_fields()

    @property
    def way(self) -> str:
        """``form`` or ``text``."""
        return self.query_one(ContentSwitcher).current or TEXT

    @property
    def rows(self) -> list[FieldRow]:
        """The form's fields."""
        return list(self.query(FieldRow))

    def _focus_first(self) -> None:
        if self.way == FORM:
            self.set_focus(self.rows[0].editor)
        else:
            self.set_focus(self.query_one(f"#{TEXT}", JsonArea))
        other = ("F3", "as JSON" if self.way == FORM else "as a form")
        ways = (other,) if self._fields else ()
        move = (("tab", "next field"),) if self.way == FORM else ()
        self.hint(("F2", "look and send" if self._compare else "send"), *move, *ways, ("esc", "back"))

    # -- the value ------------------------------------------------------------------------------

    def value(self) -> Any:
        """What is written. Raises FieldFault."""
        if self.way == TEXT:
            return parse_json(self.query_one(f"#{TEXT}", JsonArea).text)
        form = read_form(self._fields, [row.text for row in self.rows], self._shown)
        for number, fault in form.faults.items():
            raise FieldFault(f"{self._fields[number].name}: {fault}")
        return form.value

    def faults(self) -> list[str]:
        """What is wrong with it; within the form, ``_faults`` then says of which field."""
        if self.way == TEXT:
            try:
                return list(self._check(self.value()))
            except FieldFault as fault:
                return [str(fault)]
        form = read_form(self._fields, [row.text for row in self.rows], self._shown)
        checked, others = faults_by_field(self._check(form.value), self._fields)
        self._faults = checked | form.faults
        if form.faults:  # what is missing is wrong already, under its own name
            others = []
        return [*(f"{self._fields[at].name}: {self._faults[at]}" for at in sorted(self._faults)), *others]

    @on(Input.Changed)
    @on(TextArea.Changed)
    def _on_typing(self, event: Input.Changed | TextArea.Changed) -> None:
        """Check, mark what is wrong or changed, and keep what was typed."""
        faults = self.faults()
        same = self._unchanged()
        if self.way == FORM:
            self._seen.update(at for at, row in enumerate(self.rows) if row.text != self._fields[at].text)
            self._mark_fields()
            self.notice("")
        else:
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

    # -- the field at hand ----------------------------------------------------------------------

    def _mark_fields(self) -> None:
        for at, row in enumerate(self.rows):
            changed = self._compare and row.text != self._proposed.get(self._fields[at].name, "")
            row.mark(changed=changed, wrong=at in self._faults and at in self._seen)
        self._tell_about()

    def _tell_about(self) -> None:
        """What may stand in the field at hand, or what is wrong with what stands there."""
        at = next((at for at, row in enumerate(self.rows) if row.editor is self.focused), None)
        told = self.query_one("#about", Static)
        wrong = at is not None and at in self._faults and at in self._seen
        told.set_class(wrong, "-wrong")
        if at is None or self.way == TEXT:
            told.update("")
            return
        field = self._fields[at]
        keys = " (up and down change it)" if isinstance(self.rows[at].editor, ChoiceInput) else ""
        words = f"! {field.name}: {self._faults[at]}" if wrong else f"{field.name}: {field.hint}{keys}"
        told.update(Content(safe_text.line(words, 300)))

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Another field is at hand: have it in sight, and say what may stand there."""
        self._tell_about()
        if self.way == FORM:
            self.call_after_refresh(self._reveal)

    def _reveal(self) -> None:
        """Once the line about the field has its height, the field is in sight."""
        row = next((row for row in self.rows if row.editor is self.focused), None)
        if row is not None:
            self.query_one(f"#{FORM}").scroll_to_widget(row, animate=False, immediate=True)

    # -- keys -----------------------------------------------------------------------------------

    def take_key(self, event: events.Key) -> bool:
        """Enter in a field goes to the next one, at once as tab does."""
        if event.key == "enter" and isinstance(self.focused, Input):
            self.guard.key(event.key)
            self.focus_next()
            return True
        return super().take_key(event)

    def action_switch(self) -> None:
        """Change between form and text, where what is written can be read."""
        if not self._fields:
            self.notice("This has no form: it is not an object with properties.")
            return
        try:
            value = self.value()
        except FieldFault as fault:
            self.notice(str(fault))
            return
        self.notice("")
        if self.way == FORM:
            self.query_one(f"#{TEXT}", JsonArea).load_text(editable_json(value))
            self.query_one(ContentSwitcher).current = TEXT
        elif not self._fill_form(value):
            self.notice("This no longer fits the form: another property came, or it is no object.")
            return
        self._focus_first()
        self._tell_about()

    def _fill_form(self, value: Any) -> bool:
        fields = fields_of(value, self._schema)
        if fields is None or [_shape(field) for field in fields] != [_shape(field) for field in self._fields]:
            return False
        self._fields, self._shown = fields, value
        for row, field in zip(self.rows, fields, strict=True):
            row.fill(field.text)
        self.query_one(ContentSwitcher).current = FORM
        self.faults()
        self._mark_fields()
        return True

    def action_send(self) -> None:
        """Show the difference, or send where there is nothing to compare with; go to what is wrong first."""
        faults = self.faults()
        if faults:
            self._show_faults(faults)
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

    def _show_faults(self, faults: list[str]) -> None:
        if self.way == TEXT or not self._faults:
            self.notice("\n".join(faults[:5]))
            return
        self._seen.update(self._faults)
        self.set_focus(self.rows[min(self._faults)].editor)
        self._mark_fields()
        others = len(self._faults) - 1
        self.notice(
            f"{others} more fields are wrong." if others > 1 else "One more is wrong." if others else ""
        )


def _shape(field: Field) -> tuple[str, bool]:
    """What of a field the widgets depend on."""
    return field.name, field.in_area


def _decoded(draft: str, value: Any) -> Any:
    """The draft's value where it is whole, else the value itself."""
    try:
        return parse_json(draft) if draft else value
    except FieldFault:
        return value
