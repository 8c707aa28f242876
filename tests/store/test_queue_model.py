"""Two processes on one queue, doing whatever comes, against a plain dict."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.store.items import ANSWERED, changes, item, later, to
from triage.model.item import Item
from triage.store import storage as storage_module
from triage.store.queue import Entry, Marks, Queue, outline_of

pytestmark = pytest.mark.usefixtures("kept_in")


class Step(NamedTuple):
    """What one of two processes does; the titles are those of polled items, by their keys."""

    who: int
    what: str
    endpoint: str
    titles: dict[str, str]


class Both:
    """Two processes on one queue, and what it ought to hold."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.queues = [Queue(directory), Queue(directory)]
        self.entries: dict[str, Entry] = {}
        self.known: list[dict[str, Entry]] = [{}, {}]
        """What each knew when it last looked."""
        self.written: list[set[str]] = [set(), set()]
        """What the other has written since."""
        self.own: list[set[str]] = [set(), set()]
        """What it has written itself since."""

    def take(self, number: int, step: Step) -> None:
        queue, at = self.queues[step.who], later(number)
        items = [item(key, step.endpoint, title=title) for key, title in step.titles.items()]
        if step.what == "poll":
            self._poll(queue, step, items, number)
        elif step.what == "look":
            self._look(step.who)
        elif step.what == "open":
            self.queues[step.who] = Queue(self._directory)
            self._knows_all(step.who)
        elif step.what == "save":
            queue.save()
        for each in items if step.what in ("bury", "mark", "forget") else []:
            found = self.entries.get(each.id)
            if step.what == "bury":
                queue.bury(each.id, ANSWERED, at)
                if found is not None and found.gone is None:
                    self._put(step.who, each.id, msgspec.structs.replace(found, gone=ANSWERED, gone_at=at))
            elif step.what == "forget":
                queue.forget([each.id])
                if found is not None:
                    self._put(step.who, each.id, None)
            elif found is not None:
                marks = Marks(note=each.title)
                queue.mark(each.id, to(marks))
                self._put(step.who, each.id, msgspec.structs.replace(found, marks=marks))

    def _poll(self, queue: Queue, step: Step, items: list[Item], number: int) -> None:
        told = queue.sync(step.endpoint, items, later(number))
        expected: dict[str, list[Item]] = {"new": [], "changed": [], "back": []}
        for each in items:
            found = self.entries.get(each.id)
            if found is None:
                expected["new"].append(each)
                self._put(step.who, each.id, Entry(each, later(number)))
                continue
            same = found.item.title == each.title
            if found.gone is not None or not same:
                expected["back" if found.gone is not None else "changed"].append(each)
                more = {} if same else {"changed_at": later(number), "previous": found.item}
                now = msgspec.structs.replace(found, item=each, gone=None, gone_at=None, **more)
                self._put(step.who, each.id, now)
        assert msgspec.structs.replace(told, vanished=()) == changes(**expected)
        assert set(told.vanished) == {
            item_id
            for item_id, found in self.entries.items()
            if found.item.endpoint == step.endpoint and found.gone is None and found.item not in items
        }

    def _put(self, who: int, item_id: str, now: Entry | None) -> None:
        if now == self.entries.get(item_id):
            return
        self.own[who].add(item_id)
        self.written[1 - who].add(item_id)
        if now is None:
            self.entries.pop(item_id, None)
        else:
            self.entries[item_id] = now

    def _look(self, who: int) -> None:
        queue, before = self.queues[who], self.known[who]
        told = queue.refresh()
        assert told <= self.written[who]
        others = {each for each in self.written[who] if before.get(each) != self.entries.get(each)}
        assert others - told <= self.own[who]  # what this one wrote last itself needs no telling
        assert queue.ids() == list(self.entries)
        assert list(queue.entries()) == list(self.entries.values())
        for endpoint in ("agent", "other"):
            mine = [found.item.id for found in queue.of_endpoint(endpoint)]
            expected = [key for key, found in self.entries.items() if found.item.endpoint == endpoint]
            assert sorted(mine) == sorted(expected)
        self._knows_all(who)

    def _knows_all(self, who: int) -> None:
        self.known[who], self.written[who], self.own[who] = dict(self.entries), set(), set()


steps = st.builds(
    Step,
    st.integers(0, 1),
    st.sampled_from(
        ["poll", "poll", "poll", "look", "look", "bury", "mark", "forget", "open", "open", "save"]
    ),
    st.sampled_from(["agent", "other"]),
    st.dictionaries(st.sampled_from("abcd"), st.sampled_from(["x", "y"]), max_size=4),
)


@settings(max_examples=100, deadline=None)
@given(st.lists(steps, min_size=1, max_size=20), st.sampled_from([0, 500, 4 << 20]))
def test_two_processes_at_random_hold_what_a_plain_dict_holds(steps: list[Step], spare: int) -> None:
    with tempfile.TemporaryDirectory() as directory, pytest.MonkeyPatch.context() as patch:
        patch.setattr(storage_module, "SPARE_BYTES", spare)
        patch.setattr(storage_module, "CHECKPOINT_BYTES", 0)
        both = Both(Path(directory))
        for number, step in enumerate(steps):
            both.take(number, step)
        for who in (0, 1):
            both.take(len(steps), Step(who, "look", "agent", {}))
        for fresh in (Queue(Path(directory)), Queue(Path(directory), anew=True)):
            assert list(fresh.entries()) == list(both.entries.values())
            outlines = {found.item.id: outline_of(found) for found in both.entries.values()}
            assert list(fresh.outlines()) == list(outlines.items())
