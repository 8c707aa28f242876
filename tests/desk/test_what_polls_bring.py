"""What a poll brings beside new and changed items."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.desk.conftest import MakeDesk, until
from tests.desk.scripted import Agent
from triage.connectors.base import Poll
from triage.connectors.http import Interrupted
from triage.desk import desk as desk_module
from triage.desk.desk import Change, Desk
from triage.model.endpoint import HealthState
from triage.model.item import Action
from triage.store.queue import Queue


def health_of(desk: Desk) -> tuple[HealthState, str] | None:
    found = desk.queue.health("agent")
    return None if found is None else (found.state, found.detail)


async def test_an_item_that_cannot_be_stored_is_said_and_the_others_are_shown(
    desks: MakeDesk, agent: Agent
) -> None:
    deep: Any = 1
    for _ in range(500):
        deep = [deep]
    agent.ask("deep", actions=(Action("refund", deep),))
    fine = agent.ask("fine")
    desk = desks()
    await desk.start()
    await until(lambda: [entry.item for entry in desk.waiting()] == [fine])
    await until(
        lambda: (
            health_of(desk)
            == (
                HealthState.DEGRADED,
                "'Refund deep' cannot be kept here: it is nested more than 400 levels deep and cannot be stored",
            )
        )
    )


async def test_another_warning_on_the_same_question_is_told(desks: MakeDesk, agent: Agent) -> None:
    item = agent.ask("a")
    desk = desks()
    await desk.start()
    await until(desk.waiting)
    seen: list[Change] = []
    desk.subscribe(seen.append)
    warned = agent.ask("a", created_at=item.created_at, warnings={"approve": "it also closes the account"})
    await until(lambda: desk.entry(item.id).item == warned)  # type: ignore[union-attr]
    await until(lambda: any(item.id in change.items for change in seen))


class Syncs:
    """Counts how often a queue takes a list in."""

    def __init__(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        self._queue = desk.queue
        self._real = desk.queue.sync_in_steps
        monkeypatch.setattr(desk.queue, "sync_in_steps", self._counted)

    def _counted(self, *given: Any) -> Any:
        self.count += 1
        return self._real(*given)


async def polled_again(agent: Agent) -> None:
    """Return when two more polls began, so that one was surely taken in."""
    polls = agent.polls
    await until(lambda: agent.polls >= polls + 2)


async def test_a_list_that_did_not_change_is_taken_in_once(
    desks: MakeDesk, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent.same_list = Poll((agent.ask("a"),))
    desk = desks()
    syncs = Syncs(desk, monkeypatch)
    await desk.start()
    await until(desk.waiting)
    await polled_again(agent)
    await polled_again(agent)
    assert syncs.count == 1


async def test_an_endpoint_whose_list_did_not_change_while_it_failed_is_well_again(
    desks: MakeDesk, agent: Agent
) -> None:
    agent.same_list = Poll((agent.ask("a"),))
    desk = desks()
    await desk.start()
    await until(lambda: health_of(desk) == (HealthState.OK, ""))
    agent.poll_error = Interrupted("slow")
    await until(lambda: health_of(desk) == (HealthState.FAILING, "slow"))
    agent.poll_error = None
    await until(lambda: health_of(desk) == (HealthState.OK, ""))


async def test_what_another_process_took_out_of_the_queue_is_put_back_from_the_same_list(
    desks: MakeDesk, agent: Agent
) -> None:
    item = agent.ask("a")
    agent.same_list = Poll((item,))
    desk = desks()
    await desk.start()
    await until(desk.waiting)
    await polled_again(agent)
    other = Queue(desk.data)
    other.forget([item.id])
    assert item.id not in other
    await until(lambda: other.refresh() and item.id in other)
    other.close()


async def test_keys_are_answered_while_a_long_list_is_taken_in(desks: MakeDesk, agent: Agent) -> None:
    for number in range(1500):
        agent.ask(f"{number}")
    desk = desks()
    await desk.start()
    sizes = set()

    async def look() -> None:
        while len(desk.queue) < 1500:
            sizes.add(len(desk.queue))
            await asyncio.sleep(0)

    await asyncio.wait_for(look(), 20)
    assert len(sizes - {0}) >= 3  # others had their turn between the steps


async def test_what_a_poll_brings_is_told_without_waiting_for_the_next_look_at_the_files(
    desks: MakeDesk, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk_module, "WATCH_S", 60.0)
    desk = desks()
    told: list[Change] = []
    desk.subscribe(told.append)
    await desk.start()
    await until(lambda: agent.polls)
    item = agent.ask("a")
    await until(lambda: any(item.id in change.items for change in told))
