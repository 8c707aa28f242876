"""Appending to the log: one event at a time, announced in the head, fsynced, confirmed.

After a failed fsync the file cannot be trusted to hold what is written to it later, though the system may
say so: what was not on the disk is written again into a new segment, and only then is more accepted.
Writers hold the log's lock and have read everything.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from triage.store.encoding import encode
from triage.store.errors import StoreDamaged, StoreUnavailable, SyncFailed, os_words
from triage.store.events import Event
from triage.store.files import (
    Files,
    append_bytes,
    make_directory,
    opened,
    read_from,
    replace_file,
    sync_directory,
    write_all,
)
from triage.store.head import HEAD_NAME, Head, HeadFile, Position, overwrite_all
from triage.store.segments import (
    FORMAT,
    REMEDY,
    TAB,
    TORN,
    VERSION,
    Header,
    Line,
    Segments,
    decoded_event,
    line_hash,
    masked,
    segment_path,
    torn_hash,
    unavailable,
)

__all__ = ["FOREIGN", "RECOVERED", "SEGMENT_BYTES", "Appender", "Build"]

SEGMENT_BYTES = 16 << 20
"""A segment that is longer is followed by another."""
RECOVERED = "recovered"
FOREIGN = "foreign"
"""The state of a ``recovered`` event where what stood at the end was not triage's."""
_NO_HEAD = "head.json was missing or could not be read; whether events were cut off here cannot be told"

Build = Callable[[int, str], Event]
"""Makes an event of its number and the hash of the line before it."""


class Appender:
    """Appends to what ``segments`` has read."""

    def __init__(self, segments: Segments, files: Files) -> None:
        self._segments = segments
        self._directory = segments.directory
        self._files = files
        self._head = HeadFile(self._directory / HEAD_NAME, files)
        self._mark = self._directory / "unsynced"
        """There from a failed fsync until a new segment is begun; holds what must not stand."""
        self._firm = Position()
        """Everything before it is on the disk."""
        self._refusal = ""

    @property
    def is_firm(self) -> bool:
        """Whether all that was read is known to be on the disk."""
        return self._firm == self._segments.at and not self._segments.torn

    def make_ready(self) -> bool:
        """Write what must stand before the next event can: a segment, the end of a half line.

        Returns True where something was written that is to be read first; ask again then. Raises
        StoreUnavailable, and StoreDamaged where the log ends before its head.
        """
        if self._refusal:
            raise StoreUnavailable(self._refusal)
        path = self._path()
        try:
            return self._made_ready(path)
        except SyncFailed as error:
            self.distrust(b"")
            raise unavailable("written", path, error.cause) from error
        except OSError as error:
            raise unavailable("written", path, error) from error

    def append(self, build: Build, payload: bytes = b"") -> Line:
        """Append the event that ``build`` makes, with its payload; on the disk when this returns.

        Raises StoreUnavailable, and ValueError where it cannot be stored: it does not stand then.
        """
        path = self._path()
        try:
            try:
                return self._append(path, build, payload)
            except SyncFailed:
                return self._append_to_new_segment(build, payload)
        except SyncFailed as error:
            raise unavailable("written", path, error.cause) from error
        except OSError as error:
            raise unavailable("written", path, error) from error

    def distrust(self, lost: bytes) -> None:
        """Have the next writer, whoever it is, begin a new segment first, in which ``lost`` does not stand."""
        try:
            with opened(self._files, self._mark, os.O_WRONLY | os.O_CREAT | os.O_TRUNC) as descriptor:
                write_all(self._files, descriptor, lost)
        except OSError as error:
            self._refusal = (
                f"{self._mark} cannot be written: {os_words(error)}. Whether the last change was saved is not "
                "known, and nothing more is accepted: look at the disk, start triage again, look at the log."
            )

    def _path(self) -> Path:
        return segment_path(self._directory, max(1, self._segments.at.segment))

    def _append(self, path: Path, build: Build, payload: bytes) -> Line:
        at = self._segments.at
        raw = _joined(encode(build(at.seq + 1, at.hash)), payload)
        self._head.announce(at, at.segment, masked(raw + b"\n"))
        try:
            append_bytes(self._files, path, raw + b"\n", sync=True)
        except (OSError, SyncFailed) as error:
            self._take_back(path, raw + b"\n", unsynced=isinstance(error, SyncFailed))
            raise
        line = self._segments.take(raw)
        assert line is not None  # noqa: S101 - an event was encoded, so an event is decoded
        self._firm = self._segments.at
        with contextlib.suppress(OSError):  # it stands and was announced, which verifying takes as well
            self._head.confirm(self._firm)
        return line

    def _take_back(self, path: Path, chunk: bytes, *, unsynced: bool) -> None:
        """Cut off what was appended and is refused, so that nobody takes it for standing."""
        try:
            with opened(self._files, path, os.O_WRONLY) as descriptor:
                self._files.truncate(descriptor, self._segments.at.end)
        except OSError:
            unsynced = True
        if unsynced:
            self.distrust(chunk)

    def _append_to_new_segment(self, build: Build, payload: bytes) -> Line:
        while self.make_ready():
            events = list(self._segments.read())
            assert not events  # noqa: S101 - all that stood was on the disk, so none had to be copied
        return self._append(self._path(), build, payload)

    # what must stand first

    def _made_ready(self, path: Path) -> bool:
        at = self._segments.at
        if not at.segment:
            self._begin_log()
            return True
        if self._exists(self._mark):
            lost = read_from(self._files, self._mark, 0)
            self._begin_segment(self._surely_standing(), lost)
            self._files.remove(self._mark)
            return True
        is_new = at != self._firm
        head = self._make_firm(path) if is_new else None
        if (is_new and head is None) or self._is_half_written(path):
            self._append_recovered(path, head if is_new else self._head.read())
            return True
        if at.end > SEGMENT_BYTES or self._segments.version < VERSION:
            self._begin_segment(at, b"")
            return True
        return False

    def _exists(self, path: Path) -> bool:
        try:
            self._files.stat(path)
        except FileNotFoundError:
            return False
        return True

    def _begin_log(self) -> None:
        make_directory(self._directory)
        sync_directory(self._files, self._directory.parent)
        self._head.create(self._segments.at)
        self._begin_segment(self._segments.at, b"")

    def _begin_segment(self, base: Position, lost: bytes) -> None:
        """Begin the next segment, durable when this returns. Raises OSError and SyncFailed.

        Of the segment before only what lies before ``base`` counts; events that were read behind it are
        written again, but for those in ``lost``.
        """
        old = segment_path(self._directory, base.segment)
        behind = read_from(self._files, old, base.end) if base.segment else b""
        dropped = masked(behind or lost).decode("latin-1")
        header = Header(
            FORMAT, VERSION, base.segment + 1, base.hash, base.end, datetime.now(UTC), dropped=dropped
        )
        text = encode(header)
        lines = [text]
        for seq, (event, payload) in enumerate(_worth_keeping(behind, lost), base.seq + 1):
            text = encode(msgspec.structs.replace(event, seq=seq, previous=line_hash(text)))
            lines.append(_joined(text, payload))
        data = b"".join(line + b"\n" for line in lines)
        self._head.announce(base, header.segment, masked(data))
        self._put_in_place(segment_path(self._directory, header.segment), data)
        if behind:  # its payloads, which nobody would ever erase; the header says that it does not count
            with contextlib.suppress(OSError), opened(self._files, old, os.O_WRONLY) as descriptor:
                self._files.truncate(descriptor, base.end)

    def _put_in_place(self, path: Path, data: bytes) -> None:
        try:
            replace_file(self._files, path, [data])
        except SyncFailed:
            with contextlib.suppress(OSError):  # empty of anything new, it does no harm either
                self._files.remove(path)
            raise

    def _surely_standing(self) -> Position:
        """What was read and is on the disk, as far as the head knows."""
        at, head = self._segments.at, self._head.read()
        if head is None or head.stands.segment != at.segment or head.stands.reach > at.reach:
            return at
        return head.stands

    def _make_firm(self, path: Path) -> Head | None:
        """See that all that was read is on the disk; the head as it was, None where it was missing.

        Others wrote it, and one who was killed may not have come to the fsync.
        """
        at = self._segments.at
        head = self._head.read()
        if head is not None and head.stands.reach > at.reach:
            raise StoreDamaged(path, at.line + 1, "the log ends here, and its head knows of more", REMEDY)
        if head is None or head.stands.reach < at.reach:
            self._sync(path)
            sync_directory(self._files, self._directory)
        if head is None:
            self._head.create(at)
        elif head.stands.reach < at.reach and not self._is_half_written(path):
            self._head.confirm(at)
        self._firm = at
        return head

    def _is_half_written(self, path: Path) -> bool:
        """Whether something stands at the end that a killed writer left."""
        return bool(self._segments.torn) or self._files.stat(path).st_size > self._segments.at.end

    def _sync(self, path: Path) -> None:
        try:
            with opened(self._files, path, os.O_WRONLY) as descriptor:
                self._files.sync(descriptor)
        except OSError as error:
            raise SyncFailed(path, error) from error

    def _append_recovered(self, path: Path, head: Head | None) -> None:
        """End the half line that a killed writer left, if any, and say in an event what was found."""
        at = self._segments.at
        torn = read_from(self._files, path, at.end)
        end = TORN + b"\n" if torn else b""
        foreign = bool(torn) and head is not None and self._is_foreign(path, head)
        left = _without_payloads(self._segments.torn) + masked(torn)
        event = Event(
            at.seq + 1,
            at.hash,
            RECOVERED,
            datetime.now(UTC),
            state=FOREIGN if foreign else "",
            detail=_found(len(torn), foreign=foreign, had_head=head is not None),
            torn=torn_hash(left + end),
        )
        chunk = end + encode(event) + b"\n"
        self._head.announce(at, at.segment, masked(torn) + chunk)
        if left != self._segments.torn + torn:
            with opened(self._files, path, os.O_WRONLY) as descriptor:
                overwrite_all(self._files, descriptor, left, at.end - len(self._segments.torn))
        append_bytes(self._files, path, chunk, sync=True)

    def _is_foreign(self, path: Path, head: Head) -> bool:
        """Whether what lies behind that which stands is surely not what a killed writer left."""
        segment = self._segments.at.segment
        known = head.tail(segment)
        begins = head.stands.end if head.stands.segment == segment else 0
        return known is not None and not known.startswith(masked(read_from(self._files, path, begins)))


def _joined(text: bytes, payload: bytes) -> bytes:
    """A line without its end."""
    return text + TAB + payload if payload else text


def _without_payloads(torn: bytes) -> bytes:
    """The half-written lines that are not ended yet with blanks for their payloads; the others have them."""
    lines = torn.split(b"\n")
    return b"\n".join(line if line.endswith(TORN) else masked(line) for line in lines)


def _worth_keeping(behind: bytes, lost: bytes) -> Iterator[tuple[Event, bytes]]:
    """The events in bytes that may not be on the disk, but for those that were refused, and their payloads.

    What was recovered there is dropped together with the half lines that it speaks of.
    """
    refused = lost.split(b"\n")
    for raw in behind.split(b"\n")[:-1]:
        text, _, payload = raw.partition(TAB)
        event = None if raw in refused else decoded_event(text)
        if event is not None and event.type != RECOVERED:
            yield event, payload


def _found(torn: int, *, foreign: bool, had_head: bool) -> str:
    """What stood at the end of the log, in words."""
    half = f"{torn} bytes that triage did not write" if foreign else f"a half-written line of {torn} bytes"
    return "; ".join(filter(None, (half if torn else "", "" if had_head else _NO_HEAD)))
