"""A picture of the console as it stands, to be kept as its last look."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from textual.filter import LineFilter
from textual.strip import Strip

from triage.tui.frame import Frame
from triage.tui.widgets.key_footer import KeyFooter
from triage.tui.widgets.line_widget import LineWidget

if TYPE_CHECKING:
    from triage.tui.screens.desk_screen import DeskScreen

__all__ = ["picture_of"]

_WORDS = " Opening… this is how it looked when it was left."


def picture_of(screen: DeskScreen) -> str:
    """What to write to a terminal of the same size, to show what the screen shows; its keys as not there yet."""
    console, filters = screen.app.console, screen.app.get_line_filters()
    lines = (
        f"\x1b[{y + 1};{x + 1}H{_filtered(strip, filters, screen).render(console)}"
        for x, y, strip in _strips(screen)
    )
    return Frame().economised("".join(lines))


def _strips(screen: DeskScreen) -> Iterator[tuple[int, int, Strip]]:
    """Every line that is shown, and where."""
    for widget in screen.query(LineWidget):
        region = widget.region
        if not widget.display or not region:
            continue
        for y in range(region.height):
            opening = isinstance(widget, KeyFooter)
            line = ((_WORDS, "muted"),)
            strip = screen.look.ink.strip(line, region.width, "bar") if opening else widget.render_line(y)
            yield region.x, region.y + y, strip


def _filtered(strip: Strip, filters: Sequence[LineFilter], screen: DeskScreen) -> Strip:
    for each in filters:
        strip = strip.apply_filter(each, screen.background_colors[1])
    return strip
