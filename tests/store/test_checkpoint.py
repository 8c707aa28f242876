"""A checkpoint spares reading and changes no answer, whatever became of it or of the journal since."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.store.disk import Disk, Fault
from tests.store.items import ANSWERED, NOON, changes, entry, item, later, look, to
from triage.model.item import Risk
from triage.store import storage as storage_module
from triage.store.errors import StoreDamaged, StoreUnavailable
from triage.store.queue import Marks, Queue

MANY = [item(f"{number:03}", description="x" * 1000) for number in range(100)]
MORE = [item("more"), item("late", "other", expires_at=later(9), risk=Risk.HIGH, created_at=later())]


@pytest.fixture(autouse=True)
def saved_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage_module, "CHECKPOINT_BYTES", 0)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A queue with a checkpoint, and some that came since."""
    data = tmp_path / "data"
    queue = Queue(data)
    queue.sync("agent", MANY, NOON)
    queue.sync("other", MORE[1:], NOON)
    queue.mark(MANY[3].id, to(Marks(note="x")))
    queue.bury(MANY[4].id, ANSWERED, later())
    queue.forget([MANY[0].id])
    queue.save()
    queue.sync("agent", [*MANY[1:4], *MANY[5:], MORE[0]], later(2))
    queue.mark(MANY[5].id, to(Marks(note="y")))
    queue.forget([MANY[6].id])
    return data


def same(queue: Queue, data: Path) -> bool:
    """Whether a queue answers as one that was read from the start, and has read it itself."""
    whole = Queue(data, anew=True)
    assert len(whole) == len(queue) > 90
    return (
        queue.ids() == whole.ids()
        and list(queue.entries()) == list(whole.entries())
        and list(queue.outlines()) == list(whole.outlines())
        and all(queue.of_endpoint(name) == whole.of_endpoint(name) for name in ("agent", "other"))
    )


def read_by(data: Path) -> int:
    """How many bytes opening reads."""
    disk = Disk()
    Queue(data, files=disk)
    return disk.read_bytes


def test_opening_reads_only_what_came_since_and_answers_the_same(data: Path) -> None:
    whole = (data / "queue.jsonl").stat().st_size
    assert read_by(data) < whole / 5
    queue = Queue(data)
    assert same(queue, data)
    assert queue.refresh() == frozenset()
    assert entry(queue, MANY[3]).marks.note == "x"
    assert queue.outline(MORE[1].id) == Queue(data, anew=True).outline(MORE[1].id)


def test_what_was_opened_so_goes_on_as_any_other(data: Path) -> None:
    queue, other = Queue(data), Queue(data, anew=True)
    assert queue.sync("agent", [MANY[1], MANY[2]], later(3)).new == ()
    now = item("001", title="changed")
    assert other.sync("agent", [now], later(4)).changed == (now.id,)
    assert queue.refresh() == {now.id}
    assert entry(queue, now).item == now
    assert same(queue, data)


def test_it_is_written_where_it_spares_much(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = data / "queue.checkpoint"
    queue = Queue(data)
    queue.save()
    written = path.stat().st_mtime_ns
    assert read_by(data) < 30_000
    queue.save()
    Queue(data).save()
    assert path.stat().st_mtime_ns == written, "nothing came since"
    monkeypatch.setattr(storage_module, "CHECKPOINT_BYTES", 3_000)
    queue.sync("other", [item("a", "other", description="y" * 1000)], later(3))
    queue.save()
    assert path.stat().st_mtime_ns == written
    queue.sync("other", [item(key, "other", description="y" * 1000) for key in "bcd"], later(3))
    queue.save()
    assert path.stat().st_mtime_ns != written
    assert same(Queue(data), data)


def test_one_that_is_torn_or_changed_is_taken_for_nothing(data: Path) -> None:
    path, whole = data / "queue.checkpoint", (data / "queue.jsonl").stat().st_size
    good = path.read_bytes()
    spoilt = [good[:at] for at in range(0, len(good), 997)]
    spoilt += [good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :] for at in range(0, len(good), 499)]
    spoilt += [good + b"x", good.replace(b" 1 ", b" 2 ", 1), b"\n", b"\xff" * 100]
    for each in spoilt:
        path.write_bytes(each)
        assert read_by(data) >= whole
    assert same(Queue(data), data)


def _compacted(data: Path) -> None:
    queue = Queue(data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(storage_module, "SPARE_BYTES", -1_000_000)
        queue.mark(MANY[7].id, to(Marks(note="z")))


def _begun_anew(data: Path) -> None:
    (data / "queue.jsonl").unlink()
    Queue(data).sync("agent", MANY, later(7))


def _cut(data: Path) -> None:
    """As a backup would bring it back, and then others wrote."""
    lines = (data / "queue.jsonl").read_bytes().splitlines(keepends=True)
    (data / "queue.jsonl").write_bytes(b"".join(lines[:2]))
    for number in range(5):
        Queue(data, anew=True).sync("other", [item(str(number), "other", description="z" * 999)], later(8))


def _of_another(data: Path) -> None:
    other = data.with_name("another")
    Queue(other).sync("agent", MANY[10:], NOON)
    Queue(other).save()
    shutil.copy(other / "queue.checkpoint", data)


@pytest.mark.parametrize("change", [_compacted, _begun_anew, _cut, _of_another])
def test_one_of_another_journal_is_taken_for_nothing(data: Path, change: Callable[[Path], None]) -> None:
    change(data)
    assert same(Queue(data), data)
    Queue(data).save()
    assert read_by(data) < (data / "queue.jsonl").stat().st_size / 2
    assert same(Queue(data), data)


def test_without_a_journal_there_is_nothing(data: Path) -> None:
    (data / "queue.jsonl").unlink()
    queue = Queue(data)
    assert (len(queue), queue.ids()) == (0, [])
    assert queue.sync("agent", MANY[:1], NOON) == changes(new=MANY[:1])


def test_a_line_damaged_meanwhile_is_found_by_reading_all_and_by_reading_it(data: Path) -> None:
    path = data / "queue.jsonl"
    lines = path.read_bytes()
    at = lines.index(b'"key":"050"')
    path.write_bytes(lines[:at] + b"\xff" + lines[at + 1 :])
    queue = Queue(data)
    with pytest.raises(StoreUnavailable, match="was changed while it was read"):
        list(queue.entries())
    for _ in range(2):
        with pytest.raises(StoreDamaged, match="line 2"):
            queue.refresh()
    with pytest.raises(StoreDamaged, match="line 2"):
        Queue(data, anew=True)


def test_what_it_is_made_of_is_on_the_disk_before_it_is(data: Path, tmp_path: Path) -> None:
    disk, left = Disk(), tmp_path / "left"
    queue = Queue(tmp_path / "new", files=disk)
    queue.sync("agent", MANY[:50], NOON)
    queue.sync("agent", MANY, NOON)
    queue.save()
    left.mkdir()
    disk.survivors(left, kept=0.0)
    assert (left / "queue.checkpoint").exists()
    assert same(Queue(left), left)


def _faults(calls: int) -> Iterator[Disk]:
    for at in range(1, calls + 1):
        yield Disk(at, code=errno.ENOSPC)
        yield Disk(at, Fault.DONE)
        yield Disk(at, Fault.HALF, lasting=True)


def test_whatever_fails_while_it_is_written_or_read_the_queue_goes_on(data: Path, tmp_path: Path) -> None:
    counting = Disk()
    shutil.copytree(data, tmp_path / "counted")
    Queue(tmp_path / "counted", files=counting).save()
    for number, disk in enumerate(_faults(len(counting.calls))):
        copy = tmp_path / str(number)
        shutil.copytree(data, copy)
        try:
            queue = Queue(copy, files=disk)
        except StoreUnavailable:  # the journal itself could not be read
            disk.heal()
            queue = Queue(copy, files=disk)
        queue.save()
        disk.heal()
        assert disk.failed
        assert same(queue, copy)
        assert same(Queue(copy), copy)
        queue.mark(MANY[8].id, to(Marks(note="later")))
        assert entry(Queue(copy), MANY[8]).marks.note == "later"
        shutil.rmtree(copy)


def test_one_that_saves_knows_what_others_wrote(data: Path) -> None:
    queue, other = Queue(data), Queue(data)
    now = item("001", title="changed")
    other.sync("agent", [now], later(4))
    queue.save()
    assert look(Queue(data)) == look(other)
    assert queue.refresh() == {now.id}
    assert same(Queue(data), data)
