"""A widget that paints its own lines and sends a terminal only those that differ."""

from __future__ import annotations

from textual import events
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from triage.tui.ink import Ink
from triage.tui.lines import Line
from triage.tui.marks import Marks

__all__ = ["LineWidget", "Look", "Painted"]

Painted = tuple[Line, str]
"""A line and the ground it is painted on."""


class Look:
    """How the widgets look: the theme's ink and the signs the terminal can draw. Shared; the app sets it."""

    def __init__(self, ink: Ink, marks: Marks) -> None:
        self.ink = ink
        self.marks = marks


class LineWidget(Widget):
    """Fixed in size, without border or padding; ``compose_lines`` gives every line it shows."""

    DEFAULT_CSS = "LineWidget { background: $background; }"
    ground = "plain"

    def __init__(self, look: Look, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.look = look
        self._lines: list[Painted] = []
        self._strips: dict[int, Strip] = {}

    def compose_lines(self) -> list[Painted]:
        """Every line at the widget's present size."""
        raise NotImplementedError

    @property
    def composed(self) -> bool:
        """Whether there is anything to paint; a widget that was just made is painted empty first."""
        return bool(self._lines)

    def repaint(self, *, whole: bool = False) -> None:
        """Compose the lines again and have those painted that differ; ``whole``: all of them."""
        if not self.size.width or not self.is_attached:
            return
        before, self._lines = self._lines, self.compose_lines()
        if whole or len(before) != len(self._lines):
            self._strips.clear()
            self.refresh()
            return
        changed = [y for y, line in enumerate(self._lines) if line != before[y]]
        self.repaint_lines(changed)

    def replace_line(self, y: int, painted: Painted) -> None:
        """Have one line painted, if it differs."""
        if 0 <= y < len(self._lines) and self._lines[y] != painted:
            self._lines[y] = painted
            self.repaint_lines([y])

    def repaint_lines(self, numbers: list[int]) -> None:
        """Have these lines painted."""
        for y in numbers:
            self._strips.pop(y, None)
        if numbers:
            self.refresh(*(Region(0, y, self.size.width, 1) for y in numbers))

    def on_resize(self, _event: events.Resize) -> None:
        """Another size: every line anew."""
        self.repaint(whole=True)

    def render_line(self, y: int) -> Strip:
        """One line for the compositor."""
        strip = self._strips.get(y)
        if strip is None:
            line, ground = self._lines[y] if y < len(self._lines) else ((), self.ground)
            strip = self._strips[y] = self.look.ink.strip(line, self.size.width, ground)
        return strip

    def text_of(self, y: int) -> str:
        """The text of a line as it is shown; for tests and for screen readers."""
        return "".join(text for text, _ in self._lines[y][0]) if y < len(self._lines) else ""

    @property
    def shown_text(self) -> str:
        """All that is shown."""
        return "\n".join(self.text_of(y) for y in range(len(self._lines)))
