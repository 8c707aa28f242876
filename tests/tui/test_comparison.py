"""The table of what differs: what is alike is told once, what stands out is marked, nothing hides."""

from __future__ import annotations

from typing import Any

import pytest

from tests.desk.scripted import make_item
from triage.model.item import Action, Item
from triage.tui.comparison import MAX_PLACES, REST, Cell, compare, place_words
from triage.tui.outliers import ABSENT, stand_out


def items_with(*arguments: Any, **more: Any) -> list[Item]:
    return [
        make_item(str(number), **{"actions": (Action("refund", one),), **more})
        for number, one in enumerate(arguments)
    ]


def column(place: str, *arguments: Any) -> list[Any]:
    """The values at a place of items with these arguments; empty when they do not differ there."""
    found = {place_words(each.place): each for each in compare(items_with(*arguments)).columns}
    return [cell.value for cell in found[place].cells] if place in found else []


# -- what differs -------------------------------------------------------------------------------


def test_what_is_the_same_in_all_is_told_once_and_the_rest_stands_side_by_side() -> None:
    table = compare(items_with({"to": "ann", "amount": 1}, {"to": "ann", "amount": 2}))
    assert (("to",), Cell("ann")) in table.same
    assert [(each.place, [cell.value for cell in each.cells]) for each in table.columns] == [
        (("amount",), [1, 2])
    ]
    assert {place_words(place) for place, _ in table.same} == {"endpoint", "action", "to"}


@pytest.mark.parametrize(("one", "other"), [(1, 1.0), (1, "1"), (1, True), (None, ""), ([], {}), ("a", "a ")])
def test_values_that_look_alike_differ(one: Any, other: Any) -> None:
    assert column("x", {"x": one}, {"x": other}) == [one, other]


def test_what_one_does_not_have_is_absent() -> None:
    assert column("note", {"note": "hi"}, {}) == ["hi", ABSENT]
    assert column("note", {"note": None}, {}) == [None, ABSENT]


def test_nested_values_have_places_of_their_own_and_plain_lists_stay_whole() -> None:
    one = {"lines": [{"sku": "a", "n": 1}], "tags": ["x", "y"]}
    other = {"lines": [{"sku": "a", "n": 2}], "tags": ["x"]}
    assert column("lines[1].n", one, other) == [1, 2]
    assert column("lines[1].sku", one, other) == []
    assert column("tags", one, other) == [["x", "y"], ["x"]]


def test_a_key_with_a_dot_is_not_a_nested_one() -> None:
    table = compare(items_with({"a.b": 1}, {"a": {"b": 1}}))
    assert {each.place for each in table.columns} == {("a.b",), ("a", "b")}


def test_arguments_that_are_no_object_are_compared_whole() -> None:
    assert column("arguments", "rm -rf a", "rm -rf b") == ["rm -rf a", "rm -rf b"]


def test_of_very_many_places_none_is_left_out() -> None:
    wide = {f"k{number}": number for number in range(3 * MAX_PLACES)}
    table = compare(items_with(wide, wide | {f"k{3 * MAX_PLACES - 1}": "changed"}))
    assert [each.place for each in table.columns] == [REST]


def test_a_very_deep_value_is_compared_whole() -> None:
    deep: Any = "x"
    other: Any = "y"
    for _ in range(30):
        deep, other = {"in": deep}, {"in": other}
    assert len(compare(items_with(deep, other)).columns) == 1


def test_several_actions_have_numbered_places() -> None:
    one = make_item("1", actions=(Action("a", {"x": 1}), Action("b", {"x": 1})))
    other = make_item("2", actions=(Action("a", {"x": 1}), Action("b", {"x": 2})))
    assert [place_words(each.place) for each in compare([one, other]).columns] == ["2.x"]


def test_what_is_asked_beside_the_arguments_is_compared_too() -> None:
    one, other = make_item("1", description="as agreed"), make_item("1", description="as agreed, twice")
    assert [place_words(each.place) for each in compare([one, other]).columns] == ["description"]


# -- what hides ---------------------------------------------------------------------------------


def test_hidden_characters_are_named_for_the_cell_and_for_the_item() -> None:
    table = compare(items_with({"to": "ann"}, {"to": "an\u202en"}))
    assert [cell.hides for cell in table.columns[0].cells] == [(), ("RLO",)]
    assert table.hides == ((), ("RLO",))
    assert [table.marked(index) for index in (0, 1)] == [False, True]


def test_they_are_found_in_titles_and_keys_as_well() -> None:
    items = [make_item("1", title="Pay\u200b"), *items_with({"amo\u200bunt": 1})]
    assert compare(items).hides == (("ZWSP",), ("ZWSP",))


# -- what stands out ----------------------------------------------------------------------------


def outliers(*values: Any) -> list[Any]:
    return [value for value, why in zip(values, stand_out(values), strict=True) if why]


def test_a_number_far_from_the_others_stands_out_and_says_what_is_usual() -> None:
    values = [12, 9.5, 14, 11, 13, 10, 4800]
    assert outliers(*values) == [4800]
    assert stand_out(values)[-1] == "far from the others (median 12)"
    assert outliers(100, 120, 110, 105, 115, 1) == [1]
    assert outliers(-1, 0, 1, 2, 0, -900) == [-900]


def test_numbers_that_merely_spread_do_not() -> None:
    assert outliers(10_234, 99_120, 55_019, 70_332, 12_999, 48_610) == []
    assert outliers(1, 2, 4, 8, 16, 32, 64, 128) == [], "every one is twice the one before"
    assert outliers(5, 5, 6, 6, 5, 6) == []


def test_one_number_beside_a_crowd_of_equal_ones_stands_out_but_many_do_not() -> None:
    assert outliers(*[12] * 9, 13) == [13]
    assert outliers(*[12] * 8, *[13] * 3) == []


def test_huge_and_odd_numbers_break_nothing() -> None:
    assert outliers(1, 2, 3, 2, 10**400) == [10**400]
    assert outliers(0, 0, 0, 0) == []


def test_a_rare_value_beside_a_usual_one_stands_out() -> None:
    assert outliers(*["EUR"] * 9, "USD") == ["USD"]
    assert stand_out([*["EUR"] * 9, "USD"])[-1] == '9 of 10 are "EUR"'
    assert outliers(True, True, True, True, False) == [False]
    assert outliers("a", "b", "c", "d", "e", "f") == [], "where all differ, none does"
    assert outliers(*["a"] * 5, *["b"] * 5) == []


def test_long_texts_that_begin_alike_are_told_apart() -> None:
    usual = "x" * 90
    assert outliers(*[usual] * 9, "x" * 90 + "!") == ["x" * 90 + "!"]


def test_what_is_absent_or_of_another_kind_stands_out() -> None:
    assert outliers(1, 2, 3, 4, "5") == ["5"]
    assert stand_out(["a", "b", "c", "d", ABSENT])[-1] == "4 of 5 are texts"
    assert stand_out([ABSENT] * 9 + ["urgent"])[-1] == "9 of 10 are absent"


def test_a_text_much_longer_than_the_others_stands_out() -> None:
    values = [*(f"note number {number}" for number in range(9)), "ignore all that " * 40]
    assert stand_out(values)[-1] == "640 characters; the others about 13"


def test_an_address_at_another_host_stands_out() -> None:
    values = [*(f"p{number}@aldersgate.example" for number in range(9)), "p9@aldersgate.evil.example"]
    assert stand_out(values)[-1] == "9 of 10 are at aldersgate.example"
    pages = [*(f"https://shop.example/{number}" for number in range(9)), "https://sh0p.example/9"]
    assert outliers(*pages) == ["https://sh0p.example/9"]


def test_among_three_nothing_stands_out() -> None:
    assert outliers(1, 1, 5000) == []
