"""How soon an endpoint is polled again: sooner while something happens there, later while nothing does."""

from __future__ import annotations

import random

__all__ = ["MAX_BACKOFF_S", "Pace"]

MAX_BACKOFF_S = 120.0
"""Longest pause after failures."""
MAX_WISHED_S = 3600.0
"""Longest pause that an endpoint is granted, whatever it wishes for."""
LIVELY_POLLS = 6
"""For so many of its usual intervals after a change it is polled twice as often."""
QUIET_SHARE = 0.1
"""A quiet endpoint is polled when this share of its quiet time has passed again."""
JITTER = 0.1
"""So that many endpoints are not asked in step."""


class Pace:
    """The pauses between the polls of one endpoint. All times are seconds of one clock that does not jump.

    Args:
        poll_s: the usual pause.
        idle_s: the longest one while it answers and nothing happens.
    """

    def __init__(self, poll_s: float, idle_s: float, now: float) -> None:
        self._poll_s = poll_s
        self._idle_s = idle_s
        self._changed_at = now
        self._lively_until = now
        self.failures = 0
        """Polls that failed since the last that went well."""

    def went_well(self, now: float, *, changed: bool) -> None:
        """A poll was answered; ``changed``: with something other than the one before."""
        self.failures = 0
        if changed:
            self._changed_at = now
            self._lively_until = now + LIVELY_POLLS * self._poll_s

    def failed(self) -> None:
        """A poll brought nothing that could be used."""
        self.failures += 1

    def pause_s(self, now: float, wished_s: float = 0.0) -> float:
        """Seconds until the next poll; ``wished_s``: the pause that the endpoint asked for."""
        pause_s = self._after_failures_s() if self.failures else self._while_well_s(now)
        pause_s *= random.uniform(1 - JITTER, 1 + JITTER)
        return max(pause_s, min(wished_s, MAX_WISHED_S))

    def _after_failures_s(self) -> float:
        return min(self._poll_s * 2.0**self.failures, max(self._poll_s, MAX_BACKOFF_S))

    def _while_well_s(self, now: float) -> float:
        if now < self._lively_until:
            return self._poll_s / 2
        return min(max((now - self._changed_at) * QUIET_SHARE, self._poll_s), self._idle_s)
