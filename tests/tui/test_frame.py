"""The frame: what it writes leaves a terminal exactly as what it was given would have, in fewer bytes."""

from __future__ import annotations

import pyte
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pyte.screens import Char

from triage.tui.frame import Frame

COLUMNS, ROWS = 60, 6

STYLES = st.sampled_from(
    [
        "38;5;188;48;5;16",
        "1;38;5;179;48;5;16",
        "38;5;188;48;5;23",
        "3;38;5;188;48;5;16",
        "7;38;5;188;48;5;16",
        "1;4;38;2;9;8;7;48;2;1;2;3",
        "31;44",
        "1;7",
        "90;107",
        "",
    ]
)
TEXTS = st.one_of(
    st.text("ab ◆─│…", min_size=1, max_size=8),
    st.integers(1, 24).map(lambda count: " " * count),
    st.sampled_from(["日本", "e\u0301x", "a👍b"]),
)
RUNS = st.lists(st.tuples(STYLES, TEXTS), min_size=1, max_size=6)
LINES = st.lists(st.tuples(st.integers(1, ROWS), st.integers(1, 12), RUNS), min_size=1, max_size=5)
PICTURES = st.lists(LINES, min_size=1, max_size=5)


def drawn(lines: list[tuple[int, int, list[tuple[str, str]]]]) -> str:
    """A picture as Textual writes it; no line goes over the edge."""
    parts = []
    for row, column, runs in lines:
        parts.append(f"\x1b[{row};{column}H")
        room = COLUMNS - column + 1
        for style, text in runs:
            text = text[: room // 2] if not text.isascii() else text[:room]
            room -= len(text) if text.isascii() else 2 * len(text)
            parts.append(f"\x1b[{style}m{text}\x1b[0m" if style else text)
        parts.append("\n" if row < ROWS else "")
    return "".join((*parts, "\x1b[1;2H"))


class Screen:
    """A terminal that reads what is written to it."""

    def __init__(self) -> None:
        self._screen = pyte.Screen(COLUMNS, ROWS)
        self._screen.reset_mode(7, private=True)
        self._stream = pyte.Stream(self._screen)

    def write(self, data: str) -> None:
        self._stream.feed(data.replace("\n", "\r\n"))

    @property
    def cells(self) -> list[list[Char]]:
        return [[_seen(self._screen.buffer[y][x]) for x in range(COLUMNS)] for y in range(ROWS)]

    @property
    def cursor(self) -> tuple[int, int]:
        return self._screen.cursor.y, self._screen.cursor.x


def _seen(cell: Char) -> Char:
    """What a person sees of a cell: of a blank its ground, unless it is underlined or reversed."""
    if cell.data == " " and not (cell.reverse or cell.underscore or cell.strikethrough):
        return Char(" ", bg=cell.bg)
    return cell


@settings(max_examples=300, deadline=None)
@given(PICTURES, st.booleans())
@example([[(1, 1, [("1;7", "  ")])], [(1, 1, [("", "  ")])]], True)
@example([[(1, 1, [("38;5;188;48;5;16", "日本"), ("", "ab")])], [(1, 2, [("", "x")])]], False)
def test_a_terminal_looks_the_same(
    pictures: list[list[tuple[int, int, list[tuple[str, str]]]]], erases: bool
) -> None:
    frame, given_all, given_less = Frame(erases=erases), Screen(), Screen()
    for lines in pictures:
        data = drawn(lines)
        given_all.write(data)
        given_less.write(frame.economised(data))
        assert given_less.cells == given_all.cells
        assert given_less.cursor == given_all.cursor


def picture(*lines: str) -> str:
    moves = (f"\x1b[{y};1H\x1b[38;5;188;48;5;16m{text}\x1b[0m" for y, text in enumerate(lines, 1))
    return "".join(moves) + "\x1b[1;2H"


def test_the_same_again_writes_nothing() -> None:
    frame = Frame()
    assert frame.economised(picture("one", "two"))
    assert frame.economised(picture("one", "two")) == ""


def test_only_cells_that_differ_are_written() -> None:
    frame = Frame()
    frame.economised(picture("one 5/200", "two"))
    assert frame.economised(picture("one 6/200", "two")) == "\x1b[1;5H\x1b[38;5;188;48;5;16m6\x1b[m\x1b[1;2H"


def test_many_blanks_are_erased_where_the_terminal_can() -> None:
    for erases, wanted in ((True, "\x1b[20X"), (False, " " * 20)):
        frame = Frame(erases=erases)
        frame.economised(picture("x" * 20))
        assert wanted in frame.economised(picture(" " * 20))


def test_blanks_further_on_are_erased_with_the_first() -> None:
    frame = Frame(erases=True)
    frame.economised(picture("x" * 50))
    written = frame.economised(picture("a" + " " * 20 + "b" + " " * 9 + "c" + " " * 4 + "x" * 14))
    assert written == "\x1b[1H\x1b[38;5;188;48;5;16ma\x1b[35X\x1b[20Cb\x1b[9Cc\x1b[m\x1b[1;2H"


@pytest.mark.parametrize(
    "data", ["\x1b[?1049h", "\x1b[2J", "\x1b[1;1Hwhat\rever", "\x1b[3J\x1b[1;1H", "\x9b1mx"]
)
def test_after_what_is_not_understood_everything_is_written_again(data: str) -> None:
    frame = Frame()
    frame.economised(picture("one"))
    assert frame.economised(data) == data
    assert "one" in frame.economised(picture("one"))


@pytest.mark.parametrize(
    "data", ["\x1b]2;triage (3)\x07", "\x1b]9;new\x1b\\", "\x07", "\x1b[?1000h", "\x1b[?25l", "\x1b[?2026$p"]
)
def test_a_title_a_bell_or_a_mode_leaves_the_picture_known(data: str) -> None:
    frame = Frame()
    frame.economised(picture("one"))
    assert frame.economised(data) == data
    assert frame.economised(picture("one")) == ""


def test_after_forgetting_everything_is_written_again() -> None:
    frame = Frame()
    frame.economised(picture("one"))
    frame.forget()
    assert "one" in frame.economised(picture("one"))


def test_a_synchronised_update_with_nothing_in_it_is_not_written() -> None:
    frame = Frame()
    start, end = "\x1b[?2026h", "\x1b[?2026l"
    assert [frame.economised(data) for data in (start, picture("a"), end)] == ["", start + _first("a"), end]
    assert [frame.economised(data) for data in (start, picture("a"), end)] == ["", "", ""]


def _first(text: str) -> str:
    return Frame().economised(picture(text))


@given(LINES)
@example([(1, 1, [("1;38;5;179;48;5;16", "ab"), ("3;38;5;188;48;5;16", "c"), ("", "d")])])
def test_what_it_writes_it_understands(lines: list[tuple[int, int, list[tuple[str, str]]]]) -> None:
    rows = {row: (row, column, [run for run in runs if run[1].isascii()]) for row, column, runs in lines}
    data = drawn(list(rows.values()))
    seeded = Frame()
    seeded.economised(Frame().economised(data))
    assert seeded.economised(data) == ""
