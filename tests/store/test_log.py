"""The decision log: first decision wins, deliveries follow their states, everything is there after opening."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.store.log_making import CONFIRMED, HELD, S, deliver, log_files, make_decision, make_item
from triage.model.decision import DeliveryState, Receipt
from triage.store import appending
from triage.store.errors import SharedDirectory, StoreDamaged, StoreTooNew, StoreUnavailable
from triage.store.files import Files
from triage.store.log import AlreadyDecided, Event, Log, WrongState, log_directory
from triage.store.verifying import verify


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def log(data: Path) -> Log:
    return Log(data)


def told(events: list[Event]) -> list[tuple[str, str]]:
    return [(event.type, event.state) for event in events]


# deciding


def test_a_decision_is_held_and_there_after_opening_again(data: Path, log: Log) -> None:
    item = make_item()
    decision = make_decision(item)
    record = log.decide(decision, item)
    assert (record.state, record.decision, record.seq) == (HELD, decision, 1)
    again = Log(data).record(decision.id)
    assert again == record
    assert again is not None
    assert again.item == msgspec.structs.replace(item, raw=None)


def test_the_raw_item_stays_out_of_the_log(data: Path, log: Log) -> None:
    item = make_item()
    log.decide(make_decision(item), item)
    assert not any(b"by the agent" in content for content in log_files(data).values())


def test_the_first_decision_wins_and_the_second_is_told_who_and_when(data: Path, log: Log) -> None:
    item = make_item()
    at = datetime(2031, 5, 17, 12, 30, 5, tzinfo=UTC)
    first = log.decide(make_decision(item, operator="ada", at=at), item)
    with pytest.raises(AlreadyDecided) as refused:
        Log(data).decide(make_decision(item, operator="bob"), item)
    assert refused.value.record == first
    when = at.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    assert str(refused.value) == f"ada decided it first, at {when}: approve, held"
    assert [record.decision.operator for record in Log(data).recent(9)] == ["ada"]


def test_an_open_log_sees_the_decision_of_another_before_it_decides(data: Path, log: Log) -> None:
    other, item = Log(data), make_item()
    other.decide(make_decision(item, operator="bob"), item)
    with pytest.raises(AlreadyDecided, match="bob decided it first"):
        log.decide(make_decision(item), item)


def test_a_confirmed_item_is_not_decided_again(log: Log) -> None:
    deliver(log, "refund")
    with pytest.raises(AlreadyDecided, match="approve, confirmed"):
        log.decide(make_decision(make_item()), make_item())


@pytest.mark.parametrize(
    "way",
    [
        [S.WITHDRAWN],
        [S.STALE],
        [S.SENDING, S.STALE],
        [S.SENDING, S.REFUSED],
        [S.SENDING, S.SENT, S.REFUSED],
        [S.SENDING, S.UNKNOWN, S.REFUSED],
        [S.SENDING, S.UNKNOWN, S.CLOSED],
    ],
)
def test_after_these_ends_the_item_can_be_decided_again(
    data: Path, log: Log, way: list[DeliveryState]
) -> None:
    item = make_item()
    first = record = log.decide(make_decision(item), item)
    for state in way:
        record = log.advance(record.decision.id, state, expect=record.state)
    second = log.decide(make_decision(item, operator="bob"), item)
    for each in (log, Log(data)):
        assert each.standing(item.id) == second
        assert each.record(first.decision.id) == record
        assert each.open_records() == [second]


@pytest.mark.parametrize(
    "way", [[], [S.SENDING], [S.SENDING, S.SENT], [S.SENDING, S.UNKNOWN], [S.SENDING, S.CONFIRMED]]
)
def test_in_these_states_it_stays_decided(log: Log, way: list[DeliveryState]) -> None:
    item = make_item()
    record = log.decide(make_decision(item), item)
    for state in way:
        record = log.advance(record.decision.id, state, expect=record.state)
    with pytest.raises(AlreadyDecided, match=record.state.value):
        log.decide(make_decision(item, operator="bob"), item)


def test_a_decision_on_another_item_or_with_a_known_id_is_refused(data: Path, log: Log) -> None:
    item, other = make_item(), make_item("other")
    decision = make_decision(item)
    with pytest.raises(ValueError, match="not one on item"):
        log.decide(decision, other)
    log.decide(decision, item)
    with pytest.raises(ValueError, match="in the log already"):
        log.decide(make_decision(other, id=decision.id), other)
    assert len(list(Log(data).events())) == 1


def test_an_item_that_cannot_be_stored_is_refused_and_the_log_goes_on(data: Path, log: Log) -> None:
    deep: Any = "end"
    for _ in range(500):
        deep = [deep]
    item = msgspec.structs.replace(make_item(), locator={"deep": deep})
    with pytest.raises(ValueError, match="nested more than"):
        log.decide(make_decision(item), item)
    surrogate = make_item(title="half \ud800")
    with pytest.raises(ValueError, match="surrogate"):
        log.decide(make_decision(surrogate), surrogate)
    deliver(log, "after")
    assert verify(data).ok


# delivering


def test_a_delivery_keeps_what_each_step_says(data: Path, log: Log) -> None:
    item = make_item()
    id = log.decide(make_decision(item), item).decision.id
    log.advance(id, S.SENDING, expect=HELD)
    log.advance(id, S.UNKNOWN, expect=S.SENDING, detail="no answer", receipt=Receipt("run-1", {"code": 504}))
    record = log.advance(id, S.CLOSED, expect=S.UNKNOWN, operator="bob", note="asked by telephone")
    assert (record.state, record.note, record.detail) == (S.CLOSED, "asked by telephone", "")
    assert record.receipt == Receipt("run-1", {"code": 504})
    assert Log(data).record(id) == record
    assert log.open_records() == []


def test_a_delivery_in_another_state_than_thought_is_not_advanced(data: Path, log: Log) -> None:
    item = make_item()
    id = log.decide(make_decision(item), item).decision.id
    Log(data).advance(id, S.WITHDRAWN, expect=HELD, operator="bob")
    with pytest.raises(WrongState, match="withdrawn already") as wrong:
        log.advance(id, S.SENDING, expect=HELD)
    assert wrong.value.record.state is S.WITHDRAWN
    assert [event.state for event in log.events(item.id)] == ["", "withdrawn"]


@pytest.mark.parametrize(("expect", "to"), [(HELD, S.UNKNOWN), (HELD, S.SENT), (S.SENDING, S.WITHDRAWN)])
def test_a_step_that_no_delivery_takes_is_refused_before_it_is_written(
    data: Path, log: Log, expect: DeliveryState, to: DeliveryState
) -> None:
    item = make_item()
    id = log.decide(make_decision(item), item).decision.id
    with pytest.raises(ValueError, match=f"does not go from {expect} to {to}"):
        log.advance(id, to, expect=expect)
    assert len(list(Log(data).events())) == 1


def test_a_decision_that_nobody_took_cannot_be_delivered(log: Log) -> None:
    with pytest.raises(LookupError, match="no decision nonesuch"):
        log.advance("nonesuch", S.SENDING, expect=HELD)


def test_what_happened_is_logged_even_where_its_text_cannot_be_stored(data: Path, log: Log) -> None:
    item = make_item()
    id = log.decide(make_decision(item), item).decision.id
    log.advance(id, S.SENDING, expect=HELD)
    deep: Any = 0
    for _ in range(900):
        deep = {"deeper": deep}
    log.advance(
        id, S.SENT, expect=S.SENDING, detail="half \ud800", receipt=Receipt("run-\udfff", {"x": deep})
    )
    record = Log(data).record(id)
    assert record is not None
    assert (record.state, record.detail) == (S.SENT, "half ?")
    assert record.receipt is not None
    assert record.receipt.reference == "run-?"
    assert "nested" in record.receipt.detail["not stored"]


def test_open_deliveries_come_in_the_order_of_their_decisions(data: Path, log: Log) -> None:
    ids = []
    for key, endpoint in [("a", "shop"), ("b", "mail"), ("c", "shop"), ("d", "mail")]:
        item = make_item(key, endpoint)
        ids.append(log.decide(make_decision(item), item).decision.id)
    log.advance(ids[2], S.WITHDRAWN, expect=HELD)
    for each in (log, Log(data)):
        assert [record.decision.id for record in each.open_records()] == [ids[0], ids[1], ids[3]]
        assert [record.decision.id for record in each.open_records("mail")] == [ids[1], ids[3]]
        assert each.open_records("elsewhere") == []


def test_recent_decisions_come_newest_first(data: Path, log: Log) -> None:
    ids = [deliver(log, key).decision.id for key in "abcd"]
    for each in (log, Log(data)):
        assert [record.decision.id for record in each.recent(2)] == ids[:1:-1]
        assert [record.decision.id for record in each.records()] == ids[::-1]


# other events, and what is new


def test_pausing_one_endpoint_or_all(data: Path, log: Log) -> None:
    log.append("paused", endpoint="shop", operator="ada")
    log.append("paused", endpoint="*")
    log.append("paused", endpoint="mail")
    log.append("resumed", endpoint="shop")
    assert log.paused() == Log(data).paused() == {"*", "mail"}
    log.append("resumed", endpoint="*")
    assert log.paused() == Log(data).paused() == frozenset()


def test_decisions_and_deliveries_are_not_appended_by_hand(log: Log) -> None:
    with pytest.raises(ValueError, match="method of its own"):
        log.append("decided", item_id="x")


def test_refresh_tells_each_event_once_whoever_wrote_it(data: Path, log: Log) -> None:
    other = Log(data)
    assert log.refresh() == []
    deliver(log, "mine")
    other.append("noted", item_id="x", operator="bob", detail="look at it")
    assert told(log.refresh()) == [
        ("decided", ""),
        ("delivery", "sending"),
        ("delivery", "sent"),
        ("delivery", "confirmed"),
        ("noted", ""),
    ]
    assert log.refresh() == []
    assert [event.seq for event in other.refresh()] == [1, 2, 3, 4, 5]
    assert other.refresh() == []
    assert Log(data).refresh() == []


def test_events_of_one_item_and_since_a_time(data: Path, log: Log) -> None:
    item = make_item("b")
    deliver(log, "a")
    deliver(log, "b")
    log.append("noted", item_id=item.id, detail="late")
    middle = list(log.events(item.id))[2].at
    for each in (log, Log(data)):
        assert [event.seq for event in each.events()] == list(range(1, 10))
        assert [event.seq for event in each.events(item.id)] == [5, 6, 7, 8, 9]
        assert [event.seq for event in each.events(item.id, since=middle)] == [7, 8, 9]
        assert list(each.events("unknown")) == []


def test_events_order_by_number_when_the_clock_goes_backwards(data: Path, log: Log) -> None:
    late, early = datetime(2031, 1, 2, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC)
    for key, at in (("a", late), ("b", early)):
        item = make_item(key)
        log.decide(make_decision(item, at=at), item)
    assert [event.at for event in Log(data).events()] == [late, early]
    assert [record.decision.at for record in Log(data).recent(2)] == [early, late]
    assert verify(data).ok


def test_looking_at_a_log_that_is_not_there_writes_nothing(data: Path) -> None:
    log = Log(data)
    assert (log.refresh(), log.open_records(), log.recent(5), list(log.events())) == ([], [], [], [])
    assert (log.record("x"), log.standing("x"), log.paused()) == (None, None, frozenset())
    assert not data.exists()


def test_directories_and_files_are_for_their_owner_alone(data: Path, log: Log) -> None:
    deliver(log, "a")
    directory = log_directory(data)
    assert directory.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in directory.iterdir()} == {0o600}


# segments


@pytest.fixture
def short_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(appending, "SEGMENT_BYTES", 1500)


@pytest.mark.usefixtures("short_segments")
def test_segments_follow_each_other_without_a_seam(data: Path, log: Log) -> None:
    follower = Log(data)
    for number in range(12):
        deliver(log, f"order-{number}")
    other = Log(data)
    assert len(list(log_directory(data).glob("????????.jsonl"))) >= 6
    for each in (log, other):
        assert [event.seq for event in each.events()] == list(range(1, 49))
        assert [record.item.key for record in each.records() if record.item] == [
            f"order-{number}" for number in reversed(range(12))
        ]
    assert len(follower.refresh()) == 48
    deliver(other, "another")
    assert [record.state for record in log.records()] == [CONFIRMED] * 12
    assert len(log.refresh()) == 52
    assert (verify(data).ok, verify(data).events) == (True, 52)


@pytest.mark.usefixtures("short_segments")
def test_a_missing_segment_is_said_when_the_log_is_opened(data: Path, log: Log) -> None:
    for number in range(8):
        deliver(log, f"order-{number}")
    (log_directory(data) / "00000002.jsonl").unlink()
    with pytest.raises(StoreDamaged, match=r"head.json says|more events were written|segment is missing"):
        Log(data)
    (log_directory(data) / "head.json").unlink()
    with pytest.raises(StoreDamaged, match=r"00000002.jsonl: the segment is missing"):
        Log(data)


def test_a_log_that_was_cut_off_is_not_opened_and_nothing_is_sent_again(data: Path, log: Log) -> None:
    deliver(log, "a")
    path = log_directory(data) / "00000001.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:2]))
    with pytest.raises(StoreDamaged, match="line 3: the log ends here, and 3 more events were written"):
        Log(data)
    with pytest.raises(StoreDamaged):
        log.advance(next(log.records()).decision.id, S.SENDING, expect=HELD)


def test_a_damaged_log_stays_refused_until_it_is_whole(data: Path, log: Log) -> None:
    deliver(log, "a")
    path = log_directory(data) / "00000001.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole + b"rubbish\n")
    for _ in range(2):
        with pytest.raises(StoreDamaged, match="line 6: this is not an event of a log"):
            log.refresh()
        with pytest.raises(StoreDamaged, match="line 6"):
            log.decide(make_decision(make_item("b")), make_item("b"))
    assert [record.state for record in log.recent(5)] == [CONFIRMED]
    path.write_bytes(whole)
    deliver(log, "b")
    assert [event.seq for event in log.refresh()] == list(range(1, 9))
    assert verify(data).ok


# retention


def test_erased_payloads_leave_who_when_and_what(data: Path, log: Log) -> None:
    record = deliver(log, "a")
    before = datetime.now(UTC) + timedelta(hours=1)
    assert log.erase_payloads(before, "ada") == 1
    assert log.erase_payloads(before, "ada") == 0
    for each in (log, Log(data)):
        left = each.record(record.decision.id)
        assert left is not None
        assert left.item is None
        assert (left.decision.operator, left.decision.verb, left.state) == ("ada", "approve", CONFIRMED)
        assert left.decision.verdicts[0].reason is None
        decided = next(each.events())
        assert each.payload(decided) is None
    assert not any(b"as asked" in content for content in log_files(data).values())
    found = verify(data)
    assert (found.ok, found.payloads, found.erased) == (True, 0, 1)


def test_what_another_process_erased_is_not_shown_any_more(data: Path, log: Log) -> None:
    other = Log(data)
    record = deliver(log, "a")
    other.refresh()
    shown = other.record(record.decision.id)
    assert shown is not None
    assert shown.item is not None
    log.erase_payloads(datetime.now(UTC) + timedelta(hours=1))
    other.refresh()
    assert other.record(record.decision.id) == Log(data).record(record.decision.id)
    assert other.recent(1)[0].item is None


def test_open_and_younger_decisions_keep_their_payloads(data: Path, log: Log) -> None:
    old = datetime.now(UTC) - timedelta(days=100)
    ids: dict[str, str] = {}
    for key, at in (("old", old), ("open", old), ("older", old - timedelta(days=9)), ("new", None)):
        item = make_item(key)
        ids[key] = log.decide(make_decision(item, at=at), item).decision.id
        if key != "open":
            log.advance(ids[key], S.WITHDRAWN, expect=HELD)
    assert log.erase_payloads(datetime.now(UTC) - timedelta(days=90)) == 2
    kept = {key for key, id in ids.items() if (found := Log(data).record(id)) and found.item}
    assert kept == {"open", "new"}
    log.advance(ids["open"], S.WITHDRAWN, expect=HELD)
    assert log.erase_payloads(datetime.now(UTC) - timedelta(days=90)) == 1
    assert (verify(data).ok, verify(data).erased, verify(data).payloads) == (True, 3, 1)


def test_an_erasing_that_was_cut_off_is_ended_by_the_next(data: Path, log: Log) -> None:
    deliver(log, "a")
    deliver(log, "b")
    segment = log_directory(data) / "00000001.jsonl"
    whole = segment.read_bytes()
    log.erase_payloads(datetime.now(UTC) + timedelta(hours=1))
    blanked = segment.read_bytes()
    half = blanked.index(b"  ") + 100
    segment.write_bytes(blanked[:half] + whole[half:] + blanked[len(whole) :])
    assert segment.read_bytes().count(b"as asked") == 2
    assert Log(data).erase_payloads(datetime.now(UTC) - timedelta(days=1)) == 0
    assert segment.read_bytes() == blanked
    assert (verify(data).ok, verify(data).erased) == (True, 2)


# what is refused


def test_a_newer_version_is_refused_and_left_alone(data: Path, log: Log) -> None:
    deliver(log, "a")
    path = log_directory(data) / "00000002.jsonl"
    path.write_bytes(b'{"format":"triage-log","version":3,"of":"another shape"}\n')
    before = log_files(data)
    for attempt in (lambda: Log(data), log.refresh, lambda: deliver(log, "b")):
        with pytest.raises(StoreTooNew, match=r"newer triage \(format 3; this one reads up to 2\)"):
            attempt()
    assert log_files(data) == before


@pytest.mark.parametrize(
    "content", [b"", b"{}\n", b'{"format":"other","version":1}\n', b"\xff\xfe\n", b"[" * 5000]
)
def test_a_foreign_file_is_refused_and_left_alone(data: Path, content: bytes) -> None:
    directory = log_directory(data)
    directory.mkdir(parents=True)
    (directory / "00000001.jsonl").write_bytes(content)
    with pytest.raises(
        StoreDamaged, match=r"line 1: this is not the header of segment 1 of a log.*keep the directory"
    ):
        Log(data)
    assert log_files(data) == {"00000001.jsonl": content}


def test_a_network_file_system_is_refused(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("triage.store.filesystem.shared_filesystem", lambda path, mounts=None: "nfs4")
    with pytest.raises(SharedDirectory, match="network file system"):
        Log(data)


class ReadOnly(Files):
    """Files that nobody may write."""

    def open(self, path: Path, flags: int) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return super().open(path, flags)


def test_what_may_not_be_written_can_be_read_and_says_why(data: Path, log: Log) -> None:
    deliver(log, "a")
    before = log_files(data)
    reader = Log(data, files=ReadOnly())
    assert [record.state for record in reader.recent(5)] == [CONFIRMED]
    with pytest.raises(StoreUnavailable, match="you may not write there; look at its owner and mode"):
        deliver(reader, "b")
    assert log_files(data) == before


# several at once


def test_two_logs_racing_for_the_same_items_give_each_to_one(data: Path) -> None:
    keys = [f"order-{number}" for number in range(25)]

    def race(operator: str) -> list[str]:
        log, won = Log(data), []
        for key in keys:
            item = make_item(key)
            with contextlib.suppress(AlreadyDecided):
                log.decide(make_decision(item, operator=operator), item)
                won.append(key)
        return won

    with ThreadPoolExecutor(2) as pool:
        ada, bob = pool.map(race, ["ada", "bob"])
    assert sorted(ada + bob) == sorted(keys)
    log = Log(data)
    winners = {record.item.key: record.decision.operator for record in log.records() if record.item}
    assert winners == dict.fromkeys(ada, "ada") | dict.fromkeys(bob, "bob")
    assert verify(data).ok


def test_interleaved_writers_keep_one_chain(data: Path) -> None:
    logs = [Log(data) for _ in range(3)]
    for number, log in enumerate(logs * 4):
        deliver(log, f"order-{number}")
        log.append("noted", item_id="x")
    for log in logs:
        assert [event.seq for event in log.refresh()] == list(range(1, 61))
        assert len(log.recent(99)) == 12
    assert (verify(data).ok, verify(data).events) == (True, 60)


@pytest.mark.parametrize(
    ("name", "said", "newer"),
    [
        ("head.json", b'"version":1', b'"version":2'),
        ("00000001.jsonl", b'"version":2', b'"version":3'),
        ("00000001.jsonl", b'\t{"version":1', b'\t{"version":2'),
    ],
    ids=["head", "segment", "payload"],
)
def test_every_file_says_its_version_and_a_newer_one_is_refused(
    data: Path, log: Log, name: str, said: bytes, newer: bytes
) -> None:
    item = make_item()
    log.decide(make_decision(item), item)
    path = data / "log" / name
    content = path.read_bytes()
    assert said in content
    path.write_bytes(content.replace(said, newer, 1))
    if said.startswith(b"\t"):  # bound by its digest, which a newer triage would have written
        event = next(log.events())
        assert event.payload is not None
        payload = path.read_bytes().partition(b"\t")[2].rstrip(b"\n")
        ref = msgspec.structs.replace(event.payload, digest=hashlib.sha256(payload).hexdigest())
        with pytest.raises(StoreTooNew, match="newer triage"):
            log.payload(msgspec.structs.replace(event, payload=ref))
        return
    with pytest.raises(StoreTooNew, match="newer triage"):
        Log(data).decide(make_decision(make_item("b")), make_item("b"))
