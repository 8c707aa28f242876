"""Comparing what an action's arguments hold: by number where both sides are numbers, else by text."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator
from fnmatch import translate
from typing import Any

from triage.model.filtering.subject import Subject

__all__ = ["argument_test", "argument_values"]

_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}
_NUMBER = re.compile(r"[+-]?(?:\d+|\d*\.\d+|\d+\.)(?:[eE][+-]?\d{1,3})?")
_MAX_DIGITS = 4000
_FIXED = {"true": True, "false": False, "null": None}


def argument_test(path: str, comparison: str, value: str) -> Callable[[Subject], bool]:
    """Whether an argument at ``path``, of any action of the item, compares so with ``value``.

    ``!=`` is the opposite of ``=``: it also holds where there is no such argument.
    """
    if comparison == "!=":
        same = argument_test(path, "=", value)
        return lambda subject: not same(subject)
    matches = _comparison(comparison, value)
    steps = path.casefold()

    def test(subject: Subject) -> bool:
        return any(
            matches(found)
            for action in subject.item.actions
            for found in argument_values(action.arguments, steps)
        )

    return test


def argument_values(value: Any, path: str) -> Iterator[Any]:
    """What stands at ``path`` (case folded, steps divided by dots) in ``value``; every element of a list."""
    if not path:
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            folded = key.casefold()
            if path == folded:
                yield from _spread(inner)
            elif path.startswith(folded + "."):
                yield from argument_values(inner, path[len(folded) + 1 :])
    elif isinstance(value, list | tuple):
        step, _, rest = path.partition(".")
        if step.isdecimal():
            if int(step) < len(value):
                yield from argument_values(value[int(step)], rest)
        else:
            for inner in value:
                if isinstance(inner, dict):
                    yield from argument_values(inner, path)


def _spread(value: Any) -> Iterator[Any]:
    if isinstance(value, list | tuple):
        yield from value
    else:
        yield value


def _comparison(comparison: str, value: str) -> Callable[[Any], bool]:
    number = _number(value)
    folded = value.casefold()
    if comparison in _ORDER:
        return _ordered(_ORDER[comparison], number, folded)
    if folded in _FIXED:
        fixed = _FIXED[folded]
        return lambda found: found is fixed or (isinstance(found, str) and found.casefold() == folded)
    same = _same_text(folded, comparison)
    if number is not None:
        return lambda found: _number(found) == number if _is_number(found) else same(found)
    return same


def _ordered(compare: Callable[[Any, Any], bool], number: float | None, folded: str) -> Callable[[Any], bool]:
    """Larger or smaller: numbers with numbers, text with text, nothing else."""

    def test(found: Any) -> bool:
        if number is not None:
            own = _number(found)
            return own is not None and compare(own, number)
        return isinstance(found, str) and compare(found.casefold(), folded)

    return test


def _same_text(wanted: str, comparison: str) -> Callable[[Any], bool]:
    """Whole, by a pattern with ``*``, or contained; only ever true of text."""
    if "*" in wanted:
        pattern = re.compile(translate(wanted.replace("[", "[[]").replace("?", "[?]")))
        return lambda found: isinstance(found, str) and pattern.match(found.casefold()) is not None
    if comparison == ":":
        return lambda found: isinstance(found, str) and wanted in found.casefold()
    return lambda found: isinstance(found, str) and wanted == found.casefold()


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(value: Any) -> float | None:
    """``value`` as a number, whole ones at any size; None when it is none."""
    if _is_number(value):
        number: float = value
        return number
    if not isinstance(value, str) or len(value) > _MAX_DIGITS or not _NUMBER.fullmatch(value.strip()):
        return None
    text = value.strip()
    return int(text) if text.lstrip("+-").isdecimal() else float(text)
