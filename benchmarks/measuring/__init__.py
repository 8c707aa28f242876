"""The parts, in the order of the table."""

from __future__ import annotations

from benchmarks.measuring import commands, endpoints, idling, judging, keys, linked, starting, storing
from benchmarks.part import Part

__all__ = ["PARTS"]

PARTS: tuple[Part, ...] = (
    *starting.PARTS,
    *keys.PARTS,
    *judging.PARTS,
    *linked.PARTS,
    *idling.PARTS,
    *endpoints.PARTS,
    *storing.PARTS,
    *commands.PARTS,
)
