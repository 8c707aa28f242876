"""What carries a decision is asked about right before its first byte; what only reads is not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from triage.connectors import in_time
from triage.connectors.http import Clients, EndpointError, Interrupted, Unreachable, Wire
from triage.connectors.in_time import TooLate
from triage.model.endpoint import EndpointConfig


class Terms:
    """Says no from the n-th question on."""

    def __init__(self, no_from: int) -> None:
        self.no_from = no_from
        self.asked = 0
        self.gone = 0

    def why_not(self) -> str | None:
        self.asked += 1
        return "not sent: it is late" if self.asked >= self.no_from else None

    def went(self) -> None:
        self.gone += 1


class Server:
    """Answers every request with ``{}``, and remembers their first lines."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.url = ""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await self._head(reader):
            self.requests.append(head.partition(b"\r\n")[0].decode())
            length = next(
                (
                    int(line.partition(b":")[2])
                    for line in head.lower().split(b"\r\n")
                    if line.startswith(b"content-length")
                ),
                0,
            )
            await reader.readexactly(length)
            status = b"502 No" if head.startswith(b"CONNECT") else b"200 OK"
            writer.write(b"HTTP/1.1 " + status + b"\r\ncontent-length: 2\r\n\r\n{}")
        writer.close()

    async def _head(self, reader: asyncio.StreamReader) -> bytes:
        try:
            return await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            return b""


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    made = Server()
    listening = await asyncio.start_server(made.answer, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    yield made
    listening.close()
    await listening.wait_closed()


@pytest.fixture
async def wire(server: Server) -> AsyncIterator[Wire]:
    clients = Clients()
    yield Wire(clients.client(), server.url)
    await clients.aclose()


async def test_what_is_late_is_not_sent(server: Server, wire: Wire) -> None:
    terms = Terms(no_from=1)
    with in_time.only(terms):
        assert (await wire.get("look")).json == {}
        with pytest.raises(TooLate, match="it is late"):
            await wire.post("decide", {})
        with pytest.raises(TooLate):
            await wire.request("DELETE", "item")
    assert server.requests == ["GET /look HTTP/1.1"]
    assert (terms.asked, terms.gone) == (2, 0)
    assert issubclass(TooLate, Unreachable), "connectors take it for what it is: nothing was sent"


async def test_after_a_part_was_sent_nobody_says_that_nothing_was(server: Server, wire: Wire) -> None:
    with in_time.only(terms := Terms(no_from=2)):
        await wire.post("decide", {})
        with pytest.raises(Interrupted, match="only a part was sent; the rest was not sent: it is late"):
            await wire.post("go-on", {})
    assert server.requests == ["POST /decide HTTP/1.1"]
    assert terms.gone == 1


async def test_the_connection_can_be_used_afterwards_and_nothing_is_asked(server: Server, wire: Wire) -> None:
    with in_time.only(Terms(no_from=1)), pytest.raises(TooLate):
        await wire.post("decide", {})
    await wire.post("decide", {})
    assert server.requests == ["POST /decide HTTP/1.1"]


async def test_it_is_asked_once_the_connection_stands(server: Server) -> None:
    """Whatever passes while a name is looked up and a connection is made counts."""
    steps: list[str] = []

    class Stepwise(Terms):
        def why_not(self) -> str | None:
            steps.append("asked")
            return None

    class Transport(httpx.AsyncHTTPTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            asked = request.extensions["trace"]

            async def noted(event: str, info: dict[str, object]) -> None:
                steps.append(event)
                await asked(event, info)

            request.extensions["trace"] = noted
            return await super().handle_async_request(request)

    async with httpx.AsyncClient(transport=Transport()) as client:
        with in_time.only(Stepwise(1)):
            await Wire(client, server.url).post("decide", {})
    assert steps.index("connection.connect_tcp.complete") < steps.index("asked")
    assert steps.index("asked") < steps.index("http11.send_request_headers.complete")
    assert steps.count("asked") == 1


async def test_the_way_to_a_proxy_is_not_what_is_asked_about(server: Server) -> None:
    terms = Terms(no_from=1)
    config = EndpointConfig(name="far", kind="rest", url="https://far.invalid", proxy=server.url)
    clients = Clients()
    with in_time.only(terms), pytest.raises(EndpointError) as raised:
        await Wire(clients.client(config), config.url).post("decide", {})
    await clients.aclose()
    assert server.requests == ["CONNECT far.invalid:443 HTTP/1.1"]
    assert terms.asked == 0
    assert not isinstance(raised.value, TooLate)
