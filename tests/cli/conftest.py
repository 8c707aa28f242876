"""Running commands against the demo's agents: in this process where that serves, else in one of their own."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.cli.agents import Agents, serving
from triage.cli.demo import write_configuration
from triage.cli.main import main
from triage.demo.agent import Agent
from triage.desk import delivery

Run = Callable[..., Result]


@pytest.fixture(scope="session")
def all_agents() -> Iterator[Agents]:
    with serving() as agents:
        yield agents


@pytest.fixture
def agents(all_agents: Agents, monkeypatch: pytest.MonkeyPatch) -> Agents:
    """The demo's agents, nothing waiting there, and none of them slow."""

    async def act_soon(self: Agent, asked: Any, body: Any, wait_s: float) -> None:
        await asyncio.sleep(0.01)
        self._act(asked, body)

    monkeypatch.setattr(Agent, "_act_later", act_soon)

    def clear() -> None:
        for agent in all_agents.demo.agents.values():
            for asked in agent.items.values():
                if asked.state == "pending":
                    asked.state = "withdrawn"

    all_agents.do(clear)
    return all_agents


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with nothing in it yet, where configuration and data are looked for."""
    monkeypatch.setenv("TRIAGE_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv("TRIAGE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("TRIAGE_OPERATOR", "ann")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(delivery, "SETTLE_FIRST_S", 0.01)
    monkeypatch.setattr(delivery, "SETTLE_MAX_S", 0.05)
    monkeypatch.setattr(delivery, "LOST_FOR_S", 0.3)
    return tmp_path


@pytest.fixture(scope="session")
def configuration(all_agents: Agents, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A configuration file with the demo's agents."""
    path, _ = write_configuration(tmp_path_factory.mktemp("configuration"), all_agents.demo)
    return path.read_text()


@pytest.fixture
def place(home: Path, agents: Agents, configuration: str) -> Path:
    """The same with the demo's agents configured."""
    path = home / "config.toml"
    path.write_text(configuration)
    path.chmod(0o600)
    return home


@pytest.fixture
def triage() -> Run:
    """Runs a command in this process."""

    def run(*arguments: str, input: str | None = None) -> Result:
        return CliRunner().invoke(main, arguments, input=input, prog_name="triage")

    return run


def output_of(result: Result) -> Any:
    """The JSON a command printed."""
    return json.loads(result.stdout)


def process(*arguments: str, **more: Any) -> subprocess.Popen[str]:
    """A command in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "triage", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **more},
    )


def ended(running: subprocess.Popen[str], timeout_s: float = 30) -> tuple[int, str, str]:
    """Exit code, output and words of a process, once it ended."""
    try:
        printed, said = running.communicate(timeout=timeout_s)
    finally:
        running.kill()
    return running.returncode, printed, said
