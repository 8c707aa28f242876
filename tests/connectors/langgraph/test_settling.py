"""What is told of a decision by what runs and checkpoints show, where a real server seldom gets to."""

from __future__ import annotations

from typing import Any

import httpx
import msgspec
import pytest

from tests.connectors.kit.deliver import connected, decide
from triage.connectors.langgraph import LangGraph, settling
from triage.model.decision import Decision, DeliveryState, Outcome, Receipt, Verdict
from triage.model.item import Item, ItemKind, Verb

CONFIRMED, REFUSED, UNKNOWN = DeliveryState.CONFIRMED, DeliveryState.REFUSED, DeliveryState.UNKNOWN
QUESTION, OTHER = "0" * 32, "1" * 32
ASKED_AT = "2025-01-01T00:00:10+00:00"
ITEM = Item(
    endpoint="test",
    key="t|q",
    kind=ItemKind.QUESTION,
    title="Which?",
    verbs=(Verb.RESPOND, Verb.CLOSE),
    locator={
        "thread_id": "t",
        "assistant_id": "a",
        "shape": "free",
        "words": [],
        "siblings": [OTHER],
        "interrupt_id": QUESTION,
        "checkpoint_id": "asked",
        "seen_at": ASKED_AT,
    },
    raw={"id": QUESTION, "value": "Which?"},
)
DECISION = decide(ITEM, Verdict(Verb.RESPOND, answer="this"))
CLOSING = decide(ITEM, Verdict(Verb.CLOSE))
RECEIPT = Receipt("ours", {"checkpoint_id": "asked", "seen_at": ASKED_AT})


def run(run_id: str, second: int, status: str = "success", **more: Any) -> dict[str, Any]:
    """A run that answers the question, begun at that second."""
    created = f"2025-01-01T00:00:{second:02}+00:00"
    kwargs = {"input": None, "command": {"resume": {QUESTION: "x"}}}
    return {"run_id": run_id, "status": status, "created_at": created, "kwargs": kwargs, **more}


OURS = run("ours", 20, metadata={"decision_id": DECISION.id})


def checkpoint(name: str, parent: str = "", source: str = "loop", second: int = 10, **more: Any) -> Any:
    return {
        "checkpoint": {"checkpoint_id": name},
        "parent_checkpoint": {"checkpoint_id": parent} if parent else None,
        "metadata": {"source": source, **({"run_id": more.pop("run_id")} if "run_id" in more else {})},
        "created_at": f"2025-01-01T00:00:{second:02}+00:00",
        **more,
    }


STANDING = {"id": "s", "name": "gate", "interrupts": [{"id": QUESTION, "value": "Which?"}]}
BESIDE = {"id": "b", "name": "beside", "interrupts": [{"id": OTHER, "value": "What else?"}]}
DONE = {"id": "s", "name": "gate", "interrupts": [], "result": {}}
ASKED = checkpoint("asked", tasks=[STANDING], next=["gate"])
ANSWERED_BESIDE = checkpoint("asked", tasks=[DONE, BESIDE], next=["beside"])


async def outcome_of(
    state: Any,
    runs: list[Any],
    history: list[Any] | None = None,
    *,
    receipt: Receipt | None = RECEIPT,
    decision: Decision = DECISION,
    listed: list[Any] | None = None,
) -> Outcome:
    """The outcome at a server that shows this state, these runs and checkpoints, newest first.

    ``listed``: the runs that its list holds; default: all of them.
    """

    def shown(request: httpx.Request) -> Any:
        name = request.url.path.rpartition("/")[2]
        if name == "history":
            wanted = msgspec.json.decode(request.content).get("metadata", {}).get("run_id")
            past = [state] if history is None else history
            return [one for one in past if wanted in (None, one["metadata"].get("run_id"))]
        if name in ("state", "runs"):
            return state if name == "state" else runs if listed is None else listed
        return next((one for one in runs if one["run_id"] == name), None)

    def respond(request: httpx.Request) -> httpx.Response:
        body = shown(request)
        if body is None:
            return httpx.Response(404, json={"detail": "Thread with ID t not found"})
        return httpx.Response(200, json=body)

    async with connected(LangGraph, "http://agents", httpx.MockTransport(respond)) as connector:
        return await connector.settle(ITEM, decision, receipt)


async def test_the_first_answer_since_it_was_seen_open_is_proven_without_a_checkpoint() -> None:
    earlier = run("earlier", 5)
    outcome = await outcome_of(ANSWERED_BESIDE, [OURS, earlier])
    assert (outcome.state, outcome.detail) == (CONFIRMED, "run ours took it")
    assert outcome.effect == "waits for 1 other answer"


async def test_an_answer_since_it_was_seen_open_was_first() -> None:
    outcome = await outcome_of(ANSWERED_BESIDE, [OURS, run("theirs", 15)])
    assert outcome.state is REFUSED
    assert "settled elsewhere, by run theirs" in outcome.detail


@pytest.mark.parametrize("created_at", [None, "soon"])
async def test_a_run_that_does_not_say_when_may_have_been_first(created_at: str | None) -> None:
    theirs = {**run("theirs", 15), "created_at": created_at}
    assert (await outcome_of(ANSWERED_BESIDE, [OURS, theirs])).state is REFUSED


@pytest.mark.parametrize(
    "theirs",
    [
        run("theirs", 15, "error"),
        run("theirs", 15, kwargs={"command": {"resume": "to whatever is open"}}),
        run("theirs", 15, kwargs={"command": {"resume": {"not": "an id"}}}),
        run("theirs", 15, kwargs={"command": {"goto": "gate"}}),
        run("theirs", 15, kwargs={"input": {"order": "B"}}),
        run("theirs", 15, kwargs=None),
    ],
)
async def test_a_run_that_may_have_been_first_leaves_it_unknown(theirs: Any) -> None:
    outcome = await outcome_of(ANSWERED_BESIDE, [OURS, theirs])
    assert outcome.state is UNKNOWN
    assert "run theirs" in outcome.detail


@pytest.mark.parametrize(
    "kwargs", [{"command": {"resume": {OTHER: "x"}}}, {"input": None, "command": None}, {"input": None}]
)
async def test_a_run_that_answers_others_or_only_goes_on_is_no_rival(kwargs: Any) -> None:
    outcome = await outcome_of(ANSWERED_BESIDE, [OURS, run("theirs", 15, kwargs=kwargs)])
    assert outcome.state is CONFIRMED


async def test_ours_that_wrote_after_anothers_answer_may_have_answered_something_else() -> None:
    after = checkpoint("after", "asked", run_id="ours")
    outcome = await outcome_of(after, [OURS, run("theirs", 15)], [after, ASKED])
    assert outcome.state is UNKNOWN
    assert "may have answered the question that came after" in outcome.detail


async def test_what_followed_ours_does_not_take_it_back() -> None:
    later = run("later", 30, kwargs={"command": {"resume": {OTHER: "x"}}})
    after = checkpoint("after", "asked", run_id="later", second=31)
    assert (await outcome_of(after, [later, OURS], [after, ASKED])).state is CONFIRMED
    changed = checkpoint("changed", "asked", "update", second=30)
    assert (await outcome_of(changed, [OURS], [changed, ASKED])).state is CONFIRMED


async def test_a_change_by_hand_before_ours_swept_the_question_away() -> None:
    changed = checkpoint("changed", "asked", "update", second=15)
    outcome = await outcome_of(changed, [OURS], [changed, ASKED])
    assert outcome.state is REFUSED
    assert "changed by hand" in outcome.detail


async def test_a_change_by_hand_that_does_not_say_when_leaves_it_unknown() -> None:
    changed = {**checkpoint("changed", "asked", "update"), "created_at": None}
    outcome = await outcome_of(changed, [OURS], [changed, ASKED])
    assert outcome.state is UNKNOWN
    assert "before or after run ours is not told" in outcome.detail


async def test_a_run_so_long_ago_that_it_is_not_listed_is_unknown() -> None:
    later = [run(f"later-{number}", 30) for number in range(100)]
    outcome = await outcome_of(ANSWERED_BESIDE, [*later, OURS], listed=later)
    assert outcome.state is UNKNOWN
    assert "so many runs came after run ours" in outcome.detail


async def test_a_run_that_failed_at_another_step_leaves_it_unknown() -> None:
    beside = {**BESIDE, "error": "ValueError('no')"}
    outcome = await outcome_of({**ASKED, "tasks": [STANDING, beside]}, [{**OURS, "status": "error"}])
    assert outcome.state is UNKNOWN
    assert "run ours failed (beside: ValueError('no')) and the question still stands" in outcome.detail


async def test_a_thread_whose_past_is_not_shown_leaves_it_unknown() -> None:
    outcome = await outcome_of(checkpoint("far"), [OURS])
    assert outcome.state is UNKNOWN
    assert "nothing shows that run ours settled it" in outcome.detail


async def test_the_checkpoint_of_the_question_is_found_by_its_id() -> None:
    """After a crash only the item as it was listed is known, and a list tells no checkpoints."""
    changed = checkpoint("changed", "asked", "update", second=15)
    receipt = Receipt("ours", {"checkpoint_id": "", "seen_at": ASKED_AT})
    outcome = await outcome_of(changed, [OURS], [changed, ASKED], receipt=receipt)
    assert outcome.state is REFUSED


async def test_a_run_that_failed_and_was_followed_by_an_answer_is_unknown() -> None:
    failed = {**OURS, "status": "error"}
    outcome = await outcome_of(ANSWERED_BESIDE, [run("later", 30), failed])
    assert outcome.state is UNKNOWN
    assert "others came after it" in outcome.detail


async def test_a_decision_delivered_twice_is_confirmed_once_and_told() -> None:
    again = {**OURS, "run_id": "again", "created_at": "2025-01-01T00:00:25+00:00"}
    for receipt in (RECEIPT, Receipt("again", RECEIPT.detail), None):
        outcome = await outcome_of(ANSWERED_BESIDE, [again, OURS], receipt=receipt)
        assert outcome.state is CONFIRMED
        assert "delivered 2 times on the way, so look at what run again did" in outcome.detail


@pytest.mark.parametrize("status", ["timeout", "interrupted", "strange"])
async def test_a_run_cut_short_while_the_question_stands_is_unknown(status: str) -> None:
    outcome = await outcome_of(ASKED, [{**OURS, "status": status}])
    assert outcome.state is UNKNOWN
    assert "before its step was over" in outcome.detail


async def test_a_run_that_left_the_question_standing_did_nothing() -> None:
    outcome = await outcome_of(ASKED, [OURS])
    assert outcome.state is REFUSED
    assert "ended without taking the answer" in outcome.detail


async def test_another_question_under_the_same_id_is_not_the_one_that_was_answered() -> None:
    """As servers before langgraph 1.2.20 number the questions of one step."""
    following = {**STANDING, "interrupts": [{"id": QUESTION, "value": "And then?"}]}
    assert (await outcome_of({**ASKED, "tasks": [following]}, [OURS])).state is CONFIRMED


async def test_a_run_that_is_no_longer_there_is_unknown() -> None:
    outcome = await outcome_of(ASKED, [])
    assert outcome.state is UNKNOWN
    assert "is no longer there" in outcome.detail


async def test_a_lost_send_is_looked_for_until_it_cannot_arrive(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = checkpoint("after", "asked", run_id="theirs")
    for state in (ASKED, ended):
        outcome = await outcome_of(state, [run("theirs", 15)], receipt=None)
        assert outcome.state is UNKNOWN
        assert "has not arrived" in outcome.detail
    monkeypatch.setattr(settling, "LANDING_S", 0.0)
    outcome = await outcome_of(ended, [run("theirs", 15)], receipt=None)
    assert outcome.state is REFUSED
    assert "never arrived; answered by run theirs" in outcome.detail


async def test_a_close_whose_reply_was_lost_is_proven_by_what_followed_the_question() -> None:
    closed = checkpoint("closed", "asked", "update", second=15)
    outcome = await outcome_of(closed, [], [closed, ASKED], receipt=None, decision=CLOSING)
    assert outcome.state is CONFIRMED
    on = checkpoint("on", "closed", "input", second=20)
    outcome = await outcome_of(on, [], [on, closed, ASKED], receipt=None, decision=CLOSING)
    assert (outcome.state, outcome.detail) == (CONFIRMED, "closed; the thread has gone on since")


async def test_a_close_whose_reply_was_lost_is_not_proven_by_a_change_of_another_sort() -> None:
    edited = checkpoint("edited", "asked", "update", second=15, next=["gate"])
    outcome = await outcome_of(edited, [], [edited, ASKED], receipt=None, decision=CLOSING)
    assert outcome.state is UNKNOWN


async def test_a_close_of_what_was_answered_first_is_unknown() -> None:
    answered = checkpoint("answered", "asked", second=15, run_id="theirs")
    ours = checkpoint("ours", "answered", "update", second=20)
    outcome = await outcome_of(ours, [run("theirs", 14)], [ours, answered, ASKED], decision=CLOSING)
    assert outcome.state is UNKNOWN
    assert "went in another way: answered by run theirs" in outcome.detail


async def test_a_close_that_did_not_close_is_unknown() -> None:
    assert (await outcome_of(ASKED, [], decision=CLOSING)).state is UNKNOWN
    outcome = await outcome_of(ASKED, [], receipt=None, decision=CLOSING)
    assert outcome.state is UNKNOWN
    assert "has not arrived" in outcome.detail
    assert (await outcome_of(None, [], decision=CLOSING)).detail == "the thread is deleted"
