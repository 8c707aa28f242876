"""What differs between several items, place by place: the table a decision on many is judged by.

Pure. A place is where a value stands in what an item asks: an argument's path, or something of the item
itself (its agent, its options). Values are told apart as JSON, so that 1, 1.0 and "1" differ.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import msgspec

from triage.model import safe_text
from triage.model.item import Item
from triage.tui.item_warnings import hidden_in, strings_in
from triage.tui.offers import offered
from triage.tui.outliers import ABSENT, stand_out

__all__ = ["ACTION", "Cell", "Column", "Comparison", "Place", "comparable", "compare", "place_words"]

Place = tuple[str, ...]
"""Keys and ``[indices]`` from the arguments inwards; of the item itself, an empty text and a name."""

ACTION: Place = ("", "action")
MAX_DEPTH = 8
MAX_PLACES = 80
"""Places of one item that are compared one by one; the rest is compared as one."""
REST: Place = ("", "everything else")


class Cell(msgspec.Struct, frozen=True):
    """One item's value at a place."""

    value: Any
    """``ABSENT`` where the item has none."""
    why: str = ""
    """Why it stands out; empty: it does not."""
    hides: tuple[str, ...] = ()
    """Names of characters its text hides."""


class Column(msgspec.Struct, frozen=True):
    """A place at which the items differ, and every item's cell, in the items' order."""

    place: Place
    cells: tuple[Cell, ...]


class Comparison(msgspec.Struct, frozen=True):
    """Several items side by side."""

    same: tuple[tuple[Place, Cell], ...]
    """Places at which all have the same value."""
    columns: tuple[Column, ...]
    hides: tuple[tuple[str, ...], ...]
    """For each item, what its texts hide anywhere."""

    def marked(self, index: int) -> bool:
        """Whether anything of an item stands out or hides."""
        return bool(self.hides[index]) or any(column.cells[index].why for column in self.columns)


def comparable(items: Sequence[Item]) -> list[list[int]]:
    """The items' indices in parts that are worth comparing: those that propose the same, or ask alike."""
    parts: dict[tuple[str, ...], list[int]] = {}
    for index, item in enumerate(items):
        names = tuple(action.name for action in item.actions)
        parts.setdefault((item.kind, *names), []).append(index)
    return list(parts.values())


def compare(items: Sequence[Item]) -> Comparison:
    """The items' values at every place that one of them has, in the order the places are met."""
    tables = [dict(_places(item)) for item in items]
    same: list[tuple[Place, Cell]] = []
    columns: list[Column] = []
    for place in dict.fromkeys(place for table in tables for place in table):
        values = [table.get(place, ABSENT) for table in tables]
        if len({_encoded(value) for value in values}) == 1:
            same.append((place, Cell(values[0], hides=_hides(values[0]))))
        else:
            columns.append(_column(place, values))
    return Comparison(tuple(same), tuple(columns), tuple(hidden_in(item) for item in items))


def place_words(place: Place) -> str:
    """A place as it is shown. What comes of an agent's keys is not yet harmless."""
    parts = place[1:] if place[0] == "" else place
    return ".".join(parts).replace(".[", "[")


def _column(place: Place, values: Sequence[Any]) -> Column:
    reasons = stand_out(values)
    cells = (Cell(value, why, _hides(value)) for value, why in zip(values, reasons, strict=True))
    return Column(place, tuple(cells))


def _places(item: Item) -> Iterator[tuple[Place, Any]]:
    yield ("", "endpoint"), item.endpoint
    if item.agent:
        yield ("", "agent"), item.agent
    if item.actions:
        yield ACTION, ", ".join(action.name for action in item.actions)
    found = _arguments(item)
    yield from islice(found, MAX_PLACES)
    rest = [["/".join(place), value] for place, value in found]
    if rest:
        yield REST, rest
    if options := offered(item)[0]:
        yield ("", "options"), [option.label for option in options]
    if item.description:
        yield ("", "description"), item.description


def _arguments(item: Item) -> Iterator[tuple[Place, Any]]:
    for number, action in enumerate(item.actions, 1):
        if action.arguments is not None:
            yield from _leaves(action.arguments, (str(number),) if len(item.actions) > 1 else ())


def _leaves(value: Any, place: Place) -> Iterator[tuple[Place, Any]]:
    """What stands innermost; lists of plain values stay whole."""
    deep = len(place) >= MAX_DEPTH
    if value == {} and not place:
        return
    if isinstance(value, dict) and value and not deep:
        for key, one in value.items():
            yield from _leaves(one, (*place, str(key) or '""'))
    elif isinstance(value, list) and not deep and any(isinstance(one, dict | list) for one in value):
        for number, one in enumerate(value, 1):
            yield from _leaves(one, (*place, f"[{number}]"))
    else:
        yield place or ("arguments",), value


def _encoded(value: Any) -> bytes:
    return b"" if value is ABSENT else msgspec.json.encode(value, order="deterministic")


def _hides(value: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for text in strings_in(value) for name in safe_text.hidden(text)))
