"""Selecting many: by one, by range, all that is shown; and nobody else changes what is selected."""

from __future__ import annotations

import random

import pytest

from tests.desk.scripted import Agent, make_desk
from tests.tui.conftest import Console, OpenConsole
from triage.model.decision import Verdict
from triage.model.item import Action, Gone, Verb
from triage.tui.selection import Chosen, Selection, swept

pytestmark = pytest.mark.usefixtures("patient")


def selected(console: Console) -> list[str]:
    """Keys of the selected items, as they were selected."""
    entries = [console.desk.entry(item_id) for item_id in console.screen.many.choosing.selection]
    return [entry.item.key for entry in entries if entry]


# -- pure ---------------------------------------------------------------------------------------


def test_a_selection_keeps_order_revision_and_how_many_of_a_group() -> None:
    selection = Selection()
    selection.add("b", Chosen("1", "=g"))
    selection.add("a", Chosen("1", "=g"))
    selection.add("b", Chosen("2", "=h"))
    assert list(selection) == ["b", "a"]
    assert selection.chosen("b") == Chosen("2", "=h")
    assert (selection.in_group("=g"), selection.in_group("=h")) == (1, 1)
    assert selection.drop("b")
    assert not selection.drop("b")
    assert selection.in_group("=h") == 0
    selection.clear()
    assert len(selection) == 0
    assert "a" not in selection


@pytest.mark.parametrize("seed", range(3))
def test_a_range_gains_and_loses_just_what_its_end_passes(seed: int) -> None:
    chance = random.Random(seed)
    anchor = end = chance.randrange(30)
    inside = {anchor}
    for _ in range(100):
        after = chance.randrange(30)
        lost, gained = swept(anchor, end, after)
        assert sum(map(len, [*lost, *gained])) <= 2 * abs(after - end)
        inside -= {index for part in lost for index in part}
        inside |= {index for part in gained for index in part}
        end = after
        assert inside == set(range(min(anchor, end), max(anchor, end) + 1))


# -- by the operator ----------------------------------------------------------------------------


async def test_space_selects_and_goes_on_again_it_selects_no_longer(
    agent: Agent, open_console: OpenConsole
) -> None:
    for key in "abc":
        agent.ask(key)
    async with open_console() as console:
        await console.press("space", "space")
        assert selected(console) == ["a", "b"]
        await console.until(lambda: "Refund c" in console.screen.pane.shown_text)
        assert "2 selected" in console.screen.list.shown_text
        assert "approve 2" in console.screen.footer.shown_text
        await console.press("k", "space")
        assert selected(console) == ["a"]
        await console.press("escape")
        assert selected(console) == []
        assert "selected" not in console.screen.list.shown_text


async def test_the_last_row_is_selected_too(agent: Agent, open_console: OpenConsole) -> None:
    agent.ask("a")
    async with open_console() as console:
        await console.press("space")
        assert selected(console) == ["a"]
        assert console.screen.look.marks.selected in console.screen.list.text_of(1)


async def test_a_range_follows_the_cursor_both_ways_and_keeps_what_was_selected_before(
    agent: Agent, open_console: OpenConsole
) -> None:
    for key in "abcdef":
        agent.ask(key)
    async with open_console() as console:
        await console.press("space", "j", "v", "j", "j")
        assert selected(console) == ["a", "c", "d", "e"]
        assert "range" in console.screen.list.shown_text
        await console.press("k", "k", "g")
        assert selected(console) == ["a", "c", "b"], "back over its beginning, to the other side"
        await console.press("v", "G")
        assert selected(console) == ["a", "c", "b"], "a range that ended does not grow"


async def test_what_comes_into_a_range_by_itself_is_not_selected(
    agent: Agent, open_console: OpenConsole
) -> None:
    first, last = agent.ask("a"), agent.ask("c")
    async with open_console() as console:
        await console.press("v", "G")
        between = agent.ask("b")
        await console.until(lambda: between.id in console.screen.view.rows)
        assert set(console.screen.many.choosing.selection) == {first.id, last.id}


async def test_all_are_those_that_the_filter_shows(agent: Agent, open_console: OpenConsole) -> None:
    for key in ("a1", "a2", "b1"):
        agent.ask(key)
    async with open_console() as console:
        await console.press("slash", *"title:a", "enter", "V")
        assert selected(console) == ["a1", "a2"]
        await console.press("slash", *["backspace"] * 7, *"title:b", "enter")
        assert selected(console) == ["a1", "a2"]
        assert "2 selected (2 not shown)" in console.screen.list.shown_text


async def test_what_was_decided_cannot_be_selected(agent: Agent, open_console: OpenConsole) -> None:
    agent.ask("a")
    agent.ask("b")
    async with open_console() as console:
        await console.press("a", "k", "space")
        assert "already decided" in console.said
        await console.press("V")
        assert selected(console) == ["b"]


# -- by others ----------------------------------------------------------------------------------


async def test_what_no_longer_waits_falls_out_and_is_said(agent: Agent, open_console: OpenConsole) -> None:
    items = {key: agent.ask(key) for key in "abc"}
    async with open_console() as console:
        await console.press("V")
        del agent.items["a"]
        agent.answered["a"] = Gone("answered", "on the web page")
        await console.until(lambda: "1 selected item no longer waits: answered" in console.said)
        other = make_desk(agent, console.desk.data, operator="bob", hold_s=60)
        other.queue.refresh()
        other.decide(items["b"].id, items["b"].revision, [Verdict(Verb.APPROVE)])
        await console.until(lambda: "1 selected item no longer waits: decided by bob" in console.said)
        assert selected(console) == ["c"]
        await other.stop()


async def test_a_new_item_and_a_changed_one_change_nothing_of_the_selection(
    agent: Agent, open_console: OpenConsole
) -> None:
    item = agent.ask("a")
    async with open_console() as console:
        await console.press("space")
        agent.ask("b")
        changed = agent.ask("a", actions=(Action("refund", {"order": "a", "amount": 99}),))
        await console.until(lambda: len(console.screen.view.rows) == 2)
        await console.until(lambda: console.entry(item).item.revision == changed.revision)
        await console.settle()
        chosen = console.screen.many.choosing.selection.chosen(item.id)
        assert selected(console) == ["a"]
        assert chosen is not None
        assert chosen.revision == item.revision, "as the operator saw it"


async def test_selecting_paints_no_more_than_the_rows_it_touches(
    agent: Agent, open_console: OpenConsole, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(12):
        agent.ask(f"{number:02}")
    async with open_console() as console:
        await console.press("j")
        rows = console.screen.list
        painted: list[int] = []
        monkeypatch.setattr(rows, "repaint_lines", painted.extend)
        await console.press("space")
        assert set(painted) <= {0, 3, 4, 5, 6}, "the header and two rows of two lines"
