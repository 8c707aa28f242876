"""The console itself: theme, palette, help, leaving."""

from __future__ import annotations

from typing import TYPE_CHECKING

from triage.tui.help_text import help_lines
from triage.tui.screens.choice import Choice, ChoiceDialog
from triage.tui.screens.reading import ReadingScreen
from triage.tui.session_text import session_lines
from triage.tui.words import plural

if TYPE_CHECKING:
    from triage.store.queue import Entry
    from triage.tui.screens.desk_screen import DeskScreen

__all__ = ["Console"]


class Console:
    """The group Console."""

    def __init__(self, screen: DeskScreen) -> None:
        self._screen = screen

    def theme(self, _: Entry | None) -> None:
        """Choose a theme; seen as the cursor goes over it."""
        app = self._screen.console
        before = app.theme
        names = app.theme_names
        choices = [Choice("", name, name) for name in names]

        def show(name: str) -> None:
            app.theme = name

        def chosen(name: str | None) -> None:
            app.theme = name or before
            if name:
                self._screen.say(f'Theme {name}; keep it with theme = "{name}" in the configuration', "good")

        dialog = ChoiceDialog(
            "Theme", choices, at=names.index(before) if before in names else 0, on_point=show
        )
        app.push_screen(dialog, chosen)

    def palette(self, _: Entry | None) -> None:
        """Find any action by its name."""
        self._screen.console.action_command_palette()

    def help(self, _: Entry | None) -> None:
        """Every key, and why one is of no use now."""
        screen = self._screen
        situation = screen.situation()
        screen.console.push_screen(
            ReadingScreen(
                "Keys", lambda width: help_lines(screen.keymap, situation, screen.look.marks, width)
            )
        )

    def summary(self, _: Entry | None) -> None:
        """What was decided in this console, and what is left."""
        session = self._screen.session()
        reading = ReadingScreen("This session", lambda width: session_lines(session, width))
        self._screen.console.push_screen(reading)

    def redraw(self, _: Entry | None) -> None:
        """Everything anew."""
        self._screen.console.redraw()

    def hints_off(self, _: Entry | None) -> None:
        """No more hints of the demo's guide."""
        self._screen.guiding.stop()

    def quit(self, _: Entry | None) -> None:
        """Leave; asks what becomes of decisions that are still held."""
        screen = self._screen
        held = screen.desk.held_here()
        if not held:
            screen.console.leave("keep")
            return
        stopped = [record for record in held if screen.desk.is_stopped(record)]
        later = "leave now: they are sent when triage next runs"
        choices = [
            Choice("s", "send them now, then leave", "send"),
            Choice("l", f"{later}, once sending goes on" if stopped else later, "keep"),
            Choice("c", "stay", "stay"),
        ]
        if len(stopped) == len(held):
            del choices[0]

        def chosen(what: str | None) -> None:
            if what in ("send", "keep"):
                screen.console.leave("send" if what == "send" else "keep")

        intro = f"{plural(len(held), 'decision')} not sent yet."
        if stopped:
            intro += (
                f" Sending is paused{'' if len(stopped) == len(held) else f' for {len(stopped):,} of them'}."
            )
        screen.console.push_screen(ChoiceDialog("Leave?", choices, intro=intro, at=len(choices) - 1), chosen)
