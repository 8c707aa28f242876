"""Spoiled files: bytes lost, added and changed, lines out of place, JSON and TOML of another shape."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

__all__ = ["odd_value", "spoil", "spoil_json_line"]

ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1.5, 10**30, "", "x", "\x1b[31337m", "\u202e", "9999-99-99", "../..", [], {}),
    *(
        [[]],
        {"": {}},
        ["a", 1, None],
        {"type": "decided"},
        "0001-01-01T00:00:00Z",
        "held",
        2**63,
        -(2**64),
        "\x00",
    ),
)


def odd_value(chance: random.Random) -> Any:
    """A value that is seldom right."""
    if chance.random() < 0.03:
        return json.loads("[" * 300 + "]" * 300)
    return chance.choice(ODD)


def spoil(data: bytes, chance: random.Random) -> bytes:
    """``data`` with one thing wrong in it."""
    return chance.choice(_WAYS)(data, chance)


def _cut(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.randint(0, len(data))]


def _without(data: bytes, chance: random.Random) -> bytes:
    start = chance.randint(0, len(data))
    return data[:start] + data[start + chance.randint(1, 40) :]


def _with_junk(data: bytes, chance: random.Random) -> bytes:
    at = chance.randint(0, len(data))
    junk = chance.choice(
        [chance.randbytes(chance.randint(1, 40)), b"\x00" * 20, b"\n\n", b"{}\n", b"\xff\xfe", b"[" * 2_000]
    )
    return data[:at] + junk + data[at:]


def _one_byte(data: bytes, chance: random.Random) -> bytes:
    if not data:
        return b"\x00"
    at = chance.randrange(len(data))
    return data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :]


def _lines(change: Callable[[list[bytes], random.Random], None]) -> Callable[[bytes, random.Random], bytes]:
    def changed(data: bytes, chance: random.Random) -> bytes:
        lines = data.splitlines(keepends=True)
        if lines:
            change(lines, chance)
        return b"".join(lines)

    return changed


def _twice(lines: list[bytes], chance: random.Random) -> None:
    lines.insert(chance.randint(0, len(lines)), chance.choice(lines))


def _gone(lines: list[bytes], chance: random.Random) -> None:
    del lines[chance.randrange(len(lines))]


def _swapped(lines: list[bytes], chance: random.Random) -> None:
    one, other = chance.randrange(len(lines)), chance.randrange(len(lines))
    lines[one], lines[other] = lines[other], lines[one]


def _other_json(lines: list[bytes], chance: random.Random) -> None:
    at = chance.randrange(len(lines))
    lines[at] = spoil_json_line(lines[at], chance)


def _all_other(_: bytes, chance: random.Random) -> bytes:
    return chance.choice(
        [b"", b"\n", b"{}", b"[]", b"null", b"7", b"\x00" * 999, b"not this", chance.randbytes(200)]
    )


_WAYS = (
    _cut,
    _without,
    _with_junk,
    _one_byte,
    _all_other,
    *map(_lines, (_twice, _gone, _swapped, *(_other_json,) * 6)),
)


def spoil_json_line(line: bytes, chance: random.Random) -> bytes:
    """A line of JSON with one value replaced, left out or put beside; one that is none with junk in it."""
    try:
        value = json.loads(line)
    except ValueError:
        return _with_junk(line, chance)
    return json.dumps(_changed(value, chance)).encode() + b"\n"


def _changed(value: Any, chance: random.Random) -> Any:
    if isinstance(value, dict) and value and chance.random() < 0.85:
        key = chance.choice(list(value))
        others = {name: inner for name, inner in value.items() if name != key}
        how = chance.random()
        if how < 0.15:
            return others
        if how < 0.25:
            return {**value, "another": odd_value(chance)}
        return {**others, key: _changed(value[key], chance)}
    if isinstance(value, list) and value and chance.random() < 0.7:
        at = chance.randrange(len(value))
        return [*value[:at], _changed(value[at], chance), *value[at + 1 :]]
    return odd_value(chance)
