"""The lock that orders the writes of several processes. The kernel frees it when its holder ends."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

import msgspec

from triage.store.errors import StoreLocked, StoreUnavailable, os_words
from triage.store.files import make_directory

__all__ = ["PATIENCE_S", "Holder", "StoreLock", "Waiting", "process_state"]

_AFTER_YOU_S = 0.0005
"""Who had to wait for the lock gives it up for so long at least, that another one that waits gets it then."""
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
        self._descriptor = -1
        self._waited = False
        self._freed_at = 0.0
        self._thread = threading.RLock()
        self._depth = 0

    def __enter__(self) -> StoreLock:
        self._thread.acquire()
        try:
            if self._depth == 0:
                self._acquire()
        except BaseException:
            if self._depth == 0:
                self._free()
            self._thread.release()
            raise
        self._depth += 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._depth -= 1
        try:
            if self._depth == 0:
                self._free()
        finally:
            self._thread.release()

    def _free(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)
            self._freed_at = time.monotonic()

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
        if self._waited:
            time.sleep(max(0.0, self._freed_at + _AFTER_YOU_S - time.monotonic()))
        self._waited = False
        try:
            while not self._get():
                pass
        except OSError as error:
            raise StoreUnavailable(f"{self.path} cannot be locked: {os_words(error)}.") from error
        self._sign()

    def _get(self) -> bool:
        """Get the lock, after any wait; False where it is that of a file removed meanwhile: ask again."""
        descriptor = self._opened()
        try:
            if not _locked(descriptor):
                self._waited = True
                waiter, descriptor = _Waiter(descriptor), -1
                descriptor = self._waited_for(waiter)
            if descriptor < 0 or not self._is_there(descriptor):
                return False
            self._descriptor, descriptor = descriptor, -1
        finally:
            if descriptor >= 0:
                os.close(descriptor)
        return True

    def _waited_for(self, waiter: _Waiter) -> int:
        """The descriptor once it holds the lock; -1 where its file was removed."""
        try:
            while not waiter.wait(self._patience_s):
                if not self._is_there(waiter.descriptor):
                    break
                self._wait_on()
        except BaseException:
            if (descriptor := waiter.end()) >= 0:
                os.close(descriptor)
            raise
        return waiter.end()

    def _opened(self) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            return os.open(self.path, flags, 0o600)
        except FileNotFoundError:
            make_directory(self.path.parent)
            return os.open(self.path, flags, 0o600)

    def _is_there(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), os.stat(self.path))
        except FileNotFoundError:
            return False

    def _wait_on(self) -> None:
        holder = self.holder()
        words = holder.words() if holder else "a process that did not say who it is"
        if self._waiting is None or not self._waiting(words):
            raise StoreLocked(f"{self.path} is held by {words}. Wait for it or end it, then try again.")

    def _sign(self) -> None:
        """Write into the lock file who holds it."""
        text = msgspec.json.encode(Holder(os.getpid(), socket.gethostname(), _command())) + b"\n"
        with contextlib.suppress(OSError):  # the lock holds all the same; only its holder's name is missing
            if os.pread(self._descriptor, len(text) + 1, 0) != text:
                os.pwrite(self._descriptor, text, 0)
                os.ftruncate(self._descriptor, len(text))


class _Waiter:
    """Waits for a lock in a thread: in the kernel those who wait get it by turns, but there is no end to waiting."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._error: OSError | None = None
        self._over = threading.Event()
        self._turn = threading.Lock()
        self._given_up = False
        threading.Thread(target=self._wait, name="store lock", daemon=True).start()

    def _wait(self) -> None:
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX)
        except OSError as error:
            self._error = error
        with self._turn:
            self._over.set()
            if self._given_up:
                os.close(self.descriptor)

    def wait(self, seconds: float) -> bool:
        """Whether the lock was had in that time. Raises OSError."""
        over = self._over.wait(seconds)
        if self._error is not None:
            raise self._error
        return over

    def end(self) -> int:
        """The descriptor that holds the lock, to be closed; -1 where it does not: nobody waits any more then."""
        with self._turn:
            self._given_up = not self._over.is_set()
            return -1 if self._given_up else self.descriptor


def _locked(descriptor: int) -> bool:
    """Whether nobody else has the lock, and this descriptor has it now; the kernel frees it with that."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


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
