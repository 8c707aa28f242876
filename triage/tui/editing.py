"""Editing a text in the operator's own editor, while polling and delivery go on."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable
from typing import TYPE_CHECKING

from textual.app import SuspendNotSupported

from triage.tui.handing_on import edit_in, editor_command

if TYPE_CHECKING:
    from triage.tui.screens.desk_screen import DeskScreen

__all__ = ["edit_text"]


def edit_text(screen: DeskScreen, text: str, suffix: str, done: Callable[[str], None]) -> None:
    """Give the terminal to the editor; ``done`` gets what it left, unless nothing was changed."""

    async def edit() -> None:
        command = editor_command(screen.desk.config.editor)
        try:
            with screen.app.suspend(), screen.app.batch_update():
                new = await asyncio.to_thread(edit_in, command, text, suffix)
        except SuspendNotSupported:
            screen.say("Your editor cannot be opened in this terminal.", "error")
            return
        except (OSError, UnicodeDecodeError) as error:
            screen.say(f"{command[0]} cannot be used: {error}. Set $EDITOR or `editor`.", "error")
            return
        except subprocess.CalledProcessError as error:
            screen.say(f"{command[0]} ended with status {error.returncode}; nothing was changed.", "warning")
            return
        screen.app.refresh(layout=True)
        if new == text:
            screen.say("Nothing was changed.")
        else:
            done(new)

    screen.app.run_worker(edit(), exclusive=False)
