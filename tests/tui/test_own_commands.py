"""Commands of the operator's own in the console: a key, the footer, the help, the palette, and what they print."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import msgspec
import pytest
from textual.command import DiscoveryHit

from tests.desk.scripted import Agent
from tests.tui.conftest import Console, OpenConsole
from triage.model.item import Action
from triage.tui.palette import ActionProvider
from triage.tui.screens.reading import ReadingScreen

pytestmark = pytest.mark.usefixtures("patient")


def own(run: str, **more: str) -> dict[str, Any]:
    return {"commands": {"ticket": {"run": run, "key": "J", "label": "open a ticket", **more}}}


def shown(console: Console) -> str:
    reading = console.app.screen
    assert isinstance(reading, ReadingScreen)
    return "\n".join("".join(text for text, _ in line) for line in reading.shown_lines)


async def test_its_key_gives_the_item_as_json(
    agent: Agent, open_console: OpenConsole, tmp_path: Path
) -> None:
    item = agent.ask("a")
    out = tmp_path / "item.json"
    async with open_console(settings=own(f"cat > {shlex.quote(str(out))}; echo made no. 7")) as console:
        assert "J open a ticket" in console.screen.footer.shown_text
        await console.press("J")
        await console.until(lambda: "made no. 7" in console.said)
        given = msgspec.json.decode(out.read_bytes())
        assert (given["id"], given["action"]["name"], given["state"]) == (item.id, "refund", "waiting")


async def test_several_lines_are_shown_on_a_screen(agent: Agent, open_console: OpenConsole) -> None:
    agent.ask("a")
    async with open_console(settings=own("printf 'one\\ntwo\\n'")) as console:
        await console.press("J")
        await console.until(lambda: isinstance(console.app.screen, ReadingScreen))
        assert "one\ntwo" in shown(console)


async def test_what_comes_late_opens_nothing_over_a_dialog(
    agent: Agent, open_console: OpenConsole, tmp_path: Path
) -> None:
    agent.ask("a")
    go_on = tmp_path / "go on"
    command = f"until [ -e '{go_on}' ]; do sleep 0.02; done; printf 'one\\ntwo\\n'; exit 3"
    async with open_console(settings=own(command)) as console:
        await console.press("J", "x")
        dialog = console.app.screen
        go_on.touch()
        await console.until(lambda: "ended with status 3 one … and 1 more lines" in console.said)
        assert console.app.screen is dialog


async def test_it_is_dead_where_its_filter_does_not_match(agent: Agent, open_console: OpenConsole) -> None:
    agent.ask("a")
    agent.ask("b", actions=(Action("pay", {"amount": 90}),))
    async with open_console(settings=own("echo ran", when="amount>50")) as console:
        assert "ticket" not in console.screen.footer.shown_text
        await console.press("J")
        assert "it is for items that match amount>50" in console.said
        await console.press("j", "J")
        await console.until(lambda: console.said == "ran")


async def test_help_and_palette_show_it_with_its_key(agent: Agent, open_console: OpenConsole) -> None:
    agent.ask("a")
    async with open_console(settings=own("echo ran")) as console:
        hits = [hit async for hit in ActionProvider(console.screen).discover()]
        named = [str(hit.display) for hit in hits if isinstance(hit, DiscoveryHit)]
        assert "Open a ticket  (J)" in named
        await console.press("?")
        assert "Give the item as JSON to: echo ran" in shown(console)


async def test_a_key_that_is_taken_is_told_at_the_start(agent: Agent, open_console: OpenConsole) -> None:
    agent.ask("a")
    async with open_console(settings=own("echo ran", key="a")) as console:
        await console.until(lambda: "commands.ticket: 'a' belongs to approve already" in console.said)
