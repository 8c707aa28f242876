"""JMESPath expressions: checked when the configuration is read, applied without surprises."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.functions import Functions

__all__ = ["Inapplicable", "apply", "fault_of_expression"]


class Inapplicable(ValueError):
    """An expression that fails on a value; the text says how."""


def apply(expression: str, value: Any) -> Any:
    """What ``expression`` finds in ``value``; None where there is nothing. Raises Inapplicable."""
    try:
        return _compiled(expression).search(value)
    except (ValueError, TypeError, ArithmeticError, RecursionError) as error:
        raise Inapplicable(f"`{expression}` cannot be applied: {_first_line(error)}") from error


def fault_of_expression(expression: str) -> str:
    """Why ``expression`` can never work; empty when it may."""
    try:
        compiled = _compiled(expression)
    except JMESPathError as error:
        return f"is no JMESPath expression: {_first_line(error)}"
    known = Functions.FUNCTION_TABLE
    for name, count in _calls(compiled.parsed):
        if name not in known:
            return f"calls {name}(), which is no function of JMESPath"
        signature = known[name]["signature"]
        variadic = bool(signature) and bool(signature[-1].get("variadic"))
        if count < len(signature) or (count > len(signature) and not variadic):
            return f"calls {name}() with {count} arguments instead of {len(signature)}"
    return ""


@functools.lru_cache(maxsize=512)
def _compiled(expression: str) -> Any:
    return jmespath.compile(expression)


def _calls(node: Any) -> Iterator[tuple[str, int]]:
    """Every function that an expression's tree calls, and with how many arguments."""
    if not isinstance(node, dict):
        return
    if node["type"] == "function_expression":
        yield node["value"], len(node["children"])
    for child in node["children"]:
        yield from _calls(child)


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:200]
