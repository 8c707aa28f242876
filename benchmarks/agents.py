"""Many small agents behind one port, in a process of their own: they serve the contract and little else.

``python -m benchmarks.agents COUNT`` prints its port. Agent N is at ``/eN``; ``/control`` is for the benchmark.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
import urllib.request
from types import TracebackType
from typing import Any

__all__ = ["Agents"]


class _Desk:
    """What all the agents ask and were told."""

    def __init__(self, etags: bool) -> None:
        self.etags = etags
        self.items: dict[str, dict[str, dict[str, Any]]] = {}
        self.served: dict[str, float] = {}
        self.requests = 0
        self._pages: dict[str, bytes] = {}

    def add(self, agent: str, one: dict[str, Any]) -> None:
        self.items.setdefault(agent, {})[one["id"]] = one
        self._pages.pop(agent, None)

    def page(self, agent: str) -> bytes:
        if agent not in self._pages:
            waiting = [one for one in self.items.get(agent, {}).values() if one["state"] == "pending"]
            self._pages[agent] = json.dumps({"items": waiting, "next": None}).encode()
        now = time.perf_counter()
        for one in self.items.get(agent, {}).values():
            self.served.setdefault(one["id"], now)
        return self._pages[agent]

    def decide(self, agent: str, item_id: str, decision: dict[str, Any]) -> dict[str, Any]:
        one = self.items[agent][item_id]
        one |= {"state": "done", "decision": decision, "result": "done"}
        self._pages.pop(agent, None)
        return one


class _Connection(asyncio.Protocol):
    def __init__(self, desk: _Desk) -> None:
        self._desk = desk
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while b"\r\n\r\n" in self._buffer:
            head, _, rest = self._buffer.partition(b"\r\n\r\n")
            first, *lines = head.decode("latin-1").split("\r\n")
            headers = {
                name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
            }
            length = int(headers.get("content-length", "0"))
            if len(rest) < length:
                return
            self._buffer = rest[length:]
            method, target, _ = first.split(" ")
            self._answer(method, target.partition("?")[0], headers, rest[:length])

    def _answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> None:
        self._desk.requests += 1
        agent, _, what = path.strip("/").partition("/")
        tag = ""
        if agent == "control":
            reply: bytes = self._control(what, body)
        elif method == "POST":
            item_id = what.split("/")[1]
            reply = json.dumps(self._desk.decide(agent, item_id, json.loads(body))).encode()
        elif what == "":
            reply = b'{"triage_contract": 1, "name": "benchmark", "version": "1"}'
        elif what == "items":
            reply = self._desk.page(agent)
            tag = f'"{hash(reply)}"' if self._desk.etags else ""
        else:
            found = self._desk.items.get(agent, {}).get(what.partition("/")[2])
            self._write(b"404 Not Found" if found is None else b"200 OK", json.dumps(found).encode())
            return
        if tag and headers.get("if-none-match") == tag:
            self._write(b"304 Not Modified", b"", tag)
        else:
            self._write(b"200 OK", reply, tag)

    def _control(self, what: str, body: bytes) -> bytes:
        if what == "add":
            for agent, one in json.loads(body):
                self._desk.add(agent, one)
        return json.dumps({"served": self._desk.served, "requests": self._desk.requests}).encode()

    def _write(self, status: bytes, body: bytes, tag: str = "") -> None:
        assert self._transport is not None
        etag = f"ETag: {tag}\r\n".encode() if tag else b""
        self._transport.write(
            b"HTTP/1.1 %s\r\nContent-Type: application/json\r\n%sContent-Length: %d\r\n\r\n%s"
            % (status, etag, len(body), body)
        )


class Agents:
    """The agents, served by another process until the end of the ``with``."""

    def __init__(self, *, etags: bool = False) -> None:
        self._etags = etags
        self.url = ""

    def __enter__(self) -> Agents:
        command = [sys.executable, "-m", "benchmarks.agents", *(["--etags"] if self._etags else [])]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.url = f"http://127.0.0.1:{int(self._process.stdout.readline())}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.communicate(timeout=10)

    def config(self, count: int, poll_s: float) -> str:
        """Settings of ``count`` endpoints, polled as often while nothing happens as at other times."""
        return "\n".join(
            f'[endpoints.e{number}]\nkind = "rest"\nurl = "{self.url}/e{number}"\npoll_s = {poll_s}\n'
            f"poll_idle_s = {poll_s}\n"
            for number in range(count)
        )

    def add(self, *items: tuple[str, dict[str, Any]]) -> None:
        """Have agents ask: pairs of an agent's name and the item as the contract has it."""
        self._control("add", json.dumps(items).encode())

    def served(self) -> dict[str, float]:
        """Item → when it was first sent, in seconds of ``time.perf_counter``."""
        served: dict[str, float] = self._control("look", b"{}")["served"]
        return served

    def requests(self) -> int:
        """How many requests were answered."""
        return int(self._control("look", b"{}")["requests"])

    def _control(self, what: str, body: bytes) -> Any:
        with urllib.request.urlopen(f"{self.url}/control/{what}", body, timeout=20) as reply:
            return json.load(reply)


def document(number: int, title: str = "") -> dict[str, Any]:
    """An item as the contract has it."""
    return {
        "id": f"i{number}",
        "version": "1",
        "state": "pending",
        "title": title or f"Refund order A-{number:05}",
        "kind": "approval",
        "agent": "billing",
        "actions": [{"name": "refund", "arguments": {"order": f"A-{number:05}", "cents": 100 + number}}],
    }


async def _serve(etags: bool) -> None:
    desk = _Desk(etags)
    server = await asyncio.get_running_loop().create_server(
        lambda: _Connection(desk), "127.0.0.1", 0, backlog=2048
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    try:
        asyncio.run(_serve("--etags" in sys.argv))
    except KeyboardInterrupt:
        sys.exit(0)
