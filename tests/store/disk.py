"""A disk for tests: it counts, fails at any call it is told to, and knows what a power cut would leave."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from triage.store.files import OS, Files

T = TypeVar("T")


class Fault(StrEnum):
    """How a call fails."""

    UNDONE = "undone"
    """An error, and nothing was done."""
    DONE = "done"
    """An error, but it was done all the same."""
    HALF = "half"
    """A write takes half of the bytes; the write of the rest fails."""
    POWER = "power"
    """The power goes: neither this call nor any later one is carried out."""


class PowerCut(BaseException):
    """The machine is off."""


class Disk(Files):
    """Real files, but each call is numbered, and the one numbered ``fail_at`` fails.

    ``lasting``: so does each one that writes after it, until ``heal``. ``sync`` only notes what it makes
    durable; see ``survivors``.
    """

    def __init__(
        self,
        fail_at: int = 0,
        fault: Fault = Fault.UNDONE,
        code: int = errno.EIO,
        *,
        lasting: bool = False,
        most: int | None = None,
    ) -> None:
        self.calls: list[str] = []
        self.written = 0
        self.read_bytes = 0
        self.failed = ""
        """What the call that failed was; empty: none did yet."""
        self._fail_at = fail_at
        self._fault = fault
        self._code = code
        self._lasting = lasting
        self._most = most
        self._healed = False
        self._rest_fails = False
        self._record = _Record()

    def heal(self) -> None:
        """From now on everything works."""
        self._healed = True

    def survivors(self, directory: Path, kept: float) -> None:
        """Write into ``directory`` what a power cut now leaves: of what was not synced, this part."""
        for name, data in self._record.after_power_cut(kept).items():
            (directory / name).write_bytes(data)

    def open(self, path: Path, flags: int) -> int:
        descriptor = self._call("open", lambda: OS.open(path, flags), undo=os.close)
        self._record.opened(descriptor, path)
        return descriptor

    def close(self, descriptor: int) -> None:
        self._record.closed(descriptor)
        try:
            self._call("close", lambda: None)
        finally:
            OS.close(descriptor)

    def stat(self, target: Path | int) -> os.stat_result:
        return self._call("stat", lambda: OS.stat(target))

    def size(self, descriptor: int) -> int:
        return self._call("size", lambda: OS.size(descriptor))

    def read(self, descriptor: int, size: int, offset: int) -> bytes:
        data = self._call("read", lambda: OS.read(descriptor, size, offset))
        self.read_bytes += len(data)
        return data

    def write(self, descriptor: int, data: bytes | memoryview) -> int:
        taken = data if self._most is None else data[: self._most]
        if self._rest_fails:
            self._rest_fails = False
            raise OSError(self._code, os.strerror(self._code))
        if self._fault is Fault.HALF and self._due("write"):
            self._rest_fails = True
            taken = data[: len(data) // 2]
        return self._call("write", lambda: self._write(descriptor, taken))

    def _write(self, descriptor: int, data: bytes | memoryview) -> int:
        size = OS.write(descriptor, data)
        self.written += size
        self._record.wrote(descriptor)
        return size

    def overwrite(self, descriptor: int, data: bytes, offset: int) -> int:
        size = self._call("overwrite", lambda: OS.overwrite(descriptor, data, offset))
        self._record.wrote(descriptor)
        return size

    def truncate(self, descriptor: int, size: int) -> None:
        self._call("truncate", lambda: OS.truncate(descriptor, size))
        self._record.wrote(descriptor)

    def sync(self, descriptor: int) -> None:
        try:
            self._call("sync", lambda: self._record.synced(descriptor))
        except OSError:
            self._record.sync_failed(descriptor)
            raise

    def rename(self, old: Path, new: Path) -> None:
        def do() -> None:
            OS.rename(old, new)
            self._record.renamed(old, new)

        self._call("rename", do)

    def remove(self, path: Path) -> None:
        def do() -> None:
            OS.remove(path)
            self._record.removed(path)

        self._call("remove", do)

    def _due(self, name: str) -> bool:
        """Whether the next call fails."""
        if self._healed or not self._fail_at:
            return False
        number = len(self.calls) + 1
        if number == self._fail_at or self._fault is Fault.POWER:
            return number >= self._fail_at
        return self._lasting and number > self._fail_at and name in _WRITING

    def _call(self, name: str, do: Callable[[], T], undo: Callable[[T], None] | None = None) -> T:
        due = self._due(name)
        self.calls.append(name)
        if due:
            self.failed = self.failed or name
        if not due or (self._fault is Fault.HALF and name == "write"):
            return do()
        if self._fault is Fault.POWER:
            raise PowerCut
        if self._fault is Fault.DONE:
            done = do()
            if undo is not None:
                undo(done)
        raise OSError(self._code, os.strerror(self._code))


_WRITING = {"write", "overwrite", "sync", "rename"}


class _Inode:
    """A file as it is on the disk itself, beside what the system shows of it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.durable = b""
        self.lost: list[tuple[int, int]] = []
        """Ranges whose fsync failed: the system takes them for written, and never writes them again."""
        self.flushed = 0
        """Up to here nothing waits to be written."""


class _Record:
    """What was written, and what of it was synced, by name."""

    def __init__(self) -> None:
        self._live: dict[Path, _Inode] = {}
        self._open: dict[int, Path] = {}
        self._inodes: dict[int, _Inode] = {}
        self._names: dict[Path, _Inode] = {}

    def opened(self, descriptor: int, path: Path) -> None:
        self._open[descriptor] = path
        if not path.is_dir():
            self._inodes[descriptor] = self._live.setdefault(path, _Inode(path))

    def closed(self, descriptor: int) -> None:
        self._open.pop(descriptor, None)
        self._inodes.pop(descriptor, None)

    def wrote(self, descriptor: int) -> None:
        inode = self._inodes[descriptor]
        size = os.fstat(descriptor).st_size
        inode.flushed = min(inode.flushed, size)
        inode.lost = [(start, min(end, size)) for start, end in inode.lost if start < size]

    def synced(self, descriptor: int) -> None:
        inode = self._inodes.get(descriptor)
        if inode is None:
            directory = self._open[descriptor]
            self._names = {path: known for path, known in self._names.items() if path.parent != directory}
            self._names |= {path: live for path, live in self._live.items() if path.parent == directory}
            return
        inode.durable = self._blanked(inode, inode.path.read_bytes())
        inode.flushed = len(inode.durable)

    def sync_failed(self, descriptor: int) -> None:
        inode = self._inodes.get(descriptor)
        if inode is not None:
            size = os.fstat(descriptor).st_size
            inode.lost.append((inode.flushed, size))
            inode.flushed = size

    def renamed(self, old: Path, new: Path) -> None:
        inode = self._live.pop(old)
        inode.path = new
        self._live[new] = inode

    def removed(self, path: Path) -> None:
        self._live.pop(path, None)

    def after_power_cut(self, kept: float) -> dict[str, bytes]:
        """Name → content, where this part of the bytes that were not synced happened to be written."""
        return {path.name: self._left(path, inode, kept) for path, inode in self._names.items()}

    def _left(self, path: Path, inode: _Inode, kept: float) -> bytes:
        if self._live.get(path) is not inode:
            return inode.durable
        now = self._blanked(inode, path.read_bytes())
        more = int((len(now) - len(inode.durable)) * kept)
        return now[: len(inode.durable) + more] if more > 0 else inode.durable

    @staticmethod
    def _blanked(inode: _Inode, data: bytes) -> bytes:
        for start, end in inode.lost:
            data = data[:start] + bytes(min(end, len(data)) - start) + data[end:]
        return data
