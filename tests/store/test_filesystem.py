"""Network file systems are recognised from the mount table, and refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from triage.store.errors import SharedDirectory
from triage.store.filesystem import (
    filesystem_of,
    is_shared,
    parse_mount_command,
    parse_proc_mounts,
    refuse_shared,
    shared_filesystem,
)

LINUX = r"""/dev/vda / ext4 rw,relatime 0 0
proc /proc proc rw 0 0
tmpfs /run tmpfs rw,nosuid 0 0
files.example:/export /home nfs4 rw,vers=4.2 0 0
/dev/sdb1 /home/ann btrfs rw 0 0
//files.example/share /mnt/my\040share cifs rw 0 0
ann@host:/srv /home/ann/far fuse.sshfs rw 0 0
secret /home/ann/vault fuse.gocryptfs rw 0 0
overlay /merged overlay rw 0 0
"""
MACOS = """/dev/disk3s1s1 on / (apfs, sealed, local, read-only, journaled)
devfs on /dev (devfs, local, nobrowse)
/dev/disk3s5 on /System/Volumes/Data (apfs, local, journaled, nobrowse)
map auto_home on /System/Volumes/Data/home (autofs, automounted, nobrowse)
//ann@files.example/share on /Volumes/My Share (1) (smbfs, nodev, nosuid, mounted by ann)
files.example:/export on /Volumes/export (nfs)
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", None),
        ("/var/lib/triage", None),
        ("/home", "nfs4"),
        ("/home/bob/.local/share/triage", "nfs4"),
        ("/homestead", None),
        ("/home/ann/triage", None),
        ("/home/ann/far/triage", "fuse.sshfs"),
        ("/home/ann/farther", None),
        ("/home/ann/vault/triage", None),
        ("/mnt/my share/triage", "cifs"),
        ("/mnt/my", None),
        ("/merged/data", None),
    ],
)
def test_the_deepest_mount_of_linux_says_what_a_path_lies_on(path: str, kind: str | None) -> None:
    found = filesystem_of(path, parse_proc_mounts(LINUX))
    assert found is not None
    assert (found if is_shared(found) else None) == kind


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/Users/ann/Library/Application Support/triage", "apfs"),
        ("/System/Volumes/Data/Users", "apfs"),
        ("/Volumes/My Share (1)/triage", "smbfs"),
        ("/Volumes/export/triage", "nfs"),
    ],
)
def test_the_mount_command_of_macos_is_understood(path: str, kind: str) -> None:
    assert filesystem_of(path, parse_mount_command(MACOS)) == kind


def test_of_two_mounts_at_one_place_the_later_counts() -> None:
    assert filesystem_of("/data/x", [("/", "ext4"), ("/data", "nfs"), ("/data", "xfs")]) == "xfs"
    assert filesystem_of("/data/x", [("/", "ext4"), ("/data", "xfs"), ("/data", "nfs")]) == "nfs"


def test_a_mount_point_may_have_any_character() -> None:
    odd = "/mnt/a\u2028b\x0bc"
    escaped = r"/mnt/tab\011line\012back\134"
    mounts = list(parse_proc_mounts(f"x {odd} nfs rw 0 0\ny {escaped} cifs rw 0 0\n"))
    assert mounts == [(odd, "nfs"), ("/mnt/tab\tline\nback\\", "cifs")]


def test_what_is_no_mount_table_names_nothing() -> None:
    assert list(parse_proc_mounts("\n\nnonsense\n")) == []
    assert list(parse_mount_command("mount: not permitted\n")) == []
    assert filesystem_of("/data", []) is None
    assert shared_filesystem(Path("/data"), []) is None


@pytest.mark.parametrize("kind", "nfs nfs4 cifs smb3 9p virtiofs fuse fuse.sshfs fuse.rclone macfuse".split())
def test_a_directory_on_a_network_file_system_is_refused_in_words(kind: str, tmp_path: Path) -> None:
    directory = tmp_path / "data"
    mounts = [("/", "ext4"), (str(tmp_path.resolve()), kind)]
    with pytest.raises(SharedDirectory) as caught:
        refuse_shared(directory, mounts)
    assert str(directory) in str(caught.value)
    assert f"({kind})" in str(caught.value)
    assert "Point TRIAGE_DATA at a directory on a local disk." in str(caught.value)


@pytest.mark.parametrize("kind", "ext4 xfs btrfs zfs apfs hfs tmpfs overlay fuseblk fuse.gocryptfs".split())
def test_a_local_directory_is_taken(kind: str, tmp_path: Path) -> None:
    refuse_shared(tmp_path, [("/", "nfs4"), (str(tmp_path.resolve()), kind)])


def test_a_link_is_followed_to_where_the_files_really_lie(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    real.mkdir()
    link.symlink_to(real)
    mounts = [("/", "ext4"), (str(real.resolve()), "nfs")]
    assert shared_filesystem(link / "triage", mounts) == "nfs"


def test_the_mounts_of_this_machine_can_be_read(tmp_path: Path) -> None:
    assert shared_filesystem(tmp_path) is None
    refuse_shared(tmp_path)
