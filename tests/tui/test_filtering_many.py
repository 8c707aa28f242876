"""A filter that has much to read is worked out while keys are taken, and gives what it would give at once."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.desk.scripted import Agent
from tests.desk.set_clock import HOUR_S, SetClock
from tests.tui.conftest import Console, OpenConsole
from triage.model.item import Item
from triage.tui import picking, queue_view
from triage.tui.queue_view import QueueView


@pytest.fixture(autouse=True)
def few_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue_view, "_AT_ONCE", 2)
    monkeypatch.setattr(picking, "SAID_S", 0.0)


def ask_many(agent: Agent) -> list[Item]:
    return [agent.ask(key, title=f"{'Pay' if key in 'aceg' else 'Refund'} {key}") for key in "abcdefgh"]


def at_once(console: Console, text: str) -> list[str]:
    """The rows of a view that has all the time in the world."""
    view = QueueView(console.desk)
    view.set_filter(text)
    view.refill()
    return list(view.rows)


async def test_the_rows_follow_what_was_typed_last(agent: Agent, open_console: OpenConsole) -> None:
    many = ask_many(agent)
    async with open_console() as console:
        await console.press("/", *"pax")
        await console.until(lambda: len(console.screen.view.rows) == 0)
        await console.press("backspace", "y", "enter")
        wanted = [each.id for each in many if each.title.startswith("Pay")]
        await console.until(lambda: list(console.screen.view.rows) == wanted)
        await console.until(lambda: console.said == "")
        assert console.screen.list.cursor_id == wanted[0]
        await console.press("escape")
        await console.until(lambda: len(console.screen.view.rows) == 8)


async def test_how_far_it_is_is_said_and_keys_are_taken(agent: Agent, open_console: OpenConsole) -> None:
    ask_many(agent)
    async with open_console() as console:
        view = console.screen.view
        said: list[float] = []
        view.set_filter("pay")
        for part in view.pick_in_steps():
            said.append(part)
            assert len(view.rows) > 4
            await console.press("j")
        assert said == [1 / 8, 3 / 8, 5 / 8, 7 / 8]
        assert len(view.rows) == 4


async def test_what_changes_meanwhile_is_taken_in(agent: Agent, open_console: OpenConsole) -> None:
    many = ask_many(agent)
    async with open_console() as console:
        view, desk = console.screen.view, console.desk
        view.set_filter("pay")
        steps = view.pick_in_steps()
        for _ in range(3):
            next(steps)
        now = [
            agent.ask("a", title="Refund a"),
            agent.ask("b", title="Pay b"),
            agent.ask("i", title="Pay i"),
        ]
        changes = desk.queue.sync("agent", [*now, *many[2:]], datetime.now(UTC))
        desk.queue.forget([many[4].id])
        view.update([*changes.changed, *changes.new, many[4].id])
        assert list(steps) == [7 / 8]
        found = list(view.rows)
        assert found == at_once(console, "pay")
        assert {now[1].id, now[2].id} <= {*found}
        assert {now[0].id, many[4].id}.isdisjoint(found)


async def test_of_two_the_later_counts(agent: Agent, open_console: OpenConsole) -> None:
    ask_many(agent)
    async with open_console() as console:
        view = console.screen.view
        view.set_filter("refund")
        earlier = view.pick_in_steps()
        next(earlier)
        view.set_filter("pay")
        later = view.pick_in_steps()
        next(later)
        assert list(earlier)
        assert len(view.rows) == 8
        assert list(later)
        assert list(view.rows) == at_once(console, "pay")
        view.set_filter("")
        view.refill()
        assert len(view.rows) == 8


async def test_rows_that_time_changes_are_picked_while_keys_are_taken(
    agent: Agent, open_console: OpenConsole
) -> None:
    clock = SetClock()
    ask_many(agent)
    async with open_console(clock=clock) as console:
        view = console.screen.view
        await console.press("/", *"age<30m", "enter")
        await console.until(lambda: console.said == "" and len(view.rows) == 8)
        clock.set_by(HOUR_S)
        console.screen.picking.tick()
        assert len(view.rows) == 8, "nothing is shown of it before all is read"
        console.screen.picking.tick()
        await console.press("j")
        await console.until(lambda: list(view.rows) == [console.screen.list.cursor_id])
        assert at_once(console, "age<30m") == []


async def test_a_filter_that_hides_something_is_shown_harmless_above_the_list(
    agent: Agent, open_console: OpenConsole
) -> None:
    """An agent's name comes into it by completion."""
    agent.ask("a")
    async with open_console() as console:
        console.screen.view.set_filter('agent:"Z\u0338\u0338\u0338\u0338\u0338 \u202e"')
        assert "Z\u0338\u0338\u0338‹MARKS› ‹RLO›" in console.screen.showing.note("·")
