"""The list of what waits. Draws only the rows that are seen; the cursor clings to an item, never to a row."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence

import msgspec
from textual import events
from textual.message import Message

from triage.tui.group_text import GroupView, group_lines
from triage.tui.lines import Line, padded, rule
from triage.tui.row_text import RowView, one_line_row, two_line_row
from triage.tui.widgets.line_widget import LineWidget, Look, Painted

__all__ = ["QueueList", "RowState"]

_WIDE = 68
"""From this width on, a row takes one line."""
_MARGIN = 1
"""Rows kept in sight above and below the cursor."""


class RowState(msgspec.Struct, frozen=True):
    """How the list shows a row."""

    cursor: bool
    focused: bool
    selected: bool


class QueueList(LineWidget, can_focus=True):
    """A window on ``rows``: ids in order. ``view_of`` gives what is drawn of one, an item or a group's head.

    ``place_of`` gives an id's index (of a folded item, its head's) and raises KeyError when it is not here.
    """

    class Clicked(Message):
        """The operator clicked on a row."""

        def __init__(self, item_id: str) -> None:
            super().__init__()
            self.item_id = item_id

    def __init__(
        self,
        look: Look,
        view_of: Callable[[str, RowState], RowView | GroupView | None],
        *,
        id: str | None = None,
    ) -> None:
        super().__init__(look, id=id)
        self._view_of = view_of
        self._rows: Sequence[str] = ()
        self._place_of: Callable[[str], int] = ().index
        self._index = 0
        self._top = 0
        self._painted = (0, 0)
        """Index and top as they were painted last."""
        self._due = False
        """The cursor was moved and is to be painted."""
        self.cursor_id: str | None = None
        self.selected: Collection[str] = ()
        self.unseen = 0
        """How many of the selected items have no row here."""
        self.title = "Queue"
        self.note = ""
        self.empty: tuple[str, ...] = ()

    def tell(self, note: str, empty: tuple[str, ...]) -> None:
        """What the header says beside the place, and what stands where no rows are."""
        if (note, empty) != (self.note, self.empty):
            self.note, self.empty = note, empty
            self.repaint()

    # -- the window -----------------------------------------------------------------------------

    @property
    def row_height(self) -> int:
        """Lines a row takes at the present width."""
        return 1 if self.size.width >= _WIDE else 2

    @property
    def window(self) -> int:
        """Rows that fit."""
        return max(1, (self.size.height - 1) // self.row_height)

    @property
    def index(self) -> int:
        """Where the cursor stands among the rows."""
        return self._index

    @property
    def cursor_y(self) -> int:
        """On which row of the window the cursor stands."""
        return self._index - self._top

    @property
    def shown(self) -> Sequence[str]:
        """The rows that are on screen."""
        return self._rows[max(0, self._top) : max(0, self._top + self.window)]

    def in_sight(self, item_id: str) -> bool:
        """Whether an item's row, or its group's, is on screen."""
        try:
            place = self._place_of(item_id)
        except (KeyError, ValueError):
            return False
        return bool(self.region) and self._top <= place < self._top + self.window

    def set_rows(self, rows: Sequence[str], place_of: Callable[[str], int]) -> None:
        """The rows are others, through no deed of the operator: the one under the cursor stays where it is."""
        y = self.cursor_y
        self._rows, self._place_of = rows, place_of
        if not self._find_cursor():
            self._index = max(0, min(self._index, len(rows) - 1))
            self.cursor_id = rows[self._index] if rows else None
        self._top = self._index - min(y, self.window - 1) if self._index or y else 0
        self.repaint()

    def _find_cursor(self) -> bool:
        if self.cursor_id is None:
            return False
        try:
            self._index = self._place_of(self.cursor_id)
        except KeyError:
            return False
        self.cursor_id = self._rows[self._index]
        return True

    def settle(self) -> None:
        """After a deed of the operator: no empty rows above, the cursor in sight.

        Where it is not, the list goes on by half a window: a screenful of steps moves it twice, not each time.
        """
        window, index = self.window, self._index
        last_top = max(0, len(self._rows) - window)
        margin = _MARGIN if window > 2 * _MARGIN + 1 else 0
        top = min(max(self._top, 0), last_top)
        if index > top + window - 1 - margin:
            top = index - window // 2
        elif index < top + margin:
            top = index - (window - 1) // 2
        self._top = max(0, min(top, last_top))

    # -- moving: called directly by the key's handler -------------------------------------------

    def move_to(self, index: int, *, later: bool = False) -> bool:
        """Put the cursor on a row; False when it stands there already or there is none.

        ``later``: paint it once the keys that wait already were taken, not for each of them.
        """
        if not self._rows:
            return False
        index = max(0, min(index, len(self._rows) - 1))
        item_id = self._rows[index]
        if item_id == self.cursor_id:
            return False
        self._index, self.cursor_id = index, item_id
        self.settle()
        if not later:
            self._paint_cursor()
        elif not self._due:
            self._due = True
            self.call_later(self._paint_cursor)
        return True

    def _paint_cursor(self) -> None:
        """The cursor was moved: paint where it was and where it is, or all where other rows are in sight."""
        self._due = False
        index, top = self._painted
        if top != self._top:
            self.repaint()
            return
        self._painted = (self._index, top)
        self._repaint_rows((index, self._index))
        self.replace_line(0, self._header())

    def move_to_item(self, item_id: str) -> bool:
        """Put the cursor on an item."""
        try:
            return self.move_to(self._place_of(item_id))
        except KeyError:
            return False

    # -- painting -------------------------------------------------------------------------------

    def repaint_items(self, item_ids: Iterable[str]) -> None:
        """Paint the rows of these items again, if they are in sight."""
        wanted = set(item_ids)
        stop = min(len(self._rows), self._top + self.window)
        found = (index for index in range(max(0, self._top), stop) if self._rows[index] in wanted)
        self._repaint_rows(tuple(found))

    def repaint_rows(self, first: int, last: int) -> None:
        """Paint the rows from ``first`` to ``last`` that are in sight again, and the header."""
        stop = min(len(self._rows), self._top + self.window)
        self._repaint_rows(tuple(range(max(0, self._top, first), min(stop, last + 1))))
        self.replace_line(0, self._header())

    def _repaint_rows(self, indices: tuple[int, ...]) -> None:
        for index in (index for index in indices if index < len(self._rows)):
            y = 1 + (index - self._top) * self.row_height
            for number, painted in enumerate(self._row(index)):
                self.replace_line(y + number, painted)

    def compose_lines(self) -> list[Painted]:
        """The header, then the rows in sight; words where there are none."""
        height, blank = self.size.height, ((), "plain")
        self._painted = (self._index, self._top)
        lines = [self._header()]
        if not self._rows:
            lines += [self._framed(blank[0], "plain"), *(self._empty_line(text) for text in self.empty)]
        for index in range(self._top, self._top + self.window):
            if self._rows and 0 <= index < len(self._rows):
                lines += self._row(index)
            elif index < 0:
                lines += [self._framed((), "plain")] * self.row_height
        lines += [self._framed((), "plain")] * (height - len(lines))
        return [self._with_edge(line, y) for y, line in enumerate(lines[:height])]

    def _header(self) -> Painted:
        marks = self.look.marks
        char = marks.heavy if self.has_focus else marks.line
        style = "focus" if self.has_focus else "rule"
        title = ((char + " ", style), (self.title, "focus" if self.has_focus else "title"), (" ", style))
        place = f"{self._index + 1:,}/{len(self._rows):,}" if self._rows else ""
        unseen = f" ({self.unseen:,} not shown)" if self.unseen else ""
        chosen = f"{len(self.selected):,} selected{unseen}" if self.selected else ""
        words = f" {marks.dot} ".join(part for part in (chosen, place, self.note) if part)
        right: Line = ((f" {words} ", "muted"),) if words else ()
        corner = marks.tee if self.row_height == 2 else char
        width = self.size.width - 1
        return (*rule(title, right, width, char, style), (corner, "rule")), "plain"

    def _empty_line(self, text: str) -> Painted:
        return self._framed((("   " + text, "muted"),), "plain")

    def _framed(self, line: Line, ground: str) -> Painted:
        return padded(line, self.size.width - 1), ground

    def _row(self, index: int) -> list[Painted]:
        item_id = self._rows[index]
        cursor = item_id == self.cursor_id
        ground = ("cursor" if self.has_focus else "cursor-dim") if cursor else "plain"
        view = self._view_of(item_id, RowState(cursor, self.has_focus, item_id in self.selected))
        width = self.size.width - 1
        if view is None:
            lines: tuple[Line, ...] = ((("   (it has left the queue)", "off"),), ())[: self.row_height]
        elif isinstance(view, GroupView):
            lines = group_lines(view, self.look.marks, width, self.row_height)
        elif self.row_height == 2:
            lines = two_line_row(view, self.look.marks, width)
        else:
            lines = one_line_row(view, self.look.marks, width)
        y = 1 + (index - self._top) * self.row_height
        return [
            self._with_edge((padded(line, width), ground), y + number) for number, line in enumerate(lines)
        ]

    def _with_edge(self, painted: Painted, y: int) -> Painted:
        """The line with the rule at the right that shows, where it is thick, what part is in sight."""
        line, ground = painted
        if y == 0 or (len(line) and line[-1][1] in ("rule", "edge")):
            return painted
        return (*line, self._edge(y)), ground

    def _edge(self, y: int) -> tuple[str, str]:
        marks, count = self.look.marks, len(self._rows)
        bar = marks.bar if self.row_height == 2 else " "
        if count <= self.window:
            return bar, "rule"
        room = self.size.height - 1
        start = int(max(0, self._top) * room / count)
        size = max(1, int(self.window * room / count))
        inside = start <= y - 1 < start + size
        return (marks.thumb, "edge") if inside else (bar, "rule")

    def on_focus(self) -> None:
        """Show that keys go here."""
        self.repaint()

    def on_blur(self) -> None:
        """Show that they do not."""
        self.repaint()

    # -- the mouse ------------------------------------------------------------------------------

    def on_click(self, event: events.Click) -> None:
        """Tell which row was clicked."""
        index = self._top + (event.y - 1) // self.row_height
        if event.y >= 1 and 0 <= index < len(self._rows):
            self.post_message(self.Clicked(self._rows[index]))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Show further rows; the cursor stays on its item."""
        event.stop()
        self._scroll(3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Show earlier rows."""
        event.stop()
        self._scroll(-3)

    def _scroll(self, rows: int) -> None:
        top = max(0, min(self._top + rows, len(self._rows) - self.window))
        if top != self._top:
            self._top = top
            self.repaint()
