"""Exchanges recorded from Prefect 3.9.1, played back: what they are read as, and what is made of replies."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.connectors.kit.deliver import connected, decide
from tests.connectors.kit.replay import URL, Exchange, Replay, read_sample
from triage.connectors.base import Refusal
from triage.connectors.http import Broken, Busy
from triage.connectors.prefect import Prefect
from triage.model.decision import DeliveryState, Receipt, Verdict
from triage.model.item import Gone, Item, ItemKind, Verb

SAMPLES = Path(__file__).parent / "samples"


def sample(name: str, **changes: Any) -> Exchange:
    return msgspec.structs.replace(read_sample(SAMPLES / f"{name}.json"), **changes)


def body_exchange(method: str, path: str, body: Any) -> Exchange:
    """An exchange composed of parts of recorded ones."""
    return Exchange(method, path, None, 200, {}, body)


def form_of(run_id: str) -> Exchange:
    return sample("read_form", path=f"/api/flow_runs/{run_id}/input/filter")


def flows(**names: str) -> Exchange:
    return body_exchange(
        "POST", "/api/flows/filter", [{"id": id, "name": name} for name, id in names.items()]
    )


def question(row: Any, form: Exchange) -> Exchange:
    """A form stored under the names that ``row`` gives its question."""
    keyset = row["state"]["state_details"]["run_input_keyset"]
    named = [{**one, "key": keyset[one["key"].rpartition("-")[2]]} for one in form.body]
    return msgspec.structs.replace(form, path=f"/api/flow_runs/{row['id']}/input/filter", body=named)


async def item_of(row: Any) -> Item:
    """The item that a recorded run makes, with the recorded form."""
    replay = Replay(
        sample("list_pending", body=[row]), flows(refund=row["flow_id"]), question(row, sample("read_form"))
    )
    async with connected(Prefect, URL, replay) as connector:
        return (await connector.poll()).items[0]


def paused_row(state: Any, run_id: str) -> Any:
    """A run's row at a recorded state."""
    row = sample("list_pending").body[0]
    return {**row, "id": run_id, "state_id": state["id"], "state": state}


async def test_a_list_is_read_with_its_forms() -> None:
    listing = sample("list_pending")
    with_form, plain = listing.body
    replay = Replay(
        listing, form_of(with_form["id"]), flows(refund=with_form["flow_id"], two_steps=plain["flow_id"])
    )
    async with connected(Prefect, URL, replay) as connector:
        poll = await connector.poll()
    assert not poll.problems
    refund, pause = poll.items
    asked = replay.asked[0][2]
    assert asked["flow_runs"] == listing.sent["flow_runs"]
    assert asked["limit"] <= 200

    assert refund.key == f"{with_form['id']} {with_form['state_id']}"
    assert refund.kind is ItemKind.APPROVAL
    assert refund.title == "Refund **6** to customer 6?"
    assert refund.agent == "refund"
    assert refund.actions[0].arguments == {"amount": 6, "note": None}
    assert refund.actions[0].schema is not None
    assert set(refund.actions[0].schema["properties"]) == {"amount", "note"}
    assert refund.verbs == (Verb.APPROVE, Verb.EDIT, Verb.REJECT, Verb.RESPOND, Verb.CLOSE)
    assert refund.created_at == datetime(2026, 11, 22, 6, 50, 22, 122113, UTC)
    assert refund.expires_at == datetime(2026, 11, 22, 7, 50, 22, 110849, UTC)
    assert refund.url == f"{URL}/runs/flow-run/{with_form['id']}"
    assert "customer 16" in refund.description

    assert pause.title == "Let two_steps (silver-lorikeet) go on?"
    assert pause.actions[0].arguments == {"customer": "customer 26"}
    assert pause.verbs == (Verb.APPROVE, Verb.CLOSE)
    assert set(pause.refusals) == {"edit", "reject", "respond", "ignore"}


async def test_the_second_question_of_a_run_is_not_the_first() -> None:
    """Recorded: the run paused again, so its state is another and its form has other names."""
    row = sample("read_one").body
    second = await item_of(row)
    stale = msgspec.structs.replace(
        second, locator={**second.locator, "state_id": "01a20204-584e-72b2-b96a-5c1c136a0bb9"}
    )
    replay = Replay(
        sample("read_one"),
        flows(refund=row["flow_id"]),
        question(row, sample("read_form")),
        body_exchange("GET", f"/api/flow_run_states/?flow_run_id={row['id']}", [row["state"]]),
    )
    async with connected(Prefect, URL, replay) as connector:
        same = await connector.reread(second)
        gone = await connector.reread(stale)
    assert isinstance(same, Item)
    assert (same.id, same.revision) == (second.id, second.revision)
    assert isinstance(gone, Gone)


async def sent(reply: Exchange, row: Any, verdict: Verdict) -> Receipt:
    item = await item_of(row)
    async with connected(Prefect, URL, Replay(reply)) as connector:
        return await connector.send(item, decide(item, verdict))


async def test_an_accepted_answer_is_a_receipt_with_the_state_it_made() -> None:
    reply = sample("approve")
    run_id = reply.path.split("/")[3]
    row = paused_row(sample("list_pending").body[0]["state"], run_id)
    receipt = await sent(reply, row, Verdict(Verb.APPROVE))
    assert receipt == Receipt(reference=reply.body["state"]["id"], detail={"status": "ACCEPT"})


async def test_no_comes_with_200() -> None:
    """REJECT of the very question is certain: it stands. ABORT, and REJECT by the next question, are not."""
    invalid = sample("bad_payload")
    row = paused_row(invalid.body["state"], invalid.path.split("/")[3])
    with pytest.raises(Refusal, match="'maybe' is not one of"):
        await sent(invalid, row, Verdict(Verb.APPROVE))

    double = sample("double_answer")
    row = paused_row(sample("list_pending").body[0]["state"], double.path.split("/")[3])
    assert (await sent(double, row, Verdict(Verb.REJECT))).detail["status"] == "ABORT"

    late = sample("stale_answer")
    row = paused_row(invalid.body["state"], late.path.split("/")[3])
    assert (await sent(late, row, Verdict(Verb.APPROVE))).detail["status"] == "REJECT"


async def test_500_says_nothing_of_what_happened_and_503_that_it_is_over() -> None:
    state = sample("list_pending").body[0]["state"]
    unknown, busy = sample("unknown_id"), sample("concurrent_answer")
    with pytest.raises(Broken):
        await sent(unknown, paused_row(state, unknown.path.split("/")[3]), Verdict(Verb.APPROVE))
    row = paused_row(state, busy.path.split("/")[3])
    assert (await sent(busy, row, Verdict(Verb.APPROVE))).detail == {"status": "BUSY"}
    proxys = msgspec.structs.replace(busy, body="busy")
    with pytest.raises(Busy):
        await sent(proxys, row, Verdict(Verb.APPROVE))


async def test_a_stored_answer_that_is_ours_confirms() -> None:
    """Recorded: an edited answer, the answer stored for it, and the run completed."""
    reply, stored = sample("edit"), sample("edit_after_response")
    run_id = reply.path.split("/")[3]
    row = paused_row(sample("list_pending").body[0]["state"], run_id)
    item = await item_of(row)
    decision = decide(item, Verdict(Verb.EDIT, arguments={"amount": 1}))
    after = sample("run_after", path=f"/api/flow_runs/{run_id}")
    history = [row["state"], reply.body["state"], after.body["state"]]
    replay = Replay(
        reply,
        after,
        stored,
        body_exchange("GET", f"/api/flow_run_states/?flow_run_id={run_id}", history),
    )
    async with connected(Prefect, URL, replay) as connector:
        receipt = await connector.send(item, decision)
        outcome = await connector.settle(item, decision, receipt)
        lost = await connector.settle(item, decision, None)
        another = decide(item, Verdict(Verb.REJECT))
        refused = await connector.settle(item, another, None)
    assert replay.asked[0][2] == reply.sent
    assert outcome.state is lost.state is DeliveryState.CONFIRMED
    assert outcome.effect == "the run is Completed"
    assert refused.state is DeliveryState.REFUSED
    assert '{"decision":"approve","amount":1}' in refused.detail


async def test_close_cancels_by_a_state_that_names_the_decision() -> None:
    reply = sample("close_cancel")
    run_id = reply.path.split("/")[3]
    row = paused_row(sample("list_pending").body[0]["state"], run_id)
    item = await item_of(row)
    decision = decide(item, Verdict(Verb.CLOSE, reason="not needed"))
    replay = Replay(reply)
    async with connected(Prefect, URL, replay) as connector:
        await connector.send(item, decision)
        ours = replay.asked[0][2]["state"]
        history = [row["state"], {**reply.body["state"], "message": ours["message"]}]
        run = {**row, "state": history[1], "state_type": "CANCELLED"}
        replay.exchanges += [
            body_exchange("GET", f"/api/flow_runs/{run_id}", run),
            body_exchange("GET", f"/api/flow_run_states/?flow_run_id={run_id}", history),
        ]
        outcome = await connector.settle(item, decision, None)
    assert ours["type"] == "CANCELLED"
    assert ours["message"] == f"closed by kim: not needed (decision {decision.id})"
    assert outcome.state is DeliveryState.CONFIRMED
