"""A TinyDB storage on a journal, which also reads and writes single documents.

A line of the journal is one change, whole or not at all: ``{"table": {"id": document or null}}``, and
``{"table": null}`` where a table was dropped. Documents are decoded each time they are read, so that nobody
can change a stored one by accident; ``documents`` says where they lie.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

import msgspec
from tinydb.storages import Storage

from triage.store.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from triage.store.documents import Documents, key_bytes
from triage.store.errors import StoreError, StoreUnavailable, SyncFailed
from triage.store.files import OS, Files
from triage.store.journal import Batch, Journal
from triage.store.lock import Waiting
from triage.store.table_draft import encode_document

__all__ = ["Changes", "JournalStorage", "Key"]

_NULL = b"null"
SPARE_BYTES = 4 << 20
"""A journal is compacted when what was overwritten in it is more than this and more than what is live."""
SMALL_BYTES = 256
"""A document that is kept in memory: to read it again would cost more than the room it takes."""
CHECKPOINT_BYTES = 4 << 20
"""A checkpoint is written where it spares so much more reading than the last one."""
_LINE_BYTES = 12
"""What a line has beside the table's name, the id and the document."""

_change_decoder = msgspec.json.Decoder(dict[str, dict[str, msgspec.Raw] | None])

Changes = Mapping[str, Mapping[str, bytes | None] | None]
"""Table → id → the document's JSON, None where it is removed; None for the table: dropped."""

Key = tuple[str, str]
"""Table and id."""


class Maker(Protocol):
    """Makes something of all documents as they are taken in, and is spared most of it by a checkpoint."""

    def take(self, table: str, documents: Mapping[str, bytes | None], /) -> None:
        """Documents as they are now, whoever wrote them; None: removed. A StoreError is raised as the journal's."""

    def dump(self) -> bytes:
        """All that was made, for ``load`` in another process."""

    def load(self, dumped: bytes, tables: Mapping[str, Mapping[str, bytes]], /) -> None:
        """Begin with what another process dumped of these. Raises ValueError or LookupError where not."""


class JournalStorage(Storage):
    """A TinyDB storage on a journal at ``path``, made with the first write. For one thread.

    ``sync``: every write is on the disk when it returns, unless it says otherwise. ``maker``: told every document;
    what it makes of them is in the checkpoints beside the journal. ``anew``: do not begin with one.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        sync: bool = True,
        format: str = "triage-database",
        remedy: str = "Restore it from a backup, or move it away to begin with an empty one.",
        files: Files = OS,
        waiting: Waiting | None = None,
        maker: Maker | None = None,
        anew: bool = False,
    ) -> None:
        self._journal = Journal(Path(path), format, remedy=remedy, files=files, waiting=waiting)
        self._sync = sync
        self._files = files
        self._maker = maker
        self._checkpoint = Path(path).with_suffix(".checkpoint")
        self._spared = 0
        """Bytes of the journal that the checkpoint spares reading."""
        self._tables: dict[str, Documents] = {}
        self._generations: dict[str, int] = {}
        self._compact_above = 0
        self._foreign: dict[Key, None] = {}
        if not anew:
            self._load_checkpoint()
        self._take_in()
        self._foreign.clear()

    # Checkpoints

    def _load_checkpoint(self) -> None:
        found = read_checkpoint(self._files, self._checkpoint) if self._maker is not None else None
        if self._maker is None or found is None or not self._journal.resume(found.mark):
            return
        try:
            tables = {
                name: Documents.of_rows(rows, self._journal.held, SMALL_BYTES)
                for name, rows in found.tables.items()
            }
            self._maker.load(found.more, tables)
        except (ValueError, LookupError):
            self._journal.forget()
        else:
            self._tables, self._spared = tables, self._journal.size

    def save_checkpoint(self) -> None:
        """Have the next opening read only what comes after this, where it would be much otherwise."""
        if self._maker is None or self._journal.size - self._spared <= CHECKPOINT_BYTES:
            return
        with suppress(StoreError, OSError, SyncFailed), self.transaction():
            tables = {name: documents.rows() for name, documents in self._tables.items()}
            self._journal.sync()
            made = Checkpoint(self._journal.mark(), tables, self._maker.dump())
            write_checkpoint(self._files, self._checkpoint, made)
            self._spared = self._journal.size

    # TinyDB's own interface: the whole of it at once

    def read(self) -> dict[str, dict[str, Any]] | None:
        """Everything, decoded; None where nothing was ever written."""
        self.refresh()
        if not self._journal.exists:
            return None
        return {
            name: {key: json.loads(raw) for key, raw in documents.items()}
            for name, documents in self._tables.items()
        }

    def write(self, data: Mapping[str, Mapping[Any, Any]]) -> None:
        """Make ``data`` all there is; only what differs is written."""
        encoded = {
            name: {str(key): encode_document(document) for key, document in table.items()}
            for name, table in data.items()
        }
        with self.transaction():
            changes: dict[str, Mapping[str, bytes | None] | None] = {}
            changes.update((name, None) for name in self._tables if name not in encoded)
            for name, table in encoded.items():
                changed = _difference(self.table(name), table)
                if changed or name not in self._tables:
                    changes[name] = changed
            self.commit(changes)

    def close(self) -> None:
        """The journal is closed once nobody holds documents that lie in it."""

    # What makes single documents cheap

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Hold the lock, with everything read that others wrote."""
        with self._journal.lock:
            self.refresh()
            yield

    def refresh(self) -> None:
        """Take in what other processes wrote; one ``stat`` when nothing was."""
        told_before = dict(self._foreign)
        before = self._take_in()
        if before is not None:
            self._foreign = {**told_before, **dict.fromkeys(self._changed_since(before))}

    def take_foreign(self) -> list[Key]:
        """``(table, id)`` of what other processes changed since this was last asked, in order."""
        taken, self._foreign = list(self._foreign), {}
        return taken

    def tables(self) -> list[str]:
        """Names of the tables, as of the last refresh."""
        return list(self._tables)

    def table(self, name: str) -> Documents:
        """Id → JSON of each document of a table, as of the last refresh."""
        return self._tables.get(name, _NOTHING)

    def has_table(self, name: str) -> bool:
        """Whether the table was ever written and not dropped since."""
        return name in self._tables

    def generation(self, name: str) -> int:
        """A number that differs after every change of the table."""
        return self._generations.get(name, 0)

    def last_id(self, name: str) -> int:
        """The highest whole number that is or was an id in the table; 0: none."""
        return self.table(name).last_id

    def drop(self, name: str) -> None:
        """Remove a table."""
        with self.transaction():
            if name in self._tables:
                self.commit({name: None})

    def commit(self, changes: Changes, *, sync: bool | None = None) -> None:
        """Write changes as one line, inside ``transaction``; nothing where there are none.

        Raises StoreUnavailable; nothing is then changed for this process, and its text says whether the
        change may stand in the file all the same, where the next refresh finds it.
        """
        if not changes and self._journal.exists:
            return
        line = _encode_change(changes)
        if not self._journal.exists or self._journal.doubtful:
            self._rewrite(line)
        else:
            try:
                self._journal.append(line, sync=self._sync if sync is None else sync)
            except SyncFailed as error:
                self._write_anew(line, error)
        self._apply(changes, line, self._journal.size - len(line) - 1)
        self._compact()

    def _write_anew(self, line: bytes, error: SyncFailed) -> None:
        """After an fsync failed nothing in that file can be trusted to last."""
        try:
            self._rewrite(line)
        except StoreUnavailable as second:
            certain = self._journal.exists and self._journal.take_back()
            what = "Nothing was saved" if certain else "Whether the change was saved is not certain"
            raise StoreUnavailable(f"{error}. {what}.") from second

    def _compact(self) -> None:
        """Leave out what was overwritten, once it is more than what is live and ``SPARE_BYTES``."""
        live = sum(each.size + len(each) * (len(name) + _LINE_BYTES) for name, each in self._tables.items())
        if self._journal.size <= max(2 * live + SPARE_BYTES, self._compact_above):
            return
        try:
            self._rewrite()
        except StoreUnavailable:  # the change stands in the journal as it was; it only stays long
            self._compact_above = 2 * self._journal.size + SPARE_BYTES
        else:
            self._compact_above = 2 * self._journal.size

    def _rewrite(self, *more: bytes) -> None:
        """Put a journal in place that holds everything there is, and these lines."""
        places: dict[str, list[int]] = {name: [] for name in self._tables}
        self._journal.rewrite(chain(self._snapshot(places), more))
        self._spared = 0
        for name, documents in self._tables.items():
            self._tables[name] = documents.moved(self._journal.held, places[name])

    def _snapshot(self, places: Mapping[str, list[int]]) -> Iterator[bytes]:
        """The lines that make everything there is; notes where in them each document comes to lie."""
        start = 0
        for name, documents in self._tables.items():
            if not documents:
                yield (line := _encode_change({name: {}}))
                start += len(line) + 1
            for key, raw in documents.items():
                yield (line := _encode_change({name: {key: raw}}))
                places[name].append(start + len(line) - len(raw) - 2)
                start += len(line) + 1

    # Taking in

    def _take_in(self) -> dict[str, Documents] | None:
        """Read on. Where the file was read from its start: what there was before, and no key is noted."""
        before = None
        more = True
        try:
            while more:
                batch = self._journal.read()
                more = batch.more
                if batch.fresh:
                    forgotten = self._forget_all()
                    before = forgotten if before is None else before
                self._apply_lines(batch, note=before is None)
        except StoreError:
            self._journal.forget()
            self._note_all(before)
            raise
        return before

    def _apply_lines(self, batch: Batch, *, note: bool) -> None:
        start = batch.start
        for number, line in enumerate(batch.lines, batch.first):
            changes = self._decode(number, line)
            if note:
                self._foreign.update(dict.fromkeys(self._touched(changes)))
            self._apply(changes, line, start)
            start += len(line) + 1

    def _decode(self, number: int, line: bytes) -> Changes:
        try:
            if not line.isascii():
                line.decode()
            change = _change_decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise self._journal.damaged(number, "this is not a change to a database") from None
        return {
            name: None if documents is None else {key: _json(raw) for key, raw in documents.items()}
            for name, documents in change.items()
        }

    def _touched(self, changes: Changes) -> Iterator[Key]:
        for name, documents in changes.items():
            keys: Iterable[str] = self._tables.get(name, ()) if documents is None else documents
            yield from ((name, key) for key in keys)

    def _apply(self, changes: Changes, line: bytes, start: int) -> None:
        """Take changes in; ``line`` says them in the journal, where it begins at ``start``."""
        at = 1
        for name, documents in changes.items():
            self._generations[name] = self._generations.get(name, 0) + 1
            at += len(key_bytes(name))
            if documents is None:
                self._drop(name)
                at += len(_NULL) + 1
                continue
            table = self._tables.setdefault(name, Documents(self._journal.held, SMALL_BYTES))
            at = table.take(documents, line, at + 1, start) + (1 if documents else 2)
            if self._maker is not None:
                self._maker.take(name, documents)

    def _drop(self, name: str) -> None:
        dropped = self._tables.pop(name, _NOTHING)
        if self._maker is not None:
            self._maker.take(name, dict.fromkeys(dropped))

    def _forget_all(self) -> dict[str, Documents]:
        before = dict(self._tables)
        self._spared = 0
        for name in before:
            self._generations[name] = self._generations.get(name, 0) + 1
            self._drop(name)
        return before

    def _changed_since(self, before: dict[str, Documents]) -> Iterator[Key]:
        """The keys whose documents differ from what there was."""
        for name in before | self._tables:
            old, new = before.get(name, _NOTHING), self.table(name)
            yield from ((name, key) for key in old if key not in new)
            yield from ((name, key) for key in new if new.differs(key, old))

    def _note_all(self, before: dict[str, Documents] | None) -> None:
        """After a file could be read only in part: what was or is there may be different later."""
        for tables in () if before is None else (before, self._tables):
            self._foreign.update(dict.fromkeys((name, key) for name in tables for key in tables[name]))


_NOTHING = Documents()


def _json(raw: msgspec.Raw) -> bytes | None:
    return None if len(raw) == len(_NULL) and bytes(raw) == _NULL else bytes(raw)


def _difference(old: Mapping[str, bytes], new: Mapping[str, bytes]) -> dict[str, bytes | None]:
    """What makes ``new`` of ``old``."""
    changed: dict[str, bytes | None] = dict.fromkeys(key for key in old if key not in new)
    changed.update((key, raw) for key, raw in new.items() if old.get(key) != raw)
    return changed


def _encode_change(changes: Changes) -> bytes:
    return b"{%s}" % b",".join(
        key_bytes(name) + (_NULL if documents is None else _encode_documents(documents))
        for name, documents in changes.items()
    )


def _encode_documents(documents: Mapping[str, bytes | None]) -> bytes:
    return b"{%s}" % b",".join(
        key_bytes(key) + (_NULL if raw is None else raw) for key, raw in documents.items()
    )
