"""A comparison as a table: a row an item, a column a place, long texts shown from where they differ."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import takewhile
from typing import Any

from triage.tui import words
from triage.tui.comparison import Cell, Column, Comparison, Place, place_words
from triage.tui.json_text import one_line
from triage.tui.lines import Line, padded, safe, width_of, wrapped
from triage.tui.outliers import ABSENT

__all__ = ["Sheet", "remarks", "same_lines"]

WIDEST = 30
"""Cells of the widest column."""
_NARROWEST = 6
_PART = 8
"""A column of which fewer cells would be seen is not begun."""
_GAP = 2
_TITLE_LEAST = 16
_PREFIX_LEAST = 12
"""Texts that are too wide and begin with so much in common are shown from where they differ."""
_MAX_SAME = 60
_SAMPLE = 4 * WIDEST


class Sheet:
    """A comparison laid out: what stands in each row at a width, from a column on.

    Columns in which something stands out come first.
    """

    def __init__(self, comparison: Comparison, titles: Sequence[str]) -> None:
        self._columns = sorted(comparison.columns, key=lambda one: not any(cell.why for cell in one.cells))
        self._titles = [safe(title or "(no title)", "text", 200) for title in titles]
        self._title_width = max((width_of(title) for title in self._titles), default=0)
        self._cut = [_common(column) for column in self._columns]
        self._quoted = [_mixed(column) for column in self._columns]
        self._numeric = [_numeric(column) for column in self._columns]
        self._widths = [self._wanted(number) for number in range(len(self._columns))]

    @property
    def columns(self) -> int:
        """How many columns there are."""
        return len(self._columns)

    def fitting(self, width: int, left: int) -> int:
        """How many columns from ``left`` on are seen whole."""
        room, count = width - self._title_cells(width), 0
        for number in range(left, len(self._columns)):
            room -= _GAP + self._widths[number]
            if room < 0:
                break
            count += 1
        return count

    def header(self, width: int, left: int) -> Line:
        """The names of the columns."""
        cells = [
            safe(place_words(self._columns[number].place), "key", self._widths[number])
            for number in range(left, len(self._columns))
        ]
        return self._joined((("item", "muted"),), cells, width, left)

    def row(self, index: int, width: int, left: int, style: str = "text") -> Line:
        """One item's title and values; ``style`` for the title, and for all when it is ``off``."""
        title = tuple((text, own if own == "hidden" else style) for text, own in self._titles[index])
        cells = [self._cell(index, number) for number in range(left, len(self._columns))]
        if style == "off":
            cells = [tuple((text, "off") for text, _ in cell) for cell in cells]
        return self._joined(title, cells, width, left)

    def _joined(self, title: Line, cells: Sequence[Line], width: int, left: int) -> Line:
        spans = [*padded(title, self._title_cells(width))]
        used = self._title_cells(width)
        for number, cell in enumerate(cells, left):
            room = min(self._widths[number], width - used - _GAP)
            if room < min(_PART, self._widths[number]):
                break
            used += _GAP + room
            before = max(0, room - width_of(cell)) if self._numeric[number] else 0
            spans += [(" " * (_GAP + before), "text"), *padded(cell, room - before)]
        return tuple(spans)

    def _title_cells(self, width: int) -> int:
        wanted = min(self._title_width, max(_TITLE_LEAST, width // 3))
        return wanted if self._columns else min(self._title_width, width)

    def _cell(self, index: int, number: int) -> Line:
        cell = self._columns[number].cells[index]
        mark: Line = (("!", "error"),) if cell.why or cell.hides else ()
        return (*mark, *_value_line(cell.value, self._cut[number], quoted=self._quoted[number]))

    def _wanted(self, number: int) -> int:
        column = self._columns[number]
        name = width_of(safe(place_words(column.place), "key", WIDEST))
        widest = max((width_of(self._cell(at, number)) for at in range(len(column.cells))), default=0)
        return min(WIDEST, max(_NARROWEST, name, widest))


def remarks(comparison: Comparison, index: int) -> list[Line]:
    """Everything that stands out of one item, in words."""
    found: list[Line] = []
    if comparison.hides[index]:
        hidden = f"hides characters, shown as ‹NAME›: {', '.join(comparison.hides[index])}"
        found.append((("! ", "error"), (hidden, "error")))
    for column in comparison.columns:
        cell = column.cells[index]
        if cell.why:
            where = safe(place_words(column.place), "key", 40)
            value = safe(one_line(cell.value, 80) if cell.value is not ABSENT else "absent", "strong")
            found.append((("! ", "error"), *where, (" ", "text"), *value, (": ", "muted"), *safe(cell.why)))
    return found


def same_lines(
    comparison: Comparison,
    width: int,
    most: int,
    *,
    lead: str = "same in all: ",
    without: Collection[Place] = (),
) -> list[Line]:
    """What is the same in all, in at most ``most`` lines; what does not fit is counted."""
    told = [(place, cell) for place, cell in comparison.same if place not in without]
    parts = [_same_part(place_words(place), cell) for place, cell in told]
    lines: list[Line] = []
    for count in range(len(parts), 0, -1):
        more = len(parts) - count
        lines = wrapped(_same_line(lead, parts[:count], more), width)
        if len(lines) <= most:
            break
    return lines[:most]


def _same_part(name: str, cell: Cell) -> Line:
    return (*safe(name, "key", 40), (" ", "text"), *safe(one_line(cell.value, _MAX_SAME), "text"))


def _same_line(lead: str, parts: Sequence[Line], more: int) -> Line:
    spans = [(lead, "muted")]
    for number, part in enumerate(parts):
        spans += [("   ", "text"), *part] if number else part
    if more:
        spans.append((f"   and {words.plural(more, 'more place')}", "warning"))
    return tuple(spans)


def _value_line(value: Any, cut: int, *, quoted: bool) -> Line:
    if value is ABSENT:
        return (("absent", "off"),)
    if not isinstance(value, str):
        style = "literal" if value is None or isinstance(value, bool) else "number"
        return safe(one_line(value, _SAMPLE), style if not isinstance(value, dict | list) else "text")
    text = value[cut:]
    lead: Line = (("…", "muted"),) if cut else ()
    if quoted or text != text.strip() or text in ("", "absent"):
        return (*lead, *safe(one_line(text, _SAMPLE), "string"))
    return (*lead, *safe(text, "string", _SAMPLE))


def _common(column: Column) -> int:
    """Characters that all of a column's texts begin with, where they are too wide to show them."""
    texts = [cell.value for cell in column.cells if isinstance(cell.value, str)]
    if len(texts) < len(column.cells) or max(map(len, texts)) <= WIDEST:
        return 0
    pairs = zip(min(texts), max(texts), strict=False)
    common = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    return common - 4 if common >= _PREFIX_LEAST else 0


def _numeric(column: Column) -> bool:
    """Whether all its values are numbers, so that they stand at the right."""
    values = [cell.value for cell in column.cells if cell.value is not ABSENT]
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def _mixed(column: Column) -> bool:
    """Whether texts stand beside other values, so that they need quotes."""
    kinds = {isinstance(cell.value, str) for cell in column.cells if cell.value is not ABSENT}
    return len(kinds) > 1
