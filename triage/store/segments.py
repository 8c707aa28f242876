"""The files of the log: segments of JSON lines, each line carrying the SHA-256 of the one before it.

A segment begins with a header that carries the hash of the last line of the segment before, and how many
of that one's lines count. A line that a killed writer left half-written is ended with ``!torn``, which no
JSON ends with, and followed by a ``recovered`` event; nothing is ever written over.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec

from triage.store.errors import StoreDamaged, StoreTooNew, StoreUnavailable, SyncFailed, os_words
from triage.store.files import Files, append_bytes, make_directory, read_from, replace_file
from triage.store.head import Head, HeadFile, boot_id
from triage.store.ledger import Event, Place

__all__ = ["FORMAT", "REMEDY", "TORN", "VERSION", "Header", "Line", "Reread", "Segments", "line_hash"]

FORMAT = "triage-log"
VERSION = 1
SEGMENT_BYTES = 16 << 20
"""A segment that is longer is followed by another."""
TORN = b"!torn"
NOTHING = "0" * 64
"""The hash that stands before the very first line."""
REMEDY = (
    "`triage log verify` says what else is wrong. The log is evidence: keep the directory, move it away "
    "whole, and go on with a new one; what waits is polled anew."
)

Build = Callable[[int, str], Event]
"""Makes an event of its number and the hash of the line before it."""


class Header(msgspec.Struct, frozen=True):
    """The first line of a segment."""

    format: str
    version: int
    segment: int
    previous: str
    """SHA-256 of the last line that counts of the segment before."""
    previous_lines: int
    """How many lines of the segment before count, its header included."""
    at: datetime


class Line(NamedTuple):
    """A line that holds an event."""

    place: Place
    event: Event


class Reread(Exception):
    """Lines that were read do not count any more (they were never acknowledged): read all anew."""


_event_decoder = msgspec.json.Decoder(Event)
_header_decoder = msgspec.json.Decoder(Header)


def line_hash(line: bytes) -> str:
    """SHA-256 of a line without its end, hexadecimal."""
    return hashlib.sha256(line).hexdigest()


def segment_path(directory: Path, number: int) -> Path:
    """The file of a segment."""
    return directory / f"{number:08}.jsonl"


class Segments:
    """The chain in ``directory`` as one process has read it. Writers hold the log's lock."""

    def __init__(self, directory: Path, files: Files) -> None:
        self.directory = directory
        self._files = files
        self._head = HeadFile(directory / "head.json", files)
        self._mark = directory / "unsynced"
        """There while an fsync failed and no new segment could be begun."""
        self._broken = ""
        self.number = 0
        """The segment read last; 0: there is none."""
        self.seq = 0
        """Number of the last event."""
        self._event_hash = NOTHING
        self._lines = 0
        self._end = 0
        self._tail = NOTHING

    # reading

    def read(self) -> Iterator[Line]:
        """The events appended since the last call; two ``stat`` when there are none.

        Raises Reread, StoreDamaged, StoreTooNew and StoreUnavailable.
        """
        while True:
            following = self._header_after()
            if self.number:
                yield from self._read_on(following.previous_lines if following else None)
            if following is None:
                return
            self._enter(following)

    def _header_after(self) -> Header | None:
        """The next segment's header, checked; None where there is no next segment."""
        path = segment_path(self.directory, self.number + 1)
        try:
            os.stat(path)
            line = read_from(self._files, path, 0, 4096).partition(b"\n")[0]
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise self._unavailable("read", path, error) from error
        try:
            header = _header_decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            header = None
        if header is None or header.format != FORMAT or header.segment != self.number + 1:
            raise StoreDamaged(
                path, 1, f"this is not the header of segment {self.number + 1} of a log", REMEDY
            )
        if header.version > VERSION:
            raise StoreTooNew(path, header.version, VERSION)
        return header

    def _read_on(self, limit: int | None) -> Iterator[Line]:
        path = segment_path(self.directory, self.number)
        try:
            size = os.stat(path).st_size
            if size < self._end or (limit is not None and limit < self._lines):
                raise Reread
            data = read_from(self._files, path, self._end) if size > self._end else b""
        except OSError as error:
            raise self._unavailable("read", path, error) from error
        for raw in data.split(b"\n")[:-1]:
            if limit is not None and self._lines >= limit:
                break
            line = self._take(path, raw)
            if line is not None:
                yield line
        if limit is not None and self._lines < limit:
            raise StoreDamaged(path, self._lines + 1, "lines are missing here", REMEDY)

    def _take(self, path: Path, raw: bytes) -> Line | None:
        """One whole line; None where it holds no event."""
        place = Place(self.number, self._end, len(raw))
        event = None if self._lines == 0 or raw.endswith(TORN) else self._event(path, raw)
        self._end += len(raw) + 1
        self._lines += 1
        self._tail = line_hash(raw)
        if event is None:
            return None
        self.seq, self._event_hash = event.seq, self._tail
        return Line(place, event)

    def _event(self, path: Path, raw: bytes) -> Event:
        try:
            event = _event_decoder.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise StoreDamaged(path, self._lines + 1, "this is not an event of a log", REMEDY) from None
        if event.previous != self._tail:
            raise StoreDamaged(path, self._lines + 1, "it does not follow the line before it", REMEDY)
        if event.seq != self.seq + 1:
            raise StoreDamaged(path, self._lines + 1, f"it is number {event.seq}, not {self.seq + 1}", REMEDY)
        return event

    def _enter(self, header: Header) -> None:
        if header.previous != self._tail:
            path = segment_path(self.directory, header.segment)
            raise StoreDamaged(path, 1, "it does not follow the segment before it", REMEDY)
        self.number, self._end, self._lines = header.segment, 0, 0

    def event_at(self, place: Place) -> Event:
        """The event of a line read earlier. Raises StoreUnavailable and StoreDamaged."""
        path = segment_path(self.directory, place.segment)
        try:
            raw = read_from(self._files, path, place.offset, place.size)
        except OSError as error:
            raise self._unavailable("read", path, error) from error
        try:
            return _event_decoder.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise StoreDamaged(path, 0, "a line that was read is no longer there", REMEDY) from None

    # writing: under the lock, with everything read

    def make_ready(self) -> None:
        """See that the next event can be appended: a segment to put it into, no half line at its end.

        Raises StoreUnavailable.
        """
        if self._broken:
            raise StoreUnavailable(self._broken)
        path = segment_path(self.directory, self.number)
        try:
            if not self.number:
                make_directory(self.directory)
                self._begin_segment(None)
            elif self._mark.exists() or self._end > SEGMENT_BYTES:
                self._begin_segment(None)
                self._files.remove(self._mark)
            elif os.stat(path).st_size > self._end:
                self._end_torn_line(path)
        except OSError as error:
            raise self._unavailable("written", path, error) from error

    def append(self, build: Build) -> Line:
        """Append the event that ``build`` makes; on the disk when this returns.

        Raises StoreUnavailable; the event then does not stand, now or later.
        """
        path = segment_path(self.directory, self.number)
        try:
            raw = self._encoded(build)
            self._announce(raw)
            try:
                append_bytes(self._files, path, raw + b"\n", sync=True)
            except SyncFailed as error:
                return self._put_into_new_segment(path, build, error)
        except OSError as error:
            raise self._unavailable("written", path, error) from error
        line = self._take(path, raw)
        assert line is not None  # noqa: S101 - an event was encoded, so an event is decoded
        self._confirm()
        return line

    def _encoded(self, build: Build) -> bytes:
        return msgspec.json.encode(build(self.seq + 1, self._tail))

    def _announce(self, raw: bytes) -> None:
        self._head.write(Head(self.number, self.seq, self._event_hash, line_hash(raw), boot_id()))

    def _confirm(self) -> None:
        try:
            self._head.write(Head(self.number, self.seq, self._event_hash, "", boot_id()))
        except OSError:  # the event stands and was announced, which verifying takes as well
            return

    def _end_torn_line(self, path: Path) -> None:
        """End what a killed writer left, and say so in an event."""
        torn = read_from(self._files, path, self._end)
        append_bytes(self._files, path, TORN + b"\n", sync=False)
        self._take(path, torn + TORN)
        self.append(
            lambda seq, previous: Event(
                seq,
                previous,
                "recovered",
                datetime.now(UTC),
                detail=f"a half-written line of {len(torn)} bytes",
            )
        )

    def _begin_segment(self, build: Build | None) -> Line | None:
        """Begin the next segment, with one event in it or none, durable at once. Raises OSError."""
        header = Header(FORMAT, VERSION, self.number + 1, self._tail, self._lines, datetime.now(UTC))
        path = segment_path(self.directory, header.segment)
        first = msgspec.json.encode(header)
        lines = [first]
        if build is not None:
            lines.append(msgspec.json.encode(build(self.seq + 1, line_hash(first))))
        try:
            replace_file(self._files, path, [line + b"\n" for line in lines])
        except SyncFailed as error:
            self._files.remove(path)
            raise error.cause from error
        self._enter(header)
        taken = [self._take(path, line) for line in lines]
        self._confirm()
        return taken[-1]

    def _put_into_new_segment(self, path: Path, build: Build, error: SyncFailed) -> Line:
        """After an fsync failed nothing in that file can be trusted to last: go on in a new one."""
        try:
            self._take_back(path)
        except OSError:
            self._broken = (
                f"{error}. Whether the last decision was saved is not known, and nothing more is accepted: "
                "look at the disk, then start triage again and look at the log."
            )
            raise StoreUnavailable(self._broken) from error
        try:
            line = self._begin_segment(build)
        except OSError:
            self._leave_mark()
            raise StoreUnavailable(f"{error}. Nothing was saved.") from error
        assert line is not None  # noqa: S101 - an event was given
        return line

    def _take_back(self, path: Path) -> None:
        descriptor = self._files.open(path, os.O_WRONLY)
        try:
            self._files.truncate(descriptor, self._end)
        finally:
            self._files.close(descriptor)

    def _leave_mark(self) -> None:
        """Have the next writer, whoever it is, begin a new segment first."""
        try:
            self._files.close(self._files.open(self._mark, os.O_WRONLY | os.O_CREAT))
        except OSError as error:
            self._broken = f"{self._mark} cannot be written: {os_words(error)}. Nothing more is accepted."

    def _unavailable(self, what: str, path: Path, error: OSError) -> StoreUnavailable:
        return StoreUnavailable(f"{path} cannot be {what}: {os_words(error)}.")
