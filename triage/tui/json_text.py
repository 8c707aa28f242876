"""JSON laid out for reading: one value a line, nested by indentation, its types visible.

Strings stand in quotes, or as a block behind a bar when they have several lines; numbers are written as
they came, so that 1 and 1.0 differ. What looks like a patch is shown as one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from triage.model import safe_text
from triage.tui.lines import Line, fit, indented, safe, safe_block, width_of, wrapped

__all__ = ["MAX_CHARACTERS", "json_lines", "one_line", "text_lines"]

MAX_CHARACTERS = 60_000
"""Characters of one string laid out; the rest is counted, and seen in the raw view."""
MAX_ENTRIES = 2_000
"""Entries of one list or object laid out."""
MAX_DEPTH = 24
_KEY_WIDTH = 22
_MIN_WIDTH = 16
_STEP = "  "


def json_lines(value: Any, width: int) -> list[Line]:
    """``value`` as lines of at most ``width`` cells."""
    return list(_value(value, width, 0))


def text_lines(text: str, width: int, style: str = "text") -> list[Line]:
    """Running text as lines; a patch in it is coloured, with its marks."""
    shown, more = text[:MAX_CHARACTERS], len(text) - MAX_CHARACTERS
    rows = safe_block(shown, style)
    if _is_patch(shown):
        rows = [_patch_row(row) for row in rows]
    lines = [part for row in rows for part in wrapped(row, width)]
    if more > 0:
        lines.append(((f"… {more:,} more characters; the raw view shows all", "warning"),))
    return lines


def one_line(value: Any, limit: int = 120) -> str:
    """``value`` as compact JSON on one harmless line."""
    return safe_text.line(_encoded(value), limit)


def _encoded(value: Any) -> str:
    try:
        return msgspec.json.encode(value).decode()
    except (TypeError, ValueError, RecursionError, OverflowError, UnicodeError):
        return str(value)


def _value(value: Any, width: int, depth: int) -> Iterator[Line]:
    width = max(width, _MIN_WIDTH)
    if depth >= MAX_DEPTH and isinstance(value, dict | list):
        yield from wrapped(safe(_encoded(value)[:MAX_CHARACTERS], "text"), width)
    elif isinstance(value, dict) and value:
        yield from _object(value, width, depth)
    elif isinstance(value, list) and value:
        yield from _array(value, width, depth)
    elif isinstance(value, str):
        yield from _string(value, width)
    else:
        yield _scalar(value)


def _scalar(value: Any) -> Line:
    if value is None or isinstance(value, bool):
        return ((_encoded(value), "literal"),)
    if isinstance(value, dict | list):
        return (("{}" if isinstance(value, dict) else "[]", "muted"),)
    return ((_encoded(value), "number"),) if isinstance(value, int | float) else safe(_encoded(value))


def _string(value: str, width: int) -> list[Line]:
    if "\n" in value.rstrip("\n") or len(value) > 8 * width:
        return indented(text_lines(value, width - 2, "string"), "│ ", "faint")
    trailing = "⏎" * (len(value) - len(value.rstrip("\n")))
    body = (('"', "muted"), *safe(value.rstrip("\n"), "string"), (trailing + '"', "muted"))
    first, *rest = wrapped(body, width)
    return [first, *rest]


def _is_block(lines: list[Line]) -> bool:
    return bool(lines and lines[0] and lines[0][0] == ("│ ", "faint"))


def _object(value: dict[str, Any], width: int, depth: int) -> Iterator[Line]:
    keys = [safe(str(key), "key", 60) for key in list(value)[:MAX_ENTRIES]]
    simple = [width_of(key) for key, one in zip(keys, value.values(), strict=False) if not _nests(one)]
    column = min(max(simple, default=0), _KEY_WIDTH, width // 2) + 2
    for key, one in zip(keys, value.values(), strict=False):
        yield from _member(key, one, column, width, depth)
    if len(value) > MAX_ENTRIES:
        yield ((f"… {len(value) - MAX_ENTRIES:,} more; the raw view shows all", "warning"),)


def _member(key: Line, value: Any, column: int, width: int, depth: int) -> Iterator[Line]:
    """One key and its value: beside it where that fits, else below."""
    if _nests(value):
        inline = _inline(value, width - width_of(key) - 2)
        if inline is not None:
            gap = max(1, column - width_of(key))
            yield (*key, (" " * gap, "text"), *inline)
            return
        yield (*key, (f"  {_size(value)}", "muted"))
        yield from indented(_value(value, width - 2, depth + 1), _STEP)
        return
    lines = list(_value(value, width - column, depth + 1))
    if _is_block(lines) or width_of(key) >= column:
        yield fit(key, width)
        yield from indented(_value(value, width - 2, depth + 1), _STEP)
        return
    yield (*key, (" " * (column - width_of(key)), "text"), *lines[0])
    yield from indented(lines[1:], " " * column)


def _array(value: list[Any], width: int, depth: int) -> Iterator[Line]:
    for number, one in enumerate(value[:MAX_ENTRIES]):
        lines = list(_value(one, width - 2, depth + 1))
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
        spans += _string(one, 10_000)[0] if isinstance(one, str) else _scalar(one)
    line = (*spans, ("]", "muted"))
    return line if width_of(line) <= width else None


def _size(value: Any) -> str:
    if isinstance(value, dict):
        return ""
    return f"[{len(value):,}]"


def _is_patch(text: str) -> bool:
    rows = text.split("\n", 400)
    heads = sum(row.startswith(("@@ ", "--- ", "+++ ", "diff --git ")) for row in rows)
    return heads >= 2 or (heads >= 1 and any(row.startswith("@@ ") for row in rows))


def _patch_row(row: Line) -> Line:
    first = row[0][0] if row else ""
    if first.startswith(("@@", "--- ", "+++ ", "diff ")):
        style = "hunk"
    elif first.startswith("+"):
        style = "add"
    elif first.startswith("-"):
        style = "del"
    else:
        return row
    return tuple((text, own if own == "hidden" else style) for text, own in row)
