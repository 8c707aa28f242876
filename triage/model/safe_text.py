"""Agent text made harmless for a terminal: what could act or hide becomes a visible mark.

Every text that an agent or an endpoint wrote passes ``line`` or ``block`` before it reaches a
widget or a terminal. Nothing is dropped silently: escape sequences, control, bidirectional,
invisible, private and unassigned characters are shown as ``‹NAME›``; ``hidden`` names them.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from functools import lru_cache

__all__ = ["MAX_COMBINING", "PILED", "block", "hidden", "is_mark", "line"]

MAX_COMBINING = 3
"""Combining marks shown on one character; ``‹MARKS›`` stands for further ones."""
PILED = "MARKS"
"""What further ones are called."""

_NAMES = {
    0x00AD: "SHY",
    0x034F: "CGJ",
    0x061C: "ALM",
    0x115F: "HCF",
    0x1160: "HJF",
    0x17B4: "KIV",
    0x17B5: "KIV",
    0x180E: "MVS",
    0x200B: "ZWSP",
    0x200C: "ZWNJ",
    0x200D: "ZWJ",
    0x200E: "LRM",
    0x200F: "RLM",
    0x2028: "LS",
    0x2029: "PS",
    0x202A: "LRE",
    0x202B: "RLE",
    0x202C: "PDF",
    0x202D: "LRO",
    0x202E: "RLO",
    0x2060: "WJ",
    0x2066: "LRI",
    0x2067: "RLI",
    0x2068: "FSI",
    0x2069: "PDI",
    0x2800: "BLANK",
    0x3164: "HF",
    0xFEFF: "BOM",
    0xFFA0: "HHF",
}
_VISIBLE_BUT_BLANK = frozenset({0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0, 0x034F})
_CONTROL_NAMES = (
    "NUL SOH STX ETX EOT ENQ ACK BEL BS TAB LF VT FF CR SO SI DLE DC1 DC2 DC3 DC4 NAK SYN ETB CAN EM SUB "
    "ESC FS GS RS US"
).split()
_MARK = "\ufdd0"
"""Stands for any combining mark while they are counted; no character itself."""
_HIDING_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def line(text: str, limit: int | None = None) -> str:
    """``text`` as one line of printable characters: line breaks and tabs become single spaces.

    ``limit`` is in characters; what is longer ends in ``…``.
    """
    if limit is not None and len(text) > 4 * limit + 64:
        text = text[: 4 * limit + 64] + "…"
    if not (text.isascii() and text.isprintable()):
        text = "".join(_marked(" ".join(text.split("\n")).replace("\t", " ").replace("\r", " ")))
    if limit is not None and len(text) > limit:
        return text[: limit - 1] + "…"
    return text


def block(text: str) -> str:
    """``text`` with its lines kept, tabs widened to 4 and everything else printable."""
    if text.isascii() and text.isprintable():
        return text
    normal = text.replace("\r\n", "\n").expandtabs(4)
    return "\n".join(
        row if row.isascii() and row.isprintable() else "".join(_marked(row)) for row in normal.split("\n")
    )


def hidden(text: str) -> tuple[str, ...]:
    """What ``text`` hides, in words for a warning: ``RLO ×2``. Empty for honest text."""
    if text.isascii() and text.isprintable():
        return ()
    chars = [char for char in set(text) if char not in "\n\t\r" and _hides(char) and not _joins_emoji(char)]
    counts = [(_name(ord(char)), text.count(char)) for char in sorted(chars, key=text.index)]
    if _piles(text):
        counts.append((PILED, 1))
    return tuple(name if count == 1 else f"{name} ×{count}" for name, count in counts)


def _marked(text: str) -> Iterator[str]:
    """The characters of one line, each harmless."""
    combining = 0
    for char in text:
        if _joins_emoji(char):
            continue
        if is_mark(char):
            combining += 1
            if combining > MAX_COMBINING:
                if combining == MAX_COMBINING + 1:
                    yield f"‹{PILED}›"
                continue
            yield char
            continue
        combining = 0
        if char == "\u00a0":
            yield " "
        elif _hides(char):
            yield f"‹{_name(ord(char))}›"
        else:
            yield char


def _piles(text: str) -> bool:
    """Whether more combining marks follow one another than are shown."""
    marks = {ord(char): _MARK for char in set(text) if is_mark(char)}
    return bool(marks) and _MARK * (MAX_COMBINING + 1) in text.translate({**marks, 0xFE0F: None})


@lru_cache(maxsize=8192)
def is_mark(char: str) -> bool:
    """Whether a character is drawn on the one before it; those that choose a drawing are hidden ones."""
    return unicodedata.category(char) in ("Mn", "Me") and not _hides(char) and not _joins_emoji(char)


def _joins_emoji(char: str) -> bool:
    """Emoji's variation selector, which only chooses between two drawings of one sign."""
    return char == "\ufe0f"


@lru_cache(maxsize=8192)
def _hides(char: str) -> bool:
    code = ord(char)
    if 0x20 <= code < 0x7F:
        return False
    return (
        unicodedata.category(char) in _HIDING_CATEGORIES
        or code in _VISIBLE_BUT_BLANK
        or 0x180B <= code <= 0x180F
        or 0xFE00 <= code <= 0xFE0F
        or 0xE0100 <= code <= 0xE01EF
    )


def _name(code: int) -> str:
    if code < 0x20:
        return _CONTROL_NAMES[code]
    if code == 0x7F:
        return "DEL"
    if code in _NAMES:
        return _NAMES[code]
    if 0xE0020 <= code <= 0xE007E:
        return f"TAG {chr(code - 0xE0000)}"
    return f"U+{code:04X}"
