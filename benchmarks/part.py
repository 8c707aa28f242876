"""A part of the benchmark: rows that are measured together, and the one function that measures them."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import msgspec

from benchmarks.figures import Figure, Row

__all__ = ["Part", "Setting"]


class Setting(msgspec.Struct, frozen=True):
    """How much is measured."""

    short: bool
    """Small sizes and few repetitions: what a test run can bear."""
    scratch: Path
    """Where files are made; on the disk that shall be measured."""

    def times(self, whole: int) -> int:
        """How often: ``whole`` times, in the short form a fifth of it."""
        return max(3, whole // 5) if self.short else whole

    @contextlib.contextmanager
    def directory(self) -> Iterator[Path]:
        """A directory of its own, removed at the end."""
        with tempfile.TemporaryDirectory(dir=self.scratch, prefix="triage-bench-") as name:
            yield Path(name)


class Part(msgspec.Struct, frozen=True):
    """``measure`` gives figures by row name; a row without one says "not measured"."""

    name: str
    rows: tuple[Row, ...]
    measure: Callable[[Setting], Mapping[str, Figure]]
