"""What was changed is shown place by place, however long the values are."""

from __future__ import annotations

import time
from typing import Any

import pytest

from triage.tui.changes import difference_lines, edit_lines, value_differences
from triage.tui.lines import plain


def shown(before: Any, after: Any, width: int = 60) -> list[str]:
    return [plain(line) for line in difference_lines(value_differences(before, after), width)]


def edited(before: Any, after: Any, width: int = 60) -> list[str]:
    return [plain(line) for line in edit_lines(before, after, width)]


def test_values_are_told_apart_as_json() -> None:
    assert shown({"a": 1, "b": [1, 2]}, {"a": 1.0, "b": [1]}) == ["- a  1", "+ a  1.0", "- b[1]  2"]
    assert shown({"a": 1}, {"a": 1}) == []
    assert shown({"a": 1}, {"a": True}) == ["- a  1", "+ a  true"]


def test_an_edit_is_told_in_one_line_a_field() -> None:
    assert edited({"amount": 12, "to": "a"}, {"amount": 15, "to": "b"}) == [
        "amount  12 → 15",
        'to  "a" → "b"',
    ]
    assert edited({"amount": 12}, {}) == ["amount  12 → nothing"]
    assert edited({}, {"amount": 12}) == ["amount  nothing → 12"]


def test_a_text_of_several_rows_is_compared_row_by_row() -> None:
    rows = [f"row {number}" for number in range(20)]
    others = [*rows[:9], "another", *rows[10:]]
    assert shown({"body": "\n".join(rows)}, {"body": "\n".join(others)}) == [
        "± body",
        "  … 7 rows as before",
        "   row 7",
        "   row 8",
        "  -row 9",
        "  +another",
        "   row 10",
        "   row 11",
        "  … 8 rows as before",
    ]


def test_a_change_deep_in_a_long_value_is_in_sight() -> None:
    lines = "".join(shown({"a": "x" * 5_000 + "one"}, {"a": "x" * 5_000 + "two"}))
    assert "one" in lines
    assert "two" in lines
    assert "…xxx" in lines.replace(" ", "")


@pytest.mark.parametrize(
    ("old", "new"),
    [("a\n" * 20_000, "b\n" * 20_000), ("a\nb\n" * 9_000, "b\na\n" * 9_000), ("a\n" * 199, "a b\n" * 199)],
)
def test_long_texts_are_compared_in_no_time(old: str, new: str) -> None:
    begun = time.process_time()
    assert shown({"a": old}, {"a": new})
    assert time.process_time() - begun < 3.0


def test_what_hides_in_an_edit_is_shown() -> None:
    assert "‹RLO›" in "".join(shown({"a": "b\nc"}, {"a": "b\n\u202ec"}))
    assert "‹RLO›" in "".join(edited({"a": "b"}, {"a": "\u202ec"}))
