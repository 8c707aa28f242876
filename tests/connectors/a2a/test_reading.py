"""What an operator sees of what agents ask, and what agents are told of what operators decide."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.connectors.kit.deliver import decide
from triage.connectors.a2a.answering import EXACT, Answers, misfits, parts_of
from triage.connectors.a2a.api import Task
from triage.connectors.a2a.reading import AUTH, INPUT, Unclear, read_item
from triage.model.decision import Verdict
from triage.model.item import Item, ItemKind, Option, Verb

FORM = {"type": "object", "properties": {"amount": {"type": "number"}}, "required": ["amount"]}


def item(
    *parts: dict[str, Any], state: str = INPUT, configured: tuple[Verb, ...] = (), **status: Any
) -> Item:
    message = {"messageId": "m1", "role": "ROLE_AGENT", "parts": list(parts)}
    task = {"id": "t1", "contextId": "c1", "status": {"state": state, "message": message, **status}}
    return read_item("clerk", "Clerk", msgspec.convert(task, Task), configured)


def proposal(**more: Any) -> dict[str, Any]:
    return {"data": {"action": "refund", "args": {"customer": "ann", "amount": 12.5}, **more}}


# what is shown


def test_a_proposal_without_words_is_titled_by_what_it_would_do() -> None:
    found = item(proposal(allowed=["approve", "reject"]))
    assert found.title == "refund(customer=ann, amount=12.5)"
    assert found.verbs == (Verb.APPROVE, Verb.REJECT, Verb.CLOSE)
    assert found.refusals["edit"].startswith("The agent does not say that it takes edited arguments")
    assert found.description == ""


def test_what_a_proposal_says_beside_its_arguments_is_shown() -> None:
    found = item({"text": "Refund ann?\nShe waited long."}, proposal(reason="late parcel", schema=FORM))
    assert found.title == "Refund ann?"
    assert found.actions[0].schema == FORM
    assert "She waited long." in found.description
    assert '"reason": "late parcel"' in found.description
    assert "properties" not in found.description


def test_an_agent_that_does_not_say_what_it_takes_gets_yes_or_no() -> None:
    """It might take any words for a yes, and act on arguments of its own where they were edited."""
    found = item(proposal())
    assert found.verbs == (Verb.APPROVE, Verb.REJECT, Verb.CLOSE)
    assert "might take any words for a yes" in found.refusals["respond"]
    both = item(proposal(), configured=(Verb.EDIT, Verb.RESPOND))
    assert both.verbs == (Verb.APPROVE, Verb.EDIT, Verb.REJECT, Verb.RESPOND, Verb.CLOSE)


def test_what_the_agent_says_it_takes_stands_above_what_is_configured() -> None:
    found = item(proposal(allowed=["accept", "deny"]), configured=(Verb.EDIT,))
    assert found.verbs == (Verb.APPROVE, Verb.REJECT, Verb.CLOSE)
    assert parts_of(found, [Verdict(Verb.APPROVE)], Answers()) == [{"data": {"decision": "accept"}}]
    assert parts_of(found, [Verdict(Verb.REJECT)], Answers()) == [{"data": {"decision": "deny"}}]


def test_other_words_that_an_agent_takes_are_options() -> None:
    found = item(proposal(allowed=["approve", "hold", "escalate"]))
    assert found.options == (Option("hold", "hold"), Option("escalate", "escalate"))
    assert found.answer_schema == {"enum": ["hold", "escalate"]}
    assert Verb.RESPOND in found.verbs
    assert parts_of(found, [Verdict(Verb.RESPOND, answer="hold")], Answers()) == [
        {"data": {"decision": "hold"}}
    ]


def test_several_proposals_take_one_answer() -> None:
    found = item(proposal(allowed=["approve", "edit", "reject"]), proposal(allowed=["approve", "reject"]))
    assert len(found.actions) == 2
    assert found.verbs == (Verb.APPROVE, Verb.REJECT, Verb.CLOSE)
    mixed = [Verdict(Verb.APPROVE), Verdict(Verb.REJECT)]
    assert misfits(found, mixed, Answers()) == [
        "an A2A agent takes one answer for all it proposes: give every action the same verdict"
    ]
    alike = [Verdict(Verb.APPROVE), Verdict(Verb.APPROVE)]
    assert misfits(found, alike, Answers()) == []
    assert parts_of(found, alike, Answers()) == [{"data": {"decision": "approve"}}]


def test_a_question_with_options_and_one_with_a_form() -> None:
    colour = item({"text": "Which?"}, {"data": {"options": ["red", {"label": "Blue", "value": "b"}]}})
    assert colour.kind is ItemKind.QUESTION
    assert colour.options == (Option("red", "red"), Option("Blue", "b"))
    assert not colour.many
    form = item({"data": {"type": "form", "form": FORM, "instructions": "Fill in the request"}})
    assert form.title == "Fill in the request"
    assert form.answer_schema == FORM
    assert parts_of(form, [Verdict(Verb.RESPOND, answer={"amount": 3})], Answers()) == [
        {"data": {"amount": 3}}
    ]
    several = item({"data": {"question": "Which?", "choices": ["a", "b"], "multiple": True}})
    assert (several.title, several.many) == ("Which?", True)


def test_files_are_named_and_their_bytes_not_kept() -> None:
    found = item(
        {"text": "Sign this?"},
        {"url": "https://files.test/a.pdf", "filename": "a.pdf", "mediaType": "application/pdf"},
        {"raw": "AAAA" * 1000, "filename": "b.png", "mediaType": "image/png"},
    )
    assert "file a.pdf application/pdf: https://files.test/a.pdf" in found.description
    assert "file b.png image/png, 3000 bytes, not shown here" in found.description
    assert found.raw["message"]["parts"][2]["raw"] == "(4000 characters of base64)"
    assert found.url is None


@pytest.mark.parametrize(
    "part",
    [
        {"text": "Sign in at https://bank.test/in."},
        {"url": "https://bank.test/in"},
        {"data": {"auth_url": "https://bank.test/in"}},
    ],
)
def test_a_sign_in_has_its_page(part: dict[str, Any]) -> None:
    found = item(part, state=AUTH)
    assert (found.kind, found.url) == (ItemKind.EXTERNAL, "https://bank.test/in")
    assert item({"data": {"url": "javascript:alert(1)"}}, state=AUTH).url is None


def test_a_task_that_says_nothing_has_a_title_and_is_known_by_its_time() -> None:
    task = msgspec.convert(
        {"id": "t1", "status": {"state": INPUT, "timestamp": "2026-11-22T06:00:00Z"}}, Task
    )
    found = read_item("clerk", "Clerk", task)
    assert (found.key, found.title) == ("t1|2026-11-22T06:00:00Z", "Clerk waits for an answer")


def test_a_question_that_nothing_tells_from_the_next_is_not_shown() -> None:
    with pytest.raises(Unclear, match="neither a message id nor a time"):
        read_item("clerk", "Clerk", msgspec.convert({"id": "t1", "status": {"state": INPUT}}, Task))


@pytest.mark.parametrize("timestamp", ["yesterday", "", "2026-13-40T00:00:00Z"])
def test_a_time_that_is_none_hides_no_question(timestamp: str) -> None:
    assert item({"text": "Now?"}, timestamp=timestamp).created_at is None


def test_nanoseconds_are_read() -> None:
    found = item({"text": "Now?"}, timestamp="2026-11-22T06:52:11.265761123Z")
    assert found.created_at is not None
    assert found.created_at.microsecond == 265761


# what agents are told


def test_words_go_as_text_and_values_as_data() -> None:
    asked = item({"text": "How many?"})
    assert parts_of(asked, [Verdict(Verb.RESPOND, answer="three")], Answers()) == [{"text": "three"}]
    assert parts_of(asked, [Verdict(Verb.RESPOND, answer=3)], Answers()) == [{"data": 3}]


def test_configured_answers_are_filled_in() -> None:
    answers = Answers(
        reject=[{"text": "no: $reason"}, {"data": {"ok": False, "why": "$reason"}}],
        edit={"data": {"ok": True, "with": "$arguments"}},
        respond={"text": "$answer"},
    )
    found = item(proposal(allowed=["edit", "reject", "respond"]))
    reason = "costs $answer; see $arguments"
    assert parts_of(found, [Verdict(Verb.REJECT, reason=reason)], answers) == [
        {"text": f"no: {reason}"},
        {"data": {"ok": False, "why": reason}},
    ]
    assert parts_of(found, [Verdict(Verb.EDIT, arguments={"a": 1})], answers) == [
        {"data": {"ok": True, "with": {"a": 1}}}
    ]
    assert parts_of(found, [Verdict(Verb.RESPOND, answer={"a": 1})], answers) == [{"text": '{"a":1}'}]
    assert answers.verbs == (Verb.EDIT, Verb.REJECT, Verb.RESPOND)


@pytest.mark.parametrize(
    ("number", "fits"),
    [
        (EXACT, True),
        (EXACT + 1, False),
        (-EXACT - 1, False),
        (2**60, True),
        (10**400, False),
        (True, True),
        (0.1, True),
    ],
)
def test_numbers_that_would_change_on_the_way_are_not_sent(number: Any, fits: bool) -> None:
    found = item(proposal(allowed=["edit"]))
    faults = misfits(found, [Verdict(Verb.EDIT, arguments={"rows": [{"id": number}]})], Answers())
    assert faults == ([] if fits else [f"{number} is too large to arrive as it is: as text it would"])


def test_an_empty_answer_is_not_sent() -> None:
    asked = item({"text": "Which?"})
    assert misfits(asked, [Verdict(Verb.RESPOND, answer=" ")], Answers()) != []
    assert misfits(asked, [Verdict(Verb.CLOSE)], Answers()) == []
    assert decide(asked, Verdict(Verb.CLOSE)).verb is Verb.CLOSE
