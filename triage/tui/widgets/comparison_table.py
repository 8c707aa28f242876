"""Many items side by side before one decision: what all have, what differs, and who stays behind.

Draws only the rows that are seen. Items of which something stands out come first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual import events
from textual.geometry import Region
from textual.strip import Strip

from triage.model.item import Risk
from triage.tui.batch import Batch, Candidate
from triage.tui.comparison import compare
from triage.tui.comparison_text import Sheet, remarks, same_lines
from triage.tui.lines import Line, fit, rule, safe, wrapped
from triage.tui.widgets.line_widget import LineWidget, Look, Painted

__all__ = ["ComparisonTable"]

_LEAD = 5
"""Cells before a row's title: cursor, whether it is decided, risk, whether something stands out."""
_DETAIL = 3
_LEAST_ROWS = 4


class ComparisonTable(LineWidget, can_focus=True):
    """A row an item. ``painted`` is called whenever the compositor takes its lines."""

    DEFAULT_CSS = "ComparisonTable { width: 1fr; height: 1fr; }"

    def __init__(self, look: Look, batch: Batch, intro: Sequence[Line], painted: Callable[[], None]) -> None:
        super().__init__(look, id="table")
        self._comparison = compare([one.item for one in batch.taken])
        taken = range(len(batch.taken))
        warned = batch.warned(batch.taken[0].verdicts[0].verb)
        stands_out = [
            self._comparison.marked(index) or batch.taken[index].item.id in warned for index in taken
        ]
        order = sorted(taken, key=lambda index: not stands_out[index])
        self._order = order
        self._warned = warned
        self._rows: list[Candidate] = [*(batch.taken[index] for index in order), *batch.behind]
        self._taken = len(order)
        self._marked = sum(stands_out)
        self._sheet = Sheet(self._comparison, [one.item.title for one in batch.taken])
        self._intro = intro
        self._tell_painted = painted
        self._at = 0
        self._top = 0
        self._left = 0
        self.left_out: set[str] = set()
        """Ids of items that the operator leaves undecided."""

    # -- what is chosen -------------------------------------------------------------------------

    @property
    def current(self) -> Candidate:
        """The item under the cursor."""
        return self._rows[self._at]

    @property
    def kept_in(self) -> list[Candidate]:
        """The items that would be decided."""
        return [one for one in self._rows[: self._taken] if one.item.id not in self.left_out]

    @property
    def marked(self) -> int:
        """Of how many items something stands out."""
        return self._marked

    def leave_out(self) -> bool:
        """Leave the item under the cursor undecided, or take it in again; False: it stays behind anyway."""
        if self._at >= self._taken:
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

    def move_to_marked(self, step: int) -> bool:
        """Go to the next item of which something stands out; False: there is none."""
        if not self._marked:
            return False
        self._at = (self._at + step) % self._marked if self._at < self._marked else 0
        self.repaint()
        return True

    def shift(self, columns: int) -> None:
        """Show further columns, or earlier ones."""
        self._left = max(0, min(self._left + columns, self._sheet.columns - 1))
        self.repaint()

    # -- painting -------------------------------------------------------------------------------

    def render_lines(self, crop: Region) -> list[Strip]:
        """The lines the compositor is about to paint; whoever guards the decision is told."""
        strips = super().render_lines(crop)
        self._tell_painted()
        return strips

    @property
    def _row_width(self) -> int:
        return max(1, self.size.width - _LEAD)

    def compose_lines(self) -> list[Painted]:
        """What all have, the names of the columns, the rows in sight, and more of the one under the cursor."""
        width, height = self.size.width, self.size.height
        head = self._head(width, max(0, height - 3 - _DETAIL - _LEAST_ROWS))
        self._room = max(1, height - len(head) - 2 - _DETAIL)
        lines: list[Painted] = [(line, "plain") for line in head]
        lines.append((((" " * _LEAD, "text"), *self._sheet.header(self._row_width, self._left)), "bar"))
        lines += self._rows_in_sight(width)
        lines += [((), "plain")] * (height - len(lines) - 1 - _DETAIL)
        lines.append((self._foot(width), "plain"))
        detail = self._detail(width)
        lines += [(line, "plain") for line in detail]
        return (lines + [((), "plain")] * height)[:height]

    def _head(self, width: int, most: int) -> list[Line]:
        lines = [part for line in self._intro for part in wrapped(line, width)]
        lines = lines[: max(1, most)]
        room = most - len(lines)
        if room > 0 and self._taken:
            lines += same_lines(self._comparison, width, min(room, most if not self._sheet.columns else 3))
        return lines

    def _rows_in_sight(self, width: int) -> list[Painted]:
        """From ``_top`` on, a line that says so before those that stay behind."""
        total = len(self._rows) + self._gap
        at = self._line_of(self._at)
        self._top = max(0, min(self._top, at, total - 1), at - self._room + 1)
        if self._at == self._taken and self._gap:
            self._top = min(self._top, at - 1)
        lines = range(self._top, min(total, self._top + self._room))
        return [self._line(number, width) for number in lines]

    @property
    def _gap(self) -> int:
        """One line where some stay behind: their heading."""
        return 1 if self._taken < len(self._rows) else 0

    def _line_of(self, at: int) -> int:
        return at + (self._gap if at >= self._taken else 0)

    def _line(self, number: int, width: int) -> Painted:
        behind = len(self._rows) - self._taken
        if self._gap and number == self._taken:
            said = f"{behind:,} stay{'s' if behind == 1 else ''} behind"
            return (("  ", "text"), (said, "warning")), "plain"
        at = number - (self._gap if number > self._taken else 0)
        ground = "cursor" if at == self._at else "plain"
        one = self._rows[at]
        if at >= self._taken:
            title = safe(one.item.title or "(no title)", "text", max(12, width // 2))
            return (
                *self._lead(at, decided=False),
                *title,
                ("   ", "text"),
                *safe(one.why, "warning"),
            ), ground
        decided = one.item.id not in self.left_out
        row = self._sheet.row(self._order[at], self._row_width, self._left, "text" if decided else "off")
        return (*self._lead(at, decided=decided), *row), ground

    def _lead(self, at: int, *, decided: bool) -> Line:
        marks, one = self.look.marks, self._rows[at]
        risk = one.risk
        stands_out = at < self._marked
        return (
            (marks.cursor if at == self._at else " ", "focus"),
            (marks.selected if decided else " ", "selected"),
            (marks.risk[risk], f"risk-{risk.value}") if risk else (" ", "text"),
            ("!" if stands_out else " ", "error"),
            (" ", "text"),
        )

    def _foot(self, width: int) -> Line:
        marks = self.look.marks
        place = f" {self._at + 1:,}/{len(self._rows):,} "
        hidden = self._sheet.columns - self._left - self._sheet.fitting(self._row_width, self._left)
        left: Line = (
            ((" h", "shortcut"), (f" {self._left} more to the left ", "warning")) if self._left else ()
        )
        right: Line = ((" l", "shortcut"), (f" {hidden} more to the right ", "warning")) if hidden > 0 else ()
        return rule(((marks.line, "rule"), (place, "muted")), (*left, *right), width, marks.line)

    def _detail(self, width: int) -> list[Line]:
        one = self.current
        lines = [safe(one.item.title or "(no title)", "title", width)]
        if self._at >= self._taken:
            said = wrapped((("stays behind: ", "muted"), *safe(one.why, "warning")), width)
        else:
            said = [fit(line, width) for line in remarks(self._comparison, self._order[self._at])]
            if one.item.id in self._warned:
                verb = one.verdicts[0].verb
                said.insert(
                    0, (("! ", "warning"), *safe(f"{verb}: {one.item.warnings[verb]}", "warning", width))
                )
            if one.item.id in self.left_out:
                said.insert(0, (("you leave it out", "warning"),))
        if one.risk is Risk.HIGH:
            lines[0] = (*lines[0], ("   high risk", "risk-high"))
        if not said and one.item.description:
            said = wrapped(safe(one.item.description, "muted", 4 * width), width)
        return [*lines, *_first(said, _DETAIL - 1, width)]

    # -- the mouse ------------------------------------------------------------------------------

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Go down."""
        event.stop()
        self.move(3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Go up."""
        event.stop()
        self.move(-3)


def _first(lines: list[Line], most: int, width: int) -> list[Line]:
    """At most so many lines; how many more there are is said at the end of the last."""
    more = len(lines) - most
    if more <= 0:
        return lines
    return [*lines[: most - 1], (*fit(lines[most - 1], width - 12), (f"   +{more:,} more", "warning"))]
