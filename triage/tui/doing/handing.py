"""Handing the item on: copy it, pipe it to a command, or to one of the operator's own."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from triage.desk.documents import shown
from triage.desk.piping import PIPE_TIMEOUT_S, pipe
from triage.tui.actions.own import PREFIX
from triage.tui.handing_on import CopyTooLarge, copy_text
from triage.tui.json_text import text_lines
from triage.tui.screens.prompt import PromptDialog
from triage.tui.screens.reading import ReadingScreen

if TYPE_CHECKING:
    from triage.store.queue import Entry
    from triage.tui.screens.desk_screen import DeskScreen

__all__ = ["Handing", "own_doings"]


class Handing:
    """The group Hand on."""

    def __init__(self, screen: DeskScreen) -> None:
        self._screen = screen
        self._command = screen.desk.config.pipe or ""

    def copy(self, entry: Entry | None) -> None:
        """Into the clipboard of the operator's own machine, through the terminal."""
        if entry is None:
            return
        try:
            self._screen.app.copy_to_clipboard(copy_text(entry.item))
        except CopyTooLarge as error:
            self._screen.say(f"Copy: {error}; pipe it to a command instead.", "warning")
        else:
            self._screen.say("Copied, where the terminal allows it (OSC 52)", "good")

    def pipe(self, entry: Entry | None) -> None:
        """Give the item as JSON to a command, and show what it prints."""
        if entry is None:
            return

        def given(command: str | None) -> None:
            if command is not None:
                self._command = command
                self._screen.run_worker(hand_over(self._screen, entry, command), exclusive=False)

        intro = "It gets the item as JSON on its standard input."
        dialog = PromptDialog("Pipe to a shell command", value=self._command, intro=intro, check=_unclosed)
        self._screen.app.push_screen(dialog, given)


def own_doings(screen: DeskScreen) -> dict[str, Callable[[Entry | None], None]]:
    """Action id → what does it, for the operator's own commands."""

    def doing(command: str) -> Callable[[Entry | None], None]:
        def run(entry: Entry | None) -> None:
            if entry is not None:
                screen.run_worker(hand_over(screen, entry, command), exclusive=False)

        return run

    return {PREFIX + name: doing(command.run) for name, command in screen.desk.config.commands.items()}


async def hand_over(screen: DeskScreen, entry: Entry, command: str) -> None:
    """Give the item as JSON to a command; what it prints is shown, unless the operator is at something else."""
    record = screen.view.record(entry.item.id)
    data = msgspec.json.encode(shown(entry, record, None, screen.desk.risk_of(entry))) + b"\n"
    screen.say(f"Running {command}…")
    try:
        status, text = await pipe(command, data)
    except TimeoutError:
        screen.say(f"{command} did not end within {PIPE_TIMEOUT_S:g} s and was stopped.", "error")
        return
    except OSError as error:
        screen.say(f"{command} cannot be started: {error.strerror}.", "error")
        return
    style = "good" if status == 0 else "warning"
    rows = text.strip().splitlines()
    if len(rows) > 1 and screen.app.screen is screen:
        screen.say(f"It ended with status {status}", style)
        screen.app.push_screen(ReadingScreen(command, lambda width: text_lines(text, width)))
    else:
        said = "".join(rows[:1]) + (f" … and {len(rows) - 1:,} more lines" if len(rows) > 1 else "")
        screen.say(said if said and status == 0 else f"It ended with status {status} {said}".strip(), style)


def _unclosed(command: str) -> str:
    """Why the shell would not read it; empty when it would."""
    try:
        shlex.split(command)
    except ValueError as error:
        return f"the shell cannot read this: {error}"
    return ""
