"""The last look: what the console showed when it was left, shown again within a tenth of a second of its start.

Textual takes three times as long to be there. Shown on the terminal's other screen, before anything large is
imported; the console then writes only what differs from it.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import sys
import termios
from collections.abc import Iterator
from pathlib import Path

__all__ = ["ENTER", "LastLook", "keep", "shown"]

ENTER, _LEAVE = "\x1b[?1049h", "\x1b[?1049l"
"""To the terminal's other screen and back; as Textual writes them."""
_HIDE, _SHOW = "\x1b[?25l", "\x1b[?25h"
_FILE = "last-look.json"
_VERSION = 1
_HARMLESS = re.compile(r"(?:\x1b\[\d+;\d+H|\x1b\[\d+H|\x1b\[[\d;]*m|[^\x00-\x1f\x7f-\x9f])*")
"""Moves, colours and text: all that a picture may hold."""


class LastLook:
    """A picture that stands on the terminal now. ``size``: columns and rows that it was made for."""

    def __init__(self, picture: str, size: tuple[int, int]) -> None:
        self.picture = picture
        self.size = size
        self._mine = True
        self._echoing: list[object] | None = None

    def show(self) -> None:
        """Put it on the terminal; what is typed meanwhile is not echoed over it."""
        with contextlib.suppress(termios.error):
            self._echoing = termios.tcgetattr(sys.stdin.fileno())
            quiet = termios.tcgetattr(sys.stdin.fileno())
            quiet[3] &= ~termios.ECHO
            termios.tcsetattr(sys.stdin.fileno(), termios.TCSANOW, quiet)
        _write(ENTER + _HIDE + self.picture)

    def hand_over(self) -> None:
        """The console begins: the terminal's settings are as they were, and the picture stays."""
        if self._echoing is not None:
            with contextlib.suppress(termios.error):
                termios.tcsetattr(sys.stdin.fileno(), termios.TCSANOW, self._echoing)  # type: ignore[arg-type]
            self._echoing = None
        self._mine = False

    def take_away(self) -> None:
        """There is no console after all."""
        if self._mine:
            self.hand_over()
            _write(_LEAVE + _SHOW)


@contextlib.contextmanager
def shown(data: Path) -> Iterator[LastLook | None]:
    """Show the last look kept in ``data``, where it fits the terminal; it is gone after an exception.

    ``data`` must be a directory that only this user may write.
    """
    look = _kept(data)
    if look is None:
        yield None
        return
    look.show()
    before = [(number, signal.signal(number, _end)) for number in (signal.SIGHUP, signal.SIGTERM)]
    try:
        yield look
    except BaseException:
        look.take_away()
        raise
    finally:
        for number, handler in before:
            signal.signal(number, handler)


def _end(number: int, _frame: object) -> None:
    """End as the signal would have, but give the terminal back."""
    raise SystemExit(128 + number)


def keep(data: Path, picture: str, size: tuple[int, int]) -> None:
    """Keep a picture for the next start. Of no use where it cannot be written, and then not missed."""
    unfinished = data / f".{_FILE}.{os.getpid()}"
    document = json.dumps({"version": _VERSION, "terminal": _terminal(size), "picture": picture})
    with contextlib.suppress(OSError):
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(document)
        unfinished.replace(data / _FILE)


def _kept(data: Path) -> LastLook | None:
    try:
        document = json.loads((data / _FILE).read_text(encoding="utf-8"))
        size = os.get_terminal_size(sys.stderr.fileno())
        picture = document["picture"]
        made_for = document["version"], document["terminal"]
        if made_for != (_VERSION, _terminal((size.columns, size.lines))) or not _HARMLESS.fullmatch(picture):
            return None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return LastLook(picture, (size.columns, size.lines))


def _terminal(size: tuple[int, int]) -> list[str]:
    """What a picture depends on."""
    names = ("TERM", "COLORTERM", "NO_COLOR")
    return [*map(str, size), *(os.environ.get(name, "") for name in names)]


def _write(text: str) -> None:
    with contextlib.suppress(OSError):
        sys.stderr.write(text)
        sys.stderr.flush()
