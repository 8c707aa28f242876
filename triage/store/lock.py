"""The lock that orders the writes of several processes. The kernel frees it when its holder ends."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

import msgspec
from filelock import FileLock, Timeout

from triage.store.errors import StoreLocked, StoreUnavailable, os_words
from triage.store.files import make_directory

__all__ = ["PATIENCE_S", "Holder", "StoreLock", "Waiting", "process_state"]

_ASK_EVERY_S = 0.001
PATIENCE_S = 0.9
"""After it the holder is named: within a second."""

Waiting = Callable[[str], bool]
"""Told who holds the lock, each time the patience ends; True: wait on."""


class Holder(msgspec.Struct, frozen=True):
    """Who holds a lock, as the lock file says."""

    pid: int
    host: str
    command: str

    def words(self) -> str:
        """For instance ``pid 123 on mybox (triage)``, and how to wake it where it is stopped."""
        text = f"pid {self.pid} on {self.host} ({self.command})"
        if self._is_here and process_state(self.pid) == "T":
            text += f", which is stopped (continue it with fg in its terminal, or with kill -CONT {self.pid})"
        return text

    @property
    def is_over(self) -> bool:
        """Whether its process has ended, as far as this machine can tell."""
        return self._is_here and process_state(self.pid) == ""

    @property
    def _is_here(self) -> bool:
        return self.host == socket.gethostname()


class StoreLock:
    """A file lock, held as a context; the same process may take it again inside.

    It is never broken. Who waits longer than ``patience_s`` is told who holds it: through ``waiting``,
    or by StoreLocked.
    """

    def __init__(self, path: Path, *, patience_s: float = PATIENCE_S, waiting: Waiting | None = None) -> None:
        self.path = path
        self._patience_s = patience_s
        self._waiting = waiting
        self._file = FileLock(path, mode=0o600, thread_local=False, fallback_to_soft=False)
        self._thread = threading.RLock()
        self._depth = 0

    def __enter__(self) -> StoreLock:
        self._thread.acquire()
        try:
            if self._depth == 0:
                self._acquire()
        except BaseException:
            self._thread.release()
            raise
        self._depth += 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._depth -= 1
        if self._depth == 0:
            self._file.release()
        self._thread.release()

    @property
    def held(self) -> bool:
        """Whether this object holds the lock now."""
        return self._depth > 0

    def holder(self) -> Holder | None:
        """Who took the lock last, as the lock file says; None: not known, or its process has ended."""
        try:
            holder = msgspec.json.decode(self.path.read_bytes(), type=Holder)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            return None
        return None if holder.is_over else holder

    def _acquire(self) -> None:
        while True:
            try:
                make_directory(self.path.parent)
                self._file.acquire(timeout=self._patience_s, poll_interval=_ASK_EVERY_S)
            except Timeout:
                self._wait_on()
            except OSError as error:
                raise StoreUnavailable(f"{self.path} cannot be locked: {os_words(error)}.") from error
            else:
                self._sign()
                return

    def _wait_on(self) -> None:
        holder = self.holder()
        words = holder.words() if holder else "a process that did not say who it is"
        if self._waiting is None or not self._waiting(words):
            raise StoreLocked(f"{self.path} is held by {words}. Wait for it or end it, then try again.")

    def _sign(self) -> None:
        """Write into the lock file who holds it."""
        text = msgspec.json.encode(Holder(os.getpid(), socket.gethostname(), _command())) + b"\n"
        try:
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CLOEXEC)
            try:
                os.pwrite(descriptor, text, 0)
                os.ftruncate(descriptor, len(text))
            finally:
                os.close(descriptor)
        except OSError:  # the lock holds all the same; only its holder's name is missing (a full disk)
            return


def _command() -> str:
    """The running command's name and its first word, never its options."""
    name = os.path.basename(sys.argv[0] or "python") if sys.argv else "python"
    words = [name, *(word for word in sys.argv[1:2] if word.isalpha())]
    return " ".join(words)


def process_state(pid: int) -> str:
    """A process' state as ``ps`` has it: ``T`` while it is stopped, empty when there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return "" if Path("/proc/self/stat").exists() else _state_by_ps(pid)
    state = stat.rpartition(")")[2].split()[0].upper()
    return "" if state in "ZX" else state


def _state_by_ps(pid: int) -> str:
    try:
        done = subprocess.run(
            ["/bin/ps", "-o", "state=", "-p", str(pid)], capture_output=True, timeout=2, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return "?"
    return done.stdout.decode(errors="replace").strip()[:1]
