"""Whether a decision may still go out, by two clocks: the wall clock, which people and time servers set, and one
that nobody sets and that goes on while the machine sleeps.

Where they disagree the decision is not sent but asked for again. Nothing here looks at a clock of its own
accord; ``Clock`` is passed in.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from triage.model.decision import Decision
from triage.model.item import Item

__all__ = ["SLACK_S", "Clock", "Moment", "Sending", "passed_s", "why_too_old"]

MAX_HELD_S = 600.0
"""A decision not sent by then is asked again."""
MAX_SENDING_GAP_S = 2.0
"""Longest time between logging ``sending`` and the send itself."""
MAX_READ_AGE_S = 30.0
"""Longest time from reading the item again to the first byte of what is sent."""
SLACK_S = 5.0
"""What clocks may be set by, and a busy process may be late, without meaning anything."""

_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""On Linux the monotonic clock stands still while the machine sleeps; elsewhere it goes on."""


class Moment(NamedTuple):
    """One reading of both clocks."""

    wall: datetime
    steady_s: float


class Clock:
    """This machine's clocks."""

    def now(self) -> Moment:
        """Both, read now."""
        return Moment(datetime.now(UTC), time.clock_gettime(_STEADY))


def passed_s(since: Moment, now: Moment) -> float:
    """Seconds from one moment to the other: the more of the two clocks' differences.

    A virtual machine that was frozen notices it by the wall clock alone.
    """
    return max(now.steady_s - since.steady_s, (now.wall - since.wall).total_seconds())


def why_too_old(decision: Decision, seen: Moment, now: Moment) -> str | None:
    """Why a held decision must not be sent any more for its age; None: it is young enough, for sure.

    ``seen``: when this process first met it.
    """
    age_s = (now.wall - decision.at).total_seconds()
    if age_s < -SLACK_S:
        return (
            f"not sent: the clock was set back by {_length(-age_s)} or more since it was decided, so that nobody "
            "can say how old it is; decide it again"
        )
    limit_s = max(MAX_HELD_S, 2 * decision.hold_s)
    if max(age_s, now.steady_s - seen.steady_s) <= limit_s:
        return None
    return f"not sent within {limit_s / 60:.0f} minutes of being decided"


def why_overdue(item: Item, now: Moment) -> str | None:
    """Why nothing may be sent about the item any more; None where it has no deadline or that is to come."""
    if item.expires_at is not None and item.expires_at <= now.wall:
        return "not sent, its deadline has passed"
    return None


class Sending:
    """What one send must keep to: its item's deadline, and how long ago that was read.

    Args:
        read: when reading it again began.
    """

    def __init__(self, clock: Clock, item: Item, read: Moment) -> None:
        self._clock = clock
        self._item = item
        self._since = read

    def why_not(self) -> str | None:
        """Why nothing may go out any more; None: it may."""
        now = self._clock.now()
        since_s = passed_s(self._since, now)
        if since_s > MAX_READ_AGE_S:
            return f"{slept_words(since_s)} between reading the item again and sending"
        return why_overdue(self._item, now)

    def went(self) -> None:
        """A request goes out: what follows it has as long again."""
        self._since = self._clock.now()


def slept_words(seconds: float) -> str:
    """That time passed in which nothing should have happened, as the beginning of a sentence."""
    return f"not sent: the machine slept, or triage was stopped, for {_length(seconds)}"


def _length(seconds: float) -> str:
    """A length of time for a sentence: ``40 s``, ``3 hours``; longer ones in days."""
    length = timedelta(seconds=seconds)
    if length.days:
        return f"{length.days:,} day{'s' if length.days > 1 else ''}"
    for size, word in ((3600, "hour"), (60, "minute")):
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {word}{'s' if count > 1 else ''}"
    return f"{seconds:.0f} s"
