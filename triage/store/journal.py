"""An append-only file of JSON lines that several processes share.

The first line names the format, its version and this one file. Writers take the lock, read what others
appended and append whole lines; readers need no lock. A partial last line is what a killed writer left:
readers leave it alone, the next writer cuts it off. Compaction puts a new file in the old one's place; the
others see another first line and read it from the start. So they do when the bytes before the place where
they stopped are no longer those they read, as when a line whose fsync failed was taken back.
"""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

import msgspec

from triage.store.documents import HeldFile
from triage.store.errors import StoreDamaged, StoreTooNew, StoreUnavailable, SyncFailed, os_words
from triage.store.files import OS, Files, append_bytes, make_directory, opened, read_at, replace_file
from triage.store.lock import StoreLock, Waiting

__all__ = ["Batch", "Journal", "Mark"]

VERSION = 1
READ_BYTES = 1 << 20
"""At most this much is read at a time, unless a single line is longer."""
_TAIL_BYTES = 4096


class _Header(msgspec.Struct, frozen=True):
    format: str
    version: int
    file: str = ""
    """Random: two files at one path, one after the other, are told apart by it."""


class Batch(msgspec.Struct, frozen=True):
    """What one read of the journal gave."""

    lines: list[bytes]
    """Whole lines in order, without their line ends."""
    first: int
    """Line number of the first of them in the file."""
    fresh: bool
    """The file was read from its start: forget what was read before."""
    more: bool = False
    """There is more to read."""
    start: int = 0
    """Where the first of them begins: bytes from the end of the header."""


class Mark(msgspec.Struct, frozen=True, array_like=True):
    """How far a journal was read, for another process to go on from there."""

    header: bytes
    tail: bytes
    end: int
    line: int


class Journal:
    """One journal, seen from one process.

    ``format`` goes into the header. ``remedy`` is what to do about a damaged file, for the operator.
    """

    def __init__(
        self, path: Path, format: str, *, remedy: str, files: Files = OS, waiting: Waiting | None = None
    ) -> None:
        self.path = path
        self.lock = StoreLock(path.with_name(path.name + ".lock"), waiting=waiting)
        self._format = format
        self._remedy = remedy
        self._files = files
        self.held: HeldFile | None = None
        """The file that was read or written last, for reading in it; its places count from the header's end."""
        self.forget()
        self.doubtful = False
        """An fsync failed: nothing may be appended until the whole file is written anew."""

    def forget(self) -> None:
        """Read the file from its start the next time."""
        self._header = b""
        self._tail = b""
        self._look: tuple[int, int, int] | None = None
        self._end = 0
        self._line = 0

    @property
    def exists(self) -> bool:
        """Whether there was a file when it was last read."""
        return self._end > 0

    @property
    def size(self) -> int:
        """Bytes of whole lines read so far, the header aside."""
        return self._end - len(self._header)

    def read(self) -> Batch:
        """What was appended since the last read; one ``stat`` when nothing was.

        Raises StoreDamaged, StoreTooNew and StoreUnavailable.
        """
        try:
            if (
                self._look is not None
                and not self._is_doubted
                and _look(self._files.stat(self.path)) == self._look
            ):
                return Batch([], self._line + 1, False)
            with opened(self._files, self.path, os.O_RDONLY) as descriptor:
                return self._read_on(descriptor)
        except FileNotFoundError:
            fresh = self.exists
            self.forget()
            return Batch([], 1, fresh)
        except OSError as error:
            raise self._unavailable("read", error) from error

    @property
    def _is_doubted(self) -> bool:
        return self.held is not None and self.held.is_doubted

    def sync(self) -> None:
        """Have all that was read on the disk. Raises OSError."""
        with opened(self._files, self.path, os.O_RDONLY) as descriptor:
            self._files.sync(descriptor)

    def mark(self) -> Mark:
        """How far it was read."""
        return Mark(self._header, self._tail, self._end, self._line)

    def resume(self, mark: Mark) -> bool:
        """Go on from ``mark`` with the next read; False where that is not in the file that stands there now."""
        self._header, self._tail, self._end, self._line = mark.header, mark.tail, mark.end, mark.line
        try:
            with opened(self._files, self.path, os.O_RDONLY) as descriptor:
                if mark.header.endswith(b"\n") and self._continues(descriptor):
                    self.held = HeldFile(self.path, self._files, descriptor, len(mark.header))
                    return True
        except OSError:  # whoever reads on is told
            pass
        self.forget()
        return False

    def _read_on(self, descriptor: int) -> Batch:
        found = self._files.stat(descriptor)
        known = self.held is not None and self.held.is_file(found) and not self._is_doubted
        fresh = not (known and self._continues(descriptor))
        if fresh:
            self.forget()
        data, more = self._whole_lines(descriptor)
        lines = data.split(b"\n")[:-1]
        if fresh and lines:
            self._check_header(lines.pop(0))
            size = data.index(b"\n") + 1
            self.held = HeldFile(self.path, self._files, descriptor, size)
            self._header, self._line = data[:size], 1
        first, start = self._line + 1, 0 if fresh else self.size
        self._end += len(data)
        self._line += len(lines)
        self._tail = (self._tail + data[-_TAIL_BYTES:])[-_TAIL_BYTES:]
        self._look = _look(found) if found.st_size == self._end else None
        return Batch(lines, first, fresh, more, start)

    def _continues(self, descriptor: int) -> bool:
        """Whether this is the file read before, with the bytes read last where they were."""
        if not self._header:
            return False
        head = self._files.read(descriptor, len(self._header), 0)
        tail = self._files.read(descriptor, len(self._tail), self._end - len(self._tail))
        return head == self._header and tail == self._tail

    def _whole_lines(self, descriptor: int) -> tuple[bytes, bool]:
        """The next lines, and whether there are more: as many as fit, but one at least."""
        want = READ_BYTES
        while True:
            data = read_at(self._files, descriptor, self._end, want)
            whole = data.rfind(b"\n") + 1
            if whole or len(data) < want:
                break
            want *= 4
        if not whole and data and self._end == 0:
            self._check_header(data)
        return data[:whole], whole > 0 and len(data) == want

    def _check_header(self, line: bytes) -> None:
        try:
            header = msgspec.json.decode(line, type=_Header)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            header = None
        if header is None or header.format != self._format or header.version < 1:
            raise self.damaged(1, f"this is not a {self._format} file")
        if header.version > VERSION:
            raise StoreTooNew(self.path, header.version, VERSION)

    def damaged(self, line: int, why: str) -> StoreDamaged:
        """The error that names a line of this journal (0: none in particular), with its remedy."""
        return StoreDamaged(self.path, line, why, self._remedy)

    def append(self, line: bytes, *, sync: bool) -> None:
        """Add one line (without its end); the lock is held and everything was read.

        Raises StoreUnavailable where it was not added, SyncFailed where it was but may not last.
        """
        data = line + b"\n"
        self._look = None
        try:
            self._cut_off(partial=True)
        except OSError as error:
            raise self._unavailable("written", error) from error
        try:
            append_bytes(self._files, self.path, data, sync=sync)
        except SyncFailed:
            self.doubtful = True
            raise
        except OSError as error:
            how = "written" if self.take_back() else "written for certain"
            raise self._unavailable(how, error) from error
        self._end += len(data)
        self._line += 1
        self._tail = (self._tail + data[-_TAIL_BYTES:])[-_TAIL_BYTES:]

    def rewrite(self, lines: Iterable[bytes]) -> None:
        """Put a new file with these lines in the old one's place, on the disk; the lock is held.

        Raises StoreUnavailable; the old file then stands, or the new one whole: the next read says which.
        """
        header = msgspec.json.encode(_Header(self._format, VERSION, secrets.token_hex(8)))
        counts = _Counts()
        held: list[HeldFile] = []

        def hold(descriptor: int) -> None:
            held.append(HeldFile(self.path, self._files, descriptor, len(header) + 1))

        try:
            make_directory(self.path.parent)
            replace_file(self._files, self.path, counts.through(chain((header,), lines)), hold)
        except SyncFailed as error:
            self.doubtful = True
            self.forget()
            raise self._unavailable("written for certain", error.cause) from error
        except OSError as error:
            self._look = None
            raise self._unavailable("written", error) from error
        self.doubtful = False
        self._header, self.held = header + b"\n", held[0]
        self._end, self._line, self._tail = counts.size, counts.lines, counts.tail
        self._look = None

    def take_back(self) -> bool:
        """Cut off what a failed ``append`` left; whether that was done."""
        try:
            self._cut_off(partial=False)
        except OSError:
            return False
        return True

    def _cut_off(self, *, partial: bool) -> None:
        """Remove what a writer that was killed, or that failed, left behind the last line.

        ``partial``: only if it is no whole line.
        """
        size = self._files.stat(self.path).st_size
        if size == self._end:
            return
        with opened(self._files, self.path, os.O_RDWR) as descriptor:
            left = read_at(self._files, descriptor, self._end, size - self._end) if partial else b""
            if b"\n" in left or not self._continues(descriptor):
                raise OSError(errno.ESTALE, "another program changed it")
            self._files.truncate(descriptor, self._end)

    def _unavailable(self, what: str, error: OSError) -> StoreUnavailable:
        return StoreUnavailable(f"{self.path} cannot be {what}: {os_words(error)}.")


def _look(found: os.stat_result) -> tuple[int, int, int]:
    return found.st_ino, found.st_size, found.st_mtime_ns


class _Counts:
    """Counts lines and bytes on their way into a file."""

    def __init__(self) -> None:
        self.lines = 0
        self.size = 0
        self.tail = b""

    def through(self, lines: Iterable[bytes]) -> Iterator[bytes]:
        """The lines in chunks of about a megabyte, each line with its end."""
        chunk: list[bytes] = []
        pending = 0
        for line in lines:
            self.lines += 1
            chunk += (line, b"\n")
            pending += len(line) + 1
            if pending > 1 << 20:
                yield self._counted(chunk)
                pending = 0
        yield self._counted(chunk)

    def _counted(self, chunk: list[bytes]) -> bytes:
        data = b"".join(chunk)
        chunk.clear()
        self.size += len(data)
        self.tail = (self.tail + data[-_TAIL_BYTES:])[-_TAIL_BYTES:]
        return data
