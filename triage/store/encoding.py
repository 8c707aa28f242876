"""JSON as the store writes it: nested no deeper than it can surely be read back."""

from __future__ import annotations

import re
from itertools import accumulate
from pathlib import Path
from typing import Any

import msgspec

from triage.store.errors import StoreTooNew

__all__ = ["DEPTH", "check_depth", "encode", "not_text", "refuse_newer", "too_deep"]

DEPTH = 400
"""Brackets within brackets that a stored value may have; msgspec and json read about 1,000 and no more."""

_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"')
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_STEP = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}


def encode(value: Any) -> bytes:
    """``value`` as JSON on one line. Raises ValueError where it cannot be stored."""
    try:
        raw = msgspec.json.encode(value)
    except RecursionError:
        raise too_deep() from None
    except UnicodeEncodeError:
        raise not_text() from None
    check_depth(raw)
    return raw


def check_depth(raw: bytes) -> None:
    """Raise ValueError where the JSON ``raw`` is nested too deeply to be read back wherever it is."""
    if raw.count(b"[") + raw.count(b"{") <= DEPTH:
        return
    brackets = _STRING.sub(b"", raw).translate(None, _NOT_BRACKETS)
    if max(accumulate(map(_STEP.__getitem__, brackets)), default=0) > DEPTH:
        raise too_deep()


def too_deep() -> ValueError:
    """The error for a value with brackets in brackets beyond ``DEPTH``."""
    return ValueError(f"it is nested more than {DEPTH} levels deep and cannot be stored")


def not_text() -> ValueError:
    """The error for text that has no UTF-8."""
    return ValueError("it holds half of a surrogate pair, which is not text and cannot be stored")


class _Versioned(msgspec.Struct, frozen=True):
    version: int = 1


def refuse_newer(path: Path, document: bytes, known: int) -> None:
    """Raise StoreTooNew where a JSON document says a version above ``known``; what is no document says none."""
    try:
        version = msgspec.json.decode(document, type=_Versioned).version
    except (msgspec.DecodeError, UnicodeError):
        return
    if version > known:
        raise StoreTooNew(path, version, known)
