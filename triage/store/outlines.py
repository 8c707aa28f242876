"""What a list needs of each entry of the queue, in memory: kept in step with the entries as they are taken in."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime

import msgspec

from triage.model.item import Risk
from triage.store.errors import StoreDamaged

__all__ = ["Outline", "Outlines"]


class Outline(msgspec.Struct, frozen=True, gc=False):
    """What a list of many entries needs of one; kept in memory for each."""

    endpoint: str
    agent: str
    since: datetime
    """When it began to wait: when it was made, or first seen where its endpoint does not say."""
    expires_at: datetime | None = None
    risk: Risk | None = None
    """The agent's own hint."""
    gone: bool = False
    marked: bool = False
    """An operator noted something on it: the entry says what."""


class _There(msgspec.Struct, frozen=True, gc=False):
    """Any object; what is in it is skipped."""


class _Brief(msgspec.Struct, frozen=True, gc=False):
    endpoint: str
    agent: str = ""
    created_at: datetime | None = None
    expires_at: datetime | None = None
    risk: Risk | None = None


class _Skimmed(msgspec.Struct, frozen=True, gc=False):
    """What an outline needs of an entry; the rest is skipped."""

    item: _Brief
    seen_at: datetime
    gone: _There | None = None
    marks: _There | None = None


class _Row(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """An outline with its names by their numbers."""

    endpoint: int
    agent: int
    since: datetime
    expires_at: datetime | None
    risk: Risk | None
    gone: bool
    marked: bool


class _Dump(msgspec.Struct, frozen=True, array_like=True):
    names: list[str]
    rows: list[_Row]


_skimming_decoder = msgspec.json.Decoder(_Skimmed)
_dump_decoder = msgspec.msgpack.Decoder(_Dump)


class Outlines(Mapping[str, Outline]):
    """Item id → outline, oldest first.

    ``table``: where the entries are. ``damaged`` makes the error for what is none. Takes part in the database's
    checkpoints, see ``storage.Maker``.
    """

    def __init__(self, table: str, damaged: Callable[[str], StoreDamaged]) -> None:
        self._table = table
        self._damaged = damaged
        self._outlines: dict[str, Outline] = {}
        self._by_endpoint: dict[str, dict[str, None]] = {}
        self.versions: Counter[str] = Counter()
        """Endpoint → another number after each change to one of its entries."""
        self.polled_as: dict[str, int] = {}
        """Hash of an item's JSON as it was polled, where that asks nothing else than the entry."""

    def __getitem__(self, item_id: str) -> Outline:
        return self._outlines[item_id]

    def __contains__(self, item_id: object) -> bool:
        return item_id in self._outlines

    def __iter__(self) -> Iterator[str]:
        return iter(self._outlines)

    def __len__(self) -> int:
        return len(self._outlines)

    def all(self) -> list[tuple[str, Outline]]:
        """Each with its id, as they are now."""
        return list(self._outlines.items())

    def of_endpoint(self, endpoint: str) -> Iterable[str]:
        """Ids of one endpoint's, oldest first."""
        return self._by_endpoint.get(endpoint, ())

    # what the database tells

    def take(self, table: str, documents: Mapping[str, bytes | None]) -> None:
        """Entries as they are now; None: it has left. Raises StoreDamaged for what is no entry."""
        if table != self._table:
            return
        for item_id, raw in documents.items():
            known = self._outlines.get(item_id)
            if known is not None:
                self.polled_as.pop(item_id, None)
                self.versions[known.endpoint] += 1
            if raw is None:
                self._leave_out(item_id)
                continue
            outline = self._outlined(item_id, raw)
            self.versions[outline.endpoint] += 1
            if known is None or known.endpoint != outline.endpoint:
                self._leave_out(item_id)
                self._by_endpoint.setdefault(outline.endpoint, {})[item_id] = None
            self._outlines[item_id] = outline

    def _leave_out(self, item_id: str) -> None:
        known = self._outlines.pop(item_id, None)
        if known is not None:
            del self._by_endpoint[known.endpoint][item_id]

    def _outlined(self, item_id: str, raw: bytes) -> Outline:
        try:
            skimmed = _skimming_decoder.decode(raw)
        except (msgspec.DecodeError, RecursionError):
            raise self._damaged(f"what stands under {item_id} is not an item") from None
        item = skimmed.item
        return Outline(
            sys.intern(item.endpoint),
            sys.intern(item.agent),
            item.created_at or skimmed.seen_at,
            item.expires_at,
            item.risk,
            skimmed.gone is not None,
            skimmed.marks is not None,
        )

    # checkpoints

    def dump(self) -> bytes:
        """All outlines, for ``load``."""
        numbers: dict[str, int] = {}
        rows = [
            _Row(
                numbers.setdefault(one.endpoint, len(numbers)),
                numbers.setdefault(one.agent, len(numbers)),
                one.since,
                one.expires_at,
                one.risk,
                one.gone,
                one.marked,
            )
            for one in self._outlines.values()
        ]
        return msgspec.msgpack.encode(_Dump(list(numbers), rows))

    def load(self, dumped: bytes, tables: Mapping[str, Iterable[str]]) -> None:
        """Begin with what another process dumped of these tables. Raises ValueError where it did not."""
        found = _dump_decoder.decode(dumped)
        names = [sys.intern(name) for name in found.names]
        outlines = {
            item_id: Outline(
                names[row.endpoint],
                names[row.agent],
                row.since,
                row.expires_at,
                row.risk,
                row.gone,
                row.marked,
            )
            for item_id, row in zip(tables.get(self._table, ()), found.rows, strict=True)
        }
        for item_id, outline in outlines.items():
            self._by_endpoint.setdefault(outline.endpoint, {})[item_id] = None
        self._outlines = outlines
