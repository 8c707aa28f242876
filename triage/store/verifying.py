"""Checking the log from the outside: every line against the one before it, every payload, the head.

It reads the files by itself and goes on after the first fault, so that all of them are told.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from triage.store.chain import Chain
from triage.store.errors import StoreLocked, StoreUnavailable
from triage.store.files import OS
from triage.store.head import HEAD_NAME, NOTHING, Head, HeadFile
from triage.store.lock import StoreLock
from triage.store.log import log_directory
from triage.store.payload_check import PayloadCheck
from triage.store.raw_lines import RawLine, RawLines
from triage.store.segments import masked, segment_path

__all__ = ["Finding", "Verification", "findings_in_words", "verify"]


_NO_LOG = "there is no log yet"
_LAST = (1 << 30, 0)
"""Sorts behind all that belongs to a line."""


class Finding(msgspec.Struct, frozen=True):
    """One thing that is not as it was written."""

    file: str
    line: int
    """Counted from 1; 0 where it belongs to no line."""
    why: str


class Verification(msgspec.Struct, frozen=True):
    """What verifying found."""

    segments: int
    events: int
    payloads: int
    """Payloads that are whole."""
    erased: int
    """Payloads that were erased, as an event says."""
    head: str
    """SHA-256 of the last event's line. Noted elsewhere, it proves later that all up to it is the same."""
    findings: tuple[Finding, ...] = ()
    """In the order of the log."""
    notes: tuple[str, ...] = ()
    """What could not be checked, or is odd but allowed."""

    @property
    def ok(self) -> bool:
        """Nothing was changed, removed, reordered or added."""
        return not self.findings


def verify(data: Path) -> Verification:
    """Check the log in the data directory ``data``. Writers wait only while its last lines are looked at.

    Raises StoreUnavailable where a file cannot be read.
    """
    directory = log_directory(data)
    if not directory.is_dir():
        return Verification(0, 0, 0, 0, NOTHING, notes=(_NO_LOG,))
    with contextlib.ExitStack() as lock:
        return _Walk(directory, StoreLock(data / "log.lock"), lock).result()


def findings_in_words(found: Verification) -> Iterator[str]:
    """A sentence for each finding."""
    for finding in found.findings:
        where = f"{finding.file}, line {finding.line}" if finding.line else finding.file
        yield f"{where}: {finding.why}"


class _Walk:
    """One walk over the whole log; the last stretch under its lock."""

    def __init__(self, directory: Path, lock: StoreLock, held: contextlib.ExitStack) -> None:
        self._lock, self._held = lock, held
        self._found: list[tuple[tuple[int, int], Finding]] = []
        self._notes: list[str] = []
        self._directory = directory
        self._head_file = HeadFile(directory / HEAD_NAME, OS)
        self._head = self._head_file.read()
        self._lines = RawLines(directory, self)
        self._payloads = PayloadCheck(directory, self)
        self._chain = Chain(self, self._payloads)
        self._late: list[RawLine] = []
        """The lines from the one on that the head named at the beginning."""

    def result(self) -> Verification:
        """Walk, and say what was found."""
        for line, after in _with_next(self._all_lines()):
            self._chain.judge(line, after, self._head)
        self._chain.judge_gap()
        whole, erased = self._payloads.result()
        self._check_head()
        self._found.sort(key=lambda found: found[0])
        return Verification(
            self._lines.segments,
            self._chain.events,
            whole,
            erased,
            self._chain.event_hash,
            tuple(finding for _, finding in self._found),
            tuple(self._notes),
        )

    def find(self, segment: int, line: int, why: str) -> None:
        """A line is not as it was written."""
        name = segment_path(self._directory, segment).name
        self._found.append(((segment, line), Finding(name, line, why)))

    def find_in(self, file: str, why: str, line: int = 0) -> None:
        """Something is not as it was written, beside the lines; or it is if lines are wrong that were told."""
        self._found.append((_LAST, Finding(file, line, why)))

    def note(self, words: str) -> None:
        """Something is odd but allowed."""
        self._notes.append(words)

    def blame(self, line: RawLine, why: str) -> None:
        """A line is not as it was written."""
        if not line.bad:
            line.bad = True
            self.find(line.segment, line.number, why)

    def _all_lines(self) -> Iterator[RawLine]:
        if self._head is not None:
            for line in self._lines.through(self._head):
                self._late = [*self._late, line] if line.torn else [line]
                yield line
        self._take_lock()
        self._head = self._head_file.read()
        for line in self._lines.rest(self._head):
            self._late.append(line)
            yield line

    def _take_lock(self) -> None:
        try:
            self._held.enter_context(self._lock)
        except StoreLocked:
            raise
        except StoreUnavailable as error:  # a directory that cannot be written, a copy for instance
            self.note(f"{error} If triage writes there meanwhile, that may look like a fault.")

    def _check_head(self) -> None:
        """The log must go exactly as far as the head says."""
        head = self._head
        if head is None and not self._late:
            self.note(_NO_LOG)
            return
        if head is None:
            why = "it is missing or cannot be read: whether the end was cut off cannot be told"
            self.find_in(HEAD_NAME, why)
            return
        segment, line = self._lines.reached
        if head.stands.reach > (segment, line):
            missing = head.stands.seq - self._chain.seq
            self.find(segment, line + 1, f"the log ends before this, and {missing} more events were written")
        known = NOTHING
        for each in self._late:
            known = known if each.torn else each.hash
            if each.reach == head.stands.reach and known != head.stands.hash:
                self.blame(each, "it was changed: head.json knows another")
        self._check_beyond(head, [line for line in self._late if line.reach > head.stands.reach])

    def _check_beyond(self, head: Head, beyond: list[RawLine]) -> None:
        """Lines behind those that surely stand: what was just being appended, or somebody else's."""
        if not beyond:
            return
        if head.tail(0) is None:
            self.note(
                f"the machine was started anew since {HEAD_NAME} was written: whether triage wrote the "
                f"{len(beyond)} lines behind it, their chain alone tells"
            )
            return
        rest = {line.segment: head.tail(line.segment) or b"" for line in beyond}
        for line in beyond:
            written = masked(line.raw + b"\n" if line.whole else line.raw)
            if not rest[line.segment].startswith(written):
                self.blame(line, "this was not written by triage")
                return
            rest[line.segment] = rest[line.segment][len(written) :]
        if beyond[-1].torn or not beyond[-1].whole:
            self.note("the log ends in a line that a killed process left; the next write will say so")


def _with_next(lines: Iterable[RawLine]) -> Iterator[tuple[RawLine, RawLine | None]]:
    """Each line with the next one that is whole and was always meant to be."""
    waiting: list[RawLine] = []
    for line in lines:
        if not line.torn:
            yield from ((each, line) for each in waiting)
            waiting.clear()
        waiting.append(line)
    yield from ((each, None) for each in waiting)
