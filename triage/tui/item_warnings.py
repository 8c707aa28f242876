"""What is to be feared of an item: what its texts hide, hosts that deceive, what a verb would do besides."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from triage.model import addresses, safe_text
from triage.model.item import Item
from triage.tui.lines import Line, safe, wrapped

__all__ = ["hidden_in", "strings_in", "suspects_in", "warning_lines"]

_MOST_SUSPECTS = 5
_LONG = 20_000
_Deceptions = tuple[tuple[str, ...], tuple[addresses.Suspect, ...]]
"""What a text hides, and its hosts that are not what they look like."""


def warning_lines(item: Item, width: int) -> Iterator[Line]:
    """What an operator should know before anything else."""
    hides = hidden_in(item)
    if hides:
        text = f"! This text hides characters, shown as ‹NAME›: {', '.join(hides)}"
        yield from wrapped(((text, "error"),), width)
    for suspect in suspects_in(item):
        text = f"! {suspect.written} is not what it looks like: {suspect.why}. It is really "
        yield from wrapped((*safe(text, "error"), *safe(suspect.real, "strong", 300)), width)
    for verb, text in item.warnings.items():
        yield from wrapped((("! ", "warning"), *safe(f"{verb}: ", "strong"), *safe(text, "warning")), width)
    if item.repair:
        yield from wrapped((("! It blocks. Repair would: ", "warning"), *safe(item.repair)), width)


def hidden_in(item: Item) -> tuple[str, ...]:
    """What all of the item's texts hide, named once each."""
    return tuple(dict.fromkeys(name for text in _texts(item) for name in _deceptions(text)[0]))


def suspects_in(item: Item) -> tuple[addresses.Suspect, ...]:
    """The hosts in the item's texts that are not what they look like, at most a few."""
    found = {suspect.written: suspect for text in _texts(item) for suspect in _deceptions(text)[1]}
    return tuple(found.values())[:_MOST_SUSPECTS]


def _deceptions(text: str) -> _Deceptions:
    return _deceptions_in_long(text) if len(text) > _LONG else _found_in(text)


@lru_cache(maxsize=16)
def _deceptions_in_long(text: str) -> _Deceptions:
    """The same, looked for once: going back to an item with megabytes in it takes no second look."""
    return _found_in(text)


def _found_in(text: str) -> _Deceptions:
    return safe_text.hidden(text), addresses.suspects(text)


def _texts(item: Item) -> Iterator[str]:
    yield from (item.title, item.agent, item.description, item.url or "", item.repair or "")
    for action in item.actions:
        yield from (action.name, action.description)
        yield from strings_in(action.arguments)
    for option in item.options:
        yield from (option.label, option.description)
        yield from strings_in(option.value)
    for scope in item.scopes:
        yield from (scope.name, scope.description)
    for told in (item.warnings, item.refusals, item.answer_schema):
        yield from strings_in(told)


def strings_in(value: Any) -> Iterator[str]:
    """Every string in a JSON value, keys as well; without recursion, for deep ones."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, dict):
            waiting += [*one.keys(), *one.values()]
        elif isinstance(one, list):
            waiting += one
