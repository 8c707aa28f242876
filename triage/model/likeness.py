"""How alike two proposals are: the same sort of thing, and how near their arguments lie. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from triage.model.item import Item

__all__ = ["likeness", "proposal_of"]

_MAX_NAME = 200
_MAX_LEAVES = 200
_MAX_TEXT = 400


def proposal_of(item: Item) -> str:
    """What sort of thing an item proposes: the names of its actions, or its agent's questions.

    Items of one endpoint with the same are worth comparing.
    """
    names = ", ".join(dict.fromkeys(action.name for action in item.actions))
    return (names or f"? {item.agent}")[:_MAX_NAME]


def likeness(one: Item, other: Item) -> float:
    """0 to 1: the mean of how alike each argument is; of the titles, where nothing is proposed."""
    if not one.actions or not other.actions:
        return _alike(one.title, other.title)
    left, right = dict(_leaves(one)), dict(_leaves(other))
    places = left.keys() | right.keys()
    if not places:
        return 1.0
    missing = object()
    return sum(_alike(left.get(place, missing), right.get(place, missing)) for place in places) / len(places)


def _leaves(item: Item) -> Iterator[tuple[str, Any]]:
    """Every value in the arguments with its place; at most 200. Without recursion: agents nest as they like."""
    waiting: list[tuple[str, Any]] = [
        (f"{number}", action.arguments) for number, action in enumerate(item.actions)
    ]
    found = 0
    while waiting and found < _MAX_LEAVES:
        place, value = waiting.pop()
        if isinstance(value, dict):
            waiting += [(f"{place}.{key}", one) for key, one in value.items()]
        elif isinstance(value, list):
            waiting += [(f"{place}[{number}]", one) for number, one in enumerate(value)]
        else:
            found += 1
            yield place, value


def _alike(one: Any, other: Any) -> float:
    if type(one) is type(other) and one == other:
        return 1.0
    if _is_number(one) and _is_number(other):
        most = max(abs(one), abs(other))
        return float(1 - min(1, abs(one - other) / most)) if most else 1.0
    if isinstance(one, str) and isinstance(other, str):
        from rapidfuzz.fuzz import ratio

        return ratio(one[:_MAX_TEXT], other[:_MAX_TEXT]) / 100
    return 0.0


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
