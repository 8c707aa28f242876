"""What reads and changes by id cost, in bytes and decoded documents: the same at any size."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.store.disk import Disk
from triage.store.database import Database

pytestmark = pytest.mark.usefixtures("kept_in")


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every document that is decoded."""
    found: list[Any] = []
    loads = json.loads

    def counting(raw: Any) -> Any:
        found.append(raw)
        return loads(raw)

    monkeypatch.setattr(json, "loads", counting)
    return found


def works(database: Database) -> dict[str, Callable[[], Any]]:
    return {
        "update": lambda: database.update({"n": 77}, doc_ids=[5]),
        "update to the same": lambda: database.update({"n": 77}, doc_ids=[5]),
        "get": lambda: database.get(doc_id=5),
        "contains": lambda: database.contains(doc_id=7),
        "get several": lambda: database.get(doc_ids=[1, 2]),
        "count": lambda: len(database),
        "tables": lambda: database.tables(),
        "remove": lambda: database.remove(doc_ids=[5]),
        "drop another table": lambda: database.drop_table("second"),
    }


def test_reads_and_changes_by_id_cost_the_same_at_any_size(tmp_path: Path, decoded: list[Any]) -> None:
    costs = []
    for size in (10, 3_000):
        disk = Disk()
        database = Database(tmp_path / f"{size}.jsonl", sync=False, files=disk)
        database.insert_multiple({"n": n} for n in range(size))
        database.table("second").insert({})
        spent = {}
        for name, work in works(database).items():
            decoded.clear()
            disk.written = disk.read_bytes = 0
            work()
            spent[name] = (disk.written, len(decoded))
            assert disk.read_bytes < 10_000
        costs.append(spent)
    assert costs[0] == costs[1]
    assert costs[0] == {
        "update": (len(b'{"_default":{"5":{"n":77}}}\n'), 1),
        "update to the same": (0, 1),
        "get": (0, 1),
        "contains": (0, 1),
        "get several": (0, 2),
        "count": (0, 0),
        "tables": (0, 0),
        "remove": (len(b'{"_default":{"5":null}}\n'), 1),
        "drop another table": (len(b'{"second":null}\n'), 0),
    }


def test_an_insert_writes_one_line_and_decodes_nothing(tmp_path: Path, decoded: list[Any]) -> None:
    for size in (10, 3_000):
        disk = Disk()
        database = Database(tmp_path / f"{size}.jsonl", sync=False, files=disk)
        database.insert_multiple({"n": n} for n in range(size))
        decoded.clear()
        disk.written = 0
        database.insert({"n": 1})
        assert disk.written == len(b'{"_default":{"%d":{"n":1}}}\n' % (size + 1))
        assert decoded == []
