"""JSON laid out for reading: one value a line, nested by indentation, its types visible.

Strings stand in quotes, or as a block behind a bar when they have several lines; numbers are written as
they came, so that 1 and 1.0 differ. A string is drawn as what it is: a patch, code, Markdown or words.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from triage.model import safe_text
from triage.tui.content_kind import PLAIN, Content, Kind, path_beside, recognise
from triage.tui.content_text import PANE, Extent, content_lines, summary
from triage.tui.lines import Line, fit, indented, safe, width_of, wrapped
from triage.tui.syntax import code_rows

__all__ = ["json_lines", "one_line", "text_lines"]

MAX_ENTRIES = 2_000
"""Entries of one list or object laid out."""
MAX_DEPTH = 24
_KEY_WIDTH = 22
_MIN_WIDTH = 16
_STEP = "  "


class _Place(NamedTuple):
    """Where a value stands, and the room it has."""

    width: int
    extent: Extent
    depth: int = 0
    key: str = ""
    """The name it stands under; empty: none."""
    path: str = ""
    """The file named beside it."""

    def narrower(self, by: int) -> _Place:
        """The same with less room, but never too little."""
        return self._replace(width=max(self.width - by, _MIN_WIDTH))

    def deeper(self, by: int) -> _Place:
        """One level further in."""
        return self.narrower(by)._replace(depth=self.depth + 1)


def json_lines(value: Any, width: int, extent: Extent = PANE) -> list[Line]:
    """``value`` as lines of at most ``width`` cells."""
    return list(_value(value, _Place(max(width, _MIN_WIDTH), extent)))


def text_lines(text: str, width: int, style: str = "text", extent: Extent = PANE) -> list[Line]:
    """Running text as lines, drawn as what it is."""
    return list(content_lines(text, recognise(text), max(width, _MIN_WIDTH), style, extent))


def one_line(value: Any, limit: int = 120) -> str:
    """``value`` as compact JSON on one harmless line."""
    return safe_text.line(_encoded(value), limit)


def _encoded(value: Any) -> str:
    try:
        return msgspec.json.encode(value).decode()
    except (TypeError, ValueError, RecursionError, OverflowError, UnicodeError):
        return str(value)


def _value(value: Any, place: _Place) -> Iterator[Line]:
    if place.depth >= MAX_DEPTH and isinstance(value, dict | list):
        yield from wrapped(safe(_encoded(value)[: place.extent.characters], "text"), place.width)
    elif isinstance(value, dict) and value:
        yield from _object(value, place)
    elif isinstance(value, list) and value:
        yield from _array(value, place)
    elif isinstance(value, str):
        content = _content(value, place)
        yield from (
            _block(value, content, place)
            if _is_block(value, content, place)
            else _quoted(value, content, place.width)
        )
    else:
        yield _scalar(value)


def _scalar(value: Any) -> Line:
    if value is None or isinstance(value, bool):
        return ((_encoded(value), "literal"),)
    if isinstance(value, dict | list):
        return (("{}" if isinstance(value, dict) else "[]", "muted"),)
    return ((_encoded(value), "number"),) if isinstance(value, int | float) else safe(_encoded(value))


def _content(value: str, place: _Place) -> Content:
    return recognise(value, place.key, place.path) if place.key else PLAIN


def _is_block(value: str, content: Content, place: _Place) -> bool:
    """Whether a string gets lines of its own."""
    return content.kind is Kind.PATCH or "\n" in value.rstrip("\n") or len(value) > 8 * place.width


def _block(value: str, content: Content, place: _Place) -> list[Line]:
    if content.kind in (Kind.PATCH, Kind.CODE):
        return list(content_lines(value, content, place.width, extent=place.extent))
    lines = content_lines(value, content, place.narrower(2).width, "string", place.extent)
    return indented(lines, "│ ", "gutter")


def _quoted(value: str, content: Content, width: int) -> list[Line]:
    trailing = "⏎" * (len(value) - len(value.rstrip("\n")))
    value = value.rstrip("\n")
    code = content.kind is Kind.CODE
    inner = code_rows(value, content.language)[0] if code else safe(value, "string")
    return wrapped((('"', "muted"), *inner, (trailing + '"', "muted")), width)


def _object(value: dict[str, Any], place: _Place) -> Iterator[Line]:
    keys = [safe(str(key), "key", 60) for key in list(value)[:MAX_ENTRIES]]
    simple = [width_of(key) for key, one in zip(keys, value.values(), strict=False) if not _nests(one)]
    column = min(max(simple, default=0), _KEY_WIDTH, place.width // 2) + 2
    path = path_beside(value)
    for key, (name, one) in zip(keys, value.items(), strict=False):
        yield from _member(key, one, column, place._replace(key=str(name), path=path))
    if len(value) > MAX_ENTRIES:
        yield ((f"… {len(value) - MAX_ENTRIES:,} more; the raw view shows all", "warning"),)


def _member(key: Line, value: Any, column: int, place: _Place) -> Iterator[Line]:
    """One key and its value: beside it where that fits, else below."""
    width = place.width
    if _nests(value):
        inline = _inline(value, width - width_of(key) - 2)
        if inline is not None:
            gap = max(1, column - width_of(key))
            yield (*key, (" " * gap, "text"), *inline)
            return
        yield (*key, (f"  {_size(value)}", "muted"))
        yield from indented(_value(value, place.deeper(2)), _STEP)
        return
    content = _content(value, place) if isinstance(value, str) else PLAIN
    block = isinstance(value, str) and _is_block(value, content, place.narrower(column))
    if block or width_of(key) >= column:
        yield fit((*key, (f"  {summary(value, content)}", "muted")) if block else key, width)
        inner = place.deeper(2)
        yield from indented(_block(value, content, inner) if block else _value(value, inner), _STEP)
        return
    first, *rest = _value(value, place.deeper(column))
    yield (*key, (" " * (column - width_of(key)), "text"), *first)
    yield from indented(rest, " " * column)


def _array(value: list[Any], place: _Place) -> Iterator[Line]:
    for number, one in enumerate(value[:MAX_ENTRIES]):
        lines = list(_value(one, place.deeper(2)))
        yield (("- ", "muted"), *lines[0])
        yield from indented(lines[1:], _STEP)
        if number == MAX_ENTRIES - 1 and len(value) > MAX_ENTRIES:
            yield ((f"… {len(value) - MAX_ENTRIES:,} more; the raw view shows all", "warning"),)


def _nests(value: Any) -> bool:
    return isinstance(value, dict | list) and bool(value)


def _inline(value: Any, width: int) -> Line | None:
    """A short list of plain values on one line, else None."""
    if not isinstance(value, list) or len(value) > 12 or any(isinstance(one, dict | list) for one in value):
        return None
    if any(isinstance(one, str) and ("\n" in one or len(one) > width) for one in value):
        return None
    spans: list[tuple[str, str]] = [("[", "muted")]
    for number, one in enumerate(value):
        spans += [(", ", "muted")] if number else []
        spans += _quoted(one, PLAIN, 10_000)[0] if isinstance(one, str) else _scalar(one)
    line = (*spans, ("]", "muted"))
    return line if width_of(line) <= width else None


def _size(value: Any) -> str:
    if isinstance(value, dict):
        return ""
    return f"[{len(value):,}]"
