"""Connections, one pool for each origin: a thousand endpoints are asked without looking through each other's.

A connection that lay idle may have been closed by its server at the moment it is used. Reading is then asked anew
over a fresh one; what may act is never sent twice, so it only goes over connections that were idle for less time
than servers grant.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx

__all__ = ["IDLE_READING_S", "IDLE_SENDING_S", "Pools"]

IDLE_READING_S = 60.0
IDLE_SENDING_S = 3.0
"""Many servers close after 5 s."""
_READING = frozenset({"GET", "HEAD"})
_STALE = (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)

NewPool = Callable[[float], httpx.AsyncBaseTransport]
"""Makes a pool whose connections may be idle for so many seconds."""


class Pools(httpx.AsyncBaseTransport):
    """A transport over one pool for reading and one for sending, for each origin."""

    def __init__(self, new_pool: NewPool) -> None:
        self._new_pool = new_pool
        self._pools: dict[tuple[str, bytes, int | None, bool], httpx.AsyncBaseTransport] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The answer; its body is still to be read."""
        reads = request.method in _READING
        pool = self._pool(request.url, reads)
        if not reads:
            return await pool.handle_async_request(request)
        while True:
            opening = _Opening()
            request.extensions["trace"] = opening
            try:
                return await pool.handle_async_request(request)
            except _STALE:
                if opening.seen:
                    raise

    async def aclose(self) -> None:
        """Close every connection."""
        for pool in self._pools.values():
            await pool.aclose()

    def _pool(self, url: httpx.URL, reads: bool) -> httpx.AsyncBaseTransport:
        key = (url.scheme, url.raw_host, url.port, reads)
        if key not in self._pools:
            self._pools[key] = self._new_pool(IDLE_READING_S if reads else IDLE_SENDING_S)
        return self._pools[key]


class _Opening:
    """Sees whether a connection was opened for a request, as httpcore traces it."""

    seen = False

    async def __call__(self, event: str, info: dict[str, Any]) -> None:
        self.seen = self.seen or event.startswith("connection.connect_")
