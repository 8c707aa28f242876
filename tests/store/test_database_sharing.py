"""Several processes on one database: each sees the others' changes, no id is given twice, nothing is lost."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from tinydb import where

from tests.store.disk import Disk
from tests.store.worker import ROOT, Worker
from triage.store import journal as journal_module
from triage.store import storage as storage_module
from triage.store.database import Database
from triage.store.errors import StoreDamaged, StoreLocked
from triage.store.files import Files
from triage.store.storage import JournalStorage

pytestmark = pytest.mark.usefixtures("kept_in")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "database.jsonl"


@pytest.fixture
def start(path: Path) -> Iterator[Callable[[int], list[Worker]]]:
    """Starts processes on the database."""
    with ExitStack() as stack:
        yield lambda count: [stack.enter_context(Worker(path)) for _ in range(count)]


@pytest.fixture
def here(path: Path) -> Database:
    return Database(path, sync=False)


def storage_of(database: Database) -> JournalStorage:
    assert isinstance(database.storage, JournalStorage)
    return database.storage


def contents(database: Database) -> list[list[Any]]:
    return [[document.doc_id, dict(document)] for document in database.all()]


def test_each_process_sees_what_the_others_did(
    start: Callable[[int], list[Worker]], here: Database, path: Path
) -> None:
    one, two = start(2)
    assert one.ask("insert", {"n": 1}) == 1
    assert two.ask("insert", {"n": 2}) == 2
    assert here.insert({"n": 3}) == 3
    assert two.ask("update", {"by": "two"}, 1) == [1]
    assert one.ask("count", "by", "two") == 1
    here.update({"by": "here"}, where("n") > 1)
    assert two.ask("count", "by", "here") == 2
    assert one.ask("remove", 2) == [2]
    assert two.ask("count", "by", "here") == 1
    assert one.ask("insert all", [{"n": 4}, {"n": 5}]) == [4, 5]
    expected = [
        [1, {"n": 1, "by": "two"}],
        [3, {"n": 3, "by": "here"}],
        [4, {"n": 4}],
        [5, {"n": 5}],
    ]
    assert one.ask("all") == two.ask("all") == contents(here) == contents(Database(path)) == expected


def test_a_remembered_search_is_forgotten_when_another_process_writes(
    start: Callable[[int], list[Worker]], here: Database
) -> None:
    (other,) = start(1)
    here.insert({"kind": "a"})
    assert here.count(where("kind") == "a") == 1
    assert len(here) == 1
    other.ask("insert", {"kind": "a"})
    assert len(here) == 2
    assert here.count(where("kind") == "a") == 2
    other.ask("drop", "_default")
    assert here.count(where("kind") == "a") == 0
    assert here.tables() == set()


def test_processes_that_insert_at_once_never_share_an_id(
    start: Callable[[int], list[Worker]], here: Database
) -> None:
    workers = start(3)
    for number, worker in enumerate(workers):
        worker.begin("insert many", [{"worker": number, "n": n} for n in range(80)])
    ids = [worker.answer() for worker in workers]
    assert sorted(chain.from_iterable(ids)) == list(range(1, 241))
    assert all(mine == sorted(mine) for mine in ids)
    assert [each["n"] for each in here.search(where("worker") == 1)] == list(range(80))
    assert workers[0].ask("all") == contents(here)


def test_processes_that_change_one_document_at_once_lose_no_change(
    start: Callable[[int], list[Worker]], here: Database
) -> None:
    doc_id = here.insert({"n": 0})
    workers = start(3)
    for worker in workers:
        worker.begin("increment", doc_id, 60)
    for worker in workers:
        worker.answer()
    assert contents(here) == [[doc_id, {"n": 180}]]


def test_an_upsert_is_one_step_that_no_other_process_divides(
    start: Callable[[int], list[Worker]], here: Database
) -> None:
    workers = start(3)
    names = [f"name {number}" for number in range(60)]
    for worker in workers:
        worker.begin("upsert many", names)
    for worker in workers:
        worker.answer()
    assert sorted(each["name"] for each in here) == sorted(names)


def test_dropping_one_table_loses_nothing_that_another_process_writes_meanwhile(
    start: Callable[[int], list[Worker]], here: Database
) -> None:
    (other,) = start(1)
    other.begin("insert many", [{"n": n} for n in range(150)])
    for _ in range(60):
        here.table("old").insert({})
        here.drop_table("old")
    assert other.answer() == list(range(1, 151))
    assert here.tables() == {"_default"}
    assert [each["n"] for each in here] == list(range(150))


def test_who_cannot_write_because_another_holds_the_lock_can_still_read(
    start: Callable[[int], list[Worker]], here: Database
) -> None:
    (other,) = start(1)
    other.ask("insert", {"n": 1})
    other.ask("hold")
    other.stop()
    assert contents(here) == [[1, {"n": 1}]]
    with pytest.raises(StoreLocked, match=f"held by pid {other.pid} .* which is stopped"):
        here.insert({"n": 2})
    assert contents(here) == [[1, {"n": 1}]]
    other.kill()
    assert here.insert({"n": 2}) == 2


def test_compaction_keeps_the_file_short_and_is_seen_by_a_process_that_has_it_open(
    start: Callable[[int], list[Worker]], path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage_module, "SPARE_BYTES", 10_000)
    here = Database(path, sync=False)
    (other,) = start(1)
    here.insert_multiple({"n": n, "text": "x" * 100} for n in range(5))
    before = other.ask("all")
    files = {path.stat().st_ino}
    for round_ in range(400):
        here.update({"round": round_}, doc_ids=[round_ % 5 + 1])
        assert path.stat().st_size < 13_000
        files.add(path.stat().st_ino)
        if round_ % 50 == 0:
            assert other.ask("all") == contents(here) != before
    assert len(files) > 1
    assert other.ask("insert", {"n": 5}) == 6
    assert other.ask("all") == contents(here)
    assert contents(Database(path)) == contents(here)


def test_many_small_documents_are_not_compacted_again_and_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage_module, "SPARE_BYTES", 1_000)
    disk = Disk()
    database = Database(path, sync=False, files=disk)
    database.insert_multiple({} for _ in range(2_000))
    for _ in range(300):
        database.insert({})
    for doc_id in range(1, 300):
        database.update({"a": 1}, doc_ids=[doc_id])
    assert disk.calls.count("rename") <= 3


def test_a_compaction_that_fails_spoils_no_change_and_is_not_tried_each_time(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class NoNewFiles(Files):
        tries = 0
        sick = False

        def rename(self, old: Path, new: Path) -> None:
            if self.sick:
                self.tries += 1
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            super().rename(old, new)

    monkeypatch.setattr(storage_module, "SPARE_BYTES", 1_000)
    files = NoNewFiles()
    database = Database(path, files=files, sync=False)
    database.insert({"n": 0})
    files.sick = True
    for n in range(1, 301):
        database.update({"n": n}, doc_ids=[1])
        assert contents(Database(path)) == [[1, {"n": n}]]
    assert 1 < files.tries < 6
    files.sick = False
    for n in range(300):
        database.update({"n": n}, doc_ids=[1])
    assert path.stat().st_size < 2_000


def test_what_others_changed_is_told_once_and_in_order(here: Database, path: Path) -> None:
    storage, other = storage_of(here), Database(path, sync=False)
    here.insert({"n": 0})
    assert storage.take_foreign() == []
    other.insert_multiple({"n": n} for n in (1, 2))
    other.table("second").insert({})
    other.update({"n": 9}, doc_ids=[1])
    storage.refresh()
    assert storage.take_foreign() == [
        ("_default", "2"),
        ("_default", "3"),
        ("second", "1"),
        ("_default", "1"),
    ]
    assert storage.take_foreign() == []
    other.drop_table("_default")
    storage.refresh()
    assert storage.take_foreign() == [("_default", "1"), ("_default", "2"), ("_default", "3")]


def test_after_a_compaction_only_what_differs_is_told_and_nothing_untold_is_forgotten(
    here: Database, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage, other = storage_of(here), Database(path, sync=False)
    here.insert_multiple({"n": n} for n in range(5))
    other.update({"n": 7}, doc_ids=[2])
    storage.refresh()
    monkeypatch.setattr(storage_module, "SPARE_BYTES", 0)
    other.remove(doc_ids=[4])
    for n in range(60):
        other.update({"n": n}, doc_ids=[5])
    storage.refresh()
    told = storage.take_foreign()
    assert told[0] == ("_default", "2")
    assert set(told) == {("_default", "2"), ("_default", "4"), ("_default", "5")}
    assert len(told) == 3


def test_what_was_lost_to_sight_while_a_new_file_was_damaged_is_told_once_it_is_mended(
    here: Database, path: Path
) -> None:
    storage = storage_of(here)
    here.insert_multiple({"n": n} for n in range(3))
    header, _, _ = path.read_bytes().split(b"\n")
    header = header.replace(b'"file":"', b'"file":"0')
    path.write_bytes(header + b'\n{"_default":{"1":{"n":0}}}\nnonsense\n')
    with pytest.raises(StoreDamaged, match="line 3"):
        storage.refresh()
    path.write_bytes(header + b'\n{"_default":{"1":{"n":0}}}\n')
    storage.refresh()
    assert contents(here) == [[1, {"n": 0}]]
    assert {("_default", "2"), ("_default", "3")} <= set(storage.take_foreign())


@pytest.mark.parametrize("at_most", [40, 4 << 20])
def test_a_damaged_line_is_named_each_time_and_the_file_is_left_alone(
    path: Path, monkeypatch: pytest.MonkeyPatch, at_most: int
) -> None:
    monkeypatch.setattr(journal_module, "READ_BYTES", at_most)
    database = Database(path, sync=False)
    for n in range(6):
        database.insert({"n": n})
    lines = path.read_bytes().split(b"\n")
    for bad in (
        b"{",
        b"\xff",
        b'{"_default":[1]}',
        b'{"_default":{"1":{"a":"\xc3("}}}',
        b"[" * 3000,
        b"",
        b"1",
    ):
        damaged = b"\n".join([*lines[:4], bad, *lines[4:]])
        path.write_bytes(damaged)
        for _ in range(2):
            with pytest.raises(StoreDamaged) as caught:
                database.insert({"n": 6})
            assert caught.value.line == 5
            assert str(caught.value) == (
                f"{path}, line 5: this is not a change to a database. "
                "Restore it from a backup, or move it away to begin with an empty one."
            )
        with pytest.raises(StoreDamaged):
            Database(path)
        assert path.read_bytes() == damaged
    path.write_bytes(b"\n".join(lines))
    assert [each["n"] for each in database] == list(range(6))
    assert database.insert({"n": 6}) == 7


def test_what_changed_while_a_file_was_damaged_is_told_once_it_is_mended(here: Database, path: Path) -> None:
    storage = storage_of(here)
    here.insert_multiple({"n": n} for n in range(3))
    whole = path.read_bytes()
    path.write_bytes(whole + b"nonsense\n")
    with pytest.raises(StoreDamaged):
        storage.refresh()
    other = whole.replace(b'{"n":1}', b'{"n":5}').replace(b'"file":"', b'"file":"0')
    path.write_bytes(other)
    storage.refresh()
    assert ("_default", "2") in storage.take_foreign()
    assert [each["n"] for each in here] == [0, 5, 2]


_AS_NOBODY = """
import os, sys
from pathlib import Path
from triage.store.database import Database
from triage.store.errors import StoreUnavailable

if os.geteuid() == 0:
    os.setresuid(65534, 65534, 65534)
database = Database(Path(sys.argv[1]))
print(database.all())
try:
    database.insert({})
except StoreUnavailable as error:
    print(error)
"""


def test_a_read_only_directory_can_be_read_and_says_why_it_cannot_be_written() -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "database.jsonl"
        Database(path, sync=False).insert({"n": 1})
        path.with_name("database.jsonl.lock").unlink()
        path.chmod(0o444)
        path.parent.chmod(0o555)
        done = subprocess.run(
            [sys.executable, "-c", _AS_NOBODY, str(path)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        path.parent.chmod(0o700)
        assert contents(Database(path)) == [[1, {"n": 1}]]
    assert done.stdout.splitlines() == [
        "[{'n': 1}]",
        f"{path}.lock cannot be locked: you may not write there; look at its owner and mode.",
    ], done.stderr
