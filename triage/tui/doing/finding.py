"""Filtering, sorting, searching and asking anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

from triage.tui.screens.prompt import PromptDialog
from triage.tui.widgets.filter_line import FilterLine
from triage.tui.words import plural

if TYPE_CHECKING:
    from triage.store.queue import Entry
    from triage.tui.screens.desk_screen import DeskScreen

__all__ = ["Finding"]


class Finding:
    """The group Find."""

    def __init__(self, screen: DeskScreen) -> None:
        self._screen = screen

    def filter(self, _: Entry | None) -> None:
        """Write a filter; it takes effect as it is typed."""
        self._screen.query_one(FilterLine).show()

    def sort(self, _: Entry | None) -> None:
        """The next order."""
        self._screen.view.next_order()
        self._screen.refill()
        self._screen.say(f"Order: {self._screen.view.order}")

    def sort_reverse(self, _: Entry | None) -> None:
        """The order turned round."""
        self._screen.view.turn_round()
        self._screen.refill()
        self._screen.say(f"Order: {self._screen.view.order}")

    def search(self, _: Entry | None) -> None:
        """Find words in the item."""

        def given(text: str | None) -> None:
            if text is not None:
                count = self._screen.pane.search(text)
                self._screen.say(f"{text!r} is here {plural(count, 'time')}" if text else "")

        self._screen.app.push_screen(PromptDialog("Search the item", needed=False), given)

    def search_next(self, _: Entry | None) -> None:
        """The next match."""
        self._step(1)

    def search_previous(self, _: Entry | None) -> None:
        """The match before."""
        self._step(-1)

    def _step(self, step: int) -> None:
        found = self._screen.pane.next_match(step)
        self._screen.say(self._screen.pane.found if found else "It is not here.")

    def refresh(self, _: Entry | None) -> None:
        """Ask every endpoint now."""

        async def ask() -> None:
            await self._screen.desk.refresh()
            self._screen.say("Every endpoint was asked", "good")

        self._screen.say("Asking every endpoint…")
        self._screen.run_worker(ask(), exclusive=False)
