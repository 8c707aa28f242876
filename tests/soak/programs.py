"""Parts that are programs of the tests: each is run in a process of its own and prints its counts as JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter, deque
from collections.abc import Mapping
from pathlib import Path

from tests.soak.report import Counts, say

__all__ = ["ROOT", "TestCounts", "run_program", "run_tests"]

ROOT = Path(__file__).parents[2]
TestCounts = Counter[str]


def run_program(module: str, *arguments: object) -> Counts:
    """What a module of the tests counted; what it says of its progress is passed on.

    Raises AssertionError with what it said where it failed.
    """
    command = [sys.executable, "-m", module, *map(str, arguments)]
    said = deque[str](maxlen=200)
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        for line in running.stderr:
            said.append(line)
            say(line.rstrip("\n"))
        printed = running.stdout.read()
    assert running.returncode == 0, (
        f"{module} {' '.join(command[3:])}:\n{printed[-2000:]}\n{''.join(said)[-6000:]}"
    )
    counts: Counts = json.loads(printed.splitlines()[-1])
    return counts


def run_tests(directory: Path, *arguments: str, env: Mapping[str, str] | None = None) -> TestCounts:
    """Run tests of the suite; how many passed, and what ``counting`` counted in them."""
    directory.mkdir(parents=True, exist_ok=True)
    counts = directory / "counts.json"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.soak.counting", *arguments]
    more = {"TRIAGE_SOAK_COUNTS": str(counts), **(env or {})}
    options = [f"--basetemp={directory / 'pytest'}", "-o", "timeout=3600"]
    done = subprocess.run(
        [*command, *options],
        cwd=ROOT,
        env={**os.environ, **more},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8000:]
    return Counter(json.loads(counts.read_text()))
