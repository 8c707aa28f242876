"""What was decided in this console, and how long each decision took."""

from __future__ import annotations

import time
from collections.abc import Sequence

__all__ = ["Stopwatch"]


class Stopwatch:
    """Keeps the ids of decisions and the seconds they took."""

    def __init__(self) -> None:
        self.took_s: dict[str, float] = {}
        """Decision id → seconds, in the order they were decided."""
        self._many_since_s = 0.0

    def decided(self, decision_id: str, took_s: float) -> None:
        """One was decided, so long after its item appeared."""
        self.took_s[decision_id] = took_s

    def begin_many(self) -> None:
        """Many are about to be decided together."""
        self._many_since_s = time.monotonic()

    def decided_many(self, decision_ids: Sequence[str]) -> None:
        """They were: each took its part of the time."""
        each_s = (time.monotonic() - self._many_since_s) / max(1, len(decision_ids))
        self.took_s.update(dict.fromkeys(decision_ids, each_s))
