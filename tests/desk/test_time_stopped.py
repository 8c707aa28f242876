"""Real processes, stopped on the way to an agent and woken: nothing goes out late."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.desk.scripted import Agent, make_desk
from triage.store.log import Log
from triage.store.verifying import verify

ROOT = Path(__file__).parents[2]
STOPPED_S = 2.5
"""Longer than anything may take between ``sending`` and the send, in a process that has no other limit."""


class Server(ThreadingHTTPServer):
    """Counts what is sent to it."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.posts = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        self.server.posts += 1
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


class Stopped:
    """A process that stopped itself."""

    def __init__(self, data: Path, url: str, where: str, *, limit_s: float = 2.0) -> None:
        command = [sys.executable, "-m", "tests.desk.stopping", str(data), url, where, str(limit_s)]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        _, status = os.waitpid(self.process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status), "it ended instead"
        self._since = time.monotonic()

    def wake(self, after_s: float) -> dict[str, Any]:
        """Let it go on once it was stopped for so long; what it then says."""
        while (left_s := self._since + after_s - time.monotonic()) > 0:
            time.sleep(min(left_s, 0.1))
        self.process.send_signal(signal.SIGCONT)
        out, _ = self.process.communicate(timeout=40)
        assert self.process.returncode == 0
        said: dict[str, Any] = json.loads(out)
        return said

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.mark.parametrize("where", ["logged", "connected"])
def test_a_process_stopped_between_sending_and_the_send_does_not_send(
    data: Path, server: Server, where: str
) -> None:
    stopped = Stopped(data, server.url, where)
    try:
        records = list(Log(data).records())
        assert [record.state for record in records] == ["sending"]
        said = stopped.wake(STOPPED_S)
    finally:
        stopped.end()
    assert (said["state"], said["states"]) == ("stale", ["sending", "stale"])
    assert re.match("not sent: the machine slept, or triage was stopped, for [0-9]+ s ", said["detail"])
    assert server.posts == 0
    assert verify(data).ok


@pytest.mark.parametrize("where", ["logged", "connected"])
def test_one_that_is_woken_in_time_sends_once(data: Path, server: Server, where: str) -> None:
    stopped = Stopped(data, server.url, where, limit_s=60.0)
    try:
        said = stopped.wake(STOPPED_S)
    finally:
        stopped.end()
    assert said["states"] == ["sending", "sent", "confirmed"]
    assert server.posts == 1


async def test_while_it_is_stopped_nobody_else_sends_and_it_is_named(data: Path, server: Server) -> None:
    stopped = Stopped(data, server.url, "logged")
    desk = make_desk(Agent(), data)
    try:
        await desk.start()
        (record,) = desk.log.open_records()
        assert str(stopped.process.pid) in desk.holder("agent")
        assert (
            f"is stopped: continue it with fg in its terminal, or with kill -CONT {stopped.process.pid}"
            in (desk.wait_reason(record.decision.id))
        )
        stopped.end()
        assert "is stopped" not in desk.wait_reason(record.decision.id)
    finally:
        stopped.end()
        await desk.stop()
    assert server.posts == 0


def test_one_stopped_while_it_holds_leaves_time_to_undo_when_it_wakes(data: Path, server: Server) -> None:
    stopped = Stopped(data, server.url, "held")
    try:
        said = stopped.wake(STOPPED_S)
    finally:
        stopped.end()
    assert said["states"] == ["withdrawn"]
    assert server.posts == 0
