"""Times that run backwards: the order of the log is that of its numbers, and times are only what was written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

import pytest

from tests.store.log_making import CONFIRMED, S, deliver, make_decision, make_item
from triage.store import appending, reader
from triage.store.log import Log
from triage.store.verifying import verify

NOON = datetime(2030, 5, 1, 12, tzinfo=UTC)
COUNT = 40


class Clock(datetime):
    """Goes back by an hour whenever it is looked at, and once by ten years."""

    looks = 0

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        cls.looks += 1
        jump = timedelta(days=3652) if cls.looks > COUNT else timedelta()
        return NOON - timedelta(hours=cls.looks) - jump


@pytest.fixture(autouse=True)
def backwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "SAVE_EVERY", 7)
    monkeypatch.setattr(appending, "SEGMENT_BYTES", 6000)
    monkeypatch.setattr(Clock, "looks", 0)
    monkeypatch.setattr("triage.store.log.datetime", Clock)
    monkeypatch.setattr("tests.store.log_making.datetime", Clock)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


def decide_all(data: Path) -> list[str]:
    """Decisions on as many items, every third of them open still; their ids in the order they were taken."""
    log, ids = Log(data), []
    for number in range(COUNT):
        if number % 3:
            ids.append(deliver(log, f"order-{number}").decision.id)
        else:
            item = make_item(f"order-{number}")
            ids.append(log.decide(make_decision(item), item).decision.id)
    return ids


def test_every_order_is_that_of_the_numbers(data: Path) -> None:
    ids = decide_all(data)
    assert list(data.glob("log/index-*.sqlite")), "a part is known by the index alone"
    for log in (Log(data), Log(data)):
        events = list(log.events())
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        times = [event.at for event in events]
        assert times == sorted(times, reverse=True)
        assert times[-1] < NOON - timedelta(days=3652)
        assert [event.decision_id for event in events if event.type == "decided"] == ids
        assert [record.decision.id for record in log.recent(COUNT)] == ids[::-1]
        assert [record.decision.id for record in log.records()] == ids[::-1]
        assert [record.decision.id for record in log.open_records()] == ids[::3]
        assert [record.decision.id for record in log.open_records("shop")] == ids[::3]
        assert [record.decision.id for record in log.alike(make_item("other"), COUNT)] == ids[::-1]
    assert verify(data).ok


def test_the_last_decision_on_an_item_is_the_later_one_though_it_says_it_was_earlier(data: Path) -> None:
    log, item = Log(data), make_item()
    first = log.decide(make_decision(item, at=NOON), item)
    log.advance(first.decision.id, S.WITHDRAWN, expect=S.HELD)
    again = log.decide(make_decision(item, at=NOON - timedelta(days=3652)), item)
    for _ in range(4):
        deliver(log, f"other-{_}")
    for one in (log, Log(data)):
        standing = one.standing(item.id)
        assert standing is not None
        assert (standing.decision.id, standing.seq) == (again.decision.id, again.seq)
        assert [event.seq for event in one.events(item.id)] == [1, 2, 3]


def test_since_goes_by_the_times_as_they_were_written(data: Path) -> None:
    decide_all(data)
    limit = NOON - timedelta(hours=20)
    found = list(Log(data).events(since=limit))
    assert [event.seq for event in found] == [event.seq for event in Log(data).events() if event.at >= limit]
    assert 0 < len(found) < COUNT


def test_retention_goes_by_the_times_and_the_chain_stays_whole(data: Path) -> None:
    decide_all(data)
    before = NOON - timedelta(hours=60)
    Log(data).erase_payloads(before)
    erased = [record for record in Log(data).records() if record.item is None]
    assert erased
    assert all(record.decision.at < before and record.state is CONFIRMED for record in erased)
    kept = [record for record in Log(data).records() if record.item is not None]
    assert all(record.decision.at >= before or record.state is S.HELD for record in kept)
    found = verify(data)
    assert found.ok
    assert found.erased == len(erased)
