"""The operator's own time of day, in the zone that this machine is set to, summer time or not."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from datetime import time as time_of_day

__all__ = ["MORNING_HOUR", "local_time", "tomorrow_morning"]

MORNING_HOUR = 9


def local_time(moment: datetime) -> datetime:
    """``moment`` in local time. A laptop that was carried into another zone is noticed."""
    time.tzset()
    return moment.astimezone()


def tomorrow_morning(now: datetime) -> datetime:
    """Nine o'clock of the next day here, as that day's clocks will show it."""
    tomorrow = local_time(now).date() + timedelta(days=1)
    return datetime.combine(tomorrow, time_of_day(MORNING_HOUR)).astimezone(now.tzinfo)
