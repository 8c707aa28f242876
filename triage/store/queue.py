"""The queue: the items that wait, with the operators' marks on them and how each endpoint fares.

What was polled is a cache and is not fsynced; marks are. Several processes share one queue: each sees
the others' changes with ``refresh``.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import cast

import msgspec

from triage.model.endpoint import Health
from triage.model.item import Gone, Item
from triage.store.database import Database, JournalStorage, JournalTable
from triage.store.encoding import encode
from triage.store.errors import StoreDamaged, StoreError
from triage.store.files import OS, Files
from triage.store.filesystem import refuse_shared
from triage.store.lock import Waiting
from triage.store.outlines import Outline, Outlines
from triage.store.storage import Key

__all__ = ["Changes", "Entry", "Marks", "Outline", "Queue", "outline_of"]

_REMEDY = (
    "Move the file away: what waits is polled anew, and the decision log is not touched; "
    "only claims, snoozes, notes and drafts are lost."
)


class Marks(msgspec.Struct, frozen=True, omit_defaults=True):
    """What operators noted on an item."""

    claimed_by: str = ""
    claimed_at: datetime | None = None
    snoozed_until: datetime | None = None
    snoozed_at: datetime | None = None
    """When that was said: a clock that stands before it was set back."""
    snoozed_revision: str = ""
    """Where set: snoozed until the item's revision is another."""
    escalated_to: str = ""
    note: str = ""
    drafts: dict[str, str] = {}
    """Verb → unfinished text: edited JSON, a reason, an answer."""


class Entry(msgspec.Struct, frozen=True, omit_defaults=True, dict=True):
    """One item of the queue, with what is known of it here."""

    item: Item
    seen_at: datetime
    """When it was first polled."""
    changed_at: datetime | None = None
    """When what it asks last changed."""
    previous: Item | None = None
    """The item before that change, without its raw form."""
    gone: Gone | None = None
    """Set: a tombstone; the endpoint no longer asks this."""
    gone_at: datetime | None = None
    marks: Marks = Marks()


class Changes(msgspec.Struct, frozen=True):
    """What a poll brought: item ids, in the order of the poll."""

    new: tuple[str, ...]
    changed: tuple[str, ...]
    """Asks something else than before (another revision)."""
    vanished: tuple[str, ...]
    """In the queue, but no longer polled. Still there: the caller finds out why."""
    back: tuple[str, ...]
    """Was a tombstone, and is asked again."""
    touched: tuple[str, ...] = ()
    """Asks the same, but something else about it changed (warnings, how to answer it)."""
    problems: tuple[str, ...] = ()
    """A sentence for each item that cannot be stored; what was stored of it before stays."""


_AT_ONCE = 200
"""So many items are written at once, in one line of the journal: a few hundred kilobytes."""

_entry_decoder = msgspec.json.Decoder(Entry)
_health_decoder = msgspec.json.Decoder(Health)


class Queue:
    """The queue in ``directory``, for one thread. Raises the errors of ``store.errors``.

    Entries are decoded as they are read: whoever changes one changes nothing that is stored.

    ``anew``: read all of it, though a checkpoint says what most of it is. ``health_changed`` has the endpoints whose
    health another process wrote, as of the last refresh.
    """

    def __init__(
        self, directory: Path, *, files: Files = OS, waiting: Waiting | None = None, anew: bool = False
    ) -> None:
        refuse_shared(directory)
        self._path = directory / "queue.jsonl"
        self._outlines = Outlines("items", self._damaged)
        self._database = Database(
            self._path,
            format="triage-queue",
            remedy=_REMEDY,
            sync=False,
            files=files,
            waiting=waiting,
            maker=self._outlines,
            anew=anew,
        )
        self._storage = cast(JournalStorage, self._database.storage)
        self._items = cast(JournalTable, self._database.table("items"))
        self._health = cast(JournalTable, self._database.table("health"))
        self.health_changed: frozenset[str] = frozenset()
        self._untold: list[Key] = []

    def save(self) -> None:
        """Have the next opening read only what is written after this; where that fails it reads all."""
        self._storage.save_checkpoint()

    def close(self) -> None:
        """Give back what is held."""
        self._database.close()

    # looking

    def refresh(self) -> frozenset[str]:
        """Ids of items that other processes changed since the last call; cheap when they did not."""
        self._storage.refresh()
        self._take_others()
        foreign, self._untold = self._untold, []
        self.health_changed = frozenset(key for table, key in foreign if table == "health")
        return frozenset(key for table, key in foreign if table == "items")

    def __len__(self) -> int:
        return len(self._outlines)

    def __contains__(self, item_id: object) -> bool:
        return item_id in self._outlines

    def ids(self) -> list[str]:
        """All item ids, oldest first."""
        return list(self._outlines)

    def get(self, item_id: str) -> Entry | None:
        """One entry, tombstones too; None where there is none."""
        raw = self._items.raw(item_id)
        return None if raw is None else self._decode(item_id, raw)

    def entries(self) -> Iterator[Entry]:
        """All entries, oldest first, each decoded as it is reached."""
        return self._decode_each(self.ids())

    def outline(self, item_id: str) -> Outline | None:
        """One entry in outline, at next to no cost; None where there is none."""
        return self._outlines.get(item_id)

    def outlines(self) -> Iterator[tuple[str, Outline]]:
        """Id and outline of all entries, oldest first."""
        return iter(self._outlines.all())

    def of_endpoint(self, endpoint: str) -> list[Entry]:
        """The entries of one endpoint, tombstones too, oldest first."""
        return list(self._decode_each(list(self._outlines.of_endpoint(endpoint))))

    def tombstones(self, endpoint: str) -> list[Entry]:
        """The entries of one endpoint that no longer wait; costs nothing where there are none."""
        gone = [item_id for item_id in self._outlines.of_endpoint(endpoint) if self._outlines[item_id].gone]
        return list(self._decode_each(gone))

    def health(self, endpoint: str) -> Health | None:
        """How an endpoint fares, as last written; None: never."""
        raw = self._health.raw(endpoint)
        if raw is None:
            return None
        try:
            return _health_decoder.decode(raw)
        except (msgspec.DecodeError, RecursionError):
            raise self._damaged(f"what stands under {endpoint} is not an endpoint's health") from None

    # changing

    def version(self, endpoint: str) -> int:
        """Another number after each change to one of the endpoint's entries, whoever made it."""
        return self._outlines.versions[endpoint]

    def sync(self, endpoint: str, items: Sequence[Item], at: datetime) -> Changes:
        """Make the endpoint's waiting items these; writes only what changed.

        What differs in nothing but ``raw`` counts as the same.
        """
        steps = self.sync_in_steps(endpoint, items, at)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                changes: Changes = end.value
                return changes

    def sync_in_steps(
        self, endpoint: str, items: Sequence[Item], at: datetime
    ) -> Generator[None, None, Changes]:
        """The same, pausing after every few hundred items, so that other work can go on; gives the changes.

        Each step is written whole or not at all. Where one fails, ``refresh`` tells of those before it.
        """
        polled = {item.id: item for item in items}
        found: dict[str, list[str]] = {"new": [], "changed": [], "back": [], "touched": []}
        problems: list[str] = []
        try:
            for some in _portions(polled.values()):
                with self._storage.transaction():
                    self._take_others()
                    self._sync_some(some, at, found, problems)
                yield
            with self._storage.transaction():
                self._take_others()
        except StoreError:
            self._untold += (("items", item_id) for ids in found.values() for item_id in ids)
            raise
        vanished = [
            item_id
            for item_id in self._outlines.of_endpoint(endpoint)
            if item_id not in polled and not self._outlines[item_id].gone
        ]
        lists = {how: tuple(item_ids) for how, item_ids in found.items()}
        return Changes(vanished=tuple(vanished), problems=tuple(problems), **lists)

    def _sync_some(
        self, items: Iterable[Item], at: datetime, found: Mapping[str, list[str]], problems: list[str]
    ) -> None:
        """Write what of these changed, in one line; note how that was found, and what cannot be stored."""
        writes: dict[str, bytes | None] = {}
        hashes = {}
        for item in items:
            try:
                polled = encode(item)
                how, raw = self._polled(item, polled, at)
            except ValueError as error:
                problems.append(_not_stored(item, error))
                continue
            if raw is not None:
                found[how].append(item.id)
                writes[item.id] = raw
            hashes[item.id] = hash(polled)
        self._items.write_raw(writes, sync=False)
        self._outlines.polled_as.update(hashes)

    def _polled(self, item: Item, polled: bytes, at: datetime) -> tuple[str, bytes | None]:
        """What a polled item is to the queue, and what to write; None: nothing. Raises ValueError.

        ``polled``: its JSON.
        """
        known = self._outlines.get(item.id)
        if known is None:
            return "new", encode(Entry(item, at))
        if self._outlines.polled_as.get(item.id) == hash(polled):
            return "same", None
        stored = self._storage.table("items")[item.id]
        if not known.gone and _holds(stored, polled):
            return "same", None
        entry = self._decode(item.id, stored)
        if entry.gone is not None:
            how = "back"
        elif entry.item.revision != item.revision:
            how = "changed"
        elif not _same(entry.item, item):
            how = "touched"
        else:
            return "same", None
        return how, encode(_with_item(entry, item, at))

    def put(self, item: Item, at: datetime) -> str:
        """Take in one item as it was just read. Returns why it cannot be stored; empty: it is."""
        with self._storage.transaction():
            self._take_others()
            try:
                _, raw = self._polled(item, encode(item), at)
            except ValueError as error:
                return _not_stored(item, error)
            if raw is not None:
                self._items.write_raw({item.id: raw}, sync=False)
        return ""

    def bury(self, item_id: str, gone: Gone, at: datetime) -> None:
        """Make an item a tombstone; nothing where it is not there or already one."""
        with self._storage.transaction():
            entry = self._latest(item_id)
            if entry is not None and entry.gone is None:
                buried = msgspec.structs.replace(entry, gone=gone, gone_at=at)
                self._items.write_raw({item_id: encode(buried)}, sync=False)

    def forget(self, item_ids: Iterable[str]) -> None:
        """Remove entries for good."""
        with self._storage.transaction():
            self._take_others()
            self._items.write_raw(
                {item_id: None for item_id in item_ids if item_id in self._outlines}, sync=False
            )

    def mark(self, item_id: str, change: Callable[[Marks], Marks]) -> None:
        """Change an item's marks as they stand now, whoever wrote them; on the disk when it returns.

        Raises LookupError for an unknown item, ValueError for marks that cannot be stored.
        """
        with self._storage.transaction():
            entry = self._latest(item_id)
            if entry is None:
                raise LookupError(f"There is no item {item_id} in the queue.")
            marks = change(entry.marks)
            if entry.marks != marks:
                marked = msgspec.structs.replace(entry, marks=marks)
                self._items.write_raw({item_id: encode(marked)}, sync=True)

    def set_health(self, health: Health) -> None:
        """Write how an endpoint fares, where it differs from what is written."""
        with self._storage.transaction():
            self._take_others()
            if self.health(health.endpoint) != health:
                self._health.write_raw({health.endpoint: encode(health)}, sync=False)

    # inside

    def _latest(self, item_id: str) -> Entry | None:
        self._take_others()
        return self.get(item_id)

    def _take_others(self) -> None:
        """Keep what others wrote for the next ``refresh`` to tell."""
        self._untold += self._storage.take_foreign()

    def _decode_each(self, item_ids: Iterable[str]) -> Iterator[Entry]:
        for item_id in item_ids:
            raw = self._items.raw(item_id)
            if raw is not None:
                yield self._decode(item_id, raw)

    def _decode(self, item_id: str, raw: bytes) -> Entry:
        try:
            entry = _entry_decoder.decode(raw)
        except (msgspec.DecodeError, RecursionError):
            raise self._damaged(f"what stands under {item_id} is not an item") from None
        entry.item.__dict__["id"] = item_id  # the cached property: no need to work it out again
        return entry

    def _damaged(self, why: str) -> StoreDamaged:
        return StoreDamaged(self._path, 0, why, _REMEDY)


def _portions(items: Iterable[Item]) -> Iterator[list[Item]]:
    pending = iter(items)
    while some := list(islice(pending, _AT_ONCE)):
        yield some


def outline_of(entry: Entry) -> Outline:
    """An entry in outline."""
    item, marked = entry.item, entry.marks != Marks()
    since = item.created_at or entry.seen_at
    return Outline(
        item.endpoint, item.agent, since, item.expires_at, item.risk, entry.gone is not None, marked
    )


def _not_stored(item: Item, error: ValueError) -> str:
    return f"{item.title[:60]!r} cannot be kept here: {error}"


def _holds(stored: bytes, item: bytes) -> bool:
    """Whether a stored entry begins with exactly this item."""
    head = b'{"item":' + item + b","
    return stored.startswith(head)


def _same(old: Item, new: Item) -> bool:
    """Whether two items differ in nothing but their raw form and the order of keys; 1 is not 1.0."""
    return _plain(old) == _plain(new)


def _plain(item: Item) -> bytes:
    return msgspec.json.encode(msgspec.structs.replace(item, raw=None), order="deterministic")


def _with_item(entry: Entry, item: Item, at: datetime) -> Entry:
    """The entry with a newer item; what it asked before is kept where that differs."""
    if entry.item.revision == item.revision:
        return msgspec.structs.replace(entry, item=item, gone=None, gone_at=None)
    previous = msgspec.structs.replace(entry.item, raw=None)
    return msgspec.structs.replace(
        entry, item=item, changed_at=at, previous=previous, gone=None, gone_at=None
    )
