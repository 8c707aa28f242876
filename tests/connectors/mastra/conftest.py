"""A server that acts as Mastra's does, and the connector to it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.connectors.kit.deliver import connected
from tests.connectors.kit.faults import Line
from tests.connectors.mastra.serving import MastraServer
from triage.connectors.mastra import Mastra
from triage.model.item import Item


def answers(request: httpx.Request) -> bool:
    return request.method == "POST"


@pytest.fixture
async def server() -> AsyncIterator[MastraServer]:
    async with MastraServer() as running:
        yield running


@pytest.fixture
def line() -> Line:
    return Line(answers)


@pytest.fixture
async def connector(server: MastraServer, line: Line) -> AsyncIterator[Mastra]:
    async with connected(Mastra, server.url, line) as made:
        yield made


async def polled(connector: Mastra, name: str) -> Item:
    """The item of a workflow's run or of an agent's tool call, as polled."""
    poll = await connector.poll()
    assert not poll.problems
    named = (item.locator.get("tool_call_id", item.locator["run_id"]) for item in poll.items)
    return next(item for item, own in zip(poll.items, named, strict=True) if own == name)
