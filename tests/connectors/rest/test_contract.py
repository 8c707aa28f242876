"""The connector keeps what every connector must, before an agent of the demo that serves the contract."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.connectors.kit.contract import ConnectorContract, Subject
from tests.connectors.kit.deliver import connected, decide
from tests.connectors.kit.faults import Line
from triage.connectors.http import Declined
from triage.connectors.rest import Rest
from triage.demo.agent import Agent
from triage.demo.proposal import Proposal, World, action
from triage.demo.serving import Server
from triage.model.decision import Verdict
from triage.model.item import Item, ItemKind, Verb

APPROVAL = Proposal(
    title="May I pay?",
    description="The invoice is due today.",
    actions=[action("pay", {"type": "object"}, euros=7, note="")],
    verbs=("approve", "edit", "reject", "ignore", "close"),
)
QUESTION = Proposal(title="Which colour?", kind="question", verbs=("respond",))


def pay(world: World, arguments: Any) -> str:
    world["paid"] = world.get("paid", 0) + 1
    return f"Paid {arguments['euros']} euros."


class AgentSubject(Subject):
    def __init__(self, connector: Rest, line: Line, agent: Agent) -> None:
        super().__init__(connector, line)
        self.agent = agent

    async def ask(self, verb: Verb) -> str:
        return self.agent.ask(QUESTION if verb is Verb.RESPOND else APPROVAL).id

    def name(self, item: Item) -> str:
        return item.key

    async def effects(self, name: str) -> int:
        return sum(effect["item"] == name for effect in self.agent.effects)

    async def change(self, name: str) -> None:
        self.agent.change(name, title="May I pay twice?")

    def rows(self, body: Any) -> list[Any] | None:
        return body.get("items") if isinstance(body, dict) else None

    def rename(self, row: Any, name: str) -> None:
        row["id"] = name


def decides(request: httpx.Request) -> bool:
    return request.method == "POST"


class TestContract(ConnectorContract):
    verbs = (Verb.APPROVE, Verb.EDIT, Verb.REJECT, Verb.RESPOND, Verb.IGNORE, Verb.CLOSE)

    @pytest.fixture
    async def subject(self) -> AsyncIterator[Subject]:
        agent = Agent("kit", [], {"pay": pay}, {}, seed=3)
        server, line = Server(agent.serve), Line(decides)
        await server.start()
        try:
            url = f"http://127.0.0.1:{server.port}/kit"
            async with connected(Rest, url, line, page_size=12) as connector:
                yield AgentSubject(connector, line, agent)
        finally:
            await agent.stop()
            await server.stop()


async def test_a_409_that_shows_no_decision_is_not_taken_for_a_no() -> None:
    """It may be our own decision that stands: the item is asked."""
    item = Item("test", "a", ItemKind.APPROVAL, "?", (Verb.APPROVE,), locator={"version": "1"})
    async with connected(Rest, "http://127.0.0.1", httpx.MockTransport(_conflict)) as connector:
        with pytest.raises(Declined, match="409"):
            await connector.send(item, decide(item, Verdict(Verb.APPROVE)))


async def _conflict(request: httpx.Request) -> httpx.Response:
    return httpx.Response(409, json={"detail": "decided already"})
