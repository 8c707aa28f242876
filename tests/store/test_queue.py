"""The queue: what polls bring, and what operators note."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.store.disk import Disk, Fault, PowerCut
from tests.store.items import ANSWERED, NOON, A, B, C, changes, entry, item, later, to
from triage.model.endpoint import Health, HealthState
from triage.model.item import Action, Gone, Item
from triage.store import storage as storage_module
from triage.store.queue import Entry, Marks, Queue

pytestmark = pytest.mark.usefixtures("kept_in")


class TestPolling:
    def test_what_is_polled_first_is_new(self, queue: Queue) -> None:
        assert queue.sync("agent", [A, B], NOON) == changes(new=[A, B])
        assert queue.ids() == [A.id, B.id]
        assert entry(queue, A) == Entry(A, NOON)
        assert len(queue) == 2
        assert A.id in queue
        assert C.id not in queue
        assert queue.get(C.id) is None

    def test_what_is_polled_again_is_nothing(self, queue: Queue) -> None:
        queue.sync("agent", [A, B], NOON)
        assert queue.sync("agent", [B, A], later()) == changes()
        assert queue.ids() == [A.id, B.id]

    def test_another_revision_is_changed_and_what_was_asked_before_is_kept(self, queue: Queue) -> None:
        before = item("a", raw={"big": [1] * 10})
        queue.sync("agent", [before], NOON)
        now = item("a", actions=(Action("refund", {"order": "a", "amount": 1200}),))
        assert queue.sync("agent", [now], later()) == changes(changed=[now])
        found = entry(queue, now)
        assert (found.item, found.seen_at, found.changed_at) == (now, NOON, later())
        assert found.previous == msgspec.structs.replace(before, raw=None)

    def test_one_and_one_point_nought_are_not_the_same(self, queue: Queue) -> None:
        queue.sync("agent", [item("a", actions=(Action("pay", {"n": 1}),))], NOON)
        now = item("a", actions=(Action("pay", {"n": 1.0}),))
        assert queue.sync("agent", [now], later()) == changes(changed=[now])
        assert isinstance(entry(queue, now).item.actions[0].arguments["n"], float)

    def test_what_asks_the_same_but_differs_otherwise_is_touched(self, queue: Queue) -> None:
        queue.sync("agent", [A], NOON)
        now = item("a", warnings={"approve": "it also closes the account"}, locator={"run": 7})
        assert now.revision == A.revision
        assert queue.sync("agent", [now], later()) == changes(touched=[now])
        found = entry(queue, now)
        assert (found.item, found.changed_at, found.previous) == (now, None, None)

    @pytest.mark.parametrize("now", [item("a", raw={"at": 2}), item("a", locator={"y": 2, "x": 1})])
    def test_another_raw_form_or_order_of_keys_is_nothing(self, queue: Queue, now: Item) -> None:
        queue.sync(
            "agent", [item("a", raw={"at": 1}) if now.raw else item("a", locator={"x": 1, "y": 2})], NOON
        )
        assert queue.sync("agent", [now], later()) == changes()

    def test_what_is_not_polled_any_more_is_told_as_vanished_and_stays(self, queue: Queue) -> None:
        queue.sync("agent", [A, B, C], NOON)
        for _ in range(2):
            assert queue.sync("agent", [B], later()) == changes(vanished=[A, C])
        assert queue.ids() == [A.id, B.id, C.id]

    def test_a_tombstone_has_not_vanished_and_may_be_back(self, queue: Queue) -> None:
        queue.sync("agent", [A, B], NOON)
        queue.bury(A.id, ANSWERED, later(1))
        assert queue.sync("agent", [B], later(2)) == changes()
        found = entry(queue, A)
        assert (found.gone, found.gone_at) == (ANSWERED, later(1))
        assert queue.sync("agent", [A, B], later(3)) == changes(back=[A])
        assert entry(queue, A) == Entry(A, NOON)
        changed = item("a", title="Refund a, again")
        queue.bury(A.id, ANSWERED, later(4))
        assert queue.sync("agent", [changed, B], later(5)) == changes(back=[changed])
        assert entry(queue, A) == Entry(changed, NOON, changed_at=later(5), previous=A)

    def test_endpoints_do_not_touch_each_others_items(self, queue: Queue) -> None:
        other = item("a", "other")
        queue.sync("agent", [A, B], NOON)
        assert queue.sync("other", [other], NOON) == changes(new=[other])
        assert queue.sync("other", [], later()) == changes(vanished=[other])
        assert queue.sync("agent", [A, B], later()) == changes()
        assert [each.item for each in queue.of_endpoint("agent")] == [A, B]
        assert [each.item for each in queue.of_endpoint("other")] == [other]
        assert queue.of_endpoint("nobody") == []

    def test_the_order_is_that_of_the_poll_and_the_oldest_stay_first(self, queue: Queue) -> None:
        many = [item(f"{number:02}") for number in range(20)]
        queue.sync("agent", many[10:], NOON)
        assert queue.sync("agent", many, later()).new == tuple(each.id for each in many[:10])
        assert queue.ids() == [each.id for each in many[10:] + many[:10]]
        assert [each.item for each in queue.entries()] == many[10:] + many[:10]
        assert [each.item for each in queue.of_endpoint("agent")] == many[10:] + many[:10]

    def test_an_item_that_cannot_be_stored_is_told_and_hides_no_other(self, queue: Queue) -> None:
        deep: Any = 1
        for _ in range(500):
            deep = [deep]
        queue.sync("agent", [A], NOON)
        worse = item("a", actions=(Action("refund", deep),))
        half = item("b", title="\ud800")
        found = queue.sync("agent", [worse, half, C], later())
        assert (found.new, found.changed, found.vanished) == ((C.id,), (), ())
        assert found.problems == (
            "'Refund a' cannot be kept here: it is nested more than 400 levels deep and cannot be stored",
            "'\\ud800' cannot be kept here: it holds half of a surrogate pair, "
            "which is not text and cannot be stored",
        )
        assert entry(queue, A).item == A
        assert queue.put(worse, later()) == found.problems[0]
        assert queue.ids() == [A.id, C.id]

    def test_large_whole_numbers_and_any_text_come_back_as_they_were(self, queue: Queue) -> None:
        odd = item(
            "a", title="\u202e\x1b[31m\x00 é 𝕏 \u2028", actions=(Action("x", {"n": 2**70, "z": -0.0}),)
        )
        queue.sync("agent", [odd], NOON)
        found = entry(queue, odd)
        assert found.item == odd
        assert found.item.revision == odd.revision
        assert found.item.id == odd.id


class TestSingleItems:
    def test_putting_takes_in_what_was_read(self, queue: Queue) -> None:
        assert queue.put(A, NOON) == ""
        assert entry(queue, A) == Entry(A, NOON)
        now = item("a", title="Refund a twice")
        queue.put(now, later())
        assert entry(queue, A) == Entry(now, NOON, changed_at=later(), previous=A)
        queue.bury(A.id, ANSWERED, later(2))
        queue.put(now, later(3))
        assert entry(queue, A).gone is None

    def test_burying_is_done_once_and_only_to_what_is_there(self, queue: Queue) -> None:
        queue.sync("agent", [A], NOON)
        queue.bury(A.id, ANSWERED, later(1))
        queue.bury(A.id, Gone("deleted"), later(2))
        queue.bury(B.id, ANSWERED, later(3))
        assert entry(queue, A) == Entry(A, NOON, gone=ANSWERED, gone_at=later(1))
        assert queue.ids() == [A.id]

    def test_forgetting_removes_for_good(self, queue: Queue, open_queue: Callable[..., Queue]) -> None:
        queue.sync("agent", [A, B, C], NOON)
        queue.forget([A.id, C.id, "nothing"])
        for each in (queue, open_queue()):
            assert each.ids() == [B.id]
            assert [entry.item for entry in each.of_endpoint("agent")] == [B]
        assert queue.sync("agent", [A, B], later()) == changes(new=[A])

    def test_health_is_kept_by_endpoint(self, queue: Queue, open_queue: Callable[..., Queue]) -> None:
        assert queue.health("agent") is None
        failing = Health("agent", HealthState.FAILING, "it does not answer", since=NOON, waiting=3)
        queue.set_health(failing)
        queue.set_health(Health("other"))
        assert queue.health("agent") == open_queue().health("agent") == failing
        assert queue.ids() == []


class TestMarks:
    MARKS = Marks(
        claimed_by="ann",
        claimed_at=NOON,
        snoozed_until=later(),
        snoozed_revision="r",
        escalated_to="bob",
        note="ask first",
        drafts={"edit": '{"amount": 1', "reject": "no"},
    )

    def test_they_survive_polls_changes_burials_and_reopening(
        self, queue: Queue, open_queue: Callable[..., Queue]
    ) -> None:
        queue.sync("agent", [A], NOON)
        queue.mark(A.id, to(self.MARKS))
        changed = item("a", title="Refund a, really")
        queue.sync("agent", [changed], later())
        queue.bury(A.id, ANSWERED, later(2))
        queue.sync("agent", [item("a", title="Refund a, really", locator={"x": 1})], later(3))
        queue.put(A, later(4))
        for each in (queue, open_queue()):
            assert entry(each, A).marks == self.MARKS
        queue.mark(A.id, to(Marks()))
        assert entry(open_queue(), A).marks == Marks()

    def test_they_are_on_the_disk_when_mark_returns_and_what_was_polled_need_not_be(
        self, open_queue: Callable[..., Queue], tmp_path: Path
    ) -> None:
        disk = Disk()
        queue = open_queue(disk)
        queue.sync("agent", [A], NOON)
        syncs = disk.calls.count("sync")
        queue.sync("agent", [A, B], later())
        queue.bury(B.id, ANSWERED, later())
        queue.set_health(Health("agent"))
        assert disk.calls.count("sync") == syncs
        queue.mark(A.id, to(self.MARKS))
        assert disk.calls.count("sync") == syncs + 1
        queue.mark(A.id, to(self.MARKS))
        queue.sync("agent", [item("a", title="unsynced")], later(2))
        assert disk.calls.count("sync") == syncs + 1
        (tmp_path / "left").mkdir()
        disk.survivors(tmp_path / "left", kept=0.0)
        left = Queue(tmp_path / "left")
        assert (entry(left, A).item, entry(left, A).marks) == (A, self.MARKS)
        assert entry(left, B).gone == ANSWERED

    def test_marks_that_were_acknowledged_survive_a_power_cut_at_any_call(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(storage_module, "SPARE_BYTES", 1_000)
        noted = 0

        def work(queue: Queue) -> None:
            nonlocal noted
            for number in range(1, 5):
                queue.sync("agent", [A, item("b", title=f"b {number}")], later(number))
                queue.mark(A.id, to(Marks(note=f"note {number}")))
                noted = number

        counting = Disk()
        work(Queue(tmp_path / "counted", files=counting))
        assert counting.calls.count("rename") > 1
        for at in range(1, len(counting.calls) + 1):
            noted = 0
            directory, left = tmp_path / f"data {at}", tmp_path / f"left {at}"
            left.mkdir()
            disk = Disk(at, Fault.POWER)
            with pytest.raises(PowerCut):
                work(Queue(directory, files=disk))
            disk.survivors(left, kept=0.0)
            found = Queue(left).get(A.id)
            notes = [f"note {noted}", f"note {noted + 1}"] if noted else ["", "note 1"]
            assert (found.marks.note if found else "") in notes

    def test_an_unknown_item_cannot_be_marked(self, queue: Queue) -> None:
        with pytest.raises(LookupError, match=f"There is no item {A.id} in the queue."):
            queue.mark(A.id, to(self.MARKS))

    def test_marks_that_are_no_text_are_refused(self, queue: Queue) -> None:
        queue.sync("agent", [A], NOON)
        with pytest.raises(ValueError, match="half of a surrogate pair"):
            queue.mark(A.id, to(Marks(note="\udc80")))
        assert entry(queue, A).marks == Marks()
