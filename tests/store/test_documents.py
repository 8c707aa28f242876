"""Documents lie in the journal alone: the same answers, in little memory, whatever becomes of the file."""

from __future__ import annotations

import errno
import os
import shutil
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from tests.store.disk import Disk
from triage.store import storage as storage_module
from triage.store.database import Database
from triage.store.errors import StoreDamaged, StoreUnavailable
from triage.store.storage import JournalStorage

TEXT = "x" * 2000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.jsonl"


def raw(number: int) -> bytes:
    return b'{"n":%d,"text":"%s"}' % (number, TEXT.encode())


def filled(path: Path, count: int = 50, **options: Any) -> JournalStorage:
    made = JournalStorage(path, sync=False, **options)
    with made.transaction():
        for number in range(count):
            made.commit({"items": {f"id{number}": raw(number)}})
    return made


def answers(storage: JournalStorage) -> dict[str, bytes]:
    storage.refresh()
    return dict(storage.table("items"))


def test_what_lies_in_the_file_is_read_there(path: Path) -> None:
    wanted = {f"id{number}": raw(number) for number in range(50)}
    assert answers(filled(path)) == wanted
    disk = Disk()
    opened = JournalStorage(path, files=disk)
    disk.read_bytes = 0
    assert opened.table("items")["id7"] == raw(7)
    assert disk.read_bytes == len(raw(7))
    assert answers(opened) == wanted


def test_little_is_held_in_memory(path: Path) -> None:
    filled(path, 1000)
    tracemalloc.start()
    opened = JournalStorage(path)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(opened.table("items")) == 1000
    assert held < 1000 * 400


@pytest.mark.parametrize("several", [1, 3, 50])
def test_several_in_one_line_are_found(path: Path, several: int) -> None:
    storage = JournalStorage(path, sync=False)
    documents = {f'id "{number}" é\n': raw(number) for number in range(50)}
    keys = list(documents)
    with storage.transaction():
        storage.commit({"gone": {"a": raw(0)}})
        for start in range(0, 50, several):
            some = {key: documents[key] for key in keys[start : start + several]}
            storage.commit({"first": {}, "items": {**some, "not there": None}, "gone": None, "last": some})
    for each in (storage, JournalStorage(path)):
        assert answers(each) == dict(each.table("last")) == documents
        assert each.tables() == ["first", "items", "last"]
        assert in_memory(each) == 0


def in_memory(storage: JournalStorage) -> int:
    """How many documents do not lie in the file."""
    storage.refresh()
    return sum(
        isinstance(each, bytes) for name in storage.tables() for each in storage.table(name)._kept.values()
    )


@pytest.mark.parametrize(
    "line",
    [
        b'{"items": {"id1": %s, "id2": %s}}',
        b'{"items":{ "id1":%s,"id2":%s}}',
        b'{"items":{"id0":1,"id0":null,"id1":%s,"id2":%s}}',
        b'{"\\u0069tems":{"id1":%s,"\\u0069d2":%s}}',
    ],
)
def test_a_line_written_by_another_hand_says_the_same(path: Path, line: bytes) -> None:
    storage = filled(path, 1)
    with path.open("ab") as file:
        file.write(line % (raw(1), raw(2)) + b"\n")
    for each in (storage, JournalStorage(path)):
        found = answers(each)
        assert (found["id1"], found["id2"]) == (raw(1), raw(2))


def test_after_compaction_each_is_where_it_lies_now(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage_module, "SPARE_BYTES", 1000)
    storage, other = filled(path), JournalStorage(path)
    size = path.stat().st_size
    with storage.transaction():
        for turn in range(60):
            storage.commit({"items": {"id7": raw(1000 + turn)}, "small": {"a": b"1"}})
    assert path.stat().st_size < 2 * size
    wanted = {f"id{number}": raw(number) for number in range(50)} | {"id7": raw(1059)}
    assert answers(storage) == wanted
    assert in_memory(storage) == 1
    assert other.table("items")["id7"] == raw(7), "the file that was read is still there for who reads it"
    assert answers(other) == wanted
    assert other.take_foreign() == [("items", "id7"), ("small", "a")]


def test_no_descriptor_is_left_of_a_file_that_nobody_reads(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage_module, "SPARE_BYTES", 0)
    storage, before = filled(path, 2), len(os.listdir("/dev/fd"))
    with storage.transaction():
        for turn in range(20):
            storage.commit({"items": {"id1": raw(turn)}})
    assert len(os.listdir("/dev/fd")) == before
    del storage
    assert len(os.listdir("/dev/fd")) == before - 1


def test_what_was_begun_to_be_read_is_read_to_its_end(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage_module, "SPARE_BYTES", 0)
    database = Database(path, sync=False)
    database.insert_multiple({"n": number, "text": TEXT} for number in range(20))
    seen = []
    for document in database:
        seen.append(document["n"])
        database.update({"n": 100})
        database.remove(doc_ids=[len(database)])
    assert seen == list(range(20))


def test_a_change_by_another_process_is_seen(path: Path) -> None:
    here, other = filled(path), JournalStorage(path, sync=False)
    with other.transaction():
        other.commit({"items": {"id3": raw(33), "id4": None}})
    assert here.table("items")["id3"] == raw(3)
    found = answers(here)
    assert (found["id3"], "id4" in found) == (raw(33), False)
    assert here.take_foreign() == [("items", "id3"), ("items", "id4")]


def test_a_copy_in_the_files_place_is_read_from_its_start(path: Path) -> None:
    storage = filled(path, 5)
    shutil.copy2(path, path.with_name("copy"))
    path.with_name("copy").replace(path)
    other = JournalStorage(path, sync=False)
    with other.transaction():
        other.commit({"items": {"id9": raw(9)}})
    assert answers(storage) == answers(other)
    assert storage.take_foreign() == [("items", "id9")]


@pytest.mark.parametrize("change", ["another key", "another text", "cut", "emptied"])
def test_a_file_changed_under_its_readers_hands_is_told(path: Path, change: str) -> None:
    storage = filled(path)
    data = path.read_bytes()
    place = data.index(b'"id49"')
    changed = {
        "another key": data[:place] + b'"' + data[place:],
        "another text": data[:-10] + b"y" + data[-9:],
        "cut": data[:place],
        "emptied": b"",
    }
    path.write_bytes(changed[change])
    with pytest.raises(StoreUnavailable, match=rf"{path} was changed while it was read\. Try again"):
        storage.table("items")["id49"]
    if change == "another key":
        with pytest.raises(StoreDamaged):
            answers(storage)
    else:
        now = raw(49)[:-7] + b"y" + raw(49)[-6:]
        assert answers(storage).get("id49") == (now if change == "another text" else None)


def test_a_line_taken_back_by_its_writer_is_not_taken_for_another(path: Path) -> None:
    storage = filled(path, 2)
    whole = path.read_bytes()
    with path.open("ab") as file:
        file.write(b'{"items":{"id1":%s}}\n' % raw(7))
    assert answers(storage)["id1"] == raw(7)
    path.write_bytes(whole + b'{"items":{"id1":%s}}\n' % raw(8))
    with pytest.raises(StoreUnavailable):
        storage.table("items")["id1"]
    assert answers(storage)["id1"] == raw(8)


def test_a_read_that_fails_is_told_and_the_next_one_works(path: Path) -> None:
    filled(path)
    calls = Disk()
    JournalStorage(path, files=calls)
    failing = Disk(len(calls.calls) + 1, code=errno.EIO)
    opened = JournalStorage(path, files=failing)
    with pytest.raises(StoreUnavailable, match=rf"{path} cannot be read: the disk reports an error"):
        opened.table("items")["id9"]
    assert opened.table("items")["id9"] == raw(9)


def test_without_a_descriptor_left_nothing_is_written_and_the_old_file_stands(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage_module, "SPARE_BYTES", 0)
    storage, before = filled(path, 3), path.read_bytes()

    def none_left(_: int) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(os, "dup", none_left)
    with storage.transaction():
        storage.commit({"items": {"id1": raw(7)}})
    assert path.read_bytes().startswith(before), "it was not compacted"
    with pytest.raises(StoreUnavailable, match="too many open files"):
        JournalStorage(path)
    with pytest.raises(StoreUnavailable, match="too many open files"):
        filled(path.with_name("new"))
    assert not path.with_name("new").exists()
    assert answers(storage)["id1"] == raw(7)
    monkeypatch.undo()
    assert answers(JournalStorage(path))["id1"] == raw(7)
