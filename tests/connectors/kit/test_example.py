"""The worked example keeps the contract, and connectors that do not are caught."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.connectors.kit.contract import ConnectorContract, Subject
from tests.connectors.kit.deliver import connected
from tests.connectors.kit.example import HelpDesk, HelpDeskConnector
from tests.connectors.kit.faults import Fault, Line
from triage.connectors.base import Poll
from triage.connectors.http import EndpointError
from triage.model.decision import Decision, DeliveryState, Outcome, Receipt
from triage.model.item import Item, Verb


def answers_a_ticket(request: httpx.Request) -> bool:
    return request.method == "POST"


class HelpDeskSubject(Subject):
    def __init__(self, connector: HelpDeskConnector, line: Line, desk: HelpDesk) -> None:
        super().__init__(connector, line)
        self.desk = desk

    async def ask(self, verb: Verb) -> str:
        return self.desk.open("May I answer?")

    def name(self, item: Item) -> str:
        return item.key

    async def effects(self, name: str) -> int:
        return len(self.desk.tickets[name]["answers"])

    async def change(self, name: str) -> None:
        self.desk.tickets[name]["question"] = "May I answer rudely?"

    def rows(self, body: Any) -> list[Any] | None:
        return body.get("tickets") if isinstance(body, dict) else None

    def rename(self, row: Any, name: str) -> None:
        row["id"] = name


class TestHelpDesk(ConnectorContract):
    verbs = (Verb.APPROVE, Verb.REJECT)

    @pytest.fixture
    async def subject(self) -> AsyncIterator[Subject]:
        line = Line(answers_a_ticket)
        async with HelpDesk() as desk, connected(HelpDeskConnector, desk.url, line) as connector:
            yield HelpDeskSubject(connector, line, desk)


class SendsTwice(HelpDeskConnector):
    async def send(self, item: Item, decision: Decision) -> Receipt:
        try:
            return await super().send(item, decision)
        except EndpointError:
            return await super().send(item, decision)


class Believes(HelpDeskConnector):
    async def settle(self, item: Item, decision: Decision, receipt: Receipt | None) -> Outcome:
        return Outcome(DeliveryState.CONFIRMED if receipt else DeliveryState.REFUSED)


class FirstPageOnly(HelpDeskConnector):
    async def poll(self) -> Poll:
        return Poll((await super().poll()).items[:10])


class EmptyWhenBroken(HelpDeskConnector):
    async def poll(self) -> Poll:
        try:
            return await super().poll()
        except EndpointError:
            return Poll(())


async def _whatever_breaks(subject: Subject, fault: Fault) -> None:
    await ConnectorContract().test_whatever_breaks_it_ends_as_it_was(subject, Verb.APPROVE, fault)


@pytest.mark.parametrize(
    ("kind", "run"),
    [
        (SendsTwice, lambda subject: _whatever_breaks(subject, Fault.DROPPED)),
        (Believes, lambda subject: _whatever_breaks(subject, Fault.SLOW)),
        (Believes, lambda subject: _whatever_breaks(subject, Fault.CUT)),
        (FirstPageOnly, lambda subject: ConnectorContract().test_lists_everything_that_waits(subject)),
        (
            EmptyWhenBroken,
            lambda subject: ConnectorContract().test_a_listing_that_fails_is_no_empty_queue(
                subject, (500, b"")
            ),
        ),
    ],
)
async def test_the_contract_catches(kind: type[HelpDeskConnector], run: Any) -> None:
    line = Line(answers_a_ticket)
    async with HelpDesk() as desk, connected(kind, desk.url, line) as connector:
        with pytest.raises((AssertionError, pytest.fail.Exception)):
            await run(HelpDeskSubject(connector, line, desk))
