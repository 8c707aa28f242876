"""Placeholders put values in with their JSON types, and never change where a request goes."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import UNSET

from triage.connectors.rest.expressions import Inapplicable, apply, fault_of_expression
from triage.connectors.rest.templates import (
    RAW,
    Unfilled,
    fault_of_path,
    fault_of_template,
    fill,
    fill_headers,
    fill_path,
    fill_query,
    placeholders,
)

VALUES: dict[str, Any] = {
    "item.id": 17,
    "item.title": "Pay?",
    "item.version": UNSET,
    "verdict.answer": None,
    "verdict.arguments": {"euros": 7.0, "to": ["a", None]},
    "item.raw": {"deep": [{"name": "x"}], "big": 2**70, "none": None},
}


@pytest.mark.parametrize(
    ("template", "filled"),
    [
        ("{item.id}", 17),
        ("number {item.id}", "number 17"),
        ("{item.id}{item.id}", "1717"),
        ("{verdict.answer}", None),
        ("so: {verdict.answer}", "so: "),
        ("{item.version}", UNSET),
        ("v{item.version}", "v"),
        ("{verdict.arguments}", {"euros": 7.0, "to": ["a", None]}),
        ("as {verdict.arguments}", 'as {"euros":7.0,"to":["a",null]}'),
        ("{item.raw.big}", 2**70),
        ("{item.raw.deep[0].name}", "x"),
        ("{item.raw.nowhere}", None),
        ("{{item.id}}", "{item.id}"),
        ("{{{item.id}}}", "{17}"),
        ("", ""),
        (5, 5),
        (False, False),
        (
            {"a": "{item.version}", "b": "{verdict.answer}", "c": {"d": "{item.id}"}},
            {"b": None, "c": {"d": 17}},
        ),
        (["{item.version}", "{item.id}", 1.0], [None, 17, 1.0]),
    ],
    ids=str,
)
def test_a_template_becomes_json(template: Any, filled: Any) -> None:
    found = fill(template, VALUES)
    assert found == filled
    assert repr(found) == repr(filled)


@pytest.mark.parametrize(
    ("own_id", "path"),
    [
        ("a/b", "orders/a%2Fb/x"),
        ("../..", "orders/..%2F../x"),
        ("a?b#c", "orders/a%3Fb%23c/x"),
        ("%2e", "orders/%252e/x"),
        ("ü\n", "orders/%C3%BC%0A/x"),
        (7, "orders/7/x"),
    ],
)
def test_a_value_stays_one_segment_of_the_path(own_id: Any, path: str) -> None:
    assert fill_path("orders/{item.id}/x", {"item.id": own_id}) == path


@pytest.mark.parametrize("own_id", ["", ".", "..", None, UNSET])
def test_a_path_without_its_value_is_no_request(own_id: Any) -> None:
    with pytest.raises(Unfilled):
        fill_path("orders/{item.id}", {"item.id": own_id})


def test_a_query_leaves_out_what_there_is_not() -> None:
    query = {"id": "{item.id}", "v": "{item.version}", "n": "{verdict.answer}", "all": True, "tag": ["a", 1]}
    assert fill_query(query, VALUES) == {"id": "17", "all": "true", "tag": ["a", "1"]}


def test_a_header_cannot_be_broken_out_of() -> None:
    assert fill_headers({"If-Match": "{item.id}", "X-V": "{item.version}"}, VALUES) == {"If-Match": "17"}
    for value in ("1\r\nX-Admin: 1", "ü", "\x00"):
        with pytest.raises(Unfilled, match="the header If-Match cannot carry"):
            fill_headers({"If-Match": "{item.id}"}, {"item.id": value})


def test_an_expression_that_fails_makes_no_request() -> None:
    with pytest.raises(Unfilled, match="cannot be applied"):
        fill("{item.raw.length(big)}", VALUES)


def test_placeholders_are_found_wherever_they_are() -> None:
    template = {"a": ["{item.id} {item.title}"], "b": {"c": "{{no}} {verdict.answer}"}, "d": 4}
    assert list(placeholders(template)) == ["item.id", "item.title", "verdict.answer"]


@pytest.mark.parametrize(
    ("template", "fault"),
    [
        ("{item.id} {item.raw.a[0].b || 'x'}", ""),
        ("{{not one}}", ""),
        ("{item.nmae}", "holds {item.nmae}, which is not known here; there are {item.id}, {item.raw.…}"),
        ("{}", "holds {}, which is not known here"),
        ("{item.raw.a[}", "{item.raw.a[} is no JMESPath expression"),
        ("{item.raw.}", "{item.raw.} is no JMESPath expression"),
        ({"a": ["{item.id"]}, "holds a lone brace"),
        ("item.id}", "holds a lone brace"),
    ],
    ids=str,
)
def test_faults_of_a_template_are_told(template: Any, fault: str) -> None:
    found = fault_of_template(template, {"item.id", RAW})
    assert found.startswith(fault)
    assert bool(found) == bool(fault)


@pytest.mark.parametrize("path", ["", "a/{item.id}/b", "/a", "a.b/..c", "{item.raw.a?.b}"])
def test_plain_paths_are_taken(path: str) -> None:
    assert fault_of_path(path) == ""


@pytest.mark.parametrize("path", ["http://x/a", "a?b=1", "a#b", "../a", "a/./b", "a b", "a\n"])
def test_other_paths_are_not(path: str) -> None:
    assert fault_of_path(path) != ""


@pytest.mark.parametrize("expression", ["@", 'a.b[0] || `"x"`', "sort_by(a, &b)[].c", "merge(a, b, c)", "[]"])
def test_expressions_that_may_work_have_no_fault(expression: str) -> None:
    assert fault_of_expression(expression) == ""


@pytest.mark.parametrize(
    ("expression", "fault"),
    [
        ("a[", "is no JMESPath expression"),
        ("", "is no JMESPath expression"),
        ("a b", "is no JMESPath expression"),
        ("'open", "is no JMESPath expression"),
        ("a[?lenght(b) > `1`]", "calls lenght(), which is no function of JMESPath"),
        ("length()", "calls length() with 0 arguments instead of 1"),
        ("a.{b: length(c, d)}", "calls length() with 2 arguments instead of 1"),
    ],
)
def test_expressions_that_cannot_work_are_told(expression: str, fault: str) -> None:
    assert fault_of_expression(expression).startswith(fault)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("length(@)", 5),
        ("length(@)", None),
        ("[::0]", [1]),
        ("sum(@)", ["a"]),
        ("max_by(@, &a)", [{"a": []}]),
    ],
)
def test_an_expression_that_fails_on_a_value_says_so(expression: str, value: Any) -> None:
    with pytest.raises(Inapplicable) as caught:
        apply(expression, value)
    assert str(caught.value).startswith(f"`{expression}` cannot be applied: ")


def test_what_is_not_there_is_none() -> None:
    assert apply("a.b[3].c", {"a": {}}) is None
    assert apply("a", [1]) is None
