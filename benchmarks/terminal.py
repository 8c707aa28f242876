"""A terminal that measures: the program in a pty, when each byte came, and what it makes of the screen.

Nothing is interpreted while the program works; the emulator reads what came only when the screen is asked
for, so that it takes no time from what is measured.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import signal
import struct
import termios
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

import pyte

from benchmarks.link import Link

__all__ = ["Answer", "Terminal"]

QUIET_S = 0.12
"""An answer is over when nothing came for so long."""
_FIRST_S = 1.0
"""How much longer the first byte may take."""
_TICK_S = 0.0005


class Answer(NamedTuple):
    """What the program wrote after a key."""

    first_ms: float
    """From the key to the first byte; 0 where none came."""
    last_ms: float
    """From the key to the last byte."""
    size: int
    """Bytes."""


class Terminal:
    """One program in a pty. Use as a context manager: the program is ended at the end.

    ``link``: what lies between the program and the operator; None: nothing.
    """

    def __init__(
        self,
        command: Sequence[str],
        env: Mapping[str, str],
        *,
        columns: int = 120,
        rows: int = 36,
        link: Link | None = None,
    ) -> None:
        self._screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self._screen)
        self._chunks: list[tuple[float, bytes]] = []
        self._shown = 0
        self._link = link
        self.size = 0
        """Bytes that came so far."""
        self.status: int | None = None
        """The program's exit status, once it ended."""
        self.began = time.perf_counter()
        self.pid, self._master = pty.fork()
        if self.pid == 0:
            os.execvpe(command[0], list(command), dict(env))
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.status is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
        self._reader.join(10)
        os.close(self._master)

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._master, 65536)
            except OSError:
                data = b""
            if not data:
                break
            at = time.perf_counter()
            if self._link is not None:
                at = self._link.deliver(len(data), at)
            self._chunks.append((at, data))
            self.size += len(data)
        _, status = os.waitpid(self.pid, 0)
        self.status = os.waitstatus_to_exitcode(status)

    # -- keys -----------------------------------------------------------------------------------

    def press(self, keys: str) -> float:
        """Type; when that was, in seconds of ``time.perf_counter``."""
        at = time.perf_counter()
        if self._link is not None:
            time.sleep(self._link.way_s)
        os.write(self._master, keys.encode())
        return at

    def answer(self, keys: str, *, quiet_s: float = QUIET_S, limit_s: float = 20.0) -> Answer:
        """Type, wait until nothing has come for ``quiet_s``, and say what came."""
        count, size = len(self._chunks), self.size
        at = self.press(keys)
        while time.perf_counter() - at < limit_s:
            time.sleep(_TICK_S)
            last = self._chunks[-1][0] if len(self._chunks) > count else at + _FIRST_S
            if time.perf_counter() - last > quiet_s:
                break
        came = [moment for moment, _ in self._chunks[count:]]
        if not came:
            return Answer(0.0, 0.0, 0)
        return Answer((came[0] - at) * 1000, (came[-1] - at) * 1000, self.size - size)

    # -- the screen -----------------------------------------------------------------------------

    @property
    def text(self) -> str:
        """What is on the screen now, line by line."""
        while self._shown < len(self._chunks):
            self._show_next()
        return "\n".join(row.rstrip() for row in self._screen.display)

    def _show_next(self) -> float:
        at, data = self._chunks[self._shown]
        self._shown += 1
        self._stream.feed(data)
        return at

    def wait_for(self, *texts: str, limit_s: float = 60.0) -> float:
        """When the byte came that put all of ``texts`` on the screen."""
        return self.wait_until(
            lambda shown: all(text in shown for text in texts), f"{texts}", limit_s=limit_s
        )

    def wait_until(self, holds: Callable[[str], bool], what: str, *, limit_s: float = 60.0) -> float:
        """When the byte came after which ``holds`` was true of the screen."""
        end = time.perf_counter() + limit_s
        at = time.perf_counter()
        while not holds("\n".join(self._screen.display)):
            while self._shown >= len(self._chunks):
                if time.perf_counter() > end or self.status is not None:
                    raise TimeoutError(f"waited {limit_s:g} s for {what}; on screen:\n{self.text}")
                time.sleep(_TICK_S)
            at = self._show_next()
        return at

    def last_at(self) -> float:
        """When the last byte came that the screen has taken in."""
        return self._chunks[self._shown - 1][0]

    def settle(self, quiet_s: float = 0.5, limit_s: float = 30.0) -> None:
        """Return once nothing has come for ``quiet_s``."""
        end = time.perf_counter() + limit_s
        size, since = self.size, time.perf_counter()
        while time.perf_counter() - since < quiet_s and time.perf_counter() < end:
            time.sleep(0.01)
            if self.size != size:
                size, since = self.size, time.perf_counter()

    # -- the process ----------------------------------------------------------------------------

    def cpu_s(self) -> float:
        """Processor time that the program has used, all its threads."""
        tasks = Path(f"/proc/{self.pid}/task")
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks.iterdir()) / 1e9

    def memory_mib(self) -> float:
        """What it holds in memory now, in MiB, shared pages included."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024

    def peak_mib(self) -> float:
        """The most it has held in memory."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024

    def wait_ended(self, limit_s: float = 30.0) -> int:
        """The exit status, once the program ended."""
        end = time.perf_counter() + limit_s
        while self.status is None:
            if time.perf_counter() > end:
                raise TimeoutError(f"the program did not end; on screen:\n{self.text}")
            time.sleep(0.005)
        return self.status
