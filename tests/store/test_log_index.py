"""The index beside the segments: opening reads little, and every answer is the one that the segments give."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.store.disk import Disk
from tests.store.log_faults import QUICK
from tests.store.log_making import CONFIRMED, HELD, S, deliver, make_decision, make_item
from triage.model.decision import OPEN_STATES, TRANSITIONS, DeliveryState, Receipt
from triage.store import appending, index, reader
from triage.store.errors import StoreDamaged, StoreError, StoreUnavailable
from triage.store.log import AlreadyDecided, Log, WrongState, log_directory
from triage.store.seen import Seen
from triage.store.verifying import verify

ROOT = Path(__file__).parents[2]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """The index takes over after a few events."""
    monkeypatch.setattr(reader, "SAVE_EVERY", 7)
    monkeypatch.setattr(appending, "SEGMENT_BYTES", 6000)


def index_files(data: Path) -> list[Path]:
    return sorted(log_directory(data).glob("index-*.sqlite"))


KEYS = [f"order-{number}" for number in range(30)]


class Operator:
    """Does one thing after the other, as chance will have it."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)

    def act(self, log: Log) -> None:
        self._chance.choice(
            [self._decide, self._decide, self._advance, self._advance, self._advance, self._other]
        )(log)

    def _decide(self, log: Log) -> None:
        item = make_item(self._chance.choice(KEYS), self._chance.choice(["shop", "mail"]))
        decision = make_decision(item, operator=self._chance.choice(["ada", "bob"]))
        with contextlib.suppress(AlreadyDecided):
            log.decide(decision, item)

    def _advance(self, log: Log) -> None:
        records = log.open_records()
        if records:
            record = self._chance.choice(records)
            to = self._chance.choice(sorted(TRANSITIONS[record.state]))
            words = self._chance.choice(["", "as seen"])
            receipt = Receipt("run") if to is S.SENT else None
            with contextlib.suppress(WrongState):
                log.advance(
                    record.decision.id, to, expect=record.state, detail=words, note=words, receipt=receipt
                )

    def _other(self, log: Log) -> None:
        kind = self._chance.choice(["noted", "paused", "resumed", "erase"])
        if kind == "erase":
            log.erase_payloads(datetime.now(UTC) - timedelta(milliseconds=self._chance.randrange(30)))
        else:
            item = make_item(self._chance.choice(KEYS)).id if kind == "noted" else ""
            log.append(kind, item_id=item, endpoint=self._chance.choice(["shop", "*"]), detail="a word")


def answers(log: Log) -> dict[str, Any]:
    """Everything that a log can be asked."""
    log.refresh()
    items = [make_item(key, endpoint) for key in KEYS for endpoint in ("shop", "mail")]
    records = list(log.records())
    return {
        "records": records,
        "recent": log.recent(5),
        "each": [log.record(record.decision.id) for record in records],
        "none": log.record("nonesuch"),
        "open": [log.open_records(), log.open_records("shop"), log.open_records("nowhere")],
        "standing": [log.standing(item.id) for item in items],
        "alike": [log.alike(items[0], 9), log.alike(items[1], 9)],
        "paused": log.paused(),
        "events": [list(log.events(item.id)) for item in items],
        "all events": list(log.events()),
    }


def without_index(data: Path) -> dict[str, Any]:
    """What the segments alone answer."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(index.Index, "load", lambda self: None)
        patch.setattr(index.Index, "save", lambda *arguments: index.Saved.LATER)
        return answers(Log(data))


@pytest.mark.parametrize("seed", range(3))
def test_the_index_answers_as_the_segments_do(data: Path, seed: int) -> None:
    operator, log = Operator(seed), Log(data, files=QUICK)
    for step in range(250):
        operator.act(log)
        if step % 25 == 24:
            assert index_files(data)
            expected = without_index(data)
            assert answers(log) == expected
            assert answers(Log(data)) == expected
    index_files(data)[0].unlink()
    rebuilt = Log(data)
    assert answers(rebuilt) == without_index(data)
    assert verify(data).ok


@pytest.mark.parametrize("seed", range(2))
def test_several_logs_that_save_by_turns_agree(data: Path, seed: int) -> None:
    chance, operator = random.Random(seed), Operator(seed)
    logs = [Log(data, files=QUICK) for _ in range(3)]
    told: list[list[int]] = [[], [], []]
    for step in range(160):
        number = chance.randrange(3)
        operator.act(logs[number])
        if chance.random() < 0.3:
            told[number] += [event.seq for event in logs[number].refresh()]
        if step % 40 == 39:
            expected = without_index(data)
            for which, log in enumerate(logs):
                told[which] += [event.seq for event in log.refresh()]
                assert answers(log) == expected
    for seen in told:
        assert seen == list(range(1, len(seen) + 1))
    assert len(set(map(len, told))) == 1


def test_opening_reads_only_what_came_since(data: Path) -> None:
    log = Log(data, files=QUICK)
    for number in range(60):
        deliver(log, f"order-{number}")
    disk = Disk()
    opened = Log(data, files=disk)
    assert disk.read_bytes < 12_000
    size = sum(path.stat().st_size for path in log_directory(data).glob("????????.jsonl"))
    assert size > 10 * disk.read_bytes
    assert [record.state for record in opened.recent(60)] == [CONFIRMED] * 60


def test_a_reader_without_an_index_makes_one(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "SAVE_EVERY", 10_000)
    log = Log(data, files=QUICK)
    for number in range(60):
        deliver(log, f"order-{number}")
    assert not index_files(data)
    monkeypatch.setattr(reader, "SAVE_EVERY", 5)
    assert len(Log(data).recent(99)) == 60
    assert index_files(data)
    assert answers(Log(data)) == without_index(data)


def test_a_small_log_has_none(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "SAVE_EVERY", 4000)
    deliver(Log(data), "a")
    assert not index_files(data)


def test_only_its_owner_may_read_it(data: Path) -> None:
    log = Log(data, files=QUICK)
    for number in range(9):
        deliver(log, f"order-{number}")
    modes = {path.stat().st_mode & 0o777 for path in log_directory(data).glob("index-*")}
    assert modes == {0o600}


# what is wrong with it


@pytest.fixture
def indexed(data: Path) -> Path:
    """The index of a log in which there is a bit of everything."""
    operator, log = Operator(99), Log(data, files=QUICK)
    for _ in range(120):
        operator.act(log)
    log.close()
    (path,) = index_files(data)
    return path


def change(path: Path, statement: str, *values: object) -> None:
    connection = sqlite3.connect(path)
    connection.execute(statement, values)
    connection.commit()
    connection.close()


def rewrite_state(path: Path, **fields: object) -> None:
    connection = sqlite3.connect(path)
    state = json.loads(connection.execute("SELECT value FROM state").fetchone()[0])
    connection.close()
    change(path, "UPDATE state SET value = ?", json.dumps({**state, **fields}).encode())


def damage(path: Path, how: str) -> None:
    """Make an index unfit."""
    content = path.read_bytes()
    if how == "missing":
        path.unlink()
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "foreign":
        path.write_bytes(b"no database at all" * 999)
    elif how == "cut off":
        path.write_bytes(content[: len(content) // 2])
    elif how == "blanked":
        path.write_bytes(content[:4096] + bytes(len(content) - 4096))
    elif how == "another schema":
        path.unlink()
        change(path, "CREATE TABLE state (other TEXT)")
    elif how == "no state":
        change(path, "DELETE FROM state")
    elif how == "newer":
        rewrite_state(path, version=99)
    elif how == "of another log":
        rewrite_state(path, at={"segment": 1, "line": 9, "end": 999, "seq": 8, "hash": "f" * 64})
    elif how == "not decodable":
        change(path, "UPDATE state SET value = ?", b"{")
    elif how == "short filter":
        change(path, "UPDATE state SET seen = ?", b"x")


DAMAGES = [
    "missing",
    "empty",
    "foreign",
    "cut off",
    "blanked",
    "another schema",
    "no state",
    "newer",
    "of another log",
    "not decodable",
    "short filter",
]


@pytest.mark.parametrize("how", DAMAGES)
def test_an_index_that_is_no_good_is_made_anew(data: Path, indexed: Path, how: str) -> None:
    expected = without_index(data)
    damage(indexed, how)
    log = after_trying(data)
    assert answers(log) == expected
    for number in range(5):
        deliver(log, f"after-{number}")
    log.close()
    assert answers(Log(data)) == without_index(data)
    assert len(index_files(data)) == 1
    assert verify(data).ok


class IndexLost(Exception):
    """The index was no good, which was said."""


@contextlib.contextmanager
def index_errors() -> Iterator[None]:
    """No other error than that the index is made anew."""
    try:
        yield
    except StoreUnavailable as error:
        if "It is made anew from the log: try again." not in str(error):
            raise
        raise IndexLost from error


def after_trying(data: Path) -> Log:
    """An open log; at once, or after saying that its index is made anew."""
    log = Log(data)
    with contextlib.suppress(IndexLost), index_errors():
        answers(log)
    return log


@pytest.mark.parametrize("how", ["foreign", "blanked", "cut off", "missing"])
def test_an_index_that_goes_bad_under_an_open_log_is_made_anew(data: Path, indexed: Path, how: str) -> None:
    log = Log(data)
    answers(log)
    damage(indexed, how)
    for number in range(6):
        try_until_it_works(log, number)
    assert answers(after_trying(data)) == without_index(data)
    assert verify(data).ok


def try_until_it_works(log: Log, number: int) -> None:
    for _ in range(3):
        with contextlib.suppress(IndexLost):
            with contextlib.suppress(AlreadyDecided), index_errors():
                deliver(log, f"after-{number}")
            return
    raise AssertionError("it never worked again")


def test_rows_that_the_log_does_not_bear_out_are_found(data: Path, indexed: Path) -> None:
    expected = without_index(data)
    closed = (
        "UPDATE decisions SET standing = (SELECT standing FROM decisions ORDER BY seq LIMIT 1) WHERE is_over"
    )
    change(indexed, closed)
    assert answers(after_trying(data)) == expected
    assert answers(Log(data)) == expected
    assert indexed not in index_files(data)


def test_random_damage_never_brings_anything_but_an_error_or_the_truth_of_the_open(
    data: Path, indexed: Path
) -> None:
    """What is open decides what is sent: it is right, or nothing is said."""
    chance = random.Random(3)
    expected = without_index(data)["open"]
    content = indexed.read_bytes()
    for _ in range(30):
        changed = bytearray(content)
        start = chance.randrange(len(changed))
        changed[start : start + 512] = chance.randbytes(min(512, len(changed) - start))
        for path in log_directory(data).glob("index-*"):
            path.unlink()
        indexed.write_bytes(changed)
        try:
            log = Log(data)
            found = [log.open_records(), log.open_records("shop"), log.open_records("nowhere")]
        except StoreError:
            continue
        assert found == expected
        log.close()


def test_an_index_does_not_hide_that_the_log_was_cut_off(data: Path, indexed: Path) -> None:
    segments = sorted(log_directory(data).glob("????????.jsonl"))
    last = segments[-1]
    last.write_bytes(b"".join(last.read_bytes().splitlines(keepends=True)[:-1]))
    with pytest.raises(StoreDamaged, match="more events were written"):
        Log(data)
    last.unlink()
    with pytest.raises(StoreDamaged, match="more events were written"):
        Log(data)


# others use it as well


def test_a_process_that_sleeps_while_it_saves_keeps_nobody_waiting(data: Path, indexed: Path) -> None:
    sleeper = sqlite3.connect(indexed, isolation_level=None)
    sleeper.execute("BEGIN IMMEDIATE")
    sleeper.execute("DELETE FROM decisions")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(index, "_BUSY_S", 0.01)
        log = Log(data, files=QUICK)
        for number in range(6):
            deliver(log, f"meanwhile-{number}")
        assert answers(log) == without_index(data)
    sleeper.execute("ROLLBACK")
    sleeper.close()
    for number in range(6):
        deliver(log, f"after-{number}")
    assert answers(log) == answers(Log(data)) == without_index(data)


def test_a_log_goes_on_where_no_index_can_be_written(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise PermissionError(13, "no")

    monkeypatch.setattr(index.Index, "_create", refuse)
    log = Log(data, files=QUICK)
    for number in range(12):
        deliver(log, f"order-{number}")
    assert not index_files(data)
    assert len(log.recent(99)) == 12


def test_one_that_was_idle_is_told_all_that_an_index_took_over(data: Path) -> None:
    idle, busy = Log(data, files=QUICK), Log(data, files=QUICK)
    deliver(busy, "before")
    idle.refresh()
    for number in range(20):
        deliver(busy, f"order-{number}")
    (path,) = index_files(data)
    idle._reader._is_sound = False
    assert [event.seq for event in idle.refresh()] == list(range(5, 85))
    assert answers(idle) == without_index(data)
    assert path.exists()


def test_an_idle_reader_does_not_keep_in_memory_what_the_index_has(data: Path) -> None:
    idle, busy = Log(data, files=QUICK), Log(data, files=QUICK)
    for number in range(20):
        deliver(busy, f"order-{number}")
        idle.refresh()
    assert len(list(idle._reader.ledger.standings())) < 6
    assert answers(idle) == without_index(data)


def test_what_is_asked_after_closing_is_answered(data: Path, indexed: Path) -> None:
    log = Log(data)
    log.close()
    assert answers(log) == without_index(data)
    log.close()
    deliver(log, "after")
    assert [record.state for record in log.recent(1)] == [CONFIRMED]


@pytest.mark.parametrize("module", ["log_killing", "log_crowd"])
def test_killed_processes_leave_an_index_that_is_right(data: Path, module: str) -> None:
    amount = {"log_killing": "20", "log_crowd": "2"}[module]
    command = [sys.executable, "-m", f"tests.store.{module}", str(data), amount]
    environment = {**os.environ, "SAVE_EVERY": "9"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr
    assert index_files(data)
    log = Log(data)
    assert [record for record in log.records()] == without_index(data)["records"]
    assert log.open_records() == without_index(data)["open"][0]


# what was seen


def test_what_was_added_is_always_known_and_little_else() -> None:
    seen = Seen.nothing()
    names = [make_item(str(number)).id for number in range(4000)]
    for name in names:
        seen.add(name)
    again = Seen(bytes(seen.bits))
    assert all(name in again for name in names)
    assert sum(make_item(f"other {number}").id in again for number in range(4000)) < 20
    with pytest.raises(ValueError, match="bytes are not"):
        Seen(b"short")


def test_the_states_of_an_open_delivery_are_those_the_index_keeps_at_hand(data: Path) -> None:
    log = Log(data, files=QUICK)
    ways: list[list[DeliveryState]] = [[], [S.SENDING], [S.SENDING, S.SENT], [S.SENDING, S.UNKNOWN]]
    for number, way in enumerate(ways):
        item = make_item(f"open-{number}")
        record = log.decide(make_decision(item), item)
        for state in way:
            record = log.advance(record.decision.id, state, expect=record.state)
    for number in range(9):
        deliver(log, f"order-{number}")
    states = [record.state for record in Log(data).open_records()]
    assert states == [HELD, S.SENDING, S.SENT, S.UNKNOWN]
    assert set(states) == OPEN_STATES


@pytest.fixture(autouse=True)
def no_leftovers(data: Path) -> Iterator[None]:
    yield
    shutil.rmtree(data, ignore_errors=True)
