"""Ages, deadlines and delivery states in words: pure functions of seconds and states."""

from __future__ import annotations

import math
from datetime import datetime
from types import MappingProxyType

from triage.model.decision import DeliveryState
from triage.model.endpoint import HealthState
from triage.model.item import Verb

__all__ = [
    "HEALTH_WORDS",
    "VERB_DONE",
    "age",
    "age_words",
    "clock",
    "countdown",
    "due",
    "due_words",
    "plural",
    "state_words",
    "time_left",
]

_MINUTE, _HOUR, _DAY, _WEEK = 60, 3600, 86_400, 604_800
_UNITS = ((_WEEK, "w", "week"), (_DAY, "d", "day"), (_HOUR, "h", "hour"), (_MINUTE, "m", "minute"))

HEALTH_WORDS = MappingProxyType(
    {
        HealthState.NEW: "not asked yet",
        HealthState.OK: "",
        HealthState.DEGRADED: "partly unreadable",
        HealthState.FAILING: "not reachable",
        HealthState.DENIED: "refuses our credentials",
    }
)
"""How an endpoint fares, in a word or two; empty where all is well."""

VERB_DONE = MappingProxyType(
    {
        Verb.APPROVE: "approved",
        Verb.EDIT: "edited",
        Verb.REJECT: "rejected",
        Verb.RESPOND: "answered",
        Verb.IGNORE: "ignored",
        Verb.CLOSE: "closed",
    }
)
"""Verb → what was done, for a sentence."""

_STATE_WORDS = MappingProxyType(
    {
        DeliveryState.HELD: "held",
        DeliveryState.SENDING: "sending",
        DeliveryState.SENT: "sent",
        DeliveryState.CONFIRMED: "confirmed",
        DeliveryState.REFUSED: "refused",
        DeliveryState.UNKNOWN: "unknown",
        DeliveryState.WITHDRAWN: "taken back",
        DeliveryState.STALE: "out of date",
        DeliveryState.CLOSED: "closed",
    }
)


def plural(count: int, word: str, words: str | None = None) -> str:
    """``1 item``, ``1,204 items``."""
    return f"{count:,} {word if count == 1 else words or word + 's'}"


def countdown(left_s: float) -> int:
    """Whole seconds left, never negative; the last part of a second counts as one."""
    return max(0, math.ceil(left_s))


def clock(moment: datetime) -> str:
    """The local time of day; of a moment that has none, as at the calendar's ends, the moment itself."""
    try:
        return moment.astimezone().strftime("%H:%M")
    except (OverflowError, OSError):
        return moment.isoformat(" ", "minutes")


def age(seconds: float) -> str:
    """An age in at most three characters, such as ``4m``; ``now`` below a minute."""
    for size, letter, _ in _UNITS:
        if seconds >= size:
            return f"{min(int(seconds // size), 99)}{letter}"
    return "now"


def age_words(seconds: float) -> str:
    """An age spelled out: ``4 minutes``."""
    for size, _, word in _UNITS:
        if seconds >= size:
            return plural(int(seconds // size), word)
    return "less than a minute"


def due(left_s: float) -> str:
    """A deadline for a narrow column: ``due 12m``, ``overdue 3h``."""
    if left_s <= 0:
        return f"overdue {age(-left_s)}".removesuffix(" now")
    return f"due {time_left(left_s)}"


def time_left(left_s: float) -> str:
    """What is left of a time, in at most three characters."""
    return "<1m" if left_s < _MINUTE else age(left_s)


def due_words(left_s: float) -> str:
    """A deadline in a sentence: ``due in 12 minutes``, ``3 hours overdue``."""
    if left_s <= 0:
        return f"{age_words(-left_s)} overdue" if left_s <= -_MINUTE else "just overdue"
    return f"due in {age_words(left_s)}"


def state_words(state: DeliveryState, held_s: float | None = None) -> str:
    """A delivery state in a word or two: ``held 4 s``, ``sending``."""
    if state is DeliveryState.HELD and held_s is not None:
        return f"held {countdown(held_s)} s"
    return _STATE_WORDS[state]
