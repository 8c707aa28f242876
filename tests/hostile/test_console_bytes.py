"""What a real terminal is sent by the console before agents that write hostile texts into every field."""

from __future__ import annotations

from pathlib import Path

from tests.hostile.corpus import CORPUS
from tests.hostile.judging import Sequence, foreign_sequences, sequences_of, text_of, unsafe_in
from tests.hostile.touring import (
    KNOWN,
    MODES,
    SHORT,
    console,
    items_in,
    page_through,
    press,
    settle,
    visit_dialogs,
)
from tests.terminal import Terminal

LOOK_S = 0.35
"""Longer than the guard wants an item looked at."""
SHORT_TEXTS = [one for one in CORPUS if one.kind != "long"]


def assert_harmless(terminal: Terminal) -> None:
    """All that was written is the program's own sequences and text that can be seen."""
    output = bytes(terminal.output)
    assert not foreign_sequences(output, KNOWN)
    assert not unsafe_in(text_of(output).replace("\n", ""))
    assert not [one for one in sequences_of(output) if _sets_foreign_mode(one)]


def _sets_foreign_mode(one: Sequence) -> bool:
    return one.kind == "csi" and one.body.startswith("?") and one.body[1:-1].rstrip("$") not in MODES


def leave(terminal: Terminal) -> None:
    """Quit, whatever is held."""
    press(terminal, "q")
    if terminal.status is None:
        press(terminal, "l")
    assert terminal.wait_ended() == 0


def test_every_text_in_list_and_pane(tmp_path: Path) -> None:
    """Each text is on screen once, in a title and beside it; nothing but text is made of any."""
    last = len(SHORT_TEXTS)
    with console(tmp_path, 0, last) as terminal:
        page_through(terminal, items_in(0, last))
        leave(terminal)
        assert_harmless(terminal)
        assert "‹ESC›" in text_of(bytes(terminal.output))


def test_every_place_that_shows_an_item(tmp_path: Path) -> None:
    """Raw, whole, log, every dialog, completion, palette, many at once, a command's output, outcomes."""
    first = len(SHORT_TEXTS) - 24
    with console(tmp_path, first, first + 24) as terminal:
        page_through(terminal, items_in(first, first + 24))
        visit_dialogs(terminal, SHORT)
        for _ in range(3):
            press(terminal, "x")
            settle(terminal, LOOK_S)
            press(terminal, "1")
            settle(terminal, LOOK_S)
        terminal.wait_for("Rejected:")
        visit_dialogs(terminal, [("L", "esc"), ("k", "L", "esc")])
        leave(terminal)
        assert_harmless(terminal)
