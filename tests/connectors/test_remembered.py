"""Asking a list again that may not have changed: conditional requests, over real HTTP on loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.connectors.kit.server import Request, Response, Server
from triage.connectors import remembered
from triage.connectors.http import Clients, Declined, Wire
from triage.connectors.remembered import Remembered
from triage.connectors.replies import Reply
from triage.connectors.rest import Rest, RestConfig, speaking


class Shelf:
    """A server of the contract whose list carries an ETag."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.items: list[dict[str, Any]] = []
        self.tag = '"1"'
        self.asked: list[str] = []
        """What each request for the list was conditional on."""
        server.route("GET", "/items")(self.answer)

    async def answer(self, request: Request) -> Response:
        self.asked.append(request.headers.get("if-none-match", ""))
        headers = {"etag": self.tag} if self.tag else {}
        if self.tag and self.asked[-1] == self.tag:
            return Response(b"", 304, headers)
        return Response({"items": self.items, "next": None}, headers=headers)

    def ask(self, key: str) -> None:
        self.items.append({"id": key, "version": "1", "title": key, "kind": "approval"})
        self.tag = f'"{len(self.items) + 1}"'


@pytest.fixture
async def shelf() -> AsyncIterator[Shelf]:
    async with Server() as server:
        yield Shelf(server)


@pytest.fixture
async def agent(shelf: Shelf) -> AsyncIterator[Rest]:
    clients = Clients()
    config = RestConfig(name="agent", kind="rest", url=shelf.server.url)
    yield Rest(config, Wire(clients.client(), shelf.server.url))
    await clients.aclose()


async def test_a_list_that_did_not_change_is_not_sent_again_and_is_read_once(
    shelf: Shelf, agent: Rest
) -> None:
    shelf.ask("a")
    first, second = await agent.poll(), await agent.poll()
    assert shelf.asked == ["", shelf.tag]
    assert [item.key for item in second.items] == ["a"]
    assert second is first


async def test_a_list_that_changed_is_read_anew(shelf: Shelf, agent: Rest) -> None:
    shelf.ask("a")
    await agent.poll()
    shelf.ask("b")
    assert [item.key for item in (await agent.poll()).items] == ["a", "b"]
    assert [item.key for item in (await agent.poll()).items] == ["a", "b"]
    assert shelf.asked == ["", '"2"', '"3"']


async def test_the_same_list_sent_whole_again_is_read_once(shelf: Shelf, agent: Rest) -> None:
    shelf.ask("a")
    shelf.tag = ""
    first = await agent.poll()
    assert await agent.poll() is first
    assert shelf.asked == ["", ""]


async def test_a_problem_is_looked_at_again_each_time(shelf: Shelf, agent: Rest) -> None:
    shelf.ask("a")
    shelf.items[0]["created_at"] = "2999-01-01T00:00:00Z"
    first, second = await agent.poll(), await agent.poll()
    assert first.problems == second.problems != ()
    assert second is not first


async def test_an_item_is_read_before_a_send_whatever_the_list_said(shelf: Shelf, agent: Rest) -> None:
    asked: list[dict[str, str]] = []

    @shelf.server.route("GET", "/items/a")
    async def one(request: Request) -> Response:
        asked.append(dict(request.headers))
        return Response(shelf.items[0], headers={"etag": '"x"'})

    shelf.ask("a")
    (item,) = (await agent.poll()).items
    await agent.reread(item)
    await agent.reread(item)
    assert len(asked) == 2
    assert not any("if-none-match" in headers for headers in asked)


async def test_not_modified_without_having_asked_for_it_is_an_error(shelf: Shelf) -> None:
    @shelf.server.route("GET", "/odd")
    async def odd(request: Request) -> Response:
        return Response(b"", 304)

    clients = Clients()
    with pytest.raises(Declined, match="304"):
        await Wire(clients.client(), shelf.server.url).get("odd", again=True)
    await clients.aclose()


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def _reply(tag: str, body: bytes = b"[]") -> Reply:
    return Reply(200, httpx.Headers({"etag": tag} if tag else {}), body, "GET /items")


def test_after_five_minutes_the_list_is_asked_for_whole() -> None:
    clock = Clock()
    kept = Remembered(clock)
    kept.whole(("list",), _reply('W/"7"'))
    clock.now = 299.0
    assert kept.condition(("list",)) == {"if-none-match": 'W/"7"'}
    clock.now = 300.0
    assert kept.condition(("list",)) == {}


def test_other_parameters_are_another_list() -> None:
    kept = Remembered()
    kept.whole(("list", ("page", 1)), _reply('"7"'))
    assert kept.condition(("list", ("page", 2))) == {}


def test_no_more_is_kept_than_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "KEPT_BYTES", 100)
    kept = Remembered()
    kept.whole((1,), _reply('"1"', b"x" * 60))
    kept.whole((2,), _reply('"2"', b"x" * 60))
    assert (bool(kept.condition((1,))), bool(kept.condition((2,)))) == (True, False)
    kept.whole((1,), _reply("", b"x" * 60))
    kept.whole((2,), _reply('"2"', b"x" * 60))
    assert (bool(kept.condition((1,))), bool(kept.condition((2,)))) == (False, True)


def test_an_error_is_not_kept() -> None:
    kept = Remembered()
    kept.whole((1,), _reply('"1"'))
    kept.whole((1,), Reply(500, httpx.Headers({"etag": '"1"'}), b"", "GET /items"))
    assert kept.condition((1,)) == {}


async def test_a_very_long_list_is_read_anew_rather_than_kept(
    shelf: Shelf, agent: Rest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speaking, "KEPT_ITEMS", 1)
    shelf.ask("a")
    shelf.ask("b")
    first, second = await agent.poll(), await agent.poll()
    assert first == second
    assert second is not first


async def test_what_is_asked_again_is_built_once(shelf: Shelf) -> None:
    """As long as it is the same, headers and all; and only so much is kept of it."""
    clients = Clients()
    client, built = clients.client(), list[str]()
    build_request = client.build_request

    def counted(method: str, url: str, **more: Any) -> httpx.Request:
        built.append(url)
        return build_request(method, url, **more)

    client.build_request = counted  # type: ignore[method-assign, assignment]
    wire = Wire(client, shelf.server.url)
    shelf.ask("a")
    for _ in range(5):
        await wire.get("items", again=True)
    assert (len(built), shelf.asked) == (2, ["", *['"2"'] * 4]), "without a tag, and with it"
    shelf.ask("b")
    await wire.get("items", again=True)
    changed = await wire.get("items", again=True)
    assert len(changed.json["items"]) == 2
    assert (len(built), shelf.asked[-1]) == (3, '"3"')
    for number in range(20):
        await wire.get("items", params={"page": number}, again=True)
    assert len(wire._kept) <= 8
    for _ in range(2):
        await wire.get("items")
    assert len(built) == 25, "what is asked once is not kept"
    await clients.aclose()
