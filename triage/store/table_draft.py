"""A table as an update sees it: documents are decoded when touched, and only changed ones are written."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any

from triage.store.encoding import check_depth, not_text, too_deep

__all__ = ["TableDraft", "encode_document"]


class TableDraft(MutableMapping[Any, Any]):
    """A table's documents by id, to be changed at will; ``changes`` then says what to write."""

    def __init__(self, stored: Mapping[str, bytes], id_class: Callable[[str], Any]) -> None:
        self._stored = stored
        self._id_class = id_class
        self._touched: dict[str, Any] = {}
        self._removed: set[str] = set()

    def __getitem__(self, doc_id: Any) -> Any:
        key = str(doc_id)
        if key not in self._touched:
            if key in self._removed or key not in self._stored:
                raise KeyError(doc_id)
            self._touched[key] = json.loads(self._stored[key])
        return self._touched[key]

    def __setitem__(self, doc_id: Any, document: Any) -> None:
        self._touched[str(doc_id)] = document
        self._removed.discard(str(doc_id))

    def __delitem__(self, doc_id: Any) -> None:
        if doc_id not in self:
            raise KeyError(doc_id)
        self._touched.pop(str(doc_id), None)
        self._removed.add(str(doc_id))

    def __contains__(self, doc_id: object) -> bool:
        key = str(doc_id)
        return key in self._touched or (key in self._stored and key not in self._removed)

    def __iter__(self) -> Iterator[Any]:
        return map(self._id_class, self._keys())

    def __len__(self) -> int:
        return sum(1 for _ in self._keys())

    def clear(self) -> None:
        """Remove every document, without reading one."""
        self._touched.clear()
        self._removed.update(self._stored)

    def changes(self) -> dict[str, bytes | None]:
        """Id → new JSON, or None where removed, of everything that differs from what is stored."""
        changed: dict[str, bytes | None] = {key: None for key in self._removed if key in self._stored}
        for key, document in self._touched.items():
            raw = encode_document(document)
            if self._stored.get(key) != raw:
                changed[key] = raw
        return changed

    def _keys(self) -> Iterator[str]:
        yield from (key for key in self._stored if key not in self._removed)
        yield from (key for key in self._touched if key not in self._stored)


def encode_document(document: Any) -> bytes:
    """A document's JSON. Raises TypeError and ValueError for what JSON cannot hold."""
    try:
        raw = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except RecursionError:
        raise too_deep() from None
    except UnicodeEncodeError:
        raise not_text() from None
    check_depth(raw)
    return raw
