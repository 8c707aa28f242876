"""What is asked by a form, and what is sent for a verdict on it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from tests.connectors.prefect.fake import DECIDE, decide_form
from triage.connectors.prefect import forms
from triage.connectors.prefect.api import FlowRun, Form, State, StateDetails
from triage.model.decision import Verdict
from triage.model.item import ItemKind, Option, Verb

PAUSED = State(id="s1", type="PAUSED", name="Paused")
RUN = FlowRun(id=UUID(int=7), name="calm-owl", state=PAUSED, state_type="PAUSED", parameters={"order": "A-7"})
TEXT = {"title": "Note", "type": "string"}


def asked(schema: dict[str, Any], description: str | None = None) -> forms.Asked:
    return forms.read("ship", RUN, Form(schema, description))


def answer(found: forms.Asked, verdict: Verdict) -> Any:
    return forms.answer({"keyset": {"response": "paused-1-response"}, **found.locator}, verdict)


def fields(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


def test_a_decision_field_makes_an_approval_of_the_others() -> None:
    found = asked(DECIDE, "## Ship **A-7**?\n\nIt is *heavy*.")
    assert found.kind is ItemKind.APPROVAL
    assert found.title == "Ship **A-7**?"
    assert found.description.startswith("## Ship **A-7**?\n\nIt is *heavy*.")
    assert '"order": "A-7"' in found.description
    assert found.actions[0].arguments == {"quantity": 1, "note": None}
    assert (
        found.actions[0].description == 'Approving sends decision = "approve", rejecting decision = "reject".'
    )
    assert answer(found, Verdict(Verb.APPROVE)) == {"decision": "approve", "quantity": 1, "note": None}
    assert answer(found, Verdict(Verb.REJECT)) == {"decision": "reject", "quantity": 1, "note": None}
    edited = Verdict(Verb.EDIT, arguments={"quantity": 3})
    assert answer(found, edited) == {"decision": "approve", "quantity": 3}
    given = {"decision": "reject", "quantity": 2}
    assert answer(found, Verdict(Verb.RESPOND, answer=given)) == given
    assert found.answer_schema == DECIDE


def test_a_reason_goes_into_the_forms_own_field_for_it() -> None:
    found = asked(DECIDE)
    assert answer(found, Verdict(Verb.REJECT, reason="too many"))["note"] == "too many"
    own = {"quantity": 1, "note": "mine"}
    assert answer(found, Verdict(Verb.EDIT, arguments=own, reason="too many"))["note"] == "mine"


@pytest.mark.parametrize(
    "field",
    [
        {**TEXT, "default": "as agreed"},
        {**TEXT, "maxLength": 3, "default": ""},
        {"enum": ["a"], "default": "a"},
    ],
    ids=["proposed", "limited", "not free"],
)
def test_a_reason_goes_into_no_other_field(field: dict[str, Any]) -> None:
    found = asked(decide_form(note=field))
    assert answer(found, Verdict(Verb.REJECT, reason="too many"))["note"] == field["default"]


def test_a_yes_or_no_field_by_its_name() -> None:
    found = asked(fields(approved={"type": "boolean"}))
    assert found.verbs == (Verb.APPROVE, Verb.REJECT, Verb.RESPOND, Verb.CLOSE)
    assert "edit" in found.refusals
    assert found.actions[0].arguments == {"order": "A-7"}
    assert answer(found, Verdict(Verb.REJECT)) == {"approved": False}


def test_a_decision_behind_a_reference() -> None:
    schema = {
        "$defs": {"Word": {"enum": ["ok", "stop", "later"], "type": "string"}},
        **fields(word={"allOf": [{"$ref": "#/$defs/Word"}], "default": "ok"}),
    }
    found = asked(schema)
    assert found.kind is ItemKind.APPROVAL
    assert answer(found, Verdict(Verb.REJECT)) == {"word": "stop"}


@pytest.mark.parametrize(
    "schema",
    [
        fields(enabled={"type": "boolean"}, name=TEXT),
        fields(first={"enum": ["yes", "no"]}, second={"enum": ["yes", "no"]}),
        fields(colour={"enum": ["red", "no"]}, size={"type": "integer"}),
        {"type": "object", "additionalProperties": {"type": "string"}},
        {"type": "object", "properties": 7},
    ],
    ids=["no decision", "two decisions", "no yes", "no fields", "spoilt"],
)
def test_without_one_clear_decision_it_is_a_question(schema: dict[str, Any]) -> None:
    """Nothing is approved that was not asked to be approved, even where every field has a default."""
    found = asked(schema)
    assert found.kind is ItemKind.QUESTION
    assert found.verbs == (Verb.RESPOND, Verb.CLOSE)
    assert {"approve", "edit", "reject"} <= set(found.refusals)
    assert found.answer_schema == schema


def test_what_nobody_proposed_cannot_be_approved() -> None:
    found = asked(fields(decision={"enum": ["approve", "reject"]}, address=TEXT))
    assert found.kind is ItemKind.QUESTION
    assert "address" in found.refusals["approve"]


def test_one_field_is_answered_by_its_value() -> None:
    found = asked(fields(value={"title": "value", "type": "string"}), "Who?")
    assert found.answer_schema == {"title": "value", "type": "string"}
    assert answer(found, Verdict(Verb.RESPOND, answer="ann")) == {"value": "ann"}


def test_choices_are_options() -> None:
    schema = {"$defs": {"Size": {"enum": ["S", 2]}}, **fields(size={"$ref": "#/$defs/Size"})}
    assert asked(schema).options == (Option("S", "S"), Option("2", 2))
    assert asked(fields(value={"type": "boolean"})).options == (Option("yes", True), Option("no", False))


def test_a_form_without_fields_is_a_plain_pause() -> None:
    found = asked({"type": "object", "properties": {}})
    assert found.verbs == (Verb.APPROVE, Verb.CLOSE)
    assert answer(found, Verdict(Verb.APPROVE)) == {}
    plain = forms.read("ship", RUN, None)
    assert forms.answer({"keyset": None, **plain.locator}, Verdict(Verb.APPROVE)) is None


def test_a_suspended_run_says_so() -> None:
    state = State(id="s1", type="PAUSED", state_details=StateDetails(pause_reschedule=True))
    run = FlowRun(id=UUID(int=7), name="calm-owl", state=state, state_type="PAUSED", tags=["eu"])
    assert "suspended" in forms.read("ship", run, None).description
    assert "tagged eu" in forms.read("ship", run, None).description


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"quantity": {"a": [{"__prefect_kind": "jinja"}]}}, "template"),
        ({"quantity": 2**63}, "64 bits"),
        ("text", "JSON object"),
    ],
)
def test_what_the_server_would_misread_is_not_sent(given: Any, fault: str) -> None:
    found = asked(DECIDE)
    locator = {"keyset": {"response": "paused-1-response"}, **found.locator}
    assert fault in " ".join(forms.faults(locator, Verdict(Verb.EDIT, arguments=given)))
    assert fault in " ".join(forms.faults(locator, Verdict(Verb.RESPOND, answer=given)))
    assert forms.faults(locator, Verdict(Verb.EDIT, arguments={"quantity": 2**63 - 1})) == []


def test_a_long_title_is_shortened() -> None:
    assert len(asked(DECIDE, "x" * 500).title) == forms.TITLE_LENGTH
