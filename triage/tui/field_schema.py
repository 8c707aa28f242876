"""What a JSON Schema says of one value, as far as a form needs it: its type, its choices, a hint in words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time
from types import MappingProxyType
from typing import Any, NamedTuple

from triage.tui.json_text import one_line

__all__ = ["TYPE_WORDS", "Facts", "facts_of", "format_fault", "resolved", "wants_object"]

TYPE_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "string": "text",
        "text": "text",
        "integer": "a whole number",
        "number": "a number",
        "boolean": "true or false",
        "null": "null",
        "array": "a list, as JSON",
        "object": "an object, as JSON",
    }
)
_FORMAT_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "date": "a date, as 2025-11-03",
        "date-time": "a date and time with its zone, as 2025-11-03T14:30:00Z",
        "time": "a time with its zone, as 14:30:00Z",
        "email": "a mail address",
        "uri": "a URL",
        "uuid": "a UUID",
    }
)
_FORMATS: Mapping[str, tuple[re.Pattern[str], Any]] = MappingProxyType(
    {
        "date": (re.compile(r"\d{4}-\d\d-\d\d"), date.fromisoformat),
        "date-time": (
            re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:[Zz]|[+-]\d\d:\d\d)"),
            datetime.fromisoformat,
        ),
        "time": (re.compile(r"\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:[Zz]|[+-]\d\d:\d\d)"), time.fromisoformat),
    }
)
_MOST_REFERENCES = 16
_Schema = Mapping[str, Any]


class Facts(NamedTuple):
    """What is known of a value."""

    type: str = ""
    """The one JSON type it may have, ``null`` aside; empty: several, or not said."""
    nullable: bool = False
    choices: tuple[Any, ...] = ()
    format: str = ""
    hint: str = ""
    """What may stand there, in words."""


def facts_of(schema: Any, root: Any) -> Facts:
    """The facts of ``schema``; ``root`` is the document its references point into."""
    whole = resolved(schema, root)
    types, nullable = _types(whole, root)
    kind = types[0] if len(types) == 1 else ""
    choices = tuple(_choices(whole, kind, root))
    if nullable and choices and None not in choices:
        choices = (*choices, None)
    found = Facts(kind, nullable or None in choices, choices, str(whole.get("format", "")))
    return found._replace(hint=_hint(whole, found))


def resolved(schema: Any, root: Any) -> _Schema:
    """``schema`` with its references followed, and the one part it may consist of put in its place."""
    found: dict[str, Any] = dict(schema) if isinstance(schema, dict) else {}
    for _ in range(_MOST_REFERENCES):
        if isinstance(found.get("$ref"), str):
            inner = _pointed_at(found.pop("$ref"), root)
        elif (part := _only_part(found)) is not None:
            inner = part
            found = {key: value for key, value in found.items() if key not in ("allOf", "anyOf", "oneOf")}
        else:
            break
        found = {**inner, **found}
    return found


def wants_object(schema: Any) -> bool:
    """Whether a value of it is an object with named properties, so that a form serves."""
    whole = resolved(schema, schema)
    return whole.get("type") == "object" or isinstance(whole.get("properties"), dict)


def format_fault(name: str, text: str) -> str:
    """What is wrong with ``text`` as a date, a time or both; empty: nothing, or the format is another."""
    if name not in _FORMATS:
        return ""
    pattern, parse = _FORMATS[name]
    wanted = f"write {_FORMAT_WORDS[name]}"
    if not pattern.fullmatch(text):
        zoned = name != "date" and pattern.fullmatch(text + "Z")
        return "the zone is missing: put Z or +02:00 behind it" if zoned else wanted
    try:
        parse(text.upper())
    except ValueError as error:
        return f"there is no such {name.replace('-', ' and ')}: {error}"
    return ""


def _only_part(schema: _Schema) -> _Schema | None:
    """The one schema that ``allOf``, ``anyOf`` or ``oneOf`` leave, ``null`` aside; None: there is a choice."""
    for key in ("allOf", "anyOf", "oneOf"):
        parts = schema.get(key)
        if isinstance(parts, list):
            left = [part for part in parts if isinstance(part, dict) and part.get("type") != "null"]
            if len(left) == 1:
                nullable = len(left) < len(parts)
                return {**left[0], "x-nullable": True} if nullable else left[0]
    return None


def _pointed_at(reference: str, root: Any) -> _Schema:
    """What a reference within the document points at; empty where it points elsewhere."""
    found = root
    for part in reference.removeprefix("#").split("/")[1:] if reference.startswith("#") else ("",):
        part = part.replace("~1", "/").replace("~0", "~")
        found = found.get(part) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def _types(schema: _Schema, root: Any) -> tuple[list[str], bool]:
    """The types it may have, ``null`` aside, and whether null is one."""
    declared = schema.get("type")
    named = declared if isinstance(declared, list) else [declared]
    types = [name for name in named if isinstance(name, str) and name != "null"]
    if not types and (parts := schema.get("anyOf") or schema.get("oneOf")) and isinstance(parts, list):
        found = [resolved(part, root).get("type") for part in parts]
        types = list(dict.fromkeys(name for name in found if isinstance(name, str) and name != "null"))
        return types, "null" in found or bool(schema.get("x-nullable"))
    return types, "null" in named or bool(schema.get("x-nullable"))


def _choices(schema: _Schema, kind: str, root: Any) -> Iterator[Any]:
    if "const" in schema:
        yield schema["const"]
    elif isinstance(schema.get("enum"), list):
        yield from schema["enum"]
    elif kind == "boolean":
        yield from (True, False)
    elif isinstance(parts := schema.get("oneOf") or schema.get("anyOf"), list):
        found = [resolved(part, root) for part in parts]
        if all("const" in part for part in found):
            yield from (part["const"] for part in found)


def _hint(schema: _Schema, facts: Facts) -> str:
    told = schema.get("description") or schema.get("title")
    words = ", ".join(part for part in _hint_parts(schema, facts) if part)
    return words + (f": {told}" if isinstance(told, str) else "")


def _hint_parts(schema: _Schema, facts: Facts) -> Iterator[str]:
    if facts.choices:
        yield "one of " + ", ".join(
            choice if isinstance(choice, str) else one_line(choice, 40) for choice in facts.choices
        )
        return
    yield _FORMAT_WORDS.get(facts.format) or TYPE_WORDS.get(facts.type, "")
    if facts.format and facts.format not in _FORMAT_WORDS:
        yield facts.format
    for key, words in _LIMITS.items():
        if key in schema:
            not_empty = key == "minLength" and schema[key] == 1
            yield "not empty" if not_empty else words.format(one_line(schema[key], 60))
    if facts.nullable:
        yield "or nothing"


_LIMITS = MappingProxyType(
    {
        "minimum": "from {}",
        "exclusiveMinimum": "above {}",
        "maximum": "to {}",
        "exclusiveMaximum": "below {}",
        "multipleOf": "in steps of {}",
        "minLength": "{} characters or more",
        "maxLength": "at most {} characters",
        "pattern": "like {}",
        "default": "{} where left empty",
    }
)
