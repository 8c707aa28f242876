"""A JSON object as a form and back: types are kept, and what is wrong is told field by field."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.desk.checking import schema_faults
from triage.tui.field_schema import facts_of, resolved, wants_object
from triage.tui.fields import (
    REST,
    Field,
    FieldFault,
    editable_json,
    faults_by_field,
    field_of,
    fields_of,
    parse_json,
    parse_value,
    read_form,
)

_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


def form(value: Any, schema: dict[str, Any] | None = None) -> dict[str, Field]:
    return {field.name: field for field in fields_of(value, schema) or ()}


def one(schema: dict[str, Any], **known: Any) -> Field:
    return field_of("it", {"it": known["value"]} if known else {}, schema, schema)


def filled(value: Any, schema: dict[str, Any] | None, **texts: str) -> tuple[Any, dict[str, str]]:
    """What the form means once some of its texts are others, and its faults by name."""
    fields = fields_of(value, schema) or []
    read = read_form(fields, [texts.get(field.name, field.text) for field in fields], value)
    return read.value, {fields[at].name: fault for at, fault in read.faults.items()}


def test_types_are_kept() -> None:
    value = {
        "whole": 12,
        "part": 12.0,
        "yes": True,
        "text": "12",
        "none": None,
        "list": [1],
        "deep": {"a": 1.0},
    }
    kinds = {name: field.kind for name, field in form(value).items()}
    assert kinds == {
        "whole": "number",
        "part": "number",
        "yes": "boolean",
        "text": "string",
        "none": "json",
        "list": "json",
        "deep": "json",
    }
    made, faults = filled(value, None, whole="13", part="13", text="13", yes="no", list="[2, 2.0]")
    assert faults == {}
    assert editable_json(made, indent=None) == editable_json(
        {
            "whole": 13,
            "part": 13.0,
            "yes": False,
            "text": "13",
            "none": None,
            "list": [2, 2.0],
            "deep": {"a": 1.0},
        },
        indent=None,
    )
    assert filled({"whole": 12}, None, whole="12.5")[0] == {"whole": 12.5}


@given(st.dictionaries(st.text(max_size=6), _JSON, min_size=1, max_size=30))
def test_a_form_that_is_left_alone_means_what_it_was_made_from(value: dict[str, Any]) -> None:
    made, faults = filled(value, None)
    assert faults == {}
    assert msgspec.json.encode(made, order="sorted") == msgspec.json.encode(value, order="sorted")


@pytest.mark.parametrize(
    ("schema", "text", "value"),
    [
        ({"type": "integer"}, " 7 ", 7),
        ({"type": "integer"}, "123456789012345678901234567890", 123456789012345678901234567890),
        ({"type": "number"}, "7", 7),
        ({"type": "number"}, "1e3", 1000.0),
        ({"type": "boolean"}, "Yes", True),
        ({"type": "boolean"}, "false", False),
        ({"enum": ["rolling", "all at once"]}, "ALL AT ONCE", "all at once"),
        ({"enum": [1, 2.0, None, "1"]}, "2.0", 2.0),
        ({"enum": [1, None]}, "null", None),
        ({"const": "only"}, "only", "only"),
        ({"type": "string", "format": "date"}, "2025-11-03", "2025-11-03"),
        ({"type": "string", "format": "date-time"}, "2025-11-03T14:30:00+01:00", "2025-11-03T14:30:00+01:00"),
        ({"type": "string", "format": "time"}, "14:30:00Z", "14:30:00Z"),
        ({"type": ["integer", "null"]}, "", None),
        ({"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]}, "", None),
        ({"type": "array"}, "[1, 1.0]", [1, 1.0]),
        ({"type": "string"}, "007", "007"),
    ],
)
def test_a_text_becomes_a_value_of_its_type(schema: dict[str, Any], text: str, value: Any) -> None:
    found = parse_value(one(schema), text)
    assert (found, type(found)) == (value, type(value))
    assert schema_faults(found, schema) == []


@pytest.mark.parametrize(
    ("schema", "text", "fault"),
    [
        ({"type": "integer"}, "7.0", "write a whole number"),
        ({"type": "integer"}, "many", "write a whole number"),
        ({"type": "integer"}, "", "write a whole number"),
        ({"type": "number"}, "12,50", "write a number"),
        ({"type": "number"}, "true", "write a number"),
        ({"type": "boolean"}, "perhaps", "write one of true, false"),
        ({"enum": ["a", "b"]}, "c", "write one of a, b"),
        ({"type": "string", "format": "date"}, "3.11.2025", "write a date, as 2025-11-03"),
        ({"type": "string", "format": "date"}, "2025-02-30", "there is no such date"),
        ({"type": "string", "format": "date-time"}, "2025-11-03T14:30:00", "the zone is missing"),
        ({"type": "string", "format": "date-time"}, "2025-11-03T25:30:00Z", "there is no such date and time"),
        ({"type": "object"}, "{", "line 1"),
    ],
)
def test_a_text_that_is_no_value_says_what_is_wanted(schema: dict[str, Any], text: str, fault: str) -> None:
    with pytest.raises(FieldFault) as told:
        parse_value(one(schema), text)
    assert fault in str(told.value)


def test_a_float_stays_one_where_a_whole_number_is_wanted() -> None:
    field = one({"type": "integer"}, value=12.0)
    assert field.kind == "integer"
    assert isinstance(parse_value(field, "13"), float)
    with pytest.raises(FieldFault, match="too large"):
        parse_value(one({"type": "number"}, value=1.0), "9" * 400)


def test_references_and_optional_types_are_followed() -> None:
    schema = {
        "$ref": "#/$defs/Order",
        "$defs": {
            "Order": {
                "type": "object",
                "required": ["colour"],
                "properties": {
                    "colour": {"allOf": [{"$ref": "#/$defs/Colour"}], "description": "of the frame"},
                    "size": {"anyOf": [{"$ref": "#/$defs/Size"}, {"type": "null"}], "default": None},
                    "mode": {"oneOf": [{"const": "a", "title": "A"}, {"const": "b"}]},
                    "id": {"anyOf": [{"type": "integer"}, {"type": "string"}]},
                },
            },
            "Colour": {"enum": ["red", "blue"]},
            "Size": {"type": "integer", "minimum": 40},
        },
    }
    assert wants_object(schema)
    fields = form(None, schema)
    assert fields["colour"].choices == ("red", "blue")
    assert fields["colour"].required
    assert fields["colour"].hint == "one of red, blue: of the frame"
    assert (fields["size"].kind, fields["size"].nullable) == ("integer", True)
    assert fields["size"].hint.startswith("a whole number, from 40")
    assert fields["mode"].choices == ("a", "b")
    assert fields["id"].kind == "json"


def test_references_that_lead_nowhere_or_in_circles_are_left() -> None:
    circle: dict[str, Any] = {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}
    assert facts_of({"$ref": "#/$defs/a"}, circle).type == ""
    for reference in ("#/nowhere/x", "https://schemas.example/x", "#", ""):
        assert resolved({"$ref": reference}, {"type": "string"}).get("type") in (None, "string")
    assert facts_of(True, {}).type == ""


def test_null_is_kept_until_something_is_written() -> None:
    schema = {"properties": {"note": {"type": ["string", "null"]}}}
    assert form({"note": None}, schema)["note"].text == ""
    assert filled({"note": None}, schema) == ({"note": None}, {})
    assert filled({"note": None}, schema, note="x") == ({"note": "x"}, {})
    assert filled({"note": "x"}, schema, note="") == ({"note": ""}, {})


def test_what_is_not_there_stays_away() -> None:
    schema = {
        "required": ["a"],
        "properties": {
            "a": {"type": "integer"},
            "b": {"type": "string"},
            "c": {"type": "integer", "default": 3},
        },
    }
    assert filled({"a": 1}, schema) == ({"a": 1}, {}), (
        "the default of what was proposed without it is not put in"
    )
    assert form({"a": 1}, schema)["c"].hint == "a whole number, 3 where left empty"
    assert filled(None, schema) == ({"c": 3}, {"a": "nothing is written there yet"})
    assert filled({"a": 1}, schema, a="") == ({}, {"a": "nothing is written there"})


def test_further_properties_share_a_field() -> None:
    value = {f"p{number}": number for number in range(31)}
    fields = fields_of(value, None) or []
    assert len(fields) == 24
    assert (fields[-1].name, fields[-1].kind) == ("8 more", REST)
    assert "p23, p24" in fields[-1].hint
    made, faults = filled(value, None, **{"8 more": '{"p23": 0, "new": 1}', "p0": "5"})
    assert faults == {}
    assert made["p0"] == 5
    assert (made["p23"], made["new"]) == (0, 1)
    assert "p30" not in made
    assert filled(value, None, **{"8 more": "[1]"})[1] == {"8 more": "write a JSON object"}
    assert len(fields_of({f"p{number}": 1 for number in range(24)}, None) or []) == 24


def test_texts_that_would_hide_something_are_written_as_json() -> None:
    fields = form(
        {"a": "one\ntwo", "b": "x\u202ey", "c": "a\tb", "d": {"street": "Long street 12", "city": "Basel"}}
    )
    assert (fields["a"].kind, fields["a"].in_area) == ("text", True)
    assert (fields["b"].kind, fields["b"].text) == ("json", '"x\\u202ey"')
    assert fields["c"].text == '"a\\tb"'
    assert fields["d"].in_area
    assert fields["d"].rows == 4


def test_faults_of_a_schema_go_to_their_fields() -> None:
    schema = {
        "properties": {
            "amount": {"type": "integer", "maximum": 100},
            "to": {"type": "array", "items": {"type": "string"}},
        },
        "required": ["amount", "when"],
    }
    value = {"amount": 1200, "to": ["a", 3]}
    by_field, others = faults_by_field(schema_faults(value, schema), fields_of(value, schema) or [])
    assert by_field == {
        0: "1200 is greater than the maximum of 100",
        1: '1: 3 is not of type "string"',
    }
    assert others == ['"when" is a required property']


@pytest.mark.parametrize("value", [3, [1], "text", {}])
def test_what_is_no_object_with_properties_has_no_form(value: Any) -> None:
    assert fields_of(value, None) is None


@pytest.mark.parametrize("mark", ["\u0301", "\u0338", "\u0489", "\u20e0"])
def test_every_mark_is_an_escape_in_json_to_edit(mark: str) -> None:
    """They would pile up, and what is not shown would be sent all the same."""
    escape = f"\\u{ord(mark):04x}"
    assert editable_json({"to": "Z" + mark * 5}, indent=None) == f'{{"to":"Z{escape * 5}"}}'
    assert parse_json(f'"Z{escape}"') == "Z" + mark
