"""A running Agent Server, and the connector to it."""

from __future__ import annotations

import re
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import httpx
import pytest
import pytest_asyncio

from tests.connectors.kit.deliver import connected
from tests.connectors.kit.faults import Line
from tests.connectors.langgraph.agent_server import Agents, Stock, agent_server
from tests.connectors.langgraph.at_once import Scenario, Started, running_together
from triage.connectors.langgraph import LangGraph
from triage.model.item import Item

_LIMITS = httpx.Limits(keepalive_expiry=1.0)
"""Connections are given up well before the server does so, however busy the machine."""
_ACTS = re.compile(r"/threads/[^/]*/(runs|state)")


def acts(request: httpx.Request) -> bool:
    """Whether a request carries a decision: a new run, or a change of a state."""
    return request.method == "POST" and _ACTS.fullmatch(request.url.path) is not None


class Running(NamedTuple):
    """One server for all tests of a session."""

    url: str
    stock: Stock


class Bench(NamedTuple):
    """A connector to the server that sees what ``agents`` asks, and nothing else."""

    connector: LangGraph
    line: Line
    agents: Agents

    async def items(self, thread_id: str) -> list[Item]:
        """The items of a thread, as polled."""
        poll = await self.connector.poll()
        assert not poll.problems
        return [item for item in poll.items if item.locator["thread_id"] == thread_id]

    async def item(self, thread_id: str) -> Item:
        (found,) = await self.items(thread_id)
        return found


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with agent_server(tmp_path_factory.mktemp("agent-server")) as url:
        yield Running(url, Stock())


@asynccontextmanager
async def bench_at(running: Running) -> AsyncIterator[Bench]:
    """A bench of its own for one test."""
    mark = uuid.uuid4().hex
    line = Line(acts, httpx.AsyncHTTPTransport(verify=False, limits=_LIMITS))
    transport = httpx.AsyncHTTPTransport(verify=False, limits=_LIMITS)
    async with (
        httpx.AsyncClient(base_url=running.url, timeout=30, transport=transport) as client,
        connected(LangGraph, running.url, line, metadata={"mark": mark}) as connector,
    ):
        yield Bench(connector, line, Agents(client, running.stock, mark))


@pytest.fixture
async def bench(running: Running) -> AsyncIterator[Bench]:
    async with bench_at(running) as one:
        yield one


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def started(request: pytest.FixtureRequest, running: Running) -> AsyncIterator[Started]:
    """The module's tests that are run at once, under way."""

    async def run(scenario: Scenario, **given: Any) -> None:
        async with bench_at(running) as bench:
            await scenario(bench, **given)

    async for tasks in running_together(request.module, request.session.items, run):
        yield tasks
