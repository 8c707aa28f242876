"""What is different between two states of one item, as the operator reads it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple

from triage.model.item import Item
from triage.tui.json_text import one_line
from triage.tui.lines import Line, indented, safe, wrapped

__all__ = ["Difference", "difference_lines", "differences", "value_differences"]

_MAX_VALUE = 400


class Difference(NamedTuple):
    """One place that differs: what stood there (``-``) or stands there now (``+``)."""

    sign: Literal["+", "-"]
    place: str
    value: str


def differences(before: Item, after: Item) -> list[Difference]:
    """Every place in what is asked that is not as it was."""
    return _between(dict(_places(before)), dict(_places(after)))


def value_differences(before: Any, after: Any) -> list[Difference]:
    """Every place in which two JSON values differ."""
    return _between(dict(_leaves(before, "")), dict(_leaves(after, "")))


def difference_lines(found: Sequence[Difference], width: int) -> list[Line]:
    """Differences one below the other, each with its sign and place."""
    lines: list[Line] = []
    for difference in found:
        style = "add" if difference.sign == "+" else "del"
        lead: Line = ((f"{difference.sign} ", style), *safe(difference.place, "muted", 60), ("  ", "text"))
        first, *rest = wrapped((*lead, *safe(difference.value, style)), width - 4)
        lines += [first, *indented(rest, "    ")]
    return lines


def _between(old: dict[str, str], new: dict[str, str]) -> list[Difference]:
    found: list[Difference] = []
    for place in dict.fromkeys((*old, *new)):
        if old.get(place) == new.get(place):
            continue
        if place in old:
            found.append(Difference("-", place, old[place]))
        if place in new:
            found.append(Difference("+", place, new[place]))
    return found


def _places(item: Item) -> Iterator[tuple[str, str]]:
    """Every place of what is asked, and what stands there."""
    yield "title", item.title
    yield "description", item.description
    yield "deadline", item.expires_at.isoformat(" ", "minutes") if item.expires_at else ""
    yield "may", ", ".join(item.verbs)
    yield "options", ", ".join(option.label for option in item.options)
    for number, action in enumerate(item.actions, 1):
        prefix = f"{number} " if len(item.actions) > 1 else ""
        yield f"{prefix}action", action.name
        yield from _leaves(action.arguments, f"{prefix}{action.name}")


def _leaves(value: Any, place: str, depth: int = 0) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and value and depth < 12:
        for key, one in value.items():
            yield from _leaves(one, f"{place}.{key}" if place else str(key), depth + 1)
    elif isinstance(value, list) and value and depth < 12:
        for number, one in enumerate(value):
            yield from _leaves(one, f"{place}[{number}]", depth + 1)
    else:
        yield place, one_line(value, _MAX_VALUE)
