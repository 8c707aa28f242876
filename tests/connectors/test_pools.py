"""Connections that lie idle: kept for reading, and never the reason that something is sent twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from triage.connectors import pools
from triage.connectors.http import Clients, Interrupted, Wire


class Server:
    """Answers so many requests a connection, then closes it: at once, or with the next request already sent."""

    def __init__(self) -> None:
        self.answers = 1000
        self.says_so = True
        """Closes after an answer; False: reads one more request and closes without a word."""
        self.connections = 0
        self.requests: list[str] = []
        self.writers: list[asyncio.StreamWriter] = []

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.writers.append(writer)
        try:
            for _ in range(self.answers):
                await self._one(reader, writer)
            if not self.says_so:
                await self._read(reader)
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._read(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
        await writer.drain()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.requests.append(head.split(b" ")[0].decode())
        if head.startswith(b"POST"):
            await reader.readexactly(2)


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
async def wire(server: Server) -> AsyncIterator[Wire]:
    listening = await asyncio.start_server(server.converse, "127.0.0.1", 0)
    clients = Clients()
    yield Wire(clients.client(), f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}")
    await clients.aclose()
    listening.close()


async def test_one_connection_serves_poll_after_poll(server: Server, wire: Wire) -> None:
    for _ in range(5):
        await wire.get("x")
    assert server.connections == 1


async def test_a_read_that_meets_a_connection_just_closed_is_asked_over_a_fresh_one(
    server: Server, wire: Wire
) -> None:
    server.answers, server.says_so = 1, False
    await wire.get("x")
    assert (await wire.get("x")).status == 200
    assert (server.connections, len(server.requests)) == (2, 3)


async def test_a_read_over_a_fresh_connection_is_asked_once(server: Server, wire: Wire) -> None:
    server.answers, server.says_so = 0, False
    with pytest.raises(Interrupted):
        await wire.get("x")
    assert (server.connections, len(server.requests)) == (1, 1)


async def test_a_send_that_meets_a_connection_just_closed_is_not_sent_again(
    server: Server, wire: Wire
) -> None:
    server.answers, server.says_so = 1, False
    await wire.post("x", {})
    with pytest.raises(Interrupted):
        await wire.post("x", {})
    assert server.requests == ["POST", "POST"]


async def test_a_send_never_goes_over_a_connection_that_lay_idle_as_long_as_servers_close_them(
    server: Server, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pools, "IDLE_SENDING_S", 0.05)
    await wire.get("x")
    await wire.post("x", {})
    await asyncio.sleep(0.1)
    await wire.post("x", {})
    assert server.connections == 3


async def test_origins_do_not_share_a_pool(server: Server, wire: Wire) -> None:
    other = Server()
    listening = await asyncio.start_server(other.converse, "127.0.0.1", 0)
    second = Wire(wire.client, f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}")
    await wire.get("x")
    await second.get("x")
    assert (server.requests, other.requests) == (["GET"], ["GET"])
    listening.close()
