"""How soon an endpoint is polled again."""

from __future__ import annotations

import pytest

from triage.desk import pace
from triage.desk.pace import Pace


@pytest.fixture(autouse=True)
def in_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "JITTER", 0.0)


def test_a_change_halves_the_pause_for_a_while() -> None:
    each = Pace(5.0, 20.0, now=0.0)
    each.went_well(10.0, changed=True)
    assert each.pause_s(10.0) == 2.5
    each.went_well(39.0, changed=False)
    assert each.pause_s(39.0) == 2.5
    assert each.pause_s(40.0) == 5.0


def test_the_pause_grows_to_a_tenth_of_the_quiet_time_and_no_further_than_the_idle_pause() -> None:
    each = Pace(5.0, 20.0, now=0.0)
    assert [each.pause_s(now) for now in (0.0, 50.0, 80.0, 150.0, 200.0, 10_000.0)] == [5, 5, 8, 15, 20, 20]


def test_a_first_look_is_no_change() -> None:
    each = Pace(5.0, 20.0, now=0.0)
    each.went_well(0.1, changed=False)
    assert each.pause_s(0.1) == 5.0


def test_failures_double_the_pause_up_to_two_minutes_and_one_answer_ends_that() -> None:
    each = Pace(5.0, 20.0, now=0.0)
    pauses = []
    for _ in range(40):
        each.failed()
        pauses.append(each.pause_s(0.0))
    assert pauses[:5] == [10, 20, 40, 80, 120]
    assert pauses[-1] == 120
    each.went_well(60.0, changed=False)
    assert each.pause_s(60.0) == 6.0


def test_a_usual_pause_above_two_minutes_is_kept_after_failures() -> None:
    each = Pace(600.0, 600.0, now=0.0)
    each.failed()
    assert each.pause_s(0.0) == 600.0


def test_an_endpoint_may_wish_for_a_longer_pause_of_an_hour_at_most_and_for_no_shorter_one() -> None:
    each = Pace(5.0, 20.0, now=0.0)
    assert [each.pause_s(0.0, wished) for wished in (1.0, 90.0, 1e9)] == [5.0, 90.0, 3600.0]


def test_many_endpoints_are_not_asked_in_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "JITTER", 0.1)
    pauses = {Pace(5.0, 20.0, now=0.0).pause_s(0.0) for _ in range(50)}
    assert len(pauses) > 40
    assert all(4.5 <= each <= 5.5 for each in pauses)
