"""The log's head: how far the log goes, kept outside its segments so that a cut-off end is found.

Before anything is appended the head says what is to come, and after its fsync that it stands. So a line
that the head does not know was appended by somebody else, and a line that it knows and that is missing
was taken away. The head itself is not fsynced: after a power cut it may be older than the log, never
newer, and its boot id tells. Whoever may write all the files can forge it too.
"""

from __future__ import annotations

import errno
import os
import subprocess
from functools import cache
from pathlib import Path
from zlib import crc32

import msgspec

from triage.store.encoding import refuse_newer
from triage.store.errors import StoreUnavailable, os_words
from triage.store.files import Files, opened, read_from, replace_file

__all__ = ["HEAD_NAME", "NOTHING", "Head", "HeadFile", "Position", "boot_id", "overwrite_all"]

HEAD_NAME = "head.json"
NOTHING = "0" * 64
"""The hash that stands before the very first line."""
VERSION = 1
_FIRST_LINE = 512
"""Bytes of the file's first line, which says what stands; the second, what is to come, has the rest."""


class Position(msgspec.Struct, frozen=True):
    """A place between two lines of the log, and the line before it."""

    segment: int = 0
    line: int = 0
    """How many lines of the segment lie before it."""
    end: int = 0
    """How many bytes of the segment lie before it."""
    seq: int = 0
    """Number of the last event before it."""
    hash: str = NOTHING
    """SHA-256 of the line before it, hexadecimal; half-written ones do not count."""

    @property
    def reach(self) -> tuple[int, int]:
        """Orders positions of one log."""
        return self.segment, self.line


class Head(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="version", tag=VERSION):
    """How far the log goes."""

    stands: Position
    """Everything before it is on the disk."""
    boot: str
    """Which start of the machine this was written in; empty where the system does not say."""
    segment: int = 0
    """Where ``coming`` is to stand; 0: nothing is to come."""
    coming: str = ""
    """What is about to be appended, byte for byte, in Latin-1."""
    sum: int = 0
    """CRC-32 of those bytes: a line half-written over another is not taken for either."""

    def tail(self, segment: int) -> bytes | None:
        """What may stand in a segment after ``stands``; None where this start of the machine cannot say."""
        if not self.boot or self.boot != boot_id():
            return None
        return self.coming.encode("latin-1") if segment == self.segment else b""


class HeadFile:
    """``head.json`` beside the segments: a line for what stands, a line for what is to come.

    A line that is half-written leaves the other one as it was.
    """

    def __init__(self, path: Path, files: Files) -> None:
        self.path = path
        self._files = files

    def read(self) -> Head | None:
        """What it says; None where there is none or it says nothing. Raises StoreUnavailable, StoreTooNew."""
        try:
            data = read_from(self._files, self.path, 0)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise StoreUnavailable(f"{self.path} cannot be read: {os_words(error)}.") from error
        refuse_newer(self.path, data[:_FIRST_LINE], VERSION)
        second = data[_FIRST_LINE:].partition(b"\n")[0]
        stands, coming = _decoded(data[:_FIRST_LINE]), _decoded(second)
        if stands is not None and coming is None and second:  # half of it was written: it cannot say any more
            return msgspec.structs.replace(stands, boot="")
        if stands is None or coming is None:
            return stands or coming
        return coming if coming.stands.reach >= stands.stands.reach else stands

    def create(self, stands: Position) -> None:
        """Put a first one in place, durably. Raises OSError and SyncFailed."""
        replace_file(self._files, self.path, [_first_line(stands)])

    def announce(self, stands: Position, segment: int, coming: bytes) -> None:
        """Say what is about to be appended. Raises OSError; then nothing may be."""
        head = Head(stands, boot_id(), segment, coming.decode("latin-1"), crc32(coming))
        self._write(msgspec.json.encode(head) + b"\n", _FIRST_LINE)

    def confirm(self, stands: Position) -> None:
        """Say what stands. Raises OSError."""
        self._write(_first_line(stands), 0)

    def _write(self, line: bytes, offset: int) -> None:
        with opened(self._files, self.path, os.O_WRONLY) as descriptor:
            overwrite_all(self._files, descriptor, line, offset)


def overwrite_all(files: Files, descriptor: int, data: bytes, offset: int) -> None:
    """Write all of ``data`` over what stands at ``offset``, however little the system takes at a time."""
    while data:
        taken = files.overwrite(descriptor, data, offset)
        if taken <= 0:
            raise OSError(errno.EIO, "the system takes no more bytes")
        data, offset = data[taken:], offset + taken


def _first_line(stands: Position) -> bytes:
    return msgspec.json.encode(Head(stands, boot_id())).ljust(_FIRST_LINE - 1) + b"\n"


def _decoded(line: bytes) -> Head | None:
    try:
        head = msgspec.json.decode(line, type=Head)
        return head if crc32(head.coming.encode("latin-1")) == head.sum else None
    except (msgspec.DecodeError, UnicodeError):
        return None


@cache
def boot_id() -> str:
    """Names this start of the machine; empty where the system does not say."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return _boot_session()


def _boot_session() -> str:
    """As macOS names it."""
    command = ["/usr/sbin/sysctl", "-n", "kern.bootsessionuuid"]
    try:
        done = subprocess.run(command, capture_output=True, timeout=2, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode(errors="replace").strip()
