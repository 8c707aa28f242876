"""The line above the keys that shows a hint of the guided first round; elsewhere it is not there."""

from __future__ import annotations

from triage.tui.lines import Line
from triage.tui.widgets.line_widget import LineWidget, Look, Painted

__all__ = ["GuideLine"]


class GuideLine(LineWidget):
    """Shows one line, and takes no room without one."""

    DEFAULT_CSS = """
    GuideLine { height: 1; display: none; }
    GuideLine.-shown { display: block; }
    """

    def __init__(self, look: Look, *, id: str | None = None) -> None:
        super().__init__(look, id=id)
        self._line: Line = ()

    def show(self, line: Line) -> None:
        """Show another line, if it is another; nothing: go away."""
        if line != self._line:
            self._line = line
            self.set_class(bool(line), "-shown")
            self.repaint()

    def compose_lines(self) -> list[Painted]:
        """The line."""
        return [(self._line, "plain")]
