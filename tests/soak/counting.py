"""A plugin for pytest that counts what tests do: faults that were injected, logs that were tampered with, files
that were spoiled, tests that passed. Writes them as JSON to the file that ``TRIAGE_SOAK_COUNTS`` names.
"""

from __future__ import annotations

import functools
import json
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

COUNTS: Counter[str] = Counter()


def _counted(owner: Any, name: str, what: str) -> None:
    real: Callable[..., Any] = getattr(owner, name)

    @functools.wraps(real)
    def counting(*arguments: Any, **more: Any) -> Any:
        COUNTS[what] += 1
        return real(*arguments, **more)

    setattr(owner, name, counting)


def _count_faults() -> None:
    """Each disk counts once: one call of it fails, with whatever follows from that."""
    from tests.store.disk import Disk

    real = Disk._call

    def call(disk: Any, name: str, do: Any, undo: Any = None) -> Any:
        before = disk.failed
        try:
            return real(disk, name, do, undo)
        finally:
            if disk.failed and not before:
                power = disk._fault.value == "power"
                COUNTS["kills and power cuts at a call" if power else "calls that failed"] += 1

    Disk._call = call  # type: ignore[method-assign, assignment]


def pytest_configure() -> None:
    """Before any test is read."""
    from tests.hostile import spoiling
    from tests.store.log_tampering import Tampered

    _count_faults()
    _counted(Tampered, "verify", "tampered logs")
    _counted(spoiling, "spoil", "spoiled files")
    _counted(spoiling, "odd_value", "odd values")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call" and report.passed:
        COUNTS["tests"] += 1


def pytest_sessionfinish() -> None:
    Path(os.environ["TRIAGE_SOAK_COUNTS"]).write_text(json.dumps(COUNTS))
