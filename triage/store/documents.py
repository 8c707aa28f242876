"""A table's documents by id, read where they lie in the journal.

In memory stay a document's place, its size and its hash; small ones are kept whole. What lies in the file is
read through a descriptor of that very file, whatever is put in its place.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from triage.store.errors import StoreUnavailable, os_words
from triage.store.files import Files, read_at

__all__ = ["Documents", "HeldFile", "key_bytes"]

_OFFSET_BITS, _SIZE_BITS = 48, 40
_OFFSETS, _SIZES = (1 << _OFFSET_BITS) - 1, (1 << _SIZE_BITS) - 1
_HASHES = (1 << 64) - 1


class HeldFile:
    """A file that stays open for reading as long as somebody may read it; places count from ``base``.

    Raises OSError where no descriptor is to be had.
    """

    def __init__(self, path: Path, files: Files, descriptor: int, base: int) -> None:
        self.path = path
        self._files = files
        self._base = base
        self._descriptor = os.dup(descriptor)
        weakref.finalize(self, os.close, self._descriptor)

    def is_file(self, found: os.stat_result) -> bool:
        """Whether ``found`` is said of this very file."""
        return os.path.samestat(os.fstat(self._descriptor), found)

    def read(self, offset: int, size: int) -> bytes:
        """The bytes there; fewer where the file ends. Raises OSError."""
        return read_at(self._files, self._descriptor, self._base + offset, size)


class Documents(Mapping[str, bytes]):
    """Id → JSON, in the order in which they came. Reading one raises StoreUnavailable where that fails."""

    __slots__ = ("_file", "_kept")

    def __init__(self, file: HeldFile | None = None, kept: Mapping[str, bytes | int] | None = None) -> None:
        self._file = file
        self._kept: dict[str, bytes | int] = dict(kept or {})

    def copy(self) -> Documents:
        """The documents as they are now, whatever becomes of these."""
        return Documents(self._file, self._kept)

    def put(self, key: str, raw: bytes, offset: int | None = None) -> None:
        """Keep a document; ``offset``: where it begins in the file, None: in memory."""
        if offset is None:
            self._kept[key] = raw
        else:
            self._kept[key] = _print(raw) << _OFFSET_BITS | offset

    def moved(self, key: str, offset: int) -> bytes | int:
        """What another table is to keep of a document, which begins at ``offset`` of its file."""
        found = self._kept[key]
        return found if isinstance(found, bytes) else found & ~_OFFSETS | offset

    def pop(self, key: str) -> None:
        """Forget a document, if it is there."""
        self._kept.pop(key, None)

    def size_of(self, key: str) -> int | None:
        """Bytes of a document; None where there is none."""
        found = self._kept.get(key)
        return None if found is None else _size(found)

    def differs(self, key: str, other: Documents) -> bool:
        """Whether a document is another one in ``other``, or in one of both only; nothing is read."""
        one, two = self._kept.get(key), other._kept.get(key)
        if one is None or two is None:
            return one is not two
        return one != two if isinstance(one, bytes) and isinstance(two, bytes) else _print(one) != _print(two)

    def __getitem__(self, key: str) -> bytes:
        found = self._kept[key]
        return found if isinstance(found, bytes) else self._read(found)

    def __contains__(self, key: object) -> bool:
        return key in self._kept

    def __iter__(self) -> Iterator[str]:
        return iter(self._kept)

    def __len__(self) -> int:
        return len(self._kept)

    def _read(self, found: int) -> bytes:
        assert self._file is not None  # noqa: S101 - else nothing would have a place in it
        try:
            raw = self._file.read(found & _OFFSETS, _size(found))
        except OSError as error:
            raise StoreUnavailable(f"{self._file.path} cannot be read: {os_words(error)}.") from error
        if _print(raw) != found >> _OFFSET_BITS:
            raise StoreUnavailable(f"{self._file.path} was changed while it was read. Try again.")
        return raw


def key_bytes(key: str) -> bytes:
    """A key as it stands before its document."""
    return msgspec.json.encode(key) + b":"


def _size(found: bytes | int) -> int:
    return len(found) if isinstance(found, bytes) else found >> _OFFSET_BITS & _SIZES


def _print(found: bytes | int) -> int:
    """Size and hash: what tells a document from another."""
    if isinstance(found, bytes):
        return (hash(found) & _HASHES) << _SIZE_BITS | len(found)
    return found >> _OFFSET_BITS
