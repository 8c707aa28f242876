"""The demo's agents together: five of them at one port, asking at a believable pace."""

from __future__ import annotations

import asyncio
import copy
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any

from triage.demo.agent import Agent
from triage.demo.content import deploys, helpdesk, mail, payments, scout
from triage.demo.serving import Answer, Request, Server

__all__ = ["Demo", "running"]

WAITING_AT_START = 14
MOST_WAITING = 40
OLDEST_AT_START_S = 5 * 3600
PAUSE_S = (8.0, 20.0)
"""Least and most seconds between two new items, at pace 1."""
_CONTENT: dict[str, ModuleType] = {
    "payments": payments,
    "deploys": deploys,
    "mail": mail,
    "helpdesk": helpdesk,
    "scout": scout,
}
_AT_START = ("payments", "deploys", "mail", "helpdesk") * 3 + ("scout", "scout")


class Demo:
    """Five agents with a server to reach them by. ``running`` makes, starts and stops one."""

    def __init__(self, seed: int, pace: float) -> None:
        self.seed = seed
        self.pace = pace
        self.agents = {
            name: Agent(name, content.TEMPLATES, content.ACTS, copy.deepcopy(content.WORLD), seed)
            for name, content in _CONTENT.items()
        }
        self._server = Server(self._serve)
        self._random = random.Random(f"{seed}:order")
        self._coming: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.port}"

    @property
    def endpoints(self) -> dict[str, dict[str, Any]]:
        """Name → the settings that configure it as an endpoint."""
        return {name: {"kind": "rest", "url": f"{self.url}/{name}", "poll_s": 2.0} for name in self.agents}

    def effects(self) -> list[dict[str, Any]]:
        """All that was done, agent by agent, each in the order it happened."""
        return [{"agent": name, **effect} for name, agent in self.agents.items() for effect in agent.effects]

    def waiting(self) -> int:
        """How many items wait, at all agents."""
        return sum(len(agent.pending()) for agent in self.agents.values())

    async def start(self, port: int = 0) -> None:
        """Ask the first items, listen, and go on asking. Raises OSError when the port is taken."""
        self._ask_first()
        await self._server.start(port)
        if self.pace > 0:
            self._coming = asyncio.create_task(self._keep_asking())

    async def stop(self) -> None:
        """Stop asking, acting and listening."""
        if self._coming:
            self._coming.cancel()
            await asyncio.gather(self._coming, return_exceptions=True)
        for agent in self.agents.values():
            await agent.stop()
        await self._server.stop()

    def ask_next(self, created_at: datetime | None = None) -> None:
        """Let one agent ask something new."""
        self.agents[self._next_agent()].ask_next(created_at or datetime.now(UTC))

    def _next_agent(self) -> str:
        return self._random.choices(list(self.agents), weights=(4, 3, 3, 3, 1))[0]

    def _ask_first(self) -> None:
        """Fill the queue as if the agents had been at work for hours."""
        now = datetime.now(UTC)
        ages_s = sorted((self._random.uniform(60, OLDEST_AT_START_S) for _ in _AT_START), reverse=True)
        names = self._random.sample(_AT_START, WAITING_AT_START)
        for name, age_s in zip(names, ages_s, strict=True):
            asked = self.agents[name].ask_next(now - timedelta(seconds=age_s))
            asked.extend_deadline(now)

    async def _keep_asking(self) -> None:
        """Ask now and then, and again what was turned down, until stopped."""
        clock = random.Random(f"{self.seed}:clock")
        while True:
            await asyncio.sleep(clock.uniform(*PAUSE_S) / self.pace)
            self._ask_returning()
            if self.waiting() < MOST_WAITING:
                self.ask_next()

    def _ask_returning(self) -> None:
        for agent in self.agents.values():
            agent.ask_returning()

    async def _serve(self, request: Request) -> Answer:
        """Hand a request to the agent its path names."""
        if not request.path:
            return Answer(200, {"agents": {name: f"{self.url}/{name}" for name in self.agents}})
        agent = self.agents.get(request.path[0])
        if agent is None:
            return Answer(404, {"error": f"no agent {request.path[0]!r} here"})
        return await agent.serve(request)


@asynccontextmanager
async def running(seed: int | None = None, pace: float = 1.0, port: int = 0) -> AsyncIterator[Demo]:
    """The demo's agents, listening on the loopback interface until the block ends.

    Args:
        seed: the same seed asks the same, with the same ids, in the same order; None: another each time.
        pace: how much faster than usual new items come; 0: none come.
        port: where to listen; 0 takes a free port.
    """
    demo = Demo(random.SystemRandom().randrange(10_000) if seed is None else seed, pace)
    await demo.start(port)
    try:
        yield demo
    finally:
        await demo.stop()
