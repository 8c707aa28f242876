"""``triage demo --serve``: agents for other commands, configured, and gone at the end."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.conftest import Run, ended, output_of, process


@contextmanager
def served(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """The demo's agents in a process, and the variables it says to set."""
    running = process("demo", "--serve", *arguments)
    assert running.stdout
    try:
        words = [shlex.split(running.stdout.readline())[1] for _ in range(2)]
        yield running, dict(word.split("=", 1) for word in words)
    finally:
        running.send_signal(signal.SIGTERM)
        code, _, said = ended(running)
        assert code == 0
        assert "5 agents (seed " in said


def test_it_serves_configures_and_cleans_up(triage: Run, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with served("--seed", "7", "--pace", "0") as (_, variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        found = output_of(triage("list", "--json"))
        assert len(found) == 14
        one = next(each for each in found if each["verbs"][0] == "approve")
        assert triage("approve", one["id"], "--revision", one["revision"]).exit_code in (0, 3)
        assert triage("log", "verify").exit_code == 0
    assert not os.path.exists(variables["TRIAGE_CONFIG"])


def test_it_keeps_what_is_decided_where_it_is_told(tmp_path: Path, home: Path) -> None:
    place = tmp_path / "a place"
    for _ in range(2):
        with served("--into", str(place), "--pace", "0") as (_, variables):
            assert variables["TRIAGE_CONFIG"] == str(place / "config.toml")
            assert variables["TRIAGE_DATA"] == str(place / "data")
    assert (place / "config.toml").exists()


def test_what_makes_no_sense_is_said(triage: Run, home: Path) -> None:
    assert triage("demo", "--port", "1").exit_code == 2
    assert triage("demo", "--pace", "-1").exit_code == 2
    result = triage("demo", "--seed", "1")
    assert (result.exit_code, "needs a terminal" in result.stderr) == (2, True)
