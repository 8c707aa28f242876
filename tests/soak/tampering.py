"""Every bit of every byte of a log turned round, one after the other."""

from __future__ import annotations

from pathlib import Path

from tests.soak.report import Counts, Size
from tests.store.log_making import log_files
from tests.store.log_tampering import SEGMENTS, Tampered, make_log

__all__ = ["run"]


def run(size: Size, directory: Path) -> Counts:
    """Each is found, and its line is named as the first bad one; of a payload, its file."""
    make_log(directory / "whole")
    tampered = Tampered(directory / "data", log_files(directory / "whole"))
    step = max(1, round(1 / size.share))
    counts = {"bytes of segments": 0, "bytes of payloads": 0, "tampered logs": 0}
    for name, content in tampered.files.items():
        if name in SEGMENTS:
            counts["bytes of segments"] += _turn_bits(tampered, name, content, step, counts)
        elif "payload" in name and content.strip():
            counts["bytes of payloads"] += _turn_bits(tampered, name, content, step, counts)
    return counts


def _turn_bits(tampered: Tampered, name: str, content: bytes, step: int, counts: dict[str, int]) -> int:
    for at in range(0, len(content), step):
        for bit in range(8):
            counts["tampered logs"] += 1
            changed = content[:at] + bytes([content[at] ^ (1 << bit)]) + content[at + 1 :]
            found = tampered.first({name: changed})
            line = content[:at].count(b"\n") + 1 if name in SEGMENTS else 0
            assert found == (name, line), f"{name}, byte {at}, bit {bit}: {found}"
    return len(range(0, len(content), step))
