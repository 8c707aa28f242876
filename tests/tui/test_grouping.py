"""Alike items fold into one row: what is alike, where the rows stand, and that nobody else folds the cursor's."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from typing import Any

import pytest

from tests.desk.scripted import Agent, make_item
from tests.tui.conftest import Console, OpenConsole
from triage.connectors.http import Unreachable
from triage.model.decision import DeliveryState, Verdict
from triage.model.item import Action, Gone, ItemKind, Option, Risk, Verb
from triage.tui.grouping import GroupedRows, Member, group_of, group_title, is_group

A, B = "=a", "=b"


def member(key: int, group: str, *, waits: bool = True, high: bool = False) -> Member:
    return Member((key,), group, waits, high)


def rows_of(text: str, opened: Sequence[str] = (), *, reverse: bool = False) -> GroupedRows:
    """Rows from ``a1 b2 a3``: items in their order, each named by group and place."""
    rows = GroupedRows(reverse=reverse)
    rows.fill([(name, member(int(name[1:]), f"={name[0]}")) for name in text.split()], opened)
    return rows


# -- what is alike ------------------------------------------------------------------------------


def test_same_agent_and_action_are_alike_whatever_the_arguments() -> None:
    one = make_item("1", agent="pay", actions=(Action("refund", {"amount": 1}),), title="Refund 1")
    other = make_item("2", agent="pay", actions=(Action("refund", {"amount": 9}),), title="Give back 9")
    assert group_of(one) == group_of(other)
    assert group_title(one) == "refund"
    assert is_group(group_of(one))
    assert not is_group(one.id)


@pytest.mark.parametrize(
    "changed",
    [
        {"agent": "other"},
        {"endpoint": "elsewhere"},
        {"actions": (Action("credit", {}),)},
        {"actions": (Action("refund", {}), Action("refund", {}))},
        {"kind": ItemKind.QUESTION},
    ],
)
def test_another_agent_endpoint_action_or_kind_is_not(changed: dict[str, object]) -> None:
    one = make_item("1", agent="pay")
    assert group_of(one) != group_of(make_item("2", **{"agent": "pay", **changed}))  # type: ignore[arg-type]


def test_questions_are_alike_by_the_shape_of_their_title() -> None:
    ask: dict[str, Any] = {"kind": ItemKind.QUESTION, "actions": ()}
    first = make_item("1", title='Ship AF-69293 to "Lyon" on 3 May?', **ask)
    second = make_item("2", title='Ship AF-1 to "Turin" on 14 May?', **ask)
    assert group_of(first) == group_of(second)
    assert group_title(first) == "Ship … to … on … May?"
    assert group_of(first) != group_of(make_item("3", title="Cancel AF-69293?", **ask))


# -- rows ---------------------------------------------------------------------------------------


def test_a_group_stands_where_its_first_item_stands_and_one_alone_stays_an_item() -> None:
    assert list(rows_of("a1 b2 a3 c4 b5")) == [A, B, "c4"]
    assert list(rows_of("a1 b2 a3 c4 b5", reverse=True)) == [B, "c4", A]


def test_an_unfolded_group_has_its_items_below_its_head() -> None:
    rows = rows_of("a1 b2 a3 c4")
    rows.unfold(A)
    assert list(rows) == [A, "a1", "a3", "b2", "c4"]
    assert [rows.place(row) for row in rows] == [0, 1, 2, 3, 4]
    rows.fold(A)
    assert list(rows) == [A, "b2", "c4"]
    assert rows.place("a3") == 0, "a folded item stands where its head does"
    with pytest.raises(KeyError):
        rows.place("d9")


def test_a_group_tells_how_many_wait_and_how_many_of_those_are_of_high_risk() -> None:
    rows = rows_of("a1 a2 a3")
    rows.put("a2", member(2, A, high=True))
    rows.put("a3", member(3, A, waits=False, high=True))
    assert (rows.count(A), rows.waiting(A), rows.high(A)) == (3, 2, 1)
    assert rows.members(A) == ["a1", "a2", "a3"]


def test_a_second_item_alike_does_not_fold_the_one_under_the_cursor() -> None:
    rows = rows_of("a2 b3")
    rows.pin("a2")
    rows.put("a1", member(1, A))
    assert list(rows) == ["a1", "a2", "b3"]
    assert rows.pin("b3"), "once the cursor moves on, it is folded"
    assert list(rows) == [A, "b3"]


def test_a_head_under_the_cursor_stays_until_the_cursor_moves_on() -> None:
    rows = rows_of("a1 a2 b3")
    rows.pin(A)
    rows.drop("a1")
    assert list(rows) == [A, "b3"]
    rows.drop("a2")
    assert list(rows) == [A, "b3"]
    assert (rows.count(A), rows.leader(A)) == (0, "a2")
    assert rows.pin("b3")
    assert list(rows) == ["b3"]


def test_an_item_in_an_unfolded_group_leaves_the_group_as_it_is() -> None:
    rows = rows_of("a1 a2 b3", [A])
    rows.pin("a1")
    rows.put("a3", member(3, A))
    assert list(rows) == [A, "a1", "a2", "a3", "b3"]


def test_an_item_may_come_to_belong_to_another_group() -> None:
    rows = rows_of("a1 a2 b3")
    rows.put("a2", member(2, B))
    assert list(rows) == ["a1", B]


@pytest.mark.parametrize("seed", range(4))
def test_rows_are_what_a_plain_list_would_be(seed: int) -> None:
    """Against a model that is worked out anew each time: order, places and length, after every change."""
    chance = random.Random(seed)
    reverse = bool(seed % 2)
    rows = GroupedRows(reverse=reverse)
    model: dict[str, Member] = {}
    opened: set[str] = set()
    for _ in range(250):
        name, group = f"i{chance.randrange(40)}", f"={chance.randrange(7)}"
        match chance.randrange(4):
            case 0 | 1:
                model[name] = member(chance.randrange(100), group, waits=bool(chance.randrange(2)))
                rows.put(name, model[name])
            case 2:
                model.pop(name, None)
                rows.drop(name)
            case _:
                (rows.fold if group in opened else rows.unfold)(group)
                opened ^= {group}
        expected = _modelled(model, opened, reverse=reverse)
        assert list(rows) == expected
        assert len(rows) == len(expected)
        assert [rows[index] for index in range(len(rows))] == expected
        assert [rows.place(row) for row in expected] == list(range(len(expected)))


def _modelled(model: dict[str, Member], opened: set[str], *, reverse: bool) -> list[str]:
    ordered = sorted(model, key=lambda name: (model[name].key, name), reverse=reverse)
    groups: dict[str, list[str]] = {}
    for name in ordered:
        groups.setdefault(model[name].group, []).append(name)
    found: list[str] = []
    for group, names in groups.items():
        head = len(names) > 1
        found += [group] if head else []
        found += names if not head or group in opened else []
    return found


def test_a_hundred_thousand_items_stay_cheap() -> None:
    """One change, one look: far below a millisecond, where one pass over all takes many."""
    rows = GroupedRows()
    rows.fill((f"{n:06}", member(n, f"={n % 5000 if n % 2 else 'many'}")) for n in range(100_000))
    rows.unfold("=many")
    began = time.perf_counter()
    for number in range(500):
        rows.put(f"{number:06}", member(number, "=many", waits=False))
        assert rows[rows.place(f"{99_998 - 2 * number:06}")]
    each_ms = (time.perf_counter() - began) / 500 * 1000
    assert each_ms < 2


# -- in the console -----------------------------------------------------------------------------


def ask_refunds(agent: Agent, *keys: str, **more: Any) -> None:
    for key in keys:
        agent.ask(key, agent="payments", **more)


def ask_deploys(agent: Agent, *keys: str) -> None:
    for key in keys:
        agent.ask(key, agent="ops", title=f"Deploy {key}", actions=(Action("deploy", {"v": key}),))


def keys_decided(console: Console) -> dict[str, list[Verdict]]:
    records = console.desk.recent(100)
    return {record.item.key: list(record.decision.verdicts) for record in records if record.item}


@pytest.mark.usefixtures("patient")
class TestConsole:
    async def test_z_folds_alike_items_and_again_shows_every_one(
        self, agent: Agent, open_console: OpenConsole
    ) -> None:
        ask_refunds(agent, "a", "b", "c")
        ask_deploys(agent, "d")
        async with open_console() as console:
            await console.press("j", "z")
            rows = console.screen.list
            assert "3 × refund" in rows.shown_text
            assert "Deploy d" in rows.shown_text
            assert len(console.screen.view.rows) == 2
            assert "The first of 3 items alike" in console.screen.pane.shown_text
            await console.press("z")
            assert len(console.screen.view.rows) == 4
            assert "Refund a" in console.screen.pane.shown_text, "the cursor stays with the group's first"

    async def test_the_list_says_at_once_that_it_is_folded_and_that_it_is_not(
        self, agent: Agent, open_console: OpenConsole
    ) -> None:
        ask_refunds(agent, "a", "b")
        async with open_console() as console:
            await console.press("z")
            assert "2 grouped" in console.screen.list.text_of(0)
            await console.press("z")
            assert "grouped" not in console.screen.list.text_of(0)

    async def test_enter_unfolds_one_group_and_back_folds_it_with_the_cursor_on_its_head(
        self, agent: Agent, open_console: OpenConsole
    ) -> None:
        ask_refunds(agent, "a", "b")
        ask_deploys(agent, "d", "e")
        async with open_console() as console:
            await console.press("z", "enter")
            assert "Refund b" in console.screen.list.shown_text
            assert "Deploy d" not in console.screen.list.shown_text
            assert console.app.focused is console.screen.list
            await console.press("j", "j")
            await console.until(lambda: "Refund b" in console.screen.pane.shown_text)
            await console.press("h")
            assert "Refund b" not in console.screen.list.shown_text
            assert "The first of 2" in console.screen.pane.shown_text
            await console.press("l", "l")
            assert "Refund b" not in console.screen.list.shown_text, "on its head, open folds it again"

    async def test_a_verb_on_a_folded_row_decides_all_of_its_items(
        self, agent: Agent, open_console: OpenConsole
    ) -> None:
        ask_refunds(agent, "a", "b")
        ask_deploys(agent, "d")
        async with open_console() as console:
            await console.press("z", "a", "y")
            await console.until(lambda: "2 approved" in console.said)
            assert keys_decided(console) == {key: [Verdict(Verb.APPROVE)] for key in "ab"}
            assert "Deploy d" in console.screen.pane.shown_text, "the cursor goes on to what waits"
            assert "2 decided" in console.screen.list.shown_text
            await console.press("k", "a")
            assert "none of these wants a decision" in console.said
            await console.press("u")
            assert [console.state(item) for item in (agent.items["a"], agent.items["b"])] == [
                DeliveryState.WITHDRAWN
            ] * 2
            assert "2 × refund" in console.screen.list.shown_text

    async def test_an_item_of_an_unfolded_group_is_decided_alone(
        self, agent: Agent, open_console: OpenConsole
    ) -> None:
        ask_refunds(agent, "a", "b", "c")
        async with open_console() as console:
            await console.press("z", "enter", "j", "a")
            assert list(keys_decided(console)) == ["a"]
            await console.until(lambda: "Refund b" in console.screen.pane.shown_text)

    async def test_what_takes_one_item_says_that_the_row_stands_for_many(
        self, agent: Agent, open_console: OpenConsole
    ) -> None:
        ask_refunds(agent, "a", "b")
        async with open_console() as console:
            await console.press("z", "e")
            assert "the row stands for 2: open it first" in console.said
            await console.press("c")
            assert "open it first" in console.said
            assert not console.entry(agent.items["a"]).marks.claimed_by

    async def test_space_on_a_folded_row_selects_its_items(
        self, agent: Agent, open_console: OpenConsole
    ) -> None:
        ask_refunds(agent, "a", "b")
        ask_deploys(agent, "d", "e")
        async with open_console() as console:
            await console.press("z", "space")
            assert len(console.screen.many.choosing.selection) == 2
            assert "2 selected" in console.screen.list.shown_text
            await console.press("v", "k")
            assert len(console.screen.many.choosing.selection) == 4
            await console.press("z", "a", "y")
            await console.until(lambda: "4 approved" in console.said)

    async def test_what_comes_and_goes_neither_moves_the_cursor_nor_folds_what_is_under_it(
        self, agent: Agent, open_console: OpenConsole
    ) -> None:
        ask_refunds(agent, "b")
        ask_deploys(agent, "d", "e")
        async with open_console() as console:
            await console.press("z")
            assert "Refund b" in console.screen.pane.shown_text
            ask_refunds(agent, "a")
            await console.until(lambda: agent.items["a"].id in console.screen.view.rows)
            await console.settle()
            assert console.screen.list.cursor_id == agent.items["b"].id
            assert "× refund" not in console.screen.list.shown_text
            await console.press("G")
            assert "2 × refund" in console.screen.list.shown_text
            head = console.screen.list.cursor_id
            for key in "de":
                del agent.items[key]
                agent.answered[key] = Gone("answered")
            await console.until(lambda: "0 × deploy" in console.screen.list.shown_text)
            assert console.screen.list.cursor_id == head
            await console.press("k")
            assert "deploy" not in console.screen.list.shown_text

    async def test_nothing_is_lost_when_the_order_is_turned_round(
        self, agent: Agent, open_console: OpenConsole
    ) -> None:
        ask_refunds(agent, "a", "b")
        ask_deploys(agent, "d")
        async with open_console() as console:
            await console.press("z", "enter", "O")
            shown = [console.screen.view.rows[index] for index in range(4)]
            items = agent.items
            assert shown[0] == items["d"].id
            assert shown[2:] == [items["b"].id, items["a"].id]

    async def test_high_risk_in_a_group_is_seen_and_stays_behind(
        self, agent: Agent, open_console: OpenConsole
    ) -> None:
        ask_refunds(agent, "a", "b")
        ask_refunds(agent, "c", risk=Risk.HIGH)
        async with open_console() as console:
            await console.press("z")
            assert "1 high risk" in console.screen.list.shown_text
            await console.press("a", "y")
            await console.until(lambda: "2 approved, 1 stays behind: high risk" in console.said)
            assert list(console.screen.many.choosing.selection) == [agent.items["c"].id]
            assert "1 selected" in console.screen.list.shown_text

    async def test_the_keys_shown_are_those_that_the_items_of_the_group_take(
        self, agent: Agent, open_console: OpenConsole
    ) -> None:
        options = (Option("yes", True), Option("no", False))
        for number in range(2):
            agent.ask(
                f"q{number}",
                kind=ItemKind.QUESTION,
                actions=(),
                verbs=(Verb.RESPOND,),
                options=options,
                title=f"Ship order {number}?",
            )
        async with open_console() as console:
            await console.press("z")
            assert "approve" not in console.screen.footer.shown_text
            await console.press("1", "y")
            await console.until(lambda: "2 answered" in console.said)

    async def test_a_group_is_decided_without_its_endpoint(
        self, agent: Agent, open_console: OpenConsole
    ) -> None:
        ask_refunds(agent, "a", "b")
        async with open_console(size=(80, 24)) as console:
            agent.poll_error = Unreachable("gone fishing")
            await console.press("z", "x", "1", "y")
            await console.until(lambda: "2 rejected" in console.said)
