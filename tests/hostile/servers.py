"""Servers on loopback that answer as no honest agent would, each in a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from itertools import count
from pathlib import Path
from queue import Queue
from typing import Any

from tests.connectors.kit.server import Request, Response, Server

__all__ = [
    "ITEM",
    "GoodAgent",
    "HostileServer",
    "Write",
    "answering",
    "hostile_words",
    "in_thread",
    "plain_reply",
    "serving",
]

Write = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

Answer = Callable[[bytes], bytes]
"""From the head of a request to the bytes that are written; the connection is then closed."""


@contextlib.contextmanager
def answering(answer: Answer) -> Iterator[str]:
    """The URL of a server that writes what ``answer`` gives."""

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            writer.write(answer(await reader.readuntil(b"\r\n\r\n")))
            await writer.drain()
        writer.close()

    with serving(converse) as url:
        yield url


@contextlib.contextmanager
def serving(converse: Write) -> Iterator[str]:
    """The URL of a server whose every connection is ``converse``'s."""
    told: Queue[tuple[str, asyncio.AbstractEventLoop, asyncio.Event]] = Queue()

    async def serve() -> None:
        server = await asyncio.start_server(converse, "127.0.0.1", 0)
        stopped = asyncio.Event()
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        told.put((url, asyncio.get_running_loop(), stopped))
        await stopped.wait()
        server.close()

    with _running(serve(), told) as url:
        yield url


@contextlib.contextmanager
def _running(
    work: Coroutine[Any, Any, None], told: Queue[tuple[str, asyncio.AbstractEventLoop, asyncio.Event]]
) -> Iterator[str]:
    """Run ``work`` in a thread; it tells its URL, its loop and what stops it."""
    thread = threading.Thread(target=asyncio.run, args=(work,))
    thread.start()
    url, loop, stopped = told.get(timeout=10)
    try:
        yield url
    finally:
        loop.call_soon_threadsafe(stopped.set)
        thread.join()


class HostileServer:
    """Reads the head of each request and then does what it was told, within this loop; between ``async with``."""

    def __init__(self, write: Write | bytes, *, certificate: tuple[Path, Path] | None = None) -> None:
        self.write = write
        self.heads: list[bytes] = []
        self._certificate = certificate
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> HostileServer:
        context = None
        if self._certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self._certificate)
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0, ssl=context)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"http{'s' if self._certificate else ''}://127.0.0.1:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._converse(reader, writer))
        self._tasks.add(task)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            self.heads.append(await reader.readuntil(b"\r\n\r\n"))
            if callable(self.write):
                await self.write(reader, writer)
            else:
                writer.write(self.write)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


ITEM: dict[str, Any] = {
    "id": "good",
    "version": "1",
    "title": "Refund 17",
    "kind": "approval",
    "verbs": ["approve", "edit", "reject"],
}


class GoodAgent(Server):
    """Serves the contract, with one item."""

    def __init__(self) -> None:
        super().__init__()
        self.decision: dict[str, Any] | None = None
        self.more: dict[str, Any] = {}
        """Further members of its item."""
        self.route("GET", "/items")(self._list)
        self.route("GET", "/items/{id}")(self._one)
        self.route("POST", "/items/{id}/decision")(self._decide)

    @property
    def item(self) -> dict[str, Any]:
        done = {"state": "done", "decision": self.decision, "result": "refunded"}
        return {**ITEM, **self.more, **(done if self.decision else {"state": "pending"})}

    async def _list(self, _: Request) -> Response:
        return Response({"items": [] if self.decision else [self.item], "next": None})

    async def _one(self, _: Request) -> Response:
        return Response(self.item)

    async def _decide(self, request: Request) -> Response:
        self.decision = request.json
        return Response(self.item)


@contextlib.contextmanager
def in_thread(server: Server) -> Iterator[str]:
    """The URL of a server that runs in a thread of its own."""
    told: Queue[tuple[str, asyncio.AbstractEventLoop, asyncio.Event]] = Queue()

    async def serve() -> None:
        async with server:
            stopped = asyncio.Event()
            told.put((server.url, asyncio.get_running_loop(), stopped))
            await stopped.wait()

    with _running(serve(), told) as url:
        yield url


def plain_reply(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    """A whole HTTP reply."""
    head = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", "connection: close", *headers]
    return "\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + body


def hostile_words(texts: Sequence[str]) -> contextlib.AbstractContextManager[str]:
    """A server that refuses everything, each time in the next of the texts and with another status."""
    numbers = count()
    statuses = ("400 Bad Request", "401 Unauthorized", "404 Not Found", "500 No", "503 Busy", "200 OK")

    def answer(_: bytes) -> bytes:
        number = next(numbers)
        text = texts[number * 7 % len(texts)]
        body = {
            "items": [{"id": text}, text, {"id": "a", "version": text, "title": 3, "kind": text}],
            "detail": text,
        }
        return plain_reply(json.dumps(body).encode(), statuses[number % len(statuses)])

    return answering(answer)
