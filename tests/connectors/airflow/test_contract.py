"""The connector keeps the contract of every connector, before a server that acts as Airflow does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.connectors.airflow.fake import FakeAirflow, param
from tests.connectors.kit.contract import ConnectorContract, Subject
from tests.connectors.kit.deliver import connected
from tests.connectors.kit.faults import Line
from triage.connectors.airflow import Airflow
from triage.model.decision import Verdict
from triage.model.item import Item, Verb

NOTE = {"note": param("", "Why", type="string")}


def decides(request: httpx.Request) -> bool:
    return request.method == "PATCH"


class AirflowSubject(Subject):
    many = 230

    def __init__(self, connector: Airflow, line: Line, server: FakeAirflow) -> None:
        super().__init__(connector, line)
        self.server = server

    async def ask(self, verb: Verb) -> str:
        return self.server.ask("Ship order 7?", params=NOTE)

    def name(self, item: Item) -> str:
        run: str = item.locator["dag_run_id"]
        return run

    async def effects(self, name: str) -> int:
        return len(self.server.answers[name])

    async def change(self, name: str) -> None:
        self.server.clear(name)

    def rows(self, body: Any) -> list[Any] | None:
        return body.get("hitl_details") if isinstance(body, dict) else None

    def rename(self, row: Any, name: str) -> None:
        row["task_instance"]["dag_run_id"] = name


class FormSubject(AirflowSubject):
    """A form with one option, filled in by editing or by answering."""

    async def ask(self, verb: Verb) -> str:
        number = param(100, type="integer", minimum=0, maximum=1000)
        return self.server.ask("Budget?", options=["OK"], params={"budget": number, **NOTE})

    def verdict(self, item: Item, verb: Verb) -> Verdict:
        if verb is Verb.RESPOND:
            return Verdict(verb, answer={"budget": 250, "note": ""})
        return super().verdict(item, verb)


class ChoiceSubject(AirflowSubject):
    """One or more of several options."""

    async def ask(self, verb: Verb) -> str:
        return self.server.ask("Which?", options=["mail", "blog", "none"], multiple=True)

    def verdict(self, item: Item, verb: Verb) -> Verdict:
        return Verdict(verb, answer=["mail", "blog"])


class TestApproval(ConnectorContract):
    verbs = (Verb.APPROVE, Verb.EDIT, Verb.REJECT, Verb.CLOSE)

    @pytest.fixture
    async def subject(self) -> AsyncIterator[Subject]:
        line = Line(decides)
        async with FakeAirflow() as server, connected(Airflow, server.url, line) as connector:
            yield AirflowSubject(connector, line, server)


class TestForm(ConnectorContract):
    verbs = (Verb.APPROVE, Verb.EDIT, Verb.RESPOND)

    @pytest.fixture
    async def subject(self) -> AsyncIterator[Subject]:
        line = Line(decides)
        async with FakeAirflow() as server, connected(Airflow, server.url, line) as connector:
            yield FormSubject(connector, line, server)


class TestChoice(ConnectorContract):
    verbs = (Verb.RESPOND,)

    @pytest.fixture
    async def subject(self) -> AsyncIterator[Subject]:
        line = Line(decides)
        async with FakeAirflow() as server, connected(Airflow, server.url, line) as connector:
            yield ChoiceSubject(connector, line, server)


class TestLoggedIn(ConnectorContract):
    """With a user name and password: tokens are got and carried, and nothing else differs."""

    verbs = (Verb.APPROVE, Verb.CLOSE)

    @pytest.fixture
    async def subject(self, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Subject]:
        monkeypatch.setenv("AIRFLOW_PASSWORD", "secret")
        line = Line(decides)
        settings: dict[str, Any] = {"user": "admin", "token_env": "AIRFLOW_PASSWORD"}
        async with FakeAirflow() as server, connected(Airflow, server.url, line, **settings) as connector:
            server.password = "secret"
            yield AirflowSubject(connector, line, server)
