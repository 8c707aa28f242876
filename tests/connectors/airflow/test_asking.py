"""What is asked by options and parameters, and what is sent for a verdict on them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.connectors.airflow.fake import param
from triage.connectors.airflow import asking
from triage.connectors.airflow.api import Detail, TaskInstance
from triage.model.decision import Verdict
from triage.model.item import ItemKind, Option, Verb

TASK = TaskInstance(
    id="1", task_id="ask", dag_id="ship", dag_run_id="r", map_index=-1, try_number=1, state="awaiting_input"
)
DAY = param("2026-01-01", type="string", format="date")


def asked(*options: str, multiple: bool = False, **params: Any) -> asking.Asked:
    detail = Detail(
        options=list(options),
        subject="Ship?",
        task_instance=TASK,
        created_at=datetime.now(UTC),
        response_received=False,
        multiple=multiple,
        params=params,
    )
    return asking.read(detail)


def sent(found: asking.Asked, verdict: Verdict) -> Any:
    return asking.answer(found.locator, verdict)


def faults(found: asking.Asked, verdict: Verdict) -> str:
    return "; ".join(asking.faults(found.locator, verdict))


def test_an_approval_without_parameters() -> None:
    found = asked("Approve", "Reject")
    assert found.kind is ItemKind.APPROVAL
    assert found.verbs == (Verb.APPROVE, Verb.REJECT, Verb.CLOSE)
    assert found.actions[0].schema is None
    assert sent(found, Verdict(Verb.APPROVE)) == (["Approve"], {})
    assert sent(found, Verdict(Verb.REJECT, reason="no")) == (["Reject"], {})
    assert faults(found, Verdict(Verb.APPROVE)) == ""


def test_approving_sends_what_was_shown() -> None:
    found = asked("Approve", "Reject", day=DAY, count=param(3, type="integer"))
    assert found.actions[0].arguments == {"day": "2026-01-01", "count": 3}
    assert sent(found, Verdict(Verb.APPROVE)) == (["Approve"], {"day": "2026-01-01", "count": 3})
    edited = {"day": "2026-02-01", "count": 4}
    assert sent(found, Verdict(Verb.EDIT, arguments=edited)) == (["Approve"], edited)
    assert sent(found, Verdict(Verb.REJECT)) == (["Reject"], {})


def test_what_is_not_proposed_cannot_be_approved() -> None:
    found = asked("Approve", "Reject", owner=param(None, type="string"))
    assert found.verbs == (Verb.EDIT, Verb.REJECT, Verb.CLOSE)
    assert "owner" in found.refusals["approve"]
    form = asked("OK", owner=param(None, type="string"))
    assert form.verbs == (Verb.EDIT, Verb.RESPOND, Verb.CLOSE)
    assert "owner" in form.refusals["approve"]


def test_a_reason_goes_into_the_parameter_for_it() -> None:
    found = asked("Approve", "Reject", note=param("", type="string"), count=param(3, type="integer"))
    assert sent(found, Verdict(Verb.REJECT, reason="no")) == (["Reject"], {"note": "no", "count": 3})
    short = asked("Approve", "Reject", note=param("", type="string", maxLength=1))
    assert sent(short, Verdict(Verb.REJECT, reason="no")) == (["Reject"], {})


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        ({"day": "tomorrow", "count": 3}, "day"),
        ({"day": "2026-01-01", "count": 11}, "count"),
        ({"day": "2026-01-01", "count": "3"}, "count"),
        ({"day": "2026-01-01"}, "count"),
        ({"day": "2026-01-01", "count": 3, "more": 1}, "more"),
    ],
    ids=["format", "range", "type", "missing", "extra"],
)
def test_what_would_fail_the_task_is_a_fault(values: Any, fault: str) -> None:
    for options, verb in ((("Approve", "Reject"), Verb.EDIT), (("OK",), Verb.EDIT), (("OK",), Verb.RESPOND)):
        found = asked(*options, day=DAY, count=param(3, type="integer", maximum=10))
        given = {"answer": values} if verb is Verb.RESPOND else {"arguments": values}
        assert fault in faults(found, Verdict(verb, **given))


def test_a_bare_value_keeps_its_type() -> None:
    """Some servers tell parameters without their schema."""
    found = asked("OK", count=3, name="ann", ready=True)
    assert found.actions[0].arguments == {"count": 3, "name": "ann", "ready": True}
    edited = {"count": "4", "name": "bob", "ready": True}
    assert "count" in faults(found, Verdict(Verb.EDIT, arguments=edited))
    assert faults(found, Verdict(Verb.EDIT, arguments=edited | {"count": 4.5})) == ""


def test_a_schema_that_cannot_be_used_is_a_fault() -> None:
    for schema in ({"type": 7}, {"$ref": "http://127.0.0.1:1/schema"}):
        found = asked("Approve", "Reject", odd=param(1, **schema))
        assert Verb.APPROVE not in found.verbs
        assert "cannot be used" in faults(found, Verdict(Verb.EDIT, arguments={"odd": 2}))


def test_one_option_alone_without_parameters_is_only_agreed_to() -> None:
    found = asked("Seen")
    assert found.verbs == (Verb.APPROVE, Verb.CLOSE)
    assert sent(found, Verdict(Verb.APPROVE)) == (["Seen"], {})


def test_a_choice_by_the_options_own_text() -> None:
    found = asked("mail", "blog")
    assert found.options == (Option("mail", "mail"), Option("blog", "blog"))
    assert found.answer_schema == {"type": "string", "enum": ["mail", "blog"]}
    assert sent(found, Verdict(Verb.RESPOND, answer="blog")) == (["blog"], {})
    assert "not one of" in faults(found, Verdict(Verb.RESPOND, answer="post"))
    assert "only one" in faults(found, Verdict(Verb.RESPOND, answer=["mail", "blog"]))


def test_several_of_several() -> None:
    found = asked("mail", "blog", "none", multiple=True)
    assert found.many
    assert sent(found, Verdict(Verb.RESPOND, answer=["mail", "blog"])) == (["mail", "blog"], {})
    assert "at least one" in faults(found, Verdict(Verb.RESPOND, answer=[]))


def test_a_choice_with_parameters_is_answered_by_both() -> None:
    found = asked("mail", "blog", count=param(3, type="integer"))
    assert found.options == (
        Option("mail", {"choice": "mail", "count": 3}),
        Option("blog", {"choice": "blog", "count": 3}),
    )
    given = {"choice": "blog", "count": 4}
    assert sent(found, Verdict(Verb.RESPOND, answer=given)) == (["blog"], {"count": 4})
    assert found.answer_schema is not None
    assert found.answer_schema["required"] == ["choice", "count"]
    assert "count" in faults(found, Verdict(Verb.RESPOND, answer=given | {"count": "4"}))
    several = asked("mail", "blog", multiple=True, choice=param(3, type="integer"))
    assert several.options == ()
    given = {"chosen_options": ["mail", "blog"], "choice": 4}
    assert sent(several, Verdict(Verb.RESPOND, answer=given)) == (["mail", "blog"], {"choice": 4})


def test_approve_and_reject_among_others_are_a_choice() -> None:
    assert asked("Approve", "Reject", "Later").kind is ItemKind.QUESTION
    assert asked("Approve", "Reject", multiple=True).kind is ItemKind.QUESTION
