"""What questions are read as, whatever their value is, and messages as an operator reads them."""

from __future__ import annotations

from typing import Any

import pytest

from triage.connectors.langgraph.api import Interrupt, State, Task, Thread
from triage.connectors.langgraph.reading import read_thread
from triage.connectors.langgraph.shapes import call_line, one_line, read
from triage.connectors.langgraph.talk import messages
from triage.model.item import Item, ItemKind, Message, Option, Verb

REQUEST = {"action_request": {"action": "ship", "args": {"n": 1}}, "config": {"allow_accept": True}}
ASKED = {"name": "ship", "args": {"n": 1}}


def batch(*requests: Any, configs: Any = None, allowed: Any = ("approve",)) -> dict[str, Any]:
    reviewed = [{"action_name": "ship", "allowed_decisions": list(allowed)}] if configs is None else configs
    return {"action_requests": list(requests), "review_configs": reviewed}


def call(schema: Any) -> Interrupt:
    value = {"type": "tool_approval", "tool_call_id": "c", "name": "ship", "args": {"n": 1}}
    return Interrupt("i", value, schema)


@pytest.mark.parametrize(
    ("value", "shape"),
    [
        (REQUEST, "inbox"),
        ([REQUEST], "inbox"),
        ([REQUEST, REQUEST], "inbox"),
        ({**REQUEST, "config": None}, "free"),
        ({**REQUEST, "action_request": {"action": 7}}, "free"),
        ([REQUEST, "text"], "free"),
        ([], "free"),
        (batch(ASKED), "batched"),
        (batch(ASKED, ASKED), "batched"),
        (batch(), "free"),
        (batch({"name": None}), "free"),
        (batch(ASKED, allowed=["levitate"]), "free"),
        (batch(ASKED, allowed=[]), "free"),
        (batch(ASKED, configs=[]), "free"),
        (batch(ASKED, configs=[None, 7]), "free"),
        (batch(ASKED, configs={}), "free"),
        ({"actionRequests": [ASKED], "reviewConfigs": [{"actionName": "ship"}]}, "free"),
        ({"type": "tool_approval", "name": "ship"}, "free"),
        (None, "free"),
        (7, "free"),
        ("", "free"),
        ({}, "free"),
    ],
)
def test_what_fits_no_shape_or_fits_one_badly_is_a_free_question(value: Any, shape: str) -> None:
    asked = read(Interrupt("i", value))
    assert asked.shape == shape
    assert asked.title
    assert asked.verbs
    if shape == "free":
        assert (asked.kind, asked.verbs) == (ItemKind.QUESTION, (Verb.RESPOND,))


def test_review_settings_are_matched_by_name_and_else_by_place() -> None:
    configs = [
        {"action_name": "send", "allowed_decisions": ["reject"]},
        {"action_name": "ship", "allowed_decisions": ["approve"], "args_schema": {"type": "object"}},
    ]
    asked = read(Interrupt("i", batch(ASKED, {"name": "send", "args": {}}, configs=configs)))
    assert [action.verbs for action in asked.actions] == [
        (Verb.APPROVE, Verb.CLOSE),
        (Verb.REJECT, Verb.CLOSE),
    ]
    assert asked.actions[0].schema == {"type": "object"}
    twice = [
        {"action_name": "ship", "allowed_decisions": ["approve"]},
        {"action_name": "ship", "allowed_decisions": ["reject"]},
    ]
    asked = read(Interrupt("i", batch(ASKED, ASKED, configs=twice)))
    assert asked.actions[1].verbs == (Verb.REJECT, Verb.CLOSE)


def test_a_call_with_one_decision_has_its_schema_alone() -> None:
    for kind in ({"const": "approve"}, {"enum": ["approve"]}):
        asked = read(call({"type": "object", "properties": {"type": kind}}))
        assert (asked.shape, asked.verbs) == ("call", (Verb.APPROVE,))
    assert read(call({"type": "object", "properties": {"type": {"const": "fly"}}})).shape == "free"
    assert read(call({})).shape == "free"


def test_the_arguments_schema_of_a_call_is_found_through_its_references() -> None:
    arguments = {"type": "object", "properties": {"n": {"$ref": "#/$defs/N"}}}
    definitions = {
        "Approve": {"properties": {"type": {"const": "approve"}}},
        "Edit": {"properties": {"type": {"const": "edit"}, "edited_action": {"$ref": "#/$defs/Edited"}}},
        "Edited": {"properties": {"name": {"type": "string"}, "args": arguments}},
        "N": {"type": "integer"},
    }
    mapping = {"approve": "#/$defs/Approve", "edit": "#/$defs/Edit"}
    asked = read(call({"$defs": definitions, "discriminator": {"mapping": mapping}}))
    assert asked.verbs == (Verb.APPROVE, Verb.EDIT)
    assert asked.actions[0].schema == {**arguments, "$defs": definitions}
    circle = {"A": {"$ref": "#/$defs/B"}, "B": {"$ref": "#/$defs/A"}}
    asked = read(call({"$defs": circle, "discriminator": {"mapping": {"edit": "#/$defs/A"}}}))
    assert asked.actions[0].schema is None


@pytest.mark.parametrize(
    ("value", "title"),
    [
        ("\n  Who   is it?\nSay.", "Who is it?"),
        ({"question": "Which?", "text": "no"}, "Which?"),
        ({"prompt": " ", "query": "Which?"}, "Which?"),
        ({"a": 1, "b": "x"}, "a: 1, b: x"),
        ([1, 2], "[1,2]"),
        (None, "null"),
        ("", "An answer is wanted"),
        ("x" * 200, "x" * 139 + "…"),
    ],
)
def test_titles_of_free_questions(value: Any, title: str) -> None:
    assert read(Interrupt("i", value)).title == title


def test_all_of_a_free_question_can_be_read() -> None:
    asked = read(Interrupt("i", {"question": "Which?", "of": [1]}))
    assert asked.description == '{\n  "question": "Which?",\n  "of": [\n    1\n  ]\n}'
    assert read(Interrupt("i", {"question": "Which?"})).description == "Which?"
    assert read(Interrupt("i", "one\ntwo")).description == "one\ntwo"


def test_options_are_offered_and_their_values_are_the_answers() -> None:
    value = {"question": "Which?", "options": ["a", 2, {"label": "C", "value": 3}, {"id": 4}, {}]}
    asked = read(Interrupt("i", value))
    assert asked.options == (
        Option("a", "a"),
        Option("2", 2),
        Option("C", 3),
        Option("4", {"id": 4}),
        Option("{}", {}),
    )
    assert not asked.many
    assert read(Interrupt("i", {**value, "multiple": True})).many
    assert not read(Interrupt("i", {"multiple": True})).many
    yes_or_no = read(Interrupt("i", "Go?", {"type": "boolean"}))
    assert [(one.label, one.value) for one in yes_or_no.options] == [("yes", True), ("no", False)]
    assert [one.value for one in read(Interrupt("i", "?", {"enum": [1, None]})).options] == [1, None]


def test_an_action_in_one_line() -> None:
    assert call_line("ship", {"to": "ann", "n": 1.0, "deep": {"a": [1]}}) == (
        'ship(to=ann, n=1.0, deep={"a":[1]})'
    )
    assert call_line("ship", {}) == "ship"
    assert call_line("ship", None) == "ship"
    assert call_line("ship", ["a"]) == 'ship(["a"])'
    assert one_line("") == ""


def items(status: str = "interrupted", state: State | None = None, **more: Any) -> list[Item]:
    thread = Thread("t", status, metadata={"graph_id": "mail", "assistant_id": "a"}, **more)
    return list(read_thread("lab", thread, state).items)


def test_the_same_words_asked_anew_or_others_under_the_same_id_are_other_items() -> None:
    def one(interrupt_id: str, value: Any) -> Item:
        (item,) = items(interrupts={"task": [{"id": interrupt_id, "value": value}]})
        return item

    asked = one("i", "Which?")
    assert asked.id == one("i", "Which?").id
    assert asked.id not in (one("j", "Which?").id, one("i", "Who?").id)
    assert one("i", 1).id != one("i", 1.0).id


def test_a_thread_that_names_no_assistant_cannot_be_answered() -> None:
    thread = Thread("t", "interrupted", interrupts={"task": [{"id": "i", "value": [REQUEST]}]})
    (item,) = read_thread("lab", thread, None).items
    assert (item.kind, item.verbs, item.verbs_of(0), item.repair) == (ItemKind.EXTERNAL, (), (), None)
    assert "does not say which assistant" in item.refusals["approve"]


def test_an_error_of_an_earlier_run_is_no_trouble_now() -> None:
    """A step keeps its error after it was done again; only a thread in error has one that counts."""
    interrupts = {"task": [{"id": "i", "value": "Which?"}]}
    task = Task("task", "gate", "ValueError()", interrupts["task"])
    state = State(next=["gate"], tasks=[task])
    (row,) = items(interrupts=interrupts)
    (closer,) = items(state=state)
    (stuck,) = items("error", state)
    assert closer.revision == row.revision
    assert stuck.id != row.id


def test_a_step_that_was_done_after_all_has_not_failed() -> None:
    done = Task("task", "gate", "ValueError()", result={"outcome": []})
    assert (
        State(tasks=[done, Task("other", "print", {"message": "no"})]).failures == 'print: {"message":"no"}'
    )


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ({"error": "ValueError", "message": "no"}, "Failed: ValueError: no"),
        ({"message": "no"}, "Failed: no"),
        ("no", "Failed: no"),
        (None, "Failed: the server does not say why"),
        ([], "Failed: the server does not say why"),
    ],
)
def test_an_error_that_no_step_tells_of(error: Any, words: str) -> None:
    thread = Thread("t", "error", metadata={"graph_id": "mail"})
    (item,) = read_thread("lab", thread, State(), error).items
    assert (item.title, item.verbs, item.repair) == (words, (), None)


def test_messages_are_read() -> None:
    raw = [
        {"type": "human", "content": "Hello"},
        {"type": "ai", "content": [{"type": "text", "text": "Let me"}, {"type": "tool_use", "name": "x"}]},
        {"role": "assistant", "content": "", "tool_calls": [{"name": "ship", "args": {"n": 1}}, "odd"]},
        {"type": "tool", "content": {"a": 1}},
        "odd",
        None,
    ]
    assert messages(raw) == (
        Message("user", "Hello"),
        Message("assistant", "Let me"),
        Message("assistant", "→ ship(n=1)\n→ odd"),
        Message("tool", '{"a":1}'),
        Message("", "odd"),
        Message("", ""),
    )
    assert messages("odd") == ()
