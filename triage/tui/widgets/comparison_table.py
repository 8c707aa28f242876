"""Many items side by side before one decision: what all have, what differs, and who stays behind.

Draws only the rows that are seen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual import events
from textual.geometry import Region
from textual.strip import Strip

from triage.model.item import Risk
from triage.tui.batch import Batch, Candidate
from triage.tui.comparison import ACTION
from triage.tui.comparison_text import same_lines
from triage.tui.lines import Line, fit, rule, safe, wrapped
from triage.tui.table_rows import TableRow, parts_of, rows_of
from triage.tui.widgets.line_widget import LineWidget, Look, Painted

__all__ = ["ComparisonTable"]

_LEAD = 5
"""Cells before a row's title: cursor, whether it is decided, risk, whether something stands out."""
_DETAIL = 3
_LEAST_ROWS = 4
_MOST_SAME = 3
_ENDLESS = 10_000


class ComparisonTable(LineWidget, can_focus=True):
    """A row an item. ``painted`` is called whenever the compositor takes its lines."""

    DEFAULT_CSS = "ComparisonTable { width: 1fr; height: 1fr; }"

    def __init__(self, look: Look, batch: Batch, intro: Sequence[Line], painted: Callable[[], None]) -> None:
        super().__init__(look, id="table")
        self._parts = parts_of(batch)
        self._rows = rows_of(self._parts, batch)
        self._marked = [at for at, row in enumerate(self._rows) if row.marked]
        self._layout = _laid_out(self._rows, headings=len(self._parts) > 1)
        self._lines_of = {at: number for number, at in enumerate(self._layout) if at >= 0}
        self._intro = intro
        self._tell_painted = painted
        self._at = 0
        self._top = 0
        self._left = 0
        self._room = 1
        self.left_out: set[str] = set()
        """Ids of items that the operator leaves undecided."""

    # -- what is chosen -------------------------------------------------------------------------

    @property
    def current(self) -> Candidate:
        """The item under the cursor."""
        return self._rows[self._at].candidate

    @property
    def kept_in(self) -> list[Candidate]:
        """The items that would be decided."""
        taken = (row.candidate for row in self._rows if not row.behind)
        return [one for one in taken if one.item.id not in self.left_out]

    @property
    def marked(self) -> int:
        """Of how many items something stands out."""
        return len(self._marked)

    def leave_out(self) -> bool:
        """Leave the item under the cursor undecided, or take it in again; False: it stays behind anyway."""
        if self._rows[self._at].behind:
            return False
        self.left_out ^= {self.current.item.id}
        self.repaint()
        return True

    # -- moving ---------------------------------------------------------------------------------

    def move(self, rows: int) -> None:
        """Move the cursor by so many rows."""
        self._at = max(0, min(self._at + rows, len(self._rows) - 1))
        self.repaint()

    def move_page(self, pages: float) -> None:
        """Move the cursor by so many heights of the table."""
        self.move(round(pages * self._room))

    def move_to_marked(self, step: int) -> None:
        """Go to the next item of which something stands out, or the one before (-1); round at the ends."""
        later = [at for at in self._marked if (at > self._at if step > 0 else at < self._at)]
        if self._marked:
            self._at = (later or self._marked)[0 if step > 0 else -1]
            self.repaint()

    def shift(self, columns: int) -> None:
        """Show further columns, or earlier ones."""
        most = max(part.sheet.columns for part in self._parts)
        self._left = max(0, min(self._left + columns, most - 1))
        self.repaint()

    # -- painting -------------------------------------------------------------------------------

    def render_lines(self, crop: Region) -> list[Strip]:
        """The lines the compositor is about to paint; whoever guards the decision is told."""
        strips = super().render_lines(crop)
        if self.composed:
            self._tell_painted()
        return strips

    def compose_lines(self) -> list[Painted]:
        """What all have, the names of the columns, the rows in sight, and more of the one under the cursor."""
        width, height = self.size.width, self.size.height
        head = self._head(width, max(0, height - 3 - _DETAIL - _LEAST_ROWS))
        self._room = max(1, height - len(head) - 2 - _DETAIL)
        lines: list[Painted] = [(line, "plain") for line in head]
        lines.append((self._column_names(), "bar"))
        lines += self._rows_in_sight(width)
        lines += [((), "plain")] * (height - len(lines) - 1 - _DETAIL)
        lines.append((self._foot(width), "plain"))
        lines += [(line, "plain") for line in self._detail(width)]
        return (lines + [((), "plain")] * height)[:height]

    @property
    def _row_width(self) -> int:
        return max(1, self.size.width - _LEAD)

    def _head(self, width: int, most: int) -> list[Line]:
        lines = [part for line in self._intro for part in wrapped(line, width)]
        lines = lines[: max(1, most)]
        room = most - len(lines)
        if room > 0 and len(self._parts) == 1:
            only = self._parts[0]
            lines += same_lines(only.comparison, width, min(room, _MOST_SAME) if only.sheet.columns else room)
        return lines

    def _column_names(self) -> Line:
        """Of the part that the cursor stands in."""
        row = self._rows[self._at]
        if row.behind:
            return ((" " * _LEAD, "text"), ("item", "muted"))
        return ((" " * _LEAD, "text"), *self._parts[row.part].sheet.header(self._row_width, self._left))

    def _rows_in_sight(self, width: int) -> list[Painted]:
        at = self._lines_of[self._at]
        above = at - 1 if at and self._layout[at - 1] < 0 else at
        self._top = max(0, min(self._top, above), at - self._room + 1)
        shown = self._layout[self._top : self._top + self._room]
        return [self._row(number, width) if number >= 0 else self._heading(number, width) for number in shown]

    def _heading(self, number: int, width: int) -> Painted:
        row = self._rows[-1 - number]
        if row.behind:
            count = sum(each.behind for each in self._rows)
            return (("  ", "text"), (f"{count:,} stay{'s' if count == 1 else ''} behind", "warning")), "plain"
        part = self._parts[row.part]
        name = safe(part.name, "accent", width // 2)
        lead: Line = (("  ", "text"), (f"{len(part.candidates):,} {self.look.marks.times} ", "muted"), *name)
        same = same_lines(part.comparison, _ENDLESS, 1, lead="   all with ", without=(ACTION,))
        return fit((*lead, *(span for line in same for span in line)), width), "plain"

    def _row(self, at: int, width: int) -> Painted:
        row = self._rows[at]
        one = row.candidate
        ground = "cursor" if at == self._at else "plain"
        if row.behind:
            title = safe(one.item.title or "(no title)", "text", max(12, width // 2))
            return (*self._lead(at, row), *title, ("   ", "text"), *safe(one.why, "warning")), ground
        style = "off" if one.item.id in self.left_out else "text"
        cells = self._parts[row.part].sheet.row(row.place, self._row_width, self._left, style)
        return (*self._lead(at, row), *cells), ground

    def _lead(self, at: int, row: TableRow) -> Line:
        marks, one = self.look.marks, row.candidate
        decided = not row.behind and one.item.id not in self.left_out
        return (
            (marks.cursor if at == self._at else " ", "focus"),
            (marks.selected if decided else " ", "selected"),
            (marks.risk[one.risk], f"risk-{one.risk.value}") if one.risk else (" ", "text"),
            ("!" if row.marked else " ", "error"),
            (" ", "text"),
        )

    def _foot(self, width: int) -> Line:
        marks, row = self.look.marks, self._rows[self._at]
        place = f" {self._at + 1:,}/{len(self._rows):,} "
        sheet = None if row.behind else self._parts[row.part].sheet
        hidden = sheet.columns - self._left - sheet.fitting(self._row_width, self._left) if sheet else 0
        left: Line = (
            ((" h", "shortcut"), (f" {self._left} more to the left ", "warning")) if self._left else ()
        )
        right: Line = ((" l", "shortcut"), (f" {hidden} more to the right ", "warning")) if hidden > 0 else ()
        return rule(((marks.line, "rule"), (place, "muted")), (*left, *right), width, marks.line)

    def _detail(self, width: int) -> list[Line]:
        """The title of the item under the cursor, and what there is to say of it."""
        row = self._rows[self._at]
        one = row.candidate
        high: Line = (("   high risk", "risk-high"),) if one.risk is Risk.HIGH else ()
        title = (*safe(one.item.title or "(no title)", "title", width - 12), *high)
        if row.behind:
            said = wrapped((("stays behind: ", "muted"), *safe(one.why, "warning")), width)
        else:
            said = [fit(line, width) for line in self._parts[row.part].remarks(row.place)]
            if one.item.id in self.left_out:
                said.insert(0, (("you leave it out", "warning"),))
        if not said and one.item.description:
            said = wrapped(safe(one.item.description, "muted", 4 * width), width)
        return [title, *_first(said, _DETAIL - 1, width)]

    # -- the mouse ------------------------------------------------------------------------------

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Go down."""
        event.stop()
        self.move(3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Go up."""
        event.stop()
        self.move(-3)


def _laid_out(rows: Sequence[TableRow], *, headings: bool) -> list[int]:
    """Line by line the number of its row; a heading as -1 - the number of the row below it."""
    lines: list[int] = []
    before = None
    for at, row in enumerate(rows):
        if row.part != before and (headings or row.behind):
            lines.append(-1 - at)
        before = row.part
        lines.append(at)
    return lines


def _first(lines: list[Line], most: int, width: int) -> list[Line]:
    """At most so many lines; how many more there are is said at the end of the last."""
    more = len(lines) - most
    if more <= 0:
        return lines
    return [*lines[: most - 1], (*fit(lines[most - 1], width - 12), (f"   +{more:,} more", "warning"))]
