"""A server that acts as OpenHands' agent-server does, and the connector to it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.connectors.kit.deliver import connected
from tests.connectors.kit.faults import Line
from tests.connectors.openhands.serving import AgentServer, Talk
from triage.connectors.openhands import OpenHands
from triage.model.item import Item


def answers(request: httpx.Request) -> bool:
    return request.url.path.endswith("/respond_to_confirmation")


@pytest.fixture
async def server() -> AsyncIterator[AgentServer]:
    async with AgentServer() as running:
        yield running


@pytest.fixture
def line() -> Line:
    return Line(answers)


@pytest.fixture
async def connector(server: AgentServer, line: Line) -> AsyncIterator[OpenHands]:
    async with connected(OpenHands, server.url, line) as made:
        yield made


async def polled(connector: OpenHands, talk: Talk) -> Item:
    """The item of a conversation, as polled."""
    poll = await connector.poll()
    return next(item for item in poll.items if item.locator["conversation_id"] == talk.id)
