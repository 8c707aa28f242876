"""Decisions carried to a server that acts, its traps included; each asserts what the server did."""

from __future__ import annotations

import pytest

from tests.connectors.kit.deliver import NotTaken, decide, deliver, settle
from tests.connectors.kit.faults import Fault, Line
from tests.connectors.kit.server import Request, Response
from tests.connectors.openhands.conftest import polled
from tests.connectors.openhands.serving import AgentServer, Talk
from triage.connectors.base import Refusal
from triage.connectors.openhands import OpenHands
from triage.model.decision import DeliveryState, Outcome, Receipt, Verdict
from triage.model.item import Gone, Item, Verb

APPROVE, REJECT = Verdict(Verb.APPROVE), Verdict(Verb.REJECT, reason="Use b2 instead.")
CONFIRMED, REFUSED, UNKNOWN = DeliveryState.CONFIRMED, DeliveryState.REFUSED, DeliveryState.UNKNOWN
STALE = DeliveryState.STALE


def runs(line: Line) -> int:
    return sum(asked.method == "POST" and asked.target.endswith("/run") for asked in line.asked)


async def test_an_acceptance_runs_what_was_shown_and_no_more(
    server: AgentServer, connector: OpenHands, line: Line
) -> None:
    talk = server.talk(["touch c1"], ["touch c2"])
    outcome = await deliver(connector, await polled(connector, talk), [APPROVE])
    assert outcome == Outcome(
        CONFIRMED, "it ran", "exit code 0: done; the conversation waits for the next answer (terminal)"
    )
    assert (talk.ran, line.sends) == (["touch c1"], 1)
    assert (await polled(connector, talk)).title == "terminal: touch c2"


async def test_the_trap_an_acceptance_repeated_runs_the_next_action_unseen(
    server: AgentServer, connector: OpenHands
) -> None:
    """What the server does with a second acceptance, and that none of ours ever comes to it."""
    talk = server.talk(["touch c1"], ["touch c2"])
    item = await polled(connector, talk)
    path = f"api/conversations/{talk.id}/events/respond_to_confirmation"
    for _ in range(2):
        assert (await connector.wire.post(path, {"accept": True})).json == {"success": True}
    assert talk.ran == ["touch c1", "touch c2"]
    assert await connector.reread(item) == Gone("answered", "accepted: it ran")


@pytest.mark.parametrize("verdict", [APPROVE, REJECT], ids=["approve", "reject"])
@pytest.mark.parametrize("status", ["next action", "finished", "running", "idle", "deleted"])
async def test_nothing_is_sent_once_the_shown_action_does_not_wait(
    server: AgentServer, connector: OpenHands, line: Line, status: str, verdict: Verdict
) -> None:
    talk = server.talk(["touch c1"], *([["touch c2"]] if status == "next action" else []))
    item = await polled(connector, talk)
    decision = decide(item, verdict)
    _elsewhere(server, talk, status)
    assert (await deliver(connector, item, decision)).state is STALE
    with pytest.raises(Refusal, match="nothing was sent"):
        await connector.send(item, decision)
    assert line.sends == 0
    assert "touch c2" not in talk.ran


def _elsewhere(server: AgentServer, talk: Talk, status: str) -> None:
    """Somebody else was first."""
    if status == "deleted":
        del server.talks[talk.id]
    elif status == "idle":
        talk.reject("race")
    else:
        talk.slow = status == "running"
        talk.run()


async def test_a_slip_between_reading_and_sending_is_seen(server: AgentServer, connector: OpenHands) -> None:
    """The desk reads, another accepts, then ours would go out: it is read once more, and does not."""
    talk = server.talk(["touch c1"], ["touch c2"])
    item = await polled(connector, talk)
    assert isinstance(await connector.reread(item), Item)
    talk.run()
    with pytest.raises(Refusal, match="no longer waits"):
        await connector.send(item, decide(item, APPROVE))
    assert talk.ran == ["touch c1"]


async def test_nothing_is_sent_when_it_cannot_be_read_again(
    server: AgentServer, connector: OpenHands, line: Line
) -> None:
    item = await polled(connector, server.talk())
    line.outage = (500, b"Internal Server Error")
    with pytest.raises(Refusal, match="could not be read again"):
        await connector.send(item, decide(item, APPROVE))
    assert line.sends == 0


async def test_a_lost_acceptance_is_never_called_ours(
    server: AgentServer, connector: OpenHands, line: Line
) -> None:
    talk = server.talk(["touch c1"], ["touch c2"])
    item = await polled(connector, talk)
    line.fault = Fault.DROPPED
    outcome = await deliver(connector, item, [APPROVE])
    assert (outcome.state, outcome.detail) == (UNKNOWN, "it ran, but nothing tells by whose acceptance")
    assert (talk.ran, line.sends) == (["touch c1"], 1)


async def test_a_lost_answer_that_still_waits_stays_unknown(
    server: AgentServer, connector: OpenHands, line: Line
) -> None:
    talk = server.talk()
    item = await polled(connector, talk)
    line.fault = Fault.LOST
    outcome = await deliver(connector, item, [APPROVE])
    assert outcome.state is UNKNOWN
    assert "never sent again, since it could hit the next" in outcome.detail
    assert talk.ran == []


async def test_200_proves_nothing(server: AgentServer, connector: OpenHands) -> None:
    """A server that takes the answer and does nothing with it."""
    talk = server.talk()
    item = await polled(connector, talk)

    def deaf(request: Request) -> Response:
        return Response({"success": True})

    server._on("POST", "/api/conversations/{id}/events/respond_to_confirmation", deaf)
    server._routes.insert(0, server._routes.pop())
    for verdict in (APPROVE, Verdict(Verb.REJECT)):
        decision = decide(item, verdict)
        receipt = await connector.send(item, decision)
        assert (await settle(connector, item, decision, receipt)).state is UNKNOWN
    assert talk.ran == []


async def test_a_long_action_is_at_work(server: AgentServer, connector: OpenHands) -> None:
    talk = server.talk(["sleep 600"])
    talk.slow = True
    item = await polled(connector, talk)
    decision = decide(item, APPROVE)
    receipt = await connector.send(item, decision)
    assert (await connector.settle(item, decision, receipt)).state is DeliveryState.SENT
    assert (await connector.settle(item, decision, None)).state is UNKNOWN
    assert await connector.reread(item) == Gone("answered", "the agent is at work, so somebody accepted it")
    talk.finish()
    assert (await connector.settle(item, decision, receipt)).state is CONFIRMED


async def test_a_proof_that_lies_many_pages_back_is_found(server: AgentServer, connector: OpenHands) -> None:
    talk = server.talk()
    item = await polled(connector, talk)
    decision = decide(item, APPROVE)
    receipt = await connector.send(item, decision)
    for _ in range(200):
        talk.add("MessageEvent", source="agent", llm_message={"content": []})
    assert (await settle(connector, item, decision, receipt)).state is CONFIRMED


# Rejecting


async def test_a_rejection_with_a_reason_lets_the_agent_go_on(
    server: AgentServer, connector: OpenHands, line: Line
) -> None:
    talk = server.talk(["touch b1"], ["touch b2"])
    item = await polled(connector, talk)
    outcome = await deliver(connector, item, [REJECT])
    assert outcome == Outcome(CONFIRMED, "rejected", "the agent was told and goes on")
    (rejection,) = talk.of("UserRejectObservation")
    assert rejection["rejection_reason"].startswith("Use b2 instead. [ref ")
    assert (talk.ran, line.sends, runs(line)) == ([], 1, 1)
    assert (await polled(connector, talk)).title == "terminal: touch b2"


async def test_a_rejection_without_a_reason_lets_it_rest(
    server: AgentServer, connector: OpenHands, line: Line
) -> None:
    talk = server.talk(["touch b1"], ["touch b2"])
    item = await polled(connector, talk)
    assert item.warnings["reject"].startswith("Without a reason the agent then rests until it is run")
    outcome = await deliver(connector, item, [Verdict(Verb.REJECT)])
    assert outcome == Outcome(CONFIRMED, "rejected", "the agent rests until it is run")
    assert (talk.status, runs(line)) == ("idle", 0)
    gone = await connector.reread(item)
    assert isinstance(gone, Gone)
    assert gone.detail.startswith("rejected: Rejected by the operator. [ref ")


async def test_the_agent_is_not_run_where_that_would_accept_something(
    server: AgentServer, connector: OpenHands, line: Line
) -> None:
    """Running accepts what waits: somebody else let the agent go on, and it waits again."""
    talk = server.talk(["touch b1"], ["rm -r /"])
    item = await polled(connector, talk)
    respond = server._respond_to

    def and_somebody_runs_it(request: Request) -> Response:
        reply = respond(request)
        talk.run()
        return reply

    server._on("POST", "/api/conversations/{id}/events/respond_to_confirmation", and_somebody_runs_it)
    server._routes.insert(0, server._routes.pop())
    outcome = await deliver(connector, item, [REJECT])
    assert outcome.state is CONFIRMED
    assert outcome.effect == "the agent was not run: somebody else goes on with the conversation"
    assert (talk.ran, runs(line)) == ([], 0)


async def test_a_run_that_fails_leaves_the_rejection_confirmed(
    server: AgentServer, connector: OpenHands
) -> None:
    talk = server.talk(["touch b1"], ["touch b2"])
    item = await polled(connector, talk)

    def busy(request: Request) -> Response:
        return Response({"detail": "Conversation already running."}, 409)

    server._on("POST", "/api/conversations/{id}/run", busy)
    server._routes.insert(0, server._routes.pop())
    outcome = await deliver(connector, item, [REJECT])
    assert outcome.state is CONFIRMED
    assert outcome.effect.startswith("whether the agent goes on is not known (")


@pytest.mark.parametrize("fault", [Fault.DROPPED, Fault.BROKEN, Fault.GARBLED], ids=lambda f: f.name)
async def test_a_rejection_whose_reply_was_lost_is_told_by_its_mark(
    server: AgentServer, connector: OpenHands, line: Line, fault: Fault
) -> None:
    talk = server.talk(["touch b1"], ["touch b2"])
    item = await polled(connector, talk)
    line.fault = fault
    outcome = await deliver(connector, item, [REJECT])
    assert outcome == Outcome(CONFIRMED, "rejected", "the agent rests until it is run")
    assert runs(line) == 0
    other = decide(item, REJECT)
    assert (await settle(connector, item, other, None)).state is REFUSED


# Turns of several actions


async def test_a_turn_is_answered_as_a_whole(server: AgentServer, connector: OpenHands, line: Line) -> None:
    talk = server.talk(["touch d1", "touch d2"])
    item = await polled(connector, talk)
    with pytest.raises(NotTaken, match="approve all of them or reject all"):
        await deliver(connector, item, [APPROVE, REJECT])
    assert line.sends == 0
    assert (await deliver(connector, item, [APPROVE, APPROVE])).state is CONFIRMED
    assert talk.ran == ["touch d1", "touch d2"]


async def test_different_reasons_are_all_told(server: AgentServer, connector: OpenHands) -> None:
    talk = server.talk(["touch d1", "touch d2", "touch d3"])
    item = await polled(connector, talk)
    verdicts = [Verdict(Verb.REJECT, reason="not this"), Verdict(Verb.REJECT, reason="nor that")]
    assert (await deliver(connector, item, [*verdicts, Verdict(Verb.REJECT)])).state is CONFIRMED
    told = {event["rejection_reason"].rpartition(" [ref ")[0] for event in talk.of("UserRejectObservation")}
    assert told == {
        "terminal: touch d1: not this\nterminal: touch d2: nor that\nterminal: touch d3: rejected"
    }


async def test_a_turn_half_done_is_not_confirmed(server: AgentServer, connector: OpenHands) -> None:
    talk = server.talk(["touch d1", "touch d2"])
    item = await polled(connector, talk)
    decision = decide(item, APPROVE, APPROVE)
    talk.add("ObservationEvent", action_id=item.locator["action_ids"][0], observation={})
    for status, state in (("running", DeliveryState.SENT), ("error", UNKNOWN)):
        talk.status = status
        assert (await connector.settle(item, decision, Receipt(talk.id))).state is state


# What else may have come of it


async def test_a_hook_that_rejects_what_we_accepted(server: AgentServer, connector: OpenHands) -> None:
    talk = server.talk()
    item = await polled(connector, talk)
    talk.reject("no touching")
    talk.of("UserRejectObservation")[0]["rejection_source"] = "hook"
    outcome = await connector.settle(item, decide(item, APPROVE), Receipt(talk.id))
    assert outcome == Outcome(REFUSED, "accepted, but then rejected by a hook: no touching")


async def test_a_call_that_ended_in_an_error_may_have_run(server: AgentServer, connector: OpenHands) -> None:
    talk = server.talk()
    item = await polled(connector, talk)
    talk.add("AgentErrorEvent", tool_call_id=item.locator["tool_call_ids"][0], error="A restart occurred")
    talk.status = "error"
    for verdict in (APPROVE, REJECT):
        outcome = await connector.settle(item, decide(item, verdict), Receipt(talk.id))
        assert outcome.state is UNKNOWN
        assert "A restart occurred" in outcome.detail
    gone = await connector.reread(item)
    assert isinstance(gone, Gone)
    assert gone.reason == "deleted"


async def test_our_rejection_beside_another_s_acceptance(server: AgentServer, connector: OpenHands) -> None:
    talk = server.talk()
    item = await polled(connector, talk)
    decision = decide(item, REJECT)
    await connector.send(item, decision)
    talk.add("ObservationEvent", action_id=item.locator["action_ids"][0], observation={"is_error": True})
    outcome = await connector.settle(item, decision, None)
    assert outcome.state is UNKNOWN
    assert "somebody accepted it at the same time" in outcome.detail


async def test_a_deleted_conversation_tells_nothing(server: AgentServer, connector: OpenHands) -> None:
    talk = server.talk()
    item = await polled(connector, talk)
    decision = decide(item, APPROVE)
    receipt = await connector.send(item, decision)
    del server.talks[talk.id]
    assert (await settle(connector, item, decision, receipt)).state is UNKNOWN
    assert await connector.reread(item) == Gone("deleted", "the conversation was deleted")
    assert (await connector.context(item)).messages == ()


async def test_arguments_cannot_be_edited_and_it_says_what_to_do(
    server: AgentServer, connector: OpenHands, line: Line
) -> None:
    item = await polled(connector, server.talk())
    with pytest.raises(NotTaken, match="reject it with the change you want as the reason"):
        await deliver(connector, item, [Verdict(Verb.EDIT, arguments={"command": "touch b2"})])
    with pytest.raises(NotTaken, match="not offered"):
        await deliver(connector, item, [Verdict(Verb.APPROVE, scope="always")])
    assert line.sends == 0
