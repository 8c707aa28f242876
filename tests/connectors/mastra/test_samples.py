"""What was recorded of a real server (@mastra/core 1.71.0), read back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from tests.connectors.kit.deliver import NotTaken, connected, decide, deliver
from tests.connectors.kit.replay import URL, Exchange, Replay, read_sample
from triage.connectors.base import Refusal
from triage.connectors.mastra import Mastra
from triage.connectors.mastra.settling import call_outcome
from triage.model.decision import Decision, DeliveryState, Outcome, Receipt, Verdict
from triage.model.item import Action, Item, ItemKind, Option, Verb

SAMPLES = Path(__file__).parent / "samples"
CONFIRMED, REFUSED, UNKNOWN = DeliveryState.CONFIRMED, DeliveryState.REFUSED, DeliveryState.UNKNOWN
RUN = "/api/workflows/publish-post/runs/a32061de-d56f-4126-bc80-af4b3c5ccf46"


def sample(name: str, path: str | None = None) -> Exchange:
    found = read_sample(SAMPLES / f"{name}.json")
    return msgspec.structs.replace(found, path=path) if path else found


def get(path: str, body: Any) -> Exchange:
    return Exchange("GET", path, None, 200, {}, body)


@asynccontextmanager
async def replaying(*exchanges: Exchange, **settings: Any) -> AsyncIterator[tuple[Mastra, Replay]]:
    replay = Replay(*exchanges)
    async with connected(Mastra, URL, replay, **settings) as connector:
        yield connector, replay


def workflows() -> list[Exchange]:
    """A server with the recorded workflow suspended, and no agents."""
    return [
        sample("workflow_resume_schema"),
        get("/api/agents", {}),
        get("/api/workflows/run-counts", {"publish-post": {"running": 0, "suspended": 1}}),
        sample(
            "workflow_list_suspended",
            "/api/workflows/publish-post/runs?status=suspended&page=0&perPage=100",
        ),
        sample("workflow_read_one"),
    ]


def agents(name: str) -> list[Exchange]:
    """A server with the recorded agent, whose run waits as in ``name``, and no workflows."""
    return [
        get("/api/workflows", {}),
        get("/api/workflows/run-counts", {}),
        get("/api/agents", {"ops": {"name": "ops", "instructions": "obey"}}),
        sample(name, "/api/agents/ops/suspended-runs?page=0&perPage=100"),
    ]


async def only(*exchanges: Exchange, **settings: Any) -> Item:
    async with replaying(*exchanges, **settings) as (connector, _):
        poll = await connector.poll()
    assert poll.problems == ()
    (item,) = poll.items
    return item


async def test_a_suspended_step() -> None:
    item = await only(*workflows())
    assert (item.title, item.kind, item.agent) == (
        "Publish the post about cats?",
        ItemKind.QUESTION,
        "publish-post",
    )
    assert item.key == "workflow|publish-post|a32061de-d56f-4126-bc80-af4b3c5ccf46|review|1795328628031"
    assert '"draft": "A post about cats"' in item.description
    assert item.answer_schema is not None
    assert item.answer_schema["required"] == ["approved"]
    assert item.options == (
        Option("approved: yes", {"approved": True}),
        Option("approved: no", {"approved": False}),
    )
    assert item.verbs == (Verb.RESPOND, Verb.CLOSE)
    assert item.created_at is not None
    assert item.created_at.isoformat() == "2026-11-22T06:23:48.031000+00:00"
    async with replaying(*workflows()) as (connector, _):
        again = await connector.reread(item)
        context = await connector.context(item)
    assert isinstance(again, Item)
    assert (again.id, again.revision) == (item.id, item.revision)
    assert context.state["outputs"] == {"draft": {"topic": "cats", "text": "A post about cats"}}


async def test_a_tool_call_that_needs_approval() -> None:
    item = await only(*agents("agent_list_approval"))
    assert (item.title, item.kind) == ("send_email(to=anna@example.com, body=hello)", ItemKind.APPROVAL)
    assert item.key == "agent|ops|f86e564f-d8db-4660-900a-36ea570af362|call_749029cff4b8"
    assert item.actions == (Action("send_email", {"to": "anna@example.com", "body": "hello"}),)
    assert item.verbs == (Verb.APPROVE, Verb.REJECT)
    assert "reject it with the change you want" in item.refusals["edit"]


async def test_a_tool_that_asks() -> None:
    item = await only(*agents("agent_list_question"))
    assert (item.title, item.kind, item.verbs) == ("Which city?", ItemKind.QUESTION, (Verb.RESPOND,))
    assert (item.actions, item.answer_schema) == ((), None)
    schema = {"type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"]}
    item = await only(*agents("agent_list_question"), answer_schemas={"ask_person": schema})
    assert item.answer_schema == schema


async def test_nothing_waits() -> None:
    async with replaying(*agents("agent_list_empty")) as (connector, _):
        poll = await connector.poll()
    assert (poll.items, poll.problems) == ((), ())


async def sent(item: Item, decision: Decision, name: str) -> Receipt:
    """The receipt for a recorded answer; what was sent for it is as recorded."""
    recorded = sample(name)
    found = recorded.sent
    where = {**item.locator}
    if "runId" in found:
        where |= {"run_id": found["runId"], "tool_call_id": found["toolCallId"]}
    else:
        where |= {"run_id": recorded.path.partition("runId=")[2]}
    streamed = isinstance(recorded.body, str)
    transport = _Stream(recorded.body.encode()) if streamed else Replay(recorded)
    async with connected(Mastra, URL, transport) as connector:
        receipt = await connector.send(msgspec.structs.replace(item, locator=where), decision)
    assert transport.asked[0][2] == found
    return receipt


class _Stream(Replay):
    """Answers everything with an event stream."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self.content = content

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await super().handle_async_request(request)
        return httpx.Response(200, headers={"content-type": "text/event-stream"}, content=self.content)


def outcome(item: Item, decision: Decision, receipt: Receipt | None) -> Outcome:
    return call_outcome(item, decision, receipt, [])


async def test_an_approval_as_recorded() -> None:
    item = await only(*agents("agent_list_approval"))
    decision = decide(item, Verdict(Verb.APPROVE))
    receipt = await sent(item, decision, "agent_approve")
    assert outcome(item, decision, receipt) == Outcome(CONFIRMED, "the tool ran", '{"sent":true}')
    assert outcome(item, decision, None).state is UNKNOWN


async def test_a_rejection_as_recorded() -> None:
    item = await only(*agents("agent_list_approval"))
    decision = decide(item, Verdict(Verb.REJECT, reason="Use the staging address"))
    receipt = await sent(item, decision, "agent_reject")
    found = outcome(item, decision, receipt)
    assert (found.state, found.detail) == (CONFIRMED, "declined")
    assert found.effect == "finished. Last tool result: Use the staging address"
    approved = decide(item, Verdict(Verb.APPROVE))
    assert outcome(item, approved, receipt).state is UNKNOWN


async def test_an_answer_to_a_tool_as_recorded() -> None:
    item = await only(*agents("agent_list_question"))
    decision = decide(item, Verdict(Verb.RESPOND, answer={"answer": "Oslo"}))
    receipt = await sent(item, decision, "agent_answer_question_sse")
    assert outcome(item, decision, receipt) == Outcome(
        CONFIRMED, "the tool has the answer", '{"answer":"Oslo"}'
    )


async def test_an_edited_answer_as_recorded() -> None:
    item = await only(*workflows())
    answer = {"approved": True, "text": "edited by a person"}
    decision = decide(item, Verdict(Verb.RESPOND, answer=answer))
    receipt = await sent(item, decision, "workflow_edit_and_approve")
    assert receipt.detail == {"reply": "taken", "status": "success"}
    ended = get(f"{RUN}?fields=steps,result", sample("workflow_edit_and_approve").body)
    async with replaying(ended) as (connector, _):
        for reply in (receipt, None):
            found = await connector.settle(item, decision, reply)
            assert (found.state, found.detail) == (CONFIRMED, "the step has this answer")
            assert found.effect == 'the run is success: {"published":true,"text":"edited by a person"}'
        other = decide(item, Verdict(Verb.RESPOND, answer={"approved": False}))
        found = await connector.settle(item, other, None)
        assert (found.state, found.detail[:24]) == (REFUSED, "answered elsewhere first")


async def test_a_second_answer_as_recorded() -> None:
    item = await only(*workflows())
    decision = decide(item, Verdict(Verb.RESPOND, answer={"approved": True}))
    receipt = await sent(item, decision, "workflow_double_answer")
    assert receipt.detail["reply"] == "late"
    assert "This workflow run was not suspended" in receipt.detail["words"]


@pytest.mark.parametrize(
    ("name", "why"),
    [("workflow_bad_payload", "Invalid resume data"), ("workflow_unknown_id", "Workflow run not found")],
)
async def test_refusals_as_recorded(name: str, why: str) -> None:
    item = await only(*workflows())
    decision = decide(item, Verdict(Verb.RESPOND, answer=sample(name).sent["resumeData"]))
    with pytest.raises(Refusal, match=why):
        await sent(item, decision, name)


async def test_what_the_schema_does_not_take_is_not_sent() -> None:
    item = await only(*workflows())
    async with replaying(*workflows()) as (connector, replay):
        with pytest.raises(NotTaken, match="approved"):
            await deliver(connector, item, [Verdict(Verb.RESPOND, answer={"approved": "perhaps"})])
    assert replay.asked == []
