"""The line between a connector and its server, which breaks the way a test says.

It works below the HTTP client, so any server will do: a fake one, a real one, recorded samples.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from enum import StrEnum
from typing import Any

import httpx
import msgspec

__all__ = ["Asked", "Fault", "Line"]


class Fault(StrEnum):
    """How the request that carries a decision goes wrong."""

    NONE = "goes through"
    DROPPED = "acts, then the connection closes without a reply"
    TIMED_OUT = "acts, then the reply does not come in time"
    BROKEN = "acts, then the reply is a 500"
    CUT = "acts, then the reply breaks off in the middle"
    GARBLED = "acts, then the reply is a proxy's HTML page"
    TWICE = "is delivered twice, and the second reply comes back"
    SLOW = "does not come in time, and acts only after that"
    LOST = "never arrives, and nobody says so"
    FAILED = "is answered by a 500 without acting"
    UNREACHED = "finds nobody listening"

    @property
    def acts(self) -> bool:
        """Whether the server acts on the request (at once)."""
        return self in (
            Fault.NONE, Fault.DROPPED, Fault.TIMED_OUT, Fault.BROKEN, Fault.CUT, Fault.GARBLED, Fault.TWICE,
        )  # fmt: skip


class Asked(msgspec.Struct, frozen=True):
    """One request that a connector made."""

    method: str
    target: str
    """Path and query as they went over the line."""
    json: Any
    """The decoded body; None where it is no JSON, such as a form."""
    acted: bool
    """Whether it was the kind of request that carries a decision."""


class Line(httpx.AsyncBaseTransport):
    """A transport that keeps every request, and lets those that ``acts`` picks go wrong by ``fault``.

    ``tamper`` may change the decoded JSON body of every other answer, and ``outage`` replace the answer
    to everything by a status and a body.
    """

    def __init__(
        self, acts: Callable[[httpx.Request], bool], inner: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self.fault = Fault.NONE
        self.asked: list[Asked] = []
        self.tamper: Callable[[Any], Any] | None = None
        self.outage: tuple[int, bytes] | None = None
        self._acts = acts
        self._inner = inner or httpx.AsyncHTTPTransport(verify=False)  # making a TLS context takes 0.1 s
        self._slow: list[httpx.Request] = []

    @property
    def sends(self) -> int:
        """How many requests carried a decision."""
        return sum(asked.acted for asked in self.asked)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        content = await request.aread()
        acting = self._acts(request)
        self.asked.append(Asked(request.method, request.url.raw_path.decode(), _decoded(content), acting))
        if self.outage:
            return httpx.Response(self.outage[0], content=self.outage[1])
        if acting:
            return await self._break(request)
        response = await self._through(request)
        return _changed(response, self.tamper) if self.tamper else response

    async def release(self) -> None:
        """Let what is SLOW arrive now."""
        waiting, self._slow = self._slow, []
        await asyncio.gather(*(self._through(request) for request in waiting))

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def _break(self, request: httpx.Request) -> httpx.Response:
        fault = self.fault
        if fault is Fault.UNREACHED:
            raise httpx.ConnectError("All connection attempts failed", request=request)
        if fault is Fault.LOST:
            raise httpx.ReadError("the connection was reset", request=request)
        if fault is Fault.FAILED:
            return httpx.Response(500, text="Internal Server Error")
        if fault is Fault.SLOW:
            self._slow.append(request)
            raise httpx.ReadTimeout("no answer in time", request=request)
        response = await self._through(request)
        if fault is Fault.TWICE:
            response = await self._through(request)
        return _broken(fault, request, response)

    async def _through(self, request: httpx.Request) -> httpx.Response:
        """The answer, read whole."""
        response = await self._inner.handle_async_request(request)
        try:
            content = await response.aread()
        finally:
            await response.aclose()
        headers = [
            (name, value)
            for name, value in response.headers.items()
            if name not in ("content-length", "content-encoding", "transfer-encoding")
        ]
        return httpx.Response(response.status_code, headers=headers, content=content)


def _decoded(content: bytes) -> Any:
    try:
        return msgspec.json.decode(content)
    except msgspec.DecodeError:
        return None


def _broken(fault: Fault, request: httpx.Request, response: httpx.Response) -> httpx.Response:
    """The answer to an action that did happen, as it comes back."""
    if fault is Fault.DROPPED:
        raise httpx.RemoteProtocolError("Server disconnected without sending a response.", request=request)
    if fault is Fault.TIMED_OUT:
        raise httpx.ReadTimeout("no answer in time", request=request)
    if fault is Fault.BROKEN:
        return httpx.Response(500, text="Internal Server Error")
    if fault is Fault.GARBLED:
        return httpx.Response(200, html="<!doctype html><title>Proxy</title>")
    if fault is Fault.CUT:
        return httpx.Response(response.status_code, headers=response.headers, stream=_Half(response.content))
    return response


class _Half(httpx.AsyncByteStream):
    """The first half of a body, then a broken connection."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._content[: len(self._content) // 2]
        raise httpx.ReadError("the connection was reset")


def _changed(response: httpx.Response, change: Callable[[Any], Any]) -> httpx.Response:
    try:
        body = msgspec.json.decode(response.content)
    except msgspec.DecodeError:
        return response
    headers = {"content-type": response.headers.get("content-type", "application/json")}
    return httpx.Response(response.status_code, headers=headers, content=msgspec.json.encode(change(body)))
