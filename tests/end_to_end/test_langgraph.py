"""A person adds a real LangGraph server and decides what waits there, in the console and by commands."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.connectors.langgraph.agent_server import agent_server
from tests.end_to_end.conftest import Agents, triage
from tests.end_to_end.test_console import look


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    with agent_server(tmp_path / "server") as url:
        yield url


@pytest.fixture
def desk(server: str, tmp_path: Path) -> Agents:
    """A configuration of its own, with no endpoint in it yet."""
    return Agents(server, tmp_path)


def asked(server: str, graph: str, given: dict[str, Any]) -> str:
    """A thread that was interrupted and waits."""
    thread_id: str = httpx.post(f"{server}/threads", json={}, trust_env=False).json()["thread_id"]
    run = {"assistant_id": graph, "input": given}
    httpx.post(
        f"{server}/threads/{thread_id}/runs/wait", json=run, timeout=60, trust_env=False
    ).raise_for_status()
    return thread_id


def values(server: str, thread_id: str) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(f"{server}/threads/{thread_id}/state", trust_env=False).json()
    return found


def test_add_list_and_decide(desk: Agents, server: str) -> None:
    first, second = (asked(server, "inbox", {"order": order}) for order in ("A-1", "A-2"))
    added = triage(desk, "add", server, "--name", "shop")
    assert added.returncode == 0, added.stderr
    assert "LangGraph Agent Server 0.16" in added.stderr + added.stdout

    listed = triage(desk, "list", "--json")
    assert listed.returncode == 0, listed.stderr
    items = {item["action"]["arguments"]["order"]: item for item in json.loads(listed.stdout)}
    assert set(items) == {"A-1", "A-2"}

    done = triage(desk, "approve", items["A-1"]["id"], "--revision", items["A-1"]["revision"], "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["state"] == "confirmed"
    assert values(server, first)["next"] == []

    with desk.console() as terminal:
        terminal.wait_for("shop", "A-2")
        look()
        terminal.press("a")
        terminal.wait_for("Approved")
        terminal.wait_for("confirmed", timeout_s=60)
        terminal.press("q")
        assert terminal.wait_ended(30) == 0
    assert values(server, second)["next"] == []
    assert triage(desk, "log", "verify").returncode == 0
    assert json.loads(triage(desk, "list", "--json").stdout) == []
    assert os.stat(desk.directory / "config.toml").st_mode & 0o077 == 0
