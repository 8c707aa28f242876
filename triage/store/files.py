"""The few operations of the operating system that the store rests on, behind one seam.

``OS`` does them for real. A test passes a ``Files`` of its own that fails where it wants.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from triage.store.errors import SyncFailed

__all__ = [
    "OS",
    "Files",
    "append_bytes",
    "make_directory",
    "opened",
    "read_at",
    "read_from",
    "replace_file",
    "sync_directory",
    "write_all",
]

_FULL_SYNC: int | None = getattr(fcntl, "F_FULLFSYNC", None)  # macOS: fsync alone stops at the drive's cache
_NO_FULL_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.ENOTTY}
_CHUNK = 16 << 20


class Files:
    """File operations by descriptor, as the ``os`` module has them."""

    def open(self, path: Path, flags: int) -> int:
        """Open ``path``; a new file gets mode 0600."""
        return os.open(path, flags | os.O_CLOEXEC, 0o600)

    def close(self, descriptor: int) -> None:
        """Give the descriptor back."""
        os.close(descriptor)

    def stat(self, target: Path | int) -> os.stat_result:
        """What the system says of a path or a descriptor."""
        return os.stat(target)

    def size(self, descriptor: int) -> int:
        """Length of the file in bytes."""
        return os.fstat(descriptor).st_size

    def read(self, descriptor: int, size: int, offset: int) -> bytes:
        """At most ``size`` bytes from ``offset``."""
        return os.pread(descriptor, size, offset)

    def write(self, descriptor: int, data: bytes | memoryview) -> int:
        """Write at the descriptor's place (its end, with O_APPEND); how many bytes were taken."""
        return os.write(descriptor, data)

    def overwrite(self, descriptor: int, data: bytes, offset: int) -> int:
        """Write over what stands at ``offset``; how many bytes were taken."""
        return os.pwrite(descriptor, data, offset)

    def truncate(self, descriptor: int, size: int) -> None:
        """Cut the file to ``size`` bytes."""
        os.ftruncate(descriptor, size)

    def sync(self, descriptor: int) -> None:
        """Return once everything written is on the disk itself."""
        if _FULL_SYNC is not None:
            try:
                fcntl.fcntl(descriptor, _FULL_SYNC)
            except OSError as error:
                if error.errno not in _NO_FULL_SYNC:
                    raise
                os.fsync(descriptor)
        else:
            os.fsync(descriptor)

    def rename(self, old: Path, new: Path) -> None:
        """Put ``old`` in the place of ``new``, in one step."""
        os.replace(old, new)

    def remove(self, path: Path) -> None:
        """Remove a file, if it is there."""
        path.unlink(missing_ok=True)


OS = Files()


def make_directory(directory: Path) -> None:
    """Make ``directory`` with mode 0700 where it is missing."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)


@contextlib.contextmanager
def opened(files: Files, path: Path, flags: int) -> Iterator[int]:
    """A descriptor of ``path``, closed at the end; what went wrong before the closing is what is told."""
    descriptor = files.open(path, flags)
    try:
        yield descriptor
    except BaseException:
        with contextlib.suppress(OSError):
            files.close(descriptor)
        raise
    files.close(descriptor)


def sync_directory(files: Files, directory: Path) -> None:
    """Make the names in ``directory`` durable. Raises SyncFailed."""
    try:
        with opened(files, directory, os.O_RDONLY) as descriptor:
            files.sync(descriptor)
    except OSError as error:
        raise SyncFailed(directory, error) from error


def write_all(files: Files, descriptor: int, data: bytes) -> None:
    """Write all of ``data``, however little the system takes at a time."""
    view = memoryview(data)
    while view:
        taken = files.write(descriptor, view)
        if taken <= 0:
            raise OSError(errno.EIO, "the system takes no more bytes")
        view = view[taken:]


def append_bytes(files: Files, path: Path, data: bytes, *, sync: bool) -> None:
    """Add ``data`` to the end of an existing file.

    Raises OSError where it was not written whole, SyncFailed where it was but may not be on the disk.
    """
    whole = False
    try:
        with opened(files, path, os.O_WRONLY | os.O_APPEND) as descriptor:
            write_all(files, descriptor, data)
            whole = True
            if sync:
                files.sync(descriptor)
    except OSError as error:
        if whole:
            raise SyncFailed(path, error) from error
        raise


def replace_file(
    files: Files, path: Path, chunks: Iterable[bytes], keep: Callable[[int], None] | None = None
) -> None:
    """Put a new file in the place of ``path``, durably: whole, or not at all.

    ``keep`` is told a descriptor of it that is closed afterwards; where that raises OSError the old one stands.

    Raises OSError where the old one still stands, SyncFailed where the new one stands but its name may
    not be on the disk yet.
    """
    new = path.with_name(path.name + ".new")
    files.remove(new)
    try:
        with opened(files, new, os.O_RDWR | os.O_CREAT | os.O_EXCL) as descriptor:
            for chunk in chunks:
                write_all(files, descriptor, chunk)
            files.sync(descriptor)
            if keep is not None:
                keep(descriptor)
        _rename(files, new, path)
    except BaseException:
        with contextlib.suppress(OSError):  # the next one removes it
            files.remove(new)
        raise
    sync_directory(files, path.parent)


def _rename(files: Files, new: Path, path: Path) -> None:
    try:
        files.rename(new, path)
    except OSError as error:
        try:
            files.stat(new)
        except FileNotFoundError:  # it was done all the same
            raise SyncFailed(path, error) from error
        raise


def read_from(files: Files, path: Path, offset: int, size: int | None = None) -> bytes:
    """The bytes of ``path`` from ``offset``: to the end, or at most ``size`` of them."""
    with opened(files, path, os.O_RDONLY) as descriptor:
        left = files.size(descriptor) - offset if size is None else size
        return read_at(files, descriptor, offset, left)


def read_at(files: Files, descriptor: int, offset: int, size: int) -> bytes:
    """At most ``size`` bytes from ``offset``; fewer only where the file ends."""
    parts = []
    while size > 0:
        part = files.read(descriptor, min(size, _CHUNK), offset)
        if not part:
            break
        parts.append(part)
        offset += len(part)
        size -= len(part)
    return b"".join(parts)
