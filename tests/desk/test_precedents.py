"""How the like of an item was decided before: nearest first, the very same counted, circles named."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.desk.conftest import MakeDesk
from tests.desk.scripted import Agent, make_item
from triage.desk.precedents import Precedents, precedents_among
from triage.model.decision import Decision, DeliveryState, Verdict
from triage.model.item import Action, Item, Verb
from triage.model.likeness import likeness, proposal_of
from triage.store.log import Record

NOW = datetime(2030, 5, 1, 12, tzinfo=UTC)


def refund(key: str, amount: object = 12, order: str = "A-1", **more: Any) -> Item:
    return make_item(key, actions=(Action("refund", {"order": order, "amount": amount}),), **more)


def decided(
    item: Item,
    verb: Verb = Verb.APPROVE,
    *,
    seq: int = 1,
    minutes_ago: float = 600,
    state: DeliveryState = DeliveryState.CONFIRMED,
) -> Record:
    at = NOW - timedelta(minutes=minutes_ago)
    decision = Decision(f"d{seq}", item.id, item.endpoint, item.revision, (Verdict(verb),), "ann", at)
    return Record(decision, item, state, seq, at)


def test_likeness_is_one_for_the_same_and_falls_with_every_difference() -> None:
    same, near, far = refund("a"), refund("b", 13), refund("c", 4000, "Z-99")
    assert likeness(refund("x"), same) == 1.0
    assert 1.0 > likeness(refund("x"), near) > likeness(refund("x"), far)
    assert likeness(refund("x", 1), refund("y", "1")) < 1.0
    assert likeness(refund("x", True), refund("y", 1)) < 1.0


def test_deep_and_wide_arguments_are_compared_in_bounded_time() -> None:
    deep: Any = 1
    for _ in range(3000):
        deep = [deep]
    wide = {str(number): number for number in range(50_000)}
    for arguments in (deep, wide):
        item = make_item("a", actions=(Action("x", arguments),))
        assert likeness(item, item) == 1.0


def test_questions_are_told_apart_by_their_agent() -> None:
    assert proposal_of(refund("a")) == "refund"
    assert proposal_of(make_item("q", actions=(), agent="bot")) == "? bot"


def test_the_nearest_come_first_and_of_equals_the_newest() -> None:
    records = [
        decided(refund("a", 500), seq=1),
        decided(refund("b", 12), Verb.REJECT, seq=2),
        decided(refund("c", 12), seq=3),
        decided(refund("d", 13), seq=4),
    ]
    found = precedents_among(refund("x", 12), records, NOW)
    assert [one.record.seq for one in found.nearest] == [3, 2, 4, 1]


def test_the_very_same_is_counted_in_words() -> None:
    records = [decided(refund(str(n)), Verb.REJECT, seq=n) for n in range(3)]
    records += [decided(refund("y"), seq=7), decided(refund("z", 99), seq=8)]
    found = precedents_among(refund("x"), records, NOW)
    assert found.asked_before == "rejected 3 times, approved once"
    assert found.loop == "", "hours ago is no circle"


def test_what_was_taken_back_is_no_precedent() -> None:
    records = [decided(refund("a"), state=DeliveryState.WITHDRAWN), decided(refund("x"), seq=2)]
    assert precedents_among(refund("x"), records, NOW) == Precedents()


def test_a_circle_is_named() -> None:
    records = [decided(refund(str(n)), Verb.REJECT, seq=9 - n, minutes_ago=2 * n + 1) for n in range(3)]
    assert precedents_among(refund("x"), records, NOW).loop == "the same was proposed 4 times within 5 min"


async def test_the_desk_looks_at_the_same_sort_at_the_same_endpoint(desks: MakeDesk, agent: Agent) -> None:
    desk = desks()
    items = [refund("a"), refund("b", 14), make_item("c", actions=(Action("drop", {"order": "A-1"}),))]
    desk.queue.sync("agent", items, datetime.now(UTC))
    for item in items:
        desk.decide(item.id, item.revision, [Verdict(Verb.REJECT, reason="no")])
    desk.log.advance(desk.log.open_records()[0].decision.id, DeliveryState.SENDING, expect=DeliveryState.HELD)
    found = desk.precedents(refund("x"))
    assert [one.record.item.key for one in found.nearest if one.record.item] == ["a", "b"]
    again = desks()
    assert again.precedents(refund("x")) == found, "another process reads the same from the log"
