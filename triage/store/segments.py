"""The files of the log: segments of JSON lines, each line carrying the SHA-256 of the one before it.

A segment begins with a header that carries the hash of the last line of the segment before, and how many
bytes of that one count. A line that a killed writer left half-written is ended with ``!torn``, which no
JSON ends with, and followed by a ``recovered`` event that carries its hash; the chain passes over it.
Behind a tab a line may have a payload. It is bound by the digest in its event and not by the chain, so that
it can be blanked; nothing else that stands is ever written over.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import msgspec

from triage.store.errors import StoreDamaged, StoreTooNew, StoreUnavailable, os_words
from triage.store.events import Event, Place
from triage.store.files import Files, read_from
from triage.store.head import Position

__all__ = [
    "FORMAT",
    "REMEDY",
    "TAB",
    "TORN",
    "VERSION",
    "Header",
    "Line",
    "Reread",
    "Segments",
    "decoded_event",
    "decoded_header",
    "format_version",
    "is_torn",
    "line_hash",
    "masked",
    "segment_numbers",
    "segment_path",
    "text_of",
    "torn_hash",
    "unavailable",
]

FORMAT = "triage-log"
VERSION = 2
"""Format 1 has its payloads in a file beside each segment; it is read, and nothing is added to it."""
TORN = b"!torn"
TAB = b"\t"
"""Ends what is hashed of a line that has a payload; encoded JSON has none."""
REMEDY = (
    "`triage log verify` says what else is wrong. The log is evidence: keep the directory, move it away "
    "whole, and go on with a new one; what waits is polled anew."
)
_HEADER_BYTES = 4096
"""So much is read of a segment to see its header; most are far shorter."""
_PAYLOAD = re.compile(rb"(?<=\t)[^\n]+")
_BLANKS = bytes(0 if byte == 0 else ord(" ") for byte in range(256))


class _Stamp(msgspec.Struct, frozen=True):
    """What the header of any version has."""

    format: str
    version: int


class Header(msgspec.Struct, frozen=True, omit_defaults=True):
    """The first line of a segment."""

    format: str
    version: int
    segment: int
    previous: str
    """SHA-256 of the last line that counts of the segment before."""
    previous_bytes: int
    """How many bytes of the segment before count."""
    at: datetime
    dropped: str = ""
    """After a failed fsync: what was written behind those bytes and does not count, in Latin-1. A power cut
    may leave some of it there."""


class Line(NamedTuple):
    """A line that holds an event."""

    place: Place
    """Of its text."""
    event: Event


class Reread(Exception):
    """Lines that were read do not count any more (they were never acknowledged): read all anew."""


_event_decoder = msgspec.json.Decoder(Event)
_header_decoder = msgspec.json.Decoder(Header)
_stamp_decoder = msgspec.json.Decoder(_Stamp)
_UNDECODABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def text_of(line: bytes) -> bytes:
    """What the chain hashes of a whole line: all of it, but for its payload and the tab before that."""
    return line.partition(TAB)[0]


def masked(lines: bytes) -> bytes:
    """The same with blanks for payloads, whole or half; NUL bytes stay."""
    return _PAYLOAD.sub(lambda found: found[0].translate(_BLANKS), lines) if TAB in lines else lines


def line_hash(text: bytes) -> str:
    """SHA-256 of a line's text, hexadecimal."""
    return hashlib.sha256(text).hexdigest()


def torn_hash(lines: bytes) -> str:
    """What a ``recovered`` event carries of the half-written lines before it; empty where there are none."""
    return line_hash(lines) if lines else ""


def is_torn(line: bytes) -> bool:
    """Whether a line was never whole: a killed writer left it, or a power cut blanked some of it."""
    return line.endswith(TORN) or b"\0" in line


def decoded_event(text: bytes) -> Event | None:
    """The event in a line's text; None where it holds none."""
    try:
        return _event_decoder.decode(text)
    except _UNDECODABLE:
        return None


def decoded_header(line: bytes) -> Header | None:
    """The header in a line; None where it is none of a log."""
    try:
        header = _header_decoder.decode(line)
    except _UNDECODABLE:
        return None
    return header if header.format == FORMAT else None


def format_version(line: bytes) -> int:
    """Which version of the format a header names; 0 where it is no header of a log."""
    try:
        stamp = _stamp_decoder.decode(line)
    except _UNDECODABLE:
        return 0
    return stamp.version if stamp.format == FORMAT else 0


@lru_cache(maxsize=64)
def segment_path(directory: Path, number: int) -> Path:
    """The file of a segment."""
    return directory / f"{number:08}.jsonl"


def segment_numbers(directory: Path) -> list[int]:
    """Of the segments there are, in order."""
    return sorted(int(path.name[:8]) for path in directory.glob("[0-9]" * 8 + ".jsonl"))


def unavailable(what: str, path: Path, error: OSError) -> StoreUnavailable:
    """The error for a file that cannot be read or written."""
    return StoreUnavailable(f"{path} cannot be {what}: {os_words(error)}.")


class Segments:
    """The chain in ``directory`` as one process has read it."""

    def __init__(self, directory: Path, files: Files, at: Position | None = None) -> None:
        self.directory = directory
        self._files = files
        self.at = at or Position()
        """How far it was read."""
        self.tail = Place(0, 0, 0)
        """The last line that was read and counts."""
        self.torn = b""
        """The last lines, where they were never whole and no event says so yet."""
        self._known = Position()
        self._version = (0, 0)

    @property
    def version(self) -> int:
        """In which format the segment is that was read last. Raises OSError."""
        segment, version = self._version
        if segment != self.at.segment:
            segment = self.at.segment
            version = format_version(self._first_line(segment_path(self.directory, segment)))
            self._version = segment, version
        return version

    def read(self) -> Iterator[Line]:
        """The events appended since the last call; two ``stat`` when there are none.

        Raises Reread, StoreDamaged, StoreTooNew and StoreUnavailable.
        """
        while True:
            following = self._header_after()
            if self.at.segment:
                yield from self._read_on(following)
            if following is None:
                return
            self._enter(following)

    def expect(self, stands: Position) -> None:
        """Before anything is read: what the head says of it. A line that differs is then damaged."""
        self._known = stands

    def check_end(self) -> None:
        """Raise StoreDamaged where the log ends before it should, by its head or by later segments."""
        if self.at.reach < self._known.reach:
            more = self._known.seq - self.at.seq
            raise self._damaged(f"the log ends here, and {more} more events were written")
        try:
            numbers = segment_numbers(self.directory)
        except OSError as error:
            raise unavailable("read", self.directory, error) from error
        for wanted, number in enumerate(numbers, 1):
            if number != wanted:
                missing = segment_path(self.directory, wanted)
                raise StoreDamaged(missing, 0, "the segment is missing", REMEDY)

    def take(self, raw: bytes) -> Line | None:
        """The next whole line; None where it holds no event. Raises StoreDamaged."""
        at, event = self.at, None
        seq, hash = at.seq, at.hash
        text, tab, payload = raw.partition(TAB)
        if at.line and is_torn(raw):
            self.torn += raw + b"\n"
        else:
            hash = line_hash(text)
            self.tail = Place(at.segment, at.end, len(raw))
            if at.line:
                event = self._event(text, len(payload) if tab else None)
                seq, self.torn = event.seq, b""
        after = Position(at.segment, at.line + 1, at.end + len(raw) + 1, seq, hash)
        if after.line == self._known.line and after.segment == self._known.segment and after != self._known:
            raise self._damaged("this is not the line that was written, as head.json says")
        self.at = after
        return None if event is None else Line(Place(at.segment, at.end, len(text)), event)

    def event_at(self, place: Place) -> Event:
        """The event of a line read earlier. Raises StoreUnavailable and StoreDamaged."""
        path = segment_path(self.directory, place.segment)
        try:
            event = decoded_event(read_from(self._files, path, place.offset, place.size))
        except OSError as error:
            raise unavailable("read", path, error) from error
        if event is None:
            raise StoreDamaged(path, 0, f"at byte {place.offset} a line is no longer what was read", REMEDY)
        return event.at_place(place.segment, place.offset + place.size)

    def _header_after(self) -> Header | None:
        """The next segment's header, checked; None where there is no next segment."""
        number = self.at.segment + 1
        path = segment_path(self.directory, number)
        try:
            self._files.stat(path)
            line = self._first_line(path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise unavailable("read", path, error) from error
        version = format_version(line)
        if version > VERSION:
            raise StoreTooNew(path, version, VERSION)
        header = decoded_header(line)
        if header is None or header.segment != number:
            raise StoreDamaged(path, 1, f"this is not the header of segment {number} of a log", REMEDY)
        return header

    def _first_line(self, path: Path) -> bytes:
        line, end, _ = read_from(self._files, path, 0, _HEADER_BYTES).partition(b"\n")
        return line if end else read_from(self._files, path, 0).partition(b"\n")[0]

    def _read_on(self, following: Header | None) -> Iterator[Line]:
        """What is new in the segment, up to where the ``following`` one says that it ends."""
        path = segment_path(self.directory, self.at.segment)
        try:
            end = self._files.stat(path).st_size if following is None else following.previous_bytes
            if end < self.at.end:
                raise Reread
            data = read_from(self._files, path, self.at.end, end - self.at.end) if end > self.at.end else b""
        except OSError as error:
            raise unavailable("read", path, error) from error
        for raw in data.split(b"\n")[:-1]:
            line = self.take(raw)
            if line is not None:
                yield line
        if following is not None and self.at.end != end:
            raise StoreDamaged(path, self.at.line + 1, "lines are missing here", REMEDY)

    def _enter(self, header: Header) -> None:
        if header.previous != self.at.hash:
            path = segment_path(self.directory, header.segment)
            raise StoreDamaged(path, 1, "it does not follow the segment before it", REMEDY)
        self.at = Position(header.segment, 0, 0, self.at.seq, self.at.hash)

    def _event(self, text: bytes, payload: int | None) -> Event:
        """The event in a line's text, behind which there are so many bytes of payload."""
        event = decoded_event(text)
        if event is None:
            raise self._damaged("this is not an event of a log")
        if event.previous != self.at.hash:
            raise self._damaged("it does not follow the line before it")
        if event.seq != self.at.seq + 1:
            raise self._damaged(f"it is number {event.seq}, not {self.at.seq + 1}")
        if event.torn != torn_hash(self.torn):
            raise self._damaged("what stands before it is not the half-written line that it speaks of")
        event = event.at_place(self.at.segment, self.at.end + len(text))
        ref = event.payload
        if payload != (ref.size if ref is not None and ref.inside else None):
            raise self._damaged("what stands behind its event is not its payload")
        return event

    def _damaged(self, why: str) -> StoreDamaged:
        return StoreDamaged(segment_path(self.directory, self.at.segment), self.at.line + 1, why, REMEDY)
