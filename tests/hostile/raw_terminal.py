"""A pty in which a program is typed at as nobody would: any bytes, any size, and the terminal taken away.

It has no emulator that follows what is written; ``picture`` has the program paint anew and reads that.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import select
import signal
import struct
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType

import pyte

__all__ = ["RawTerminal", "left_behind"]

_MODE = re.compile(rb"\x1b\[\?([\d;]+)([hl])")
_KITTY = re.compile(rb"\x1b\[([<>])\d*u")
_OFF = ("1000", "1002", "1003", "1004", "1006", "1015", "1016", "1049", "2004", "2026", "2048")
"""Modes that are off before a program is begun."""
_ON = ("7", "25")
"""Modes that are on: lines wrap, the cursor is shown."""
_FAULTS = (b"Traceback", b"a fault in triage itself")
HOME_SIZE = (110, 32)


def left_behind(output: bytes) -> list[str]:
    """What of the terminal's modes a program left other than it found them, by what it wrote."""
    modes = {mode: True for mode in _ON} | {mode: False for mode in _OFF}
    for found in _MODE.finditer(output):
        for mode in found[1].decode().split(";"):
            modes[mode] = found[2] == b"h"
    wrong = [mode for mode, on in modes.items() if on != (mode in _ON)]
    pushed = [found[1] for found in _KITTY.finditer(output)]
    return [*wrong, *(["the keyboard protocol"] if pushed.count(b">") > pushed.count(b"<") else [])]


class RawTerminal:
    """One program in a pty of its own. As a context manager: it is ended at the end."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str], cwd: Path) -> None:
        self.output = bytearray()
        """Every byte that the program wrote."""
        self.typed = bytearray()
        """Every byte that was typed."""
        self.status: int | None = None
        """Its exit status, once it ended; negative for a signal."""
        self.lost = False
        """The terminal was taken away."""
        self._master, slave = os.openpty()
        self._before = termios.tcgetattr(slave)
        self.resize(*HOME_SIZE)
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._master)
            os.login_tty(slave)
            os.chdir(cwd)
            os.execve(command[0], list(command), dict(env))
        os.close(slave)

    def __enter__(self) -> RawTerminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.status is None:
            self.signal(signal.SIGKILL)
            self.wait_ended()
        self.hang_up()

    def resize(self, columns: int, rows: int) -> None:
        """Change the window's size, and say so in the way the program asked for."""
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        if b"\x1b[?2048h" in self.output:
            self.write(f"\x1b[48;{rows};{columns};{rows * 16};{columns * 8}t".encode())

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the program."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def hang_up(self) -> None:
        """Take the terminal away."""
        if not self.lost:
            self.lost = True
            os.close(self._master)

    def write(self, data: bytes, timeout_s: float = 60.0) -> None:
        """Type bytes, as fast as they are read. Fails where the program reads none for so long."""
        end = time.monotonic() + timeout_s
        self.typed += data
        while data and self.status is None:
            assert time.monotonic() < end, f"nothing is read any more; {len(data)} bytes are left"
            self._wake()
            _, writable, _ = select.select([], [self._master], [], 0.01)
            if writable:
                data = data[os.write(self._master, data[:512]) :]
                end = time.monotonic() + timeout_s
            self.pump(0)

    def pump(self, seconds: float) -> bool:
        """Take in for so long what the program writes; whether it wrote anything."""
        end, size = time.monotonic() + seconds, len(self.output)
        while True:
            wait_s = max(0.0, end - time.monotonic())
            if self.lost:
                time.sleep(min(wait_s, 0.02))
            elif select.select([self._master], [], [], min(wait_s, 0.05))[0]:
                self._read()
            self._look_whether_it_ended()
            if self.status is not None or wait_s == 0:
                return len(self.output) > size

    def _read(self) -> None:
        try:
            self.output += os.read(self._master, 1 << 16)
        except OSError:  # nobody has the other side any more
            time.sleep(0.005)

    def _look_whether_it_ended(self) -> None:
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.status = os.waitstatus_to_exitcode(status) if pid else None

    def _wake(self) -> None:
        """Have the program go on where it went to the background, or where a ctrl+s that came then holds its output."""
        with contextlib.suppress(OSError), open(f"/proc/{self.pid}/stat") as file:
            if file.read().rpartition(")")[2].split()[0] == "T":
                self.signal(signal.SIGCONT)
        if not self.lost and termios.tcgetattr(self._master)[0] & termios.IXON:
            os.write(self._master, b"\x11")

    def settle(self, quiet_s: float = 0.1, timeout_s: float = 30.0) -> None:
        """Return once the program has written nothing for a while."""
        end = time.monotonic() + timeout_s
        while self.pump(quiet_s) and self.status is None and time.monotonic() < end:
            self._wake()

    def wait_ended(self, timeout_s: float = 90.0) -> int:
        """The exit status, once the program ended, with all that it wrote taken in."""
        self.wait_until(lambda: self.status is not None, "the program to end", timeout_s)
        while not self.lost and select.select([self._master], [], [], 0)[0]:
            size = len(self.output)
            self._read()
            if len(self.output) == size:
                break
        assert self.status is not None
        return self.status

    def wait_until(self, condition: Callable[[], object], what: str, timeout_s: float = 40.0) -> None:
        """Return once ``condition`` holds."""
        end = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < end, f"waited {timeout_s:g} s for {what}; last written:\n{self.tail}"
            self._wake()
            self.pump(0.05)

    @property
    def tail(self) -> str:
        """The end of what was typed and written, for a message."""
        typed = f"status {self.status}, typed {bytes(self.typed[-300:])!r}, written:\n"
        return typed + bytes(self.output[-2500:]).decode(errors="replace").replace("\x1b", "␛")

    def picture(self) -> str:
        """What the program paints when it must paint all."""
        columns, rows = HOME_SIZE
        self._resize_and_see(columns, rows - 1)
        start = len(self.output)
        self._resize_and_see(columns, rows)
        screen = pyte.Screen(columns, rows)
        pyte.ByteStream(screen).feed(bytes(self.output[start:]))
        cells = (screen.buffer[row] for row in range(rows))
        return "\n".join("".join(line[at].data for at in range(columns)).rstrip() for line in cells)

    def _resize_and_see(self, columns: int, rows: int) -> None:
        """Give it another size, and take in what it paints then, however long it is about it."""
        size, end = len(self.output), time.monotonic() + 10
        self.resize(columns, rows)
        while len(self.output) == size and self.status is None and time.monotonic() < end:
            self.pump(0.05)
        self.settle()

    def faults_after_the_end(self) -> list[str]:
        """What is not as it was before the program, now that it ended."""
        left = () if self.lost else left_behind(bytes(self.output))
        faults = [f"mode {mode} was left other than it was" for mode in left]
        if not self.lost and termios.tcgetattr(self._master) != self._before:
            faults.append("the terminal's own settings were left other than they were")
        faults += [f"it wrote {words!r}" for words in _FAULTS if words in self.output]
        return faults
