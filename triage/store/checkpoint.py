"""What a journal's lines add up to, in a file beside it: opening then reads only the lines that came since.

It is a cache: taken for nothing where it is torn, of another version, or not of the journal that stands there.
"""

from __future__ import annotations

from pathlib import Path
from zlib import crc32

import msgspec

from triage.store.documents import Rows
from triage.store.files import Files, read_from, replace_file
from triage.store.journal import Mark

__all__ = ["Checkpoint", "read_checkpoint", "write_checkpoint"]

_FORMAT = b"triage-checkpoint 1 %08x\n"


class Checkpoint(msgspec.Struct, frozen=True, array_like=True):
    """The whole of it."""

    mark: Mark
    tables: dict[str, Rows]
    more: bytes
    """What the journal's owner made of it."""


_decoder = msgspec.msgpack.Decoder(Checkpoint)


def read_checkpoint(files: Files, path: Path) -> Checkpoint | None:
    """The checkpoint at ``path``; None where there is none that can be used."""
    try:
        head, end, body = read_from(files, path, 0).partition(b"\n")
        return _decoder.decode(body) if head + end == _FORMAT % crc32(body) else None
    except (OSError, ValueError, RecursionError):
        return None


def write_checkpoint(files: Files, path: Path, checkpoint: Checkpoint) -> None:
    """Put a checkpoint at ``path``, for one process at a time. Raises OSError and SyncFailed."""
    body = msgspec.msgpack.encode(checkpoint)
    replace_file(files, path, (_FORMAT % crc32(body), body))
