"""A running demo and connectors to its agents."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from triage.connectors.base import Connector
from triage.connectors.http import Clients, Wire
from triage.connectors.rest import Rest, RestConfig
from triage.demo import Demo, running
from triage.model.decision import Decision, DeliveryState, Outcome, Receipt, Verdict, new_decision_id
from triage.model.item import Item

Connect = Callable[[str], Rest]


@pytest.fixture
async def demo() -> AsyncIterator[Demo]:
    async with running(seed=7, pace=0) as running_demo:
        yield running_demo


@pytest.fixture
async def clients() -> AsyncIterator[Clients]:
    opened = Clients()
    yield opened
    await opened.aclose()


@pytest.fixture
def connect(demo: Demo, clients: Clients) -> Connect:
    """Makes the connector to one of the demo's agents."""

    def make(agent: str) -> Rest:
        return connector(demo.endpoints[agent]["url"], clients, agent)

    return make


def connector(url: str, clients: Clients, name: str = "agent", **settings: Any) -> Rest:
    config = RestConfig(name=name, kind="rest", url=url, **settings)
    return Rest(config, Wire(clients.client(), url))


def decide(item: Item, *verdicts: Verdict, operator: str = "kim") -> Decision:
    return Decision(
        id=new_decision_id(),
        item_id=item.id,
        endpoint=item.endpoint,
        revision=item.revision,
        verdicts=verdicts,
        operator=operator,
        at=datetime.now(UTC),
    )


async def settled(
    at: Connector, item: Item, decision: Decision, receipt: Receipt | None, tries: int = 400
) -> Outcome:
    """Settle until the agent is done acting."""
    for _ in range(tries):
        outcome = await at.settle(item, decision, receipt)
        if outcome.state is not DeliveryState.SENT:
            return outcome
        await asyncio.sleep(0.01)
    raise AssertionError("still at work")
