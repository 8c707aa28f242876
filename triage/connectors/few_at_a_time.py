"""Reading many things from one endpoint, a few at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

__all__ = ["AT_ONCE", "few_at_a_time"]

AT_ONCE = 8
"""Requests one poll has in flight at one endpoint."""

T = TypeVar("T")
R = TypeVar("R")


async def few_at_a_time(read: Callable[[T], Awaitable[R]], things: Iterable[T]) -> list[R]:
    """What ``read`` gives for each of ``things``, in their order.

    The first error ends it all and is raised.
    """
    waiting = enumerate(things)
    found: dict[int, R] = {}

    async def reader() -> None:
        for number, thing in waiting:
            found[number] = await read(thing)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(reader())
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return [found[number] for number in sorted(found)]
