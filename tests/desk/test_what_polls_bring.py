"""What a poll brings beside new and changed items."""

from __future__ import annotations

from typing import Any

from tests.desk.conftest import MakeDesk, until
from tests.desk.scripted import Agent
from triage.desk.desk import Change, Desk
from triage.model.endpoint import HealthState
from triage.model.item import Action


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
