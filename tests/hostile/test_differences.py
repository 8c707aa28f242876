"""A proposal that changed is shown with its difference, wherever in it the change is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from tests.hostile.items import NOW, item_of, question_of
from triage.model.item import Action, Item, ItemKind, Option, Scope, Verb
from triage.tui.changes import difference_lines, differences
from triage.tui.lines import plain

ITEM, QUESTION = item_of("text", url=None), question_of("text")
FIRST, SECOND = ITEM.actions


def _with_action(**more: Any) -> Item:
    return msgspec.structs.replace(ITEM, actions=(msgspec.structs.replace(FIRST, **more), SECOND))


def _of(item: Item, **more: Any) -> Item:
    return msgspec.structs.replace(item, **more)


CHANGES: dict[str, tuple[Item, Item]] = {
    "title": (ITEM, _of(ITEM, title="other")),
    "kind": (ITEM, _of(ITEM, kind=ItemKind.EXTERNAL)),
    "description": (ITEM, _of(ITEM, description="other")),
    "deadline": (ITEM, _of(ITEM, expires_at=NOW + timedelta(days=2))),
    "verbs": (ITEM, _of(ITEM, verbs=(Verb.APPROVE,))),
    "scope": (ITEM, _of(ITEM, scopes=(Scope("text", "everything"),))),
    "scope's verbs": (ITEM, _of(ITEM, scopes=(Scope("text", "text", (Verb.REJECT,)),))),
    "action": (ITEM, _with_action(name="other")),
    "action's description": (ITEM, _with_action(description="other")),
    "action's verbs": (ITEM, _with_action(verbs=(Verb.REJECT,))),
    "action's form": (ITEM, _with_action(schema={"type": "array"})),
    "one action less": (ITEM, _of(ITEM, actions=(FIRST,))),
    "argument": (ITEM, _with_action(arguments={"text": "other"})),
    "1 and 1.0": (_with_action(arguments={"a": 1}), _with_action(arguments={"a": 1.0})),
    "the end of a long text": (
        _with_action(arguments={"a": "x" * 9_000}),
        _with_action(arguments={"a": "x" * 9_001}),
    ),
    "one row of many": (
        _with_action(arguments={"a": "row\n" * 900}),
        _with_action(arguments={"a": "row\n" * 500 + "rm -rf\n" + "row\n" * 400}),
    ),
    "option": (QUESTION, _of(QUESTION, options=(Option("other", 1),))),
    "option's value": (
        QUESTION,
        _of(QUESTION, options=(Option("text", "other", "text"), QUESTION.options[1])),
    ),
    "many": (QUESTION, _of(QUESTION, many=True)),
    "answer's form": (QUESTION, _of(QUESTION, answer_schema={"type": "integer"})),
}


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_makes_another_revision_is_shown(change: str) -> None:
    before, after = CHANGES[change]
    assert before.revision != after.revision
    found = differences(before, after)
    assert found
    assert difference_lines(found, 80)


def test_what_is_no_part_of_the_revision_is_no_difference() -> None:
    same: list[Callable[[Item], Item]] = [
        lambda item: _of(item, agent="another"),
        lambda item: _of(item, raw=None),
        lambda item: _of(item, created_at=NOW),
    ]
    for change in same:
        assert change(ITEM).revision == ITEM.revision
        assert differences(ITEM, change(ITEM)) == []


def test_a_text_of_a_million_rows_is_cut_and_said_so() -> None:
    one, other = (
        Item("a", "k", ItemKind.APPROVAL, "t", (), actions=(Action("a", text),))
        for text in ("\n" * 1_000_000, "x")
    )
    lines = difference_lines(differences(one, other), 80)
    assert len(lines) < 3_000
    assert any("rows more, not shown" in plain(line) for line in lines)
