"""A JSON object as a form: one field a property, its text, and back from the text to a value of its type."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from triage.model import safe_text

__all__ = ["Field", "FieldFault", "editable_json", "fields_of", "object_from", "parse_json", "parse_value"]

_MAX_FIELDS = 24
_PLAIN_TYPES = frozenset({"string", "integer", "number", "boolean", "null"})


class FieldFault(ValueError):
    """A text that is no value of its field, in words."""


class Field(msgspec.Struct, frozen=True):
    """One line of a form."""

    name: str
    text: str
    """What stands there at first; empty where the object has no such property yet."""
    kind: str
    """``string``, ``text`` (of several lines), ``integer``, ``number``, ``boolean``, or ``json`` for all else."""
    required: bool = False
    choices: tuple[Any, ...] = ()
    hint: str = ""
    """What may stand there, in words."""


def fields_of(value: Any, schema: Mapping[str, Any] | None) -> list[Field] | None:
    """The form of an object; None where a form would not serve (no object, or too many properties)."""
    properties = (schema or {}).get("properties")
    properties = properties if isinstance(properties, dict) else {}
    known = value if isinstance(value, dict) else {}
    names = list(dict.fromkeys((*known, *properties)))
    if not names or len(names) > _MAX_FIELDS or not (isinstance(value, dict) or value is None):
        return None
    required = (schema or {}).get("required")
    needed = required if isinstance(required, list) else []
    return [_field(name, known, properties.get(name), name in needed) for name in names]


def _field(name: str, known: Mapping[str, Any], schema: Any, required: bool) -> Field:
    schema = schema if isinstance(schema, dict) else {}
    kind = _kind(known.get(name), schema, name in known)
    default = known[name] if name in known else schema.get("default")
    text = "" if default is None and name not in known else _text(default, kind)
    enum = schema.get("enum")
    choices = tuple(enum) if isinstance(enum, list) else ()
    return Field(name, text, kind, required, choices, _hint(schema, kind, choices))


def _kind(value: Any, schema: Mapping[str, Any], known: bool) -> str:
    """The type its text is read as: the value's own where the schema leaves it open."""
    if isinstance(value, str) and not _is_plain(value):
        return "json" if "\t" in value or safe_text.hidden(value) else "text"
    declared = schema.get("type")
    if isinstance(declared, str) and declared in _PLAIN_TYPES - {"null"}:
        fits = value is None or declared != "string" or isinstance(value, str)
        return declared if fits else "json"
    if known and isinstance(value, bool):
        return "boolean"
    if known and isinstance(value, str) and declared is None:
        return "string"
    return "json" if known or declared is not None or "enum" not in schema else "string"


def _is_plain(text: str) -> bool:
    """Whether a text can stand in one line as it is, with nothing hidden in it."""
    return "\n" not in text and "\t" not in text and not safe_text.hidden(text)


def _text(value: Any, kind: str) -> str:
    if kind in ("string", "text") and isinstance(value, str):
        return value
    return editable_json(value, indent=None)


def _hint(schema: Mapping[str, Any], kind: str, choices: Sequence[Any]) -> str:
    if choices:
        return "one of " + ", ".join(str(choice) for choice in choices)
    words = {
        "string": "text",
        "text": "text",
        "integer": "a whole number",
        "number": "a number",
        "boolean": "true or false",
    }
    parts = [words.get(kind, "JSON")]
    for key, word in (("format", ""), ("minimum", "from "), ("maximum", "to "), ("pattern", "like ")):
        if key in schema:
            parts.append(f"{word}{schema[key]}")
    told = schema.get("description") or schema.get("title")
    return ", ".join(parts) + (f": {told}" if isinstance(told, str) else "")


def parse_value(field: Field, text: str) -> Any:
    """The value that ``text`` means in ``field``. Raises FieldFault."""
    if field.kind in ("string", "text"):
        return text
    text = text.strip()
    if field.kind == "boolean" and text.lower() in ("true", "yes", "y", "false", "no", "n"):
        return text.lower() in ("true", "yes", "y")
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        words = {"integer": "a whole number", "number": "a number", "boolean": "true or false"}
        wanted = words.get(field.kind, 'JSON (text in "quotes")')
        raise FieldFault(f"{field.name}: write {wanted}") from None


def object_from(fields: Sequence[Field], texts: Sequence[str], known: Any) -> dict[str, Any]:
    """The object that a filled-in form means; an empty optional field that was not there stays away.

    Raises FieldFault for the first text that is no value.
    """
    before = known if isinstance(known, dict) else {}
    made: dict[str, Any] = {}
    for field, text in zip(fields, texts, strict=True):
        if not text and field.name not in before and not field.required:
            continue
        if not text and field.kind not in ("string", "text"):
            raise FieldFault(f"{field.name}: nothing is written there")
        unchanged = field.name in before and text == field.text
        made[field.name] = before[field.name] if unchanged else parse_value(field, text)
    return made


def parse_json(text: str) -> Any:
    """The JSON in ``text``. Raises FieldFault saying where it is none."""
    try:
        json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        if isinstance(error, RecursionError):
            raise FieldFault("this is nested too deep") from None
        raise FieldFault(f"line {error.lineno}, column {error.colno}: {error.msg.lower()}") from None
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise FieldFault(f"this is no JSON: {error}") from None


def editable_json(value: Any, indent: int | None = 2) -> str:
    """``value`` as JSON to edit: what would hide in a terminal is written as an escape."""
    text = msgspec.json.encode(value).decode()
    if indent is not None:
        text = msgspec.json.format(text, indent=indent)
    if text.isascii() and "\x7f" not in text:
        return text
    return "".join(char if _shows(char) else _escaped(char) for char in text)


def _shows(char: str) -> bool:
    return char == "\n" or not (safe_text.hidden(char) or unicodedata.combining(char) or char == "\ufe0f")


def _escaped(char: str) -> str:
    return json.dumps(char)[1:-1] if ord(char) > 0x7F else f"\\u{ord(char):04x}"
