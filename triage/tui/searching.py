"""Finding words in lines as they are shown: over the places where a line was wrapped, beside its styles."""

from __future__ import annotations

import itertools
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from triage.tui.lines import CUT, WRAP, Line, Span

__all__ = ["MAX_MATCHES", "Match", "Piece", "find", "highlighted", "pieces_by_line"]

MAX_MATCHES = 10_000
_NOT_TEXT = "gutter"
"""The style of what stands beside the text, such as numbers of rows: it is not searched."""


class Piece(NamedTuple):
    """A part of one line."""

    line: int
    start: int
    stop: int
    """In characters of the line."""


Match = tuple[Piece, ...]
"""Where the words stand: in one line, or over several."""


class _Stretch(NamedTuple):
    """A run of searched text: where it begins in all of it, and in its line."""

    at: int
    line: int
    start: int


def find(lines: Sequence[Line], words: str) -> list[Match]:
    """Every place where ``words`` stand, in either case, however the lines were wrapped."""
    parts = [re.escape(part) for part in words.split()]
    if not parts:
        return []
    text, stretches = _joined(lines)
    begins = [stretch.at for stretch in stretches]
    found = re.compile(r"\s+".join(parts), re.IGNORECASE).finditer(text)
    return [
        _pieces(text, stretches, begins, match.start(), match.end())
        for match in itertools.islice(found, MAX_MATCHES)
    ]


def pieces_by_line(matches: Sequence[Match]) -> dict[int, list[tuple[Piece, int]]]:
    """Line → its pieces, each with the number of the match it belongs to."""
    by_line: dict[int, list[tuple[Piece, int]]] = {}
    for number, match in enumerate(matches):
        for piece in match:
            by_line.setdefault(piece.line, []).append((piece, number))
    return by_line


def highlighted(line: Line, styles: Mapping[Piece, str]) -> Line:
    """``line`` with some of its pieces in other styles."""
    cuts = sorted({edge for piece in styles for edge in (piece.start, piece.stop)})
    spans: list[Span] = []
    at = 0
    for text, own in line:
        edges = [0, *(cut - at for cut in cuts if 0 < cut - at < len(text)), len(text)]
        for left, right in itertools.pairwise(edges):
            found = (
                styles[piece] for piece in styles if piece.start <= at + left and at + right <= piece.stop
            )
            spans.append((text[left:right], next(found, own) if right > left else own))
        at += len(text)
    return tuple(spans)


def _joined(lines: Sequence[Line]) -> tuple[str, list[_Stretch]]:
    """The searched text of all lines, and where each run of it comes from."""
    parts: list[str] = []
    stretches: list[_Stretch] = []
    length = 0
    for number, line in enumerate(lines):
        join, runs = _runs(line)
        for start, text in ((-1, join), *runs):
            if text:
                stretches.append(_Stretch(length, number if start >= 0 else -1, start))
                parts.append(text)
                length += len(text)
    return "".join(parts), stretches


def _runs(line: Line) -> tuple[str, list[tuple[int, str]]]:
    """What joins the line to the one above, and its searched text in runs, each with its place."""
    join, runs, at = "\n", list[tuple[int, str]](), 0
    for text, style in line:
        if not text and style in (WRAP, CUT):
            join, runs = " " if style == WRAP else "", []
        elif style != _NOT_TEXT:
            runs.append((at, text))
        at += len(text)
    return join, runs


def _pieces(text: str, stretches: list[_Stretch], begins: list[int], start: int, stop: int) -> Match:
    return tuple(_merged(_parts(stretches, begins, len(text), start, stop)))


def _parts(
    stretches: list[_Stretch], begins: list[int], length: int, start: int, stop: int
) -> Iterator[Piece]:
    """What of each run lies between ``start`` and ``stop`` of the searched text."""
    at = bisect_right(begins, start) - 1
    while at < len(stretches) and begins[at] < stop:
        end = begins[at + 1] if at + 1 < len(begins) else length
        _, line, place = stretches[at]
        if line >= 0:
            left, right = max(start, begins[at]), min(stop, end)
            yield Piece(line, place + left - begins[at], place + right - begins[at])
        at += 1


def _merged(pieces: Iterator[Piece]) -> Iterator[Piece]:
    """Pieces that touch in one line as one."""
    last: Piece | None = None
    for piece in pieces:
        if last is not None and (last.line, last.stop) == (piece.line, piece.start):
            last = last._replace(stop=piece.stop)
            continue
        if last is not None:
            yield last
        last = piece
    if last is not None:
        yield last
