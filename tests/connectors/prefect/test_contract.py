"""The connector keeps the contract of every connector, before a server that acts as Prefect does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import httpx
import pytest

from tests.connectors.kit.contract import HOSTILE_IDS, ConnectorContract, Subject
from tests.connectors.kit.deliver import connected
from tests.connectors.kit.faults import Line
from tests.connectors.prefect.fake import DECIDE, FakePrefect
from triage.connectors.prefect import Prefect
from triage.model.decision import Verdict
from triage.model.item import Item, Verb


def decides(request: httpx.Request) -> bool:
    return request.url.path.endswith(("/resume", "/set_state"))


class PrefectSubject(Subject):
    form: dict[str, Any] | None = DECIDE

    def __init__(self, connector: Prefect, line: Line, server: FakePrefect) -> None:
        super().__init__(connector, line)
        self.server = server

    async def ask(self, verb: Verb) -> str:
        return self.server.pause(self.form, "Ship **order 7**?", order="order 7")

    def name(self, item: Item) -> str:
        run_id: str = item.locator["run_id"]
        return run_id

    async def effects(self, name: str) -> int:
        return len(self.server.answers[name])

    async def change(self, name: str) -> None:
        self.server.enter(name, "RUNNING")
        self.server.ask(name, self.form, "Ship **order 8**?")

    def verdict(self, item: Item, verb: Verb) -> Verdict:
        if verb is Verb.RESPOND:
            return Verdict(verb, answer={"decision": "reject", "quantity": 3, "note": "too many"})
        return super().verdict(item, verb)

    def rows(self, body: Any) -> list[Any] | None:
        is_listing = isinstance(body, list) and body and isinstance(body[0], dict) and "state_type" in body[0]
        return body if is_listing else None

    def rename(self, row: Any, name: str) -> None:
        """Only UUIDs name runs: what is spoilt elsewhere keeps one."""
        row["id"] = name if name in HOSTILE_IDS else str(uuid5(NAMESPACE_URL, name))


class PlainSubject(PrefectSubject):
    form = None

    def proves(self, verb: Verb) -> bool:
        return verb is Verb.CLOSE


class TestForm(ConnectorContract):
    verbs = (Verb.APPROVE, Verb.EDIT, Verb.REJECT, Verb.RESPOND, Verb.CLOSE)

    @pytest.fixture
    async def subject(self) -> AsyncIterator[Subject]:
        line = Line(decides)
        async with FakePrefect() as server, connected(Prefect, server.url, line) as connector:
            yield PrefectSubject(connector, line, server)


class TestPlainPause(ConnectorContract):
    verbs = (Verb.APPROVE, Verb.CLOSE)

    @pytest.fixture
    async def subject(self) -> AsyncIterator[Subject]:
        line = Line(decides)
        async with FakePrefect() as server, connected(Prefect, server.url, line) as connector:
            yield PlainSubject(connector, line, server)
