"""Nine in the morning and quiet hours, over the days on which clocks are changed and into other zones."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.desk.scripted import Agent, make_item
from tests.desk.set_clock import HOUR_S, SetClock
from tests.tui.conftest import OpenConsole
from tests.tui.test_notifying import Heard, arrived, look_away, notify, watched
from triage.config.judging import NoticeRule
from triage.desk import noticing
from triage.desk.noticing import Noticing
from triage.model.filtering import Subject
from triage.tui.local_time import local_time, tomorrow_morning

SetZone = Callable[[str], None]


@pytest.fixture
def zone() -> Iterator[SetZone]:
    """Sets the machine's zone, as somebody does who travels."""
    with pytest.MonkeyPatch.context() as patch:
        yield lambda name: patch.setenv("TZ", name)
    time.tzset()


def at(text: str, zone: str) -> datetime:
    """A local time of the zone, in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


@pytest.mark.parametrize(
    ("zone_name", "now", "morning"),
    [
        ("Europe/Berlin", "2026-03-28T15:00", "2026-03-29T07:00Z"),  # summer time begins that night
        ("Europe/Berlin", "2026-03-29T15:00", "2026-03-30T07:00Z"),
        ("Europe/Berlin", "2026-10-24T15:00", "2026-10-25T08:00Z"),  # it ends
        ("Europe/Berlin", "2026-10-25T15:00", "2026-10-26T08:00Z"),
        ("America/New_York", "2026-03-07T23:59", "2026-03-08T13:00Z"),
        ("America/New_York", "2026-10-31T23:59", "2026-11-01T14:00Z"),
        ("America/New_York", "2026-11-01T00:01", "2026-11-02T14:00Z"),
        ("Asia/Kolkata", "2026-03-28T15:00", "2026-03-29T03:30Z"),
    ],
)
def test_tomorrow_morning_is_nine_o_clock_there(
    zone: SetZone, zone_name: str, now: str, morning: str
) -> None:
    zone(zone_name)
    assert tomorrow_morning(at(now, zone_name)) == datetime.fromisoformat(morning)


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)),
    st.sampled_from(["Europe/Berlin", "America/New_York"]),
)
@settings(deadline=None)
def test_whenever_it_is_asked(moment: datetime, zone_name: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", zone_name)
        now = moment.replace(tzinfo=UTC)
        found = tomorrow_morning(now)
    time.tzset()
    here = found.astimezone(ZoneInfo(zone_name))
    assert (here.hour, here.minute, here.second) == (9, 0, 0)
    assert here.date() == now.astimezone(ZoneInfo(zone_name)).date() + timedelta(days=1)
    assert timedelta(hours=8) < found - now < timedelta(hours=34)


def test_a_laptop_that_was_carried_into_another_zone_is_noticed(zone: SetZone) -> None:
    moment = datetime(2026, 7, 1, 12, tzinfo=UTC)
    zone("Europe/Berlin")
    assert local_time(moment).hour == 14
    zone("America/New_York")
    assert local_time(moment).hour == 8


NIGHT = ["22:00-07:00"]
AT_TWO = ["02:00-02:45"]


@pytest.mark.parametrize(
    ("zone_name", "quiet", "moment", "told"),
    [
        ("Europe/Berlin", NIGHT, "2026-03-29T00:59Z", False),  # 01:59, before the hour that is left out
        ("Europe/Berlin", NIGHT, "2026-03-29T01:00Z", False),  # 03:00
        ("Europe/Berlin", NIGHT, "2026-03-29T04:59Z", False),  # 06:59
        ("Europe/Berlin", NIGHT, "2026-03-29T05:00Z", True),  # 07:00
        ("Europe/Berlin", NIGHT, "2026-10-25T05:59Z", False),  # 06:59, an hour later than the day before
        ("Europe/Berlin", NIGHT, "2026-10-25T06:00Z", True),
        ("Europe/Berlin", AT_TWO, "2026-03-29T01:10Z", True),  # there is no 02:10 that night
        ("Europe/Berlin", AT_TWO, "2026-10-25T00:10Z", False),  # there are two of them
        ("Europe/Berlin", AT_TWO, "2026-10-25T01:10Z", False),
        ("America/New_York", NIGHT, "2026-03-08T10:59Z", False),
        ("America/New_York", NIGHT, "2026-03-08T11:00Z", True),
        ("America/New_York", NIGHT, "2026-11-01T11:59Z", False),
        ("America/New_York", NIGHT, "2026-11-01T12:00Z", True),
        ("America/New_York", AT_TWO, "2026-03-08T07:10Z", True),
        ("America/New_York", AT_TWO, "2026-11-01T07:10Z", False),
    ],
)
def test_quiet_hours_go_by_the_clock_on_the_wall(
    zone: SetZone, zone_name: str, quiet: list[str], moment: str, told: bool
) -> None:
    zone(zone_name)
    now = datetime.fromisoformat(moment)
    notices = Noticing([NoticeRule(quiet=quiet)], {})
    found = notices.notice([Subject(make_item("a"), now)], local_time(now).time())
    assert (found is not None) is told


async def test_what_comes_after_the_clock_was_set_back_is_told_of_all_the_same(
    agent: Agent, open_console: OpenConsole, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SetClock()

    class Now(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return clock.now().wall

    monkeypatch.setattr("triage.desk.polling.datetime", Now)
    monkeypatch.setattr(noticing, "GATHER_S", 0.1)
    agent.ask("a")
    async with open_console(settings=notify(how=["bell"]), clock=clock) as console:
        heard = Heard(console)
        await watched(console)
        await look_away(console)
        clock.set_by(-10 * HOUR_S)
        item = agent.ask("b")
        await arrived(console, item)
        await console.until(lambda: "\x07" in heard.notices)
        assert console.entry(item).seen_at < clock.now().wall + timedelta(minutes=1)
        assert console.screen.view.is_new(console.entry(item))


async def test_an_item_put_off_until_tomorrow_comes_back_when_the_clock_is_set_back(
    agent: Agent, open_console: OpenConsole
) -> None:
    clock = SetClock()
    item = agent.ask("a")
    async with open_console(clock=clock) as console:
        await console.press("S", "4")
        until = console.entry(item).marks.snoozed_until
        assert until is not None
        assert until.astimezone().strftime("%H:%M") == "09:00"
        assert console.screen.view.counts.total() == 0
        clock.set_by(-24 * HOUR_S)
        console.screen.view.tick()
        assert console.screen.view.counts.total() == 1
