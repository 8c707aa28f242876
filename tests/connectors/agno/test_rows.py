"""What an operator sees of an approval, and which run it carries on."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from triage.connectors.agno.rows import Row, call_line, read_item
from triage.connectors.agno.runs import Taken, find_leg
from triage.model.item import Item, ItemKind, Verb

BASE = {"id": "a1", "run_id": "r1", "session_id": "s1", "status": "pending", "approval_type": "required"}


def row(*calls: dict[str, Any], **more: Any) -> Row:
    needs = [{"tool_execution": {"tool_name": "pay", "approval_type": "required", **call}} for call in calls]
    return msgspec.convert({**BASE, "requirements": needs, **more}, Row)


def item(*calls: dict[str, Any], **more: Any) -> Item:
    return read_item("till", row(*calls, **more), {})


def form(*fields: tuple[str, str, Any], **more: Any) -> dict[str, Any]:
    schema = [
        {"name": name, "field_type": kind, "value": value, "description": None}
        for name, kind, value in fields
    ]
    return {"requires_user_input": True, "user_input_schema": schema, **more}


# rows


def test_every_call_is_shown_not_only_the_first() -> None:
    found = item({"tool_args": {"a": 1}}, {"tool_name": "burn", "tool_args": {"b": 2}}, tool_name="pay")
    assert [(action.name, action.arguments) for action in found.actions] == [
        ("pay", {"a": 1}),
        ("burn", {"b": 2}),
    ]
    assert found.title == "2 calls: pay, burn"
    assert "One decision covers all 2 calls." in found.description


def test_a_row_without_requirements_is_read_from_itself() -> None:
    found = item(tool_name="pay", tool_args={"a": 1})
    assert found.title == "pay(a=1)"
    with pytest.raises(ValueError, match="does not say which call"):
        item()


def test_a_changed_call_is_another_revision() -> None:
    assert item({"tool_args": {"a": 1}}).revision != item({"tool_args": {"a": 1.0}}).revision
    assert item({"tool_args": {"a": 1}}).id == item({"tool_args": {"a": 2}}).id


def test_two_forms_ask_for_what_is_open_in_either() -> None:
    found = item(
        form(("room", "str", "blue"), ("guest", "str", None)),
        form(("room", "str", "red"), ("day", "int", None)),
    )
    assert found.kind is ItemKind.QUESTION
    assert found.answer_schema is not None
    assert list(found.answer_schema["properties"]) == ["guest", "day"]
    assert found.answer_schema["required"] == ["guest", "day"]


def test_one_value_is_not_given_to_two_fields() -> None:
    found = item(form(("guest", "str", None)), form(("guest", "str", None)))
    assert (found.kind, found.verbs) == (ItemKind.EXTERNAL, ())


def test_a_form_beside_a_call_by_hand_is_only_shown() -> None:
    found = item(form(("guest", "str", None)), {"external_execution_required": True})
    assert found.verbs == ()
    assert set(found.refusals) == {verb.value for verb in Verb}


@pytest.mark.parametrize(
    ("kind", "schema"),
    [
        ("str", {"type": "string"}),
        ("int", {"type": "integer"}),
        ("float", {"type": "number"}),
        ("bool", {"type": "boolean"}),
        ("list", {"type": "array"}),
        ("dict", {"type": "object"}),
        ("str | None", {"not": {"type": "null"}}),
    ],
)
def test_a_fields_type_is_its_schema(kind: str, schema: dict[str, Any]) -> None:
    found = item(form(("x", kind, None)))
    assert found.answer_schema is not None
    assert found.answer_schema["properties"]["x"] == schema


def test_times_are_epoch_seconds_and_nonsense_hides_nothing() -> None:
    found = item({}, expires_at=1795328912, created_at=10**18)
    assert found.expires_at is not None
    assert found.expires_at.isoformat() == "2026-11-22T06:28:32+00:00"
    assert found.created_at is None


def test_a_call_in_one_line() -> None:
    assert call_line("pay", {}) == "pay"
    assert call_line("pay", {"to": "ann\nbob", "rows": [1, 2]}) == "pay(to=ann bob, rows=[1,2])"
    assert len(call_line("pay", {str(n): "x" * 50 for n in range(9)})) == 140


# runs


def test_a_run_that_is_its_own_root_is_continued_itself() -> None:
    leg = find_leg(row({}, agent_id="payer"), [{"run_id": "r1", "agent_id": "payer", "parent_run_id": ""}])
    assert (leg.kind, leg.owner, leg.run_id) == ("agents", "payer", "r1")


def test_the_topmost_run_is_continued_however_deep_it_asks() -> None:
    runs = [
        {"run_id": "r1", "agent_id": "clerk", "parent_run_id": "r2"},
        {"run_id": "r2", "team_id": "inner", "parent_run_id": "r3"},
        {"run_id": "r3", "team_id": "outer", "parent_run_id": ""},
        {"run_id": "r4", "agent_id": "helper", "parent_run_id": "r3"},
        {"run_id": "r5", "agent_id": "payer"},
    ]
    leg = find_leg(row({}, agent_id="clerk"), runs)
    assert (leg.kind, leg.owner, leg.run_id) == ("teams", "outer", "r3")
    assert leg.tree == {"r1", "r2", "r3", "r4"}


def test_a_run_within_a_workflow_is_found_inside_it() -> None:
    runs = [
        {
            "run_id": "r9",
            "workflow_id": "flow",
            "step_executor_runs": [{"run_id": "r1", "agent_id": "stepper"}],
        }
    ]
    leg = find_leg(row({}, agent_id="stepper"), runs)
    assert (leg.kind, leg.owner, leg.run_id) == ("workflows", "flow", "r9")


@pytest.mark.parametrize(
    "listed", [None, [], {}, [None, 7, {"run_id": 7}], [{"run_id": "r1", "parent_run_id": "r1"}]], ids=str
)
def test_a_session_that_shows_nothing_leaves_the_rows_own_run(listed: Any) -> None:
    leg = find_leg(row({}, team_id="crew"), listed)
    assert leg.run_id == "r1"
    assert leg.taken("a1", approved=True) is Taken.NOT_SEEN


def test_runs_that_are_each_others_parents_end() -> None:
    runs = [
        {"run_id": "r1", "parent_run_id": "r2"},
        {"run_id": "r2", "parent_run_id": "r1", "team_id": "crew"},
    ]
    assert find_leg(row({}), runs).run_id == "r2"


@pytest.mark.parametrize(
    ("calls", "approved", "taken"),
    [
        ([], True, Taken.NOT_SEEN),
        ([{"confirmed": None, "result": None}], True, Taken.NOT_SEEN),
        ([{"confirmed": True}, {"confirmed": None, "result": None}], True, Taken.NOT_SEEN),
        ([{"confirmed": True, "result": "done"}], True, Taken.YES),
        ([{"confirmed": None, "result": "by hand"}], True, Taken.YES),
        ([{"confirmed": False}], False, Taken.YES),
        ([{"confirmed": False}], True, Taken.OTHERWISE),
        ([{"confirmed": True, "result": "done"}], False, Taken.OTHERWISE),
        ([{"confirmed": None, "result": "done"}], False, Taken.OTHERWISE),
        ([{"confirmed": True, "result": "done"}, {"confirmed": False}], True, Taken.OTHERWISE),
    ],
)
def test_whether_a_run_went_by_a_decision(calls: list[dict[str, Any]], approved: bool, taken: Taken) -> None:
    tools = [{"approval_id": "a1", **call} for call in calls] + [{"approval_id": "a2", "confirmed": False}]
    leg = find_leg(row({}), [{"run_id": "r1", "agent_id": "payer", "tools": tools}])
    assert leg.taken("a1", approved) is taken
