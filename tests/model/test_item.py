"""Ids are stable, and a revision changes with what is asked and with nothing else."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.model.decision import TRANSITIONS, DeliveryState, new_decision_id
from triage.model.item import Action, Item, ItemKind, Option, Risk, Verb, item_id

ITEM = Item(
    endpoint="ship",
    key="thread|interrupt",
    kind=ItemKind.APPROVAL,
    title="Refund 12 to ann",
    verbs=(Verb.APPROVE, Verb.REJECT),
    actions=(Action("refund", {"amount": 12}),),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def changed(**fields: Any) -> Item:
    return msgspec.structs.replace(ITEM, **fields)


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": ItemKind.QUESTION},
        {"title": "Refund 13 to ann"},
        {"description": "urgent"},
        {"actions": (Action("refund", {"amount": 12.0}),)},
        {"actions": (Action("refund", {"amount": "12"}),)},
        {"actions": (Action("refund", {"amount": True}),)},
        {"actions": (Action("refund", {"amount": 12}, verbs=(Verb.APPROVE,)),)},
        {"options": (Option("yes", True),)},
        {"many": True},
        {"verbs": (Verb.APPROVE,)},
        {"answer_schema": {"type": "integer"}},
        {"expires_at": datetime(2026, 1, 1, tzinfo=UTC)},
    ],
)
def test_whatever_is_asked_is_in_the_revision(fields: dict[str, Any]) -> None:
    assert changed(**fields).revision != ITEM.revision


def test_large_whole_numbers_are_told_apart() -> None:
    one, other = (changed(actions=(Action("pay", {"n": 2**70 + add}),)) for add in (0, 1))
    assert one.revision != other.revision
    decoded = msgspec.json.decode(msgspec.json.encode(one), type=Item)
    assert decoded.actions[0].arguments == {"n": 2**70}
    assert decoded.revision == one.revision


@pytest.mark.parametrize(
    "fields",
    [
        {"raw": {"updated_at": 1}},
        {"locator": {"run": 2}},
        {"created_at": datetime(2026, 1, 1, tzinfo=UTC)},
        {"risk": Risk.HIGH},
        {"url": "http://127.0.0.1/x"},
        {"warnings": {"reject": "takes two along"}},
    ],
)
def test_what_is_not_asked_is_not(fields: dict[str, Any]) -> None:
    assert changed(**fields).revision == ITEM.revision


def test_the_order_of_an_objects_keys_does_not_matter() -> None:
    one = changed(actions=(Action("a", {"x": 1, "y": 2}),))
    other = changed(actions=(Action("a", {"y": 2, "x": 1}),))
    assert one.revision == other.revision


@given(JSON)
def test_a_revision_survives_storage(arguments: Any) -> None:
    item = changed(actions=(Action("a", arguments),))
    assert msgspec.json.decode(msgspec.json.encode(item), type=Item).revision == item.revision


def test_ids_are_short_stable_and_apart() -> None:
    assert item_id("ship", "k") == item_id("ship", "k")
    assert len({item_id(endpoint, key) for endpoint in ("a", "b") for key in map(str, range(500))}) == 1000
    assert len(ITEM.id) == 12
    assert not set(ITEM.id) & set("ilou")


def test_states_that_end_a_delivery_have_no_successor() -> None:
    ends = {state for state, after in TRANSITIONS.items() if not after}
    assert ends == {
        DeliveryState.CONFIRMED,
        DeliveryState.REFUSED,
        DeliveryState.WITHDRAWN,
        DeliveryState.STALE,
        DeliveryState.CLOSED,
    }
    assert set(TRANSITIONS) == set(DeliveryState)
    assert DeliveryState.HELD not in {state for after in TRANSITIONS.values() for state in after}


def test_decision_ids_sort_by_time() -> None:
    ids = [new_decision_id() for _ in range(100)]
    assert len(set(ids)) == 100
    assert [i[:12] for i in ids] == sorted(i[:12] for i in ids)
