"""Words are found however the lines that show them were wrapped, and shown where they stand."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.tui.lines import Line, indented, plain, width_of, wrapped
from triage.tui.searching import MAX_MATCHES, find, highlighted, pieces_by_line


def found(lines: list[Line], words: str) -> list[str]:
    """The text of every match, its lines parted by a bar."""
    return [
        "|".join(plain(lines[piece.line])[piece.start : piece.stop] for piece in match)
        for match in find(lines, words)
    ]


def test_words_are_found_in_either_case_and_over_styles() -> None:
    lines: list[Line] = [(("the qu", "text"), ("ick Fox", "strong")), (("quick", "text"),)]
    assert found(lines, "QUICK") == ["quick", "quick"]
    assert found(lines, "quick fox") == ["quick Fox"]
    assert found(lines, "") == found(lines, "  ") == found(lines, "lazy") == []


def test_words_are_found_over_a_wrap() -> None:
    row: Line = (("one two three ", "text"), ("four five", "key"))
    for width in range(5, 24):
        lines = indented(wrapped(row, width), "│ ", "faint")
        assert [match.replace("|", " ") for match in found(lines, "two three four")] == ["two three four"]


def test_a_word_that_was_cut_is_found() -> None:
    lines = indented(wrapped((("see abcdefghijklmnop now", "text"),), 6), "  ")
    assert "".join(found(lines, "defghijkl")).replace("|", "") == "defghijkl"
    assert found(lines, "d efg") == [], "a cut is no space"


def test_numbers_of_rows_are_not_searched() -> None:
    lines: list[Line] = [
        (("12 ", "gutter"), ("│ ", "gutter"), ("pay 12", "text")),
        (("13 ", "gutter"), ("│ ", "gutter"), ("euros", "text")),
    ]
    assert [match[0].start for match in find(lines, "12")] == [9]
    assert found(lines, "12 euros") == ["12|euros"], "two rows that follow each other"


def test_what_was_found_stands_out_and_nothing_else() -> None:
    lines: list[Line] = [(("the qu", "text"), ("ick fox", "strong"))]
    (match,) = find(lines, "quick")
    line = highlighted(lines[0], dict.fromkeys(match, "match"))
    assert line == (("the ", "text"), ("qu", "match"), ("ick", "match"), (" fox", "strong"))
    assert pieces_by_line([match]) == {0: [(match[0], 0)]}


@given(
    st.lists(
        st.tuples(st.text("ab ", min_size=1, max_size=9), st.sampled_from("xy")), min_size=1, max_size=6
    ),
    st.integers(3, 12),
    st.text("ab", min_size=1, max_size=3),
)
def test_as_many_are_found_wrapped_as_in_one_line(row: list[tuple[str, str]], width: int, words: str) -> None:
    line = tuple(row)
    lines = wrapped(line, width)
    assert all(width_of(one) <= width for one in lines)
    whole = " ".join(plain(line).split())
    assert len(find(lines, words)) == whole.count(words)


@pytest.mark.parametrize("words", ["a", "a b", "ab"])
def test_many_lines_are_searched_at_once(words: str) -> None:
    lines: list[Line] = [(("a b ab " * 5, "text"),)] * 50_000
    begun = time.process_time()
    assert len(find(lines, words)) == MAX_MATCHES
    assert time.process_time() - begun < 2.0
