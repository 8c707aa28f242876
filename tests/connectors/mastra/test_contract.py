"""The connector keeps the contract, whatever breaks: for workflows, and for agents' tool calls."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.connectors.kit.contract import ConnectorContract, Subject
from tests.connectors.kit.deliver import connected
from tests.connectors.kit.faults import Line
from tests.connectors.mastra.conftest import answers
from tests.connectors.mastra.serving import MastraServer
from triage.connectors.mastra import Mastra
from triage.model.decision import Verdict
from triage.model.item import Item, Verb

ASKS = {"requiresApproval": False, "toolName": "ask_person", "suspendPayload": {"question": "Which city?"}}


class MastraSubject(Subject):
    many = 130

    def __init__(self, connector: Mastra, line: Line, server: MastraServer) -> None:
        super().__init__(connector, line)
        self.server = server

    def rows(self, body: Any) -> list[Any] | None:
        rows = body.get("runs") if isinstance(body, dict) else None
        return rows if isinstance(rows, list) else None

    def rename(self, row: Any, name: str) -> None:
        row["runId"] = name


class Workflows(MastraSubject):
    async def ask(self, verb: Verb) -> str:
        return self.server.suspend()

    def name(self, item: Item) -> str:
        return str(item.locator["run_id"])

    async def effects(self, name: str) -> int:
        return self.server.resumed.count(name) + self.server.cancelled.count(name)

    async def change(self, name: str) -> None:
        step = self.server.runs[name]["steps"]["review"]
        step.update(suspendedAt=step["suspendedAt"] + 1, suspendPayload={"question": "Publish dogs?"})

    def verdict(self, item: Item, verb: Verb) -> Verdict:
        return Verdict(verb, answer={"approved": True}) if verb is Verb.RESPOND else Verdict(verb)

    def proves(self, verb: Verb) -> bool:
        return verb is Verb.RESPOND


class Agents(MastraSubject):
    async def ask(self, verb: Verb) -> str:
        return self.server.propose("sales team", *([ASKS] if verb is Verb.RESPOND else []))

    def name(self, item: Item) -> str:
        return str(item.locator["tool_call_id"])

    async def effects(self, name: str) -> int:
        return self.server.ran.count(name) + [call for call, _ in self.server.declined].count(name)

    async def change(self, name: str) -> None:
        run = self.server.run_of(name)
        run["calls"][0] = {**run["calls"][0], "args": {"to": "everybody@example.com"}}

    def proves(self, verb: Verb) -> bool:
        return False


class TestWorkflows(ConnectorContract):
    verbs = (Verb.RESPOND, Verb.CLOSE)

    @pytest.fixture
    async def subject(self) -> AsyncIterator[Subject]:
        line = Line(answers)
        async with MastraServer() as server, connected(Mastra, server.url, line) as connector:
            yield Workflows(connector, line, server)


class TestAgents(ConnectorContract):
    verbs = (Verb.APPROVE, Verb.REJECT, Verb.RESPOND)

    @pytest.fixture
    async def subject(self) -> AsyncIterator[Subject]:
        line = Line(answers)
        async with MastraServer() as server, connected(Mastra, server.url, line) as connector:
            yield Agents(connector, line, server)
