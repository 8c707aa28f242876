"""How items like this one were decided before, as lines: in the item, in a list to choose from, and one whole."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from msgspec import UNSET

from triage.desk.precedents import Precedent, Precedents
from triage.model.decision import Verdict
from triage.store.log import Record
from triage.tui import words
from triage.tui.changes import difference_lines, value_differences
from triage.tui.json_text import json_lines, one_line, text_lines
from triage.tui.lines import Line, indented, safe, wrapped

__all__ = ["precedent_label", "precedent_lines", "record_page", "warning_of"]


def warning_of(found: Precedents, width: int) -> list[Line]:
    """What must be seen first: that the very same was asked before, or is asked again and again."""
    lines: list[Line] = []
    if found.loop:
        text = f"! It may be going round in circles: {found.loop}"
        lines += wrapped(((text, "error"),), width)
    if found.asked_before:
        lines += wrapped(((f"! Asked before: {found.asked_before}", "warning"),), width)
    return lines


def precedent_lines(found: Precedents, now: datetime, key: str, width: int) -> list[Line]:
    """The section in the item."""
    if not found.nearest:
        return []
    more = f"  {key} opens them" if key else ""
    lines: list[Line] = [(("Decided before, the most alike first", "accent"), (more, "muted"))]
    for precedent in found.nearest:
        first, *rest = wrapped(_line(precedent, now), width - 2)
        lines += indented([first], "  ") + indented(rest, "    ")
    return lines


def precedent_label(precedent: Precedent, now: datetime) -> str:
    """One precedent in a line, for a list to choose from."""
    return "".join(text for text, _ in _line(precedent, now))


def _line(precedent: Precedent, now: datetime) -> Line:
    record = precedent.record
    decision = record.decision
    done = ", ".join(dict.fromkeys(words.VERB_DONE[verdict.verb] for verdict in decision.verdicts))
    ago = words.age_words((now - decision.at).total_seconds())
    like = "the same" if precedent.likeness >= 0.999 else f"{precedent.likeness:.0%} alike"
    said = next((verdict.reason for verdict in decision.verdicts if verdict.reason), "")
    spans: Line = ((done, "strong"), *safe(f" by {decision.operator}, {ago} ago, {like}", "muted", 80))
    if said:
        spans = (*spans, (": ", "muted"), *safe(said, "text", 200))
    return (*spans, *_edits(record))


def _edits(record: Record) -> Line:
    """What an edit changed, in one line: ``amount 12 → 15``."""
    found = []
    for number, verdict in enumerate(record.decision.verdicts):
        if verdict.arguments is UNSET or record.item is None or number >= len(record.item.actions):
            continue
        changes = value_differences(record.item.actions[number].arguments, verdict.arguments)
        before = {change.place: change.value for change in changes if change.sign == "-"}
        after = {change.place: change.value for change in changes if change.sign == "+"}
        found += [
            f"{place} {before.get(place, 'nothing')} → {after.get(place, 'nothing')}"
            for place in dict.fromkeys((*before, *after))
        ]
    return ((": ", "muted"), *safe(", ".join(found), "text", 200)) if found else ()


def record_page(record: Record, width: int) -> list[Line]:
    """One decision whole: what was asked, what was said, what came of it."""
    return [line for section in _page(record, width) for line in ([*section, ()] if section else [])]


def _page(record: Record, width: int) -> Iterator[list[Line]]:
    decision, item = record.decision, record.item
    at = decision.at.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    yield [
        *wrapped(safe(item.title if item else "(erased)", "title"), width),
        (
            (words.state_words(record.state), f"state-{record.state.value}"),
            *safe(f"  {decision.words}, by {decision.operator} at {at}", "muted"),
        ),
    ]
    yield [
        line
        for text in (record.detail, record.effect, record.note)
        if text
        for line in text_lines(text, width)
    ]
    for number, verdict in enumerate(decision.verdicts):
        yield _said(record, number, verdict, width)
    if item is not None:
        yield text_lines(item.description, width) if item.description else []
        for action in item.actions:
            yield [
                safe(action.name, "accent", width),
                *indented(json_lines(action.arguments, width - 2), "  "),
            ]


def _said(record: Record, number: int, verdict: Verdict, width: int) -> list[Line]:
    lines: list[Line] = []
    if verdict.reason:
        lines += wrapped((("reason: ", "muted"), *safe(verdict.reason)), width)
    if verdict.scope:
        lines += wrapped((("scope: ", "muted"), *safe(verdict.scope, "warning")), width)
    if verdict.answer is not UNSET:
        lines += wrapped((("answer: ", "muted"), *safe(one_line(verdict.answer, 400))), width)
    if verdict.arguments is not UNSET and record.item is not None and number < len(record.item.actions):
        changes = value_differences(record.item.actions[number].arguments, verdict.arguments)
        lines += [(("edited:", "muted"),), *indented(difference_lines(changes, width - 2), "  ")]
    return lines
