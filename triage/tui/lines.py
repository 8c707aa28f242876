"""Lines of styled text before they have colours: pure functions that fit, wrap and join them.

A span is a text and the name of its style (see ``ink``); a line is a tuple of spans. Agent text
becomes spans through ``safe`` alone, which makes it harmless and shows what it hides.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from rich.cells import cell_len, set_cell_size

from triage.model import safe_text

__all__ = [
    "CUT",
    "WRAP",
    "Line",
    "Span",
    "both_ends",
    "fit",
    "indented",
    "marked",
    "padded",
    "plain",
    "rule",
    "safe",
    "safe_block",
    "width_of",
    "wrapped",
]

Span = tuple[str, str]
"""A text and the name of its style."""
Line = tuple[Span, ...]

WRAP, CUT = "wrap", "cut"
"""Styles of the empty span before a line that goes on from the one above: after a space, or within a word."""
MAX_CHARACTERS = 4_000
"""Characters of a text that are shown in one line, wrapped or not."""
_HIDDEN = re.compile("(‹[^‹›\n]{1,24}›)")
_WORDS = re.compile(r"\s+|[^\s]+")


def plain(line: Line) -> str:
    """The text of a line."""
    return "".join(text for text, _ in line)


def width_of(line: Line) -> int:
    """Cells a line takes."""
    return sum(cell_len(text) for text, _ in line)


def safe(text: str, style: str = "text", limit: int | None = None) -> Line:
    """Agent text as one harmless line; marks of what it hides stand out.

    Without a ``limit`` it is cut after ``MAX_CHARACTERS``, and said so.
    """
    more = len(text) - MAX_CHARACTERS
    if limit is None and more > 0:
        cut = (f" … {more:,} more characters; the raw view shows all", "warning")
        return (*safe(text[:MAX_CHARACTERS], style), cut)
    return tuple(marked(safe_text.line(text, limit), style))


def safe_block(text: str, style: str = "text") -> list[Line]:
    """Agent text as harmless lines, its own line breaks kept."""
    return [tuple(marked(row, style)) for row in safe_text.block(text).split("\n")]


def marked(text: str, style: str) -> Iterator[Span]:
    """Text that is harmless already as spans, its marks of what was hidden by themselves."""
    if "‹" not in text:
        yield text, style
        return
    for part in _HIDDEN.split(text):
        if part:
            yield part, "hidden" if part[0] == "‹" and part[-1] == "›" and len(part) > 2 else style


def fit(line: Line, width: int) -> Line:
    """``line`` cut to ``width`` cells; what is cut shows as ``…``."""
    if width <= 0:
        return ()
    if width_of(line) <= width:
        return line
    spans: list[Span] = []
    left = width - 1
    for text, style in line:
        cells = cell_len(text)
        if cells > left:
            spans.append((set_cell_size(text, left).rstrip() + "…", style))
            break
        spans.append((text, style))
        left -= cells
    return tuple(spans)


def padded(line: Line, width: int, style: str = "text") -> Line:
    """``line`` made exactly ``width`` cells wide."""
    line = fit(line, width)
    missing = width - width_of(line)
    return (*line, (" " * missing, style)) if missing > 0 else line


def both_ends(left: Line, right: Line, width: int, style: str = "text") -> Line:
    """``left`` and ``right`` at the two ends of ``width`` cells; the left one gives way."""
    room = width - width_of(right)
    if room < 4:
        return padded(left, width, style)
    return (*padded(left, room - 1, style), (" ", style), *right)


def rule(left: Line, right: Line, width: int, char: str, style: str = "rule") -> Line:
    """A horizontal rule of ``width`` cells with a title at its left and words at its right."""
    right = (*right, (char, style)) if right else right
    left = fit(left, max(0, width - width_of(right)))
    return (*left, (char * max(0, width - width_of(left) - width_of(right)), style), *right)


def indented(lines: Iterable[Line], text: str, style: str = "text") -> list[Line]:
    """Every line with ``text`` before it."""
    return [((text, style), *line) for line in lines]


def wrapped(line: Line, width: int) -> list[Line]:
    """``line`` broken between words, and within words that are too long, to ``width`` cells.

    Every further line begins with an empty span that says what it goes on from: ``WRAP`` or ``CUT``.
    """
    if width <= 0 or width_of(line) <= width:
        return [line]
    rows: list[Line] = []
    row: list[Span] = []
    used, spaced = 0, False
    for text, style in line:
        for word in _WORDS.findall(text):
            for piece in _pieces(word, width):
                cells = cell_len(piece)
                if used + cells > width:
                    rows.append(_without_trailing_space(row))
                    row, used = [("", WRAP if spaced or piece.isspace() else CUT)], 0
                    if piece.isspace():
                        continue
                row.append((piece, style))
                used, spaced = used + cells, piece.isspace()
    if used:
        rows.append(_merged(row))
    return rows


def _pieces(word: str, width: int) -> Iterator[str]:
    """``word`` cut into parts that fit ``width`` cells each."""
    start, cells = 0, 0
    for at, char in enumerate(word if cell_len(word) > width else ""):
        cells += cell_len(char)
        if cells > width and at > start:
            yield word[start:at]
            start, cells = at, cell_len(char)
    yield word[start:]


def _without_trailing_space(row: list[Span]) -> Line:
    while row and row[-1][0].isspace():
        row = row[:-1]
    return _merged(row)


def _merged(row: list[Span]) -> Line:
    """Neighbouring spans of one style joined."""
    spans: list[Span] = []
    for text, style in row:
        if spans and spans[-1][1] == style:
            spans[-1] = (spans[-1][0] + text, style)
        else:
            spans.append((text, style))
    return tuple(spans)
