"""The connector keeps the contract, whatever breaks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.connectors.kit.contract import ConnectorContract, Subject
from tests.connectors.kit.deliver import connected
from tests.connectors.kit.faults import Line
from tests.connectors.opencode.conftest import answers
from tests.connectors.opencode.serving import HOME, OpencodeServer
from triage.connectors.opencode import Opencode
from triage.model.decision import Verdict
from triage.model.item import Item, Verb


class OpencodeSubject(Subject):
    def __init__(self, connector: Opencode, line: Line, server: OpencodeServer) -> None:
        super().__init__(connector, line)
        self.server = server

    async def ask(self, verb: Verb) -> str:
        where = HOME if len(self.server.sessions) % 2 else "/srv/other project"
        session_id = self.server.session(where)
        if verb in (Verb.RESPOND, Verb.IGNORE):
            return self.server.ask_question(session_id)
        return self.server.ask_permission(session_id)

    def name(self, item: Item) -> str:
        return str(item.locator["request_id"])

    async def effects(self, name: str) -> int:
        return len(self.server.answers[name])

    async def change(self, name: str) -> None:
        self.server.waiting[name]["metadata"] = {"command": "rm -r /"}

    def verdict(self, item: Item, verb: Verb) -> Verdict:
        if verb is Verb.REJECT:
            return Verdict(verb, reason="Use b2 instead.")
        return super().verdict(item, verb)

    def proves(self, verb: Verb) -> bool:
        return verb in (Verb.REJECT, Verb.RESPOND)

    def rows(self, body: Any) -> list[Any] | None:
        return body if isinstance(body, list) and body and "sessionID" in body[0] else None

    def rename(self, row: Any, name: str) -> None:
        row["id"] = name


class TestOpencode(ConnectorContract):
    verbs = (Verb.APPROVE, Verb.REJECT, Verb.RESPOND, Verb.IGNORE)

    @pytest.fixture
    async def subject(self) -> AsyncIterator[Subject]:
        line = Line(answers)
        async with OpencodeServer() as server, connected(Opencode, server.url, line) as connector:
            yield OpencodeSubject(connector, line, server)


class HostileSessions(OpencodeSubject):
    def rename(self, row: Any, name: str) -> None:
        row["sessionID"] = name
        row["tool"] = {"messageID": name, "callID": name}


@pytest.mark.parametrize("hostile", ["../../admin", "..", "x?admin=1#admin", ""], ids=ascii)
async def test_hostile_session_and_message_ids_reach_no_other_path(hostile: str) -> None:
    line = Line(answers)
    async with OpencodeServer() as server, connected(Opencode, server.url, line) as connector:
        subject = HostileSessions(connector, line, server)
        await ConnectorContract().test_hostile_ids_reach_no_other_path(subject, hostile)
