"""The driver: Textual's own for Linux and macOS, that writes a terminal no more than it has to, and that neither
what a terminal sends nor its loss brings down."""

from __future__ import annotations

import contextlib
import io
import os
import selectors
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any, TextIO, cast

from textual import events
from textual.app import App
from textual.constants import ESCAPE_DELAY
from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message

from triage.tui.frame import Frame
from triage.tui.last_look import ENTER, LastLook
from triage.tui.terminal_input import TerminalInput, TerminalLost

__all__ = ["FrugalDriver", "forget_stated_size"]

LOOKS = 3
"""So often it is looked whether an escape was one by itself, after the terminal sent something."""
MOST_CELLS = 1000
"""A window that says of itself that it is wider or higher is not believed."""


def forget_stated_size() -> None:
    """Have the terminal's own size count, and not that in COLUMNS and LINES, where it has one.

    Those say what it was when they were set (as by ``docker exec -e COLUMNS``), and Rich believes them for ever.
    """
    with contextlib.suppress(OSError):  # no terminal: what is stated is all there is
        if all(os.get_terminal_size(sys.stderr.fileno())):
            os.environ.pop("COLUMNS", None)
            os.environ.pop("LINES", None)


class Output(io.TextIOBase):
    """The terminal to write to; what it no longer takes is nobody's loss, and its writer must not stop for it."""

    def __init__(self, terminal: TextIO) -> None:
        self._terminal = terminal
        self._lost = False

    def fileno(self) -> int:
        """The terminal's file descriptor."""
        return self._terminal.fileno()

    def write(self, text: str) -> int:
        """Write, as long as there is somebody to write to."""
        self._try(lambda: self._terminal.write(text))
        return len(text)

    def flush(self) -> None:
        """Have it written now."""
        self._try(self._terminal.flush)

    def _try(self, do: Callable[[], object]) -> None:
        if not self._lost:
            try:
                do()
            except OSError:
                self._lost = True


class Stopping(threading.Event):
    """Set to stop what waits for the terminal; ``wake`` ends its waiting then."""

    wake: Callable[[], object] = staticmethod(lambda: None)

    def set(self) -> None:
        """Stop it."""
        super().set()
        self.wake()


class FrugalDriver(LinuxDriver):
    """Writes only what makes the terminal look otherwise: over a slow link bytes are time."""

    exit_event: Stopping

    def __init__(self, app: App[Any], **options: Any) -> None:
        self._frame = Frame(erases=_erases_in_colour())
        look: LastLook | None = getattr(app, "last_look", None)
        self._entered = look is not None
        """The terminal's other screen is shown already, with what the frame says."""
        if look is not None:
            self._frame.economised(look.picture)
        self._suspended = False
        self._over = False
        super().__init__(app, **options)
        self.exit_event = Stopping()
        self._file = cast(Any, Output(sys.__stderr__ or sys.stderr))

    def forget(self) -> None:
        """Have everything that is painted next written, whatever the terminal showed."""
        self._frame.forget()

    def write(self, data: str) -> None:
        """Write what of ``data`` the terminal does not show yet; nothing while it is somebody else's."""
        if self._suspended:
            return  # nor is there a thread that writes: what it is given would fill up, and then block
        if self._entered and data == ENTER:
            self._entered = False
            return
        fewer = self._frame.economised(data)
        if fewer:
            super().write(fewer)

    def stop_application_mode(self) -> None:
        """Leave the terminal for good: ctrl+z only stops the process from now on, and ``fg`` takes nothing back."""
        self._over = True
        for number in (signal.SIGTSTP, signal.SIGCONT):
            signal.signal(number, signal.SIG_DFL)
        self._leave()

    def suspend_application_mode(self) -> None:
        """Give the terminal back for a while."""
        self._leave()
        self.close()
        self._suspended = True

    def _leave(self) -> None:
        """Leave the terminal as it was found, the mouse's unit as well.

        First no more input: its thread switches on what the terminal says that it has.
        """
        self.disable_input()
        if self._mouse_pixels:
            self.write("\x1b[?1016l")
        super().stop_application_mode()

    def resume_application_mode(self) -> None:
        """Take the terminal again, unless it is still somebody else's: then at the next SIGCONT.

        SIGCONT asks for it too where it was never given back: it comes with SIGHUP, and from whoever wakes a
        process that was stopped.
        """
        if self._suspended and not self._over:
            self._suspended = False
            super().resume_application_mode()
            self._suspended = self._writer_thread is None or not self._writer_thread.is_alive()

    def _sigtstp_application(self, *_: object) -> None:
        """Have the loop go to the background: a handler runs in the middle of anything, writing as well, and would
        wait for what it interrupted."""
        if not self._auto_restart:  # the terminal is another program's
            os.kill(os.getpid(), signal.SIGSTOP)
        else:
            self._loop.call_soon_threadsafe(self._go_to_background)

    def _sigcont_application(self, *_: object) -> None:
        if self._auto_restart:
            self._loop.call_soon_threadsafe(self.resume_application_mode)

    def _go_to_background(self) -> None:
        if not self._suspended and not self._over:  # asked once more on the way there, or on that to the end
            self.suspend_application_mode()
            self._must_signal_resume = True
            os.kill(os.getpid(), signal.SIGSTOP)

    def run_input_thread(self) -> None:
        """Hand on what the terminal sends until told to stop; while it sends nothing nothing is done."""
        terminal, looks = TerminalInput(self.fileno), 0
        with selectors.DefaultSelector() as selector, self._woken_to_stop(selector):
            selector.register(self.fileno, selectors.EVENT_READ)
            while not self.exit_event.is_set():
                found = selector.select(ESCAPE_DELAY if looks else None)
                if self.exit_event.is_set():
                    return
                try:
                    sent = terminal.read() if found else ()
                except TerminalLost:
                    os.kill(os.getpid(), signal.SIGHUP)  # as the kernel says it to who leads the session
                    return
                for event in (*sent, *terminal.overdue()):
                    self.process_message(event)
                looks = LOOKS if found else looks - 1

    @contextlib.contextmanager
    def _woken_to_stop(self, selector: selectors.BaseSelector) -> Iterator[None]:
        """Meanwhile ``selector`` returns when it is time to stop."""
        here, there = socket.socketpair()
        with here, there:
            selector.register(here, selectors.EVENT_READ)
            self.exit_event.wake = lambda: there.send(b"\0")
            try:
                yield
            finally:
                del self.exit_event.wake

    def process_message(self, message: Message) -> None:
        """Hand on one event, unless it is a size that no window has."""
        if isinstance(message, events.Resize) and not _is_a_size(*message.size):
            return
        super().process_message(message)


def _is_a_size(columns: int, rows: int) -> bool:
    return 0 < columns <= MOST_CELLS and 0 < rows <= MOST_CELLS


def _erases_in_colour() -> bool:
    """Whether the terminal's description says that it erases cells in the ground in force."""
    with contextlib.suppress(ImportError):
        import curses

        with contextlib.suppress(curses.error):
            curses.setupterm()
            return curses.tigetflag("bce") > 0 and bool(curses.tigetstr("ech"))
    return False
