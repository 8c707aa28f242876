"""The connector keeps the contract, whatever breaks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.connectors.kit.contract import ConnectorContract, Subject
from tests.connectors.kit.deliver import connected
from tests.connectors.kit.faults import Line
from tests.connectors.openhands.conftest import answers
from tests.connectors.openhands.serving import AgentServer
from triage.connectors.openhands import OpenHands
from triage.model.decision import Verdict
from triage.model.item import Item, Verb


class OpenHandsSubject(Subject):
    def __init__(self, connector: OpenHands, line: Line, server: AgentServer) -> None:
        super().__init__(connector, line)
        self.server = server
        server.page = 10

    async def ask(self, verb: Verb) -> str:
        return self.server.talk(["touch a1"]).id

    def name(self, item: Item) -> str:
        return str(item.locator["conversation_id"])

    async def effects(self, name: str) -> int:
        talk = self.server.talks[name]
        return len(talk.of("ObservationEvent")) + len(talk.of("UserRejectObservation"))

    async def change(self, name: str) -> None:
        talk = self.server.talks[name]
        talk.turns.append(["rm -r /"])
        talk.run()

    def verdict(self, item: Item, verb: Verb) -> Verdict:
        return Verdict(verb, reason="Use b2 instead." if verb is Verb.REJECT else None)

    def proves(self, verb: Verb) -> bool:
        return verb is Verb.REJECT

    def rows(self, body: Any) -> list[Any] | None:
        rows = body.get("items") if isinstance(body, dict) else None
        return rows if rows and "execution_status" in rows[0] else None

    def rename(self, row: Any, name: str) -> None:
        row["id"] = name


class TestOpenHands(ConnectorContract):
    verbs = (Verb.APPROVE, Verb.REJECT)

    @pytest.fixture
    async def subject(self) -> AsyncIterator[Subject]:
        line = Line(answers)
        async with AgentServer() as server, connected(OpenHands, server.url, line) as connector:
            yield OpenHandsSubject(connector, line, server)
