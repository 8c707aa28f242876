"""A terminal for tests: the real program in a pty, its screen read by a terminal emulator."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import termios
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType

import pyte

__all__ = ["KEYS", "Terminal"]

KEYS = {
    "enter": "\r",
    "esc": "\x1b",
    "tab": "\t",
    "space": " ",
    "up": "\x1b[A",
    "down": "\x1b[B",
    "backspace": "\x7f",
    "f2": "\x1bOQ",
    **{f"ctrl+{letter}": chr(ord(letter) - 96) for letter in "abcdefghijklmnopqrstuvwxyz"},
}


class Terminal:
    """One program in a pty. Use as a context manager: the program is ended at the end.

    Args:
        command: program and arguments.
        columns, rows: size of the screen, in cells.
        env: the program's whole environment.
    """

    def __init__(
        self, command: Sequence[str], env: Mapping[str, str], *, columns: int = 120, rows: int = 36
    ) -> None:
        self.screen = pyte.Screen(columns, rows)
        self.output = bytearray()
        """Every byte that the program wrote."""
        self.status: int | None = None
        """The program's exit status, once it ended; negative for a signal."""
        self._stream = pyte.ByteStream(self.screen)
        self._lock = threading.Lock()
        self.pid, self._master = pty.fork()
        if self.pid == 0:
            os.execvpe(command[0], list(command), dict(env))
        self.resize(columns, rows)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.status is None:
            self.signal(signal.SIGKILL)
            self.wait_until(lambda: self.status is not None, "the program to end")
        os.close(self._master)

    @property
    def text(self) -> str:
        """What is on the screen now, line by line."""
        with self._lock:
            return "\n".join(self._row(number).rstrip() for number in range(self.screen.lines))

    def row(self, number: int) -> str:
        """One line of what is on the screen now, counted from 0."""
        with self._lock:
            return self._row(number)

    def _row(self, number: int) -> str:
        """The emulator's own way to say this stumbles over marks beside wide characters."""
        cells = self.screen.buffer[number]
        return "".join(cells[column].data for column in range(self.screen.columns))

    def press(self, *keys: str) -> None:
        """Type keys by name (``enter``, ``ctrl+d``) or as they are."""
        for key in keys:
            os.write(self._master, KEYS.get(key, key).encode())

    def resize(self, columns: int, rows: int) -> None:
        """Change the window's size."""
        with self._lock:
            self.screen.resize(rows, columns)
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the program."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def wait_for(self, *texts: str, timeout_s: float = 20.0) -> str:
        """The screen, once it shows all of ``texts``."""
        self.wait_until(lambda: all(text in self.text for text in texts), f"{texts} on screen", timeout_s)
        return self.text

    def wait_gone(self, text: str, timeout_s: float = 20.0) -> None:
        """Return once the screen no longer shows ``text``."""
        self.wait_until(lambda: text not in self.text, f"{text!r} to leave the screen", timeout_s)

    def wait_ended(self, timeout_s: float = 20.0) -> int:
        """The exit status, once the program ended."""
        self.wait_until(lambda: self.status is not None, "the program to end", timeout_s)
        assert self.status is not None
        return self.status

    def wait_until(self, condition: Callable[[], object], what: str, timeout_s: float = 20.0) -> None:
        """Return once ``condition`` holds; fails with the screen when it does not."""
        limit = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > limit:
                raise AssertionError(f"waited {timeout_s:g} s for {what}; on screen:\n{self.text}")
            time.sleep(0.01)

    def _read(self) -> None:
        while True:
            try:
                select.select([self._master], [], [])
                data = os.read(self._master, 65536)
            except (OSError, ValueError):
                data = b""
            if not data:
                break
            with self._lock:
                self.output += data
                self._stream.feed(data)
        _, status = os.waitpid(self.pid, 0)
        self.status = os.waitstatus_to_exitcode(status)
