"""Which process polls and delivers for an endpoint: whoever holds the endpoint's file lock.

The kernel frees the lock when its holder ends, however it ends; another process then takes over.
Beside the lock lies a small file that names the holder, for people.
"""

from __future__ import annotations

import hashlib
import os
import socket
import sys
from pathlib import Path

import filelock
import msgspec

from triage.store.lock import process_state

__all__ = ["Ownership"]


class _Holder(msgspec.Struct, frozen=True):
    pid: int
    host: str
    command: str
    stays: bool = True


class Ownership:
    """The lock on one endpoint of one data directory.

    ``stays``: whether this process will deliver what others decide until it ends; False for a command that
    does its one thing and goes.
    """

    def __init__(self, directory: Path, endpoint: str, *, stays: bool = True) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = endpoint if endpoint.isalnum() else hashlib.sha256(endpoint.encode()).hexdigest()[:16]
        self._lock = filelock.FileLock(directory / f"endpoint-{name}.lock", mode=0o600, thread_local=False)
        self._holder = directory / f"endpoint-{name}.holder"
        self._stays = stays

    @property
    def held(self) -> bool:
        """Whether this process holds it."""
        return self._lock.is_locked

    def try_take(self) -> bool:
        """Take the lock if nobody has it; True when this process holds it now."""
        if self.held:
            return True
        try:
            self._lock.acquire(blocking=False)
        except filelock.Timeout:
            return False
        me = _Holder(os.getpid(), socket.gethostname(), Path(sys.argv[0]).name, self._stays)
        descriptor = os.open(self._holder, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.encode(me))
        return True

    def free(self) -> None:
        """Let another process take it."""
        if self.held:
            self._holder.unlink(missing_ok=True)
            self._lock.release()

    def holder(self) -> str:
        """Who holds it, in words; empty when this process does or nobody said."""
        found = self._other()
        if found is None:
            return ""
        where = "" if found.host == socket.gethostname() else f" on {found.host}"
        return f"{found.command} (process {found.pid}{where})"

    def stopped(self) -> str:
        """Who holds it and was stopped, so that nothing goes on, and how to end that; empty when nobody was."""
        found = self._other()
        if found is None or found.host != socket.gethostname() or process_state(found.pid) != "T":
            return ""
        return (
            f"{self.holder()} delivers for it and is stopped: continue it with fg in its terminal, "
            f"or with kill -CONT {found.pid}"
        )

    def other_stays(self) -> bool:
        """Whether whoever else holds it said that it stays."""
        found = self._other()
        return found is not None and found.stays

    def _other(self) -> _Holder | None:
        if self.held:
            return None
        try:
            return msgspec.json.decode(self._holder.read_bytes(), type=_Holder)
        except (FileNotFoundError, msgspec.DecodeError):
            return None
