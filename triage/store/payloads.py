"""What was shown and decided: behind its event, where it can be erased and the chain stays.

A payload is JSON. Its event has its size and SHA-256; a random salt in it keeps a short content from being
guessed by that. Erasing writes blanks over it, at the same size. Logs of format 1 have payloads in a file beside
each segment, a line each.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from enum import StrEnum
from itertools import groupby
from pathlib import Path

import msgspec

from triage.model.decision import Decision
from triage.model.item import Item
from triage.store.encoding import encode, refuse_newer
from triage.store.errors import SyncFailed
from triage.store.events import PayloadRef
from triage.store.files import Files, opened, read_from
from triage.store.head import overwrite_all
from triage.store.segments import segment_path

__all__ = ["Payload", "PayloadState", "Payloads", "new_payload", "payload_path", "reference", "state_of"]

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


def payload_path(directory: Path, ref: PayloadRef) -> Path:
    """The file in which a payload stands."""
    if ref.inside:
        return segment_path(directory, ref.segment)
    return directory / f"{ref.segment:08}.payload.jsonl"


def new_payload(decision: Decision, item: Item) -> bytes:
    """The bytes of a payload. Raises ValueError where the item cannot be stored."""
    shown = msgspec.structs.replace(item, raw=None)
    return encode(Payload(os.urandom(_SALT_BYTES).hex(), decision, shown))


def reference(payload: bytes) -> PayloadRef:
    """What an event says of the payload behind it."""
    return PayloadRef(len(payload), hashlib.sha256(payload).hexdigest())


def state_of(ref: PayloadRef, data: bytes) -> PayloadState:
    """What became of a payload in whose place ``data`` stands."""
    if hashlib.sha256(data).hexdigest() == ref.digest:
        return PayloadState.WHOLE
    return PayloadState.ERASED if data == _blanks(ref) else PayloadState.WRONG


def _blanks(ref: PayloadRef) -> bytes:
    return b" " * ref.size if ref.inside else b" " * (ref.size - 1) + b"\n"


class Payloads:
    """The payloads of the log in ``directory``."""

    def __init__(self, directory: Path, files: Files) -> None:
        self._directory = directory
        self._files = files

    def read(self, ref: PayloadRef) -> Payload | None:
        """A payload; None where it was erased or is not what was written.

        Raises OSError where that cannot be told, StoreTooNew where a newer version wrote it.
        """
        data = self._bytes(ref)
        if state_of(ref, data) is not PayloadState.WHOLE:
            return None
        line = data.rstrip(b"\n").rpartition(b"\n")[2]
        refuse_newer(payload_path(self._directory, ref), line, VERSION)
        try:
            return _decoder.decode(line)
        except msgspec.DecodeError:
            return None

    def state(self, ref: PayloadRef) -> PayloadState:
        """Whether a payload is what was written. Raises OSError where that cannot be told."""
        return state_of(ref, self._bytes(ref))

    def erase(self, refs: Iterable[PayloadRef]) -> None:
        """Write blanks over payloads. Raises OSError, SyncFailed where they may not be on the disk."""
        for path, some in groupby(refs, lambda ref: payload_path(self._directory, ref)):
            with opened(self._files, path, os.O_WRONLY) as descriptor:
                for ref in some:
                    overwrite_all(self._files, descriptor, _blanks(ref), ref.offset)
                try:
                    self._files.sync(descriptor)
                except OSError as error:
                    raise SyncFailed(path, error) from error

    def _bytes(self, ref: PayloadRef) -> bytes:
        """What stands there. Raises OSError, but not for a file that is gone."""
        try:
            return read_from(self._files, payload_path(self._directory, ref), ref.offset, ref.size)
        except FileNotFoundError:
            return b""
