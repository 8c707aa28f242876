"""The driver: Textual's own for Linux and macOS, that writes a terminal no more than it has to."""

from __future__ import annotations

import contextlib
from typing import Any

from textual.app import App
from textual.drivers.linux_driver import LinuxDriver

from triage.tui.frame import Frame
from triage.tui.last_look import ENTER, LastLook

__all__ = ["FrugalDriver"]


class FrugalDriver(LinuxDriver):
    """Writes only what makes the terminal look otherwise: over a slow link bytes are time."""

    def __init__(self, app: App[Any], **options: Any) -> None:
        self._frame = Frame(erases=_erases_in_colour())
        look: LastLook | None = getattr(app, "last_look", None)
        self._entered = look is not None
        """The terminal's other screen is shown already, with what the frame says."""
        if look is not None:
            self._frame.economised(look.picture)
        super().__init__(app, **options)

    def forget(self) -> None:
        """Have everything that is painted next written, whatever the terminal showed."""
        self._frame.forget()

    def write(self, data: str) -> None:
        """Write what of ``data`` the terminal does not show yet."""
        if self._entered and data == ENTER:
            self._entered = False
            return
        fewer = self._frame.economised(data)
        if fewer:
            super().write(fewer)


def _erases_in_colour() -> bool:
    """Whether the terminal's description says that it erases cells in the ground in force."""
    with contextlib.suppress(ImportError):
        import curses

        with contextlib.suppress(curses.error):
            curses.setupterm()
            return curses.tigetflag("bce") > 0 and bool(curses.tigetstr("ech"))
    return False
