"""The log's head: how far the log goes, kept outside its segments so that a cut-off end is found.

Before a line is appended the head says what is about to come; afterwards, that it came. So a line that
the head does not know was appended by somebody else, and a line that it knows and that is missing was
taken away. The head is not fsynced: after a power cut it may be older than the log, which its boot id
tells. Whoever may write all the files can forge it too.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import msgspec

from triage.store.files import Files

__all__ = ["Head", "HeadFile", "boot_id"]

_SIZE = 512
"""Bytes of the file: one write puts all of it in place."""


class Head(msgspec.Struct, frozen=True):
    """How far the log goes."""

    segment: int
    seq: int
    """Number of the last event that stands."""
    hash: str
    """SHA-256 of its line, hexadecimal."""
    next_hash: str = ""
    """Set while a line is being appended: the SHA-256 it will have."""
    boot: str = ""
    """Which start of the machine this was written in; empty where the system does not say."""


class HeadFile:
    """``head.json`` beside the segments."""

    def __init__(self, path: Path, files: Files) -> None:
        self.path = path
        self._files = files

    def read(self) -> Head | None:
        """What it says; None where there is none or it cannot be read."""
        try:
            return msgspec.json.decode(self.path.read_bytes(), type=Head)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            return None

    def write(self, head: Head) -> None:
        """Put it in place. Raises OSError."""
        line = msgspec.json.encode(head).ljust(_SIZE - 1) + b"\n"
        descriptor = self._files.open(self.path, os.O_WRONLY | os.O_CREAT)
        try:
            self._files.overwrite(descriptor, line, 0)
        finally:
            self._files.close(descriptor)


@cache
def boot_id() -> str:
    """Names this start of the machine; empty where the system does not say (Linux does)."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
