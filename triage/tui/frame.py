"""The frame: what stands on the terminal, cell by cell, and the fewest bytes that make it look otherwise.

Takes what Textual would write for a screen and gives what is to be written instead: only cells that differ, and
of their style only what differs from the cell before. What it does not understand it passes on as it is, and
then takes nothing on the terminal for known.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from rich.cells import cell_len

__all__ = ["Frame"]

_PIECE = re.compile(r"\x1b\[(\d+)(?:;(\d+))?H|\x1b\[([\d;]*m)|(\n)|([^\x00-\x1f\x7f-\x9f]+)")
_PIECES = re.compile(r"(?:\x1b\[\d+(?:;\d+)?H|\x1b\[[\d;]*m|\n|[^\x00-\x1f\x7f-\x9f]+)*")
_Piece = tuple[str, str, str, str, str]
"""Of a move its row and column, of a style its parameters, a line's end, text: one of them, the others empty."""
_NO_PICTURE = re.compile(
    r"\x07"
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"  # titles, the clipboard, notices
    r"|\x1b\[\?(?!47h|3[hl]|1047|1048|1049)\d+[hl]"  # modes, but for other screens
    r"|\x1b\[\?\d+\$p|\x1b\[[<>=]\d*u|\x1b\[>\d*c|\x1b\[c"  # what is asked of the terminal
)
_SYNC_START, _SYNC_END = "\x1b[?2026h", "\x1b[?2026l"
_SHORT_GAP = 4
"""Cells that are the same and cost no more than going past them."""
_MANY_BLANKS = 11
"""Blanks that cost more than erasing them and going past them."""
_SHOWS_ON_BLANKS = frozenset("4 7 9 21 53".split())
"""Underline, reverse, strike, double underline, overline."""
_OFF = {"1": "22", "2": "22", "3": "23", "4": "24", "5": "25", "6": "25", "7": "27", "8": "28", "9": "29"}


class _Style(NamedTuple):
    attributes: frozenset[str]
    fore: str
    back: str


_PLAIN = _Style(frozenset(), "39", "49")
_STYLES = [_PLAIN]
_NUMBERS = {_PLAIN: 0}
_SHIFT = 21
_CHAR = (1 << _SHIFT) - 1
_BLANK = ord(" ")

_Cell = int
"""A character and, above it, the number of its style. Whole numbers, for there are thousands: the garbage
collector need not look at them."""


class Frame:
    """The picture on a terminal, as far as it is known.

    ``erases``: the terminal erases cells (ECH) in the ground that is in force, which many blanks are cheaper by.
    """

    def __init__(self, *, erases: bool = False) -> None:
        self._erases = erases
        self._rows: dict[int, list[_Cell | None]] = {}
        self._cursor = (0, 0)
        self._opening = False
        self._out: list[str] = []
        self._style = 0
        self._at: tuple[int, int] | None = None

    def forget(self) -> None:
        """The terminal shows something else by now: its size is another, or others wrote on it."""
        self._rows.clear()

    def economised(self, data: str) -> str:
        """What to write instead of ``data``; empty where nothing would look otherwise."""
        if data == _SYNC_START:
            self._opening = True
            return ""
        if data == _SYNC_END and self._opening:
            self._opening = False
            return ""
        picture = self._picture(data)
        if picture and self._opening:
            self._opening = False
            return _SYNC_START + picture
        return picture

    def _picture(self, data: str) -> str:
        if not _PIECES.fullmatch(data):
            if not _NO_PICTURE.fullmatch(data):
                self.forget()
            return data
        self._out, self._style, self._at = [], 0, None
        cursor = self._taken(_PIECE.findall(data))
        if self._style:
            self._out.append("\x1b[m")
        if self._out or cursor != self._cursor:
            self._out.append(f"\x1b[{cursor[0] + 1};{cursor[1] + 1}H")
        self._cursor = cursor
        return "".join(self._out)

    def _taken(self, pieces: list[_Piece]) -> tuple[int, int]:
        """Take the pieces in, and say where the cursor stands at the end."""
        y, x = self._cursor
        style, odd = 0, False
        cells: list[_Cell] = []  # of one row, not put yet
        for row, column, sgr, newline, text in pieces:
            if sgr:
                style = _worn(style, sgr)
            elif not text:
                x = self._put(y, x, cells)
                y, x = (y + 1, 0) if newline else (int(row) - 1, int(column or 1) - 1)
                odd = False
            elif odd or not _is_regular(text):
                odd = True  # where its cells lie is for the terminal to say, and so for all behind it
                x = self._put(y, x, cells)
                x = self._put_odd(y, x, text, style)
            else:
                cells += _cells(text, style)
        return y, self._put(y, x, cells)

    # -- cells ----------------------------------------------------------------------------------

    def _put(self, y: int, x: int, cells: list[_Cell]) -> int:
        """Put cells, which are used up, in their place; gives the column behind them."""
        end = x + len(cells)
        row = self._row(y, end)
        if row[x:end] != cells:
            self._put_different(y, x, row, cells)
        cells.clear()
        return end

    def _put_different(self, y: int, x: int, row: list[_Cell | None], cells: list[_Cell]) -> None:
        start, count = 0, len(cells)
        while start < count:
            if row[x + start] == cells[start]:
                start += 1
                continue
            end = start + 1
            while end < count and row[x + end] != cells[end]:
                end += 1
            self._go_to(y, x + start)
            end = self._write(y, x, cells, start, end)
            row[x + start : x + end] = cells[start:end]
            start = end

    def _put_odd(self, y: int, x: int, text: str, style: int) -> int:
        """Text with characters of no or of two cells: written as it is, and its place is not known after."""
        width = cell_len(text)
        row = self._row(y, x + width)
        row[x : x + width] = [None] * width
        self._go_to(y, x)
        self._wear(style)
        self._out.append(text)
        self._at = None
        return x + width

    def _row(self, y: int, width: int) -> list[_Cell | None]:
        row = self._rows.setdefault(y, [])
        if len(row) < width:
            row += [None] * (width - len(row))
        return row

    # -- what is written ------------------------------------------------------------------------

    def _go_to(self, y: int, x: int) -> None:
        if self._at == (y, x):
            return
        if self._at is not None and self._at[0] == y and x > self._at[1]:
            between = self._rows[y][self._at[1] : x]
            if len(between) <= _SHORT_GAP and all(cell is not None and self._fits(cell) for cell in between):
                self._out += [chr(cell & _CHAR) for cell in between if cell is not None]
            else:
                self._out.append(f"\x1b[{x - self._at[1]}C")
        else:
            self._out.append(f"\x1b[{y + 1};{x + 1}H" if x else f"\x1b[{y + 1}H")
        self._at = (y, x)

    def _fits(self, cell: _Cell) -> bool:
        """Whether a cell looks as it shall when it is written in the style in force."""
        style = cell >> _SHIFT
        return style == self._style or (cell & _CHAR == _BLANK and _blanks_alike(style, self._style))

    def _write(self, y: int, x: int, cells: list[_Cell], start: int, end: int) -> int:
        """Write cells from ``start`` on; how far that went: to ``end``, or further where blanks were erased.

        Many blanks are erased at once, and with them all up to the last blanks of that ground: what is written
        on it is written after, and those blanks are there by then.
        """
        out, at = self._out, start
        ground = -1
        while at < end:
            cell = cells[at]
            blanks = _run(cells, at) if self._erases and cell & _CHAR == _BLANK else 0
            if blanks >= _MANY_BLANKS and cell != ground and not self._shows_on_blanks(cell):
                self._wear_for(cell)
                ground = cell
                out.append(f"\x1b[{_reach(cells, at, end) - at}X")
            if cell == ground and (blanks > _SHORT_GAP or at + blanks >= end):
                at += blanks
                if at >= end:
                    break
                self._at = (y, x + at - blanks)
                self._go_to(y, x + at)
            else:
                self._wear_for(cell)
                out.append(chr(cell & _CHAR))
                at += 1
                self._at = (y, x + at)
        return at

    def _shows_on_blanks(self, blank: _Cell) -> bool:
        return bool(_SHOWS_ON_BLANKS & _STYLES[blank >> _SHIFT].attributes)

    def _wear_for(self, cell: _Cell) -> None:
        """Wear what a cell needs: of a blank its ground, whatever else is in force."""
        if not self._fits(cell):
            style = cell >> _SHIFT
            self._wear(_on_ground(self._style, style) if cell & _CHAR == _BLANK else style)

    def _wear(self, style: int) -> None:
        if style != self._style:
            self._out.append(_change(self._style, style))
            self._style = style


@lru_cache(2048)
def _cells(text: str, style: int) -> list[_Cell]:
    """A cell for each character. Of a blank's style only what shows on it, so that blanks that look alike are."""
    own, blank = style << _SHIFT, _of_blank(style) << _SHIFT | _BLANK
    return [blank if char == " " else own | ord(char) for char in text]


@lru_cache(1024)
def _of_blank(style: int) -> int:
    attributes, _, back = _STYLES[style]
    return style if _SHOWS_ON_BLANKS & attributes else _number(_Style(frozenset(), _PLAIN.fore, back))


@lru_cache(4096)
def _on_ground(style: int, other: int) -> int:
    """A style in which a blank looks as in the other: the same but for its ground, where nothing else shows."""
    mine, wanted = _STYLES[style], _STYLES[other]
    if _SHOWS_ON_BLANKS & (mine.attributes | wanted.attributes):
        return other
    return _number(mine._replace(back=wanted.back))


def _run(cells: list[_Cell], start: int) -> int:
    """How many cells like that one stand there."""
    end = start + 1
    while end < len(cells) and cells[end] == cells[start]:
        end += 1
    return end - start


def _reach(cells: list[_Cell], start: int, end: int) -> int:
    """Where the last run of cells like that one ends, of those that begin before ``end``."""
    last = end - 1
    while cells[last] != cells[start]:
        last -= 1
    return last + _run(cells, last)


@lru_cache(4096)
def _blanks_alike(one: int, other: int) -> bool:
    """Whether a blank looks the same in two styles."""
    left, right = _STYLES[one], _STYLES[other]
    return left.back == right.back and not _SHOWS_ON_BLANKS & (left.attributes | right.attributes)


@lru_cache(1024)
def _is_regular(text: str) -> bool:
    """Whether each character takes one cell."""
    return text.isascii() or all(char.isascii() or cell_len(char) == 1 for char in text)


@lru_cache(1024)
def _worn(before: int, sgr: str) -> int:
    """The style after SGR parameters."""
    kept, fore, back = _STYLES[before]
    attributes = set(kept)
    codes = iter(sgr.removesuffix("m").split(";"))
    for code in codes:
        if code in ("38", "48"):
            kind = next(codes, "")
            count = 1 if kind == "5" else 3
            colour = ";".join((code, kind, *(next(codes, "0") for _ in range(count))))
            fore, back = (colour, back) if code == "38" else (fore, colour)
        elif code in ("", "0"):
            attributes, fore, back = set(), _PLAIN.fore, _PLAIN.back
        elif len(code) > 1 and (code[0] in "3" or code[:-1] == "9"):
            fore = code
        elif len(code) > 1 and (code[0] == "4" or code[:-1] == "10"):
            back = code
        elif code in _OFF.values():
            attributes -= {one for one, off in _OFF.items() if off == code}
        else:
            attributes.add(code)
    return _number(_Style(frozenset(attributes), fore, back))


def _number(style: _Style) -> int:
    number = _NUMBERS.setdefault(style, len(_STYLES))
    if number == len(_STYLES):
        _STYLES.append(style)
    return number


@lru_cache(4096)
def _change(before: int, after: int) -> str:
    """The shortest way from one style to another."""
    old, new = _STYLES[before], _STYLES[after]
    colours = [part for part, before in ((new.fore, old.fore), (new.back, old.back)) if part != before]
    gone = old.attributes - new.attributes
    if not gone:
        return f"\x1b[{';'.join((*sorted(new.attributes - old.attributes), *colours))}m"
    whole = (*sorted(new.attributes), *(part for part in (new.fore, new.back) if part not in ("39", "49")))
    anew = f"\x1b[{';'.join(('0', *whole))}m" if whole else "\x1b[m"
    if gone - _OFF.keys() or any(_OFF[one] in (_OFF.get(other) for other in new.attributes) for one in gone):
        return anew
    step = (*sorted({_OFF[one] for one in gone}), *sorted(new.attributes - old.attributes), *colours)
    return min(f"\x1b[{';'.join(step)}m", anew, key=len)
