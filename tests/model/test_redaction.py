"""What is redacted is told nowhere in an item, changes its revision, and is put back exactly."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import jsonschema_rs
import msgspec
import pytest

from triage.model.decision import Decision, Verdict
from triage.model.item import Action, Item, ItemKind, Option, Scope, Verb
from triage.model.redaction import REDACTED, Redactor, UnknownMark, fault_of_path, holds_marks

KEY = b"k" * 32
NUMBER = "4111111111111111"
ARGUMENTS: dict[str, Any] = {
    "card": {"Number": NUMBER, "cvc": 737},
    "amount": 12,
    "note": f"charge {NUMBER} now",
}


def item(arguments: Any = ARGUMENTS, **more: Any) -> Item:
    given: dict[str, Any] = {
        "title": f"Charge {NUMBER}?",
        "verbs": (Verb.APPROVE, Verb.EDIT),
        "description": f"card {NUMBER}",
        "actions": (Action("charge", arguments, description=f"of {NUMBER}"),),
        "options": (Option(NUMBER, {"n": NUMBER}, NUMBER),),
        "scopes": (Scope("always", f"any charge of {NUMBER}"),),
        "url": f"https://a.test/{NUMBER}",
        "warnings": {"approve": f"charges {NUMBER}"},
        "refusals": {"ignore": f"{NUMBER} waits"},
        "repair": f"ask {NUMBER}",
        "locator": {
            "run": "7",
            "proposed": {"card": {"cvc": 737, "number": NUMBER}},
            "words": f"of {NUMBER}",
        },
        "raw": {"args": ARGUMENTS},
    }
    return Item(endpoint="a", key="k", kind=ItemKind.APPROVAL, **{**given, **more})


def redactor(*paths: str, key: bytes = KEY) -> Redactor:
    return Redactor(paths or ("args.card.number", "args.card.cvc"), key)


def decided(arguments: Any) -> Decision:
    verdict = Verdict(Verb.EDIT, arguments=arguments)
    return Decision("d", "i", "a", "r", (verdict,), "ann", datetime.now(UTC))


def test_nothing_of_it_is_left_in_the_item() -> None:
    shown, _ = redactor().redacted(item())
    encoded = msgspec.json.encode(shown).decode()
    assert NUMBER not in encoded
    assert "737" not in encoded
    assert shown.title.startswith(f"Charge {REDACTED} ")
    assert shown.actions[0].arguments["amount"] == 12
    assert shown.locator["run"] == "7"
    assert holds_marks(shown)


def test_an_item_without_such_an_argument_stays_as_it_is() -> None:
    plain = item({"amount": 12})
    assert redactor().redacted(plain)[0] is plain
    assert not holds_marks(plain)


def test_another_value_is_another_revision_and_the_same_the_same() -> None:
    first, again = redactor().redacted(item())[0], redactor().redacted(item())[0]
    other = redactor().redacted(item({**ARGUMENTS, "card": {"Number": "4222222222222222", "cvc": 737}}))[0]
    assert first.revision == again.revision != other.revision


def test_without_the_key_a_mark_cannot_be_tried_out() -> None:
    mine, yours = redactor().redacted(item())[0], redactor(key=b"y" * 32).redacted(item())[0]
    assert mine.actions[0].arguments["card"]["Number"] != yours.actions[0].arguments["card"]["Number"]


def test_what_is_left_redacted_is_whole_again_and_what_is_edited_is_sent_as_edited() -> None:
    shown, hidden = redactor().redacted(item())
    edited = {
        **shown.actions[0].arguments,
        "amount": 15,
        "card": {**shown.actions[0].arguments["card"], "cvc": 1},
    }
    sent = hidden.decision(decided(edited)).verdicts[0].arguments
    assert sent == {"card": {"Number": NUMBER, "cvc": 1}, "amount": 15, "note": f"charge {NUMBER} now"}


@pytest.mark.parametrize("left", [f"{REDACTED} 00000000", f"x {REDACTED}", REDACTED])
def test_a_mark_that_stands_for_nothing_is_not_sent(left: str) -> None:
    _, hidden = redactor().redacted(item())
    with pytest.raises(UnknownMark, match="stands for nothing"):
        hidden.decision(decided({"card": {"number": left}}))


@pytest.mark.parametrize(
    ("path", "arguments", "kept"),
    [
        ("args.card", {"card": {"a": [1]}, "b": 2}, {"b": 2}),
        (
            "args.people.pin",
            {"people": [{"pin": "12345"}, {"pin": "54321", "n": 1}]},
            {"people": [{}, {"n": 1}]},
        ),
        ("args.people.1.pin", {"people": [{"pin": 1}, {"pin": 2}]}, {"people": [{"pin": 1}, {}]}),
        ("args.a.b", {"a.b": "dotted key"}, {}),
        ("args.list", {"list": ["x", "y"]}, {}),
        ("args.flag", {"flag": True}, {}),
    ],
)
def test_paths_reach_into_objects_and_lists(path: str, arguments: Any, kept: Any) -> None:
    shown, hidden = redactor(path).redacted(item(arguments))
    found = shown.actions[0].arguments
    assert _without_marks(found) == kept
    assert hidden.decision(decided(found)).verdicts[0].arguments == arguments


def _without_marks(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_marks(one) for key, one in value.items() if not str(one).startswith(REDACTED)}
    return [_without_marks(one) for one in value] if isinstance(value, list) else value


def test_arguments_that_came_as_json_text_are_hidden_whole() -> None:
    text = msgspec.json.encode(ARGUMENTS).decode()
    shown, hidden = redactor().redacted(item(text))
    assert shown.actions[0].arguments.startswith(REDACTED)
    assert hidden.decision(decided(shown.actions[0].arguments)).verdicts[0].arguments == text


def test_the_form_takes_the_mark_and_still_judges_the_rest() -> None:
    number = {"type": "string", "pattern": "^[0-9]{16}$"}
    card = {"type": "object", "properties": {"Number": number}, "required": ["Number"]}
    schema = {"type": "object", "properties": {"card": card, "amount": {"type": "integer", "maximum": 20}}}
    shown, _ = redactor().redacted(item(actions=(Action("charge", ARGUMENTS, schema),)))
    action = shown.actions[0]
    assert action.schema is not None
    valid = jsonschema_rs.validator_for(action.schema).is_valid
    assert valid(action.arguments)
    assert not valid({**action.arguments, "amount": 21})
    assert not valid({**action.arguments, "card": {"Number": "no number"}})
    assert valid({**action.arguments, "card": {"Number": "4222222222222222"}})


def test_a_form_that_cannot_be_widened_is_left_to_the_endpoint() -> None:
    schema = {"allOf": [{"properties": {"card": {"properties": {"Number": {"maxLength": 16}}}}}]}
    shown, _ = redactor().redacted(item(actions=(Action("charge", ARGUMENTS, schema),)))
    assert shown.actions[0].schema is None


@pytest.mark.parametrize(
    ("path", "fault"),
    [("args.a", False), ("args.a.b", False), ("args", True), ("a.b", True), ("args..a", True), ("", True)],
)
def test_paths_are_checked(path: str, fault: bool) -> None:
    assert bool(fault_of_path(path)) is fault


def test_a_short_value_is_not_looked_for_in_other_texts() -> None:
    shown, _ = redactor("args.n").redacted(item({"n": 5}, title="5 of 15 cars", locator={"run": "5"}))
    assert shown.title == "5 of 15 cars"
    assert shown.locator == {"run": "5"}


def test_what_repeats_a_part_of_a_hidden_object_is_put_back_as_well() -> None:
    arguments = {"card": {"number": NUMBER, "owner": "Kim Example"}, "note": f"{NUMBER} of Kim Example"}
    shown, hidden = redactor("args.card").redacted(item(arguments))
    found = shown.actions[0].arguments
    assert "Kim" not in msgspec.json.encode(found).decode()
    assert hidden.decision(decided(found)).verdicts[0].arguments == arguments
