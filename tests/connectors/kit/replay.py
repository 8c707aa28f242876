"""Recorded exchanges played back: an httpx transport that answers from sample files.

A sample is ``{"request": {method, path, headers?, body}, "response": {status, headers?, body}}``; its path
holds the query. ``PORT`` in a sample stands for the port of ``URL``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import msgspec

__all__ = ["URL", "Exchange", "Replay", "read_sample"]

PORT = 8123
URL = f"http://127.0.0.1:{PORT}"
"""Where recorded servers are said to be; nothing listens there."""


class Exchange(msgspec.Struct, frozen=True):
    """One request and its answer."""

    method: str
    path: str
    sent: Any
    status: int
    headers: dict[str, str]
    body: Any

    def answers(self, request: httpx.Request) -> bool:
        """Whether ``request`` is this one: same method, path and query. Bodies are the test's to compare."""
        ours = urlsplit(self.path)
        return (
            request.method == self.method
            and request.url.raw_path.split(b"?")[0].decode() == ours.path
            and sorted(request.url.params.multi_items()) == sorted(parse_qsl(ours.query, True))
        )


def read_sample(file: Path) -> Exchange:
    """The exchange recorded in ``file``."""
    recorded = msgspec.json.decode(file.read_text().replace(":PORT", f":{PORT}"))
    request, response = recorded["request"], recorded["response"]
    return Exchange(
        method=request["method"],
        path=request["path"],
        sent=request.get("body"),
        status=response["status"],
        headers=response.get("headers", {}),
        body=response["body"],
    )


class Replay(httpx.AsyncBaseTransport):
    """Answers each request from the first exchange that fits and was not used yet; the last one stays.

    A request that fits none gets 404, as an unknown path would.
    """

    def __init__(self, *exchanges: Exchange) -> None:
        self.exchanges = list(exchanges)
        self.asked: list[tuple[str, str, Any]] = []
        """Method, path with query, decoded body of every request."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        content = await request.aread()
        body = msgspec.json.decode(content) if content else None
        self.asked.append((request.method, request.url.raw_path.decode(), body))
        fitting = [exchange for exchange in self.exchanges if exchange.answers(request)]
        if not fitting:
            return httpx.Response(404, text="Not Found")
        if len(fitting) > 1:
            self.exchanges.remove(fitting[0])
        return _response(fitting[0])


def _response(exchange: Exchange) -> httpx.Response:
    headers = {"content-type": "application/json", **exchange.headers}
    headers.pop("content-length", None)
    headers.pop("content-encoding", None)
    return httpx.Response(exchange.status, headers=headers, content=msgspec.json.encode(exchange.body))
