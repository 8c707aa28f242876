"""A real Prefect server on loopback and a process that runs real flows against it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import httpx
import msgspec

__all__ = ["Flows", "running_prefect"]

START_S = 90.0
RESULT_S = 20.0


class Flows:
    """The process that runs flows: what it is told to start, and what its flows made of the answers."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._results: dict[str, str] = {}
        self._changed = threading.Condition()
        self._ready = False
        threading.Thread(target=self._listen, daemon=True).start()

    def start(self, flow: str, order: str) -> None:
        """Start a flow; it pauses a moment later."""
        stdin: IO[str] | None = self._process.stdin
        assert stdin is not None
        stdin.write(msgspec.json.encode({"flow": flow, "order": order}).decode() + "\n")
        stdin.flush()

    def result(self, order: str) -> str:
        """What the flow returned, once it ended."""
        with self._changed:
            assert self._changed.wait_for(lambda: order in self._results, RESULT_S), f"{order} did not end"
            return self._results[order]

    def has_ended(self, order: str) -> bool:
        return order in self._results

    def wait_until_ready(self) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self._ready, START_S), "the flows' process did not start"

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            said = msgspec.json.decode(line)
            with self._changed:
                self._ready = True
                if "order" in said:
                    self._results[said["order"]] = said["result"]
                self._changed.notify_all()


@contextmanager
def running_prefect(home: Path) -> Iterator[tuple[str, Flows]]:
    """A server with its data in ``home`` and the flows' process: the server's URL, and the flows."""
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    server = ["-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port), "--no-services"]
    flows = [str(Path(__file__).with_name("flows.py"))]
    with _process(home, url, server, "server.log") as one, _process(home, url, flows, "flows.log") as other:
        _wait_until_healthy(url, one, home / "server.log")
        told = Flows(other)
        told.wait_until_ready()
        yield url, told


@contextmanager
def _process(home: Path, url: str, command: list[str], log: str) -> Iterator[subprocess.Popen[str]]:
    """A Python process, killed in the end: paused flows ignore every gentler word."""
    with (home / log).open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, *command],
            env=_environment(home, url),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE if log == "flows.log" else errors,
            stderr=errors,
            cwd=home,
            text=True,
        )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _environment(home: Path, url: str) -> dict[str, str]:
    return {
        **os.environ,
        "PREFECT_HOME": str(home),
        "PREFECT_API_URL": f"{url}/api",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_UI_ENABLED": "false",
        "PREFECT_CLI_COLORS": "false",
        "DO_NOT_TRACK": "1",
    }


def _wait_until_healthy(url: str, process: subprocess.Popen[str], log: Path) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        assert process.poll() is None, f"the server ended: {log.read_text()[-2000:]}"
        try:
            if httpx.get(f"{url}/api/health").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError(f"the server is not up after {START_S:g} s: {log.read_text()[-2000:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
