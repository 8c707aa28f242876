"""A table as an update sees it is a dict, and says what to write."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.store.table_draft import TableDraft, encode_document

Table = dict[int, dict[str, int]]
documents = st.dictionaries(st.sampled_from("ab"), st.integers(0, 2), max_size=2)
ids = st.integers(1, 6)
deeds: st.SearchStrategy[tuple[str, int, dict[str, int]]] = st.tuples(
    st.sampled_from(["set", "set", "change", "delete", "pop", "clear", "read"]), ids, documents
)
DO: dict[str, Callable[[Any, int, dict[str, int]], Any]] = {
    "set": lambda table, doc_id, document: table.__setitem__(doc_id, dict(document)),
    "change": lambda table, doc_id, document: table[doc_id].update(document),
    "delete": lambda table, doc_id, document: table.__delitem__(doc_id),
    "pop": lambda table, doc_id, document: table.pop(doc_id),
    "clear": lambda table, doc_id, document: table.clear(),
    "read": lambda table, doc_id, document: (table.get(doc_id), doc_id in table, len(table)),
}


def done(table: Any, deed: tuple[str, int, dict[str, int]]) -> Any:
    name, doc_id, document = deed
    try:
        return DO[name](table, doc_id, document)
    except KeyError:
        return KeyError


@given(st.dictionaries(ids, documents), st.lists(deeds, max_size=12))
def test_it_behaves_as_a_dict_and_its_changes_make_the_one_of_the_other(
    before: Table, deeds: list[tuple[str, int, dict[str, int]]]
) -> None:
    stored = {str(doc_id): encode_document(document) for doc_id, document in before.items()}
    draft = TableDraft(stored, int)
    plain = {doc_id: dict(document) for doc_id, document in before.items()}
    for deed in deeds:
        assert done(draft, deed) == done(plain, deed)
        assert dict(draft) == plain
        assert len(draft) == len(plain)
    after = dict(stored)
    for key, raw in draft.changes().items():
        assert stored.get(key) != raw  # nothing is written that is so already
        if raw is None:
            del after[key]
        else:
            after[key] = raw
    assert {int(key): json.loads(raw) for key, raw in after.items()} == plain


def test_only_what_is_touched_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[bytes] = []
    loads = json.loads

    def counting(raw: bytes) -> Any:
        decoded.append(raw)
        return loads(raw)

    monkeypatch.setattr(json, "loads", counting)
    draft = TableDraft({str(number): b'{"n":%d}' % number for number in range(9)}, int)
    assert 3 in draft
    assert len(draft) == 9
    draft[3]["n"] = 7
    draft[4] = {"n": 8}
    del draft[5]
    assert decoded == [b'{"n":3}']
    assert draft.changes() == {"3": b'{"n":7}', "4": b'{"n":8}', "5": None}
