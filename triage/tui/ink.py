"""The ink: style names of ``lines`` as colours and weights of the theme in force.

What carries meaning has a mark or a word as well; an ink without colours loses nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from rich.segment import Segment
from rich.style import Style
from textual.color import Color, ColorParseError
from textual.strip import Strip

from triage.tui.lines import Line, padded

__all__ = ["Ink"]

_COLOURS: Mapping[str, tuple[tuple[str, ...], str]] = {
    # style: (theme variables, the first that exists counts; weight)
    "text": (("foreground",), ""),
    "muted": (("text-dim", "foreground 65%"), ""),
    "faint": (("rule", "foreground 35%"), ""),
    "rule": (("rule", "foreground 28%"), ""),
    "title": (("foreground",), "bold"),
    "strong": (("foreground",), "bold"),
    "accent": (("accent",), "bold"),
    "focus": (("accent",), "bold"),
    "shortcut": (("key-hint", "accent"), "bold"),
    "off": (("foreground 45%",), ""),
    "key": (("json-key", "secondary", "accent"), ""),
    "string": (("json-string", "foreground"), ""),
    "number": (("json-number", "warning"), ""),
    "literal": (("json-literal", "primary"), "italic"),
    "add": (("diff-add", "success"), ""),
    "del": (("diff-del", "error"), ""),
    "hunk": (("diff-hunk", "secondary"), ""),
    "keyword": (("primary",), ""),
    "comment": (("muted", "foreground 65%"), "italic"),
    "heading": (("heading", "primary"), "bold"),
    "emphasis": (("foreground",), "italic"),
    "link": (("secondary",), "underline"),
    "gutter": (("muted", "foreground 55%"), ""),
    "hidden": (("hidden-mark", "error"), "reverse"),
    "warning": (("warning",), ""),
    "error": (("error",), "bold"),
    "good": (("endpoint-ok", "success"), ""),
    "bad": (("endpoint-failing", "error"), "bold"),
    "selected": (("accent",), "bold"),
    "match": (("accent",), "bold underline"),
    "match-now": (("accent",), "reverse"),
    "edge": (("foreground 55%",), ""),
    "state-waiting": (("state-waiting", "primary"), ""),
    "state-held": (("state-held", "warning"), ""),
    "state-sending": (("state-sending", "secondary"), ""),
    "state-sent": (("state-sent", "secondary"), ""),
    "state-confirmed": (("state-confirmed", "success"), ""),
    "state-refused": (("state-refused", "error"), "bold"),
    "state-unknown": (("state-unknown", "error"), "bold"),
    "state-withdrawn": (("foreground 65%",), ""),
    "state-stale": (("state-unknown", "warning"), ""),
    "state-closed": (("foreground 65%",), ""),
    "risk-high": (("risk-high", "error"), "bold"),
    "risk-medium": (("risk-medium", "warning"), ""),
    "risk-low": (("risk-low", "foreground 65%"), ""),
}
_GROUNDS: Mapping[str, tuple[str, ...]] = {
    "plain": ("background",),
    "bar": ("bar", "panel"),
    "cursor": ("cursor-row", "primary 30%"),
    "cursor-dim": ("cursor-row-dim", "foreground 10%"),
}


class Ink:
    """Styles of one theme. Made anew when the theme changes."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self._background = self._named("background") or Color(0, 0, 0)
        self._grounds = {name: self._first(names) for name, names in _GROUNDS.items()}
        self._styles: dict[tuple[str, str], Style] = {}

    def style(self, name: str, ground: str = "plain") -> Style:
        """The style ``name`` on a ground; one that is not known is plain text."""
        key = (name, ground)
        if key not in self._styles:
            names, weight = _COLOURS.get(name, _COLOURS["text"])
            back = self._grounds[ground]
            fore = self._first(names, back)
            self._styles[key] = Style(color=fore.rich_color, bgcolor=back.rich_color) + _weight(weight)
        return self._styles[key]

    def strip(self, line: Line, width: int, ground: str = "plain") -> Strip:
        """``line`` as ``width`` cells for a widget to render."""
        segments = [Segment(text, self.style(name, ground)) for text, name in padded(line, width)]
        return Strip(segments, width)

    def _first(self, names: tuple[str, ...], under: Color | None = None) -> Color:
        under = under or self._background
        for name in names:
            name, _, share = name.partition(" ")
            colour = self._named(name)
            if colour is not None:
                factor = float(share.rstrip("%")) / 100 if share else 1.0
                return under.blend(colour, factor * colour.a, alpha=1.0) if factor * colour.a < 1 else colour
        return under.get_contrast_text(1.0)

    def _named(self, name: str) -> Color | None:
        """A theme variable's colour; None where there is none or it is no plain colour."""
        value = self._variables.get(name)
        if not value:
            return None
        try:
            return Color.parse(value)
        except ColorParseError:
            return None


@cache
def _weight(weight: str) -> Style:
    return Style.parse(weight) if weight else Style()
