"""Clocks that jump and machines that sleep: nothing goes out late, twice, or unexpected; nothing waits unseen."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from tests.desk.conftest import MakeDesk, until
from tests.desk.scripted import Agent, make_desk, make_item
from tests.desk.set_clock import DAY_S, HOUR_S, TEN_YEARS_S, SetClock
from tests.desk.test_delivery import APPROVE, approve, started, states
from triage.connectors.http import Unreachable
from triage.desk import timeliness
from triage.desk.desk import Desk
from triage.desk.lanes import Lanes
from triage.desk.looking import came_after, is_snoozed
from triage.desk.precedents import precedents_among
from triage.desk.session import session_of
from triage.desk.summary import Summary
from triage.desk.timeliness import Moment, Sending, passed_s, why_too_old
from triage.model.decision import Decision, DeliveryState
from triage.model.item import Item
from triage.store.log import Log, Record
from triage.store.queue import Entry, Marks

JUMPS = [
    pytest.param(HOUR_S, id="hour"),
    pytest.param(DAY_S, id="day"),
    pytest.param(TEN_YEARS_S, id="years"),
]
NOON = datetime(2030, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


async def not_sent(desk: Desk, agent: Agent, record: Record, *words: str) -> None:
    """It ends as out of date, saying why, and the item waits again."""
    done = await desk.wait(record.decision.id, 10)
    assert done.state is DeliveryState.STALE
    assert all(word in done.detail for word in words), done.detail
    assert agent.sends == 0
    assert record.decision.item_id in [entry.item.id for entry in desk.waiting()]


# -- the age of a held decision -------------------------------------------------------------------


def a_decision(at: datetime, hold_s: float = 5.0) -> Decision:
    item = make_item("a")
    return Decision("d", item.id, item.endpoint, item.revision, APPROVE, "ann", at, hold_s)


def moment(seconds: float, set_by_s: float = 0.0) -> Moment:
    """So many seconds after noon, with the wall clock set meanwhile."""
    return Moment(NOON + timedelta(seconds=seconds + set_by_s), seconds)


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (moment(0), None),
        (moment(599), None),
        (moment(601), "not sent within 10 minutes of being decided"),
        (moment(3, -2), None),
        (moment(3, -60), "the clock was set back by 57 s or more since it was decided"),
        (moment(3, -HOUR_S), "set back by 59 minutes or more"),
        (moment(3, -DAY_S), "set back by 23 hours or more"),
        (moment(3, -TEN_YEARS_S), "set back by 3,651 days or more"),
        (moment(HOUR_S, 10 - HOUR_S), "10 minutes"),
        (moment(3, HOUR_S), "10 minutes"),
        (moment(3, DAY_S), "10 minutes"),
        (moment(3, TEN_YEARS_S), "10 minutes"),
    ],
)
def test_a_held_decision_is_young_only_where_both_clocks_say_so(now: Moment, words: str | None) -> None:
    why = why_too_old(a_decision(NOON), moment(0), now)
    assert (why is None) == (words is None)
    assert (words or "") in (why or "")


def test_a_long_window_has_as_long_again_and_the_words_say_how_long() -> None:
    decision = a_decision(NOON, hold_s=HOUR_S)
    assert why_too_old(decision, moment(0), moment(1.9 * HOUR_S)) is None
    assert "within 120 minutes" in (why_too_old(decision, moment(0), moment(2.1 * HOUR_S)) or "")


def test_a_machine_that_was_frozen_is_noticed_by_the_wall_clock_alone() -> None:
    assert passed_s(moment(0), moment(1, 60)) == 61
    assert passed_s(moment(0), moment(61, -60)) == 61


def test_what_a_send_must_keep_to() -> None:
    class Frozen(SetClock):
        def now(self) -> Moment:
            return moment(self._slept_s, self._set_by_s)

    clock = Frozen()
    item = make_item("a", expires_at=NOON + timedelta(seconds=50))
    terms = Sending(clock, item, clock.now())
    assert terms.why_not() is None
    clock.sleep(31)
    assert "slept, or triage was stopped, for 31 s" in (terms.why_not() or "")
    terms = Sending(clock, item, clock.now())
    clock.sleep(10)
    terms.went()
    clock.sleep(8)
    assert terms.why_not() is None
    clock.sleep(1)
    assert terms.why_not() == "not sent, its deadline has passed"


# -- clocks set while decisions are held ----------------------------------------------------------


@pytest.mark.parametrize("jump_s", JUMPS)
async def test_a_clock_set_back_while_held_asks_again(
    desks: MakeDesk, agent: Agent, clock: SetClock, jump_s: float
) -> None:
    item = agent.ask("a")
    desk = await started(desks(hold_s=60, clock=clock), item)
    record = approve(desk, item)
    await until(lambda: (desk.held_until(record.decision.id) or 99) < 60)
    clock.set_by(-jump_s)
    await not_sent(desk, agent, record, "the clock was set back by", "decide it again")
    again = approve(desk, item, hold_s=0)
    assert (await desk.wait(again.decision.id, 10)).state is DeliveryState.CONFIRMED
    assert agent.acted == [("a", again.decision.id)]


@pytest.mark.parametrize("jump_s", JUMPS)
async def test_a_clock_set_forward_while_held_asks_again(
    desks: MakeDesk, agent: Agent, clock: SetClock, jump_s: float
) -> None:
    item = agent.ask("a")
    desk = await started(desks(hold_s=60, clock=clock), item)
    record = approve(desk, item)
    clock.set_by(jump_s)
    await not_sent(desk, agent, record, "not sent within 10 minutes")


@pytest.mark.parametrize("jump_s", [-3.0, 3.0])
async def test_a_clock_set_right_by_seconds_changes_nothing(
    desks: MakeDesk, agent: Agent, clock: SetClock, jump_s: float
) -> None:
    item = agent.ask("a")
    desk = await started(desks(hold_s=0.3, clock=clock), item)
    record = approve(desk, item)
    clock.set_by(jump_s)
    assert (await desk.wait(record.decision.id, 10)).state is DeliveryState.CONFIRMED
    assert agent.sends == 1


@pytest.mark.parametrize("jump_s", JUMPS)
async def test_a_decision_from_the_future_found_at_the_start_asks_again(
    desks: MakeDesk, agent: Agent, clock: SetClock, jump_s: float
) -> None:
    item = agent.ask("a")
    first = desks(hold_s=30)
    first.queue.sync("agent", [item], datetime.now(UTC))
    record = approve(first, item)
    await first.stop(held="keep")
    clock.set_by(-jump_s)
    desk = await started(desks(clock=clock), item)
    await not_sent(desk, agent, record, "the clock was set back by")


async def test_a_hold_older_than_ten_minutes_asks_again(desks: MakeDesk, agent: Agent) -> None:
    item = agent.ask("a")
    first = desks()
    first.queue.sync("agent", [item], datetime.now(UTC))
    decision = first._new_decision(item, APPROVE, 5.0)
    old = msgspec.structs.replace(decision, at=datetime.now(UTC) - timedelta(minutes=11))
    record = first.log.decide(old, item)
    await first.stop()
    await not_sent(await started(desks(), item), agent, record, "10 minutes")


async def test_an_age_that_the_wall_clock_hides_is_seen_by_the_other(
    desks: MakeDesk, agent: Agent, clock: SetClock
) -> None:
    item = agent.ask("a")
    desk = await started(desks(clock=clock), item)
    desk.pause()
    record = approve(desk, item)
    await until(lambda: desk.wait_reason(record.decision.id) == "sending is paused")
    clock.set_by(-HOUR_S)
    clock.sleep(HOUR_S)
    desk.resume()
    await not_sent(desk, agent, record, "10 minutes")


# -- a machine that sleeps while decisions are held -----------------------------------------------


async def test_after_a_day_asleep_nothing_held_is_sent(
    desks: MakeDesk, agent: Agent, clock: SetClock
) -> None:
    items = [agent.ask(key) for key in ("t1/a", "t1/b", "t2/a", "t3/a")]
    desk = await started(desks(hold_s=60, clock=clock), *items)
    records = [approve(desk, item) for item in items]
    clock.sleep(DAY_S)
    for record in records:
        await not_sent(desk, agent, record, "not sent within 10 minutes")
    for item in items:
        assert states(desk, item) == ["stale"]


async def test_after_some_minutes_asleep_there_is_time_to_undo_again(
    desks: MakeDesk, agent: Agent, clock: SetClock
) -> None:
    items = [agent.ask("t1/a"), agent.ask("t1/b")]
    desk = await started(desks(hold_s=30, clock=clock), *items)
    records = [approve(desk, item) for item in items]
    ids = [record.decision.id for record in records]
    await until(lambda: all((desk.held_until(key) or 99) < 29.9 for key in ids))
    clock.sleep(180)
    assert [desk.held_until(key) for key in ids] == [0.0, 0.0]
    await until(lambda: all((desk.held_until(key) or 0) > 29 for key in ids))
    assert agent.sends == 0
    for key in ids:
        assert desk.undo(key).state is DeliveryState.WITHDRAWN


async def test_a_desk_that_stepped_aside_begins_windows_anew(
    desks: MakeDesk, agent: Agent, clock: SetClock
) -> None:
    item = agent.ask("a")
    desk = await started(desks(hold_s=30, clock=clock), item)
    key = approve(desk, item).decision.id
    await desk.step_aside()
    clock.sleep(120)
    assert desk.held_until(key) == 0.0
    await desk.take_up()
    await until(lambda: (desk.held_until(key) or 0) > 29)
    assert agent.sends == 0


async def test_what_was_read_before_a_sleep_is_read_again(
    desks: MakeDesk, agent: Agent, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = agent.ask("a")
    desk = await started(desks(clock=clock), item)
    connector = desk._stations["agent"].deliverer.connector
    real, reads = connector.reread, []

    async def sleepy(shown: Item) -> object:
        found = await real(shown)
        reads.append(found)
        if len(reads) == 1:
            clock.sleep(timeliness.MAX_READ_AGE_S + 1)
        return found

    monkeypatch.setattr(connector, "reread", sleepy)
    done = await desk.wait(approve(desk, item).decision.id, 10)
    assert (done.state, len(reads), agent.sends) == (DeliveryState.CONFIRMED, 2, 1)


async def test_a_day_asleep_while_the_item_is_read_again_does_not_send(
    desks: MakeDesk, agent: Agent, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = agent.ask("a")
    desk = await started(desks(clock=clock), item)

    async def sleepy(shown: Item) -> Item:
        clock.sleep(DAY_S)
        return shown

    monkeypatch.setattr(desk._stations["agent"].deliverer.connector, "reread", sleepy)
    await not_sent(desk, agent, approve(desk, item), "10 minutes")


async def test_an_unreachable_endpoint_is_no_reason_to_send_late(
    desks: MakeDesk, agent: Agent, clock: SetClock
) -> None:
    item = agent.ask("a")
    desk = await started(desks(clock=clock), item)
    agent.reread_error = Unreachable("cannot reach agent.invalid")
    record = approve(desk, item)
    await until(lambda: desk.wait_reason(record.decision.id))
    clock.sleep(HOUR_S)
    agent.reread_error = None
    await not_sent(desk, agent, record, "10 minutes", "cannot reach agent.invalid")


# -- between `sending` and the send ---------------------------------------------------------------


def at_sending(desk: Desk, monkeypatch: pytest.MonkeyPatch, clock: SetClock, seconds: float) -> None:
    """Have the machine sleep right after ``sending`` was logged."""
    real = desk.log.advance

    def sleepy(decision_id: str, to: DeliveryState, **more: object) -> Record:
        record = real(decision_id, to, **more)  # type: ignore[arg-type]
        if to is DeliveryState.SENDING:
            clock.sleep(seconds)
        return record

    monkeypatch.setattr(desk.log, "advance", sleepy)


@pytest.mark.parametrize("slept_s", [2.5, HOUR_S, DAY_S])
async def test_a_sleep_between_sending_and_the_send_does_not_send(
    desks: MakeDesk, agent: Agent, clock: SetClock, monkeypatch: pytest.MonkeyPatch, slept_s: float
) -> None:
    item = agent.ask("a")
    desk = await started(desks(clock=clock), item)
    at_sending(desk, monkeypatch, clock, slept_s)
    await not_sent(desk, agent, approve(desk, item), "slept, or triage was stopped")
    assert states(desk, item) == ["sending", "stale"]


@pytest.mark.parametrize(
    ("others", "end"), [(["unknown"], DeliveryState.REFUSED), (["unknown", "closed"], DeliveryState.CLOSED)]
)
async def test_what_others_took_for_unknown_while_we_slept_was_not_sent_and_never_is(
    desks: MakeDesk,
    agent: Agent,
    clock: SetClock,
    monkeypatch: pytest.MonkeyPatch,
    others: list[str],
    end: DeliveryState,
) -> None:
    item = agent.ask("a")
    desk = await started(desks(clock=clock), item)
    real, beside = desk.log.advance, Log(desk.data)

    def sleepy(decision_id: str, to: DeliveryState, **more: object) -> Record:
        record = real(decision_id, to, **more)  # type: ignore[arg-type]
        if to is DeliveryState.SENDING:
            for state in others:
                beside.refresh()
                now_is = beside.record(decision_id)
                assert now_is is not None
                beside.advance(decision_id, DeliveryState(state), expect=now_is.state)
            clock.sleep(HOUR_S)
        return record

    monkeypatch.setattr(desk.log, "advance", sleepy)
    record = approve(desk, item)
    await until(lambda: desk.log.record(record.decision.id).state is end)  # type: ignore[union-attr]
    await until(lambda: record.decision.id not in desk._stations["agent"].deliverer._lanes)
    assert agent.sends == 0
    assert states(desk, item) == ["sending", *others, *(["refused"] if end is DeliveryState.REFUSED else [])]
    monkeypatch.setattr(desk.log, "advance", real)
    again = approve(desk, item)
    assert (await desk.wait(again.decision.id, 10)).state is DeliveryState.CONFIRMED


async def test_a_deadline_that_passes_at_the_last_moment_is_kept(
    desks: MakeDesk, agent: Agent, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = agent.ask("a", expires_at=datetime.now(UTC) + timedelta(seconds=60))
    desk = await started(desks(clock=clock), item)
    clock.sleep(59)
    at_sending(desk, monkeypatch, clock, 1.5)
    record = approve(desk, item)
    done = await desk.wait(record.decision.id, 10)
    assert (done.state, done.detail) == (DeliveryState.STALE, "not sent, its deadline has passed")
    assert agent.sends == 0


# -- what is put off, what is new, what is shown --------------------------------------------------


@pytest.mark.parametrize("jump_s", JUMPS)
async def test_a_snoozed_item_is_not_hidden_by_a_clock_set_back(
    desks: MakeDesk, agent: Agent, clock: SetClock, jump_s: float
) -> None:
    item = agent.ask("a")
    desk = await started(desks(clock=clock), item)
    desk.snooze(item.id, clock.now().wall + timedelta(hours=2))
    assert (desk.waiting(), desk.summary().waiting) == ([], 0)
    clock.set_by(-jump_s)
    assert [entry.item.id for entry in desk.waiting()] == [item.id]
    assert desk.summary().waiting == 1
    desk.snooze(item.id, clock.now().wall + timedelta(hours=2))
    assert (desk.waiting(), desk.summary().waiting) == ([], 0)
    clock.sleep(2 * HOUR_S + 1)
    assert (len(desk.waiting()), desk.summary().waiting) == (1, 1)


def test_a_snooze_that_does_not_say_when_it_was_made_goes_by_its_end() -> None:
    entry = Entry(make_item("a"), NOON, marks=Marks(snoozed_until=NOON))
    assert is_snoozed(entry, NOON - timedelta(days=1))
    assert not is_snoozed(entry, NOON)


def test_what_comes_after_the_clock_was_set_back_counts_as_new() -> None:
    began, earlier = NOON, NOON - timedelta(hours=1)
    entry = Entry(make_item("a"), earlier)
    assert not came_after(entry, None, NOON)
    assert not came_after(entry, began, NOON)
    assert came_after(entry, began, earlier), "nobody can tell, and nobody must miss it"
    assert came_after(Entry(make_item("b"), NOON + timedelta(seconds=1)), began, NOON + timedelta(seconds=2))


async def test_what_ended_leaves_the_strip_though_the_clock_was_set_back(
    desks: MakeDesk, agent: Agent, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = agent.ask("a")
    desk = await started(desks(clock=clock), item)
    await desk.wait(approve(desk, item).decision.id, 10)
    assert [record.state for record in desk.deliveries()] == [DeliveryState.CONFIRMED]
    clock.set_by(-TEN_YEARS_S)
    monkeypatch.setattr("triage.desk.looking.ENDED_SHOWN_S", 0.0)
    assert desk.deliveries() == []


def test_circles_are_counted_by_times_that_may_lie_on_either_side() -> None:
    def again(number: int, minutes: float) -> Record:
        item = make_item(f"o{number}", actions=make_item("x").actions)
        at = NOON + timedelta(minutes=minutes)
        decision = msgspec.structs.replace(a_decision(at), id=f"d{number}", item_id=item.id)
        return Record(decision, item, DeliveryState.REFUSED, number, at)

    item = make_item("now", actions=make_item("x").actions)
    close = [again(2, 10), again(1, -4)]
    assert precedents_among(item, close, NOON).loop == "the same was proposed 3 times within 14 min"
    far = [again(2, 60), again(1, 61)]
    assert precedents_among(item, far, NOON).loop == ""


def test_of_equal_precedents_the_one_later_in_the_log_comes_first() -> None:
    def before(number: int, hours: float) -> Record:
        item = make_item(f"o{number}", actions=make_item("x").actions)
        decision = a_decision(NOON + timedelta(hours=hours))
        return Record(decision, item, DeliveryState.CONFIRMED, number, decision.at)

    item = make_item("now", actions=make_item("x").actions)
    found = precedents_among(item, [before(3, -48), before(2, 5), before(1, -1)], NOON)
    assert [one.record.seq for one in found.nearest] == [3, 2, 1]


def test_no_figure_of_a_session_is_negative_or_hangs_on_the_wall_clock() -> None:
    decision, item = a_decision(NOON + timedelta(days=3)), make_item("a")
    record = Record(decision, item, DeliveryState.CONFIRMED, 1, NOON - timedelta(days=3652))
    summary = Summary(NOON, 1, 0, 0, 0, [], [], NOON + timedelta(hours=1), {})
    session = session_of([record], {decision.id: 4.0}, summary)
    assert (session.median_s, session.oldest_s) == (4.0, 0.0)


# -- retention ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("forward_s", "erased"), [(20 * DAY_S, True), (TEN_YEARS_S, False)])
async def test_a_clock_far_ahead_erases_nothing(
    desks: MakeDesk, agent: Agent, clock: SetClock, forward_s: float, erased: bool
) -> None:
    item = agent.ask("a")
    desk = await started(desks(), item)
    await desk.wait(approve(desk, item).decision.id, 10)
    await desk.stop()
    clock.set_by(forward_s)
    later = desks(payload_days=7, clock=clock)
    await later.start()
    record = later.record(item.id)
    assert record is not None
    assert (record.item is None) is erased


# -- order ----------------------------------------------------------------------------------------


async def test_a_lane_goes_in_the_order_of_the_log_though_times_run_backwards(
    desks: MakeDesk, agent: Agent, clock: SetClock
) -> None:
    items = [agent.ask(f"t1/{letter}") for letter in "cab"]
    desk = await started(desks(clock=clock), *items)
    desk.pause()
    records = []
    for item in items:
        records.append(approve(desk, item))
        clock.set_by(-1.0)
    assert [record.decision.at for record in records] == sorted(
        (record.decision.at for record in records), reverse=True
    )
    desk.resume()
    for record in records:
        await desk.wait(record.decision.id, 10)
    assert [key for key, _ in agent.acted] == ["t1/c", "t1/a", "t1/b"]


async def test_five_hundred_held_decisions_ask_for_each_lane_once(agent: Agent, tmp_path: Path) -> None:
    desk = make_desk(agent, tmp_path / "data", hold_s=60)
    items = [agent.ask(f"t{number}") for number in range(500)]
    desk.queue.sync("agent", items, datetime.now(UTC))
    for item in items:
        desk.log.decide(desk._new_decision(item, APPROVE, 60.0), item)
    deliverer = desk._stations["agent"].deliverer
    asked: list[str] = []
    real = deliverer.connector.lane

    def counted(item: Item) -> str:
        asked.append(item.key)
        return real(item)

    deliverer.connector.lane = counted  # type: ignore[method-assign]
    running = asyncio.create_task(deliverer.run())
    await until(lambda: len(asked) >= 500)
    for record in desk.log.open_records("agent")[:100]:
        desk.undo(record.decision.id)
    await until(lambda: all(record.decision.id not in deliverer._lanes for record in desk.recent(500)[400:]))
    assert len(asked) == 500
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await desk.stop()


async def test_a_fault_in_a_lane_is_told_and_it_goes_on_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("triage.desk.lanes.AFTER_FAULT_S", 0.01)
    done: list[str] = []
    faults: list[tuple[str, type[BaseException]]] = []

    async def work(id: str) -> None:
        if not faults:
            raise ZeroDivisionError
        done.append(id)

    lanes = Lanes(work, lambda id, error: faults.append((id, type(error))))
    lanes.put("one", "a")
    lanes.put("one", "b")
    await until(lambda: done == ["a", "b"])
    assert faults == [("a", ZeroDivisionError)]
    assert "a" not in lanes
    await lanes.stop()
