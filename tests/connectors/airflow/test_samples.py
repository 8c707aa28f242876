"""Exchanges recorded from Airflow 3.3.2, played back: what they are read as, and what is made of replies."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.connectors.kit.deliver import NotTaken, connected, decide, deliver
from tests.connectors.kit.replay import URL, Exchange, Replay, read_sample
from triage.connectors.airflow import Airflow
from triage.connectors.base import Refusal
from triage.model.decision import DeliveryState, Receipt, Verdict
from triage.model.item import Gone, Item, ItemKind, Option, Verb

SAMPLES = Path(__file__).parent / "samples"
LISTING = (
    "/api/v2/dags/~/dagRuns/~/hitlDetails?response_received=false&state=deferred&state=awaiting_input"
    "&order_by=created_at&limit=100&offset=0"
)


def sample(name: str, **changes: Any) -> Exchange:
    return msgspec.structs.replace(read_sample(SAMPLES / f"{name}.json"), **changes)


def listing(*rows: Any) -> Exchange:
    body = {"hitl_details": list(rows), "total_entries": len(rows)}
    return sample("list_pending", path=LISTING, body=body)


def at(path: str, row: Any, **task: Any) -> Exchange:
    """A question as read alone, at the path it is answered at."""
    row = {**row, "task_instance": {**row["task_instance"], **task}}
    return Exchange("GET", path, None, 200, {}, row)


async def items_of(*rows: Any) -> list[Item]:
    async with connected(Airflow, URL, Replay(listing(*rows))) as connector:
        poll = await connector.poll()
    assert not poll.problems
    return list(poll.items)


async def test_approvals_are_read() -> None:
    rows = sample("list_pending").body["hitl_details"]
    first, second = await items_of(*rows)
    assert first.kind is ItemKind.APPROVAL
    assert first.title == "Refund 3 to customer 3?"
    assert first.agent == "refund"
    assert first.description.startswith("Customer **customer 3** asks for _3_ back.")
    assert "run seed-3, task approve_refund" in first.description
    assert first.verbs == (Verb.APPROVE, Verb.EDIT, Verb.REJECT, Verb.CLOSE)
    assert first.actions[0].name == "approve_refund"
    assert first.actions[0].arguments == {"note": ""}
    assert first.actions[0].schema == {
        "type": "object",
        "properties": {"note": {"type": "string", "description": "Why", "default": ""}},
        "required": ["note"],
        "additionalProperties": False,
    }
    assert first.created_at == datetime(2026, 11, 22, 6, 38, 42, 161592, UTC)
    assert first.expires_at is None
    assert first.url == (f"{URL}/dags/refund/runs/seed-3/tasks/approve_refund/required_actions?map_index=-1")
    assert set(first.refusals) == {"respond", "ignore"}
    assert first.id != second.id


async def test_forms_and_choices_are_read() -> None:
    form, choice = (await items_of(*sample("list_forms").body["hitl_details"]))[:2]
    assert form.kind is choice.kind is ItemKind.QUESTION
    assert form.actions[0].arguments == {"budget": 100, "owner": "nobody"}
    assert form.answer_schema == form.actions[0].schema
    assert form.answer_schema is not None
    assert form.answer_schema["properties"]["budget"]["maximum"] == 1000
    assert form.verbs == (Verb.APPROVE, Verb.EDIT, Verb.RESPOND, Verb.CLOSE)
    assert choice.options == (Option("mail", "mail"), Option("blog", "blog"), Option("none", "none"))
    assert choice.many
    assert choice.verbs == (Verb.RESPOND, Verb.CLOSE)
    assert "Without an answer in time: none." in choice.description


async def test_a_cleared_task_asks_another_question() -> None:
    """Recorded: the same path, subject and ``created_at``; another task instance and try."""
    before, after = sample("read_one").body, sample("asked_again").body
    (first,), (second,) = await items_of(before), await items_of(after)
    assert before["created_at"] == after["created_at"]
    assert first.id != second.id
    assert first.created_at is not None
    assert second.created_at == datetime(2026, 11, 22, 6, 52, 10, 558690, UTC)
    async with connected(Airflow, URL, Replay(sample("asked_again"))) as connector:
        gone = await connector.reread(first)
        same = await connector.reread(second)
        assert connector.lane(first) == connector.lane(second)
    assert isinstance(gone, Gone)
    assert isinstance(same, Item)
    assert (same.id, same.revision) == (second.id, second.revision)


async def delivered(reply: Exchange, row: Any, verdict: Verdict) -> tuple[Receipt, Any]:
    """The receipt, and what was sent."""
    (item,) = await items_of(row)
    replay = Replay(reply)
    async with connected(Airflow, URL, replay) as connector:
        receipt = await connector.send(item, decide(item, verdict))
    return receipt, replay.asked[0][2]


async def test_what_is_sent_is_what_was_recorded() -> None:
    row = sample("read_one").body
    receipt, sent = await delivered(sample("approve"), row, Verdict(Verb.EDIT, arguments={"note": "fine"}))
    assert sent == {**sample("approve").sent, "request_created_at": row["created_at"]}
    assert receipt.reference == "2026-11-22T06:51:32.603216Z"

    rejected = sample("reject", path=sample("approve").path)
    _, sent = await delivered(rejected, row, Verdict(Verb.REJECT))
    assert sent["chosen_options"] == ["Reject"]

    form = sample("list_forms").body["hitl_details"][0]
    path = sample("edit").path.replace("rec-1795330287-0", "rec-1795330287-2")
    values = {"budget": 250, "owner": "ann"}
    _, sent = await delivered(sample("edit", path=path), form, Verdict(Verb.RESPOND, answer=values))
    assert {name: sent[name] for name in ("chosen_options", "params_input")} == sample("edit").sent


async def test_replies_that_say_no() -> None:
    row = sample("read_one").body
    path = sample("approve").path
    for name in ("bad_payload", "unknown_id"):
        with pytest.raises(Refusal):
            await delivered(sample(name, path=path), row, Verdict(Verb.APPROVE))
    receipt, _ = await delivered(sample("double_answer"), row, Verdict(Verb.REJECT))
    assert receipt.detail == {"status": 409}


async def test_an_answer_is_confirmed_by_the_task_that_used_it() -> None:
    """The recorded reply, the recorded value; the item between the two as Airflow shows it."""
    row, reply, value = sample("read_one").body, sample("approve"), sample("approve_after")
    (item,) = await items_of(row)
    decision = decide(item, Verdict(Verb.EDIT, arguments={"note": "fine"}))
    answered = row | {
        "response_received": True,
        "responded_by_user": {"id": "admin", "name": "admin"},
        "responded_at": reply.body["responded_at"],
        "chosen_options": ["Approve"],
        "params_input": {"note": "fine"},
    }
    ended = {"state": "success", "end_date": "2026-11-22T06:51:35.068342Z"}
    used = msgspec.structs.replace(value, path=f"{value.path}?map_index=-1")
    replay = Replay(reply, at(reply.path, answered, state="queued"), at(reply.path, answered, **ended), used)
    async with connected(Airflow, URL, replay) as connector:
        receipt = await connector.send(item, decision)
        outcomes = [await connector.settle(item, decision, receipt) for _ in range(2)]
        lost = await connector.settle(item, decision, None)
        other = await connector.settle(item, decide(item, Verdict(Verb.REJECT)), None)
    assert [one.state for one in outcomes] == [DeliveryState.SENT, DeliveryState.CONFIRMED]
    assert outcomes[1].effect == "the task succeeded with Approve"
    assert lost.state is DeliveryState.CONFIRMED
    assert other.state is DeliveryState.REFUSED
    assert "admin at" in other.detail


async def test_200_is_not_done_and_what_would_fail_the_task_is_not_sent() -> None:
    """Recorded: an answer out of range, taken with 200; its task failed half a second later."""
    after = sample("bad_payload_accepted_after")
    row = after.body | {"response_received": False, "responded_by_user": None, "responded_at": None}
    row["task_instance"] = {**after.body["task_instance"], "state": "awaiting_input", "end_date": None}
    (item,) = await items_of(row)
    bad = Verdict(Verb.EDIT, arguments=after.body["params_input"])
    async with connected(Airflow, URL, Replay(after)) as connector:
        with pytest.raises(NotTaken):
            await deliver(connector, item, [bad])
        told = Receipt(reference=after.body["responded_at"], detail={"status": 200})
        outcome = await connector.settle(item, decide(item, bad), told)
    assert outcome.state is DeliveryState.REFUSED
    assert "failed over it" in outcome.detail


async def test_a_stale_answer_is_taken_with_200_and_does_nothing() -> None:
    """Recorded: the task had failed a fifth of a second before the answer that was taken."""
    reply, task = sample("stale_answer"), sample("stale_answer_after").body
    row = {**sample("read_one").body, "task_instance": {**task, "state": "awaiting_input", "end_date": None}}
    row["params"] = {}
    (item,) = await items_of(row)
    decision = decide(item, Verdict(Verb.APPROVE))
    dead = {**row, "task_instance": task}
    said = reply.body
    answered = {
        **dead,
        "response_received": True,
        "responded_by_user": said["responded_by"],
        "responded_at": said["responded_at"],
        "chosen_options": said["chosen_options"],
    }
    async with connected(Airflow, URL, Replay(at(reply.path, dead))) as connector:
        gone = await connector.reread(item)
    async with connected(Airflow, URL, Replay(reply, at(reply.path, answered))) as connector:
        receipt = await connector.send(item, decision)
        outcome = await connector.settle(item, decision, receipt)
    assert isinstance(gone, Gone)
    assert gone.reason == "expired"
    assert outcome.state is DeliveryState.REFUSED
    assert "over before" in outcome.detail


async def test_close_fails_the_run_and_leaves_its_name_in_the_note() -> None:
    reply = sample("close")
    row = sample("read_one").body
    row["task_instance"]["dag_run_id"] = reply.path.rpartition("/")[2]
    (item,) = await items_of(row)
    running = Exchange("GET", reply.path, None, 200, {}, {**reply.body, "state": "running", "note": "mine"})
    replay = Replay(running, reply)
    decision = decide(item, Verdict(Verb.CLOSE, reason="not needed"))
    async with connected(Airflow, URL, replay) as connector:
        receipt = await connector.send(item, decision)
        sent = replay.asked[-1][2]
        failed = {**reply.body, "note": sent["note"]}
        replay.exchanges = [Exchange("GET", reply.path, None, 200, {}, failed)]
        outcome = await connector.settle(item, decision, receipt)
    assert sent["state"] == reply.sent["state"]
    assert sent["note"] == f"mine\nclosed by kim: not needed (decision {decision.id})"
    assert outcome.state is DeliveryState.CONFIRMED
