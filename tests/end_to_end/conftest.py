"""The real program in a pty, before the demo's agents in a process of their own."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.terminal import Terminal

__all__ = ["PROGRAM", "Agents", "triage"]

PROGRAM = [sys.executable, "-m", "triage"]


class Agents:
    """The demo's agents, served by ``triage demo --serve``."""

    def __init__(self, url: str, directory: Path) -> None:
        self.url = url
        self.directory = directory
        self.env = {
            **{
                key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "COLUMNS", "LINES")
            },
            "TERM": "xterm-256color",
            "TRIAGE_CONFIG": str(directory / "config.toml"),
            "TRIAGE_DATA": str(directory / "data"),
            "TRIAGE_OPERATOR": "ann",
        }

    def effects(self, agent: str) -> list[dict[str, Any]]:
        """What an agent did, oldest first."""
        with urllib.request.urlopen(f"{self.url}/{agent}/effects") as reply:
            found: list[dict[str, Any]] = json.load(reply)["effects"]
        return found

    def all_effects(self) -> list[dict[str, Any]]:
        """What all of them did."""
        names = ("payments", "deploys", "mail", "helpdesk", "scout")
        return [effect for name in names for effect in self.effects(name)]

    def console(self, *, columns: int = 120, rows: int = 36, operator: str = "ann") -> Terminal:
        """A console in a terminal of its own."""
        return Terminal(PROGRAM, {**self.env, "TRIAGE_OPERATOR": operator}, columns=columns, rows=rows)


def triage(agents: Agents, *arguments: str, operator: str = "bob") -> subprocess.CompletedProcess[str]:
    """A command in another process."""
    env = {**agents.env, "TRIAGE_OPERATOR": operator}
    return subprocess.run(
        [*PROGRAM, *arguments], env=env, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.fixture
def agents(tmp_path: Path) -> Iterator[Agents]:
    """Agents that ask the same each time, and nothing new; undo within two seconds."""
    process = subprocess.Popen(
        [*PROGRAM, "demo", "--serve", "--seed", "7", "--pace", "0", "--into", str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TRIAGE_CONFIG": str(tmp_path / "none.toml")},
    )
    try:
        assert process.stderr is not None
        said = process.stderr.readline()
        found = re.search(r"serve at (\S+)", said)
        assert found, said
        path = tmp_path / "config.toml"
        path.write_text("hold_s = 2.0\n" + path.read_text())
        yield Agents(found[1], tmp_path)
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)
