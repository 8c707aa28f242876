"""The contract of every connector, against a2a-sdk's own server over each binding."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest

from tests.connectors.a2a.agent import Clerk
from tests.connectors.kit.contract import ConnectorContract, Subject
from tests.connectors.kit.deliver import connected
from tests.connectors.kit.faults import Line
from triage.connectors.a2a import A2A, settling
from triage.model.decision import Verdict
from triage.model.item import Item, Verb

URL = "http://clerk.test"
REST, JSONRPC = ("HTTP+JSON", "1.0", "/rest"), ("JSONRPC", "1.0", "")


def carries_a_decision(request: httpx.Request) -> bool:
    if request.method != "POST":
        return False
    if request.url.path.startswith("/rest"):
        return request.url.path.endswith((":send", ":cancel"))
    return msgspec.json.decode(request.content)["method"] in ("SendMessage", "CancelTask")


class ClerkSubject(Subject):
    many = 230

    def __init__(self, connector: A2A, line: Line, clerk: Clerk) -> None:
        super().__init__(connector, line)
        self.clerk = clerk

    async def ask(self, verb: Verb) -> str:
        return await self.clerk.ask("question" if verb is Verb.RESPOND else "refund ann")

    def name(self, item: Item) -> str:
        return str(item.locator["task_id"])

    async def effects(self, name: str) -> int:
        return len(self.clerk.told.get(name, []))

    async def change(self, name: str) -> None:
        await self.clerk.change(name, "May I pay twice?")

    def verdict(self, item: Item, verb: Verb) -> Verdict:
        if verb is Verb.EDIT:
            return Verdict(verb, arguments={"customer": "ann", "amount": 5})
        return super().verdict(item, verb)

    def proves(self, verb: Verb) -> bool:
        return verb is not Verb.CLOSE  # a cancelled task does not say whose cancel it was

    def rows(self, body: Any) -> list[Any] | None:
        listing = body.get("result", body) if isinstance(body, dict) else None
        found = listing.get("tasks") if isinstance(listing, dict) else None
        return found if isinstance(found, list) else None

    def rename(self, row: Any, name: str) -> None:
        row["id"] = name


class OverBinding(ConnectorContract):
    verbs = (Verb.APPROVE, Verb.EDIT, Verb.REJECT, Verb.RESPOND, Verb.CLOSE)
    interface = REST

    @pytest.fixture
    async def subject(self, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Subject]:
        monkeypatch.setattr(settling, "SECOND_LOOK_S", 0.02)
        clerk = Clerk(URL, [self.interface])
        line = Line(carries_a_decision, httpx.ASGITransport(clerk))
        async with connected(A2A, URL, line) as connector:
            yield ClerkSubject(connector, line, clerk)
        await clerk.handler.aclose()


class TestOverHttpJson(OverBinding):
    interface = REST


class TestOverJsonRpc(OverBinding):
    interface = JSONRPC


del OverBinding, ConnectorContract
