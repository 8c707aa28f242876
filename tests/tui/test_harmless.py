"""The last gate: whatever a widget draws, nothing that acts, hides or piles up reaches the terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color

from tests.hostile.judging import unsafe_in
from triage.tui.harmless import Harmless

BLACK = Color(0, 0, 0)
CHARS = st.sampled_from(
    "a ◆\u0301\u0338\u20e0\u0489\u1dc0\ufe0f\u202e\u200b\u3164\u115f\x1b\x85\u00a0日\ufdd0"
)


def through(*texts: str) -> list[str]:
    """What becomes of texts that stand beside each other on a line."""
    return [text for text, _, _ in Harmless().apply([Segment(text) for text in texts], BLACK)]


@given(st.lists(st.text(CHARS, max_size=12), max_size=5))
def test_nothing_gets_through_and_nothing_moves(texts: list[str]) -> None:
    found = through(*texts)
    assert unsafe_in("".join(found).replace("\ufe0f", "")) == []
    assert [cell_len(text) for text in found] == [cell_len(text) for text in texts]


@pytest.mark.parametrize("mark", ["\u0301", "\u0338", "\u20e0", "\u0489"])
def test_marks_that_a_style_parts_pile_up_no_less(mark: str) -> None:
    """A cursor in the middle of them parts them; an emoji's selector between them changes nothing."""
    assert through("Z" + mark * 2, mark, mark * 70, " after") == ["Z" + mark * 2, mark, "", " after"]
    assert through("Z" + (mark + "\ufe0f") * 5) == ["Z" + (mark + "\ufe0f") * 3 + "\ufe0f" * 2]


def test_honest_text_is_left_alone() -> None:
    segments = [Segment("Ångström, 日本, e\u0301, ❤\ufe0f"), Segment("─" * 20)]
    assert [*through(*(text for text, _, _ in segments))] == [text for text, _, _ in segments]
