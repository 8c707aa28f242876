"""A slow link between the program and the operator: a delay each way, so many bytes a second, a full pipe."""

from __future__ import annotations

import time

__all__ = ["Link"]

_IN_FLIGHT = 64 * 1024
"""Bytes that buffers on the way take before the program has to wait."""


class Link:
    """``round_trip_s``: there and back. ``rate``: bytes a second towards the operator."""

    def __init__(self, round_trip_s: float = 0.080, rate: int = 100_000) -> None:
        self.round_trip_s = round_trip_s
        self.rate = rate
        self._free_at = 0.0

    @property
    def way_s(self) -> float:
        """How long one way takes."""
        return self.round_trip_s / 2

    def deliver(self, size: int, at: float) -> float:
        """When the last of ``size`` bytes that were sent at ``at`` reaches the operator.

        Returns late where the pipe is full, as a program's write would.
        """
        self._free_at = max(self._free_at, at) + size / self.rate
        waiting_s = self._free_at - at - _IN_FLIGHT / self.rate
        if waiting_s > 0:
            time.sleep(waiting_s)
        return self._free_at + self.way_s
