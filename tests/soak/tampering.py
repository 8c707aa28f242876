"""Every bit of every byte of a log turned round, one after the other."""

from __future__ import annotations

from pathlib import Path

from tests.soak.report import Counts, Size
from tests.store.log_making import log_files
from tests.store.log_tampering import SEGMENTS, Tampered, make_log

__all__ = ["run"]


def run(size: Size, directory: Path) -> Counts:
    """Each is found, and its line is named as the first bad one."""
    make_log(directory / "whole")
    tampered = Tampered(directory / "data", log_files(directory / "whole"))
    step = max(1, round(1 / size.share))
    counts = {"bytes": 0, "tampered logs": 0}
    for name in SEGMENTS:
        content = tampered.files[name]
        counts["bytes"] += len(range(0, len(content), step))
        for at in range(0, len(content), step):
            for bit in range(8):
                counts["tampered logs"] += 1
                changed = content[:at] + bytes([content[at] ^ (1 << bit)]) + content[at + 1 :]
                found = tampered.first({name: changed})
                assert found == (name, content[:at].count(b"\n") + 1), (
                    f"{name}, byte {at}, bit {bit}: {found}"
                )
    return counts
