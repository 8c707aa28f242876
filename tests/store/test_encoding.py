"""What may be stored: JSON that can be read back, wherever it then stands."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.store.encoding import DEPTH, check_depth, encode, refuse_newer
from triage.store.errors import StoreTooNew
from triage.store.table_draft import encode_document

Encoder = Callable[[Any], bytes]
both = pytest.mark.parametrize("encoder", [encode, encode_document])
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
)


def nested(depth: int, kind: type = list) -> Any:
    value: Any = "x"
    for _ in range(depth):
        value = [value] if kind is list else {"a": value}
    return value


def depth_of(value: Any) -> int:
    inner = value if isinstance(value, list) else list(value.values()) if isinstance(value, dict) else None
    return 0 if inner is None else 1 + max(map(depth_of, inner), default=0)


@both
@pytest.mark.parametrize("kind", [list, dict])
def test_a_value_may_be_nested_so_deep_and_no_deeper(encoder: Encoder, kind: type) -> None:
    raw = encoder(nested(DEPTH, kind))
    assert json.loads(raw) == msgspec.json.decode(raw) == nested(DEPTH, kind)
    with pytest.raises(ValueError, match="more than 400 levels deep and cannot be stored"):
        encoder(nested(DEPTH + 1, kind))


@both
def test_what_no_encoder_can_reach_the_end_of_is_refused_in_the_same_words(encoder: Encoder) -> None:
    with pytest.raises(ValueError, match="levels deep"):
        encoder(nested(10_000))


def test_the_deepest_value_is_still_read_from_deep_in_the_program() -> None:
    raw = encode(nested(DEPTH))

    def from_below(frames: int) -> Any:
        return from_below(frames - 1) if frames else (msgspec.json.decode(raw), json.loads(raw))

    assert from_below(300)[0] == nested(DEPTH)


@both
def test_brackets_side_by_side_or_in_text_are_not_depth(encoder: Encoder) -> None:
    wide: list[list[int]] = [[] for _ in range(5 * DEPTH)]
    text = {"a": '\\"' + "[" * 5 * DEPTH, "[" * 5 * DEPTH: '{"\\\\'}
    only_text = "{" * 5 * DEPTH
    for value in (wide, text, only_text):
        assert json.loads(encoder(value)) == value


@given(values, st.integers(0, 2 * DEPTH))
def test_the_depth_is_counted_exactly(value: Any, around: int) -> None:
    raw = b"[" * around + json.dumps([value] + [[]] * DEPTH).encode() + b"]" * around
    if around + 1 + max(1, depth_of(value)) > DEPTH:
        with pytest.raises(ValueError, match="levels deep"):
            check_depth(raw)
    else:
        check_depth(raw)


@both
def test_text_without_utf8_is_refused(encoder: Encoder) -> None:
    for value in ("\ud800", {"a": ["x\udfff"]}, {"\ud800": 1}):
        with pytest.raises(ValueError, match="half of a surrogate pair"):
            encoder(value)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_a_document_holds_no_number_that_json_has_not(number: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        encode_document({"a": number})


@both
@given(values)
def test_everything_else_comes_back_as_it_was(encoder: Encoder, value: Any) -> None:
    raw = encoder(value)
    assert b"\n" not in raw
    back = msgspec.json.decode(raw)
    assert back == json.loads(raw) == value
    assert repr(back) == repr(value)  # 1 is not 1.0


@both
def test_whole_numbers_keep_every_digit(encoder: Encoder) -> None:
    numbers = [2**53 + 1, 2**63, -(2**64), 10**60 + 7]
    assert msgspec.json.decode(encoder(numbers)) == numbers


@pytest.mark.parametrize("document", [b"", b"{", b"[]", b'{"version":"2"}', b'{"version":1}', b"{}", b"\xff"])
def test_what_says_no_newer_version_is_let_through(document: bytes) -> None:
    refuse_newer(Path("a.json"), document, 1)


def test_a_newer_version_is_refused_by_name() -> None:
    with pytest.raises(StoreTooNew, match=r"a\.json was written by a newer triage \(format 2"):
        refuse_newer(Path("a.json"), b'{"version":2,"more":1}', 1)
