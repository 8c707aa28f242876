"""What commands print: data on standard output, words for people on standard error, all of it harmless."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import click

from triage.model import safe_text

__all__ = ["INDENT", "data", "json_line", "json_text", "lines", "say", "sentences", "table", "text", "width"]

_SUSPECT = re.compile(r"[^\x20-\x7e\n]")
_GAP = 2
INDENT = 2
"""Cells before a line that may be an agent's."""


def say(words: str) -> None:
    """Tell the operator something, on standard error.

    Further lines are indented: whatever an agent wrote into it, no line of its own begins where triage's do.
    """
    click.echo(safe_text.block(words).replace("\n", "\n" + " " * INDENT), err=True)


def text(words: str) -> None:
    """Print text for people to standard output."""
    click.echo(safe_text.block(words))


def data(value: Any) -> None:
    """Print ``value`` as JSON, laid out over several lines."""
    click.echo(json_text(value))


def json_line(value: Any) -> None:
    """Print ``value`` as JSON on one line."""
    click.echo(_escaped(_encoded(value)))


def json_text(value: Any) -> str:
    """``value`` as JSON, laid out; what could act on a terminal or hide there is escaped."""
    import msgspec

    return _escaped(msgspec.json.format(_encoded(value), indent=2))


def table(rows: Sequence[Sequence[str]], headings: Sequence[str]) -> None:
    """Print ``rows`` in columns under ``headings``; the last column gives way to the terminal's width."""
    cells = [[safe_text.line(cell) for cell in row] for row in (headings, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(headings) - 1)]
    room = width()
    for row in cells:
        fixed = "".join(cell.ljust(size + _GAP) for cell, size in zip(row, widths, strict=False))
        last = row[-1]
        if room and len(fixed) + len(last) > room:
            last = safe_text.line(last, max(10, room - len(fixed)))
        click.echo((fixed + last).rstrip())


def sentences(parts: Iterable[str]) -> str:
    """``parts`` one after the other, each once, a full stop at the end of each."""
    whole = (part.strip() for part in dict.fromkeys(parts) if part.strip())
    return " ".join(part if part.endswith((".", "!", "?", "…")) else f"{part}." for part in whole)


def width() -> int:
    """Columns of the terminal on standard output; 0 where it is none."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else 0


def lines(found: Iterable[Sequence[tuple[str, str]]]) -> None:
    """Print lines of styled text without their styles, indented as ``say`` does."""
    for line in found:
        click.echo(safe_text.line(" " * INDENT + "".join(piece for piece, _ in line).rstrip()))


def _encoded(value: Any) -> str:
    import msgspec

    return msgspec.json.encode(value).decode()


def _escaped(encoded: str) -> str:
    """JSON text in which every character that could act, hide or pile up stands as ``\\uXXXX``."""
    if encoded.isascii() and "\x7f" not in encoded:
        return encoded
    piles = safe_text.PILED in safe_text.hidden(encoded)
    return _SUSPECT.sub(_escape_marks if piles else _escape, encoded)


def _escape_marks(found: re.Match[str]) -> str:
    return _units(found.group()) if safe_text.is_mark(found.group()) else _escape(found)


def _escape(found: re.Match[str]) -> str:
    return _escape_of(found.group())


@lru_cache(maxsize=4096)
def _escape_of(char: str) -> str:
    if not safe_text.hidden(char) and char != "\ufe0f":
        return char
    return _units(char)


def _units(char: str) -> str:
    units = char.encode("utf-16-be")
    return "".join(f"\\u{units[at] << 8 | units[at + 1]:04x}" for at in range(0, len(units), 2))
