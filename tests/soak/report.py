"""What a part of the soak did, in numbers, and the table and the JSON that say it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

__all__ = ["Counts", "Outcome", "Part", "Size", "as_json", "say", "table"]

Counts = Mapping[str, int | float]


class Size(msgspec.Struct, frozen=True):
    """How much of each part is done."""

    share: float
    """Of the long form: 1 is all of it."""
    seed: int

    def of(self, full: int, least: int = 1) -> int:
        """So many where the long form has ``full``."""
        return max(least, round(full * self.share))


class Part(msgspec.Struct, frozen=True):
    """One part of the soak. ``run`` raises where something was lost."""

    name: str
    what: str
    run: Callable[[Size, Path], Counts]


class Outcome(msgspec.Struct, frozen=True):
    """What a part came to."""

    name: str
    what: str
    seconds: float
    counts: Counts
    lost: str = ""
    """What was lost; empty: nothing."""


def say(words: str) -> None:
    """Progress, for whoever watches."""
    print(words, file=sys.stderr, flush=True)


def table(outcomes: Sequence[Outcome]) -> str:
    """The report for people."""
    lines = []
    for one in outcomes:
        lines.append(f"{one.name:10} {one.what}")
        figures = ", ".join(f"{count:,} {what}" for what, count in one.counts.items())
        lines.append(f"{'':10} {figures or 'no figures'}; {one.seconds:,.0f} s")
        lines.append(f"{'':10} lost: {one.lost.splitlines()[-1] if one.lost else 'nothing'}")
    return "\n".join(lines)


def as_json(outcomes: Sequence[Outcome], size: Size) -> bytes:
    """The same for programs."""
    report = {
        "share": size.share,
        "seed": size.seed,
        "parts": outcomes,
        "lost": [one.name for one in outcomes if one.lost],
    }
    return msgspec.json.format(msgspec.json.encode(report), indent=2)
