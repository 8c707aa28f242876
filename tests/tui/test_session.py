"""The session's figures in the console: counted as it goes on, shown by a key, printed once it is closed."""

from __future__ import annotations

import pytest

from tests.desk.scripted import Agent
from tests.tui.conftest import Console, OpenConsole
from triage.tui import app as console_app
from triage.tui.screens.reading import ReadingScreen

pytestmark = pytest.mark.usefixtures("patient")


def shown(console: Console) -> str:
    reading = console.app.screen
    assert isinstance(reading, ReadingScreen)
    return "\n".join("".join(text for text, _ in line) for line in reading.shown_lines)


async def test_its_key_shows_what_was_decided_and_what_is_left(
    agent: Agent, open_console: OpenConsole
) -> None:
    for key in "abcd":
        agent.ask(key)
    async with open_console() as console:
        await console.press("a", "x", "1", "a", "u", "Q")
        assert "2 decided: 1 approved, 1 rejected; 1 taken back." in shown(console)
        assert "Median time on one: less than a second." in shown(console)
        assert "2 still wait, the oldest for 3 minutes." in shown(console)
        assert "2 not sent yet: Refund a; Refund b." in shown(console)


async def test_many_decided_together_share_their_time(agent: Agent, open_console: OpenConsole) -> None:
    for key in "abc":
        agent.ask(key)
    async with open_console() as console:
        await console.press("V", "a", "y")
        await console.until(lambda: len(console.screen.stopwatch.took_s) == 3)
        assert len(set(console.screen.stopwatch.took_s.values())) == 1
        session = console.screen.session()
        assert (session.by_verb, session.left) == ({"approve": 3}, 0)


async def test_it_is_printed_once_the_console_is_closed(
    agent: Agent, open_console: OpenConsole, capsys: pytest.CaptureFixture[str]
) -> None:
    agent.ask("a")
    async with open_console(hold_s=0.0) as console:
        await console.press("a")
        await console.until(lambda: "confirmed" in console.screen.strip.shown_text)
    console_app._say_what_was_done(console.app)
    told = capsys.readouterr().err.splitlines()
    assert told[0] == "1 decided: 1 approved."
    assert told[-1] == "Nothing is left."
