"""What was shown and decided, in a file beside each segment, so that it can be erased and the chain stays.

A payload is one line of JSON. Its event names place, size and SHA-256; a random salt in it keeps a short
content from being guessed by its digest. Erasing writes blanks over it, at the same size.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

import msgspec

from triage.model.decision import Decision
from triage.model.item import Item
from triage.store.encoding import encode, refuse_newer
from triage.store.errors import SyncFailed
from triage.store.events import PayloadRef
from triage.store.files import Files, append_bytes, opened, read_from, replace_file
from triage.store.head import overwrite_all

__all__ = ["Payload", "PayloadState", "Payloads", "new_payload", "payload_path"]

VERSION = 1
_SALT_BYTES = 16


class Payload(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="version", tag=VERSION):
    """What a decision was taken on, and what exactly it says."""

    salt: str
    decision: Decision
    item: Item
    """As it was shown, without its raw form."""


class PayloadState(StrEnum):
    """What became of a payload."""

    WHOLE = "whole"
    ERASED = "erased"
    """Blank: see whether an ``erased`` event covers it."""
    WRONG = "wrong"
    """Other bytes than were written, or none."""


_decoder = msgspec.json.Decoder(Payload)


@lru_cache(maxsize=64)
def payload_path(directory: Path, segment: int) -> Path:
    """The payload file of a segment."""
    return directory / f"{segment:08}.payload.jsonl"


def new_payload(decision: Decision, item: Item) -> bytes:
    """The bytes of a payload. Raises ValueError where the item cannot be stored."""
    shown = msgspec.structs.replace(item, raw=None)
    return encode(Payload(os.urandom(_SALT_BYTES).hex(), decision, shown)) + b"\n"


class Payloads:
    """The payload files in ``directory``."""

    def __init__(self, directory: Path, files: Files) -> None:
        self._directory = directory
        self._files = files

    def append(self, segment: int, data: bytes, start: int) -> PayloadRef:
        """Add a payload, on the disk when it returns; the log's lock is held.

        ``start``: where the last payload ends that an event names. What a killed writer left behind it is
        taken into this one, so that it is erased with it. Raises OSError and SyncFailed.
        """
        path = payload_path(self._directory, segment)
        left = self._left_behind(path, start)
        if left and not left.endswith(b"\n"):
            data = b"\n" + data
        try:
            append_bytes(self._files, path, data, sync=True)
        except (OSError, SyncFailed):
            self._take_back(path, start + len(left))
            raise
        whole = left + data
        return PayloadRef(segment, start, len(whole), hashlib.sha256(whole).hexdigest())

    def _take_back(self, path: Path, size: int) -> None:
        with contextlib.suppress(OSError), opened(self._files, path, os.O_WRONLY) as descriptor:
            self._files.truncate(descriptor, size)

    def _left_behind(self, path: Path, start: int) -> bytes:
        try:
            size = self._files.stat(path).st_size
            return read_from(self._files, path, start) if size > start else b""
        except FileNotFoundError:
            replace_file(self._files, path, [])
            return b""

    def read(self, ref: PayloadRef) -> Payload | None:
        """A payload; None where it was erased or is not what was written.

        Raises OSError where that cannot be told, StoreTooNew where a newer version wrote it.
        """
        data = self._bytes(ref)
        if hashlib.sha256(data).hexdigest() != ref.digest:
            return None
        line = data.rstrip(b"\n").rpartition(b"\n")[2]
        refuse_newer(payload_path(self._directory, ref.segment), line, VERSION)
        try:
            return _decoder.decode(line)
        except msgspec.DecodeError:
            return None

    def state(self, ref: PayloadRef) -> PayloadState:
        """Whether a payload is what was written. Raises OSError where that cannot be told."""
        data = self._bytes(ref)
        if hashlib.sha256(data).hexdigest() == ref.digest:
            return PayloadState.WHOLE
        return PayloadState.WRONG if data.strip() or len(data) != ref.size else PayloadState.ERASED

    def erase(self, segment: int, refs: list[PayloadRef]) -> None:
        """Write blanks over payloads. Raises OSError."""
        path = payload_path(self._directory, segment)
        with opened(self._files, path, os.O_WRONLY) as descriptor:
            for ref in refs:
                overwrite_all(self._files, descriptor, b" " * (ref.size - 1) + b"\n", ref.offset)
            self._files.sync(descriptor)

    def _bytes(self, ref: PayloadRef) -> bytes:
        """What stands there. Raises OSError, but not for a file that is gone."""
        try:
            return read_from(self._files, payload_path(self._directory, ref.segment), ref.offset, ref.size)
        except FileNotFoundError:
            return b""
