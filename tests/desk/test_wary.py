"""A fault in a connector ends neither its endpoint's polling nor its deliveries, and decides nothing."""

from __future__ import annotations

import pytest

from tests.desk.conftest import MakeDesk, until
from tests.desk.scripted import Agent, ScriptedConnector
from triage.desk.desk import Refused
from triage.model.decision import DeliveryState, Verdict
from triage.model.endpoint import HealthState
from triage.model.item import Verb

APPROVE = (Verdict(Verb.APPROVE),)


def _fails(*_: object) -> None:
    raise KeyError("no such row")


async def _fails_later(*_: object) -> None:
    raise KeyError("no such row")


async def test_a_fault_while_polling_is_said_and_polling_goes_on(
    desks: MakeDesk, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = agent.ask("a")
    with monkeypatch.context() as patch:
        patch.setattr(ScriptedConnector, "poll", _fails_later)
        desk = desks()
        await desk.start()
        await until(lambda: desk.health()[0].state is HealthState.FAILING)
        assert "a fault in triage itself" in desk.health()[0].detail
        assert "KeyError" in desk.health()[0].detail
    await desk.refresh()
    assert desk.health()[0].state is HealthState.OK
    assert desk.entry(item.id) is not None


async def test_a_fault_while_reading_again_keeps_the_decision_held(
    desks: MakeDesk, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = agent.ask("a")
    desk = desks()
    await desk.start()
    await until(desk.waiting)
    with monkeypatch.context() as patch:
        patch.setattr(ScriptedConnector, "reread", _fails_later)
        record = desk.decide(item.id, item.revision, APPROVE)
        await until(lambda: "trying again" in desk.wait_reason(record.decision.id))
        assert agent.sends == 0
    assert (await desk.wait(record.decision.id, 10)).state is DeliveryState.CONFIRMED


async def test_a_fault_in_the_preflight_decides_nothing(
    desks: MakeDesk, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = agent.ask("a")
    desk = desks()
    await desk.start()
    await until(desk.waiting)
    monkeypatch.setattr(ScriptedConnector, "check", _fails)
    with pytest.raises(Refused, match="a fault in triage itself"):
        desk.decide(item.id, item.revision, APPROVE)
    assert desk.record(item.id) is None


async def test_a_lane_that_cannot_be_told_holds_up_no_delivery(
    desks: MakeDesk, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ScriptedConnector, "lane", _fails)
    items = [agent.ask(key) for key in "abc"]
    desk = desks()
    await desk.start()
    await until(lambda: len(desk.waiting()) == len(items))
    records = [desk.decide(item.id, item.revision, APPROVE) for item in items]
    for record in records:
        assert (await desk.wait(record.decision.id, 10)).state is DeliveryState.CONFIRMED
