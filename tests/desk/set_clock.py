"""Clocks that a test sets, and a machine that it sends to sleep."""

from __future__ import annotations

from datetime import timedelta

from triage.desk.timeliness import Clock, Moment

__all__ = ["DAY_S", "HOUR_S", "TEN_YEARS_S", "SetClock"]

HOUR_S, DAY_S = 3600.0, 86_400.0
TEN_YEARS_S = 3652 * DAY_S


class SetClock(Clock):
    """This machine's clocks, and what a test has done to them."""

    def __init__(self) -> None:
        self._set_by_s = 0.0
        self._slept_s = 0.0

    def now(self) -> Moment:
        real = super().now()
        return Moment(
            real.wall + timedelta(seconds=self._set_by_s + self._slept_s), real.steady_s + self._slept_s
        )

    def set_by(self, seconds: float) -> None:
        """Set the wall clock, as a person does or a time server. A frozen virtual machine wakes like that too."""
        self._set_by_s += seconds

    def sleep(self, seconds: float) -> None:
        """The machine sleeps, or the process is stopped."""
        self._slept_s += seconds
