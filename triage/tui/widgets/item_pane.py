"""The item beside the list: head on top, body that scrolls by its own offset, what may be done at the foot.

It tells, as the compositor takes its lines, which item at which revision is on screen: a decision
binds to that and to nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from textual import events
from textual.geometry import Region
from textual.strip import Strip

from triage.tui.guard import Subject
from triage.tui.item_text import PageView, body_lines, head_lines
from triage.tui.lines import Line, padded, rule, wrapped
from triage.tui.searching import Match, Piece, find, highlighted, pieces_by_line
from triage.tui.widgets.line_widget import LineWidget, Look, Painted

__all__ = ["ItemPane"]

_MARGIN = 1


class ItemPane(LineWidget, can_focus=True):
    """Shows one page. ``painted`` is called with what is on screen, or None."""

    def __init__(
        self, look: Look, painted: Callable[[Subject | None], None], *, id: str | None = None
    ) -> None:
        super().__init__(look, id=id)
        self._painted = painted
        self._page: PageView | None = None
        self._foot: Line = ()
        self._subject: Subject | None = None
        self._body: list[Line] = []
        self._body_key: Any = None
        self._top = 0
        self._room = 1
        self._search = ""
        self._matches: list[Match] = []
        self._pieces: dict[int, list[tuple[Piece, int]]] = {}
        self._at = 0
        self.empty: tuple[str, ...] = ()

    # -- what is shown --------------------------------------------------------------------------

    @property
    def subject(self) -> Subject | None:
        """What the pane shows now (it may not be painted yet)."""
        return self._subject

    def show(self, page: PageView | None, foot: Line = ()) -> None:
        """Show a page, from its top when it is another item. Called directly by the key's handler."""
        subject = Subject(page.entry.item.id, page.entry.item.revision) if page else None
        if subject is None or self._subject is None or subject.item_id != self._subject.item_id:
            self._top = self._at = 0
        self._page, self._foot, self._subject = page, foot, subject
        self.repaint()

    def render_lines(self, crop: Region) -> list[Strip]:
        """The lines the compositor is about to paint; whoever guards decisions is told."""
        strips = super().render_lines(crop)
        self._painted(self._subject if self.composed else None)
        return strips

    def compose_lines(self) -> list[Painted]:
        """Header, head, body in sight; below it the foot, and how much of the body is out of sight."""
        height, width = self.size.height, self.size.width
        if self._page is None:
            return self._empty_lines(height)
        head = head_lines(self._page, self.look.marks, self._text_width)
        foot = wrapped(self._foot, self._text_width)[:2] if self._foot else []
        self._lay_out(self._page)
        room = height - 1 - len(head) - 1
        below = 1 + len(foot) if foot or len(self._body) > room else 0
        self._room = room = max(0, room - below)
        self._top = max(0, min(self._top, len(self._body) - room))
        lines: list[Line] = [self._header(width), *(self._framed(line) for line in head), ()]
        lines += [self._framed(line) for line in self._in_sight(room)]
        lines += [()] * (height - len(lines) - below)
        if below:
            lines += [self._foot_rule(width, room), *(self._framed(line) for line in foot)]
        return [(padded(line, width), "plain") for line in lines[:height]]

    def _in_sight(self, room: int) -> list[Line]:
        """The body's lines that are seen, what was searched for standing out."""
        seen = self._body[self._top : self._top + room]
        if not self._pieces:
            return seen
        return [self._with_matches(number, row) for number, row in enumerate(seen, self._top)]

    @property
    def _text_width(self) -> int:
        return max(8, self.size.width - 1 - _MARGIN)

    def _framed(self, line: Line) -> Line:
        return ((" " * _MARGIN, "text"), *line)

    def _lay_out(self, page: PageView) -> None:
        """The body's lines; only anew when something in it may differ."""
        entry, record = page.entry, page.record
        key = (
            entry.item.id,
            entry.item.revision,
            entry.marks,
            entry.gone,
            entry.changed_at,
            (record.decision.id, record.state, record.detail, record.effect, record.note) if record else None,
            id(page.context),
            page.wait_reason,
            page.rated,
            page.precedents,
            self._text_width,
        )
        if key != self._body_key:
            self._body_key = key
            self._body = body_lines(page, self.look.marks, self._text_width)
            self._find_matches()

    def _header(self, width: int) -> Line:
        char = self.look.marks.heavy if self.has_focus else self.look.marks.line
        style = "focus" if self.has_focus else "rule"
        item = self._page.entry.item if self._page else None
        name = item.endpoint if item else "Item"
        title = ((char + " ", style), (name, "focus" if self.has_focus else "title"), (" ", style))
        found = f" {self.found} {self.look.marks.line}" if self.searching else ""
        right: Line = ((found, "accent"), (f" {item.id[:6]} ", "faint")) if item else ()
        return rule(title, right, width, char, style)

    def _foot_rule(self, width: int, room: int) -> Line:
        below = len(self._body) - self._top - room
        marks = self.look.marks
        parts = []
        if self._top:
            parts.append(f"{marks.up} {self._top:,} above")
        if below > 0:
            parts.append(f"{marks.down} {below:,} more lines" if below > 1 else f"{marks.down} 1 more line")
        text = f" {'  '.join(parts)} " if parts else ""
        return rule((), ((text, "warning" if below > 0 else "muted"),) if text else (), width, marks.line)

    def _empty_lines(self, height: int) -> list[Painted]:
        width = self.size.width
        lines: list[Line] = [self._header(width), ()]
        for text in self.empty:
            lines += [self._framed(line) for line in wrapped(((text, "muted"),), self._text_width)]
        lines += [()] * (height - len(lines))
        return [(padded(line, width), "plain") for line in lines[:height]]

    # -- scrolling and searching ----------------------------------------------------------------

    @property
    def top(self) -> int:
        """The first line of the body in sight."""
        return self._top

    @property
    def page_rows(self) -> int:
        """Lines of the body that are seen at once."""
        return max(1, self._room)

    def scroll_by(self, lines: int) -> bool:
        """Scroll the body; False at its end."""
        before = self._top
        self._top = max(0, min(self._top + lines, len(self._body) - self._room))
        if self._top != before:
            self.repaint()
        return self._top != before

    def search(self, text: str) -> int:
        """Look for words in the body; says how often they are there, and goes to the first in sight or below."""
        self._search = text
        self._find_matches()
        below = (number for number, match in enumerate(self._matches) if match[0].line >= self._top)
        self._at = next(below, 0)
        self._reveal()
        return len(self._matches)

    @property
    def searching(self) -> bool:
        """There are words to look for."""
        return bool(self._search.strip())

    @property
    def found(self) -> str:
        """Where in what was found the operator is: ``3 of 17``."""
        return f"{self._at + 1:,} of {len(self._matches):,}" if self._matches else "not found"

    def next_match(self, step: int) -> bool:
        """Go to the next (1) or the previous (-1) match, round at the ends; False when there is none."""
        if self._matches:
            self._at = (self._at + step) % len(self._matches)
            self._reveal()
        return bool(self._matches)

    def _reveal(self) -> None:
        """Have the match at hand in sight, with a few lines around it."""
        if self._matches:
            line = self._matches[self._at][0].line
            if not self._top <= line < self._top + self._room:
                self._top = max(0, line - self._room // 3)
        self.repaint()

    def _find_matches(self) -> None:
        self._matches = find(self._body, self._search)
        self._pieces = pieces_by_line(self._matches)
        self._at = min(self._at, max(0, len(self._matches) - 1))

    def _with_matches(self, number: int, row: Line) -> Line:
        found = self._pieces.get(number)
        if not found:
            return row
        styles = {piece: "match-now" if match == self._at else "match" for piece, match in found}
        return highlighted(row, styles)

    def on_focus(self) -> None:
        """Show that keys go here."""
        self.repaint()

    def on_blur(self) -> None:
        """Show that they do not."""
        self.repaint()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Scroll on."""
        event.stop()
        self.scroll_by(3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Scroll back."""
        event.stop()
        self.scroll_by(-3)
