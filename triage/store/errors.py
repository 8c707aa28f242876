"""What can go wrong with the store, each in words for the operator.

    StoreError
    ├── StoreUnavailable     a file cannot be read or written just now; nothing accepted was lost
    │   ├── StoreLocked      another process holds the store's lock and does not let go
    │   └── SharedDirectory  the directory lies on a network file system
    ├── StoreDamaged         a file is not what this program wrote
    └── StoreTooNew          a file was written by a newer version

``SyncFailed`` never leaves the store: it says that bytes were written but may not be on the disk.
"""

from __future__ import annotations

import errno
from pathlib import Path

__all__ = [
    "SharedDirectory",
    "StoreDamaged",
    "StoreError",
    "StoreLocked",
    "StoreTooNew",
    "StoreUnavailable",
    "SyncFailed",
    "os_words",
]

_WORDS = {
    errno.ENOSPC: "the disk is full; free some space and try again",
    errno.EDQUOT: "your disk quota is used up; free some space and try again",
    errno.EIO: "the disk reports an error; look at the system's log before you go on",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "you may not write there; look at its owner and mode",
    errno.EPERM: "you may not write there; look at its owner and mode",
    errno.ENOENT: "it does not exist",
}


class StoreError(Exception):
    """Something is wrong with the store; the text says what, where, and what to do."""


class StoreUnavailable(StoreError):
    """A file cannot be read or written just now."""


class StoreLocked(StoreUnavailable):
    """Another process holds the store's lock."""


class SharedDirectory(StoreUnavailable):
    """The directory lies on a file system that several machines share."""


class StoreDamaged(StoreError):
    """A file holds something that this program did not write there."""

    def __init__(self, path: Path, line: int, why: str, remedy: str) -> None:
        self.path = path
        self.line = line
        self.why = why
        where = f"{path}, line {line}" if line else str(path)
        super().__init__(f"{where}: {why}. {remedy}")


class StoreTooNew(StoreError):
    """A file was written by a newer version."""

    def __init__(self, path: Path, version: int, known: int) -> None:
        self.path = path
        super().__init__(
            f"{path} was written by a newer triage (format {version}; this one reads up to {known}). "
            "Update triage, or point TRIAGE_DATA at another directory."
        )


class SyncFailed(Exception):
    """The bytes were written, but the system could not say that they reached the disk."""

    def __init__(self, path: Path, cause: OSError) -> None:
        self.path = path
        self.cause = cause
        super().__init__(f"{path}: {os_words(cause)}")


def os_words(error: OSError) -> str:
    """An operating system's error in words, with what to do where we know."""
    known = _WORDS.get(error.errno or 0)
    return known or (error.strerror or str(error)).lower()
