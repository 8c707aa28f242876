"""No text of an agent's acts or hides in anything that is shown: every renderer, every hostile text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from tests.hostile.corpus import CORPUS, Hostile
from tests.hostile.items import (
    NOW,
    context_of,
    decided_entry,
    entries_of,
    event_of,
    item_of,
    question_of,
    record_of,
)
from tests.hostile.judging import unsafe_in
from triage.cli import output
from triage.model import safe_text
from triage.model.decision import DeliveryState
from triage.model.item import Action, Item, ItemKind, Option, Scope, Verb
from triage.store.queue import Entry
from triage.tui.changes import difference_lines, differences, value_differences
from triage.tui.group_text import GroupView, group_lines
from triage.tui.item_text import PageView, body_lines, head_lines
from triage.tui.json_spans import json_line
from triage.tui.json_text import json_lines, text_lines
from triage.tui.lines import Line, plain
from triage.tui.log_text import event_lines, record_lines
from triage.tui.marks import Marks
from triage.tui.row_text import RowView, one_line_row, two_line_row

WIDTH = 72
LONG = 100_000
"""Longer texts are drawn once, for the time it takes."""
HIDDEN = "pay \u202e000,1"
MARKS = Marks()

each_text = pytest.mark.parametrize(
    "hostile", CORPUS, ids=[f"{n}-{one.kind}" for n, one in enumerate(CORPUS)]
)


def pages(text: str) -> Iterator[PageView]:
    """An item in every state, with what led to it."""
    for entry in entries_of(text):
        yield PageView(entry, None, NOW, "ann", context=context_of(text))
        if len(text) > LONG:
            return
    yield PageView(decided_entry(text), None, NOW, "ann", context=text)
    for state in (DeliveryState.HELD, DeliveryState.UNKNOWN):
        yield PageView(decided_entry(text), record_of(text, state), NOW, "ann", wait_reason=text, held_s=3)


def lines_of(text: str) -> Iterator[Line]:
    """Whatever is drawn of an item, a decision or a log that says ``text`` everywhere."""
    for page in pages(text):
        yield from head_lines(page, MARKS, WIDTH)
        yield from body_lines(page, MARKS, WIDTH)
        row = RowView(page.entry, page.record, NOW, "ann", stayed=text)
        yield from (*one_line_row(row, MARKS, WIDTH), *two_line_row(row, MARKS, WIDTH))
        row = RowView(page.entry, page.record, NOW, text, cursor=True)
        yield from (*one_line_row(row, MARKS, WIDTH), *two_line_row(row, MARKS, WIDTH))
    head = GroupView(item_of(text), NOW, 3, 2, 1, NOW)
    yield from (*group_lines(head, MARKS, WIDTH, 1), *group_lines(head, MARKS, WIDTH, 2))
    yield from difference_lines(differences(item_of("a"), item_of(text)), WIDTH)
    yield from difference_lines(differences(question_of("a"), question_of(text)), WIDTH)
    yield from difference_lines(value_differences({"a": 1}, {text: text}), WIDTH)
    yield from event_lines(
        [event_of(text, type) for type in ("delivery", "gone", "noted", text)], MARKS, WIDTH
    )
    yield from record_lines([record_of(text)], MARKS, WIDTH)
    yield from (*json_lines(item_of(text).raw, WIDTH), *text_lines(text, WIDTH), json_line(text))


def faults(lines: Iterable[Line]) -> list[str]:
    """What of the lines may not reach a terminal."""
    return [f"{fault} in {plain(line)[:60]!r}" for line in lines for fault in unsafe_in(plain(line))]


def hides(text: str) -> bool:
    """Whether a reader of the text would not see all of it."""
    return bool(unsafe_in(text.translate(dict.fromkeys(map(ord, "\n\r\t\u00a0\ufe0f")))))


@each_text
def test_nothing_drawn_acts_or_hides(hostile: Hostile) -> None:
    assert not faults(lines_of(hostile.text))


@each_text
def test_what_hides_is_named_in_a_warning_and_marked_where_it_stands(hostile: Hostile) -> None:
    named = safe_text.hidden(hostile.text)
    assert bool(named) == hides(hostile.text)
    marks = [name.partition(" ×")[0] for name in named]
    assert all(f"‹{mark}›" in safe_text.block(hostile.text) for mark in marks)


ITEM_FIELDS: dict[str, dict[str, Any]] = {
    "title": {"title": HIDDEN},
    "agent": {"agent": HIDDEN},
    "description": {"description": HIDDEN},
    "action": {"actions": (Action(HIDDEN),)},
    "action's description": {"actions": (Action("a", description=HIDDEN),)},
    "arguments": {"actions": (Action("a", {"list": [{"deep": HIDDEN}]}),)},
    "argument's name": {"actions": (Action("a", {HIDDEN: 1}),)},
    "option": {"options": (Option(HIDDEN, 1),)},
    "option's value": {"options": (Option("a", {"v": [HIDDEN]}),)},
    "option's description": {"options": (Option("a", 1, HIDDEN),)},
    "scope": {"scopes": (Scope(HIDDEN, "all"),)},
    "scope's description": {"scopes": (Scope("always", HIDDEN),)},
    "warning": {"warnings": {"approve": HIDDEN}},
    "refusal": {"refusals": {"edit": HIDDEN}},
    "repair": {"repair": HIDDEN},
    "url": {"url": f"https://agent.test/{HIDDEN}"},
    "answer's form": {"answer_schema": {"properties": {"a": {"description": HIDDEN}}}},
}


@pytest.mark.parametrize("field", ITEM_FIELDS)
def test_every_field_of_an_item_is_warned_of(field: str) -> None:
    more = {"kind": ItemKind.APPROVAL, "title": "t", "verbs": (Verb.APPROVE,), **ITEM_FIELDS[field]}
    entry = Entry(Item(endpoint="agent", key="k", **more), NOW)
    shown = "\n".join(map(plain, body_lines(PageView(entry, None, NOW, "ann"), MARKS, WIDTH)))
    assert "This text hides characters, shown as ‹NAME›: RLO" in shown


def test_an_honest_item_has_no_such_warning() -> None:
    honest = "Überweisung 支払い ‹so› 👍🏽 ❤️ — naïve, הלו"
    shown = "\n".join(
        map(plain, body_lines(PageView(Entry(item_of(honest), NOW), None, NOW, "ann"), MARKS, WIDTH))
    )
    assert "hides characters" not in shown


@pytest.mark.parametrize(
    "hostile", [one for one in CORPUS if one.kind == "markup"], ids=lambda one: one.text[:20]
)
def test_markup_is_shown_as_it_was_written(hostile: Hostile) -> None:
    page = PageView(Entry(item_of(hostile.text), NOW), None, NOW, "ann")
    assert hostile.text[:60] in plain(head_lines(page, MARKS, 400)[0])


@each_text
def test_what_commands_print_acts_and_hides_nowhere(
    hostile: Hostile, capsys: pytest.CaptureFixture[str]
) -> None:
    text = hostile.text
    output.say(text)
    output.text(text)
    output.table([(text, text)], (text, "b"))
    output.data({text: [text]})
    output.json_line({text: [text]})
    output.lines([((text, "text"), (text, "muted"))])
    printed = capsys.readouterr()
    for stream in (printed.out, printed.err):
        assert not unsafe_in(stream.replace("\n", ""))
        assert json_survives(printed.out, text)


def json_survives(printed: str, text: str) -> bool:
    """The JSON in it still says exactly what the agent wrote."""
    line = next(line for line in reversed(printed.splitlines()) if line.startswith("{"))
    return bool(json.loads(line) == {text: [text]})
