"""What can be configured of judging: rules of risk, notices, commands of one's own."""

from __future__ import annotations

import re
from datetime import time
from typing import Literal

import msgspec

from triage.model.item import Risk

__all__ = ["How", "NoticeRule", "OwnCommand", "RiskRule", "quiet_hours"]

How = Literal["bell", "osc9", "command"]
_HOURS = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)\s*-\s*([01]?\d|2[0-3]):([0-5]\d)")


class RiskRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much harm a wrong decision on some items does. The first rule that matches an item counts."""

    when: str
    """The items it is about, in the filter language; ``risk:`` in it is the agent's own hint."""
    risk: Risk
    """``low``, ``medium`` or ``high``."""


class NoticeRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How you are told of what comes while you look elsewhere."""

    when: str = ""
    """The items it is about, in the filter language; default: all."""
    how: list[How] = msgspec.field(default_factory=lambda: ["bell"])
    """``bell``, ``osc9`` (a desktop notice of your terminal's, through SSH and tmux as well), ``command``."""
    command: str | None = None
    """What ``command`` runs in a shell; it gets the items as a JSON array on its standard input."""
    quiet: list[str] = []
    """Hours of your day in which nothing is told, such as ``22:00-07:00``."""

    def is_quiet(self, at: time) -> bool:
        """Whether nothing is told at ``at``, local time."""
        return any(_within(at, *quiet_hours(hours)) for hours in self.quiet)


class OwnCommand(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key that gives the item to a program."""

    run: str
    """What a shell runs; it gets the item as JSON on its standard input, and what it prints is shown."""
    key: str = ""
    """The key, or several separated by commas; without one it is in the palette alone."""
    when: str = ""
    """The items it is of use for, in the filter language; default: all."""
    label: str = ""
    """One to three words for footer and palette; default: its name."""


def quiet_hours(text: str) -> tuple[time, time]:
    """From when and until when it is quiet; may go over midnight. Raises ValueError."""
    found = _HOURS.fullmatch(text.strip())
    if found is None:
        raise ValueError("must be two times of day, such as 22:00-07:00")
    start, end = time(int(found[1]), int(found[2])), time(int(found[3]), int(found[4]))
    if start == end:
        raise ValueError("begins and ends at the same time")
    return start, end


def _within(at: time, start: time, end: time) -> bool:
    return start <= at < end if start < end else at >= start or at < end
