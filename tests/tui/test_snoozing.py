"""An item that is put away says so, and for how long."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.desk.scripted import Agent, make_item
from tests.tui.conftest import OpenConsole
from triage.store.queue import Entry, Marks
from triage.tui.snoozing import snoozed, snoozed_words

pytestmark = pytest.mark.usefixtures("patient")

NOW = datetime(2031, 5, 17, 12, 0, tzinfo=UTC)


def entry(**marks: object) -> Entry:
    return Entry(make_item("a"), seen_at=NOW, marks=Marks(snoozed_at=NOW, **marks))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("left", "short", "sentence"),
    [
        (timedelta(hours=2, minutes=5), "snoozed 2h", "Snoozed for another 2 hours"),
        (timedelta(minutes=1), "snoozed 1m", "Snoozed for another 1 minute"),
        (timedelta(seconds=20), "snoozed <1m", "Snoozed for another moment"),
        (timedelta(seconds=-1), "", ""),
    ],
)
def test_what_is_left_of_it(left: timedelta, short: str, sentence: str) -> None:
    put_away = entry(snoozed_until=NOW + left)
    assert snoozed(put_away, NOW) == short
    assert snoozed_words(put_away, NOW) == sentence


def test_until_it_changes() -> None:
    put_away = entry(snoozed_revision=make_item("a").revision)
    assert (snoozed(put_away, NOW), snoozed_words(put_away, NOW)) == ("snoozed", "Snoozed until it changes")
    assert snoozed(entry(snoozed_revision="another"), NOW) == ""


async def test_list_and_item_say_it(agent: Agent, open_console: OpenConsole) -> None:
    agent.ask("a")
    async with open_console() as console:
        assert "nooze" not in console.text
        await console.press("S", "2", "slash", *"is:snoozed", "enter")
        assert "snoozed 59m" in console.screen.list.shown_text
        assert "Snoozed for another 59 minutes" in console.screen.pane.shown_text
        await console.press("S", "5")
        assert "Snoozed until it changes" in console.screen.pane.shown_text
        await console.press("S", "6")
        assert "Snoozed" not in console.screen.pane.shown_text
