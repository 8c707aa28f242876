"""The console: a Textual app around the desk. It starts and stops the desk, and has themes and signals."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol

import msgspec
from rich.text import Text
from textual import events
from textual.app import App
from textual.await_complete import AwaitComplete
from textual.binding import Binding, BindingType
from textual.command import CommandPalette
from textual.css.query import NoMatches
from textual.driver import Driver
from textual.drivers.linux_driver import LinuxDriver
from textual.filter import LineFilter
from textual.worker import WorkerFailed

from triage.config import Config
from triage.desk.desk import Desk
from triage.fault import fault_words
from triage.model import safe_text
from triage.model.endpoint import EndpointConfig
from triage.paths import user_themes_dir
from triage.tui.actions import check_keymap, keymap_of
from triage.tui.driver import FrugalDriver, forget_stated_size
from triage.tui.ending import told_by_signals
from triage.tui.harmless import Harmless
from triage.tui.ink import Ink
from triage.tui.last_look import LastLook, keep
from triage.tui.marks import marks_for
from triage.tui.palette import ActionProvider, Palette
from triage.tui.picture import picture_of
from triage.tui.screens.desk_screen import DeskScreen
from triage.tui.screens.dialog import Dialog
from triage.tui.session_text import session_words
from triage.tui.theming import FALLBACK, load_themes, variable_defaults
from triage.tui.widgets.line_widget import Look
from triage.tui.words import plural

__all__ = ["Agents", "TriageApp", "run_console"]

Held = Literal["send", "keep"]


class Agents(Protocol):
    """Agents that run beside the console and are its endpoints, as the demo's do."""

    seed: int

    @property
    def endpoints(self) -> dict[str, dict[str, Any]]:
        """Name → settings; known once they were started."""

    async def start(self) -> None:
        """Listen."""

    async def stop(self) -> None:
        """No longer listen."""


class TriageApp(App[None]):
    """One operator's console on one desk."""

    TITLE = "triage"
    COMMANDS: ClassVar = {ActionProvider}
    ENABLE_COMMAND_PALETTE = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+z", "suspend_desk", "to the background", show=False, priority=True),
        Binding("ctrl+c", "interrupt", "leave", show=False, priority=True),
    ]

    def __init__(
        self, desk: Desk, *, first_words: str = "", guided: bool = False, last_look: LastLook | None = None
    ) -> None:
        self.last_look = last_look
        """What the terminal shows already; None: nothing of ours."""
        self._seen_size = last_look.size if last_look else (0, 0)
        self._themes, self._faults = load_themes(user_themes_dir())
        super().__init__()
        self.desk = desk
        self.animation_level = "none"
        self._first_words = first_words
        self._guided = guided
        self._held: Held = "keep"
        self._leaving = False
        self._shown_count = -1
        self._harmless = Harmless()
        for theme in self._themes:
            self.register_theme(theme)
        wanted = desk.config.theme
        if wanted not in self.theme_names:
            self._faults.append(f"theme {wanted!r} does not exist; there are {', '.join(self.theme_names)}")
            wanted = FALLBACK
        self.theme = "mono" if os.environ.get("NO_COLOR") else wanted
        self.look = Look(Ink(self.get_css_variables()), marks_for(os.environ))
        self._faults += check_keymap(desk.config.keymap, desk.config.keys, desk.config.commands)

    @property
    def theme_names(self) -> list[str]:
        """The themes to choose from."""
        return [theme.name for theme in self._themes]

    def get_line_filters(self) -> Sequence[LineFilter]:
        """What every line of every widget passes on its way to the terminal."""
        return [*super().get_line_filters(), self._harmless]

    def get_driver_class(self) -> type[Driver]:
        """Textual's own driver, frugal where it is the one for Linux and macOS."""
        found = super().get_driver_class()
        return FrugalDriver if found is LinuxDriver else found

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Our names, for stylesheets under a theme that lacks them."""
        return variable_defaults()

    def on_mount(self) -> None:
        """Open the screen and start the desk."""
        self.theme_changed_signal.subscribe(self, lambda _theme: self._take_theme())
        config = self.desk.config
        keymap = keymap_of(config.keymap, config.keys, config.commands, config.filters)
        self.desk_screen = DeskScreen(self.desk, keymap, self.look, guided=self._guided)
        self.push_screen(self.desk_screen)
        self.app_resume_signal.subscribe(self, lambda _app: self._come_back())
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self.tell_fault)
        self.call_after_refresh(self._begin)

    async def _begin(self) -> None:
        await self.desk.start()
        gc.freeze()  # what a start leaves lasts; looking through it again takes 40 ms, some time amid a key
        gc.enable()
        words = "; ".join(self._faults[:3]) or self._first_words
        if words:
            self.desk_screen.say(words, "warning" if self._faults else "text")

    def _take_theme(self) -> None:
        self.look.ink = Ink(self.get_css_variables())
        if self.is_running and hasattr(self, "desk_screen"):
            self.desk_screen.repaint_all()

    def _come_back(self) -> None:
        """The terminal is the console's again: from another program, or from the shell, and both set its title."""
        self.run_worker(self.desk.take_up())
        waiting, self._shown_count = self._shown_count, -1
        if waiting >= 0:
            self.show_title(waiting)

    def show_title(self, waiting: int) -> None:
        """The terminal's title carries the count."""
        if waiting != self._shown_count:
            self._shown_count = waiting
            self.send_to_terminal(f"\x1b]2;triage{f' ({waiting})' if waiting else ''}\x07")

    def send_to_terminal(self, sequence: str) -> None:
        """Send what no widget can draw: a title, a bell, a notice. Text in it must be harmless."""
        if self._driver is not None and not self.is_headless:
            self._driver.write(sequence)

    def redraw(self) -> None:
        """Paint the whole screen anew."""
        self._forget_terminal()
        self.screen.refresh()

    def _forget_terminal(self) -> None:
        """The terminal may show anything by now."""
        if isinstance(self._driver, FrugalDriver):
            self._driver.forget()

    # -- keys, before anybody else takes them ---------------------------------------------------

    async def on_event(self, event: events.Event) -> None:
        """Keys go straight to the screen: it is the guard of what they may do."""
        if self._leaving and isinstance(event, events.InputEvent):
            return
        if isinstance(event, events.Resize) and event.size != self._seen_size:
            self._seen_size = event.size
            self._forget_terminal()
        screen = self.screen if self.is_running and self.screen_stack else None
        if isinstance(screen, DeskScreen | Dialog) and not event.is_forwarded:
            if isinstance(event, events.Key) and screen.take_key(event):
                return
            if isinstance(event, events.Paste):
                screen.guard.paste()
        try:
            await super().on_event(event)
        except Exception:
            if not isinstance(screen, CommandPalette):
                raise
            self._close_palette(screen)

    # -- faults of our own ----------------------------------------------------------------------

    def _handle_exception(self, error: Exception) -> None:
        """End the console with a sentence. Textual's own report shows variables, and with them secrets."""
        if self._leaving or (isinstance(error, WorkerFailed) and isinstance(error.error, NoMatches)):
            return  # what was just being opened or filled finds itself gone
        words = safe_text.block(fault_words(error)).strip()
        setattr(error, "__rich__", lambda: Text(f"triage: {words}", no_wrap=False))  # noqa: B010
        super()._handle_exception(error)

    def _close_palette(self, palette: CommandPalette) -> None:
        """The palette is Textual's, and stumbles over keys that come before its list is drawn."""
        if palette.is_current:
            self.pop_screen()
        self.desk_screen.say("The palette was closed: a key came before its list was drawn.", "warning")

    def tell_fault(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Say what went wrong in a task that nobody waits for; the console goes on."""
        error = context.get("exception")
        words = fault_words(error) if isinstance(error, BaseException) else str(context["message"])
        if self.is_running and hasattr(self, "desk_screen"):
            self.desk_screen.say(words, "error")
        else:
            print(f"triage: {safe_text.block(words)}", file=sys.stderr)  # noqa: T201

    # -- leaving, and going to the background ---------------------------------------------------

    def pop_screen(self) -> AwaitComplete:
        """Close what lies on the desk, however often it asks to be closed; never the desk itself."""
        if isinstance(self.screen, DeskScreen):
            return AwaitComplete()
        return super().pop_screen()

    def action_command_palette(self) -> None:
        """Open the palette, over the desk alone: over a dialog its actions mean nothing."""
        if isinstance(self.screen, DeskScreen):
            self.push_screen(Palette())

    def exit(self, *args: Any, **more: Any) -> None:
        """Leave, and take no more keys."""
        self._leaving = True
        super().exit(*args, **more)

    def leave(self, held: Held) -> None:
        """End the console; what is held is sent first, or kept in the log for the next desk."""
        self._held = held
        if hasattr(self, "desk_screen") and not self.is_headless:
            self._keep_look()
        self.exit()

    def _keep_look(self) -> None:
        if picture := picture_of(self.desk_screen):
            keep(self.desk.data, picture, self.size)

    @property
    def held(self) -> Held:
        """What becomes of held decisions after the end."""
        return self._held

    def action_interrupt(self) -> None:
        """ctrl+c leaves as ``quit`` does; a second time it leaves at once and keeps what is held."""
        if isinstance(self.screen, DeskScreen):
            self.screen.action_act("quit")
        else:
            self.leave("keep")

    async def action_suspend_desk(self) -> None:
        """Give the endpoints back before going to the background."""
        await self.desk.step_aside()
        self.action_suspend_process()


def run_console(
    config: Config,
    data: Path,
    *,
    read_only: bool = False,
    demo: Agents | None = None,
    operator: str | None = None,
    last_look: LastLook | None = None,
) -> int:
    """Open the console and return the exit status once it is left.

    Args:
        last_look: what was put on the terminal already, to be gone on from.
        demo: agents to start beside it, on the loopback interface; they become its endpoints.

    Raises what ``Desk`` raises when configuration or data directory cannot be used.
    """
    forget_stated_size()
    opening = _console(config, data, read_only, demo, operator, last_look)
    return asyncio.run(opening)


async def _console(
    config: Config,
    data: Path,
    read_only: bool,
    demo: Agents | None,
    operator: str | None,
    last_look: LastLook | None,
) -> int:
    async with AsyncExitStack() as stack:
        words = ""
        if demo is not None:
            await demo.start()
            stack.push_async_callback(demo.stop)
            config = msgspec.structs.replace(config, endpoints=_endpoints_of(demo))
            words = f"The demo's agents really act on each decision. Seed {demo.seed}."
        desk = Desk(config, data, operator=operator, read_only=read_only)
        app = TriageApp(desk, first_words=words, guided=demo is not None, last_look=last_look)
        if last_look is not None:
            last_look.hand_over()
        stack.enter_context(told_by_signals(lambda: app.leave("keep")))
        try:
            await app.run_async()
        finally:
            _say_what_is_waited_for(desk, app.held)
            await desk.stop(held=app.held)
        _say_what_was_done(app)
        return app.return_code or 0


def _say_what_was_done(app: TriageApp) -> None:
    """The session in a few lines, where the terminal is still there to read them."""
    if hasattr(app, "desk_screen"):
        with contextlib.suppress(OSError):
            print("\n".join(session_words(app.desk_screen.session())), file=sys.stderr)  # noqa: T201


def _say_what_is_waited_for(desk: Desk, held: Held) -> None:
    """The screen is gone, and leaving may take a while."""
    under_way = desk.sends_under_way()
    if held == "send" and desk.held_here():
        print("Sending what is held…", file=sys.stderr)  # noqa: T201
    elif under_way:
        print(f"Waiting for {plural(under_way, 'answer')} to what was sent…", file=sys.stderr)  # noqa: T201


def _endpoints_of(demo: Agents) -> dict[str, EndpointConfig]:
    from triage.connectors import load

    return {
        name: msgspec.convert({**settings, "name": name}, load(settings["kind"]).Config)
        for name, settings in demo.endpoints.items()
    }
