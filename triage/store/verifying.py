"""Checking the log from the outside: every line against the one before it, every payload, the head.

It reads the files by itself and goes on after the first fault, so that all of them are told.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from triage.store.errors import StoreUnavailable, os_words
from triage.store.files import OS
from triage.store.head import HeadFile, boot_id
from triage.store.ledger import Event
from triage.store.lock import StoreLock
from triage.store.log import log_directory
from triage.store.payloads import Payloads, PayloadState
from triage.store.segments import FORMAT, NOTHING, TORN, VERSION, Header, segment_path

__all__ = ["Finding", "Verification", "verify"]


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
    notes: tuple[str, ...] = ()
    """What could not be checked, or is odd but allowed."""

    @property
    def ok(self) -> bool:
        """Nothing was changed, removed, reordered or added."""
        return not self.findings


def verify(data: Path) -> Verification:
    """Check the log in the data directory ``data``; waits for a write under way to end.

    Raises StoreUnavailable where a file cannot be read.
    """
    directory = log_directory(data)
    if not directory.is_dir():
        return Verification(0, 0, 0, 0, NOTHING, notes=("there is no log yet",))
    with StoreLock(data / "log.lock"):
        return _Walk(directory).result()


class _Walk:
    """One walk over the whole log."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._findings: list[Finding] = []
        self._notes: list[str] = []
        self._tail = NOTHING
        self._seq = 0
        self._event_hash = NOTHING
        self._hashes: dict[int, str] = {}
        self._with_payload: list[Event] = []
        self._erased_through = 0
        self._segments = 0
        self._file = ""

    def result(self) -> Verification:
        """Walk, and say what was found."""
        numbers = sorted(int(path.name[:8]) for path in self._directory.glob("[0-9]" * 8 + ".jsonl"))
        for number in range(1, max(numbers, default=0) + 1):
            self._segment(number, last=number == max(numbers))
        payloads, erased = self._check_payloads()
        self._check_head()
        return Verification(
            self._segments,
            self._seq,
            payloads,
            erased,
            self._event_hash,
            tuple(self._findings),
            tuple(self._notes),
        )

    def _find(self, line: int, why: str) -> None:
        self._findings.append(Finding(self._file, line, why))

    def _segment(self, number: int, *, last: bool) -> None:
        path = segment_path(self._directory, number)
        self._file = path.name
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            self._find(0, "the segment is missing")
            return
        except OSError as error:
            raise StoreUnavailable(f"{path} cannot be read: {os_words(error)}.") from error
        self._segments += 1
        lines = data.split(b"\n")
        partial = lines.pop()
        if partial and last:
            self._notes.append(f"{self._file} ends in a half-written line; the next write will say so")
        kept = self._kept(number, len(lines))
        torn = False
        for count, raw in enumerate(lines[:kept], 1):
            if count == 1:
                self._header(raw, number)
            elif raw.endswith(TORN):
                torn = True
            else:
                self._event(count, raw, after_torn=torn)
                torn = False
            self._tail = hashlib.sha256(raw).hexdigest()
        if torn:
            self._notes.append(f"{self._file} ends in a line that a killed process left")

    def _kept(self, number: int, lines: int) -> int:
        """How many lines of a segment count, as the next one says."""
        header = _header_of(segment_path(self._directory, number + 1))
        if header is None:
            return lines
        if header.previous_lines > lines:
            self._find(lines + 1, f"{header.previous_lines - lines} lines are missing at the end")
        elif header.previous_lines < lines:
            extra = lines - header.previous_lines
            self._notes.append(
                f"{self._file}: {extra} lines at the end were never acknowledged (a disk error)"
            )
        return min(lines, header.previous_lines)

    def _header(self, raw: bytes, number: int) -> None:
        header = _decoded_header(raw)
        if header is None or header.format != FORMAT or header.segment != number:
            self._find(1, f"this is not the header of segment {number}")
        elif header.version > VERSION:
            self._find(1, f"written in format {header.version}; this triage reads up to {VERSION}")
        elif header.previous != self._tail:
            self._find(1, "it does not follow the segment before it")

    def _event(self, line: int, raw: bytes, *, after_torn: bool) -> None:
        try:
            event = msgspec.json.decode(raw, type=Event)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            self._find(line, "this is not an event")
            return
        if event.previous != self._tail:
            self._find(line, "it does not follow the line before it: that one or this one was changed")
        if event.seq != self._seq + 1:
            self._find(line, f"it is event {event.seq}, and {self._seq + 1} was to come")
        if after_torn and event.type != "recovered":
            self._find(line, "a half-written line stands before it, and no event says so")
        self._seq = event.seq
        self._event_hash = self._hashes[event.seq] = hashlib.sha256(raw).hexdigest()
        if event.payload is not None:
            self._with_payload.append(event)
        if event.type == "erased":
            self._erased_through = max(self._erased_through, event.through)

    def _check_payloads(self) -> tuple[int, int]:
        payloads, whole, erased = Payloads(self._directory, OS), 0, 0
        for event in self._with_payload:
            assert event.payload is not None  # noqa: S101 - only those with one were kept
            self._file = f"{event.payload.segment:08}.payload.jsonl"
            state = payloads.state(event.payload)
            if state is PayloadState.WHOLE:
                whole += 1
            elif event.seq <= self._erased_through and state is PayloadState.ERASED:
                erased += 1
            else:
                what = (
                    "erased, and no event says so" if state is PayloadState.ERASED else "changed or missing"
                )
                self._find(0, f"the payload of event {event.seq} was {what}")
        return whole, erased

    def _check_head(self) -> None:
        """The log must go exactly as far as the head says."""
        self._file = "head.json"
        head = HeadFile(self._directory / self._file, OS).read()
        if head is None:
            self._find(0, "it is missing or cannot be read: a cut-off end would not be seen")
        elif head.seq > self._seq:
            self._find(0, f"the log ends at event {self._seq}, and {head.seq} events were written")
        elif self._hashes.get(head.seq, NOTHING) != head.hash:
            self._find(0, f"event {head.seq} is not the one that was written")
        elif head.seq < self._seq and self._hashes[head.seq + 1] != head.next_hash:
            self._later_than(head.seq, head.boot)
        elif head.seq + 1 < self._seq:
            self._later_than(head.seq + 1, head.boot)

    def _later_than(self, seq: int, boot: str) -> None:
        added = self._seq - seq
        if boot and boot == boot_id():
            self._find(0, f"{added} events at the end were not written by triage")
        else:
            self._notes.append(
                f"the machine was started anew since the head was written; {added} events after it rest on "
                "their chain alone"
            )


def _header_of(path: Path) -> Header | None:
    try:
        with path.open("rb") as file:
            return _decoded_header(file.readline().rstrip(b"\n"))
    except OSError:
        return None


def _decoded_header(raw: bytes) -> Header | None:
    try:
        return msgspec.json.decode(raw, type=Header)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def findings_in_words(found: Verification) -> Iterator[str]:
    """A sentence for each finding."""
    for finding in found.findings:
        where = f"{finding.file}, line {finding.line}" if finding.line else finding.file
        yield f"{where}: {finding.why}"
