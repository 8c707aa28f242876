"""Answers that meet others: doubled, concurrent, late, cancelled, at a real Agent Server."""

from __future__ import annotations

import asyncio

import pytest

from tests.connectors.kit.deliver import decide, deliver, settle
from tests.connectors.kit.faults import Fault
from tests.connectors.langgraph.at_once import at_once
from tests.connectors.langgraph.conftest import Bench
from triage.connectors.base import Refusal
from triage.connectors.http import EndpointError
from triage.connectors.langgraph import settling
from triage.model.decision import Decision, DeliveryState, Outcome, Verdict
from triage.model.item import Gone, Item, Verb

CONFIRMED, REFUSED, UNKNOWN = DeliveryState.CONFIRMED, DeliveryState.REFUSED, DeliveryState.UNKNOWN
STALE, SENT = DeliveryState.STALE, DeliveryState.SENT
APPROVE, IGNORE, CLOSE = Verdict(Verb.APPROVE), Verdict(Verb.IGNORE), Verdict(Verb.CLOSE)
ACCEPTED, IGNORED = {"type": "accept", "args": None}, {"type": "ignore", "args": None}


def respond(answer: object) -> Verdict:
    return Verdict(Verb.RESPOND, answer=answer)


async def send_unread(bench: Bench, item: Item, verdict: Verdict) -> Outcome:
    """Send without reading the item again, as when something slips in between the two."""
    decision = decide(item, verdict)
    receipt = await bench.connector.send(item, decision)
    return await settle(bench.connector, item, decision, receipt, unknown_looks=1)


@at_once
async def test_a_second_answer_is_stale(bench: Bench) -> None:
    thread_id = await bench.agents.ask("inbox")
    item = await bench.item(thread_id)
    assert (await deliver(bench.connector, item, [APPROVE])).state is CONFIRMED
    outcome = await deliver(bench.connector, item, [IGNORE])
    assert outcome.state is STALE
    assert "answered by run" in outcome.detail
    assert "by kim" in outcome.detail
    assert await bench.agents.outcome(thread_id) == [ACCEPTED]


@at_once
async def test_of_concurrent_answers_one_is_taken(bench: Bench) -> None:
    thread_id = await bench.agents.ask("inbox")
    item = await bench.item(thread_id)
    verdicts = [APPROVE, IGNORE, respond("a"), respond("b")]
    outcomes = await asyncio.gather(*(deliver(bench.connector, item, [verdict]) for verdict in verdicts))
    states = [outcome.state for outcome in outcomes]
    assert states.count(CONFIRMED) == 1, outcomes
    assert set(states) <= {CONFIRMED, REFUSED, STALE}, outcomes
    taken = verdicts[states.index(CONFIRMED)]
    words = {APPROVE: "accept", IGNORE: "ignore"}
    (told,) = await bench.agents.outcome(thread_id)
    assert told == {"type": words.get(taken, "response"), "args": taken.answer or None}


@at_once
async def test_while_a_run_is_under_way_nothing_is_sent_beside_it(bench: Bench) -> None:
    thread_id = await bench.agents.ask("slow")
    item = await bench.item(thread_id)
    decision = decide(item, respond("ours"))
    receipt = await bench.connector.send(item, decision)
    assert (await bench.connector.settle(item, decision, receipt)).state is SENT
    assert await bench.items(thread_id) == []
    gone = await bench.connector.reread(item)
    assert isinstance(gone, Gone)
    assert "being answered by run" in gone.detail
    with pytest.raises(Refusal, match="in flight"):
        await bench.connector.send(item, decide(item, respond("theirs")))
    with pytest.raises(Refusal, match="in flight"):
        await bench.connector.send(item, decide(item, CLOSE))
    assert (await settle(bench.connector, item, decision, receipt)).state is CONFIRMED
    assert await bench.agents.outcome(thread_id) == ["ours"]


@at_once
async def test_a_thread_at_work_on_something_else_is_looked_at_again_later(bench: Bench) -> None:
    thread_id = await bench.agents.ask("slow")
    item = await bench.item(thread_id)
    other = {"command": {"resume": {"f" * 32: "to another question"}}, "assistant_id": "slow"}
    await bench.agents.post(f"/threads/{thread_id}/runs", other)
    with pytest.raises(EndpointError, match="at work; look again"):
        await bench.connector.reread(item)
    assert await bench.agents.rest(thread_id) == "interrupted"
    assert (await deliver(bench.connector, item, [respond("ours")])).state is CONFIRMED


@at_once
async def test_a_request_delivered_twice_while_it_runs_is_ours_and_not_a_rivals(bench: Bench) -> None:
    thread_id = await bench.agents.ask("slow")
    item = await bench.item(thread_id)
    bench.line.fault = Fault.TWICE
    outcome = await deliver(bench.connector, item, [respond("ours")])
    assert outcome.state is CONFIRMED, outcome
    assert await bench.agents.outcome(thread_id) == ["ours"]


@at_once
async def test_an_answer_to_what_was_replaced_is_stale(bench: Bench) -> None:
    thread_id = await bench.agents.ask("inbox")
    item = await bench.item(thread_id)
    await bench.agents.run(thread_id, "inbox", input={"order": "B-2"})
    assert (await deliver(bench.connector, item, [APPROVE])).state is STALE
    outcome = await send_unread(bench, item, APPROVE)
    assert outcome.state is REFUSED
    assert "new input on the thread replaced the question" in outcome.detail
    assert await bench.agents.outcome(thread_id) == []
    assert (await bench.item(thread_id)).actions[0].arguments["order"] == "B-2"


@at_once
@pytest.mark.parametrize("keyed", [True, False])
async def test_an_answer_after_somebody_elses_is_refused(bench: Bench, keyed: bool) -> None:
    thread_id = await bench.agents.ask("inbox")
    item = await bench.item(thread_id)
    theirs = [IGNORED]
    await bench.agents.resume(thread_id, "inbox", {item.locator["interrupt_id"]: theirs} if keyed else theirs)
    outcome = await send_unread(bench, item, APPROVE)
    assert outcome.state is REFUSED
    assert "settled elsewhere, by run" in outcome.detail
    assert await bench.agents.outcome(thread_id) == [IGNORED]


@at_once
async def test_an_answer_through_the_servers_other_door_is_seen(bench: Bench) -> None:
    thread_id = await bench.agents.ask("inbox")
    item = await bench.item(thread_id)
    response = {"interrupt_id": item.locator["interrupt_id"], "namespace": [], "response": [IGNORED]}
    command = {"id": 1, "method": "input.respond", "params": response}
    await bench.agents.post(f"/threads/{thread_id}/commands", command)
    await bench.agents.rest(thread_id)
    gone = await bench.connector.reread(item)
    assert isinstance(gone, Gone)
    assert gone.reason == "answered"
    assert (await send_unread(bench, item, APPROVE)).state is REFUSED


@at_once
async def test_a_late_answer_to_the_first_question_of_a_step_answers_its_second_and_is_told(
    bench: Bench,
) -> None:
    """The server takes the first question's id for whatever its step asks next."""
    thread_id = await bench.agents.ask("twice")
    item = await bench.item(thread_id)
    await bench.agents.resume(thread_id, "twice", {item.locator["interrupt_id"]: "theirs"})
    second = await bench.item(thread_id)
    assert second.title == "Second?"
    assert second.id != item.id
    assert (await deliver(bench.connector, item, [respond("ours")])).state is STALE
    assert await bench.agents.interrupt_ids(thread_id) == [second.locator["interrupt_id"]]
    outcome = await send_unread(bench, item, respond("ours"))
    assert await bench.agents.outcome(thread_id) == ["theirs", "ours"]
    assert outcome.state is UNKNOWN
    assert "may have answered the question that came after" in outcome.detail


@at_once
async def test_questions_that_follow_each_other_are_each_decided(bench: Bench) -> None:
    thread_id = await bench.agents.ask("twice")
    first = await bench.item(thread_id)
    outcome = await deliver(bench.connector, first, [respond("a")])
    assert (outcome.state, outcome.effect) == (CONFIRMED, "asks again: Second?")
    second = await bench.item(thread_id)
    assert (await deliver(bench.connector, second, [respond("b")])).state is CONFIRMED
    assert await bench.agents.outcome(thread_id) == ["a", "b"]


@at_once
async def test_a_question_in_a_later_step_is_another_item(bench: Bench) -> None:
    thread_id = await bench.agents.ask("again")
    first = await bench.item(thread_id)
    outcome = await deliver(bench.connector, first, [respond("a")])
    assert (outcome.state, outcome.effect) == (CONFIRMED, "asks again: ship(order=A-1, weight=12.5)")
    late = await send_unread(bench, first, respond("late"))
    assert late.state is REFUSED
    second = await bench.item(thread_id)
    assert (await deliver(bench.connector, second, [APPROVE])).state is CONFIRMED
    assert await bench.agents.outcome(thread_id) == ["a", ACCEPTED]


@at_once
async def test_questions_beside_each_other_are_decided_one_by_one(bench: Bench) -> None:
    thread_id = await bench.agents.ask("parallel")
    finance, legal = sorted(await bench.items(thread_id), key=lambda item: item.actions[0].name)
    assert bench.connector.lane(finance) == bench.connector.lane(legal)
    outcome = await deliver(bench.connector, finance, [APPROVE])
    assert (outcome.state, outcome.effect) == (CONFIRMED, "waits for 1 other answer")
    assert [item.id for item in await bench.items(thread_id)] == [legal.id]
    late = await send_unread(bench, finance, IGNORE)
    assert late.state is REFUSED
    assert "settled elsewhere" in late.detail
    assert [item.id for item in await bench.items(thread_id)] == [legal.id], "the row alone would show both"
    assert (await deliver(bench.connector, legal, [IGNORE])).state is CONFIRMED
    assert sorted(await bench.agents.outcome(thread_id)) == [["finance", ACCEPTED], ["legal", IGNORED]]


@at_once
async def test_an_answer_beside_others_is_proven_after_the_thread_has_gone_on(bench: Bench) -> None:
    thread_id = await bench.agents.ask("parallel")
    finance, legal = await bench.items(thread_id)
    decision = decide(finance, APPROVE)
    receipt = await bench.connector.send(finance, decision)
    await bench.agents.rest(thread_id)
    await bench.agents.resume(thread_id, "parallel", {legal.locator["interrupt_id"]: [IGNORED]})
    assert (await settle(bench.connector, finance, decision, receipt)).state is CONFIRMED
    late = decide(finance, APPROVE)
    receipt = await bench.connector.send(finance, late)
    assert (await settle(bench.connector, finance, late, receipt)).state is REFUSED


@at_once
async def test_an_answer_beside_others_that_was_closed_first_is_refused(bench: Bench) -> None:
    thread_id = await bench.agents.ask("parallel")
    finance, _ = await bench.items(thread_id)
    now = await bench.connector.reread(finance)
    assert isinstance(now, Item)
    await bench.agents.post(f"/threads/{thread_id}/state", {"values": None, "as_node": "__end__"})
    outcome = await send_unread(bench, now, APPROVE)
    assert outcome.state is REFUSED
    assert "changed by hand and the question dropped" in outcome.detail


@at_once
async def test_a_cancelled_answer_is_unknown_and_the_question_stands(bench: Bench) -> None:
    thread_id = await bench.agents.ask("slow")
    item = await bench.item(thread_id)
    decision = decide(item, respond("ours"))
    receipt = await bench.connector.send(item, decision)
    run = f"/threads/{thread_id}/runs/{receipt.reference}"
    await _until_running(bench, run)
    await bench.agents.post(f"{run}/cancel?wait=true&action=interrupt", None)
    outcome = await settle(bench.connector, item, decision, receipt, unknown_looks=1)
    assert outcome.state is UNKNOWN
    assert "was cancelled" in outcome.detail
    assert (await bench.item(thread_id)).revision == item.revision
    assert (await deliver(bench.connector, item, [respond("again")])).state is CONFIRMED
    assert await bench.agents.outcome(thread_id) == ["again"]


@at_once
async def test_a_question_rolled_back_to_is_not_listed_but_still_read_and_answered(bench: Bench) -> None:
    thread_id = await bench.agents.ask("slow")
    item = await bench.item(thread_id)
    run = await bench.connector.send(item, decide(item, respond("ours")))
    path = f"/threads/{thread_id}/runs/{run.reference}"
    await _until_running(bench, path)
    await bench.agents.post(f"{path}/cancel?wait=true&action=rollback", None)
    assert await bench.agents.rest(thread_id) == "idle"
    assert await bench.items(thread_id) == []
    again = await bench.connector.reread(item)
    assert isinstance(again, Item)
    assert again.revision == item.revision
    assert (await deliver(bench.connector, item, [respond("again")])).state is CONFIRMED


async def _until_running(bench: Bench, path: str) -> None:
    async with asyncio.timeout(10):
        while (await bench.agents.get(path))["status"] == "pending":
            await asyncio.sleep(0.02)


@at_once
async def test_a_deleted_thread_is_gone(bench: Bench) -> None:
    thread_id = await bench.agents.ask("text")
    item = await bench.item(thread_id)
    decision = decide(item, respond("ours"))
    (await bench.agents.client.delete(f"/threads/{thread_id}")).raise_for_status()
    assert await bench.connector.reread(item) == Gone("deleted", "the thread is deleted")
    with pytest.raises(Refusal, match="no longer there"):
        await bench.connector.send(item, decision)
    outcome = await bench.connector.settle(item, decision, None)
    assert (outcome.state, outcome.detail) == (UNKNOWN, "the thread is deleted")


async def test_a_lost_answer_is_refused_once_it_cannot_arrive_any_more(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    thread_id = await bench.agents.ask("text")
    item = await bench.item(thread_id)
    decision: Decision = decide(item, respond("ours"))
    bench.line.fault = Fault.LOST
    assert (await deliver(bench.connector, item, decision)).state is UNKNOWN
    monkeypatch.setattr(settling, "LANDING_S", 0.0)
    outcome = await bench.connector.settle(item, decision, None)
    assert (outcome.state, outcome.detail) == (
        REFUSED,
        "it never arrived; the question still stands",
    )
    assert await bench.agents.interrupt_ids(thread_id) == [item.locator["interrupt_id"]]
