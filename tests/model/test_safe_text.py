"""Agent text cannot act on a terminal, and cannot hide."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.model import safe_text

HOSTILE = {
    "clear the screen": "\x1b[2J",
    "write the clipboard": "\x1b]52;c;aGk=\x07",
    "C1 CSI": "\x9b31m",
    "bell and backspace": "ok\x07\x08\x08no",
    "right to left": "invoice\u202efdp.exe",
    "isolates": "\u2066a\u2069",
    "zero width": "pay\u200bpal",
    "joiner": "a\u200db",
    "byte order mark": "\ufeffa",
    "tags": "a\U000e0041\U000e0042",
    "variation selectors": "a\U000e0101b\ufe01",
    "hangul filler": "a\u3164b",
    "braille blank": "a\u2800b",
    "soft hyphen": "a\u00adb",
    "private use": "a\ue000b",
    "unassigned": "a\u0378b",
    "line separator": "a\u2028b",
    "carriage return": "pay 10\rpay 99",
    "lone surrogate": "a\ud800b",
}


def printable(text: str) -> bool:
    return all(unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"} for char in text)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_what_acts_or_hides_becomes_visible(text: str) -> None:
    assert printable(safe_text.line(text))
    assert printable(safe_text.block(text).replace("\n", ""))
    assert safe_text.hidden(text) or "\r" in text


def test_marks_name_what_was_there() -> None:
    assert safe_text.line("a\x1b[1mb\u202ec") == "a‹ESC›[1mb‹RLO›c"
    assert safe_text.line("x\U000e0041") == "x‹TAG A›"
    assert safe_text.hidden("\u200b\u200b\x07") == ("ZWSP ×2", "BEL")


def test_honest_text_is_left_alone() -> None:
    for text in ("Refund €12,50 to Zoë?", "日本語のテキスト", "naïve café", "👍🏽 done", "a\u0301b"):
        assert safe_text.line(text) == text
        assert safe_text.hidden(text) == ()


def test_lines_become_one_and_are_cut_with_a_mark() -> None:
    assert safe_text.line("one\ntwo\tthree") == "one two three"
    assert safe_text.line("abcdef", limit=4) == "abc…"
    assert len(safe_text.line("\x1b" * 1_000_000, limit=80)) == 80


def test_blocks_keep_their_lines() -> None:
    assert safe_text.block("a\r\nb\tc\n") == "a\nb   c\n"
    assert safe_text.block("a\rb") == "a‹CR›b"


def test_a_flood_of_combining_marks_is_counted_not_drawn() -> None:
    shown = safe_text.line("e" + "\u0301" * 500)
    assert shown == "e\u0301\u0301\u0301‹MARKS›"


@given(st.text())
def test_nothing_unprintable_ever_passes(text: str) -> None:
    assert printable(safe_text.line(text))
    assert printable(safe_text.block(text).replace("\n", ""))


@given(st.text())
def test_safe_text_stays_as_it_is(text: str) -> None:
    once = safe_text.line(text)
    assert safe_text.line(once) == once
