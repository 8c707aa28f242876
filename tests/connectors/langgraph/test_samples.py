"""The connector over recorded exchanges: what it reads from them, and that it sends what was recorded."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.connectors.kit.deliver import connected, decide
from tests.connectors.kit.replay import URL, Exchange, Replay, read_sample
from triage.connectors.base import Refusal
from triage.connectors.http import EndpointError, Garbled
from triage.connectors.langgraph import LangGraph
from triage.model.decision import Decision, DeliveryState, Receipt, Verdict
from triage.model.item import Gone, Item, ItemKind, Verb

SAMPLES = Path(__file__).parent / "samples"
CONFIRMED, REFUSED, UNKNOWN = DeliveryState.CONFIRMED, DeliveryState.REFUSED, DeliveryState.UNKNOWN
APPROVE = Verdict(Verb.APPROVE)


def sample(name: str) -> Exchange:
    return read_sample(SAMPLES / f"{name}.json")


def get(path: str, body: Any, status: int = 200) -> Exchange:
    return Exchange(method="GET", path=path, sent=None, status=status, headers={}, body=body)


def post(path: str, body: Any, status: int = 200) -> Exchange:
    return Exchange(method="POST", path=path, sent=None, status=status, headers={}, body=body)


def runs(thread_id: str, listed: Any) -> Exchange:
    select = "select=run_id&select=status&select=metadata&select=kwargs&select=created_at"
    return get(f"/threads/{thread_id}/runs?limit=100&offset=0&{select}", listed)


def state_of(row: dict[str, Any], **more: Any) -> Exchange:
    """The state of a listed thread that stands where its questions were asked."""
    tasks = [{"id": task, "name": "gate", "interrupts": asked} for task, asked in row["interrupts"].items()]
    state = {"next": ["gate"], "tasks": tasks, "checkpoint": {"checkpoint_id": "c1"}, "metadata": {}}
    return get(f"/threads/{row['thread_id']}/state", {**state, **more})


@asynccontextmanager
async def replaying(*exchanges: Exchange) -> AsyncIterator[tuple[LangGraph, Replay]]:
    replay = Replay(*exchanges)
    async with connected(LangGraph, URL, replay) as connector:
        yield connector, replay


async def listed() -> dict[str, Item]:
    """The items of the recorded list, by graph and first action or title."""
    interrupted = sample("list_interrupted")
    states = [state_of(row) for row in interrupted.body]
    async with replaying(interrupted, sample("list_empty"), *states) as (connector, replay):
        poll = await connector.poll()
    assert not poll.problems
    asked = [method for method, path, _ in replay.asked if path.endswith("/state")]
    assert len(asked) == 2, "only threads with several questions are read closer"
    return {f"{one.agent} {one.actions[0].name if one.actions else one.title}": one for one in poll.items}


async def test_the_list_is_read() -> None:
    items = await listed()
    assert sorted(items) == [
        "freeform What name should go on the certificate?",
        "inbox issue_refund",
        "parallel finance_review",
        "parallel legal_review",
        "tools send_email",
        "tools_per_call delete_rows",
        "tools_per_call send_email",
        "typed What may it cost?",
    ]
    assert len({item.id for item in items.values()}) == len(items)


async def test_an_inbox_question_is_read() -> None:
    item = (await listed())["inbox issue_refund"]
    assert item.kind is ItemKind.APPROVAL
    assert item.title == "issue_refund(customer=ann, amount=12.5)"
    assert item.description == "Refund **12.5** to ann?"
    assert item.actions[0].arguments == {"customer": "ann", "amount": 12.5}
    assert item.verbs == (Verb.APPROVE, Verb.EDIT, Verb.RESPOND, Verb.IGNORE, Verb.CLOSE)
    assert "knows no rejection" in item.refusals["reject"]
    assert "Ends this run" in item.warnings["close"]
    assert item.created_at is not None
    assert item.created_at.isoformat() == "2025-11-22T06:47:57.283601+00:00"


async def test_a_batch_is_one_item_with_an_action_for_each_request() -> None:
    item = (await listed())["tools send_email"]
    assert item.title == "2 actions: send_email, delete_rows"
    email, rows = item.actions
    assert email.verbs == (Verb.APPROVE, Verb.EDIT, Verb.REJECT, Verb.RESPOND, Verb.CLOSE)
    assert rows.verbs == (Verb.APPROVE, Verb.REJECT, Verb.CLOSE)
    assert (rows.arguments, rows.description) == (
        {"table": "users", "where": "inactive"},
        "Rows go away for good",
    )
    assert "NOT run" in item.warnings["respond"]


async def test_a_call_is_read_by_its_response_schema() -> None:
    items = await listed()
    email, rows = items["tools_per_call send_email"], items["tools_per_call delete_rows"]
    assert email.verbs == (Verb.APPROVE, Verb.EDIT, Verb.REJECT, Verb.RESPOND, Verb.CLOSE)
    assert rows.verbs == (Verb.APPROVE, Verb.REJECT, Verb.CLOSE)
    assert email.actions[0].schema is not None
    assert email.locator["thread_id"] == rows.locator["thread_id"]


async def test_a_question_with_a_schema_is_read() -> None:
    item = (await listed())["typed What may it cost?"]
    assert (item.kind, item.verbs) == (ItemKind.QUESTION, (Verb.RESPOND, Verb.CLOSE))
    assert item.answer_schema is not None
    assert item.answer_schema["required"] == ["amount", "approved"]


BATCH = [
    Verdict(Verb.EDIT, arguments={"to": "bob@example.com", "body": "hello"}),
    APPROVE,
]


@pytest.mark.parametrize(
    ("name", "key", "verdicts"),
    [
        ("approve", "inbox issue_refund", [APPROVE]),
        ("ignore", "inbox issue_refund", [Verdict(Verb.IGNORE)]),
        ("respond", "inbox issue_refund", [Verdict(Verb.RESPOND, answer="ask her for the receipt")]),
        ("edit", "tools send_email", BATCH),
        ("reject", "tools_per_call delete_rows", [Verdict(Verb.REJECT, reason="no")]),
    ],
)
async def test_what_is_sent_is_what_was_recorded(name: str, key: str, verdicts: list[Verdict]) -> None:
    recorded = sample(name)
    item = at_thread((await listed())[key], recorded.path.split("/")[2], recorded.sent)
    decision = decide(item, *verdicts)
    async with replaying(recorded) as (connector, replay):
        assert connector.check(item, decision) == []
        receipt = await connector.send(item, decision)
    ((_, _, sent),) = replay.asked
    assert sent["command"] == recorded.sent["command"]
    assert sent["multitask_strategy"] == "reject"
    assert sent["metadata"] == {"decision_id": decision.id, "operator": "kim"}
    assert sent["assistant_id"] == item.locator["assistant_id"]
    assert receipt.reference == recorded.body["run_id"]


def at_thread(item: Item, thread_id: str, sent: Any) -> Item:
    """``item``, as if asked at another thread by the id that was answered there."""
    (interrupt_id,) = sent["command"]["resume"]
    locator = {**item.locator, "thread_id": thread_id, "interrupt_id": interrupt_id}
    return msgspec.structs.replace(item, locator=locator)


async def approved() -> tuple[Item, Decision, Receipt, Exchange]:
    """The recorded approval: its item and decision, what was answered, and its run once it ended."""
    recorded = sample("approve")
    item = at_thread((await listed())["inbox issue_refund"], recorded.body["thread_id"], recorded.sent)
    decision = msgspec.structs.replace(decide(item, APPROVE), id="d-accept")
    ended = {**recorded.body, "status": "success"}
    receipt = Receipt(recorded.body["run_id"], {"checkpoint_id": "c1", "seen_at": "2025-11-22T06:47:58Z"})
    return item, decision, receipt, get(f"{recorded.path}/{receipt.reference}", ended)


@pytest.mark.parametrize("lost", [False, True])
async def test_an_approval_is_proven_by_the_checkpoint_it_wrote(lost: bool) -> None:
    item, decision, receipt, ended = await approved()
    thread_id = item.locator["thread_id"]
    async with replaying(ended, sample("state_after_approve"), runs(thread_id, [ended.body])) as (
        connector,
        replay,
    ):
        outcome = await connector.settle(item, decision, None if lost else receipt)
    assert outcome.state is CONFIRMED
    assert "refunded 12.5 to ann" in outcome.effect
    assert {method for method, _, _ in replay.asked} == {"GET"}


async def test_a_run_at_work_is_looked_at_again() -> None:
    item, decision, receipt, ended = await approved()
    for status in ("pending", "running"):
        run = msgspec.structs.replace(ended, body={**ended.body, "status": status})
        async with replaying(run) as (connector, _):
            outcome = await connector.settle(item, decision, receipt)
        assert outcome.state is DeliveryState.SENT


async def test_a_run_that_succeeded_without_effect_is_refused() -> None:
    """Its question is gone, by an answer that came before it."""
    late, first, _ = sample("runs_after_two_answers").body
    thread_id = late["thread_id"]
    sent = late["kwargs"]
    item = at_thread((await listed())["inbox issue_refund"], thread_id, sent)
    decision = decide(item, Verdict(Verb.IGNORE))
    receipt = Receipt(late["run_id"], {"checkpoint_id": "c1", "seen_at": "2025-11-22T06:48:40.417925Z"})
    state = {"next": [], "checkpoint": {"checkpoint_id": "c2"}, "metadata": {"run_id": first["run_id"]}}
    async with replaying(
        get(f"/threads/{thread_id}/runs/{late['run_id']}", late),
        get(f"/threads/{thread_id}/state", state),
        runs(thread_id, sample("runs_after_two_answers").body),
        post(f"/threads/{thread_id}/history", []),
    ) as (connector, _):
        outcome = await connector.settle(item, decision, receipt)
    assert outcome.state is REFUSED
    assert f"settled elsewhere, by run {first['run_id']}" in outcome.detail


async def test_a_close_is_proven_by_the_checkpoint_it_made() -> None:
    recorded = sample("close")
    item = (await listed())["freeform What name should go on the certificate?"]
    locator = {**item.locator, "thread_id": recorded.path.split("/")[2], "checkpoint_id": "c1"}
    item = msgspec.structs.replace(item, locator=locator)
    decision = decide(item, Verdict(Verb.CLOSE))
    ours = recorded.body["checkpoint_id"]
    made = {
        "next": [],
        "checkpoint": {"checkpoint_id": ours},
        "parent_checkpoint": {"checkpoint_id": "c1"},
        "metadata": {"source": "update"},
    }
    before = {"next": ["gate"], "checkpoint": {"checkpoint_id": "c1"}, "metadata": {"source": "loop"}}
    base = recorded.path.removesuffix("/state")
    async with replaying(recorded, get(recorded.path, made), post(f"{base}/history", [made, before])) as (
        connector,
        replay,
    ):
        receipt = await connector.send(item, decision)
        assert replay.asked[-1][2] == recorded.sent
        outcome = await connector.settle(item, decision, receipt)
        assert outcome.state is CONFIRMED
        other = msgspec.structs.replace(receipt, reference="somebody-elses")
        assert (await connector.settle(item, decision, other)).state is UNKNOWN


async def test_a_run_in_flight_is_a_refusal_unless_it_is_our_own() -> None:
    refused = sample("refused_while_running")
    item = at_thread((await listed())["inbox issue_refund"], refused.path.split("/")[2], refused.sent)
    decision = decide(item, APPROVE)
    other = {"run_id": "r1", "status": "running", "metadata": {}}
    async with replaying(refused, runs(item.locator["thread_id"], [other])) as (connector, _):
        with pytest.raises(Refusal, match="someone else's run is in flight"):
            await connector.send(item, decision)
    ours = {"run_id": "r2", "status": "running", "metadata": {"decision_id": decision.id}}
    async with replaying(refused, runs(item.locator["thread_id"], [other, ours])) as (connector, _):
        assert (await connector.send(item, decision)).reference == "r2"
    broken = msgspec.structs.replace(runs(item.locator["thread_id"], None), status=500)
    async with replaying(refused, broken) as (connector, _):
        with pytest.raises(EndpointError, match="is not known") as raised:
            await connector.send(item, decision)
    assert not isinstance(raised.value, Refusal)


async def test_an_unknown_thread_is_a_refusal() -> None:
    unknown = sample("unknown_thread")
    locator = {"thread_id": unknown.path.split("/")[2]}
    item = (await listed())["inbox issue_refund"]
    item = msgspec.structs.replace(item, locator={**item.locator, **locator})
    async with replaying(unknown) as (connector, _):
        with pytest.raises(Refusal, match="no longer there"):
            await connector.send(item, decide(item, APPROVE))


@pytest.mark.parametrize("status", [408, 425, 500, 502, 503])
async def test_a_status_that_leaves_it_open_is_no_refusal(status: int) -> None:
    item, decision, _, _ = await approved()
    reply = post(f"/threads/{item.locator['thread_id']}/runs", {"detail": "who knows"}, status)
    async with replaying(reply) as (connector, _):
        with pytest.raises(EndpointError) as raised:
            await connector.send(item, decision)
    assert not isinstance(raised.value, Refusal)


async def test_a_thread_is_read_again() -> None:
    thread = sample("thread")
    async with replaying(thread, state_of(thread.body)) as (connector, _):
        item = (await listed())["inbox issue_refund"]
        (asked,) = next(iter(thread.body["interrupts"].values()))
        key = item.key.replace(item.locator["thread_id"], thread.body["thread_id"])
        key = key.replace(item.locator["interrupt_id"], asked["id"])
        item = msgspec.structs.replace(item, key=key, locator={"thread_id": thread.body["thread_id"]})
        again = await connector.reread(item)
    assert isinstance(again, Item)
    assert again.revision == item.revision
    assert again.locator["checkpoint_id"] == "c1"


@pytest.mark.parametrize(
    ("detail", "gone"), [("Thread with ID x not found", True), ("Not Found", False), ("no such route", False)]
)
async def test_only_the_servers_own_word_says_that_a_thread_is_gone(detail: str, gone: bool) -> None:
    item = (await listed())["inbox issue_refund"]
    path = f"/threads/{item.locator['thread_id']}"
    async with replaying(get(path, {"detail": detail}, 404)) as (connector, _):
        if gone:
            assert await connector.reread(item) == Gone("deleted", "the thread is deleted")
        else:
            with pytest.raises(Garbled, match="does not speak of the thread"):
                await connector.reread(item)


async def test_a_thread_after_a_bad_answer_is_stuck() -> None:
    thread = sample("thread_after_bad_answer")
    row = next(row for row in sample("list_interrupted").body if row["metadata"]["graph_id"] == "tools")
    error = thread.body["error"]
    (asked,) = row["interrupts"].values()
    failed = {"id": "t", "name": "review", "error": f"ValueError({error['message']!r})", "interrupts": asked}
    search = msgspec.structs.replace(sample("list_empty"), body=[thread.body])
    async with replaying(sample("list_empty"), search, state_of(thread.body, tasks=[failed])) as (
        connector,
        _,
    ):
        poll = await connector.poll()
    (item,) = poll.items
    assert item.kind is ItemKind.EXTERNAL
    assert item.verbs == (Verb.CLOSE,)
    assert item.repair
    assert item.title == "Stuck: 2 actions: send_email, delete_rows"
    assert "does not match number of hanging tool calls" in item.description
