"""A small HTTP/1.1 server on the loopback interface: JSON in, JSON out, connections kept."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

__all__ = ["Answer", "Handler", "Request", "Server"]

MAX_BODY_BYTES = 4 * 1024 * 1024
_REASONS = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    410: "Gone",
    412: "Precondition Failed",
    413: "Content Too Large",
    422: "Unprocessable Content",
    500: "Internal Server Error",
}


class Request(msgspec.Struct, frozen=True):
    """One request, read whole."""

    method: str
    path: tuple[str, ...]
    """The path's segments, unquoted."""
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


class Answer(msgspec.Struct, frozen=True):
    """A status and the JSON that goes with it."""

    status: int
    body: Any


Handler = Callable[[Request], Awaitable[Answer]]


class _BadRequest(Exception):
    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class Server:
    """Serves one handler at ``127.0.0.1``; port 0 takes a free one."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self.port = 0

    async def start(self, port: int = 0) -> None:
        """Listen. Raises OSError when the port is taken."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and drop every connection."""
        if self._server:
            self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        if self._server:
            await self._server.wait_closed()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - start_server runs this in a task
        self._connections.add(task)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                while await self._exchange(reader, writer):
                    pass
        finally:
            self._connections.discard(task)
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request and its answer. False: the connection is over."""
        try:
            request = await _read(reader)
            if request is None:
                return False
            answer, keep = await self._handler(request), request.headers.get("connection") != "close"
        except _BadRequest as error:
            answer, keep = Answer(error.status, {"error": str(error)}), False
        body = msgspec.json.encode(answer.body)
        writer.write(
            f"HTTP/1.1 {answer.status} {_REASONS[answer.status]}\r\n"
            "content-type: application/json\r\n"
            f"content-length: {len(body)}\r\n"
            f"connection: {'keep-alive' if keep else 'close'}\r\n\r\n".encode("ascii")
            + body
        )
        await writer.drain()
        return keep


async def _read(reader: asyncio.StreamReader) -> Request | None:
    """The next request; None at the connection's end."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    except asyncio.LimitOverrunError as error:
        raise _BadRequest(413, "the request's head is too large") from error
    first, *rows = head.decode("latin-1").split("\r\n")
    words = first.split(" ")
    if len(words) != 3:
        raise _BadRequest(400, "this is not an HTTP/1.1 request")
    headers = {
        name.strip().lower(): value.strip()
        for name, colon, value in (row.partition(":") for row in rows)
        if colon
    }
    target = urlsplit(words[1])
    return Request(
        method=words[0],
        path=tuple(unquote(part) for part in target.path.split("/") if part),
        query=dict(parse_qsl(target.query)),
        headers=headers,
        body=await _body(reader, headers),
    )


async def _body(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> bytes:
    if "transfer-encoding" in headers:
        raise _BadRequest(400, "send a content-length; chunked bodies are not read here")
    length = headers.get("content-length", "0")
    if not length.isascii() or not length.isdigit():
        raise _BadRequest(400, "content-length is not a number")
    if int(length) > MAX_BODY_BYTES:
        raise _BadRequest(413, f"at most {MAX_BODY_BYTES} bytes")
    return await reader.readexactly(int(length))
