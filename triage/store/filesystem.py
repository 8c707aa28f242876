"""Which file systems are shared by several machines: file locks and renames cannot be trusted there."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

from triage.store.errors import SharedDirectory

__all__ = ["refuse_shared", "shared_filesystem"]

_SHARED = frozenset(
    "nfs nfs3 nfs4 cifs smb2 smb3 smbfs ncpfs afs afpfs webdav davfs davfs2 9p coda ceph glusterfs lustre "
    "gpfs beegfs ocfs2 gfs2 orangefs pvfs2 fuse macfuse osxfuse virtiofs vboxsf prl_fs drvfs".split()
)
_LOCAL_FUSE = frozenset(
    "fuse.bindfs fuse.cryfs fuse.encfs fuse.exfat fuse.fuse-overlayfs fuse.gocryptfs fuse.lxcfs "
    "fuse.mergerfs fuse.ntfs fuse.ntfs-3g fuse.portal fuse.securefs".split()
)


Mounts = Iterable[tuple[str, str]]
"""Mount points with their types, in the order they were mounted."""


def refuse_shared(directory: Path, mounts: Mounts | None = None) -> None:
    """Raise SharedDirectory where ``directory`` lies on a shared file system."""
    kind = shared_filesystem(directory, mounts)
    if kind is not None:
        raise SharedDirectory(
            f"{directory} lies on a network file system ({kind}), where locks cannot be relied on and two "
            "people could decide the same item. Point TRIAGE_DATA at a directory on a local disk."
        )


def shared_filesystem(path: Path, mounts: Mounts | None = None) -> str | None:
    """The type of the shared file system ``path`` lies on, for instance ``nfs4``; None: a local one.

    ``mounts``: what is mounted; None: as the system says.
    """
    real = os.path.realpath(path)
    kind = filesystem_of(real, _mounts() if mounts is None else mounts)
    return kind if kind is not None and is_shared(kind) else None


def is_shared(kind: str) -> bool:
    """Whether a file system of this type may be mounted by several machines."""
    if kind.startswith("fuse."):
        return kind not in _LOCAL_FUSE
    return kind in _SHARED


def filesystem_of(path: str, mounts: Mounts) -> str | None:
    """The type of the mount that ``path`` lies on: the deepest, of two at one place the later."""
    best, kind = -1, None
    for point, mounted in mounts:
        inside = path == point or path.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= best:
            best, kind = len(point), mounted
    return kind


def _mounts() -> Iterator[tuple[str, str]]:
    """Each mount point with its type."""
    try:
        text = Path("/proc/self/mounts").read_text(errors="surrogateescape")
    except OSError:
        return parse_mount_command(_mount_command())
    return parse_proc_mounts(text)


def parse_proc_mounts(text: str) -> Iterator[tuple[str, str]]:
    """Mount points and types of Linux' ``/proc/self/mounts``."""
    for line in text.split("\n"):
        fields = line.split(" ")
        if len(fields) >= 3:
            yield re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), fields[1]), fields[2]


def parse_mount_command(text: str) -> Iterator[tuple[str, str]]:
    """Mount points and types as macOS' and BSD's ``mount`` prints them: ``what on /point (type, …)``."""
    for line in text.split("\n"):
        match = re.fullmatch(r".*? on (/.*) \((\w+)[^()]*\)", line)
        if match:
            yield match[1], match[2]


def _mount_command() -> str:
    try:
        done = subprocess.run(["/sbin/mount"], capture_output=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode(errors="surrogateescape")
