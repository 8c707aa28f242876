"""The log's lines as they stand on disk, whatever they hold: what verifying looks at.

Nothing here trusts a line that it has not seen to be right; what is odd about the files themselves, as a
missing segment or bytes behind the last line that counts, is told through ``Report``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import msgspec

from triage.store.events import Event
from triage.store.files import OS, read_from
from triage.store.head import Head
from triage.store.segments import (
    TAB,
    Header,
    decoded_event,
    decoded_header,
    is_torn,
    line_hash,
    segment_numbers,
    segment_path,
    text_of,
    unavailable,
)

__all__ = ["RawLine", "RawLines", "Report"]


_TWO_LINES = 1 << 16
"""So much is read to see two lines; they are rarely longer."""


class Report(Protocol):
    """Takes what was found."""

    def find(self, segment: int, line: int, why: str) -> None:
        """Something is not as it was written."""

    def note(self, words: str) -> None:
        """Something is odd but allowed."""


class RawLine(msgspec.Struct):
    """One line of a segment."""

    segment: int
    number: int
    """Counted from 1."""
    raw: bytes
    whole: bool = True
    """Whether it has an end. One that is also bad stands for what is missing there."""
    offset: int = 0
    """Where it begins in its segment."""
    hash: str = ""
    payload: bytes | None = None
    event: Event | None = None
    header: Header | None = None
    torn: bool = False
    bad: bool = False
    """Whether something was found about it."""

    def __post_init__(self) -> None:
        text, tab, payload = self.raw.partition(TAB)
        self.hash = line_hash(text)
        self.payload = payload if tab else None
        if self.number == 1:
            self.header = decoded_header(text)
        elif self.whole and not is_torn(self.raw):
            event = decoded_event(text)
            self.event = event and event.at_place(self.segment, self.offset + len(text))
        else:
            self.torn = self.whole

    @property
    def reach(self) -> tuple[int, int]:
        """Orders lines of one log."""
        return self.segment, self.number

    @property
    def has_too_much(self) -> bool:
        """Whether something stands behind its text that is no payload."""
        ref = self.event and self.event.payload
        return self.payload is not None and not (ref and ref.inside)

    @property
    def previous(self) -> str | None:
        """The hash it names of the line before it; None where it names none."""
        named = self.event or self.header
        return named.previous if named is not None else None


class RawLines:
    """The lines of the log in ``directory``."""

    def __init__(self, directory: Path, report: Report) -> None:
        self._directory = directory
        self._report = report
        self._segment = 0
        self._lines = 0
        self._end = 0
        self._last = b""
        self.segments = 0
        """How many were read."""

    @property
    def reached(self) -> tuple[int, int]:
        """The segment that was read last, and how many whole lines of it."""
        return max(self._segment, 1), self._lines

    def through(self, head: Head) -> Iterator[RawLine]:
        """The lines that a head says stand; they never change, so no lock is needed."""
        last, end = head.stands.segment, head.stands.end
        for number in self._numbers():
            if number < last:
                yield from self._rest_of(number, head)
            elif number == last:
                yield from self._enter(number)
                yield from self._lines_of(self._bytes(number), end)

    def rest(self, head: Head | None) -> Iterator[RawLine]:
        """The lines behind those that were read; the log's lock is held."""
        for number in self._numbers():
            if number >= self._segment:
                yield from self._rest_of(number, head)

    def _numbers(self) -> list[int]:
        try:
            return segment_numbers(self._directory)
        except OSError as error:
            raise unavailable("read", self._directory, error) from error

    def _enter(self, number: int) -> Iterator[RawLine]:
        if number == self._segment:
            return
        if number > self._segment + 1:
            missing = self._segment + 1
            self._report.find(missing, 0, f"segment {missing} is missing, before segment {number}")
            yield RawLine(missing, 0, b"", whole=False, bad=True)
        self._segment, self._lines, self._end = number, 0, 0
        self.segments += 1

    def _rest_of(self, number: int, head: Head | None) -> Iterator[RawLine]:
        yield from self._enter(number)
        data = self._bytes(number)
        following = self._header_after(number, head)
        if following is None:
            yield from self._lines_of(data)
            return
        counts = following.previous_bytes
        yield from self._lines_of(data, counts)
        if self._end < counts and following.previous != line_hash(text_of(self._last)):
            yield RawLine(number, self._lines + 1, b"", whole=False, header=following, bad=True)
        elif len(data) > self._end:
            self._extra(number, data[self._end :], following.dropped.encode("latin-1"))

    def _lines_of(self, data: bytes, limit: int | None = None) -> Iterator[RawLine]:
        """The lines behind those that were read; ``limit``: those that begin before it, and have an end."""
        *lines, partial = data[self._end :].split(b"\n")
        for raw in lines:
            if limit is not None and self._end >= limit:
                return
            self._lines += 1
            offset, self._end = self._end, self._end + len(raw) + 1
            self._last = raw
            yield RawLine(self._segment, self._lines, raw, offset=offset)
        if partial and limit is None:
            yield RawLine(self._segment, self._lines + 1, partial, whole=False)

    def _extra(self, number: int, extra: bytes, dropped: bytes) -> None:
        """Bytes behind the last line that counts: what a failed fsync left there, or somebody else's."""
        if _is_left_of(extra, dropped):
            self._report.note(f"segment {number}: {len(extra)} bytes at its end do not count (a disk error)")
        else:
            self._report.find(number, self._lines + 1, f"{len(extra)} bytes here were not written by triage")

    def _header_after(self, number: int, head: Head | None) -> Header | None:
        """The header of the next segment, where the line after it, or the head, bears it out."""
        path = segment_path(self._directory, number + 1)
        try:
            lines = [text_of(line) for line in self._beginning(path).split(b"\n")[:2]]
        except FileNotFoundError:
            return None
        except OSError as error:
            raise unavailable("read", path, error) from error
        header = decoded_header(lines[0])
        event = decoded_event(lines[1]) if len(lines) == 2 else None
        hashed = line_hash(lines[0])
        if event is not None:
            return header if event.previous == hashed else None
        is_last = head is not None and head.stands.reach == (number + 1, 1)
        return None if head and is_last and head.stands.hash != hashed else header

    def _beginning(self, path: Path) -> bytes:
        """At least the first two lines."""
        data = read_from(OS, path, 0, _TWO_LINES)
        return data if data.count(b"\n") >= 2 else read_from(OS, path, 0)

    def _bytes(self, number: int) -> bytes:
        path = segment_path(self._directory, number)
        try:
            return read_from(OS, path, 0)
        except OSError as error:
            raise unavailable("read", path, error) from error


def _is_left_of(extra: bytes, dropped: bytes) -> bool:
    """Whether ``extra`` is what a power cut left of bytes that are known but for the payloads in them."""
    in_payload = False
    for byte, known in zip(extra, dropped, strict=False):
        if byte not in (0, known) and not in_payload:
            return False
        in_payload = known == ord(TAB) or (in_payload and known != ord("\n"))
    return len(extra) <= len(dropped)
