"""A server that acts as opencode's does, and the connector to it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.connectors.kit.deliver import connected
from tests.connectors.kit.faults import Line
from tests.connectors.opencode.serving import OpencodeServer
from triage.connectors.opencode import Opencode
from triage.model.item import Item


def answers(request: httpx.Request) -> bool:
    return request.method == "POST"


@pytest.fixture
async def server() -> AsyncIterator[OpencodeServer]:
    async with OpencodeServer() as running:
        yield running


@pytest.fixture
def line() -> Line:
    return Line(answers)


@pytest.fixture
async def connector(server: OpencodeServer, line: Line) -> AsyncIterator[Opencode]:
    async with connected(Opencode, server.url, line) as made:
        yield made


async def polled(connector: Opencode, request_id: str) -> Item:
    """The item of a request, as polled."""
    poll = await connector.poll()
    return next(item for item in poll.items if item.locator["request_id"] == request_id)
