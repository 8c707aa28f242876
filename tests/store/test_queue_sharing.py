"""The queue among several processes: who sees what, what it costs, and what goes wrong."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from tests.store.disk import Disk
from tests.store.items import ANSWERED, NOON, A, B, C, changes, entry, item, later, look, to
from triage.model.endpoint import Health, HealthState
from triage.model.item import Item
from triage.store import queue as queue_module
from triage.store import storage as storage_module
from triage.store.errors import StoreDamaged, StoreTooNew, StoreUnavailable
from triage.store.files import Files
from triage.store.queue import Entry, Marks, Queue

pytestmark = pytest.mark.usefixtures("kept_in")


class TestSharing:
    def test_each_sees_what_the_other_did_and_is_told_of_it_once(
        self, queue: Queue, open_queue: Callable[..., Queue]
    ) -> None:
        other = open_queue()
        queue.sync("agent", [A, B], NOON)
        assert other.ids() == []
        assert other.refresh() == {A.id, B.id}
        assert other.refresh() == frozenset()
        assert queue.refresh() == frozenset()
        assert other.ids() == queue.ids()
        assert list(other.entries()) == list(queue.entries())
        other.mark(B.id, to(Marks(note="mine")))
        other.forget([A.id])
        assert queue.refresh() == {A.id, B.id}
        assert queue.get(A.id) is None
        assert entry(queue, B).marks.note == "mine"
        assert [each.item for each in queue.of_endpoint("agent")] == [B]

    def test_what_came_to_light_while_writing_is_told_by_the_next_refresh(
        self, queue: Queue, open_queue: Callable[..., Queue]
    ) -> None:
        other = open_queue()
        queue.sync("agent", [A], NOON)
        queue.set_health(Health("agent", HealthState.OK))
        other.sync("other", [item("x", "other")], NOON)
        other.set_health(Health("other", HealthState.OK))
        assert other.refresh() == {A.id}
        assert other.health_changed == {"agent"}
        assert other.refresh() == frozenset()
        assert other.health_changed == frozenset()
        assert queue.refresh() == {item("x", "other").id}
        assert queue.health_changed == {"other"}

    def test_many_new_items_come_in_the_order_they_were_polled(
        self, queue: Queue, open_queue: Callable[..., Queue]
    ) -> None:
        other = open_queue()
        many = [item(f"{number:03}") for number in range(200)]
        queue.sync("agent", many, NOON)
        other.refresh()
        assert other.ids() == [each.id for each in many]
        assert [each.item for each in other.of_endpoint("agent")] == many

    def test_a_poll_is_compared_with_what_another_process_stored_meanwhile(
        self, queue: Queue, open_queue: Callable[..., Queue]
    ) -> None:
        other = open_queue()
        queue.sync("agent", [A, B], NOON)
        queue.mark(A.id, to(Marks(claimed_by="ann")))
        now = item("a", title="changed")
        assert other.sync("agent", [now, C], later()) == changes(changed=[now], new=[C], vanished=[B])
        assert entry(other, A).marks.claimed_by == "ann"
        queue.bury(B.id, ANSWERED, later())
        other.mark(C.id, to(Marks(note="x")))
        assert queue.sync("agent", [now, C], later(2)) == changes()
        assert [each.marks for each in queue.entries()] == [Marks(claimed_by="ann"), Marks(), Marks(note="x")]

    def test_what_was_polled_here_before_is_not_taken_for_what_another_stored_since(
        self, queue: Queue, open_queue: Callable[..., Queue]
    ) -> None:
        other, now = open_queue(), item("a", title="changed")
        for _ in range(2):
            queue.sync("agent", [A], NOON)
            assert other.sync("agent", [now], NOON) == changes(changed=[now])
            assert other.sync("agent", [now], NOON) == changes()
            assert queue.sync("agent", [A], NOON) == changes(changed=[A])
        other.bury(A.id, ANSWERED, NOON)
        assert queue.sync("agent", [A], NOON) == changes(back=[A])

    def test_a_large_poll_that_fails_midway_is_told_as_far_as_it_came_and_goes_on_from_there(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(queue_module, "_AT_ONCE", 5)
        many = [item(f"{number:02}") for number in range(20)]
        disk = Disk()
        queue, opening, halves = Queue(tmp_path / "counted", files=disk), len(disk.calls), 0
        queue.sync("agent", many, NOON)
        for at in range(opening + 1, len(disk.calls) + 1):
            failing = Disk(at, code=errno.ENOSPC, lasting=True)
            queue = Queue(tmp_path / str(at), files=failing)
            with contextlib.suppress(StoreUnavailable):
                queue.sync("agent", many, NOON)
            failing.heal()
            stored = [found.item for found in look(Queue(tmp_path / str(at)))]
            assert stored == many[: len(stored)]
            if len(stored) < len(many):
                assert {each.id for each in stored} <= queue.refresh()
                halves += bool(stored)
            assert queue.sync("agent", many, NOON) == changes(new=many[len(stored) :])
        assert halves > 3

    def test_compaction_by_one_is_seen_by_the_other(
        self, queue: Queue, open_queue: Callable[..., Queue], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        other = open_queue()
        queue.sync("agent", [A, B, C], NOON)
        other.refresh()
        monkeypatch.setattr(storage_module, "SPARE_BYTES", 0)
        for number in range(20):
            queue.mark(B.id, to(Marks(note=f"note {number}")))
        queue.forget([C.id])
        assert other.refresh() == {B.id, C.id}
        assert list(other.entries()) == list(queue.entries()) == list(open_queue().entries())

    def test_looking_costs_one_stat_while_nothing_happens(
        self, queue: Queue, open_queue: Callable[..., Queue]
    ) -> None:
        queue.sync("agent", [A, B], NOON)
        disk = Disk()
        other = open_queue(disk)
        other.refresh()
        disk.calls.clear()
        for _ in range(10):
            assert other.refresh() == frozenset()
        assert disk.calls == ["stat"] * 10


class TestCost:
    """Counted in bytes written and entries decoded; a queue of 20 and one of 2,000 are alike."""

    @pytest.fixture
    def counts(self, monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
        """Every entry that is decoded."""
        decoded: list[bytes] = []
        decoder = msgspec.json.Decoder(Entry)

        class Counting:
            def decode(self, raw: bytes) -> Entry:
                decoded.append(raw)
                return decoder.decode(raw)

        monkeypatch.setattr(queue_module, "_entry_decoder", Counting())
        return decoded

    @staticmethod
    def spent(disk: Disk, decoded: list[bytes], work: Callable[[], object]) -> tuple[int, int, int]:
        """Bytes written, bytes read back and entries decoded by ``work``."""
        before = disk.written, disk.read_bytes, len(decoded)
        work()
        return disk.written - before[0], disk.read_bytes - before[1], len(decoded) - before[2]

    @pytest.mark.parametrize(
        "work",
        [
            lambda queue, many: queue.get(many[7].id),
            lambda queue, many: queue.mark(many[7].id, to(Marks(note="x"))),
            lambda queue, many: queue.bury(many[7].id, ANSWERED, NOON),
            lambda queue, many: queue.forget([many[7].id]),
            lambda queue, many: queue.put(item("one more"), NOON),
            lambda queue, many: queue.set_health(Health("agent", HealthState.OK)),
            lambda queue, many: queue.refresh(),
            lambda queue, many: queue.sync("other", [item("one", "other")], NOON),
            lambda queue, many: queue.sync("agent", [*many, item("one more")], NOON),
            lambda queue, many: queue.sync("agent", [item("1007", title="new"), *many[:7], *many[8:]], NOON),
            lambda queue, many: queue.sync("agent", many, NOON),
        ],
    )
    def test_it_does_not_grow_with_the_queue(
        self, work: Callable[[Queue, list[Item]], object], counts: list[bytes], tmp_path: Path
    ) -> None:
        costs = []
        for size in (20, 2_000):
            many = [item(str(1000 + number)) for number in range(size)]
            disk = Disk()
            queue = Queue(tmp_path / str(size), files=disk)
            queue.sync("agent", many, NOON)
            queue.refresh()
            costs.append(self.spent(disk, counts, lambda queue=queue, many=many: work(queue, many)))  # type: ignore[misc]
        assert costs[0] == costs[1]
        written, read, decoded = costs[0]
        assert written < 1_000
        assert read < 10_000
        assert decoded <= 1

    def test_a_poll_that_brings_nothing_new_writes_and_decodes_nothing(
        self, open_queue: Callable[..., Queue], counts: list[bytes]
    ) -> None:
        disk = Disk()
        queue = open_queue(disk)
        many = [item(str(number), raw={"n": number}) for number in range(500)]
        queue.sync("agent", many, NOON)
        assert self.spent(disk, counts, lambda: queue.sync("agent", many, later()))[::2] == (0, 0)

    def test_opening_decodes_no_entry(self, open_queue: Callable[..., Queue], counts: list[bytes]) -> None:
        open_queue().sync("agent", [item(str(number)) for number in range(100)], NOON)
        again = open_queue()
        assert len(again) == 100
        assert counts == []


class TestTrouble:
    def test_an_entry_handed_out_cannot_change_what_is_stored(
        self, queue: Queue, open_queue: Callable[..., Queue]
    ) -> None:
        queue.sync("agent", [A], NOON)
        queue.mark(A.id, to(Marks(drafts={"edit": "{}"})))
        for handed in (entry(queue, A), next(queue.entries()), queue.of_endpoint("agent")[0]):
            handed.item.actions[0].arguments["amount"] = 10**6
            handed.item.locator["x"] = 1
            handed.marks.drafts["edit"] = "changed"
        fresh = entry(queue, A)
        assert fresh.item == A
        assert fresh.item.revision == A.revision
        queue.bury(A.id, ANSWERED, NOON)
        queue.mark(A.id, to(Marks(note="n", drafts=fresh.marks.drafts)))
        assert entry(open_queue(), A).item.actions[0].arguments["amount"] == 12
        assert entry(queue, A).marks.drafts == {"edit": "{}"}

    def test_a_full_disk_loses_nothing_and_the_queue_stays_in_step(
        self, open_queue: Callable[..., Queue]
    ) -> None:
        queue = open_queue()
        queue.sync("agent", [A], NOON)

        class Full(Files):
            full = True

            def write(self, descriptor: int, data: bytes | memoryview) -> int:
                if self.full:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                return super().write(descriptor, data)

        files = Full()
        full = open_queue(files)
        for work in (
            lambda: full.sync("agent", [A, B], later()),
            lambda: full.mark(A.id, to(Marks(note="x"))),
            lambda: full.bury(A.id, ANSWERED, later()),
            lambda: full.forget([A.id]),
            lambda: full.set_health(Health("agent")),
        ):
            with pytest.raises(StoreUnavailable, match=r"queue\.jsonl cannot be written: the disk is full"):
                work()
            assert list(full.entries()) == list(open_queue().entries()) == [Entry(A, NOON)]
            assert full.ids() == [A.id]
        files.full = False
        assert full.sync("agent", [A, B], later()) == changes(new=[B])
        assert queue.refresh() == {B.id}

    @pytest.mark.parametrize(
        "line",
        [
            b'{"items":{"x":{"item":{"endpoint":"agent"}}}}',
            b'{"items":{"x":{"item":7}}}',
            b'{"items":{"x":[]}}',
        ],
    )
    def test_what_is_not_an_item_is_said_with_the_remedy(
        self, queue: Queue, open_queue: Callable[..., Queue], tmp_path: Path, line: bytes
    ) -> None:
        queue.sync("agent", [A], NOON)
        path = tmp_path / "data" / "queue.jsonl"
        with path.open("ab") as file:
            file.write(line + b"\n")
        for _ in range(2):
            with pytest.raises(StoreDamaged) as caught:
                look(queue)
            assert str(caught.value) == (
                f"{path}: what stands under x is not an item. "
                "Move the file away: what waits is polled anew, and the decision log is not touched; "
                "only claims, snoozes, notes and drafts are lost."
            )
        with pytest.raises(StoreDamaged):
            list(open_queue().entries())

    def test_health_that_is_none_is_said(self, queue: Queue, tmp_path: Path) -> None:
        queue.sync("agent", [A], NOON)
        with (tmp_path / "data" / "queue.jsonl").open("ab") as file:
            file.write(b'{"health":{"agent":{"state":"splendid"}}}\n')
        queue.refresh()
        with pytest.raises(StoreDamaged, match="what stands under agent is not an endpoint's health"):
            queue.health("agent")

    def test_a_damaged_line_is_named(
        self, queue: Queue, open_queue: Callable[..., Queue], tmp_path: Path
    ) -> None:
        queue.sync("agent", [A], NOON)
        with (tmp_path / "data" / "queue.jsonl").open("ab") as file:
            file.write(b"}\n")
        with pytest.raises(StoreDamaged, match=r"queue\.jsonl, line 3: .* what waits is polled anew"):
            queue.sync("agent", [B], NOON)
        with pytest.raises(StoreDamaged, match="line 3"):
            open_queue()

    def test_a_newer_queue_and_a_foreign_file_are_refused(
        self, open_queue: Callable[..., Queue], tmp_path: Path
    ) -> None:
        (tmp_path / "data").mkdir()
        path = tmp_path / "data" / "queue.jsonl"
        path.write_bytes(b'{"format":"triage-queue","version":2}\n')
        with pytest.raises(StoreTooNew, match="Update triage"):
            open_queue()
        path.write_bytes(b'{"format":"triage-log","version":1}\n')
        with pytest.raises(
            StoreDamaged, match=r"line 1: this is not a triage-queue file. Move the file away"
        ):
            open_queue()
