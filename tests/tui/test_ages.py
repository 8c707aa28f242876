"""Ages and deadlines on screen: composed anew where they read otherwise, and only there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.desk.scripted import Agent
from tests.tui.conftest import OpenConsole
from triage.tui.screens import desk_screen
from triage.tui.screens.desk_screen import DeskScreen

pytestmark = pytest.mark.usefixtures("patient")


@pytest.fixture
def composed(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Grows by one each time all is composed anew; the time is looked at as often as can be."""
    calls: list[float] = []
    show_all = DeskScreen.show_all

    def counted(screen: DeskScreen) -> None:
        calls.append(screen._ages_at)
        show_all(screen)

    monkeypatch.setattr(DeskScreen, "show_all", counted)
    monkeypatch.setattr(desk_screen, "AGES_S", 0.0)
    return calls


@pytest.mark.parametrize(
    ("age_s", "left_s", "before", "after"),
    [(5 * 60 - 3, None, "4m", "5m"), (60, 5 * 60 + 3, "due 5m", "due 4m")],
    ids=["age", "deadline"],
)
async def test_what_reads_otherwise_is_painted(
    agent: Agent,
    open_console: OpenConsole,
    composed: list[float],
    age_s: float,
    left_s: float | None,
    before: str,
    after: str,
) -> None:
    now = datetime.now(UTC)
    expires_at = None if left_s is None else now + timedelta(seconds=left_s)
    agent.ask("a", created_at=now - timedelta(seconds=age_s), expires_at=expires_at)
    async with open_console() as console:
        await console.until(lambda: before in console.screen.list.shown_text)
        await console.until(lambda: after in console.screen.list.shown_text)
        for _ in range(3):
            await console.settle()
        count = len(composed)
        ages_at = console.screen._ages_at
        await console.until(lambda: console.screen._ages_at > ages_at + 1)
        assert len(composed) == count, "nothing reads otherwise"


async def test_all_is_composed_once_in_a_while(
    agent: Agent, open_console: OpenConsole, composed: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pane tells of older things as well, such as decisions before."""
    monkeypatch.setattr(desk_screen, "ALL_S", 1.0)
    agent.ask("a")
    async with open_console() as console:
        count = len(composed)
        await console.until(lambda: len(composed) >= count + 2)
        assert composed[-1] >= composed[-2] + 1.0
