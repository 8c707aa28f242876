"""Telling the operator of new items through the terminal while they look elsewhere: bell, OSC 9, a command."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from triage.desk.documents import shown
from triage.desk.looking import came_after
from triage.desk.noticing import Gathering, Noticing, notice_words
from triage.desk.piping import pipe_trouble
from triage.model.filtering import Subject
from triage.tui.local_time import local_time

if TYPE_CHECKING:
    from triage.tui.screens.desk_screen import DeskScreen

__all__ = ["Notifying", "desktop_notice"]


def desktop_notice(text: str, environment: Mapping[str, str]) -> str:
    """The sequence that has the terminal show ``text``, which must be harmless, through tmux where that runs."""
    sequence = f"\x1b]9;triage: {text}\x07"  # a text that began with a number would be a command to some
    if not environment.get("TMUX"):
        return sequence
    doubled = sequence.replace("\x1b", "\x1b\x1b")
    return f"\x1bPtmux;{doubled}\x1b\\"


class Notifying:
    """Follows what comes, and tells of it where the operator does not see it come."""

    def __init__(self, screen: DeskScreen) -> None:
        config = screen.desk.config
        self._screen = screen
        self._noticing = Noticing(config.notify, config.filters)
        self._gathering = Gathering()
        self._met: set[str] = set()

    def came(self, item_ids: Iterable[str]) -> None:
        """These items are not as they were; those that are new and wait are told of soon."""
        if not self._noticing:
            return
        for item_id in item_ids:
            if item_id not in self._met and self._is_new(item_id):
                self._met.add(item_id)
                self._gathering.add(item_id, time.monotonic())

    def _is_new(self, item_id: str) -> bool:
        entry = self._screen.desk.entry(item_id)
        if entry is None:
            return False
        return came_after(entry, self._screen.desk.watched_since(entry.item.endpoint), self._now())

    def _now(self) -> datetime:
        return self._screen.desk.clock.now().wall

    def tick(self) -> None:
        """Tell what is due, of what still waits and is not before the operator's eyes."""
        due = self._gathering.due(time.monotonic())
        found = (self._unseen(item_id) for item_id in due)
        subjects = [subject for subject in found if subject is not None]
        here = local_time(self._now()).time()
        notice = self._noticing.notice(subjects, here) if subjects else None
        if notice is None:
            return
        app = self._screen.console
        if "bell" in notice.how:
            app.send_to_terminal("\x07")
        if "osc9" in notice.how:
            app.send_to_terminal(desktop_notice(notice_words(notice.subjects), os.environ))
        for command, given in notice.commands.items():
            self._screen.run_worker(self._run(command, given), exclusive=False)

    def _unseen(self, item_id: str) -> Subject | None:
        """The item, where it waits and the operator does not see it."""
        screen = self._screen
        entry = screen.desk.entry(item_id)
        if entry is None or not screen.desk.is_waiting(entry, self._now()):
            return None
        looks = screen.console.app_focus and screen.console.screen is screen
        if looks and screen.list.in_sight(item_id):
            return None
        return screen.desk.subject(entry, new=True)

    async def _run(self, command: str, subjects: Iterable[Subject]) -> None:
        desk = self._screen.desk
        entries = (desk.entry(subject.item.id) for subject in subjects)
        documents = [
            shown(entry, desk.record(entry.item.id), None, desk.risk_of(entry)) for entry in entries if entry
        ]
        trouble = await pipe_trouble(command, msgspec.json.encode(documents) + b"\n")
        if trouble:
            self._screen.say(f"A notice was not sent: {trouble}.", "error")
