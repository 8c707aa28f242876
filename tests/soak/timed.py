"""``triage`` with a stopwatch at its locks: ``python -m tests.soak.timed`` is the program itself, and writes the
longest that it waited for a lock of the store into the directory that ``TRIAGE_SOAK_WAITS`` names.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from triage.store.lock import StoreLock

__all__ = ["longest_wait_s"]


class Stopwatch:
    """Around ``StoreLock``'s way to the lock."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / f"{os.getpid()}-{time.monotonic_ns()}"
        self._longest_s = 0.0
        self._acquire = StoreLock._acquire

    def acquire(self, lock: StoreLock) -> None:
        began = time.monotonic()
        try:
            self._acquire(lock)
        finally:
            took_s = time.monotonic() - began
            if took_s > self._longest_s:
                self._longest_s = took_s
                self._path.write_text(f"{took_s:.6f}")


def longest_wait_s(directory: Path) -> float:
    """The longest that any of them waited."""
    said = [path.read_text() for path in directory.iterdir()]
    return max((float(text) for text in said if text), default=0.0)


def main() -> None:
    watch = Stopwatch(Path(os.environ["TRIAGE_SOAK_WAITS"]))
    StoreLock._acquire = lambda self: watch.acquire(self)  # type: ignore[method-assign]
    from triage.cli.main import run

    run()


if __name__ == "__main__":
    main()
