"""Answers that a graph cannot use, threads in error and breakpoints, at a real Agent Server."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.connectors.kit.deliver import NotTaken, connected, decide, deliver, settle
from tests.connectors.kit.faults import Line
from tests.connectors.langgraph.at_once import at_once
from tests.connectors.langgraph.conftest import Bench, acts
from triage.connectors.base import Refusal
from triage.connectors.langgraph import LangGraph
from triage.model.decision import DeliveryState, Outcome, Verdict
from triage.model.item import Gone, Item, ItemKind, Verb

CONFIRMED, REFUSED, UNKNOWN = DeliveryState.CONFIRMED, DeliveryState.REFUSED, DeliveryState.UNKNOWN
APPROVE, CLOSE = Verdict(Verb.APPROVE), Verdict(Verb.CLOSE)
REJECT = Verdict(Verb.REJECT)
ACCEPTED = {"type": "accept", "args": None}
EMAIL: dict[str, Any] = {"messages": [{"role": "user", "content": "send_email"}]}


def respond(answer: Any) -> Verdict:
    return Verdict(Verb.RESPOND, answer=answer)


def edit(arguments: Any) -> Verdict:
    return Verdict(Verb.EDIT, arguments=arguments)


async def send_unchecked(bench: Bench, item: Item, verdict: Verdict) -> Outcome:
    decision = decide(item, verdict)
    receipt = await bench.connector.send(item, decision)
    return await settle(bench.connector, item, decision, receipt, unknown_looks=1)


# What a graph would choke on is not sent


@at_once
@pytest.mark.parametrize(
    ("graph", "verdicts", "why"),
    [
        ("javascript", [APPROVE], "2 verdicts"),
        ("javascript", [APPROVE] * 3, "2 verdicts"),
        ("javascript", [APPROVE, edit({"table": "rows"})], "does not take edit"),
        ("javascript", [APPROVE, CLOSE], "cannot be mixed"),
        ("javascript", [respond("both"), APPROVE], "does not allow this here"),
        ("narrow", [edit({"order": "A-2"})], "does not allow this here"),
        ("narrow", [REJECT], "knows no rejection"),
        ("inbox", [edit(["A-2"])], "must be a JSON object"),
        ("inbox", [edit({"order": "A-1", "weight": "12.5"})], "weight was 12.5 and is now the text '12.5'"),
        ("inbox", [edit({"order": "A-1", "weight": 2**64})], "beyond 64 bits"),
        ("inbox", [respond({"text": "hello"})], "must be text"),
        ("inbox", [Verdict(Verb.RESPOND)], "needs an answer"),
        ("text", [APPROVE], "This is a question"),
        ("text", [respond([{"n": 2**64}])], "beyond 64 bits"),
        ("typed", [respond({"amount": 1001, "approved": True})], "amount: 1001 is greater"),
        ("unchecked", [respond(0)], "0 is less than the minimum of 1"),
        ("breakpoint", [respond("go")], "takes no words"),
        ("tools_per_call", [edit({"to": 7, "copies": 2}), APPROVE], "1 verdict"),
    ],
)
async def test_preflight_refuses(bench: Bench, graph: str, verdicts: list[Verdict], why: str) -> None:
    thread_id = await bench.agents.ask(graph, **(EMAIL if graph.startswith("tools") else {}))
    item = await bench.item(thread_id)
    with pytest.raises(NotTaken, match=why):
        await deliver(bench.connector, item, verdicts)
    assert bench.line.sends == 0
    assert (await bench.item(thread_id)).revision == item.revision


@at_once
async def test_one_answer_does_not_stand_for_a_whole_batch(bench: Bench) -> None:
    """Though the item takes answers, for one of its actions does."""
    calls: dict[str, Any] = {"messages": [{"role": "user", "content": "send_email delete_rows"}]}
    item = await bench.item(await bench.agents.ask("tools", **calls))
    assert Verb.RESPOND in item.verbs
    with pytest.raises(NotTaken, match="2 verdicts are wanted, one for each action"):
        await deliver(bench.connector, item, [respond("both by hand")])
    assert bench.line.sends == 0


@at_once
async def test_several_actions_are_closed_by_one_verdict_or_by_one_each(bench: Bench) -> None:
    for verdicts in ([CLOSE], [CLOSE, CLOSE]):
        thread_id = await bench.agents.ask("javascript")
        outcome = await deliver(bench.connector, await bench.item(thread_id), verdicts)
        assert outcome.state is CONFIRMED
        assert (await bench.agents.state(thread_id))["next"] == []


# A bad answer that is kept with the question: the thread is poisoned


async def poisoned(bench: Bench, graph: str = "javascript", answer: Any = None) -> tuple[Item, Item]:
    """A question, and what it became when somebody gave it an answer that is kept and fails."""
    thread_id = await bench.agents.ask(graph)
    item = await bench.item(thread_id)
    bad = {"decisions": [{"type": "approve"}]} if answer is None else answer
    assert await bench.agents.resume(thread_id, graph, {item.locator["interrupt_id"]: bad}) == "error"
    return item, await bench.item(thread_id)


@at_once
async def test_a_poisoned_question_is_recognised(bench: Bench) -> None:
    item, stuck = await poisoned(bench)
    assert stuck.id != item.id
    assert stuck.kind is ItemKind.EXTERNAL
    assert stuck.title == f"Stuck: {item.title}"
    assert "ValueError('2 decisions wanted, 1 came')" in stuck.description
    assert stuck.verbs == (Verb.CLOSE,)
    assert stuck.repair == "Asks this question anew, without the answer that failed."
    for verdicts in ([APPROVE, APPROVE], [REJECT, REJECT]):
        with pytest.raises(NotTaken, match="repair it first"):
            await deliver(bench.connector, stuck, verdicts)
    gone = await bench.connector.reread(item)
    assert isinstance(gone, Gone)
    assert "listed by itself" in gone.detail
    assert bench.line.sends == 0


@at_once
async def test_a_poisoned_question_is_repaired_and_then_answered(bench: Bench) -> None:
    item, stuck = await poisoned(bench)
    thread_id = stuck.locator["thread_id"]
    done = await bench.connector.repair(stuck)
    assert done is not None
    assert done.startswith("the question is asked anew: run ")
    assert done.endswith("ended: success")
    again = await bench.item(thread_id)
    assert again.id not in (item.id, stuck.id)
    assert (again.actions, again.verbs, again.repair) == (item.actions, item.verbs, None)
    assert await bench.connector.repair(stuck) is None, "it is mended already"
    assert (await deliver(bench.connector, again, [APPROVE, REJECT])).state is CONFIRMED
    assert await bench.agents.outcome(thread_id) == [{"type": "approve"}, {"type": "reject"}]
    assert await bench.connector.repair(stuck) is None
    assert (await bench.agents.state(thread_id))["next"] == []


@at_once
async def test_a_repair_cut_short_leaves_a_breakpoint_that_asks_anew(bench: Bench) -> None:
    _, stuck = await poisoned(bench)
    thread_id = stuck.locator["thread_id"]
    await bench.agents.post(f"/threads/{thread_id}/state", {"values": {}})
    halfway = await bench.item(thread_id)
    assert halfway.title == "Go on with gate?"
    assert "changed by hand" in halfway.description
    outcome = await deliver(bench.connector, halfway, [APPROVE])
    assert outcome.state is CONFIRMED
    assert outcome.effect.startswith("asks again: 2 actions: send_email")


@at_once
async def test_a_poisoned_question_is_closed(bench: Bench) -> None:
    _, stuck = await poisoned(bench)
    outcome = await deliver(bench.connector, stuck, [CLOSE])
    assert outcome.state is CONFIRMED
    assert (await bench.agents.state(stuck.locator["thread_id"]))["next"] == []
    assert await bench.items(stuck.locator["thread_id"]) == []


@at_once
async def test_an_answer_of_ours_that_a_step_fails_on_is_unknown(bench: Bench) -> None:
    thread_id = await bench.agents.ask("picky")
    item = await bench.item(thread_id)
    outcome = await deliver(bench.connector, item, [respond("maybe")])
    assert outcome.state is UNKNOWN
    assert "what does 'maybe' mean?" in outcome.detail
    assert "listed anew as stuck" in outcome.detail
    assert bench.line.sends == 1
    stuck = await bench.item(thread_id)
    assert stuck.repair
    await bench.connector.repair(stuck)
    again = await bench.item(thread_id)
    assert (again.title, again.id == item.id) == (item.title, False)
    assert (await deliver(bench.connector, again, [respond("yes")])).state is CONFIRMED
    assert await bench.agents.outcome(thread_id) == ["yes"]


@at_once
async def test_a_poisoned_question_beside_another(bench: Bench) -> None:
    """The other one can be answered, though the run that carries it ends in an error; the repair says
    what it would ask and do again."""
    thread_id = await bench.agents.ask("mixed")
    finance, picky = sorted(await bench.items(thread_id), key=lambda item: item.kind)
    await bench.agents.resume(thread_id, "mixed", {picky.locator["interrupt_id"]: "perhaps"})
    stuck = next(item for item in await bench.items(thread_id) if item.id != finance.id)
    assert stuck.repair is not None
    assert "So is the other open one." in stuck.repair
    outcome = await deliver(bench.connector, finance, [APPROVE])
    assert outcome.state is CONFIRMED, outcome
    assert "then it failed: picky: ValueError" in outcome.effect
    (stuck,) = await bench.items(thread_id)
    assert stuck.repair is not None
    assert "1 finished step beside it will be asked and run again" in stuck.repair
    await bench.connector.repair(stuck)
    assert len(await bench.items(thread_id)) == 2


# A bad answer that is not kept


@at_once
@pytest.mark.parametrize(
    ("graph", "bad", "good"),
    [
        ("typed", respond({"amount": "lots", "approved": True}), respond({"amount": 5, "approved": True})),
        ("tools_per_call", edit(7), APPROVE),
    ],
)
async def test_an_answer_that_misfits_its_schema_may_be_given_again(
    bench: Bench, graph: str, bad: Verdict, good: Verdict
) -> None:
    thread_id = await bench.agents.ask(graph, **(EMAIL if graph.startswith("tools") else {}))
    item = await bench.item(thread_id)
    outcome = await send_unchecked(bench, item, bad)
    assert outcome.state is REFUSED
    assert "the answer does not fit" in outcome.detail
    again = await bench.item(thread_id)
    assert (again.id, again.verbs, again.repair) == (item.id, item.verbs, None)
    assert again.revision != item.revision
    assert "failed on its last answer: 1 validation error" in again.description
    assert (await deliver(bench.connector, again, [good])).state is CONFIRMED
    assert await bench.agents.rest(thread_id) == "idle"


@at_once
async def test_a_schema_the_server_does_not_hold_to_leaves_the_answer_stuck(bench: Bench) -> None:
    _, stuck = await poisoned(bench, "unchecked", "many")
    assert "TypeError" in stuck.description
    assert stuck.repair
    assert stuck.answer_schema == {"type": "integer", "minimum": 1}


# Threads in error that ask nothing


@at_once
async def test_an_errored_thread_is_shown_run_again_and_closed(bench: Bench) -> None:
    thread_id = await bench.agents.ask("crash")
    item = await bench.item(thread_id)
    assert item.kind is ItemKind.EXTERNAL
    assert item.title == "Failed: gate: RuntimeError('the printer is on fire')"
    assert item.verbs == (Verb.CLOSE,)
    assert item.repair is not None
    done = await bench.connector.repair(item)
    assert done is not None
    assert done.startswith("the step runs again")
    assert len(await bench.agents.runs(thread_id)) == 2
    assert (await bench.item(thread_id)).id == item.id, "it failed once more at the same place"
    assert (await deliver(bench.connector, item, [CLOSE])).state is CONFIRMED
    assert (await bench.agents.state(thread_id))["next"] == []
    assert await bench.items(thread_id) == []


@at_once
async def test_what_fails_after_an_answer_does_not_undo_it(bench: Bench) -> None:
    thread_id = await bench.agents.ask("aftermath")
    item = await bench.item(thread_id)
    outcome = await deliver(bench.connector, item, [respond("Ann")])
    assert outcome.state is CONFIRMED
    assert outcome.effect == "then it failed: print: RuntimeError('the printer is on fire')"
    assert await bench.agents.outcome(thread_id) == ["Ann"]
    assert (await bench.item(thread_id)).title.startswith("Failed: print")


@at_once
async def test_errored_threads_can_be_left_out(bench: Bench) -> None:
    crashed, asking = await bench.agents.ask("crash"), await bench.agents.ask("text")
    settings: dict[str, Any] = {"metadata": {"mark": bench.agents.mark}, "errors": False}
    async with connected(LangGraph, bench.connector.wire.url, Line(acts), **settings) as connector:
        assert [item.locator["thread_id"] for item in (await connector.poll()).items] == [asking]
    assert {item.locator["thread_id"] for item in (await bench.connector.poll()).items} == {crashed, asking}


# Breakpoints


@at_once
async def test_a_breakpoint_asks_to_go_on(bench: Bench) -> None:
    thread_id = await bench.agents.ask("breakpoint")
    item = await bench.item(thread_id)
    assert (item.kind, item.title) == (ItemKind.APPROVAL, "Go on with gate?")
    assert item.verbs == (Verb.APPROVE, Verb.CLOSE)
    assert item.actions[0].name == "gate"
    decision = decide(item, APPROVE)
    assert (await deliver(bench.connector, item, decision)).state is CONFIRMED
    assert await bench.agents.outcome(thread_id) == ["shipped A-1"]
    late = await send_unchecked(bench, item, APPROVE)
    assert late.state is REFUSED
    assert "settled elsewhere" in late.detail
    assert await bench.agents.outcome(thread_id) == ["shipped A-1"]


@at_once
async def test_a_breakpoint_before_a_step_that_asks_goes_on_to_its_question(bench: Bench) -> None:
    thread_id = await bench.agents.ask("breakpoint_ask")
    outcome = await deliver(bench.connector, await bench.item(thread_id), [APPROVE])
    assert (outcome.state, outcome.effect) == (CONFIRMED, "asks again: What name should go on A-1?")
    assert (await deliver(bench.connector, await bench.item(thread_id), [respond("Ann")])).state is CONFIRMED
    assert await bench.agents.outcome(thread_id) == ["Ann"]


@at_once
async def test_a_breakpoint_before_a_step_that_fails_went_on(bench: Bench) -> None:
    thread_id = await bench.agents.ask("breakpoint_fail")
    outcome = await deliver(bench.connector, await bench.item(thread_id), [APPROVE])
    assert outcome.state is CONFIRMED
    assert "the printer is on fire" in outcome.effect
    assert (await bench.item(thread_id)).kind is ItemKind.EXTERNAL


# What the operator sees


@at_once
async def test_what_led_to_a_question(bench: Bench) -> None:
    item = await bench.item(await bench.agents.ask("tools", **EMAIL))
    context = await bench.connector.context(item)
    assert [(message.role, message.text) for message in context.messages] == [
        ("user", "send_email"),
        ("assistant", "→ send_email(to=ann@example.com, copies=2)"),
    ]
    item = await bench.item(await bench.agents.ask("text"))
    context = await bench.connector.context(item)
    assert (context.messages, context.state) == ((), {"order": "A-1", "outcome": []})


@at_once
async def test_an_assistant_that_is_gone_is_a_refusal(bench: Bench) -> None:
    item = await bench.item(await bench.agents.ask("text"))
    lost = {**item.locator, "assistant_id": "00000000-0000-0000-0000-000000000000"}
    with pytest.raises(Refusal, match="no longer there"):
        await bench.connector.send(msgspec.structs.replace(item, locator=lost), decide(item, respond("Ann")))
    assert (await bench.item(item.locator["thread_id"])).revision == item.revision


@at_once
async def test_recognises_the_server_and_its_version(bench: Bench) -> None:
    match = await LangGraph.recognise(bench.connector.wire)
    assert match is not None
    assert match.warning == ""
    assert match.detail == f"LangGraph Agent Server {match.version} with langgraph 1.2.22"
    assert (await bench.connector.about()).version == match.version
