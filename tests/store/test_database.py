"""TinyDB's ways, one by one, on the journal and on a plain JSON file."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tinydb import TinyDB, where
from tinydb.middlewares import CachingMiddleware
from tinydb.operations import increment
from tinydb.table import Document

from triage.store.database import Database, JournalStorage

pytestmark = pytest.mark.usefixtures("kept_in")


@pytest.fixture(params=["journal", "json"])
def open_database(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], TinyDB]:
    if request.param == "journal":
        return lambda: Database(tmp_path / "database.jsonl")
    return lambda: TinyDB(tmp_path / "database.json")


def test_ids_go_on_after_reopening(open_database: Callable[[], TinyDB]) -> None:
    with open_database() as database:
        assert database.insert_multiple({"n": n} for n in range(50)) == list(range(1, 51))
    with open_database() as database:
        assert database.insert({"n": 50}) == 51
        assert database.insert(Document({"n": 51}, 100)) == 100
        assert database.insert({"n": 52}) == 101
        database.truncate()
        assert database.insert({}) == 1


def test_documents_may_bring_their_ids_with_them(open_database: Callable[[], TinyDB]) -> None:
    with open_database() as database:
        assert database.insert_multiple([Document({"a": 1}, 12), Document({"a": 2}, 77)]) == [12, 77]
        with pytest.raises(ValueError, match="Document with ID 12 already exists"):
            database.insert_multiple([Document({"a": 3}, 5), Document({"a": 3}, 12)])
        assert [each.doc_id for each in database] == [12, 77]


def test_what_is_no_dict_but_a_mapping_is_a_document(open_database: Callable[[], TinyDB]) -> None:
    class Two(dict[str, int]):
        def __iter__(self) -> Any:
            return iter(("a", "b"))

    with open_database() as database:
        database.insert(Two(a=1, b=2))
        database.insert({1: "number", "nested": {2: [None, True]}})
        assert list(database) == [{"a": 1, "b": 2}, {"1": "number", "nested": {"2": [None, True]}}]


def test_a_table_may_have_ids_of_another_kind(open_database: Callable[[], TinyDB]) -> None:
    with open_database() as database:
        database.table_class = type("Named", (database.table_class,), {"document_id_class": str})
        table = database.table("named")
        table.insert(Document({"a": 1}, "one"))  # type: ignore[arg-type]
        table.insert(Document({"a": 2}, "two"))  # type: ignore[arg-type]
        table.update({"a": 3}, doc_ids=["two"])
        assert [each.doc_id for each in table.search(where("a") == 3)] == ["two"]
        assert table.remove(where("a") == 1) == ["one"]
        assert [(each.doc_id, each["a"]) for each in table] == [("two", 3)]


def test_documents_handed_out_can_be_changed_without_changing_what_is_stored(
    open_database: Callable[[], TinyDB],
) -> None:
    with open_database() as database:
        database.insert({"list": [1]})
        for document in (
            database.all()[0],
            database.get(doc_id=1),
            database.get(where("list").exists()),
            next(iter(database)),
            database.get(doc_ids=[1])[0],
        ):
            document["list"].append(2)
            document["new"] = True
        assert database.all() == [{"list": [1]}]


def test_nor_does_what_a_search_remembers() -> None:
    with tempfile.TemporaryDirectory() as directory, Database(Path(directory) / "x.jsonl") as database:
        database.insert({"list": [1]})
        query = where("list").exists()
        for _ in range(2):
            database.search(query)[0]["list"].append(2)
        assert database.search(query) == [{"list": [1]}]


def test_searches_are_remembered_until_the_table_changes(open_database: Callable[[], TinyDB]) -> None:
    asked: list[int] = []

    def even(value: Any) -> bool:
        asked.append(value)
        return bool(value % 2 == 0)

    with open_database() as database:
        table = database.table("numbers", cache_size=2)
        table.insert_multiple({"n": n} for n in range(4))
        query = where("n").test(even)
        assert table.count(query) == table.count(query) == 2
        assert asked == [0, 1, 2, 3]
        table.insert({"n": 4})
        assert table.count(query) == 3
        assert len(asked) == 9
        for other in range(2):
            table.search(where("n") == other)
        assert table.count(query) == 3
        assert len(asked) == 14  # crowded out
        database.table("other").insert({"n": 8})
        table.clear_cache()
        assert table.count(query) == 3
        assert len(asked) == 19


def test_a_query_that_cannot_be_remembered_is_asked_anew(open_database: Callable[[], TinyDB]) -> None:
    wanted = {"n": 1}

    class Wanted:
        def __call__(self, document: Any) -> bool:
            return bool(document == wanted)

        def is_cacheable(self) -> bool:
            return False

        __hash__ = object.__hash__

    with open_database() as database:
        database.insert_multiple([{"n": 1}, {"n": 2}])
        query: Any = Wanted()
        assert [each.doc_id for each in database.search(query)] == [1]
        wanted["n"] = 2
        assert [each.doc_id for each in database.search(query)] == [2]


def test_a_failing_change_leaves_everything_as_it_was(open_database: Callable[[], TinyDB]) -> None:
    def half(document: dict[str, Any]) -> None:
        document["n"] += 100
        if document["n"] == 102:
            raise ZeroDivisionError

    def above_half(number: Any) -> bool:
        return bool(1 // (number - 2) > 5)

    with open_database() as database:
        database.insert_multiple({"n": n} for n in range(4))
        with pytest.raises(ZeroDivisionError):
            database.update(half)
        with pytest.raises(ZeroDivisionError):
            database.remove(where("n").test(above_half))
        with pytest.raises(TypeError):
            database.insert_multiple([{"n": 4}, {"n": {5}}])
        with pytest.raises(KeyError):
            database.update({"n": 9}, doc_ids=[1, 50])
        assert [each["n"] for each in database] == [0, 1, 2, 3]
    with open_database() as database:
        assert [each["n"] for each in database] == [0, 1, 2, 3]


def test_tables_are_made_kept_and_dropped(open_database: Callable[[], TinyDB]) -> None:
    with open_database() as database:
        assert database.tables() == set()
        database.table("never written")
        database.table("empty", persist_empty=True)
        database.table("é 'quoted\" \n").insert({"a": 1})
        database.insert({"b": 1})
        assert database.tables() == {"empty", "é 'quoted\" \n", "_default"}
        database.drop_table("no such table")
        database.drop_table("empty")
        assert database.tables() == {"é 'quoted\" \n", "_default"}
    with open_database() as database:
        assert database.table("é 'quoted\" \n").all() == [{"a": 1}]
        database.drop_tables()
        assert database.tables() == set()
        assert len(database) == 0


def test_a_middleware_may_stand_between(tmp_path: Path) -> None:
    path = tmp_path / "database.jsonl"
    with Database(path, storage=CachingMiddleware(JournalStorage)) as database:  # type: ignore[no-untyped-call]
        database.insert_multiple({"n": n} for n in range(3))
        database.update(increment("n"))  # type: ignore[no-untyped-call]
        database.table("gone").insert({})
        database.drop_table("gone")
        assert not path.exists()
    with Database(path) as database:
        assert list(database) == [{"n": 1}, {"n": 2}, {"n": 3}]
        assert database.tables() == {"_default"}


def test_a_document_too_deep_to_be_read_back_is_refused(tmp_path: Path) -> None:
    deep: Any = 1
    for _ in range(10_000):
        deep = [deep]
    with Database(tmp_path / "database.jsonl") as database:
        database.insert({"a": 1})
        with pytest.raises(ValueError, match="more than 400 levels deep"):
            database.insert({"a": deep})
        with pytest.raises(ValueError, match="half of a surrogate pair"):
            database.insert({"a": "\ud800"})
        assert database.all() == [{"a": 1}]
    assert json.loads((tmp_path / "database.jsonl").read_bytes().split(b"\n")[1])
