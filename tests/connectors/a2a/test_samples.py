"""The connector over recorded exchanges of an agent that serves both bindings."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.connectors.kit.deliver import connected, decide
from tests.connectors.kit.replay import URL, Exchange, Replay, read_sample
from triage.connectors.a2a import A2A, settling
from triage.connectors.a2a.api import Task
from triage.connectors.a2a.reading import read_item
from triage.connectors.base import Refusal
from triage.model.decision import Decision, DeliveryState, Outcome, Receipt, Verdict
from triage.model.item import Gone, Item, ItemKind, Verb

SAMPLES = Path(__file__).parent / "samples"
LIST = "/rest/tasks?status={}&pageSize=100&historyLength=0"
INPUT, AUTH = LIST.format("TASK_STATE_INPUT_REQUIRED"), LIST.format("TASK_STATE_AUTH_REQUIRED")
APPROVE = Verdict(Verb.APPROVE)


def sample(name: str, **changed: Any) -> Exchange:
    return msgspec.structs.replace(read_sample(SAMPLES / f"{name}.json"), **changed)


def card(binding: str) -> Exchange:
    found = sample("agent_card")
    interfaces = [one for one in found.body["supportedInterfaces"] if one["protocolBinding"] == binding]
    return msgspec.structs.replace(found, body={**found.body, "supportedInterfaces": interfaces})


def nothing(path: str) -> Exchange:
    return Exchange(
        "GET", path, None, 200, {}, {"tasks": [], "nextPageToken": "", "pageSize": 100, "totalSize": 0}
    )


def question(task: dict[str, Any]) -> Item:
    """The item of the question in a recorded history that was asked first."""
    asked = next(turn for turn in task["history"] if turn["role"] == "ROLE_AGENT")
    status = {"state": "TASK_STATE_INPUT_REQUIRED", "message": asked, "timestamp": "2026-11-22T06:52:11.25Z"}
    return read_item("test", "Clerk", msgspec.convert({**task, "status": status, "history": []}, Task))


def recorded_decision(item: Item, exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> Decision:
    """A decision whose message is the one that was recorded."""
    sent = exchange.sent["params"]["message"]["messageId"]
    monkeypatch.setattr(settling, "message_id", lambda decision: sent)
    return decide(item, APPROVE)


async def settled(exchange: Exchange, item: Item, decision: Decision) -> Outcome:
    """What the connector makes of a recorded task, when it reads it after a send that was acknowledged."""
    task = exchange.body["result"].get("task", exchange.body["result"])
    read = msgspec.structs.replace(exchange, body={"jsonrpc": "2.0", "id": 1, "result": task})
    async with connected(A2A, URL, Replay(card("JSONRPC"), read)) as connector:
        return await connector.settle(item, decision, Receipt())


async def test_lists_what_waits() -> None:
    pages = [
        sample("list_pending", path=INPUT),
        sample("list_last_page", path=INPUT + "&pageToken=" + token()),
    ]
    line = Replay(card("HTTP+JSON"), *pages, nothing(AUTH))
    async with connected(A2A, URL, line) as connector:
        poll = await connector.poll()
    refund, name = poll.items
    assert poll.problems == ()
    assert [path for _, path, _ in line.asked] == [
        "/.well-known/agent-card.json", INPUT, INPUT + "&pageToken=" + token(), AUTH,
    ]  # fmt: skip
    assert refund.key == "9302c83d-78da-4731-bdb9-e2f74b9a2646|f4098389-52ef-4d57-9777-73d2b1320d4b"
    assert (refund.kind, refund.agent) == (ItemKind.APPROVAL, "Clerk")
    assert refund.title == "May I go on with: jane?"
    assert refund.actions[0].name == "issue_refund"
    assert refund.actions[0].arguments == {"customer": "jane", "amount": 12.5}
    assert refund.verbs == (Verb.APPROVE, Verb.EDIT, Verb.REJECT, Verb.CLOSE)
    assert set(refund.refusals) == {"respond", "ignore"}
    assert refund.created_at == datetime(2026, 11, 22, 6, 44, 2, 740159, tzinfo=UTC)
    assert (name.kind, name.title) == (ItemKind.QUESTION, "What name should go on the certificate?")
    assert name.verbs == (Verb.RESPOND, Verb.CLOSE)


def token() -> str:
    found: str = sample("list_pending").body["nextPageToken"]
    return found


async def test_rows_in_other_states_are_left_out_when_the_filter_is_ignored() -> None:
    rows = [sample("list_unknown_status", path=path) for path in (INPUT, AUTH)]
    async with connected(A2A, URL, Replay(card("HTTP+JSON"), *rows)) as connector:
        poll = await connector.poll()
    assert [item.title for item in poll.items] == ["May I go on with: jane?"]
    assert poll.problems == ()


async def test_a_listed_and_a_single_read_make_the_same_item() -> None:
    """Rows of a list hold empty members that a single read leaves out."""
    row = sample("list_last_page").body["tasks"][0]
    part, data = row["status"]["message"]["parts"]
    short = {key: value for key, value in row["status"]["message"].items() if value != []}
    alone = {
        **row,
        "status": {
            **row["status"],
            "message": {**short, "parts": [{"text": part["text"]}, {"data": data["data"]}]},
        },
    }
    alone.pop("history")
    read = Exchange("GET", f"/rest/tasks/{row['id']}?historyLength=0", None, 200, {}, alone)
    line = Replay(card("HTTP+JSON"), sample("list_last_page", path=INPUT), nothing(AUTH), read)
    async with connected(A2A, URL, line) as connector:
        (listed,) = (await connector.poll()).items
        again = await connector.reread(listed)
    assert isinstance(again, Item)
    assert (again.id, again.revision) == (listed.id, listed.revision)


async def test_reads_one_again() -> None:
    recorded = sample("read_one")
    item = read_item("test", "Clerk", msgspec.convert(recorded.body, Task))
    read = msgspec.structs.replace(recorded, path=recorded.path.replace("historyLength=1", "historyLength=0"))
    async with connected(A2A, URL, Replay(card("HTTP+JSON"), read)) as connector:
        assert await connector.reread(item) == item


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("approve", APPROVE),
        ("edit", Verdict(Verb.EDIT, arguments={"amount": 5})),
        ("reject", Verdict(Verb.REJECT)),
        ("close_cancel", Verdict(Verb.CLOSE)),
    ],
)
async def test_sends_what_was_recorded(name: str, verdict: Verdict) -> None:
    recorded = sample(name)
    binding = "HTTP+JSON" if recorded.path.startswith("/rest") else "JSONRPC"
    result = recorded.body.get("result", recorded.body)
    item = question(result.get("task", result))
    line = Replay(card(binding), recorded)
    async with connected(A2A, URL, line) as connector:
        assert connector.check(item, decide(item, verdict)) == []
        await connector.send(item, decide(item, verdict))
    method, path, body = line.asked[-1]
    assert (method, path) == (recorded.method, recorded.path)
    assert body.get("method") == recorded.sent.get("method")
    ours, theirs = (one.get("params", one) for one in (body, recorded.sent))
    if "message" not in theirs:
        assert ours == theirs
        return
    for key in ("taskId", "contextId", "role", "parts"):
        assert ours["message"][key] == theirs["message"][key]
    assert ours["configuration"] == {"returnImmediately": True}


@pytest.mark.parametrize("name", ["double_answer", "unknown_id"])
async def test_a_refusal_is_one(name: str) -> None:
    item = question(sample("edit").body["task"])
    ended = Exchange(
        "GET", f"/rest/tasks/{item.locator['task_id']}", None, 200, {}, sample("edit").body["task"]
    )
    async with connected(A2A, URL, Replay(card("HTTP+JSON"), sample(name), ended)) as connector:
        with pytest.raises(Refusal, match=r"terminal state|not found"):
            await connector.send(item, decide(item, APPROVE))


async def test_an_error_with_status_200_is_a_refusal() -> None:
    task = sample("approve").body["result"]["task"]
    item = question(task)
    standing = {**task, "status": item.raw}
    read = sample("approve", body={"jsonrpc": "2.0", "id": 1, "result": standing})
    async with connected(A2A, URL, Replay(card("JSONRPC"), sample("bad_payload"), read)) as connector:
        with pytest.raises(Refusal, match="Validation failed"):
            await connector.send(item, decide(item, APPROVE))


async def test_a_task_that_is_not_known_is_gone() -> None:
    item = question(sample("edit").body["task"])
    missing = sample(
        "unknown_id", method="GET", path=f"/rest/tasks/{item.locator['task_id']}?historyLength=0"
    )
    async with connected(A2A, URL, Replay(card("HTTP+JSON"), missing)) as connector:
        gone = await connector.reread(item)
    assert isinstance(gone, Gone)
    assert gone.reason == "not known"


async def test_an_answer_with_its_question_before_it_took_effect(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling, "SECOND_LOOK_S", 0)
    recorded = sample("approve")
    item = question(recorded.body["result"]["task"])
    outcome = await settled(recorded, item, recorded_decision(item, recorded, monkeypatch))
    assert outcome.state is DeliveryState.CONFIRMED
    assert outcome.effect == 'completed: Done: approve; {"args":null,"decision":"approve"}'


async def test_a_question_asked_again_took_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling, "SECOND_LOOK_S", 0)
    recorded = sample("respond_asked_again")
    item = question(recorded.body["result"]["task"])
    outcome = await settled(recorded, item, recorded_decision(item, recorded, monkeypatch))
    assert outcome == Outcome(
        DeliveryState.CONFIRMED,
        "the task's history shows it, and the task went on",
        "asks again: And which date?",
    )


async def test_an_answer_to_a_later_question_is_not_called_confirmed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Recorded: an answer meant for the first question was taken for the second."""
    recorded = sample("stale_answer")
    item = question(recorded.body["result"]["task"])
    outcome = await settled(recorded, item, recorded_decision(item, recorded, monkeypatch))
    assert outcome.state is DeliveryState.UNKNOWN
    assert 'user: {"decision":"Ann"}; then agent: And which date?' in outcome.detail


async def test_the_reply_of_a_lost_race_is_no_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    """Recorded: both of two answers at once got the first one's outcome; then the second was run as well."""
    at_once, later = sample("concurrent_answer"), sample("concurrent_answer_after")
    item = question(at_once.body["result"]["task"])
    decision = recorded_decision(item, at_once, monkeypatch)
    first = await settled(at_once, item, decision)
    assert first.state is DeliveryState.UNKNOWN
    assert "without it: somebody else answered. Now: completed: Done: approve" in first.detail
    then = await settled(later, item, decision)
    assert then.state is DeliveryState.UNKNOWN
    assert "agent: Done: approve" in then.detail
    assert "The task now: rejected: Left undone" in then.detail


async def test_the_winner_of_a_race_is_told_what_came_after(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling, "SECOND_LOOK_S", 0)
    later = sample("concurrent_answer_after")
    item = question(later.body["result"])
    monkeypatch.setattr(settling, "message_id", lambda decision: "743e946e1ec749859e1a96c62739cb3f")
    outcome = await settled(later, item, decide(item, APPROVE))
    assert outcome.state is DeliveryState.CONFIRMED
    assert outcome.effect.startswith("rejected: Left undone")
    assert outcome.effect.endswith("(after 1 more answer from others)")


async def test_context_is_what_was_said_and_given() -> None:
    task = sample("edit").body["task"]
    read = Exchange("GET", f"/rest/tasks/{task['id']}?historyLength=20", None, 200, {}, task)
    async with connected(A2A, URL, Replay(card("HTTP+JSON"), read)) as connector:
        context = await connector.context(question(task))
    assert [(turn.role, turn.text) for turn in context.messages] == [
        ("user", "bob"),
        ("agent", "May I go on with: bob?"),
        ("user", '{"args":{"amount":5.0},"decision":"edit"}'),
    ]
    assert context.state == task["artifacts"]
