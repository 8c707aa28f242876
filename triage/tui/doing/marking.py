"""Marking items: claim, release, snooze, skip, note, escalate."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from triage.desk.desk import Refused
from triage.store.errors import StoreError
from triage.tui.local_time import tomorrow_morning
from triage.tui.screens.choice import Choice, ChoiceDialog
from triage.tui.screens.prompt import PromptDialog

if TYPE_CHECKING:
    from triage.store.queue import Entry
    from triage.tui.screens.desk_screen import DeskScreen

__all__ = ["Marking"]

_UNTIL_CHANGE = "change"
_AWAKE = "awake"


class Marking:
    """The group Mark."""

    def __init__(self, screen: DeskScreen) -> None:
        self._screen = screen

    def claim(self, entry: Entry | None) -> None:
        """Tell the others that this operator is on it."""
        self._do(entry, lambda item_id: self._screen.desk.claim(item_id), "Claimed")

    def release(self, entry: Entry | None) -> None:
        """Give a claim back."""
        self._do(entry, lambda item_id: self._screen.desk.release(item_id), "Released")

    def skip(self, _: Entry | None) -> None:
        """Leave it undecided and go on."""
        self._screen.move_to(self._screen.list.index + 1)

    def note(self, entry: Entry | None) -> None:
        """Write a note to the item."""
        if entry is None:
            return

        def written(text: str | None) -> None:
            if text is not None:
                self._do(entry, lambda item_id: self._screen.desk.note(item_id, text), "Noted")

        dialog = PromptDialog("Note", value=entry.marks.note, needed=False)
        self._screen.app.push_screen(dialog, written)

    def escalate(self, entry: Entry | None) -> None:
        """Pass it to somebody else, with a note."""
        if entry is None:
            return

        def named(text: str | None) -> None:
            if text is None:
                return
            to, note = (part.strip() for part in text.partition(":")[::2])

            def escalate(item_id: str) -> None:
                sending = self._screen.desk.escalate(item_id, to, note)
                if sending is not None:
                    sending.add_done_callback(self._sent_out)

            self._do(entry, escalate, f"Escalated to {to}" if to else "No longer escalated")

        intro = "To whom? A note may follow after a colon. Nothing: no longer."
        dialog = PromptDialog("Escalate", value=entry.marks.escalated_to, intro=intro, needed=False)
        self._screen.app.push_screen(dialog, named)

    def _sent_out(self, sending: asyncio.Task[str]) -> None:
        """Say so where an escalation could not be sent out."""
        if not sending.cancelled() and (trouble := sending.result()) and self._screen.is_running:
            self._screen.say(f"Escalated here, but not sent out: {trouble}.", "error")

    def snooze(self, entry: Entry | None) -> None:
        """Put it away for a while."""
        if entry is None:
            return
        now = datetime.now(UTC)
        snoozed = bool(entry.marks.snoozed_until or entry.marks.snoozed_revision)
        choices = [
            Choice("1", "for 15 minutes", str(now + timedelta(minutes=15))),
            Choice("2", "for an hour", str(now + timedelta(hours=1))),
            Choice("3", "for four hours", str(now + timedelta(hours=4))),
            Choice("4", "until tomorrow morning", str(tomorrow_morning(now))),
            Choice("5", "until it changes", _UNTIL_CHANGE),
            *([Choice("6", "no longer", _AWAKE)] if snoozed else []),
        ]

        def chosen(until: str | None) -> None:
            if until is None:
                return
            at = None if until in (_UNTIL_CHANGE, _AWAKE) else datetime.fromisoformat(until)
            changes = until == _UNTIL_CHANGE
            self._do(
                entry,
                lambda item_id: self._screen.desk.snooze(item_id, at, changes),
                "Awake again" if until == _AWAKE else "Snoozed",
            )

        self._screen.app.push_screen(ChoiceDialog("Snooze", choices), chosen)

    def _do(self, entry: Entry | None, mark: Callable[[str], None], done: str) -> None:
        if entry is None:
            return
        try:
            mark(entry.item.id)
        except (Refused, StoreError) as error:
            self._screen.say(f"Not marked: {error}.", "error")
            return
        self._screen.mark_changed(entry.item.id)
        self._screen.say(f"{done}: {entry.item.title}", "good")
