"""A small log with everything in it, and the ways to tamper with it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.store.log_faults import QUICK
from tests.store.log_making import deliver, make_decision, make_item
from triage.store import appending
from triage.store.files import Files
from triage.store.log import Log, log_directory
from triage.store.verifying import Verification, findings_in_words, verify

__all__ = ["SEGMENTS", "Tampered", "make_log", "places"]

SEGMENTS = ("00000001.jsonl", "00000002.jsonl", "00000003.jsonl")


def make_log(data: Path) -> None:
    """Three segments, a half-written line that was ended, an erased payload and one that is whole."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(appending, "SEGMENT_BYTES", 1200)
        deliver(Log(data, files=QUICK), "erased")
        killed_while_noting(data)
        patch.setattr(appending, "SEGMENT_BYTES", 900)
        log = Log(data, files=QUICK)
        log.erase_payloads(datetime.now(UTC) + timedelta(hours=1), "ada")
        item = make_item()
        log.decide(make_decision(item), item)


def killed_while_noting(data: Path) -> None:
    class Killed(Files):
        def write(self, descriptor: int, data: bytes | memoryview) -> int:
            super().write(descriptor, data[:40])
            raise KeyboardInterrupt

        def sync(self, descriptor: int) -> None:
            pass

    with pytest.raises(KeyboardInterrupt):
        Log(data, files=Killed()).append("noted", item_id="x")


class Tampered:
    """A log in which files can be replaced."""

    def __init__(self, data: Path, files: dict[str, bytes]) -> None:
        self.data = data
        self.files = files
        log_directory(data).mkdir(parents=True)

    def verify(self, changed: dict[str, bytes | None]) -> Verification:
        """What verifying says when these files are changed, or missing."""
        directory = log_directory(self.data)
        for path in directory.iterdir():
            path.unlink()
        for name, content in (self.files | changed).items():
            if content is not None:
                (directory / name).write_bytes(content)
        return verify(self.data)

    def first(self, changed: dict[str, bytes | None]) -> tuple[str, int]:
        """Where it says the first fault is."""
        found = self.verify(changed)
        assert not found.ok
        assert list(findings_in_words(found))
        return found.findings[0].file, found.findings[0].line


def places(files: dict[str, bytes]) -> Iterator[tuple[str, int, list[bytes]]]:
    """Each line: its segment, its index and all lines of that segment."""
    for name in SEGMENTS:
        lines = files[name].splitlines(keepends=True)
        for index in range(len(lines)):
            yield name, index, lines
