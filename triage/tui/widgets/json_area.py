"""A text area for JSON, coloured as it is typed."""

from __future__ import annotations

from rich.style import Style
from rich.text import Text
from textual.widgets import TextArea

from triage.tui.ink import Ink
from triage.tui.json_spans import json_tokens

__all__ = ["JsonArea"]


class JsonArea(TextArea):
    """JSON with its colours; Tab leaves it."""

    DEFAULT_CSS = """
    JsonArea { border: none; padding: 0; background: $panel; height: 1fr; }
    JsonArea:focus { border: none; }
    """

    def __init__(self, text: str, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(
            text, id=id, classes=classes, tab_behavior="focus", show_line_numbers=False, soft_wrap=True
        )
        self.cursor_blink = False

    def get_line(self, line_index: int) -> Text:
        """One line with its colours."""
        line = super().get_line(line_index)
        ink = Ink(self.app.theme_variables)
        for start, end, name in json_tokens(line.plain):
            style = ink.style(name)
            line.stylize(Style(color=style.color, bold=style.bold, italic=style.italic), start, end)
        return line
