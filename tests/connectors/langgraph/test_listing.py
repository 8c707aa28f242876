"""Lists of more than a thousand threads, in pages between which rows come and go."""

from __future__ import annotations

import bisect
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from tests.connectors.kit.deliver import connected
from tests.connectors.kit.server import Request, Response, Server
from triage.connectors.http import Garbled
from triage.connectors.langgraph import LangGraph

MANY = 1234


class ManyThreads(Server):
    """Serves interrupted threads by ascending id, and lets ``between`` change them after every page."""

    def __init__(self, count: int = MANY) -> None:
        super().__init__()
        self.ids = sorted(str(uuid.UUID(int=number * 2**90)) for number in range(1, count + 1))
        self.states: set[str] = set()
        self.between: Callable[[int], None] = lambda page: None
        self.most = 1000
        """The largest page it gives, whatever it is asked for."""
        self.newest_first = False
        self.more: dict[str, Any] = {}
        """What every row says besides, or in place of what it would."""
        self.pages = 0
        self.route("POST", "/threads/search")(self._search)
        self.route("GET", "/threads/{id}/state")(self._state)

    async def _search(self, request: Request) -> Response:
        asked = request.json
        if asked["status"] != "interrupted":
            return Response([])
        assert (asked["sort_by"], asked["sort_order"]) == ("thread_id", "asc")
        ids = self.ids[::-1] if self.newest_first else self.ids
        end = asked["offset"] + min(asked["limit"], self.most)
        rows = [self._row(one) for one in ids[asked["offset"] : end]]
        more = {"x-pagination-next": str(end)} if end < len(ids) else {}
        self.between(self.pages)
        self.pages += 1
        return Response(rows, headers=more)

    def _row(self, thread_id: str) -> dict[str, Any]:
        question = {"id": thread_id.replace("-", ""), "value": f"What of {thread_id}?"}
        asked = {"task": [question]} if thread_id not in self.states else {"task": [question, question]}
        return {
            "thread_id": thread_id,
            "status": "interrupted",
            "metadata": {"graph_id": "mail", "assistant_id": "a1"},
            "interrupts": asked,
            "state_updated_at": "2025-01-01T00:00:00+00:00",
            **self.more,
        }

    async def _state(self, request: Request) -> Response:
        (row,) = [self._row(one) for one in self.ids if one == request.params["id"]]
        tasks = [{"id": "task", "name": "gate", "interrupts": row["interrupts"]["task"][:1]}]
        return Response({"next": ["gate"], "tasks": tasks, "checkpoint": {"checkpoint_id": "c1"}})


@asynccontextmanager
async def polling(server: ManyThreads) -> AsyncIterator[LangGraph]:
    line = httpx.AsyncHTTPTransport(verify=False)
    async with server, connected(LangGraph, server.url, line) as connector:
        yield connector


async def listed(connector: LangGraph) -> list[str]:
    poll = await connector.poll()
    assert not poll.problems
    return [item.locator["thread_id"] for item in poll.items]


async def test_every_thread_is_listed_once_and_soon() -> None:
    server = ManyThreads()
    async with polling(server) as connector:
        began = time.monotonic()
        found = await listed(connector)
        assert time.monotonic() - began < 2.0
    assert found == server.ids
    assert server.pages < MANY / 200


@pytest.mark.parametrize("count", [0, 1, 24, 25, 26, 249, 250, 251, 475, 500])
async def test_no_count_of_threads_falls_between_pages(count: int) -> None:
    server = ManyThreads(count)
    async with polling(server) as connector:
        assert await listed(connector) == server.ids


@pytest.mark.parametrize("leaving", [1, 24, 25, 26, 200, 260])
async def test_what_still_waits_is_listed_though_others_leave(leaving: int) -> None:
    """Those that leave stand before what was read, so that all that is still to come moves up."""
    server = ManyThreads()

    def leave(page: int) -> None:
        if page in (0, 2):
            del server.ids[:leaving]

    server.between = leave
    async with polling(server) as connector:
        found = await listed(connector)
    assert set(server.ids) <= set(found)
    assert len(found) == len(set(found))


async def test_what_waits_is_listed_though_others_come() -> None:
    server = ManyThreads()
    before = list(server.ids)

    def come(page: int) -> None:
        if page < 5:
            for number in range(60):
                bisect.insort(server.ids, str(uuid.UUID(int=(page * 60 + number) * 2**85 + 1)))

    server.between = come
    async with polling(server) as connector:
        found = await listed(connector)
    assert set(before) <= set(found)


async def test_rows_that_come_and_go_at_every_page() -> None:
    server = ManyThreads()
    here_all_along = set(server.ids[3::4])

    def churn(page: int) -> None:
        leaving = [one for one in server.ids[: 250 * (page + 1)] if one not in here_all_along]
        gone = set(leaving[:40])
        server.ids = [one for one in server.ids if one not in gone]
        if page < 12:
            for number in range(10):
                bisect.insort(server.ids, str(uuid.UUID(int=(page * 10 + number + 1) * 2**89 + 7)))

    server.between = churn
    async with polling(server) as connector:
        found = await listed(connector)
    assert here_all_along <= set(found)
    assert len(found) == len(set(found))


async def test_a_list_that_moves_without_end_is_an_error_and_no_short_list() -> None:
    server = ManyThreads(20_000)

    def leave(page: int) -> None:
        del server.ids[:300]

    server.between = leave
    async with polling(server) as connector:
        with pytest.raises(Garbled, match="changes faster than it can be read"):
            await connector.poll()


async def test_a_server_that_gives_shorter_pages_than_asked_for() -> None:
    server = ManyThreads()
    server.most = 100
    async with polling(server) as connector:
        assert await listed(connector) == server.ids


async def test_a_server_that_does_not_keep_the_order_is_an_error() -> None:
    server = ManyThreads()
    server.newest_first = True
    async with polling(server) as connector:
        with pytest.raises(Garbled, match="in the order of their ids"):
            await connector.poll()


async def test_states_are_read_only_of_threads_that_changed() -> None:
    server = ManyThreads(300)
    server.states = set(server.ids[:20])
    async with polling(server) as connector:
        assert await listed(connector) == server.ids
        assert await listed(connector) == server.ids
    assert sum(request.path.endswith("/state") for request in server.asked) == 20


async def test_threads_of_another_status_than_asked_for_do_not_wait() -> None:
    server = ManyThreads(3)
    for status in ("busy", "idle"):
        server.more = {"status": status}
        async with polling(server) as connector:
            assert await listed(connector) == []
    server.more = {"status": "asleep"}
    async with polling(server) as connector:
        poll = await connector.poll()
    assert poll.items == ()
    assert poll.problems == tuple(
        f"thread {one} cannot be read: its status is 'asleep'" for one in server.ids
    )


async def test_a_clock_that_is_ahead_is_told() -> None:
    server = ManyThreads(3)
    server.more = {"state_updated_at": "2999-01-01T00:00:00+00:00"}
    async with polling(server) as connector:
        poll = await connector.poll()
    assert len(poll.items) == 3
    assert [item.created_at for item in poll.items] == [None] * 3
    assert len(poll.problems) == 1
    assert "in the future: check the server's clock" in poll.problems[0]
