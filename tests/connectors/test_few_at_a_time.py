"""Many things are read a few at a time, in order, and the first error ends it."""

from __future__ import annotations

import asyncio

import pytest

from triage.connectors.few_at_a_time import AT_ONCE, few_at_a_time


async def test_results_come_in_order_and_only_a_few_are_under_way() -> None:
    under_way, most = 0, 0

    async def read(number: int) -> int:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.001 * (number % 3))
        under_way -= 1
        return number * 2

    assert await few_at_a_time(read, range(50)) == [number * 2 for number in range(50)]
    assert most == AT_ONCE
    assert await few_at_a_time(read, ()) == []


async def test_the_first_error_is_raised_as_it_is_and_ends_the_others() -> None:
    ended = []

    async def read(number: int) -> None:
        if number == 3:
            raise KeyError(number)
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(number)

    with pytest.raises(KeyError):
        await few_at_a_time(read, range(20))
    assert sorted(ended) == [0, 1, 2, 4, 5, 6, 7]
