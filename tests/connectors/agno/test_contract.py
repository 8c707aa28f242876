"""The contract of every connector, against a real AgentOS."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.connectors.agno.till import Till
from tests.connectors.kit.contract import ConnectorContract, Subject
from tests.connectors.kit.deliver import connected
from tests.connectors.kit.faults import Fault, Line
from triage.connectors import agno
from triage.connectors.agno import Agno
from triage.model.decision import Verdict
from triage.model.item import Item, Verb

ANSWER = {"guest": "ann", "nights": 2}


def decides(request: httpx.Request) -> bool:
    return request.method == "POST" and request.url.path.endswith("/resolve")


class TillSubject(Subject):
    def __init__(self, connector: Agno, line: Line, till: Till) -> None:
        super().__init__(connector, line)
        self.till = till
        self.asked = 0

    async def ask(self, verb: Verb) -> str:
        self.asked += 1
        order = f"order {self.asked}"
        call = ("book", {"room": order}) if verb is Verb.RESPOND else ("pay", {"order": order, "amount": 5})
        (row,) = await self.till.ask([call])
        return str(row["id"])

    def name(self, item: Item) -> str:
        return item.key

    async def effects(self, name: str) -> int:
        """Decided once at the most; what its call did would show if it was run more often."""
        row = await self.till.row(name)
        order = row["tool_args"].get("order") or row["tool_args"].get("room")
        runs = [call for call in self.till.did if order in call[1].values()]
        if row["status"] == "rejected":
            assert not runs
        return max(len(runs), int(row["status"] != "pending"))

    async def change(self, name: str) -> None:
        row = await self.till.row(name)
        row["requirements"][0]["tool_execution"]["tool_args"]["amount"] = 5000
        requirements = json.dumps(row["requirements"])
        self.till.write("update approvals set requirements = ? where id = ?", (requirements, name))

    def verdict(self, item: Item, verb: Verb) -> Verdict:
        return Verdict(verb, answer=ANSWER) if verb is Verb.RESPOND else super().verdict(item, verb)

    def proves(self, verb: Verb) -> bool:
        return self.line.fault is not Fault.SLOW  # then nobody is left to carry the run on

    def rows(self, body: Any) -> list[Any] | None:
        found = body.get("data") if isinstance(body, dict) else None
        return found if isinstance(found, list) else None

    def rename(self, row: Any, name: str) -> None:
        row["id"] = name


class TestContract(ConnectorContract):
    verbs = (Verb.APPROVE, Verb.REJECT, Verb.RESPOND)

    @pytest.fixture
    async def subject(self, till: Till, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Subject]:
        monkeypatch.setattr(agno, "PAGE", 12)
        line = Line(decides, httpx.ASGITransport(till.app))
        async with connected(Agno, till.url, line) as connector:
            yield TillSubject(connector, line, till)


del ConnectorContract
