"""A page: lines of styled text that scroll and are searched."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from textual import events
from textual.geometry import Size

from triage.tui.ink import Ink
from triage.tui.lines import Line, padded
from triage.tui.marks import marks_for
from triage.tui.searching import Match, Piece, find, highlighted, pieces_by_line
from triage.tui.widgets.line_widget import LineWidget, Look, Painted

__all__ = ["Page", "look_from"]

Maker = Callable[[int], Sequence[Line]]
"""From a width in cells to the lines."""


def look_from(variables: dict[str, str]) -> Look:
    """The look of the theme in force on this terminal."""
    return Look(Ink(variables), marks_for(os.environ))


class Page(LineWidget, can_focus=True):
    """Shows what ``make`` gives for its width, from ``top`` on; the line ``cursor`` stands out."""

    DEFAULT_CSS = """
    Page { height: auto; width: 1fr; background: $background; }
    """

    def __init__(self, make: Maker, *, id: str | None = None, cursor: int | None = None) -> None:
        super().__init__(look_from({}), id=id)
        self._make = make
        self._made: Sequence[Line] = ()
        self._made_for = -1
        self.top = 0
        self.cursor = cursor
        self._words = ""
        self._matches: list[Match] = []
        self._pieces: dict[int, list[tuple[Piece, int]]] = {}
        self._at = 0

    # -- what is shown --------------------------------------------------------------------------

    def on_mount(self) -> None:
        """Take the theme's colours, and take them again when it changes."""
        self._take_theme()
        self.app.theme_changed_signal.subscribe(self, lambda _theme: self._take_theme())

    def _take_theme(self) -> None:
        self.look = look_from(self.app.theme_variables)
        self.repaint(whole=True)

    def show(self, make: Maker | None = None) -> None:
        """Make the lines again, keeping the place."""
        self._make = make or self._make
        self._made_for = -1
        self.refresh(layout=True)
        self.repaint(whole=True)

    def lines_for(self, width: int) -> Sequence[Line]:
        """All lines at a width; made once a width."""
        if width != self._made_for:
            self._made, self._made_for = self._make(width), width
            self._find_matches()
        return self._made

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As high as its lines, where the style sheet leaves the height to it."""
        return max(1, len(self.lines_for(width)))

    def compose_lines(self) -> list[Painted]:
        """The lines in sight."""
        width, height = self.size
        lines = self.lines_for(width)
        self.top = max(0, min(self.top, len(lines) - height))
        return [self._painted(index, line, width) for index, line in self._in_sight(lines, height)]

    def _in_sight(self, lines: Sequence[Line], height: int) -> list[tuple[int, Line]]:
        seen = list(enumerate(lines[self.top : self.top + height], self.top))
        return seen + [(-1, ())] * (height - len(seen))

    def _painted(self, index: int, line: Line, width: int) -> Painted:
        if found := self._pieces.get(index):
            styles = {piece: "match-now" if match == self._at else "match" for piece, match in found}
            line = highlighted(line, styles)
        return padded(line, width), "cursor" if index == self.cursor else "plain"

    # -- moving ---------------------------------------------------------------------------------

    @property
    def more(self) -> int:
        """Lines below what is in sight."""
        return max(0, len(self.lines_for(self.size.width)) - self.top - self.size.height)

    def scroll_lines(self, count: int) -> None:
        """Move by ``count`` lines, down or up (negative)."""
        self.top = max(0, self.top + count)
        self.repaint()

    def scroll_pages(self, count: float) -> None:
        """Move by ``count`` heights of the page."""
        self.scroll_lines(round(count * self.size.height))

    def reveal(self, index: int) -> None:
        """Have the line ``index`` in sight."""
        height = max(1, self.size.height)
        if not self.top <= index < self.top + height:
            self.top = max(0, index - height // 3)
        self.repaint()

    def point(self, index: int | None) -> None:
        """Put the cursor on a line and have it in sight."""
        self.cursor = index
        if index is not None:
            self.reveal(index)

    def find(self, words: str) -> int:
        """Search for ``words`` (empty: no longer), go to the first match in sight or below; says how many
        there are."""
        self._words = words
        self.lines_for(self.size.width)
        self._find_matches()
        below = (number for number, match in enumerate(self._matches) if match[0].line >= self.top)
        self._at = next(below, 0)
        self._show_match()
        return len(self._matches)

    @property
    def found(self) -> str:
        """Where in what was found one is: ``3 of 17``; empty where nothing was."""
        return f"{self._at + 1:,} of {len(self._matches):,}" if self._matches else ""

    def next_match(self, step: int) -> None:
        """Go to the next match, or the one before (-1); round at the ends."""
        if self._matches:
            self._at = (self._at + step) % len(self._matches)
            self._show_match()

    def _show_match(self) -> None:
        if self._matches:
            self.reveal(self._matches[self._at][0].line)
        self.repaint()

    def _find_matches(self) -> None:
        self._matches = find(self._made, self._words)
        self._pieces = pieces_by_line(self._matches)
        self._at = min(self._at, max(0, len(self._matches) - 1))

    def on_mouse_scroll_down(self, _event: events.MouseScrollDown) -> None:
        """The wheel."""
        self.scroll_lines(3)

    def on_mouse_scroll_up(self, _event: events.MouseScrollUp) -> None:
        """The wheel."""
        self.scroll_lines(-3)
