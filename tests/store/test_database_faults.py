"""Whatever fails, and whenever: no acknowledged change is lost, none half done, and the next one works.

Every call of the operating system that a series of changes makes fails in turn, in every way, and the power
goes at each of them.
"""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
from tinydb import where
from tinydb.table import Document

from tests.store.disk import Disk, Fault, PowerCut
from triage.store import storage as storage_module
from triage.store.database import Database
from triage.store.errors import StoreUnavailable
from triage.store.files import OS, Files

pytestmark = pytest.mark.usefixtures("kept_in")

State = dict[int, str]
Change = tuple[int, str | None]
"""The text that a document gets; None: it is removed."""

CHANGES: list[Change] = [
    (1, "a"),
    (2, "b"),
    (2, "c"),
    (1, "x" * 400),
    (1, "y" * 400),
    (2, None),
    (1, "z"),
    (3, "d"),
]
FAULTS = [
    (Fault.UNDONE, errno.EIO, False),
    (Fault.DONE, errno.EIO, False),
    (Fault.HALF, errno.ENOSPC, False),
    (Fault.UNDONE, errno.ENOSPC, True),
]


class Expected:
    """What a database may hold: one state, or two where nobody can say whether the last change was saved."""

    def __init__(self) -> None:
        self.states: list[State] = [{}]

    def make(self, database: Database, change: Change) -> str:
        """Make a change; what the database said against it, or nothing."""
        before = self.states
        after = [_applied(state, change) for state in before]
        self.states = before + after
        try:
            _make(database, change)
        except StoreUnavailable as error:
            if "certain" not in str(error):
                self.states = before
            return str(error)
        self.states = after
        return ""


def _applied(state: State, change: Change) -> State:
    number, text = change
    rest = {each: kept for each, kept in state.items() if each != number}
    return rest if text is None else {**rest, number: text}


def _make(database: Database, change: Change) -> None:
    number, text = change
    if text is None:
        database.remove(where("number") == number)
    else:
        database.upsert(Document({"number": number, "text": text}, number))


def held(database: Database) -> State:
    return {document["number"]: document["text"] for document in database}


@pytest.fixture(autouse=True)
def compacted_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage_module, "SPARE_BYTES", 300)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return tmp_path / "data" / "database.jsonl"


def clear(directory: Path) -> None:
    for each in directory.iterdir():
        each.unlink()


def opened(path: Path, files: Files = OS, *, sync: bool = True) -> Database:
    """The database; opened again where the fault came while it was opened."""
    try:
        return Database(path, files=files, sync=sync)
    except StoreUnavailable:
        return Database(path, files=files, sync=sync)


def seen(database: Database) -> State:
    """What the database holds; asked again where the fault came while it was asked."""
    try:
        return held(database)
    except StoreUnavailable:
        return held(database)


def run(path: Path, disk: Disk, *, sync: bool = True) -> tuple[Expected, list[str]]:
    """Make all changes, and check after each that all processes see one of the states that may be.

    Returns what may be there at the end, and what each change was answered. The disk is healed after the
    first change that it spoils.
    """
    clear(path.parent)
    expected, answers = Expected(), []
    database, other = opened(path, disk, sync=sync), Database(path)
    for change in CHANGES:
        answers.append(expected.make(database, change))
        if disk.failed:
            disk.heal()
        there = seen(database)
        assert there in expected.states
        assert there == held(other) == held(Database(path))
        expected.states = [there]
    return expected, answers


def calls_of_a_run(path: Path, *, sync: bool = True) -> list[str]:
    """All the calls of a run in which nothing fails."""
    disk = Disk()
    expected, answers = run(path, disk, sync=sync)
    assert answers == [""] * len(CHANGES)
    assert expected.states == [{1: "z", 3: "d"}]
    assert disk.calls.count("rename") > 1  # compaction is among it
    return disk.calls


@pytest.mark.parametrize("sync", [True, False])
@pytest.mark.parametrize(("fault", "code", "lasting"), FAULTS)
def test_any_call_may_fail(path: Path, fault: Fault, code: int, lasting: bool, sync: bool) -> None:
    spoilt = 0
    for at in range(1, len(calls_of_a_run(path, sync=sync)) + 1):
        disk = Disk(at, fault, code, lasting=lasting)
        _, answers = run(path, disk, sync=sync)
        assert disk.failed
        refused = [answer for answer in answers if answer]
        assert len(refused) <= 1  # the next one works
        assert all(str(path.parent) in answer for answer in refused)
        spoilt += len(refused)
    assert spoilt > 20


def test_a_full_disk_is_said_to_each_and_once_there_is_space_it_goes_on(path: Path) -> None:
    for at in range(1, len(calls_of_a_run(path)) + 1):
        clear(path.parent)
        disk = Disk(at, Fault.UNDONE, errno.ENOSPC, lasting=True)
        expected, database = Expected(), opened(path, disk)
        answers = [expected.make(database, change) for change in CHANGES]
        assert all("the disk is full; free some space and try again." in each for each in answers if each)
        assert held(Database(path)) in expected.states
        disk.heal()
        assert expected.make(database, (4, "after")) == ""
        assert held(database) == held(Database(path))
        assert held(database) in expected.states


@pytest.mark.parametrize("most", [1, 2, 17, 100])
def test_a_system_that_takes_few_bytes_at_a_time_is_no_trouble(path: Path, most: int) -> None:
    expected, answers = run(path, Disk(most=most))
    assert answers == [""] * len(CHANGES)
    assert expected.states == [{1: "z", 3: "d"}]


@pytest.mark.parametrize("kept", [0.0, 0.5, 1.0])
def test_the_power_may_go_at_any_call(path: Path, tmp_path: Path, kept: float) -> None:
    """``kept``: the part of what was not synced that reached the disk all the same."""
    cuts = 0
    for at in range(1, len(calls_of_a_run(path)) + 1):
        clear(path.parent)
        disk, expected = Disk(at, Fault.POWER), Expected()
        try:
            database = Database(path, files=disk)
            for change in CHANGES:
                assert expected.make(database, change) == ""
        except PowerCut:
            cuts += 1
        assert after_power_cut(disk, tmp_path, kept) in expected.states
    assert cuts > 100


@pytest.mark.parametrize("kept", [0.0, 1.0])
def test_what_is_acknowledged_after_a_failed_fsync_survives_a_power_cut(
    path: Path, tmp_path: Path, kept: float
) -> None:
    """The system takes what it failed to write for written: only a new file can be trusted."""
    failures = 0
    for at, call in enumerate(calls_of_a_run(path), 1):
        if call != "sync":
            continue
        failures += 1
        disk = Disk(at)
        expected, _ = run(path, disk)
        assert disk.failed == "sync"
        assert after_power_cut(disk, tmp_path, kept) in expected.states
    assert failures > 10


def after_power_cut(disk: Disk, tmp_path: Path, kept: float) -> State:
    """What a new process finds after a power cut now, having seen that it can write."""
    left = tmp_path / "left"
    left.mkdir(exist_ok=True)
    clear(left)
    disk.survivors(left, kept)
    database = Database(left / "database.jsonl", sync=False)
    found = held(database)
    _make(database, (99, "later"))
    assert held(Database(left / "database.jsonl")) == {**found, 99: "later"}
    return found
