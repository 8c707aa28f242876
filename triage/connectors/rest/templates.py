"""Placeholders in requests: ``{item.id}`` in a path, a query, a header or anywhere in a JSON body."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import msgspec
from msgspec import UNSET

from triage.connectors.http import Garbled, segment
from triage.connectors.rest.expressions import Inapplicable, apply, fault_of_expression

__all__ = [
    "RAW",
    "Unfilled",
    "Values",
    "fault_of_path",
    "fault_of_template",
    "fill",
    "fill_headers",
    "fill_path",
    "fill_query",
    "placeholders",
]

RAW = "item.raw."
"""What stands before an expression over the item as the API sent it."""
_PART = re.compile(r"\{\{|\}\}|\{(?P<name>[^{}]*)\}|[{}]")


class Unfilled(Garbled):
    """A request that cannot be made of its template: nothing was sent."""


Values = Mapping[str, Any]
"""Placeholder → value; UNSET where there is nothing to put in. ``item.raw`` holds the raw item."""


def placeholders(template: Any) -> Iterator[str]:
    """Every name that stands in braces somewhere in ``template``."""
    if isinstance(template, str):
        yield from (found["name"] for found in _PART.finditer(template) if found["name"] is not None)
    elif isinstance(template, dict):
        for value in template.values():
            yield from placeholders(value)
    elif isinstance(template, list):
        for value in template:
            yield from placeholders(value)


def fault_of_template(template: Any, known: Collection[str]) -> str:
    """What is wrong with the placeholders in ``template``, of which ``known`` may stand there."""
    for text in _texts(template):
        if any(found[0] in ("{", "}") for found in _PART.finditer(text)):
            return "holds a lone brace; write {{ or }} for a brace itself"
    for name in placeholders(template):
        if name.startswith(RAW) and RAW in known:
            if fault := fault_of_expression(name.removeprefix(RAW)):
                return f"{{{name}}} {fault}"
        elif name not in known:
            shown = sorted(f"{{{each}…}}" if each == RAW else f"{{{each}}}" for each in known)
            return f"holds {{{name}}}, which is not known here; there are {', '.join(shown)}"
    return ""


def fault_of_path(path: str) -> str:
    """Why ``path`` cannot stand behind an endpoint's URL; empty when it can."""
    plain = _PART.sub("x", path)
    if "://" in plain:
        return "must be a path below the endpoint's url, not a URL"
    if "?" in plain or "#" in plain:
        return "must end before the ?; put the query into `query`"
    if {".", ".."} & set(plain.split("/")) or not plain.isprintable() or " " in plain:
        return "must be a plain path, without `..` or blanks"
    return ""


def fill(template: Any, values: Values) -> Any:
    """The JSON value of ``template``; members with nothing to put in are left out, elements are null."""
    if isinstance(template, str):
        return _fill_text(template, values)
    if isinstance(template, dict):
        filled = {key: fill(value, values) for key, value in template.items()}
        return {key: value for key, value in filled.items() if value is not UNSET}
    if isinstance(template, list):
        return [None if (value := fill(each, values)) is UNSET else value for each in template]
    return template


def fill_path(template: str, values: Values) -> str:
    """The path, each value as one segment or a part of one. Raises Unfilled where there is none."""

    def put(found: re.Match[str]) -> str:
        if found["name"] is None:
            return found[0][0]
        value = _value(found["name"], values)
        if value is UNSET or value is None:
            raise Unfilled(f"there is nothing to put at {{{found['name']}}} in the path {template}")
        return segment(_text(value))

    try:
        return _PART.sub(put, template)
    except Unfilled:
        raise
    except Garbled as error:
        raise Unfilled(str(error)) from error


def fill_query(template: Mapping[str, Any], values: Values) -> dict[str, Any]:
    """Query parameters; what has nothing to put in is left out, lists repeat their parameter."""
    filled: dict[str, Any] = fill(dict(template), values)
    return {
        name: [_text(each) for each in value] if isinstance(value, list) else _text(value)
        for name, value in filled.items()
        if value is not None
    }


def fill_headers(template: Mapping[str, str], values: Values) -> dict[str, str]:
    """Request headers. Raises Unfilled for a value that no header may hold."""
    filled = fill_query(template, values)
    for name, value in filled.items():
        if not (value.isascii() and value.isprintable()):
            raise Unfilled(f"the header {name} cannot carry {value[:80]!r}")
    return filled


def _fill_text(template: str, values: Values) -> Any:
    whole = _PART.fullmatch(template)
    if whole and whole["name"] is not None:
        return _value(whole["name"], values)

    def put(found: re.Match[str]) -> str:
        if found["name"] is None:
            return found[0][0]
        value = _value(found["name"], values)
        return "" if value is UNSET or value is None else _text(value)

    return _PART.sub(put, template)


def _value(name: str, values: Values) -> Any:
    if not name.startswith(RAW):
        return values.get(name, UNSET)
    try:
        return apply(name.removeprefix(RAW), values["item.raw"])
    except Inapplicable as error:
        raise Unfilled(f"{{{name}}}: {error}") from error


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _texts(template: Any) -> Iterator[str]:
    if isinstance(template, str):
        yield template
    elif isinstance(template, (dict, list)):
        for value in template.values() if isinstance(template, dict) else template:
            yield from _texts(value)
