"""Decisions are held, sent once, proven; whatever goes wrong is said and never sent twice."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from tests.desk.conftest import MakeDesk, until
from tests.desk.scripted import Agent
from triage.connectors.base import Refusal
from triage.connectors.http import Interrupted, Unreachable
from triage.desk.desk import Desk, Refused
from triage.model.decision import DeliveryState, Receipt, Verdict
from triage.model.item import Action, Gone, Item, Verb
from triage.store.log import Record

APPROVE = (Verdict(Verb.APPROVE),)


async def started(desk: Desk, *waiting: Item) -> Desk:
    """The desk at work, with these items in its queue."""
    await desk.start()
    await until(lambda: all(desk.entry(item.id) for item in waiting))
    return desk


def approve(desk: Desk, item: Item, **more: float) -> Record:
    return desk.decide(item.id, item.revision, APPROVE, **more)


def states(desk: Desk, item: Item) -> list[str]:
    """Every state that the log saw of the item's deliveries, in order."""
    return [event.state for event in desk.log_of(item.id) if event.type == "delivery"]


async def test_a_decision_is_sent_once_and_proven(desks: MakeDesk, agent: Agent) -> None:
    item = agent.ask("a")
    desk = await started(desks(), item)
    record = approve(desk, item)
    done = await desk.wait(record.decision.id, 10)
    assert (done.state, done.effect) == (DeliveryState.CONFIRMED, "refunded a")
    assert agent.acted == [("a", record.decision.id)]
    assert states(desk, item) == ["sending", "sent", "confirmed"]
    assert desk.waiting() == []


async def test_nothing_is_sent_before_the_window_ends_and_undo_takes_it_back(
    desks: MakeDesk, agent: Agent
) -> None:
    item = agent.ask("a")
    desk = await started(desks(hold_s=60), item)
    record = approve(desk, item)
    left_s = desk.held_until(record.decision.id)
    assert left_s is not None
    assert 55 < left_s <= 60
    assert desk.undo().state is DeliveryState.WITHDRAWN
    polls = agent.polls
    await until(lambda: agent.polls > polls + 3)
    assert agent.sends == 0
    assert [entry.item.id for entry in desk.waiting()] == [item.id]
    with pytest.raises(Refused, match="withdrawn already"):
        desk.undo(record.decision.id)
    again = approve(desk, item, hold_s=0)
    assert (await desk.wait(again.decision.id, 10)).state is DeliveryState.CONFIRMED


async def test_an_item_that_changed_while_held_is_not_sent(desks: MakeDesk, agent: Agent) -> None:
    item = agent.ask("a")
    desk = await started(desks(hold_s=0.3), item)
    record = approve(desk, item)
    changed = agent.ask("a", actions=(Action("refund", {"order": "a", "amount": 9999}),))
    done = await desk.wait(record.decision.id, 10)
    assert done.state is DeliveryState.STALE
    assert "changed" in done.detail
    assert agent.sends == 0
    await until(lambda: [entry.item.revision for entry in desk.waiting()] == [changed.revision])


async def test_an_item_answered_elsewhere_while_held_is_not_sent(desks: MakeDesk, agent: Agent) -> None:
    item = agent.ask("a")
    desk = await started(desks(hold_s=0.2), item)
    record = approve(desk, item)
    del agent.items["a"]
    agent.answered["a"] = Gone("answered", "by the web page")
    done = await desk.wait(record.decision.id, 10)
    assert done.state is DeliveryState.STALE
    assert "by the web page" in done.detail
    assert agent.sends == 0


async def test_a_passed_deadline_is_not_sent(desks: MakeDesk, agent: Agent) -> None:
    item = agent.ask("a", expires_at=datetime.now(UTC) + timedelta(milliseconds=150))
    desk = await started(desks(hold_s=0.3), item)
    record = approve(desk, item)
    done = await desk.wait(record.decision.id, 10)
    assert done.state is DeliveryState.STALE
    assert "deadline" in done.detail
    assert agent.sends == 0


async def test_an_endpoint_that_cannot_be_read_keeps_the_decision_held(desks: MakeDesk, agent: Agent) -> None:
    item = agent.ask("a")
    desk = await started(desks(), item)
    agent.reread_error = Unreachable("cannot reach agent.invalid: refused")
    record = approve(desk, item)
    await until(lambda: "trying again" in desk.wait_reason(record.decision.id))
    assert agent.sends == 0
    agent.reread_error = None
    assert (await desk.wait(record.decision.id, 10)).state is DeliveryState.CONFIRMED
    assert agent.sends == 1


async def test_a_refusal_lets_the_item_be_decided_again(desks: MakeDesk, agent: Agent) -> None:
    item = agent.ask("a")
    desk = await started(desks(), item)
    agent.before_acting = lambda: Refusal("someone else's run is in flight")
    record = approve(desk, item)
    done = await desk.wait(record.decision.id, 10)
    assert (done.state, done.detail) == (DeliveryState.REFUSED, "someone else's run is in flight")
    agent.before_acting = lambda: None
    again = approve(desk, item)
    assert (await desk.wait(again.decision.id, 10)).state is DeliveryState.CONFIRMED
    assert agent.acted == [("a", again.decision.id)]


async def test_no_connection_is_a_refusal_that_says_nothing_was_sent(desks: MakeDesk, agent: Agent) -> None:
    item = agent.ask("a")
    desk = await started(desks(), item)
    agent.before_acting = lambda: Unreachable("cannot reach agent.invalid")
    done = await desk.wait(approve(desk, item).decision.id, 10)
    assert done.state is DeliveryState.REFUSED
    assert "nothing was sent" in done.detail


async def test_a_lost_reply_is_settled_by_reading(desks: MakeDesk, agent: Agent) -> None:
    item = agent.ask("a")
    desk = await started(desks(), item)
    agent.after_acting = lambda: Interrupted("the connection broke")
    done = await desk.wait(approve(desk, item).decision.id, 10)
    assert done.state is DeliveryState.CONFIRMED
    assert agent.sends == 1


async def test_an_unproven_outcome_is_unknown_until_a_read_proves_it(desks: MakeDesk, agent: Agent) -> None:
    item = agent.ask("a")
    desk = await started(desks(), item)
    agent.before_acting = lambda: Interrupted("no answer within 30 s")
    record = approve(desk, item)
    done = await desk.wait(record.decision.id, 10)
    assert (done.state, done.detail) == (DeliveryState.UNKNOWN, "the agent knows nothing of it")
    assert desk.is_decided(item.id), "an unknown outcome must not be decided again"
    with pytest.raises(Exception, match="ann"):
        approve(desk, item)
    agent.acted.append(("a", record.decision.id))  # it arrived late
    await desk.look_again(record.decision.id)
    await until(lambda: desk.record(item.id).state is DeliveryState.CONFIRMED)  # type: ignore[union-attr]
    assert agent.sends == 1


async def test_an_unknown_outcome_is_closed_by_hand_with_a_note(desks: MakeDesk, agent: Agent) -> None:
    item = agent.ask("a")
    desk = await started(desks(), item)
    agent.before_acting = lambda: Interrupted("no answer")
    record = approve(desk, item)
    await desk.wait(record.decision.id, 10)
    with pytest.raises(Refused, match="note"):
        desk.close_by_hand(record.decision.id, " ")
    closed = desk.close_by_hand(record.decision.id, "asked the bank: never arrived")
    assert (closed.state, closed.note) == (DeliveryState.CLOSED, "asked the bank: never arrived")
    assert agent.sends == 1
    agent.before_acting = lambda: None
    again = approve(desk, item)
    assert (await desk.wait(again.decision.id, 10)).state is DeliveryState.CONFIRMED
    assert agent.acted == [("a", again.decision.id)]


async def test_a_fault_of_our_own_while_sending_is_unknown_not_lost(desks: MakeDesk, agent: Agent) -> None:
    item = agent.ask("a")
    desk = await started(desks(), item)

    def fault() -> None:
        raise ZeroDivisionError

    agent.before_acting = fault
    record = approve(desk, item)
    done = await desk.wait(record.decision.id, 10)
    assert done.state is DeliveryState.UNKNOWN
    assert "ZeroDivisionError" in done.detail


async def test_an_agent_at_work_is_sent_until_it_is_done(desks: MakeDesk, agent: Agent) -> None:
    item = agent.ask("a")
    desk = await started(desks(), item)
    agent.working = True
    record = approve(desk, item)
    await until(lambda: desk.wait_reason(record.decision.id) == "the agent is at work")
    assert desk.record(item.id).state is DeliveryState.SENT  # type: ignore[union-attr]
    agent.working = False
    assert (await desk.wait(record.decision.id, 10)).state is DeliveryState.CONFIRMED


async def test_one_lane_goes_one_after_the_other_others_go_beside_it(desks: MakeDesk, agent: Agent) -> None:
    items = [agent.ask("t1/a"), agent.ask("t1/b"), agent.ask("t2/a")]
    desk = await started(desks(), *items)
    agent.gate = asyncio.Event()
    records = [approve(desk, item) for item in items]
    await until(lambda: agent.sends == 2)
    assert desk.record(items[1].id).state is DeliveryState.HELD  # type: ignore[union-attr]
    agent.gate.set()
    for record in records:
        assert (await desk.wait(record.decision.id, 10)).state is DeliveryState.CONFIRMED
    order = [key for key, _ in agent.acted]
    assert order.index("t1/a") < order.index("t1/b")
    assert agent.most_in_flight == 2


async def test_while_paused_nothing_is_sent(desks: MakeDesk, agent: Agent) -> None:
    item = agent.ask("a")
    desk = await started(desks(), item)
    desk.pause()
    record = approve(desk, item)
    await until(lambda: desk.wait_reason(record.decision.id) == "sending is paused")
    assert agent.sends == 0
    desk.resume()
    assert (await desk.wait(record.decision.id, 10)).state is DeliveryState.CONFIRMED


async def test_leaving_does_not_wait_for_what_a_pause_stops(desks: MakeDesk, agent: Agent) -> None:
    item = agent.ask("a")
    desk = await started(desks(), item)
    desk.pause("agent")
    record = approve(desk, item)
    assert desk.is_stopped(record)
    async with asyncio.timeout(10):
        await desk.stop(held="send", timeout_s=60)
    assert agent.sends == 0
    again = desk.log.record(record.decision.id)
    assert again is not None
    assert again.state is DeliveryState.HELD


async def test_pausing_one_endpoint_leaves_the_word_for_all(desks: MakeDesk, agent: Agent) -> None:
    desk = desks()
    desk.pause("agent")
    assert desk.paused() == {"agent"}
    with pytest.raises(Refused, match="there are: agent"):
        desk.pause("agnet")
    desk.resume()
    assert desk.paused() == frozenset()


async def test_a_desk_that_ended_in_sending_is_settled_never_sent_again(
    desks: MakeDesk, agent: Agent
) -> None:
    item = agent.ask("a")
    first = desks()
    first.queue.sync("agent", [item], datetime.now(UTC))
    record = approve(first, item)
    first.log.advance(record.decision.id, DeliveryState.SENDING, expect=DeliveryState.HELD)
    await first.stop()
    agent.acted.append(("a", record.decision.id))  # it had arrived
    desk = await started(desks())
    assert (await desk.wait(record.decision.id, 10)).state is DeliveryState.CONFIRMED
    assert agent.sends == 0


async def test_a_desk_that_ended_after_sending_settles_with_its_receipt(
    desks: MakeDesk, agent: Agent
) -> None:
    item = agent.ask("a")
    first = desks()
    first.queue.sync("agent", [item], datetime.now(UTC))
    record = approve(first, item)
    first.log.advance(record.decision.id, DeliveryState.SENDING, expect=DeliveryState.HELD)
    first.log.advance(
        record.decision.id, DeliveryState.SENT, expect=DeliveryState.SENDING, receipt=Receipt("r-1")
    )
    await first.stop()
    desk = await started(desks())
    done = await desk.wait(record.decision.id, 10)
    assert (done.state, done.receipt) == (DeliveryState.UNKNOWN, Receipt("r-1"))
    assert agent.sends == 0


async def test_a_hold_left_by_a_crash_starts_its_window_anew(desks: MakeDesk, agent: Agent) -> None:
    item = agent.ask("a")
    first = desks(hold_s=30)
    first.queue.sync("agent", [item], datetime.now(UTC))
    record = approve(first, item)
    await first.stop(held="keep")
    desk = await started(desks(hold_s=30))
    await until(lambda: desk.holder("agent") == "" and desk.held_until(record.decision.id) is not None)
    left_s = desk.held_until(record.decision.id)
    assert left_s is not None
    assert left_s > 25
    await desk.stop(held="send")
    assert agent.acted == [("a", record.decision.id)]


async def test_stopping_carries_a_send_under_way_through(desks: MakeDesk, agent: Agent) -> None:
    item = agent.ask("a")
    desk = await started(desks(), item)
    agent.gate = asyncio.Event()
    record = approve(desk, item)
    await until(lambda: agent.sends == 1)
    stopping = asyncio.create_task(desk.stop(held="keep"))
    asyncio.get_running_loop().call_later(0.05, agent.gate.set)
    await stopping
    again = await started(desks())
    assert (await again.wait(record.decision.id, 10)).state is DeliveryState.CONFIRMED
    assert agent.sends == 1


async def test_a_held_decision_that_cannot_be_read_any_more_is_not_sent(
    desks: MakeDesk, agent: Agent
) -> None:
    item = agent.ask("a")
    first = desks(hold_s=30)
    first.queue.sync("agent", [item], datetime.now(UTC))
    record = approve(first, item)
    await first.stop(held="keep")
    segment = first.data / "log" / "00000001.jsonl"
    before, tab, payload = segment.read_bytes().partition(b"\t")
    segment.write_bytes(before + tab + b" " * (len(payload) - 1) + b"\n")
    desk = await started(desks())
    done = await desk.wait(record.decision.id, 10)
    assert (done.state, done.item) == (DeliveryState.STALE, None)
    assert agent.sends == 0
