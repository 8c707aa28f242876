"""An agent's text laid out as what it is: patches and code with numbered rows, Markdown, plain words.

Laid out once for each text and width; what is beyond an ``Extent`` is counted and not laid out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from triage.model import safe_text
from triage.tui.content_kind import Content, Kind
from triage.tui.lines import Line, indented, marked, safe_block, wrapped
from triage.tui.markdown_text import markdown_lines
from triage.tui.syntax import code_rows
from triage.tui.words import plural

__all__ = ["PANE", "WHOLE", "Extent", "content_lines", "summary"]


class Extent(NamedTuple):
    """How much of one text is laid out."""

    rows: int
    characters: int
    rest: str = ""
    """Where the rest is to be seen, as the end of a sentence."""


PANE = Extent(400, 40_000)
WHOLE = Extent(50_000, 4_000_000, "the raw view shows all")

_BAR = "│ "
_HUNK = re.compile(r"@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@")


def content_lines(
    text: str, content: Content, width: int, style: str = "text", extent: Extent = PANE
) -> tuple[Line, ...]:
    """``text`` as lines of at most ``width`` cells."""
    shown, hidden_rows, hidden_characters = _cut(text, extent)
    lay_out = _laid_out if len(shown) <= PANE.characters else _laid_out.__wrapped__
    lines = lay_out(shown, content, width, style)
    if not hidden_characters:
        return lines
    what = plural(hidden_rows, "more line") if hidden_rows else plural(hidden_characters, "more character")
    return (*lines, *wrapped(((f"… {what}{', ' if extent.rest else ''}{extent.rest}", "warning"),), width))


@lru_cache(maxsize=256)
def summary(text: str, content: Content) -> str:
    """What it is and how much of it, in a few words; empty for plain words that are not long."""
    rows = text.count("\n") + (not text.endswith("\n"))
    count = f"{rows:,} lines" if rows != 1 else ""
    if content.kind is Kind.PATCH:
        parts = [_changes(text) if len(text) <= PANE.characters else "a patch", count]
    elif content.kind is Kind.CODE:
        parts = [content.language if rows > 1 else "", count]
    else:
        parts = [content.kind.value if content.kind is Kind.MARKDOWN else "", count if rows > 20 else ""]
    return ", ".join(part for part in parts if part)


def _cut(text: str, extent: Extent) -> tuple[str, int, int]:
    """What is laid out, and how many rows and characters are not."""
    end = -1
    for _ in range(extent.rows):
        end = text.find("\n", end + 1)
        if end < 0 or end >= extent.characters:
            break
    if end < 0 and len(text) <= extent.characters:
        return text, 0, 0
    if end < 0 or end >= extent.characters:
        end = extent.characters
    if not text[end:].strip("\n"):
        return text[:end], 0, 0
    return text[:end], text.count("\n", end) - text.endswith("\n"), len(text) - end


@lru_cache(maxsize=128)
def _laid_out(text: str, content: Content, width: int, style: str) -> tuple[Line, ...]:
    if content.kind is Kind.MARKDOWN:
        return tuple(markdown_lines(text, width, style))
    if content.kind is Kind.PLAIN:
        return tuple(part for row in safe_block(text, style) for part in wrapped(row, width))
    text = text.rstrip("\n")
    if content.kind is Kind.PATCH:
        return tuple(_numbered(list(_patch_rows(text)), width))
    rows = code_rows(text, content.language)
    numbers: list[int | None] = list(range(1, len(rows) + 1))
    return tuple(_numbered(list(zip(numbers, rows, strict=True)), width))


def _numbered(rows: list[tuple[int | None, Line]], width: int) -> Iterator[Line]:
    """Rows behind their numbers and a bar; the later lines of a row have the bar alone."""
    digits = len(str(max((number or 0 for number, _ in rows), default=0)))
    for number, row in rows:
        first, *rest = wrapped(row, max(8, width - digits - 3))
        lead: Line = ((f"{number if number is not None else '':>{digits}} ", "gutter"), (_BAR, "gutter"))
        yield (*lead, *first)
        yield from indented(rest, " " * (digits + 1) + _BAR, "gutter")


def _patch_rows(text: str) -> Iterator[tuple[int | None, Line]]:
    """The rows of a patch with their numbers: those of the new file, for removed rows of the old one.

    Within a hunk its counts tell where it ends: a removed ``-- comment`` is no file's name. Agents miscount,
    so a file's whole head ends it as well.
    """
    old = new = old_left = new_left = 0
    rows = safe_text.block(text).split("\n")
    for at, row in enumerate(rows):
        sign = row[:1]
        if (old_left > 0 or new_left > 0) and not _begins_file(rows, at):
            if sign == "+":
                yield new, _patch_row(row, "add")
                new, new_left = new + 1, new_left - 1
                continue
            if sign == "-":
                yield old, _patch_row(row, "del")
                old, old_left = old + 1, old_left - 1
                continue
            if sign in ("", " "):
                yield new, _patch_row(row, "text")
                old, new, old_left, new_left = old + 1, new + 1, old_left - 1, new_left - 1
                continue
        old_left = new_left = 0
        if match := _HUNK.match(row):
            old, new = int(match[1]), int(match[3])
            old_left, new_left = int(match[2] or 1), int(match[4] or 1)
        yield None, _patch_row(row, _outside(row))


def _begins_file(rows: list[str], at: int) -> bool:
    """Whether the head of another file begins here: in a hunk no row begins with ``@@``."""
    return all(
        row.startswith(lead) for row, lead in zip(rows[at : at + 3], ("--- ", "+++ ", "@@ "), strict=False)
    ) and at + 3 <= len(rows)


def _patch_row(row: str, style: str) -> Line:
    return tuple(marked(row, style))


def _outside(row: str) -> str:
    """The style of a row that belongs to no hunk."""
    if row.startswith(("--- ", "+++ ", "diff ", "Index: ")):
        return "strong"
    if row.startswith("@@"):
        return "hunk"
    return {"+": "add", "-": "del"}.get(row[:1], "muted")


def _changes(text: str) -> str:
    """Files where there are several, rows added and rows removed."""
    firsts = [line[0] for _, line in _patch_rows(text) if line]
    styles = [style for _, style in firsts]
    files = sum(style == "strong" and row.startswith("+++ ") for row, style in firsts)
    counts = f"+{styles.count('add')} -{styles.count('del')}"
    return f"{files} files, {counts}" if files > 1 else counts
