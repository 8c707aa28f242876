"""Requests are bounded, stay on their host, and every fault is said in words."""

from __future__ import annotations

import asyncio
import gzip
import socket
from collections.abc import Callable

import httpx
import msgspec
import pytest

from triage.connectors.http import (
    Broken,
    Busy,
    Clients,
    Declined,
    Denied,
    Garbled,
    Interrupted,
    Missing,
    Unreachable,
    Wire,
    segment,
)

Handler = Callable[[httpx.Request], httpx.Response]


def wire(handler: Handler, **headers: str) -> Wire:
    client = httpx.AsyncClient(transport=httpx.MockTransport(handler))
    return Wire(client, "http://agent.test/api", headers)


def answering(status: int = 200, **more: object) -> Wire:
    return wire(lambda request: httpx.Response(status, **more))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, Declined),
        (401, Denied),
        (403, Denied),
        (404, Missing),
        (410, Missing),
        (429, Busy),
        (500, Broken),
        (503, Busy),
    ],
)
async def test_each_status_has_its_error_with_the_servers_words(status: int, error: type[Declined]) -> None:
    with pytest.raises(error, match=f"GET /api/x answered {status}: no such luck") as caught:
        await answering(status, json={"detail": "no such luck"}).get("/x")
    assert type(caught.value) is error
    assert caught.value.reply.status == status


@pytest.mark.parametrize(
    ("value", "least", "most"), [("7", 7, 7), ("Fri, 31 Dec 2100 23:59:59 GMT", 1e8, 1e11)]
)
async def test_retry_after_is_read_as_seconds_or_date(value: str, least: float, most: float) -> None:
    with pytest.raises(Busy) as caught:
        await answering(429, headers={"retry-after": value}).get("/x")
    assert caught.value.retry_after_s is not None
    assert least <= caught.value.retry_after_s <= most


async def test_a_retry_after_that_says_nothing_is_none() -> None:
    with pytest.raises(Busy) as caught:
        await answering(503, headers={"retry-after": "soon"}).get("/x")
    assert caught.value.retry_after_s is None


async def test_html_where_json_belongs_is_said_so() -> None:
    reply = await answering(html="<!DOCTYPE html><p>Log in</p>").get("/x")
    with pytest.raises(Garbled, match="HTML page"):
        _ = reply.json


async def test_json_nested_too_deep_is_an_error_not_a_crash() -> None:
    reply = await answering(content=b"[" * 10_000 + b"]" * 10_000).get("/x")
    with pytest.raises(Garbled, match="nested too deep"):
        _ = reply.json


async def test_data_of_another_shape_names_the_place() -> None:
    reply = await answering(json={"items": [{"id": 3}]}).get("/x")
    with pytest.raises(Garbled, match=r"\$.items\[0\].id|`str`"):
        reply.decode(dict[str, list[dict[str, str]]])


async def test_whole_numbers_stay_whole_both_ways() -> None:
    body = b'{"n":123456789012345678901234567890,"x":1.0}'
    seen: list[bytes] = []

    def echo(request: httpx.Request) -> httpx.Response:
        seen.append(request.content)
        return httpx.Response(200, content=body)

    reply = await wire(echo).post("/x", json=msgspec.json.decode(body))
    assert seen == [body]
    assert reply.json == {"n": 123456789012345678901234567890, "x": 1.0}
    assert isinstance(reply.json["x"], float)


async def test_a_redirect_to_another_host_is_not_followed_and_sees_no_credentials() -> None:
    hosts: list[str] = []

    def away(request: httpx.Request) -> httpx.Response:
        hosts.append(request.url.host)
        return httpx.Response(302, headers={"location": "http://evil.test/take"})

    with pytest.raises(Garbled, match=r"redirects to http://evil.test/take.*url"):
        await wire(away, authorization="Bearer secret").get("/x")
    assert hosts == ["agent.test"]


async def test_a_redirect_on_the_same_host_is_followed_for_get_only() -> None:
    def slash(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/"):
            return httpx.Response(200, json=request.method)
        return httpx.Response(307, headers={"location": request.url.path + "/"})

    assert (await wire(slash).get("/x")).json == "GET"
    with pytest.raises(Garbled, match="redirects"):
        await wire(slash).post("/x", json={})


async def test_redirects_that_never_end_are_given_up() -> None:
    with pytest.raises(Garbled, match="more than 3 times"):
        await answering(302, headers={"location": "/api/x"}).get("/x")


async def test_absolute_urls_stay_on_the_host() -> None:
    ok = answering(json=1)
    assert (await ok.get("http://agent.test:80/elsewhere")).json == 1
    for other in ("http://evil.test/x", "https://agent.test/x", "http://agent.test:81/x"):
        with pytest.raises(Garbled, match="own host"):
            await ok.get(other)


@pytest.mark.parametrize("text", ["", ".", ".."])
def test_ids_that_would_change_the_path_are_refused(text: str) -> None:
    with pytest.raises(Garbled):
        segment(text)


def test_other_ids_are_quoted_whole() -> None:
    assert segment("a/../b?c#d e%2f") == "a%2F..%2Fb%3Fc%23d%20e%252f"


class Server:
    """Writes prepared bytes to whoever connects, on loopback."""

    def __init__(self, data: bytes, *, hang: bool = False) -> None:
        self.data = data
        self.hang = hang
        self.requests: list[bytes] = []

    async def __aenter__(self) -> Wire:
        self.server = await asyncio.start_server(self.answer, "127.0.0.1", 0)
        port = self.server.sockets[0].getsockname()[1]
        self.clients = Clients()
        return Wire(self.clients.client(), f"http://127.0.0.1:{port}")

    async def __aexit__(self, *error: object) -> None:
        await self.clients.aclose()
        self.server.close()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.requests.append(await reader.readuntil(b"\r\n\r\n"))
        try:
            writer.write(self.data)
            await writer.drain()
            if self.hang:
                await reader.read()
        except ConnectionError:
            return
        finally:
            writer.close()


async def test_a_server_that_never_finishes_is_given_up_in_time() -> None:
    async with Server(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this", hang=True) as wire:
        with pytest.raises(Interrupted, match=r"no full answer within 0.2 s"):
            await wire.get("/x", timeout_s=0.2)


async def test_a_body_that_breaks_off_is_interrupted() -> None:
    async with Server(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this") as wire:
        with pytest.raises(Interrupted, match="broke off"):
            await wire.get("/x")


async def test_a_body_too_large_is_not_read_whole() -> None:
    endless = b"HTTP/1.1 200 OK\r\ncontent-length: 50000000\r\n\r\n" + b"x" * 50_000_000
    async with Server(endless) as wire:
        with pytest.raises(Garbled, match="more than 32 MiB"):
            await wire.get("/x")


async def test_a_compression_bomb_is_not_read_whole() -> None:
    bomb = gzip.compress(b"0" * 60_000_000)
    head = f"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {len(bomb)}\r\n\r\n"
    async with Server(head.encode() + bomb) as wire:
        with pytest.raises(Garbled, match="more than 32 MiB"):
            await wire.get("/x")


async def test_cookies_are_not_kept() -> None:
    server = Server(b"HTTP/1.1 200 OK\r\nset-cookie: a=b\r\ncontent-length: 2\r\n\r\n{}")
    async with server as wire:
        await wire.get("/x")
        await wire.get("/x")
    assert len(server.requests) == 2
    assert not any(b"cookie" in request.lower() for request in server.requests)


async def test_nobody_listening_means_nothing_was_sent() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    clients = Clients()
    with pytest.raises(Unreachable, match=f"cannot reach 127.0.0.1:{port}"):
        await Wire(clients.client(), f"http://127.0.0.1:{port}").get("/x")
    await clients.aclose()


async def test_one_client_serves_all_that_need_nothing_special() -> None:
    clients = Clients()
    assert clients.client() is clients.client()
    await clients.aclose()
