"""A real Agent Server (``langgraph dev``) on loopback, started and stopped by the tests."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import time
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

__all__ = ["Agents", "Stock", "agent_server"]

GRAPHS = Path(__file__).parent / "server"
START_S = 60.0
STOP_S = 10.0
WAIT_S = 20.0


@contextmanager
def agent_server(directory: Path) -> Iterator[str]:
    """The URL of a server that runs the graphs in ``server/``; what it keeps stays in ``directory``."""
    shutil.copytree(GRAPHS, directory, dirs_exist_ok=True)
    port = _free_port()
    log = directory / "server.log"
    command = [
        sys.executable, "-m", "langgraph_cli", "dev", "--no-browser", "--no-reload",
        "--host", "127.0.0.1", "--port", str(port), "--n-jobs-per-worker", "10",
    ]  # fmt: skip
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=directory, stdout=output, stderr=subprocess.STDOUT, env=_environment()
        )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_until_up(process, url, log)
        yield url
    finally:
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(STOP_S)


def _environment() -> dict[str, str]:
    """Nothing is sent anywhere, and no account of whoever runs the tests is used."""
    ours = {key: value for key, value in os.environ.items() if not key.startswith(("LANG", "OPENAI"))}
    return {
        **ours,
        "LANGSMITH_TRACING": "false",
        "LANGGRAPH_CLI_NO_ANALYTICS": "1",
        "LANGGRAPH_NO_VERSION_CHECK": "true",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def _wait_until_up(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the Agent Server did not start:\n{log.read_text()[-4000:]}")
        try:
            if httpx.get(f"{url}/ok", trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise RuntimeError(f"the Agent Server was not up within {START_S:g} s:\n{log.read_text()[-4000:]}")


class Stock:
    """Threads that were started ahead and not taken yet, by graph and input."""

    def __init__(self) -> None:
        self.ready: defaultdict[str, deque[str]] = defaultdict(deque)


class Agents:
    """What the tests themselves do at the server, beside the connector, and what they see there.

    Threads that ask may be started ahead, for the server looks for new runs but twice a second. ``mark``
    goes into the metadata of those that are taken, so that a connector can be shown these alone.
    """

    def __init__(self, client: httpx.AsyncClient, stock: Stock, mark: str) -> None:
        self.client = client
        self.mark = mark
        self._stock = stock

    async def ask(self, graph: str, *, ahead: int = 0, **values: Any) -> str:
        """A thread on which ``graph`` asks; its id. ``ahead``: how many more to start with it."""
        given = values or {"order": "A-1"}
        ready = self._stock.ready[repr((graph, given))]
        if not ready:
            ready.extend(await asyncio.gather(*(self._start(graph, given) for _ in range(1 + ahead))))
        thread_id = ready.popleft()
        await self.rest(thread_id)
        patch = {"metadata": {"mark": self.mark}}
        (await self.client.patch(f"/threads/{thread_id}", json=patch)).raise_for_status()
        return thread_id

    async def _start(self, graph: str, values: dict[str, Any]) -> str:
        thread_id: str = (await self.post("/threads", {}))["thread_id"]
        await self.post(f"/threads/{thread_id}/runs", {"assistant_id": graph, "input": values})
        return thread_id

    async def rest(self, thread_id: str) -> str:
        """Wait until no run is under way; the thread's status."""
        async with asyncio.timeout(WAIT_S):
            while (status := (await self.get(f"/threads/{thread_id}"))["status"]) == "busy":
                await asyncio.sleep(0.03)
        return str(status)

    async def run(self, thread_id: str, graph: str, **body: Any) -> str:
        """Somebody else's run, to its end; its status."""
        started = await self.post(f"/threads/{thread_id}/runs", {"assistant_id": graph, **body})
        await self.rest(thread_id)
        return str((await self.get(f"/threads/{thread_id}/runs/{started['run_id']}"))["status"])

    async def resume(self, thread_id: str, graph: str, answer: Any) -> str:
        """Somebody else's answer, to whatever is open or by interrupt id."""
        return await self.run(thread_id, graph, command={"resume": answer})

    async def state(self, thread_id: str) -> dict[str, Any]:
        found: dict[str, Any] = await self.get(f"/threads/{thread_id}/state")
        return found

    async def outcome(self, thread_id: str) -> list[Any]:
        """What the graph was told, in order."""
        return list((await self.state(thread_id))["values"].get("outcome", []))

    async def tool_results(self, thread_id: str) -> list[tuple[str, str]]:
        """What the agent's tools gave: content and status of each."""
        messages = (await self.state(thread_id))["values"]["messages"]
        return [(one["content"], one["status"]) for one in messages if one["type"] == "tool"]

    async def interrupt_ids(self, thread_id: str) -> list[str]:
        """The ids of the questions that are open."""
        tasks = (await self.state(thread_id))["tasks"]
        return [interrupt["id"] for task in tasks for interrupt in task["interrupts"]]

    async def runs(self, thread_id: str) -> list[dict[str, Any]]:
        """The runs of a thread, oldest first."""
        found: list[dict[str, Any]] = await self.get(f"/threads/{thread_id}/runs?limit=100")
        return found[::-1]

    async def history(self, thread_id: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = await self.post(f"/threads/{thread_id}/history", {"limit": 50})
        return found

    async def get(self, path: str) -> Any:
        return (await self.client.get(path)).raise_for_status().json()

    async def post(self, path: str, body: Any) -> Any:
        return (await self.client.post(path, json=body)).raise_for_status().json()
