"""Desks on an agent in memory, and waiting for what they do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.desk.scripted import Agent, make_desk
from triage.desk import delivery
from triage.desk.desk import Desk

MakeDesk = Callable[..., Desk]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Patience in tests is short."""
    monkeypatch.setattr(delivery, "LOST_FOR_S", 0.2)
    monkeypatch.setattr(delivery, "SETTLE_MAX_S", 0.05)
    monkeypatch.setattr(delivery, "SETTLE_FIRST_S", 0.01)
    monkeypatch.setattr(delivery, "UNKNOWN_MAX_S", 0.1)
    monkeypatch.setattr(delivery, "RETRY_MAX_S", 0.05)


@pytest.fixture
def agent() -> Agent:
    return Agent()


@pytest.fixture
async def desks(agent: Agent, tmp_path: Path) -> AsyncIterator[MakeDesk]:
    """Makes desks on one data directory; those still running are stopped at the end."""
    made: list[Desk] = []

    def make(**more: object) -> Desk:
        made.append(make_desk(agent, tmp_path / "data", **more))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for desk in made:
        await desk.stop()


async def until(condition: Callable[[], object], timeout_s: float = 10.0) -> None:
    """Return once ``condition`` holds; fails after ``timeout_s``."""
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.005)
