"""TinyDB on a journal: a database whose reads and writes by id cost the same at any size."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

from tinydb import TinyDB
from tinydb.queries import QueryLike
from tinydb.table import Document, Table

from triage.store.documents import Documents
from triage.store.storage import JournalStorage
from triage.store.table_draft import TableDraft

__all__ = ["Database", "JournalStorage", "JournalTable"]


class JournalTable(Table):
    """A TinyDB table that reads and writes single documents of a JournalStorage."""

    def __init__(self, storage: JournalStorage, name: str, **options: Any) -> None:
        self._journal_storage = storage
        self._seen = -1
        super().__init__(storage, name, **options)

    def insert(self, document: Mapping[Any, Any]) -> int:
        """Insert a document; its id is assigned under the lock."""
        with self._journal_storage.transaction():
            return super().insert(document)

    def upsert(self, document: Mapping[Any, Any], cond: QueryLike | None = None) -> list[int]:
        """Update what matches, or insert, as one step that no other process divides."""
        with self._journal_storage.transaction():
            return super().upsert(document, cond)

    def search(self, cond: QueryLike) -> list[Document]:
        """All documents that match; the cache remembers which, never the documents handed out."""
        documents = self._current()
        found = self._query_cache.get(cond)
        if found is None:
            matches = [(key, document) for key, document in self._decoded(documents) if cond(document)]
            if getattr(cond, "is_cacheable", lambda: True)():
                self._query_cache[cond] = [key for key, _ in matches]  # type: ignore[misc]
            return [self._document(key, document) for key, document in matches]
        return [self._document(key, json.loads(documents[key])) for key in cast(list[str], found)]

    def get(
        self,
        cond: QueryLike | None = None,
        doc_id: int | None = None,
        doc_ids: list[int] | None = None,
    ) -> Document | list[Document] | None:
        """One document by id or query, or several by their ids in the table's order."""
        documents = self._current()
        if doc_id is not None:
            raw = documents.get(str(doc_id))
            return None if raw is None else self.document_class(json.loads(raw), doc_id)
        if doc_ids is not None:
            wanted = {str(each) for each in doc_ids}
            found = [key for key in documents if key in wanted]
            return [self._document(key, json.loads(documents[key])) for key in found]
        if cond is not None:
            for key, document in self._decoded(documents):
                if cond(document):
                    return self._document(key, document)
            return None
        raise RuntimeError("Pass cond, doc_id or doc_ids.")

    def __len__(self) -> int:
        """How many documents there are."""
        return len(self._current())

    def __iter__(self) -> Iterator[Document]:
        """All documents, each decoded as it is reached."""
        for key, document in self._decoded(self._current()):
            yield self._document(key, document)

    def raw(self, key: str) -> bytes | None:
        """A document's JSON as of the last refresh; a large one is read in the journal."""
        return self._journal_storage.table(self.name).get(key)

    def write_raw(self, documents: Mapping[str, bytes | None], *, sync: bool) -> None:
        """Put documents given as JSON, remove those given as None; inside ``transaction``."""
        if documents:
            self._journal_storage.commit({self.name: documents}, sync=sync)

    def _current(self) -> Documents:
        """The documents' JSON, with what others wrote; forgets cached queries where the table changed."""
        self._journal_storage.refresh()
        generation = self._journal_storage.generation(self.name)
        if generation != self._seen:
            self._seen = generation
            self.clear_cache()
        return self._journal_storage.table(self.name)

    def _decoded(self, documents: Documents) -> Iterator[tuple[str, dict[str, Any]]]:
        return ((key, json.loads(raw)) for key, raw in documents.copy().items())

    def _document(self, key: str, document: dict[str, Any]) -> Document:
        return self.document_class(document, self.document_id_class(key))

    def _get_next_id(self) -> int:
        following = max(self._next_id or 1, self._journal_storage.last_id(self.name) + 1)
        self._next_id = following + 1  # type: ignore[assignment]
        return following

    def _read_table(self) -> dict[str, Mapping[Any, Any]]:
        return dict(self._decoded(self._current()))

    def _update_table(self, updater: Callable[[dict[int, Mapping[Any, Any]]], None]) -> None:
        storage = self._journal_storage
        with storage.transaction():
            draft = TableDraft(storage.table(self.name), self.document_id_class)
            updater(cast(dict[int, Mapping[Any, Any]], draft))
            changes = draft.changes()
            if changes or not storage.has_table(self.name):
                storage.commit({self.name: changes})
        self.clear_cache()


class Database(TinyDB):
    """A TinyDB whose storage is a journal. Given another storage it is a plain TinyDB."""

    default_storage_class = JournalStorage  # type: ignore[assignment]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if isinstance(self.storage, JournalStorage):
            self.table_class = JournalTable  # type: ignore[assignment]

    def tables(self) -> set[str]:
        """Names of the tables; no document is read."""
        if not isinstance(self.storage, JournalStorage):
            return super().tables()
        self.storage.refresh()
        return set(self.storage.tables())

    def drop_table(self, name: str) -> None:
        """Remove a table, and nothing that another process writes meanwhile."""
        if not isinstance(self.storage, JournalStorage):
            super().drop_table(name)
            return
        self._tables.pop(name, None)
        self.storage.drop(name)
