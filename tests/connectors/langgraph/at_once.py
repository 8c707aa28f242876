"""Tests of one module run at the same time: against a real server they mostly wait, each for its own threads.

    @at_once
    async def test_something(bench: Bench) -> None: ...

Each remains a test of its own, with its own result; ``started`` begins all that were selected together.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import pytest

__all__ = ["Scenario", "Started", "at_once", "running_together"]

AT_ONCE = 24
"""How many run at a time: the server, too, does but ten things at once."""

Scenario = Callable[..., Awaitable[None]]
Started = Mapping[str, asyncio.Task[None]]
"""Test's name, with its parameters' → the task that runs it."""


def at_once(scenario: Scenario) -> Scenario:
    """A test that awaits ``scenario``, which was started with the others of its module."""

    async def test(**given: Any) -> None:
        await given["started"][given["request"].node.name]

    _, *own = inspect.signature(scenario).parameters.values()
    fixtures = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY) for name in ("started", "request")]
    own = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own]
    test.__dict__.update(
        __signature__=inspect.Signature([*fixtures, *own]),
        scenario=scenario,
        pytestmark=[*getattr(scenario, "pytestmark", ()), pytest.mark.asyncio(loop_scope="module").mark],
    )
    for name in ("__name__", "__qualname__", "__doc__", "__module__"):
        setattr(test, name, getattr(scenario, name))
    return test


async def running_together(
    module: Any, items: list[pytest.Item], run: Callable[..., Awaitable[None]]
) -> AsyncIterator[Started]:
    """Starts the scenarios of those ``items`` that are in ``module``, each as ``run(scenario, **parameters)``;
    what is not over at the end is cancelled."""
    started: dict[str, asyncio.Task[None]] = {}
    places = asyncio.Semaphore(AT_ONCE)

    async def in_turn(scenario: Scenario, given: dict[str, Any]) -> None:
        async with places:
            await run(scenario, **given)

    for item in items:
        if isinstance(item, pytest.Function) and item.module is module and hasattr(item.obj, "scenario"):
            given = item.callspec.params if hasattr(item, "callspec") else {}
            started[item.name] = asyncio.create_task(in_turn(item.obj.scenario, given))
    yield started
    for task in started.values():
        task.cancel()
    await asyncio.gather(*started.values(), return_exceptions=True)
