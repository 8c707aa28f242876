"""Keys that follow so fast that all of them wait at once still go where they were meant."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from rich.style import Style
from textual import events
from textual.command import CommandList
from textual.widgets import Input

from tests.desk.scripted import Agent
from tests.tui.conftest import Console, OpenConsole, _key_event
from triage.model.item import ItemKind, Option, Verb
from triage.store.queue import Marks
from triage.tui.palette import Palette
from triage.tui.screens.edit import EditDialog
from triage.tui.screens.reading import ReadingScreen

pytestmark = pytest.mark.usefixtures("patient")


async def burst(console: Console, keys: Sequence[str]) -> None:
    """Every key at once, none waited for."""
    for key in keys:
        console.app.post_message(_key_event(key))
    for _ in range(4):
        await console.settle()


def written(console: Console) -> str:
    """What stands in the line that is being written."""
    line = console.app.focused
    assert isinstance(line, Input)
    return line.value


@pytest.mark.parametrize("keys", ["/action:note x", "xnot now, 2 of them", "nhello a c o", "!eve: look"])
async def test_what_is_typed_after_a_key_goes_into_its_line(
    agent: Agent, open_console: OpenConsole, keys: str
) -> None:
    first = agent.ask("a")
    agent.ask("b")
    names = {"/": "slash", "!": "exclamation_mark"}
    async with open_console() as console:
        order = console.screen.view.order
        await burst(console, [names.get(keys[0], keys[0]), *keys[1:]])
        assert written(console) == keys[1:]
        assert console.entry(first).marks == Marks(drafts=console.entry(first).marks.drafts)
        assert console.screen.view.order == order
        assert console.desk.recent(9) == []


async def test_a_search_in_the_item_is_one_in_the_item(agent: Agent, open_console: OpenConsole) -> None:
    agent.ask("a")
    async with open_console() as console:
        await burst(console, ["enter", "slash", *"refund", "enter"])
        assert console.screen.pane.searching
        assert console.screen.view.filter_text == ""


async def test_a_search_on_a_page_is_written_on_it(agent: Agent, open_console: OpenConsole) -> None:
    agent.ask("a")
    async with open_console() as console:
        await burst(console, ["question_mark", "j", "j", "slash", *"decide"])
        assert isinstance(console.app.screen, ReadingScreen)
        assert written(console) == "decide"


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (["tab", "end", "backspace", "5"], {"order": "a", "amount": 15}),
        (["tab", "end", "5", "backspace", "6"], {"order": "a", "amount": 126}),
        (["end", "b", "left", "c", "home", "d", "enter", "left", "3"], {"order": "dacb", "amount": 132}),
        (["end", "b", "home", "delete", "f2"], {"order": "b", "amount": 12}),
    ],
    ids=str,
)
async def test_a_form_takes_every_key_in_its_order(
    agent: Agent, open_console: OpenConsole, keys: list[str], value: dict[str, object]
) -> None:
    agent.ask("a")
    async with open_console() as console:
        await burst(console, ["e", *keys])
        dialogs = [screen for screen in console.app.screen_stack if isinstance(screen, EditDialog)]
        assert [dialog.value() for dialog in dialogs] == [value]


async def test_a_filter_is_edited_in_order(agent: Agent, open_console: OpenConsole) -> None:
    agent.ask("a")
    async with open_console() as console:
        await burst(console, ["slash", *"ax", "backspace", "b", "left", "left", "c"])
        assert written(console) == "cab"


async def test_a_choice_takes_every_key(agent: Agent, open_console: OpenConsole) -> None:
    options = tuple(Option(name, name) for name in ("red", "green", "blue"))
    agent.ask("q", kind=ItemKind.QUESTION, actions=(), verbs=(Verb.RESPOND,), options=options)
    async with open_console() as console:
        await burst(console, ["r", "j", "j", "enter"])
        assert [record.decision.verdicts[0].answer for record in console.desk.recent(9)] == ["blue"]


async def test_much_that_is_typed_into_the_palette_does_not_hold_it_up(
    agent: Agent, open_console: OpenConsole
) -> None:
    """A terminal that sends its clipboard sends it as keys, thousands; each would begin a search of its own."""
    agent.ask("a")
    async with open_console() as console:
        await console.press("colon")
        palette = console.app.screen
        assert isinstance(palette, Palette)
        line = palette.query_one(Input)
        assert not line.cursor_blink, "bytes for ever"
        for _ in range(3000):
            console.send("q")
        await console.press("escape")
        await console.until(lambda: console.app.screen is console.screen)
        assert len(line.value) <= 60
        assert console.app.is_running


@pytest.mark.parametrize("columns", [1, 3, 6, 9])
async def test_the_palette_stands_a_window_of_a_few_columns(
    agent: Agent, open_console: OpenConsole, columns: int
) -> None:
    agent.ask("a")
    async with open_console(size=(columns, 12)) as console:
        await console.press("colon", "a", "p", "down", "up", "backspace")
        assert isinstance(console.app.screen, Palette)
        await console.press("escape")
        await console.until(lambda: console.app.screen is console.screen)


async def test_the_palette_stands_clicks_on_what_is_gone(agent: Agent, open_console: OpenConsole) -> None:
    """What was typed before a click is worked off before it: it may change the list, and a resize the window."""
    agent.ask("a")
    async with open_console() as console:
        await console.press("colon", "a", "p", "p")
        palette = console.app.screen
        assert isinstance(palette, Palette)
        found = palette.query_one(CommandList)
        await console.until(lambda: found.option_count > 0)
        for widget, x, style in ((found, 5, Style.from_meta({"option": 99})), (palette, 4000, Style())):
            widget.post_message(events.Click(widget, x, 5, 0, 0, 1, False, False, False, x, 5, style))
        await console.press("escape")
        await console.until(lambda: console.app.screen is console.screen)
        await console.press("colon", "g", "o", " ", "t", "o")
        palette = console.app.screen
        found = palette.query_one(CommandList)
        await console.until(lambda: found.option_count > 0)
        await console.pilot.click(found, offset=(5, 1))
        await console.until(lambda: console.app.screen is not palette)
