"""What is different between two states of one item, or two values, as the operator reads it."""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple

import msgspec

from triage.model import safe_text
from triage.model.item import Item
from triage.tui.json_text import one_line
from triage.tui.lines import Line, indented, marked, safe, width_of, wrapped
from triage.tui.words import plural

__all__ = ["Difference", "difference_lines", "differences", "edit_lines", "value_differences"]

_MAX_VALUE = 400
_MAX_WHOLE = 40_000
"""Characters of two values compared to find where they begin to differ."""
_MAX_ROWS = 200
"""Rows compared one by one; more are shown as taken out and put in whole."""
_MAX_SHOWN = 2_000
"""Rows of one text that are shown at all."""
_AROUND = 2
"""Rows that stayed, shown above and below those that did not."""


class Difference(NamedTuple):
    """One place that differs: what stood there (``-``) or stands there now (``+``)."""

    sign: Literal["+", "-"]
    place: str
    value: str
    """On one line, and cut where it is long."""
    whole: Any


def differences(before: Item, after: Item) -> list[Difference]:
    """Every place in what is asked that is not as it was."""
    return _between(dict(_places(before)), dict(_places(after)))


def value_differences(before: Any, after: Any) -> list[Difference]:
    """Every place in which two JSON values differ."""
    return _between(dict(_leaves(before, "")), dict(_leaves(after, "")))


def difference_lines(found: Sequence[Difference], width: int) -> list[Line]:
    """Differences one below the other, each with its sign and place; texts of several rows row by row."""
    lines: list[Line] = []
    for old, new in _pairs(found):
        if old and new and _has_rows(old.whole, new.whole):
            lines.append((("± ", "hunk"), *safe(new.place, "muted", 60)))
            lines += indented(_row_lines(old.whole, new.whole, width - 4), "  ")
        else:
            lines += [line for one in (old, new) if one for line in _signed(one, width)]
    return lines


def edit_lines(before: Any, after: Any, width: int) -> list[Line]:
    """What an operator edited, field by field in few lines: ``amount  12 → 15``."""
    lines: list[Line] = []
    for old, new in _pairs(value_differences(before, after)):
        place = (old or new or Difference("+", "", "", None)).place or "all"
        was = safe(old.value, "del") if old else (("nothing", "muted"),)
        now = safe(new.value, "add") if new else (("nothing", "muted"),)
        line: Line = (*safe(place, "key", 60), ("  ", "text"), *was, (" → ", "muted"), *now)
        if width_of(line) <= 2 * width or not (old and new):
            lines += wrapped(line, width)
        else:
            lines += difference_lines([old, new], width)
    return lines


def _signed(one: Difference, width: int) -> list[Line]:
    style = "add" if one.sign == "+" else "del"
    lead: Line = ((f"{one.sign} ", style), *safe(one.place, "muted", 60), ("  ", "text"))
    first, *rest = wrapped((*lead, *safe(one.value, style)), width - 4)
    return [first, *indented(rest, "    ")]


def _pairs(found: Sequence[Difference]) -> Iterator[tuple[Difference | None, Difference | None]]:
    """Place by place: what stood there, and what stands there now."""
    for _, group in itertools.groupby(found, lambda difference: difference.place):
        by_sign = {difference.sign: difference for difference in group}
        yield by_sign.get("-"), by_sign.get("+")


# -- texts of several rows -------------------------------------------------------------------------


def _has_rows(old: Any, new: Any) -> bool:
    return isinstance(old, str) and isinstance(new, str) and ("\n" in old or "\n" in new)


def _row_lines(old: str, new: str, width: int) -> Iterator[Line]:
    """Two texts row by row: those that went and came, with a few around them."""
    rows = _rows_between(safe_text.block(old).split("\n"), safe_text.block(new).split("\n"))
    more = len(rows) - _MAX_SHOWN
    if more > 0:
        rows = [*rows[:_MAX_SHOWN], f"… {plural(more, 'row')} more, not shown"]
    for row in rows:
        style = {"+": "add", "-": "del", "…": "muted"}.get(row[:1], "text")
        yield from wrapped(tuple(marked(row, style)), width)


def _rows_between(old: list[str], new: list[str]) -> list[str]:
    start = _alike(old, new)
    end = _alike(old[start:][::-1], new[start:][::-1])
    gone, came = old[start : len(old) - end], new[start : len(new) - end]
    above, below = old[max(0, start - _AROUND) : start], old[len(old) - end : len(old) - end + _AROUND]
    changed = [*(f"-{row}" for row in gone), *(f"+{row}" for row in came)]
    if max(len(gone), len(came)) <= _MAX_ROWS:
        compared = difflib.unified_diff(gone, came, n=_AROUND, lineterm="")
        changed = [
            "…" if row.startswith("@@") else row for row in itertools.islice(compared, 3, None)
        ] or changed
    lead = [f"… {plural(start - len(above), 'row')} as before"] if start > len(above) else []
    tail = [f"… {plural(end - len(below), 'row')} as before"] if end > len(below) else []
    return [*lead, *(f" {row}" for row in above), *changed, *(f" {row}" for row in below), *tail]


def _alike(one: Sequence[str], other: Sequence[str]) -> int:
    """How many rows, or characters, two texts begin with alike."""
    pairs = zip(one, other, strict=False)
    return next((at for at, (left, right) in enumerate(pairs) if left != right), min(len(one), len(other)))


# -- places ----------------------------------------------------------------------------------------


def _between(old: dict[str, Any], new: dict[str, Any]) -> list[Difference]:
    found: list[Difference] = []
    for place in dict.fromkeys((*old, *new)):
        if place in old and place in new and _same(old[place], new[place]):
            continue
        was = one_line(old[place], _MAX_WHOLE) if place in old else ""
        now = one_line(new[place], _MAX_WHOLE) if place in new else ""
        start = max(0, _alike(was, now) - _MAX_VALUE // 4) if max(len(was), len(now)) > _MAX_VALUE else 0
        if place in old:
            found.append(Difference("-", place, _cut(was, start), old[place]))
        if place in new:
            found.append(Difference("+", place, _cut(now, start), new[place]))
    return found


def _cut(text: str, start: int) -> str:
    """What of a long value is shown: from a little before the first sign that differs."""
    return safe_text.line(("…" if start else "") + text[start:], _MAX_VALUE)


def _same(one: Any, other: Any) -> bool:
    """Equal as JSON texts, so that 1 and 1.0 and true differ."""
    if isinstance(one, str) and isinstance(other, str):
        return one == other
    try:
        return msgspec.json.encode(one) == msgspec.json.encode(other)
    except (TypeError, ValueError, RecursionError, OverflowError, UnicodeError):
        return bool(one == other)


def _places(item: Item) -> Iterator[tuple[str, Any]]:
    """Every place of what is asked, and what stands there."""
    yield "title", item.title
    yield "description", item.description
    yield "deadline", item.expires_at.isoformat(" ", "minutes") if item.expires_at else ""
    yield "kind", item.kind
    yield "may", ", ".join(item.verbs)
    yield "options", ", ".join(option.label for option in item.options) + (" (many)" if item.many else "")
    for option in item.options:
        yield f"option {option.label} sends", option.value
        yield f"option {option.label} says", option.description
    for scope in item.scopes:
        yield f"{scope.name} allows", f"{scope.description} ({', '.join(scope.verbs)})"
    yield "answer", item.answer_schema
    for number, action in enumerate(item.actions, 1):
        prefix = f"{number} " if len(item.actions) > 1 else ""
        yield f"{prefix}action", action.name
        yield f"{prefix}action says", action.description
        yield f"{prefix}action may", ", ".join(item.verbs_of(number - 1))
        yield f"{prefix}form", action.schema
        yield from _leaves(action.arguments, f"{prefix}{action.name}")


def _leaves(value: Any, place: str, depth: int = 0) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value and depth < 12:
        for key, one in value.items():
            yield from _leaves(one, f"{place}.{key}" if place else str(key), depth + 1)
    elif isinstance(value, list) and value and depth < 12:
        for number, one in enumerate(value):
            yield from _leaves(one, f"{place}[{number}]", depth + 1)
    elif place or value not in ({}, []):
        yield place, value
