"""A table's documents by id, read where they lie in the journal.

In memory stay a document's place, its size and its hash; small ones are kept whole. What lies in the file is
read through a descriptor of that very file, whatever is put in its place.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from zlib import crc32

import msgspec

from triage.store.errors import StoreUnavailable, os_words
from triage.store.files import Files, read_at

__all__ = ["Documents", "HeldFile", "Rows", "key_bytes"]

_encode = msgspec.json.Encoder().encode

_OFFSET_BITS, _SIZE_BITS = 48, 40
_OFFSETS, _SIZES = (1 << _OFFSET_BITS) - 1, (1 << _SIZE_BITS) - 1
PLACE_BYTES = (_OFFSET_BITS + _SIZE_BITS + 32) // 8
"""A place, a size and a hash."""
_NULL = b"null"

Changes = Mapping[str, bytes | None]
"""Id → the document's JSON, None where it is removed."""


class Rows(msgspec.Struct, frozen=True, array_like=True):
    """A table for another process, which finds each document where it lies."""

    ids: list[str]
    places: bytes
    """Of each as ``Documents`` keeps it, in ``PLACE_BYTES``; zeros for one that is kept whole."""
    small: list[bytes]
    """Those."""
    last_id: int


class HeldFile:
    """A file that stays open for reading as long as somebody may read it; places count from ``base``.

    Raises OSError where no descriptor is to be had.
    """

    def __init__(self, path: Path, files: Files, descriptor: int, base: int) -> None:
        self.path = path
        self._files = files
        self._base = base
        self.is_doubted = False
        """Something else was read there than was written: all of it is to be read again."""
        self._descriptor = os.dup(descriptor)
        weakref.finalize(self, os.close, self._descriptor)

    def is_file(self, found: os.stat_result) -> bool:
        """Whether ``found`` is said of this very file."""
        return os.path.samestat(os.fstat(self._descriptor), found)

    def read(self, offset: int, size: int) -> bytes:
        """The bytes there; fewer where the file ends. Raises OSError."""
        return read_at(self._files, self._descriptor, self._base + offset, size)


class Documents(Mapping[str, bytes]):
    """Id → JSON, in the order in which they came. Reading one raises StoreUnavailable where that fails.

    ``small``: documents of at most so many bytes are kept in memory.
    """

    __slots__ = ("_file", "_kept", "last_id", "size", "small")

    def __init__(self, file: HeldFile | None = None, small: int = 0) -> None:
        self._file = file
        self._kept: dict[str, bytes | int] = {}
        self.small = small
        self.size = 0
        """Bytes of all documents and their ids."""
        self.last_id = 0
        """The highest whole number that is an id, or was one since there last was none."""

    def copy(self) -> Documents:
        """The documents as they are now, whatever becomes of these."""
        copied = Documents(self._file, self.small)
        copied._kept, copied.size, copied.last_id = dict(self._kept), self.size, self.last_id
        return copied

    def take(self, changes: Changes, line: bytes, at: int, start: int) -> int:
        """Take changes in as a line of the file says them.

        Args:
            line: the line; where it says something in another way than this program, that stays in memory.
            at: where in it the first id stands.
            start: where in the file the line begins.

        Returns where in the line they end.
        """
        kept = self._kept
        for key, raw in changes.items():
            at += len(_encode(key)) + 1
            old = kept.get(key)
            if old is not None:
                self.size -= _size(old) + len(key)
            if raw is None or raw == _NULL:
                kept.pop(key, None)
                at += len(_NULL) + 1
                continue
            size = len(raw)
            self.size += size + len(key)
            if size > self.small and line.startswith(raw, at):
                kept[key] = (crc32(raw) << _SIZE_BITS | size) << _OFFSET_BITS | start + at
            else:
                kept[key] = raw
            at += size + 1
            if key.isdecimal() and len(key) < 19:
                self.last_id = max(self.last_id, int(key))
        if not kept:
            self.last_id = 0
        return at

    def moved(self, file: HeldFile | None, places: Iterable[int]) -> Documents:
        """The same, where they lie in another file: from these places on, in their order."""
        moved = self.copy()
        moved._file = file
        for (key, found), place in zip(self._kept.items(), places, strict=True):
            if not isinstance(found, bytes):
                moved._kept[key] = found & ~_OFFSETS | place
        return moved

    def rows(self) -> Rows:
        """All of this, for another process to make it anew."""
        places = (0 if isinstance(found, bytes) else found for found in self._kept.values())
        return Rows(
            list(self._kept),
            b"".join(place.to_bytes(PLACE_BYTES, "little") for place in places),
            [found for found in self._kept.values() if isinstance(found, bytes)],
            self.last_id,
        )

    @classmethod
    def of_rows(cls, rows: Rows, file: HeldFile | None, small: int) -> Documents:
        """What ``rows`` told. Raises ValueError where it is not."""
        made, whole = cls(file, small), iter(rows.small)
        packed = (rows.places[at : at + PLACE_BYTES] for at in range(0, len(rows.places), PLACE_BYTES))
        for key, place in zip(rows.ids, packed, strict=True):
            found = int.from_bytes(place, "little") or next(whole, b"")
            made._kept[key] = found
            made.size += _size(found) + len(key)
        made.last_id = rows.last_id
        return made

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
            self._file.is_doubted = True
            raise StoreUnavailable(f"{self._file.path} was changed while it was read. Try again.")
        return raw


def key_bytes(key: str) -> bytes:
    """A key as it stands before its document."""
    return _encode(key) + b":"


def _size(found: bytes | int) -> int:
    return len(found) if isinstance(found, bytes) else found >> _OFFSET_BITS & _SIZES


def _print(found: bytes | int) -> int:
    """Size and hash: what tells a document from another."""
    if isinstance(found, bytes):
        return crc32(found) << _SIZE_BITS | len(found)
    return found >> _OFFSET_BITS
