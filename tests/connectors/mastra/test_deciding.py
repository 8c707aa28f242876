"""Decisions carried to a server that acts, its traps included; each asserts what the server did."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tests.connectors.kit.deliver import NotTaken, connected, decide, deliver, settle
from tests.connectors.kit.faults import Fault, Line
from tests.connectors.kit.server import Request, Response
from tests.connectors.mastra.conftest import polled
from tests.connectors.mastra.serving import CALL, MastraServer
from triage.connectors import mastra
from triage.connectors.base import Refusal
from triage.connectors.http import Garbled, Unreachable
from triage.connectors.mastra import Mastra
from triage.model.decision import DeliveryState, Outcome, Receipt, Verdict
from triage.model.item import Gone, Item, Verb

APPROVE, REJECT = Verdict(Verb.APPROVE), Verdict(Verb.REJECT, reason="Use the staging address")
YES, NO = (Verdict(Verb.RESPOND, answer={"approved": answer}) for answer in (True, False))
CONFIRMED, REFUSED, UNKNOWN = DeliveryState.CONFIRMED, DeliveryState.REFUSED, DeliveryState.UNKNOWN
STALE = DeliveryState.STALE
ASKS = {"requiresApproval": False, "toolName": "ask_person", "suspendPayload": {"question": "Which city?"}}
OTHER = {**CALL, "args": {"to": "bert@example.com"}}


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something is seen at the server."""
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.005)


# Agents: a tool must never run twice


async def test_an_approved_tool_runs_once(server: MastraServer, connector: Mastra) -> None:
    call = server.propose()
    outcome = await deliver(connector, await polled(connector, call), [APPROVE])
    assert outcome == Outcome(CONFIRMED, "the tool ran", '{"sent":true}')
    assert server.ran == [call]


async def test_the_trap_a_second_approval_while_the_tool_is_at_work_runs_it_again(
    server: MastraServer, connector: Mastra
) -> None:
    """What the server does with two approvals, and what it lists meanwhile."""
    server.gate = asyncio.Event()
    call = server.propose()
    item = await polled(connector, call)
    body = {"runId": item.locator["run_id"], "toolCallId": call}
    path = "api/agents/ops/approve-tool-call-generate"
    both = [asyncio.create_task(connector.wire.post(path, body)) for _ in range(2)]
    await until(lambda: len(server.ran) == 2)
    assert isinstance(await connector.reread(item), Item)
    server.gate.set()
    assert [(await one).status for one in both] == [200, 200]
    assert server.ran == [call, call]


async def test_we_never_approve_twice_however_long_the_tool_works(
    server: MastraServer, connector: Mastra, line: Line
) -> None:
    """While it works the run is listed as before: neither we nor another of our decisions answer again."""
    server.gate = asyncio.Event()
    call = server.propose()
    item = await polled(connector, call)
    delivery = asyncio.create_task(deliver(connector, item, [APPROVE]))
    await until(lambda: server.ran == [call])
    assert await polled(connector, call)
    assert (await deliver(connector, item, [APPROVE])).state is STALE
    for verdict in (APPROVE, REJECT):
        with pytest.raises(Refusal, match="answered from here already"):
            await connector.send(item, decide(item, verdict))
    server.gate.set()
    assert (await delivery).state is CONFIRMED
    assert (server.ran, server.declined, line.sends) == ([call], [], 1)


async def test_a_time_out_leaves_it_unknown_and_is_not_tried_again(server: MastraServer, line: Line) -> None:
    server.gate = asyncio.Event()
    call = server.propose()
    async with connected(Mastra, server.url, line, answer_timeout_s=0.2) as connector:
        item = await polled(connector, call)
        decision = decide(item, APPROVE)
        outcome = await deliver(connector, item, decision)
        assert outcome.state is UNKNOWN
        assert "listed as before, which it is also while the tool is at work" in outcome.detail
        assert (await deliver(connector, item, [APPROVE])).state is STALE
        server.gate.set()
        await until(lambda: not server.calls)
        outcome = await settle(connector, item, decision, None)
    assert outcome.state is UNKNOWN
    assert "its run no longer waits for it" in outcome.detail
    assert (server.ran, line.sends) == ([call], 1)


async def test_the_patience_for_an_agent_is_long(server: MastraServer, connector: Mastra) -> None:
    assert connector.config.answer_timeout_s >= 600


async def test_what_certainly_was_not_taken_may_be_decided_again(
    server: MastraServer, connector: Mastra, line: Line
) -> None:
    call = server.propose()
    item = await polled(connector, call)
    line.fault = Fault.UNREACHED
    with pytest.raises(Unreachable):
        await connector.send(item, decide(item, APPROVE))
    line.fault = Fault.NONE
    server.instead("POST", "/api/agents/{id}/approve-tool-call-generate", _bad_request)
    with pytest.raises(Refusal, match="Invalid request body"):
        await connector.send(item, decide(item, APPROVE))
    server.as_before()
    assert (await deliver(connector, item, [APPROVE])).state is CONFIRMED
    assert server.ran == [call]


def _bad_request(request: Request) -> Response:
    return Response({"error": "Invalid request body", "issues": [{"field": "runId"}]}, 400)


async def test_a_rejection_tells_the_agent_why(server: MastraServer, connector: Mastra) -> None:
    call = server.propose()
    outcome = await deliver(connector, await polled(connector, call), [REJECT])
    assert outcome == Outcome(CONFIRMED, "declined", "finished. Last tool result: Use the staging address")
    assert (server.ran, server.declined) == ([], [(call, "Use the staging address")])


async def test_a_rejection_without_a_reason_sends_none(
    server: MastraServer, connector: Mastra, line: Line
) -> None:
    call = server.propose()
    item = await polled(connector, call)
    assert (await deliver(connector, item, [Verdict(Verb.REJECT)])).state is CONFIRMED
    assert [asked.json for asked in line.asked if asked.acted] == [
        {"runId": item.locator["run_id"], "toolCallId": call}
    ]


@pytest.mark.parametrize("verdict", [APPROVE, REJECT], ids=["approve", "reject"])
async def test_a_run_that_waits_again_was_answered(
    server: MastraServer, connector: Mastra, verdict: Verdict
) -> None:
    call = server.propose("ops", CALL, OTHER)
    outcome = await deliver(connector, await polled(connector, call), [verdict])
    assert outcome.state is CONFIRMED
    assert "asks again: send_email(to=bert@example.com)" in outcome.effect
    (item,) = (await connector.poll()).items
    assert item.locator["run_id"] == server.calls[item.locator["run_id"]]["runId"]
    assert item.title == "send_email(to=bert@example.com)"


async def test_a_reply_that_shows_no_result_is_not_believed(server: MastraServer, connector: Mastra) -> None:
    """Such as 200 for an approval where somebody else's rejection was first."""

    def declined(request: Request) -> Response:
        return Response({"text": "declined", "finishReason": "stop", "toolResults": []})

    server.instead("POST", "/api/agents/{id}/approve-tool-call-generate", declined)
    outcome = await deliver(connector, await polled(connector, server.propose()), [APPROVE])
    assert outcome.state is UNKNOWN
    assert "does not show that the tool ran" in outcome.detail


async def test_a_rejection_that_came_beside_an_approval(server: MastraServer, connector: Mastra) -> None:
    call = server.propose()

    def ran(request: Request) -> Response:
        result = {"payload": {"toolCallId": call, "result": {"sent": True}}}
        return Response({"finishReason": "stop", "steps": [{"toolResults": [result]}]})

    server.instead("POST", "/api/agents/{id}/decline-tool-call-generate", ran)
    outcome = await deliver(connector, await polled(connector, call), [REJECT])
    assert outcome.state is REFUSED
    assert "approved elsewhere at the same time" in outcome.detail


async def test_too_late_for_an_agent_is_no_failure_and_proves_nothing(
    server: MastraServer, connector: Mastra
) -> None:
    ended = await polled(connector, server.propose())
    moved = await polled(connector, server.propose("ops", CALL, OTHER))
    del server.calls[ended.locator["run_id"]]
    server.calls[moved.locator["run_id"]]["calls"].pop(0)
    for item in (ended, moved):
        decision = decide(item, APPROVE)
        assert isinstance(await connector.reread(item), Gone)
        receipt = await connector.send(item, decision)
        assert receipt.detail["reply"] == "late"
        outcome = await settle(connector, item, decision, receipt)
        assert outcome.state is UNKNOWN
        assert "answered already" in outcome.detail
    assert server.ran == []


async def test_an_answer_to_a_tool_that_asks(server: MastraServer, connector: Mastra, line: Line) -> None:
    call = server.propose("ops", ASKS)
    item = await polled(connector, call)
    outcome = await deliver(connector, item, [Verdict(Verb.RESPOND, answer={"answer": "Oslo"})])
    assert outcome == Outcome(CONFIRMED, "the tool has the answer", '{"answer":"Oslo"}')
    (sent,) = [asked.json for asked in line.asked if asked.acted]
    assert sent["resumeData"] == {"answer": "Oslo"}


@pytest.mark.parametrize(
    ("stream", "state"),
    [
        (b"data: [DONE]\n\n", UNKNOWN),
        (b'data: {"type":"tool-call-suspended","payload":{"toolCallId":"x"}}\n\ndata: [DONE]\n\n', CONFIRMED),
        (b'data: 7\n\ndata: {"type":"text-delta"}\n\ndata: [DONE]\n\n', UNKNOWN),
    ],
    ids=["nothing", "asks again", "junk"],
)
async def test_a_stream_that_shows_no_result(
    server: MastraServer, connector: Mastra, stream: bytes, state: DeliveryState
) -> None:
    item = await polled(connector, server.propose("ops", ASKS))

    def streaming(request: Request) -> Response:
        server.calls.clear()
        return Response(stream, headers={"content-type": "text/event-stream"})

    server.instead("POST", "/api/agents/{id}/resume-stream", streaming)
    outcome = await deliver(connector, item, [Verdict(Verb.RESPOND, answer={"answer": "Oslo"})])
    assert outcome.state is state


@pytest.mark.parametrize("stream", [b"", b'data: {"type":"tool-result"}\n\n', b"data: {\n\ndata: [DONE]\n\n"])
async def test_a_stream_that_breaks_off_is_no_answer(
    server: MastraServer, connector: Mastra, stream: bytes
) -> None:
    item = await polled(connector, server.propose("ops", ASKS))

    def streaming(request: Request) -> Response:
        return Response(stream)

    server.instead("POST", "/api/agents/{id}/resume-stream", streaming)
    with pytest.raises(Garbled):
        await connector.send(item, decide(item, Verdict(Verb.RESPOND, answer={})))


async def test_arguments_cannot_be_edited_and_it_says_what_to_do(
    server: MastraServer, connector: Mastra, line: Line
) -> None:
    item = await polled(connector, server.propose())
    with pytest.raises(NotTaken, match="reject it with the change you want as the reason"):
        await deliver(connector, item, [Verdict(Verb.EDIT, arguments={"to": "bert@example.com"})])
    assert line.sends == 0


async def test_what_cannot_be_listed_does_not_undo_what_the_reply_proved(
    server: MastraServer, connector: Mastra, line: Line
) -> None:
    item = await polled(connector, server.propose())
    decision = decide(item, APPROVE)
    receipt = await connector.send(item, decision)
    line.outage = (500, b"Internal Server Error")
    assert (await connector.settle(item, decision, receipt)).state is CONFIRMED
    lost = await connector.settle(item, decision, None)
    assert lost.state is UNKNOWN
    assert "could not be read" in lost.detail


# Workflows


async def test_an_answer_resumes_the_step(server: MastraServer, connector: Mastra, line: Line) -> None:
    run_id = server.suspend()
    item = await polled(connector, run_id)
    outcome = await deliver(connector, item, [YES])
    assert outcome == Outcome(CONFIRMED, "the step has this answer", 'the run is success: {"approved":true}')
    (sent,) = [asked for asked in line.asked if asked.acted]
    assert sent.target == f"/api/workflows/publish/resume-async?runId={run_id}"
    assert sent.json == {"step": "review", "resumeData": {"approved": True}}


async def test_the_routes_that_lie_are_never_used(server: MastraServer, connector: Mastra) -> None:
    for verdict in (YES, Verdict(Verb.CLOSE)):
        await deliver(connector, await polled(connector, server.suspend()), [verdict])
    assert not server.posts("/resume")
    assert not server.posts("/resume-no-wait")
    assert len(server.posts()) == 2


async def test_a_step_that_asks_again_is_another_item(server: MastraServer, connector: Mastra) -> None:
    run_id = server.suspend(twice=True)
    first = await polled(connector, run_id)
    outcome = await deliver(connector, first, [YES])
    assert outcome == Outcome(CONFIRMED, "the step has this answer", "the run waits at review")
    second = await polled(connector, run_id)
    assert second.id != first.id
    assert second.title == "Really?"
    assert (await deliver(connector, first, [NO])).state is STALE
    assert server.resumed == [run_id]
    assert connector.lane(first) == connector.lane(second)


async def test_of_two_answers_the_second_is_told_what_stands(server: MastraServer, connector: Mastra) -> None:
    run_id = server.suspend()
    item = await polled(connector, run_id)
    await connector.send(item, decide(item, YES))
    for verdict, state in ((NO, REFUSED), (YES, UNKNOWN)):
        decision = decide(item, verdict)
        receipt = await connector.send(item, decision)
        assert receipt.detail["reply"] == "late"
        assert (await settle(connector, item, decision, receipt)).state is state
    assert server.resumed == [run_id]
    assert await connector.reread(item) == Gone("answered", 'answered with {"approved":true}')


async def test_a_moved_step_leaves_the_run_as_it_was(server: MastraServer, connector: Mastra) -> None:
    run_id = server.suspend()
    item = await polled(connector, run_id)
    run = server.runs[run_id]
    run["suspendedPaths"] = {"other": [2]}
    run["steps"]["other"] = {**run["steps"]["review"], "suspendedAt": 1795328628099}
    run["steps"]["review"]["status"] = "success"
    decision = decide(item, YES)
    receipt = await connector.send(item, decision)
    assert receipt.detail["reply"] == "late"
    assert (await settle(connector, item, decision, receipt)).state is UNKNOWN
    assert isinstance(await connector.reread(item), Gone)


async def test_late_but_still_waiting_was_not_taken(server: MastraServer, connector: Mastra) -> None:
    item = await polled(connector, server.suspend())
    late = Receipt("run", {"reply": "late"})
    assert (await connector.settle(item, decide(item, YES), late)).state is REFUSED
    taken = Receipt("run", {"reply": "taken"})
    assert (await connector.settle(item, decide(item, YES), taken)).state is UNKNOWN


async def test_bad_data_is_refused_and_the_step_waits_on(server: MastraServer, connector: Mastra) -> None:
    run_id = server.suspend()
    item = await polled(connector, run_id)
    with pytest.raises(Refusal, match="Invalid resume data"):
        await connector.send(item, decide(item, Verdict(Verb.RESPOND, answer={"approved": "perhaps"})))
    with pytest.raises(NotTaken):
        await deliver(connector, item, [Verdict(Verb.RESPOND, answer={"approved": "perhaps"})])
    assert (server.resumed, len((await connector.poll()).items)) == ([], 1)


async def test_a_lost_answer_never_arrives_after_a_while(
    server: MastraServer, connector: Mastra, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = await polled(connector, server.suspend())
    decision = decide(item, YES)
    line.fault = Fault.LOST
    assert (await deliver(connector, item, decision)).state is UNKNOWN
    monkeypatch.setattr(mastra, "_NEVER_ARRIVED_S", 0.0)
    outcome = await connector.settle(item, decision, None)
    assert outcome == Outcome(REFUSED, "it never arrived; the step still waits")


async def test_a_step_still_at_work_on_a_lost_answer(server: MastraServer, connector: Mastra) -> None:
    run_id = server.suspend()
    item = await polled(connector, run_id)
    run = server.runs[run_id]
    run.update(status="running")
    run["steps"]["review"].update(status="running", resumePayload={"approved": True})
    assert (await connector.settle(item, decide(item, YES), None)).state is DeliveryState.SENT
    assert (await connector.settle(item, decide(item, NO), None)).state is REFUSED
    run["steps"]["review"].update(status="failed", error={"message": "no disk"})
    outcome = await connector.settle(item, decide(item, YES), None)
    assert outcome.effect == 'then the step failed: {"message":"no disk"}'


@pytest.mark.parametrize(
    ("shown", "reply", "state"),
    [
        ({"approved": True, "text": ""}, "taken", CONFIRMED),
        ({"approved": True, "text": ""}, "", REFUSED),
        ({"approved": False}, "taken", UNKNOWN),
        ({"approved": 1}, "", REFUSED),
    ],
    ids=["defaults filled in", "another's", "contradiction", "1 is not true"],
)
async def test_whose_answer_it_is(
    server: MastraServer, connector: Mastra, shown: Any, reply: str, state: DeliveryState
) -> None:
    run_id = server.suspend()
    item = await polled(connector, run_id)
    server.runs[run_id].update(status="success")
    server.runs[run_id]["steps"]["review"].update(status="success", resumePayload=shown)
    receipt = Receipt(run_id, {"reply": reply}) if reply else None
    assert (await connector.settle(item, decide(item, YES), receipt)).state is state


async def test_closing_cancels_the_run_and_says_so_before(server: MastraServer, connector: Mastra) -> None:
    run_id = server.suspend()
    item = await polled(connector, run_id)
    assert item.warnings["close"] == "Cancels the whole run: nothing of it goes on."
    assert (await deliver(connector, item, [Verdict(Verb.CLOSE)])).state is CONFIRMED
    assert await connector.reread(item) == Gone("deleted", "the run was cancelled")
    answer = decide(item, YES)
    assert (await settle(connector, item, answer, None)).state is REFUSED
    with pytest.raises(Refusal, match="no longer waits"):
        await connector.send(item, decide(item, Verdict(Verb.CLOSE)))
    assert server.cancelled == [run_id]


async def test_a_run_that_is_gone(server: MastraServer, connector: Mastra) -> None:
    item = await polled(connector, server.suspend())
    server.runs.clear()
    assert await connector.reread(item) == Gone("deleted", "the run is no longer there")
    assert (await connector.settle(item, decide(item, YES), None)).state is UNKNOWN
    with pytest.raises(Refusal, match="Workflow run not found"):
        await connector.send(item, decide(item, YES))
    assert (await connector.context(item)).state is None


async def test_a_proxys_404_does_not_prove_that_a_run_is_gone(
    server: MastraServer, connector: Mastra
) -> None:
    item = await polled(connector, server.suspend())

    def not_found(request: Request) -> Response:
        return Response(b"<html>404</html>", 404)

    server.instead("GET", "/api/workflows/{id}/runs/{run}", not_found)
    with pytest.raises(Garbled):
        await connector.reread(item)


async def test_a_connector_made_anew_takes_the_same_question(server: MastraServer, line: Line) -> None:
    """As after a restart: the description of the workflow is read before the step is compared."""
    run_id = server.suspend()
    async with connected(Mastra, server.url, line) as before:
        item = await polled(before, run_id)
    fresh = Line(lambda request: request.method == "POST")
    async with connected(Mastra, server.url, fresh) as anew:
        assert (await deliver(anew, item, [YES])).state is CONFIRMED
