"""Reading an item: what it proposes is drawn as what it is, searched, read whole, and its deceptions are named."""

from __future__ import annotations

import pytest

from tests.desk.scripted import Agent
from tests.tui.conftest import Console, OpenConsole
from triage.model.item import Action
from triage.tui.lines import plain
from triage.tui.screens.reading import ReadingScreen

pytestmark = pytest.mark.usefixtures("patient")

LOG = "\n".join(f"row {number}: all well" for number in range(2_000)) + "\nthe last one failed"


def styles(console: Console, words: str) -> set[str]:
    """The styles in which ``words`` stand in the pane."""
    lines = [line for line, _ in console.screen.pane._lines]
    return {style for line in lines for text, style in line if text == words}


async def search(console: Console, words: str) -> None:
    if console.app.focused is not console.screen.pane:
        await console.press("enter")
    await console.press("slash", *words, "enter")


async def test_arguments_are_drawn_as_what_they_are(agent: Agent, open_console: OpenConsole) -> None:
    agent.ask("a", actions=(Action("run", {"sql": "SELECT 1;\nDROP TABLE x;", "body": "## Hi\n- a\n- b"}),))
    async with open_console() as console:
        assert "sql  SQL, 2 lines" in console.screen.pane.shown_text
        assert "2 │ DROP TABLE x;" in console.screen.pane.shown_text
        assert styles(console, "DROP") == {"keyword"}
        assert styles(console, "Hi") == {"heading"}


async def test_what_is_found_stands_out_and_is_counted(agent: Agent, open_console: OpenConsole) -> None:
    text = "here a needle, there a needle, and the words that make this line long: a last needle " * 4
    agent.ask("a", description=text)
    async with open_console() as console:
        await search(console, "needle")
        pane = console.screen.pane
        assert pane.found == "1 of 12"
        assert "'needle' is here 12 times" in console.said
        assert "1 of 12" in pane.text_of(0)
        assert styles(console, "needle") == {"match", "match-now"}
        await console.press("n", "n")
        assert (pane.found, console.said) == ("3 of 12", "3 of 12")
        await console.press("N", "N", "N")
        assert pane.found == "12 of 12", "round at the ends"
        await search(console, "nowhere")
        assert pane.found == "not found"
        await console.press("n")
        assert console.said == "It is not here."


async def test_a_match_over_a_wrapped_line_is_shown_whole(agent: Agent, open_console: OpenConsole) -> None:
    agent.ask("a", description="word " * 30 + "the wanted phrase is found " + "word " * 30)
    async with open_console(size=(80, 24)) as console:
        for words in ("word the wanted phrase is found word", "WANTED phrase"):
            await search(console, words)
            found = "".join(
                text for line, _ in console.screen.pane._lines for text, style in line if style == "match-now"
            )
            assert found.replace(" ", "") == words.lower().replace(" ", "") or words == "WANTED phrase"
            assert console.screen.pane.found == "1 of 1"


async def test_a_match_below_is_scrolled_to(agent: Agent, open_console: OpenConsole) -> None:
    agent.ask("a", description="\n".join(f"row {number}" for number in range(200)))
    async with open_console() as console:
        await search(console, "row 150")
        assert "row 150" in console.screen.pane.shown_text
        assert console.screen.pane.top > 100


async def test_a_long_text_is_read_whole_and_searched(agent: Agent, open_console: OpenConsole) -> None:
    agent.ask("a", actions=(Action("write", {"log": LOG}),))
    async with open_console() as console:
        pane = console.screen.pane
        assert any("1,601 more lines, enter opens the whole" in plain(line) for line in pane._body)
        await console.press("enter", "enter")
        reading = console.app.screen
        assert isinstance(reading, ReadingScreen)
        assert len(reading.shown_lines) > 2_000
        await console.press("slash", *"failed", "enter")
        assert reading.page.found == "1 of 1"
        assert "the last one failed" in reading.page.shown_text
        await console.press("slash", *"row 12", "enter")
        assert reading.page.found == "1 of 111"
        await console.press("n", "N", "N")
        assert reading.page.found == "111 of 111"
        assert "(111 of 111)" in str(reading.query_one("#frame").border_title)
        await console.press("q")
        assert console.app.focused is pane


async def test_a_host_that_deceives_is_named_with_the_real_one(
    agent: Agent, open_console: OpenConsole
) -> None:
    agent.ask("a", actions=(Action("pay", {"to": "https://pаypal.com/ann"}),))
    agent.ask("b", actions=(Action("pay", {"to": "https://paypal.com/ann"}),))
    async with open_console() as console:
        shown = " ".join(console.screen.pane.shown_text.split())
        assert "pаypal.com is not what it looks like" in shown
        assert "xn--pypal-4ve.com" in shown
        await console.press("j")
        assert "not what it looks like" not in console.screen.pane.shown_text


async def test_an_edited_decision_shows_what_was_edited(agent: Agent, open_console: OpenConsole) -> None:
    agent.ask("a")
    async with open_console() as console:
        await console.press("e", "tab", "end", "backspace", "5", "f2", "enter")
        await console.press("k")
        assert "edited:" in console.screen.pane.shown_text
        assert "amount  12 → 15" in console.screen.pane.shown_text
        await console.press("L")
        reading = console.app.screen
        assert isinstance(reading, ReadingScreen)
        assert any("amount  12 → 15" in plain(line) for line in reading.shown_lines)
