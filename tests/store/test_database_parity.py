"""TinyDB on the journal does what plain TinyDB does: the same steps on both give the same answers."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tinydb import Query, TinyDB, where
from tinydb.operations import add, decrement, delete, increment, subtract
from tinydb.operations import set as put
from tinydb.queries import QueryInstance
from tinydb.table import Document, Table

from triage.store import storage as storage_module
from triage.store.database import Database

pytestmark = pytest.mark.usefixtures("kept_in")

TABLES = ("_default", "second")
MISSING = 999_999


class Step(NamedTuple):
    """One call on a table of each database; ``args`` say which documents by their place."""

    name: str
    table: str
    args: tuple[Any, ...]


class Side:
    """One of the two databases, and the documents of a table by their place."""

    def __init__(self, database: TinyDB, name: str) -> None:
        self.database = database
        self.name = name
        self.table: Table = database.table(name)
        self.ids: list[int] = [document.doc_id for document in self.table.all()]

    def pick(self, places: Iterable[int]) -> list[int]:
        """The ids at these places; a negative one means a document that is not there."""
        return [self.ids[place % len(self.ids)] if place >= 0 and self.ids else MISSING for place in places]

    def normal(self, result: Any) -> Any:
        """A result with places instead of ids."""
        if isinstance(result, Document):
            return [self._place(result.doc_id), repr(dict(result))]
        if isinstance(result, list):
            return [self._place(each) if isinstance(each, int) else self.normal(each) for each in result]
        return result

    def _place(self, doc_id: int) -> int:
        ids = [document.doc_id for document in self.table.all()]
        known = self.ids + [each for each in ids if each not in self.ids]
        return known.index(doc_id)


class Pair:
    """A database on a journal, opened twice, and a plain one on a JSON file."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._open()

    def _open(self) -> None:
        ours = self._directory / "ours.jsonl"
        self.ours = [Database(ours, sync=False), Database(ours, sync=False)]
        self.plain = TinyDB(self._directory / "plain.json")

    def close(self) -> None:
        for database in (*self.ours, self.plain):
            database.close()

    def take(self, step: Step) -> None:
        """Take the step on both sides, and see that they agree on its result and on what there is then."""
        if step.name == "reopen":
            self.close()
            self._open()
        elif step.name == "change sides":
            self.ours.reverse()
        else:
            ours, plain = Side(self.ours[0], step.table), Side(self.plain, step.table)
            new_id = max([0, *ours.ids, *plain.ids]) + 7
            assert _outcome(ours, step, new_id) == _outcome(plain, step, new_id)
        self.compare()

    def compare(self) -> None:
        """All handles on the journal see what the plain database holds, in the same order."""
        for database in self.ours:
            assert database.tables() == self.plain.tables()
            for name in TABLES:
                ours, plain = database.table(name).all(), self.plain.table(name).all()
                assert [repr(dict(each)) for each in ours] == [repr(dict(each)) for each in plain]
                assert len({each.doc_id for each in ours}) == len(ours) == len(database.table(name))


def _outcome(side: Side, step: Step, new_id: int) -> Any:
    try:
        return side.normal(STEPS[step.name](side, new_id, *_copied(step.args)))
    except (ValueError, KeyError, TypeError, RuntimeError) as error:
        return type(error)


def _copied(value: Any) -> Any:
    """Fresh lists and dicts: TinyDB puts those it is given into the document."""
    if isinstance(value, dict):
        return {key: _copied(each) for key, each in value.items()}
    return type(value)(map(_copied, value)) if isinstance(value, list | tuple) else value


STEPS: dict[str, Callable[..., Any]] = {
    "insert": lambda side, new, document: [side.table.insert(document)],
    "insert at an id": lambda side, new, document: [side.table.insert(Document(document, new))],
    "insert at a taken id": lambda side, new, document, place: [
        side.table.insert(Document(document, side.pick([place])[0]))
    ],
    "insert several": lambda side, new, documents: side.table.insert_multiple(documents),
    "upsert": lambda side, new, document, cond: side.table.upsert(document, cond),
    "upsert by id": lambda side, new, document, place: side.table.upsert(
        Document(document, side.pick([place])[0])
    ),
    "upsert a new id": lambda side, new, document: side.table.upsert(Document(document, new)),
    "upsert nothing": lambda side, new, document: side.table.upsert(document),
    "update": lambda side, new, fields, cond: side.table.update(fields, cond),
    "update by id": lambda side, new, fields, places: side.table.update(fields, doc_ids=side.pick(places)),
    "update all": lambda side, new, fields: side.table.update(fields),
    "update several": lambda side, new, updates: side.table.update_multiple(updates),
    "remove": lambda side, new, cond: side.table.remove(cond),
    "remove by id": lambda side, new, places: side.table.remove(doc_ids=side.pick(dict.fromkeys(places))),
    "remove without saying what": lambda side, new: side.table.remove(),
    "truncate": lambda side, new: side.table.truncate(),
    "search": lambda side, new, cond: [side.table.search(cond), side.table.search(cond)],
    "count": lambda side, new, cond: (side.table.count(cond), side.table.contains(cond)),
    "get": lambda side, new, cond: side.table.get(cond),
    "get by id": lambda side, new, place: side.table.get(doc_id=side.pick([place])[0]),
    "get several by id": lambda side, new, places: side.table.get(doc_ids=side.pick(places)),
    "contains id": lambda side, new, place: side.table.contains(doc_id=side.pick([place])[0]),
    "get nothing": lambda side, new: side.table.get(),
    "contains nothing": lambda side, new: side.table.contains(),
    "iterate": lambda side, new: list(side.table),
    "drop": lambda side, new: side.database.drop_table(side.name),
    "drop all": lambda side, new: side.database.drop_tables(),
    "keep an empty table": lambda side, new: len(side.database.table(side.name, persist_empty=True)),
    "no document": lambda side, new: side.table.insert([1]),
    "no documents": lambda side, new: side.table.insert_multiple([{"a": 1}, 2]),
    "what JSON cannot hold": lambda side, new: side.table.insert({"a": {1, 2}}),
    "an update that JSON cannot hold": lambda side, new: side.table.update({"a": b"bytes"}),
}

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=4)
scalars = (
    st.none() | st.booleans() | st.integers(-2, 3) | st.sampled_from([1.0, 0.5, 2**70, "x", "xy", "é\n"])
)
lists = st.lists(st.integers(0, 3) | st.fixed_dictionaries({"x": st.integers(0, 2)}), max_size=3)
documents = st.fixed_dictionaries(
    {}, optional={"a": scalars, "s": texts, "l": lists, "d": st.fixed_dictionaries({"e": scalars})}
)
fields = documents | st.sampled_from(
    [delete("a"), increment("a"), decrement("a"), put("a", 3), add("l", [1]), subtract("a", 1)]  # type: ignore[no-untyped-call]
)


def _longer_than_one(value: Any) -> bool:
    return isinstance(value, str) and len(value) > 1


def _size(value: Any) -> int:
    return len(value)


simple = st.one_of(
    scalars.map(lambda value: where("a") == value),
    scalars.map(lambda value: where("d")["e"] != value),
    st.integers(-2, 3).map(lambda value: where("a") < value),
    st.integers(-2, 3).map(lambda value: where("a") >= value),
    st.sampled_from(
        [
            where("a").exists(),
            Query().d.e.exists(),
            where("s").matches("[a-z]+"),
            where("s").search("X", flags=re.IGNORECASE),
            where("a").one_of([1, "x", None]),
            where("l").any([1, 2]),
            where("l").all([1]),
            where("l").any(where("x") == 1),
            where("l").all(Query().x > 0),
            Query().fragment({"a": 1}),
            where("d").fragment({"e": 1}),
            Query().noop(),
            where("s").test(_longer_than_one),
            where("l").map(_size) == 2,
        ]
    ),
)
queries: st.SearchStrategy[QueryInstance] = st.recursive(
    simple,
    lambda inner: st.one_of(
        inner.map(lambda query: ~query),
        st.tuples(inner, inner).map(lambda two: two[0] & two[1]),
        st.tuples(inner, inner).map(lambda two: two[0] | two[1]),
    ),
    max_leaves=3,
)
places = st.lists(st.integers(-1, 6), max_size=3)
arguments: dict[str, tuple[st.SearchStrategy[Any], ...]] = {
    "insert": (documents,),
    "insert at an id": (documents,),
    "insert at a taken id": (documents, st.integers(0, 6)),
    "insert several": (st.lists(documents, max_size=4),),
    "upsert": (documents, queries),
    "upsert by id": (documents, st.integers(0, 6)),
    "upsert a new id": (documents,),
    "upsert nothing": (documents,),
    "update": (fields, queries),
    "update by id": (fields, places),
    "update all": (fields,),
    "update several": (st.lists(st.tuples(fields, queries), max_size=3),),
    "remove": (queries,),
    "remove by id": (places,),
    "search": (queries,),
    "count": (queries,),
    "get": (queries,),
    "get by id": (st.integers(-1, 6),),
    "get several by id": (places,),
    "contains id": (st.integers(-1, 6),),
}
_often = ("insert", "insert several", "upsert", "update", "update by id", "search", "change sides")
steps = st.sampled_from([*STEPS, "reopen", *_often, *_often]).flatmap(
    lambda name: st.builds(Step, st.just(name), st.sampled_from(TABLES), st.tuples(*arguments.get(name, ())))
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(documents, max_size=5), st.lists(steps, min_size=1, max_size=30), st.sampled_from([60, 4 << 20])
)
def test_the_same_steps_give_the_same_results_on_the_journal_and_on_plain_tinydb(
    at_first: list[dict[str, Any]], steps: list[Step], spare: int
) -> None:
    first = [Step("insert several", table, (at_first,)) for table in TABLES]
    with tempfile.TemporaryDirectory() as directory, pytest.MonkeyPatch.context() as patch:
        patch.setattr(storage_module, "SPARE_BYTES", spare)
        with closing(Pair(Path(directory))) as pair:
            for step in (*first, *steps):
                pair.take(step)
