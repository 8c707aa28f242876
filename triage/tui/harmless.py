"""The last gate before the terminal: no character that acts or is not seen leaves the screen, whoever drew it.

What triage draws has been made harmless and marked before; this holds for the widgets that show what
somebody typed or pasted.
"""

from __future__ import annotations

import unicodedata

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

__all__ = ["Harmless"]

_INSTEAD = "\ufffd"


class Harmless(LineFilter):
    """Puts a sign in the place of each character that cannot be printed, as many cells wide as that counts."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The segments; the same ones where nothing has to be done."""
        if all(text.isprintable() for text, _, _ in segments):
            return segments
        return [
            Segment(text if control else _printable(text), style, control)
            for text, style, control in segments
        ]


def _printable(text: str) -> str:
    return text if text.isprintable() else "".join(map(_printable_char, text))


def _printable_char(char: str) -> str:
    if char.isprintable():
        return char
    return (" " if unicodedata.category(char) == "Zs" else _INSTEAD) * cell_len(char)
