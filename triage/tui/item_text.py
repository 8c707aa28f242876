"""One item as a page for reading: a head that stays, a body that scrolls, and what may be done with it.

Pure: from an item and how it stands to lines of styled text. Every word of an agent's or an endpoint's
passes ``lines.safe``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET

from triage.desk.precedents import Precedents
from triage.desk.rating import Rated
from triage.model import safe_text
from triage.model.decision import DeliveryState, Verdict
from triage.model.item import Action, Context, Item, ItemKind, Risk
from triage.tui import words
from triage.tui.changes import difference_lines, differences, edit_lines
from triage.tui.content_text import PANE, WHOLE, Extent
from triage.tui.item_warnings import warning_lines
from triage.tui.json_text import json_lines, one_line, text_lines
from triage.tui.lines import Line, indented, safe, wrapped
from triage.tui.marks import Marks
from triage.tui.offers import offered
from triage.tui.precedent_text import precedent_lines, warning_of
from triage.tui.rows import came_at
from triage.tui.snoozing import snoozed_words

if TYPE_CHECKING:
    from triage.store.log import Record
    from triage.store.queue import Entry

__all__ = ["PageView", "body_lines", "head_lines"]

_KIND_WORDS = {
    ItemKind.APPROVAL: "wants your approval",
    ItemKind.QUESTION: "asks you",
    ItemKind.EXTERNAL: "can only be settled elsewhere",
}
_BLANK: Line = ()
_MOST_OF_WHY = 50
"""Characters of a rule of risk that the head has room for."""


class PageView(msgspec.Struct, frozen=True):
    """All that a page shows."""

    entry: Entry
    record: Record | None
    now: datetime
    operator: str
    context: Context | str | None = None
    """What led to it; a sentence while it is not there; None: not asked for."""
    held_s: float | None = None
    wait_reason: str = ""
    key_of: Callable[[str], str] = str
    """Action id → its key as people read it."""
    rated: Rated | None = None
    """Its risk; None: as its agent hints."""
    precedents: Precedents = Precedents()
    """How its like was decided before, once that was looked for."""
    whole: bool = False
    """Long texts are laid out to their end."""

    @property
    def extent(self) -> Extent:
        """How much of each text is laid out."""
        key = self.key_of("open")
        return WHOLE if self.whole else PANE._replace(rest=f"{key} opens the whole" if key else "")


def head_lines(view: PageView, marks: Marks, width: int) -> list[Line]:
    """Title and the line of facts under it: always on screen."""
    item = view.entry.item
    title = wrapped(safe(item.title or "(no title)", "title", 4 * width), width)
    if len(title) > 2:
        title = [title[0], (*title[1], ("…", "muted"))]
    lines = [*title, *wrapped(_facts(view, marks), width)[:2]]
    return [*lines, _standing_line(view, view.record, marks)] if view.record is not None else lines


def body_lines(view: PageView, marks: Marks, width: int) -> list[Line]:
    """Everything else, section by section, a blank line between them."""
    lines: list[Line] = []
    for section in _sections(view, marks, width):
        if section:
            lines += [_BLANK, *section] if lines else section
    return lines


def _facts(view: PageView, marks: Marks) -> Line:
    item = view.entry.item
    since = (view.now - came_at(view.entry)).total_seconds()
    spans: list[Line] = [
        (*safe(item.agent or item.endpoint, "muted", 40), (" " + _KIND_WORDS[item.kind], "muted"))
    ]
    spans += _risk(view.rated or Rated(item.risk), marks)
    spans.append(((f"waiting {words.age_words(since)}", "muted"),))
    if item.expires_at is not None:
        left = (item.expires_at - view.now).total_seconds()
        style = "error" if left <= 0 else "warning" if left < 900 else "muted"
        spans.append(((words.due_words(left), style),))
    separator = (f" {marks.dot} ", "faint")
    return tuple(
        span for number, part in enumerate(spans) for span in ((separator, *part) if number else part)
    )


def _risk(rated: Rated, marks: Marks) -> list[Line]:
    """The risk where it is not low, with the rule that says so; a low one only where a rule does."""
    risk = rated.risk
    if risk is None or (risk is Risk.LOW and not rated.why):
        return []
    style = f"risk-{risk.value}"
    said = f"{marks.risk[risk]} {risk.value} risk".strip()
    if not rated.why:
        return [((said, style),)]
    return [((said, style), *safe(f": {rated.why}", style, _MOST_OF_WHY))]


def _whole_risk(view: PageView, width: int) -> list[Line]:
    """Where its risk comes from, where the head has no room for that."""
    rated = view.rated
    if rated is None or rated.risk is None or len(rated.why) <= _MOST_OF_WHY - len(": "):
        return []
    style = f"risk-{rated.risk.value}"
    return wrapped(safe(f"{rated.risk.value.capitalize()} risk: {rated.why}", style), width)


def _sections(view: PageView, marks: Marks, width: int) -> Iterator[list[Line]]:
    item = view.entry.item
    yield list(_standing(view, marks, width))
    yield list(_marks_of_operators(view, width))
    yield [*warning_of(view.precedents, width), *_whole_risk(view, width), *warning_lines(item, width)]
    if view.entry.previous is not None:
        yield _changed(view.entry.previous, view, width)
    if item.description:
        yield text_lines(item.description, width, extent=view.extent)
    for number, action in enumerate(item.actions, 1):
        yield _action(action, number, view, width)
    yield list(_options(item, width))
    yield precedent_lines(view.precedents, view.now, view.key_of("alike"), width)
    yield _schema(item, width)
    yield list(_scopes(item, width))
    yield list(_refusals(item, width))
    yield list(_led_to_it(view, width))


def _heading(text: str, detail: str = "") -> Line:
    return ((text, "accent"), (f"  {detail}", "muted")) if detail else ((text, "accent"),)


def _standing(view: PageView, marks: Marks, width: int) -> Iterator[Line]:
    """The decision that stands and what came of it; or that it no longer waits."""
    gone, record = view.entry.gone, view.record
    if record is not None:
        yield from _delivery(view, record, width)
    if gone is not None and (record is None or record.state is not DeliveryState.CONFIRMED):
        detail = f": {gone.detail}" if gone.detail else ""
        text = f"{marks.gone} No longer waits. Its endpoint says: {gone.reason}{detail}"
        yield from wrapped(safe(text, "warning"), width)


def _standing_line(view: PageView, record: Record, marks: Marks) -> Line:
    """The state of its delivery, and what was decided by whom and when."""
    state = record.state
    who = "you" if record.decision.operator == view.operator else safe_text.line(record.decision.operator, 40)
    at = record.decision.at.astimezone().strftime("%H:%M:%S")
    return (
        (f"{marks.state[state]} {words.state_words(state, view.held_s)}", f"state-{state.value}"),
        (f"  {record.decision.words}, by {who} at {at}", "muted"),
    )


def _delivery(view: PageView, record: Record, width: int) -> Iterator[Line]:
    parts = [
        ("", view.wait_reason),
        ("", record.detail),
        ("effect: ", record.effect),
        ("note: ", record.note),
    ]
    for label, text in parts:
        if text:
            yield from wrapped(((label, "muted"), *safe(text)), width)
    actions = record.item.actions if record.item else ()
    for number, verdict in enumerate(record.decision.verdicts):
        yield from _verdict(verdict, actions[number] if number < len(actions) else None, width)
    if record.state is DeliveryState.UNKNOWN:
        hint = (
            f"Nobody knows whether it took effect; it is not sent again. {view.key_of('look_again')} asks the "
            f"endpoint once more, {view.key_of('close_by_hand')} closes it by hand with a note."
        )
        yield from wrapped(((hint, "warning"),), width)


def _verdict(verdict: Verdict, proposed: Action | None, width: int) -> list[Line]:
    lines: list[Line] = []
    if verdict.reason:
        lines += wrapped((("reason: ", "muted"), *safe(verdict.reason)), width)
    if verdict.scope:
        lines += wrapped((("scope: ", "muted"), *safe(verdict.scope, "warning")), width)
    if verdict.arguments is not UNSET and proposed is not None:
        lines += [(("edited:", "muted"),)]
        lines += indented(edit_lines(proposed.arguments, verdict.arguments, width - 2), "  ")
    elif verdict.arguments is not UNSET:
        lines += [(("with these arguments:", "muted"),)]
        lines += indented(json_lines(verdict.arguments, width - 2), "  ")
    if verdict.answer is not UNSET:
        lines += wrapped((("answer: ", "muted"), *safe(one_line(verdict.answer, 400))), width)
    return lines


def _marks_of_operators(view: PageView, width: int) -> Iterator[Line]:
    marks = view.entry.marks
    if marks.claimed_by:
        who = "you" if marks.claimed_by == view.operator else marks.claimed_by
        yield safe(f"Claimed by {who}", "accent" if who == "you" else "warning", width)
    if marks.escalated_to:
        yield safe(f"Escalated to {marks.escalated_to}", "warning", width)
    if said := snoozed_words(view.entry, view.now):
        yield ((said, "state-snoozed"),)
    if marks.note:
        yield from wrapped((("Note: ", "muted"), *safe(marks.note)), width)
    for verb in marks.drafts:
        yield safe(f"An unfinished draft is kept: {verb}", "accent", width)


def _changed(before: Item, view: PageView, width: int) -> list[Line]:
    when = view.entry.changed_at
    ago = f"{words.age_words((view.now - when).total_seconds())} ago" if when else ""
    lines = [_heading("Changed", ago)]
    return [*lines, *difference_lines(differences(before, view.entry.item), width)]


def _action(action: Action, number: int, view: PageView, width: int) -> list[Line]:
    item = view.entry.item
    lead = f"{number}  " if len(item.actions) > 1 else ""
    lines: list[Line] = [((lead, "muted"), *safe(action.name, "accent", width - 4))]
    if action.verbs is not None and action.verbs != item.verbs:
        lines.append((("takes ", "muted"), (", ".join(action.verbs) or "nothing", "text")))
    if action.description:
        lines += text_lines(action.description, width, "muted", view.extent)
    if action.arguments is None or action.arguments == {}:
        return [*lines, (("  no arguments", "muted"),)]
    return [*lines, *indented(json_lines(action.arguments, width - 2, view.extent), "  ")]


def _options(item: Item, width: int) -> Iterator[Line]:
    options, many = offered(item)
    if not options:
        return
    yield _heading("Answers it offers", "more than one may be chosen" if many else "")
    for number, option in enumerate(options, 1):
        key = f"{number}" if number <= 9 else " "
        first, *rest = wrapped(safe(option.label), width - 5)
        yield ((f"  {key}  ", "shortcut"), *first)
        yield from indented(rest, "     ")
        if option.description:
            yield from indented(wrapped(safe(option.description, "muted"), width - 5), "     ")


def _schema(item: Item, width: int) -> list[Line]:
    schema = item.answer_schema
    if not schema or (not item.options and offered(item)[0]):
        return []
    properties = schema.get("properties")
    if not isinstance(properties, dict) or not properties:
        return [_heading("Answer"), *indented([safe(_type_words(schema), "text", width - 2)], "  ")]
    required = schema.get("required") or []
    lines = [_heading("Answer", "a form with these fields")]
    for name, field in properties.items():
        words_ = _type_words(field) + ("" if name in required else ", optional")
        lines.append(
            (("  ", "text"), *safe(str(name), "key", 24), ("  ", "text"), *safe(words_, "muted", width))
        )
    return lines


def _type_words(schema: Any) -> str:
    """A JSON Schema in a few words."""
    if not isinstance(schema, dict):
        return "anything"
    if isinstance(schema.get("enum"), list):
        return "one of " + ", ".join(one_line(value, 24) for value in schema["enum"][:8])
    kind = schema.get("type", "anything")
    text = " or ".join(map(str, kind)) if isinstance(kind, list) else str(kind)
    limits = [f"{word} {schema[key]}" for key, word in _LIMITS.items() if key in schema]
    title = schema.get("description") or schema.get("title")
    return ", ".join([text, *limits]) + (f": {title}" if title else "")


_LIMITS: Mapping[str, str] = {
    "minimum": "at least",
    "maximum": "at most",
    "maxLength": "characters at most",
    "pattern": "like",
    "format": "as",
}


def _scopes(item: Item, width: int) -> Iterator[Line]:
    if item.scopes:
        yield _heading("Wider grants it offers", "never given unless you choose them")
    for scope in item.scopes:
        first, *rest = wrapped(
            (*safe(scope.name, "strong"), ("  ", "text"), *safe(scope.description)), width - 2
        )
        yield from indented([first, *rest], "  ")


def _refusals(item: Item, width: int) -> Iterator[Line]:
    if item.refusals:
        yield _heading("Not taken here")
    for verb, why in item.refusals.items():
        yield from indented(wrapped((*safe(f"{verb}  ", "muted"), *safe(why, "muted")), width - 2), "  ")


def _led_to_it(view: PageView, width: int) -> Iterator[Line]:
    context = view.context
    if context is None:
        if view.record is None and view.entry.gone is None and view.key_of("open"):
            yield ((f"{view.key_of('open')} shows what led to it", "faint"),)
        return
    yield _heading("What led to it")
    if isinstance(context, str):
        yield from wrapped(safe(context, "muted"), width)
        return
    if not context.messages and context.state is None:
        yield (("its endpoint tells nothing about it", "muted"),)
    for message in context.messages:
        at = f"  {words.clock(message.at)}" if message.at else ""
        yield (*safe(message.role, "strong", 30), (at, "muted"))
        yield from indented(text_lines(message.text, width - 2, extent=view.extent), "  ")
    if context.state is not None:
        yield (("state", "strong"),)
        yield from indented(json_lines(context.state, width - 2, view.extent), "  ")
