"""A small HTTP server on loopback whose routes are async functions: enough for a fake agent server with
real state.

    server = Server()

    @server.route("GET", "/tasks/{id}")
    async def one(request: Request) -> Response:
        return Response(tasks[request.params["id"]])

    async with server:
        ...  # server.url
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any, Self
from urllib.parse import parse_qsl, unquote

import msgspec

__all__ = ["Handler", "Hangup", "Request", "Response", "Server"]


class Hangup(Exception):
    """Raised by a handler to close the connection without a reply."""


class Request(msgspec.Struct, frozen=True):
    """One request, read whole."""

    method: str
    path: str
    """As sent, without the query."""
    query: dict[str, str]
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes
    params: dict[str, str] = {}
    """What stood at the route's ``{names}``, decoded."""

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body) if self.body else None


class Response(msgspec.Struct, frozen=True):
    """One reply: ``body`` as JSON, or as it is when it is bytes."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = {}


Handler = Callable[[Request], Awaitable[Response]]


class Server:
    """Listens on a free port of 127.0.0.1 between ``async with``; requests are kept in ``asked``.

    A handler that raises anything but Hangup closes its connection, and its error is raised at the end.
    """

    def __init__(self) -> None:
        self.asked: list[Request] = []
        self._routes: list[tuple[str, re.Pattern[str], Handler]] = []
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._failures: list[BaseException] = []

    @property
    def url(self) -> str:
        assert self._server is not None, "the server is not started"
        host, port = self._server.sockets[0].getsockname()[:2]
        return f"http://{host}:{port}"

    def route(self, method: str, pattern: str) -> Callable[[Handler], Handler]:
        """Answer ``method`` on ``pattern`` by the decorated function; ``{name}`` takes one segment."""

        def register(handler: Handler) -> Handler:
            names = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]*)", re.escape(pattern))
            self._routes.append((method, re.compile(names), handler))
            return handler

        return register

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await self._server.wait_closed()
        self._server = None
        if self._failures:
            raise self._failures[0]

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._converse(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._connections.discard(task)
        failure = None if task.cancelled() else task.exception()
        if failure:
            self._failures.append(failure)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while request := await _read(reader):
                self.asked.append(request)
                writer.write(_encode(await self._respond(request)))
                await writer.drain()
        except (Hangup, ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _respond(self, request: Request) -> Response:
        for method, pattern, handler in self._routes:
            found = pattern.fullmatch(request.path) if method == request.method else None
            if found:
                params = {name: unquote(value) for name, value in found.groupdict().items()}
                return await handler(msgspec.structs.replace(request, params=params))
        return Response({"detail": "Not Found"}, 404)


async def _read(reader: asyncio.StreamReader) -> Request | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.rstrip().split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    path, _, query = target.partition("?")
    return Request(method, path, dict(parse_qsl(query, True)), headers, body)


def _encode(response: Response) -> bytes:
    body = response.body if isinstance(response.body, bytes) else msgspec.json.encode(response.body)
    headers: Mapping[str, str] = {
        "content-type": "application/json",
        **response.headers,
        "content-length": str(len(body)),
    }
    lines = [f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}"]
    lines.extend(f"{name}: {value}" for name, value in headers.items())
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body
