"""The last gate before the terminal: no character that acts or is not seen leaves the screen, whoever drew it.

What triage draws has been made harmless and marked before; this holds for the widgets that show what
somebody typed or pasted.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from triage.model import safe_text

__all__ = ["Harmless"]

_INSTEAD = "\ufffd"


class Harmless(LineFilter):
    """Puts a sign in the place of each character that acts or hides, as many cells wide as that counts, and leaves out
    combining marks that pile up."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The segments; the same ones where nothing has to be done."""
        if all(_is_plain(text) for text, _, _ in segments):
            return segments
        found, marks = [], 0
        for text, style, control in segments:
            if not control:
                text, marks = _made_plain(text, marks)
            found.append(Segment(text, style, control))
        return found


@lru_cache(4096)
def _is_plain(text: str) -> bool:
    """Whether nothing in it acts, hides or piles up, whatever stands beside it."""
    if text.isascii():
        return text.isprintable()
    return text.isprintable() and not safe_text.hidden(text) and not any(map(safe_text.is_mark, set(text)))


def _made_plain(text: str, marks: int) -> tuple[str, int]:
    """The text, and how many marks stand on its last character; ``marks`` stood on the one before it."""
    chars = []
    for char in text:
        if safe_text.is_mark(char):
            marks += 1
            shown = char if marks <= safe_text.MAX_COMBINING else ""
        else:
            shown = _plain_char(char)
            marks = 0 if cell_len(shown) else marks
        chars.append(shown)
    return "".join(chars), marks


def _plain_char(char: str) -> str:
    if char.isprintable() and not safe_text.hidden(char):
        return char
    return (" " if unicodedata.category(char) == "Zs" else _INSTEAD) * cell_len(char)
