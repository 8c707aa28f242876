"""The last line: the keys that are of use now."""

from __future__ import annotations

from collections.abc import Sequence

from triage.tui.lines import Line, fit, width_of
from triage.tui.widgets.line_widget import LineWidget, Look, Painted

__all__ = ["Hint", "KeyFooter", "hint_line"]

Hint = tuple[str, str]
"""A key as people read it, and what it does."""


class KeyFooter(LineWidget):
    """Hints from the left; ``last`` hints at the right are always there."""

    ground = "bar"

    def __init__(self, look: Look, *, id: str | None = None) -> None:
        super().__init__(look, id=id)
        self._hints: Sequence[Hint] = ()
        self._last: Sequence[Hint] = ()

    def show(self, hints: Sequence[Hint], last: Sequence[Hint]) -> None:
        """Show other hints, if they are others."""
        if (hints, last) != (self._hints, self._last):
            self._hints, self._last = hints, last
            self.repaint()

    def compose_lines(self) -> list[Painted]:
        """The line: as many whole hints as fit."""
        width = self.size.width
        last = hint_line(self._last)
        room = width - width_of(last) - 2
        shown: Line = ()
        for count in range(len(self._hints), 0, -1):
            shown = hint_line(self._hints[:count])
            if width_of(shown) <= room:
                break
        gap = max(1, width - width_of(shown) - width_of(last) - 2)
        return [(fit(((" ", "text"), *shown, (" " * gap, "text"), *last), width), "bar")]


def hint_line(hints: Sequence[Hint]) -> Line:
    """Hints as one line: key, label, a gap."""
    spans: list[tuple[str, str]] = []
    for key, label in hints:
        spans += [("   ", "text")] if spans else []
        spans += [(key, "shortcut"), (f" {label}", "muted")]
    return tuple(spans)
