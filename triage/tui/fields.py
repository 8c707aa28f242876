"""A JSON object as a form: one field a property, its text, and back from the text to a value of its type."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from triage.model import safe_text
from triage.tui.field_schema import TYPE_WORDS, Facts, facts_of, format_fault, resolved

__all__ = [
    "REST",
    "Field",
    "FieldFault",
    "Form",
    "choice_text",
    "editable_json",
    "faults_by_field",
    "field_of",
    "fields_of",
    "parse_json",
    "parse_value",
    "read_form",
]

MOST_FIELDS = 24
"""Properties that have a field each; further ones share one, as JSON."""
REST = "rest"
_PLAIN_TYPES = frozenset({"string", "integer", "number", "boolean"})
_WHOLE_NUMBER = re.compile(r"-?[0-9]+")
_LONG_JSON = 40
"""Characters from which JSON is laid out over several lines."""
_YES, _NO = ("true", "yes", "y"), ("false", "no", "n")


class FieldFault(ValueError):
    """A text that is no value of its field, in words."""


class Field(msgspec.Struct, frozen=True):
    """One line of a form."""

    name: str
    text: str
    """What stands there at first; empty where the object has no such property yet."""
    kind: str
    """``string``, ``text`` (of several lines), ``integer``, ``number``, ``boolean``, ``json`` for all else, or
    ``rest``: the properties that have no field of their own, as a JSON object."""
    required: bool = False
    choices: tuple[Any, ...] = ()
    hint: str = ""
    """What may stand there, in words."""
    format: str = ""
    nullable: bool = False
    decimal: bool = False
    """The number there was written with a point, and stays so."""

    @property
    def rows(self) -> int:
        """Lines its text has."""
        return self.text.count("\n") + 1

    @property
    def in_area(self) -> bool:
        """Whether it is written over several lines."""
        return self.kind in ("text", REST) or (self.kind == "json" and self.rows > 1)


class Form(NamedTuple):
    """A filled-in form."""

    value: dict[str, Any]
    """What it means, without the fields that are wrong."""
    faults: dict[int, str]
    """Number of a field → what is wrong with its text."""


# -- making a form ---------------------------------------------------------------------------------


def fields_of(value: Any, schema: Mapping[str, Any] | None) -> list[Field] | None:
    """The form of an object; None where a form would not serve: it is none, or has no properties."""
    whole = resolved(schema, schema)
    declared = whole.get("properties")
    properties = declared if isinstance(declared, dict) else {}
    known = value if isinstance(value, dict) else {}
    names = list(dict.fromkeys((*known, *properties)))
    if not names or not (isinstance(value, dict) or value is None):
        return None
    required = whole.get("required")
    needed = required if isinstance(required, list) else []
    alone = names if len(names) <= MOST_FIELDS else names[: MOST_FIELDS - 1]
    fields = [
        field_of(name, known, properties.get(name), schema, required=name in needed, fill=value is None)
        for name in alone
    ]
    return [*fields, _rest_of(known, names[len(alone) :])] if len(names) > len(alone) else fields


def field_of(
    name: str, known: Mapping[str, Any], schema: Any, root: Any, *, required: bool = False, fill: bool = False
) -> Field:
    """The field of one property; ``known`` holds its value, where there is one.

    ``fill``: where there is none, the schema's default stands there.
    """
    facts = facts_of(schema, root)
    value = known.get(name)
    shown = resolved(schema, root).get("default") if fill and name not in known else value
    kind = _kind(shown, facts, name in known)
    return Field(
        name,
        _text(shown, kind, facts, given=name in known),
        kind,
        required,
        facts.choices or ((True, False) if kind == "boolean" else ()),
        facts.hint or TYPE_WORDS.get(kind, "JSON"),
        facts.format if kind == "string" else "",
        facts.nullable,
        isinstance(value, float),
    )


def _rest_of(known: Mapping[str, Any], names: Sequence[str]) -> Field:
    there = {name: known[name] for name in names if name in known}
    hint = "the properties that have no field of their own, as a JSON object: " + ", ".join(names[:6])
    return Field(
        f"{len(names)} more", editable_json(there), REST, hint=hint + (", …" if len(names) > 6 else "")
    )


def _kind(value: Any, facts: Facts, known: bool) -> str:
    """The type its text is read as: the value's own where the schema leaves it open."""
    if isinstance(value, str) and not _is_plain(value):
        return "json" if "\t" in value or safe_text.hidden(value) else "text"
    if facts.type in _PLAIN_TYPES and (value is None or _fits(value, facts.type)):
        return facts.type
    if known and not facts.type:
        return _kind_of(value)
    return "string" if facts.choices and not known else "json"


def _kind_of(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return "string" if isinstance(value, str) else "json"


def _fits(value: Any, kind: str) -> bool:
    own = _kind_of(value)
    return own == kind or (own == "number" and kind == "integer" and value == int(value))


def _is_plain(text: str) -> bool:
    """Whether a text can stand in one line as it is, with nothing hidden in it."""
    return "\n" not in text and "\t" not in text and not safe_text.hidden(text)


def _text(value: Any, kind: str, facts: Facts, *, given: bool) -> str:
    if value is None and (not given or (facts.nullable and not facts.choices)):
        return ""
    if kind in ("string", "text") and isinstance(value, str):
        return value
    text = editable_json(value, indent=None)
    nests = isinstance(value, dict | list) and len(text) > _LONG_JSON
    return editable_json(value) if kind == "json" and nests else text


# -- reading it back -------------------------------------------------------------------------------


def choice_text(choice: Any) -> str:
    """A choice as it is written in its field."""
    return choice if isinstance(choice, str) else editable_json(choice, indent=None)


def parse_value(field: Field, text: str) -> Any:
    """The value that ``text`` means in ``field``. Raises FieldFault."""
    if field.choices:
        return _chosen(field, text)
    if field.nullable and not text.strip() and (field.format or field.kind not in ("string", "text")):
        return None
    if field.kind in ("string", "text"):
        if fault := format_fault(field.format, text):
            raise FieldFault(fault)
        return text
    if field.kind in ("integer", "number"):
        return _number(field, text.strip())
    return parse_json(text)


def _chosen(field: Field, text: str) -> Any:
    for choice in field.choices:
        if choice_text(choice) == text:
            return choice
    plain = text.strip().lower()
    alike = [choice for choice in field.choices if choice_text(choice).lower() == plain]
    if len(alike) == 1:
        return alike[0]
    if field.kind == "boolean" and plain in (*_YES, *_NO):
        return plain in _YES
    raise FieldFault("write one of " + ", ".join(choice_text(choice) for choice in field.choices))


def _number(field: Field, text: str) -> int | float:
    """A number of the sort that stood there before: 12.0 becomes 13.0 where 13 is written."""
    wanted = f"write {TYPE_WORDS[field.kind]}"
    if field.kind == "integer" and not field.decimal and not _WHOLE_NUMBER.fullmatch(text):
        raise FieldFault(wanted)
    try:
        value = msgspec.json.decode(text)
    except msgspec.DecodeError:
        raise FieldFault(wanted) from None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise FieldFault(wanted)
    if not field.decimal or isinstance(value, float):
        return value
    try:
        return float(value)
    except OverflowError:
        raise FieldFault("this number is too large") from None


def read_form(fields: Sequence[Field], texts: Sequence[str], known: Any) -> Form:
    """What a filled-in form means; an empty optional field that was not there stays away."""
    before = known if isinstance(known, dict) else {}
    made: dict[str, Any] = {}
    faults: dict[int, str] = {}
    for number, (field, text) in enumerate(zip(fields, texts, strict=True)):
        try:
            made |= _property(field, text, before)
        except FieldFault as fault:
            faults[number] = str(fault)
    return Form(made, faults)


def _property(field: Field, text: str, before: Mapping[str, Any]) -> dict[str, Any]:
    """The property, or properties, that one field makes. Raises FieldFault."""
    if field.kind == REST:
        return _rest(text)
    if text == field.text and field.name in before:
        return {field.name: before[field.name]}
    if not text and field.name not in before and not (field.required and field.kind == "string"):
        if field.required:
            raise FieldFault("nothing is written there yet")
        return {}
    if not text and field.kind not in ("string", "text") and not field.nullable:
        raise FieldFault("nothing is written there")
    return {field.name: parse_value(field, text)}


def _rest(text: str) -> dict[str, Any]:
    value = parse_json(text)
    if not isinstance(value, dict):
        raise FieldFault("write a JSON object")
    return value


def faults_by_field(faults: Sequence[str], fields: Sequence[Field]) -> tuple[dict[int, str], list[str]]:
    """Faults as ``schema_faults`` words them, by the number of the field they are about; and those of none."""
    by_field: dict[int, str] = {}
    others: list[str] = []
    for fault in faults:
        place, found, words = fault.partition(": ")
        number = next((at for at, field in enumerate(fields) if _is_about(place, field.name)), None)
        if not found or number is None:
            others.append(fault)
        else:
            within = place[len(fields[number].name) + 1 :]
            by_field.setdefault(number, f"{within}: {words}" if within else words)
    return by_field, others


def _is_about(place: str, name: str) -> bool:
    return place == name or place.startswith(f"{name}.")


# -- JSON ------------------------------------------------------------------------------------------


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
    return char == "\n" or not (safe_text.hidden(char) or safe_text.is_mark(char) or char == "\ufe0f")


def _escaped(char: str) -> str:
    return json.dumps(char)[1:-1] if ord(char) > 0x7F else f"\\u{ord(char):04x}"
