"""What the log's events added up to, in a database beside the segments: opening then reads only what came since.

It is a cache: taken for nothing where the log does not bear it out, and made anew from the segments, under a
new number, since another process may still use the old one. Verifying does not look at it.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import struct
from collections.abc import Callable, Iterator
from enum import Enum
from pathlib import Path
from typing import Any

import msgspec

from triage.store.errors import StoreUnavailable
from triage.store.events import DECIDED, Event, Place
from triage.store.files import Files, read_from
from triage.store.head import Position
from triage.store.index_rows import (
    PLACE_BYTES,
    SCHEMA,
    VERSION,
    State,
    decision_row,
    decoded_standing,
    decoded_state,
    moment,
    packed,
    unpacked,
)
from triage.store.ledger import Ledger, Outline, Standing, Summary
from triage.store.seen import Seen
from triage.store.segments import line_hash, segment_path, text_of

__all__ = ["Index", "Saved"]

_BUSY_S = 1.0
_PAGE = 200
_REMEMBERED = 8192


class Saved(Enum):
    """What came of saving."""

    DONE = "done"
    LATER = "later"
    """It cannot be written just now; nothing is lost by that."""
    LOST = "lost"
    """It is not what it was: read the log anew."""


class Index:
    """The past of a ledger, in ``index-N.sqlite`` in ``directory``. Its methods raise StoreUnavailable."""

    def __init__(
        self, directory: Path, event_at: Callable[[Place], Event], files: Files, *, after: int = 0
    ) -> None:
        self.number = 0
        """Of the file that it uses; always above ``after``."""
        self.is_lost = False
        """Whether it could not be read as it should; read the log anew then."""
        self._directory = directory
        self._event_at = event_at
        self._files = files
        self._after = after
        self._inode = 0
        self._db: sqlite3.Connection | None = None
        self._state: State | None = None
        self._seq = 0
        """Decisions up to this event are asked for here; later ones are the ledger's."""
        self._seen = Seen.nothing()
        self._last: dict[str, Standing | None] = {}

    def load(self) -> Position | None:
        """Open the newest; how far it goes, None where there is none or the log does not bear it out."""
        number = max(self._numbers(), default=0)
        try:
            found = self._opened(number)
        except sqlite3.Error as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
                why = "is being mended by another process; try again"
                raise StoreUnavailable(f"{self._path} {why}.") from error
            found = None
        except (OSError, UnicodeDecodeError):  # sqlite quotes the file in its errors
            found = None
        if found is None:
            self.close()
            return None
        self._state, self._seen = found
        self._seq = self._state.at.seq
        return self._state.at

    def _opened(self, number: int) -> tuple[State, Seen] | None:
        if number <= self._after:
            return None
        self._connect(number)
        return self._found()

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """Give the file back; the next question opens it again."""
        if self._db is not None:
            with contextlib.suppress(sqlite3.Error):
                self._db.close()
        self._db = None

    @property
    def _path(self) -> Path:
        return self._numbered(self.number)

    def _numbered(self, number: int) -> Path:
        return self._directory / f"index-{number}.sqlite"

    def _numbers(self) -> list[int]:
        names = (path.stem.partition("-")[2] for path in self._directory.glob("index-*.sqlite"))
        return [int(name) for name in names if name.isdecimal()]

    def _connect(self, number: int) -> None:
        self.number = number
        self._inode = os.stat(self._path).st_ino
        self._reconnect()

    def _reconnect(self) -> None:
        self._db = sqlite3.connect(
            self._path.absolute().as_uri() + "?mode=rw",
            uri=True,
            timeout=_BUSY_S,
            isolation_level=None,
            check_same_thread=False,
        )
        self._db.execute("PRAGMA journal_mode = WAL")  # a writer that is stopped keeps nobody from reading
        self._db.execute("PRAGMA synchronous = NORMAL")

    def _found(self) -> tuple[State, Seen] | None:
        """What the file says, where the log has the line that it ends with."""
        row = self._row()
        if row is None:
            return None
        try:
            state, seen = decoded_state(row[0]), Seen(row[1])
            path = segment_path(self._directory, state.at.segment)
            line = read_from(self._files, path, state.tail.offset, state.tail.size + 1)
        except (msgspec.DecodeError, ValueError, TypeError, OSError):
            return None
        whole = line.endswith(b"\n") and state.at.end == state.tail.offset + state.tail.size + 1
        known = state.version == VERSION and state.tail.segment == state.at.segment
        return (state, seen) if known and whole and line_hash(text_of(line[:-1])) == state.at.hash else None

    def _row(self) -> Any:
        return None if self._db is None else self._db.execute("SELECT value, seen FROM state").fetchone()

    # the past of a ledger

    def summary(self) -> Summary:
        """What is true of the log as a whole."""
        return Summary() if self._state is None else self._state.summary

    def open(self) -> list[Standing]:
        """Deliveries that are not over, in the order they were decided."""
        rows = self._ask(
            "SELECT seq, id, standing FROM decisions WHERE is_over = 0 AND seq <= ? ORDER BY seq", self._seq
        )
        return [self._standing(*row) for row in rows]

    def get(self, decision_id: str) -> Standing | None:
        """Where a decision stands."""
        if decision_id not in self._seen:
            return None
        rows = self._ask(
            "SELECT seq, id, standing FROM decisions WHERE id = ? AND seq <= ?", decision_id, self._seq
        )
        return self._standing(*rows[0]) if rows else None

    def last_of(self, item_id: str) -> Standing | None:
        """The last decision on an item."""
        if item_id not in self._seen:
            return None
        if item_id not in self._last:
            if len(self._last) >= _REMEMBERED:
                self._last.clear()
            self._last[item_id] = self._look_up_last(item_id)
        return self._last[item_id]

    def _look_up_last(self, item_id: str) -> Standing | None:
        rows = self._ask("SELECT decision, places FROM items WHERE item = ?", item_id)
        seq = rows[0][0] if rows else None
        with self._as_written():
            newer = unpacked(rows[0][1]) if seq is not None and seq > self._seq else None
        if newer is not None:  # another process has written what this one did not read yet
            seq = self._last_decided(newer)
        if seq is None:
            return None
        rows = self._ask("SELECT seq, id, standing FROM decisions WHERE seq = ?", seq)
        return self._standing(*rows[0]) if rows else None

    def _last_decided(self, places: list[Place]) -> int | None:
        events = map(self._event_at, reversed(places))
        return next((event.seq for event in events if event.type == DECIDED and event.seq <= self._seq), None)

    def newest(self) -> Iterator[Standing]:
        """All decisions, the newest first."""
        return self._paged("SELECT seq, id, standing FROM decisions WHERE seq < ? ORDER BY seq DESC LIMIT ?")

    def alike(self, endpoint: str, proposal: str) -> Iterator[Standing]:
        """Decisions on the same sort of proposal, the newest first."""
        return self._paged(
            "SELECT seq, id, standing FROM decisions WHERE seq < ? AND endpoint = ? AND proposal = ? "
            "ORDER BY seq DESC LIMIT ?",
            endpoint,
            proposal,
        )

    def _paged(self, query: str, *wanted: str) -> Iterator[Standing]:
        before = self._seq + 1
        while rows := self._ask(query, before, *wanted, _PAGE):
            yield from (self._standing(*row) for row in rows)
            before = rows[-1][0]

    def outlines(self) -> Iterator[Outline]:
        """All decisions in outline, the oldest first."""
        query = "SELECT seq, id, at, is_over FROM decisions WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?"
        after = 0
        while rows := self._ask(query, after, self._seq, 20 * _PAGE):
            with self._as_written():
                found = [Outline(seq, id, moment(at), bool(is_over)) for seq, id, at, is_over in rows]
                after = int(rows[-1][0])
            yield from found

    def places(self, item_id: str) -> list[Place]:
        """Where the lines lie that speak of an item."""
        if item_id not in self._seen:
            return []
        rows = self._ask("SELECT places FROM items WHERE item = ?", item_id)
        with self._as_written():
            return unpacked(rows[0][0]) if rows else []

    def _ask(self, query: str, *wanted: object) -> list[Any]:
        if not self._seq:
            return []
        try:
            if self._db is None:
                self._reconnect()
            return [] if self._db is None else self._db.execute(query, wanted).fetchall()
        except UnicodeEncodeError:  # no name in the log is spelt so
            return []
        except sqlite3.Error as error:
            raise self._lost(str(error)) from error

    @contextlib.contextmanager
    def _as_written(self) -> Iterator[None]:
        """A row that is of another shape than it was written makes the file one that is lost."""
        try:
            yield
        except (msgspec.DecodeError, ArithmeticError, TypeError, ValueError, struct.error) as error:
            raise self._lost(str(error)) from error

    def _standing(self, seq: int, decision_id: str, value: bytes) -> Standing:
        with self._as_written():
            stored = decoded_standing(value)
        decided = self._event_at(stored.place)
        if (decided.seq, decided.decision_id) != (seq, decision_id):
            raise self._lost(f"it says of event {seq} what the log does not")
        return Standing(
            decided,
            stored.place,
            stored.state,
            stored.changed_at,
            stored.last_seq,
            stored.detail,
            stored.effect,
            stored.note,
            stored.receipt,
        )

    def _lost(self, why: str) -> StoreUnavailable:
        self.is_lost = True
        return StoreUnavailable(
            f"{self._path} cannot be read: {why}. It is made anew from the log: try again."
        )

    # what the ledger learnt becomes its past

    def save(self, ledger: Ledger, at: Position, tail: Place) -> Saved:
        """Take over what ``ledger`` knows, all of which is on the disk up to ``at``; it forgets that then."""
        state = State(VERSION, at, tail, ledger.summary())
        try:
            if not self._is_here():
                return Saved.LOST
            with self._transaction() as db:
                if not self._write(db, ledger, state):
                    return Saved.LOST
        except sqlite3.OperationalError:  # locked, read-only, a full disk
            return Saved.LATER
        except sqlite3.Error:
            return Saved.LOST
        except OSError:
            return Saved.LATER
        self._seq = at.seq
        self._last.clear()
        ledger.settle(self)
        return Saved.DONE

    def _is_here(self) -> bool:
        """Whether there is a file to write to: the one that was read, or where none was, the newest or a new one."""
        if self._seq:
            if self._db is None:
                self._reconnect()
            return self._path.exists() and os.stat(self._path).st_ino == self._inode
        newest = max(self._numbers(), default=0)
        with contextlib.suppress(sqlite3.DatabaseError, FileNotFoundError):
            if self._opened(newest) is not None:
                return True
        self.close()
        self._create(max(newest, self._after) + 1)
        return True

    def _create(self, number: int) -> None:
        path = self._numbered(number)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        self._connect(number)
        with self._transaction() as db:
            for statement in filter(str.strip, SCHEMA.split(";")):
                db.execute(statement)
        for old in self._numbers():
            for end in ("", "-wal", "-shm") if old < number else ():
                self._files.remove(Path(f"{self._numbered(old)}{end}"))

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        db = self._db
        assert db is not None  # noqa: S101 - it was connected before
        db.execute("BEGIN IMMEDIATE")
        try:
            yield db
            db.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                db.execute("ROLLBACK")
            raise

    def _write(self, db: sqlite3.Connection, ledger: Ledger, state: State) -> bool:
        """Write what is new; False where what is there is not what this process built upon."""
        found = self._found()
        there = 0 if found is None else found[0].at.seq
        if there < self._seq or (found is None and self._row() is not None):
            return False
        seen = Seen.nothing() if found is None else found[1]
        if there < state.at.seq:
            db.executemany(
                "INSERT OR REPLACE INTO decisions VALUES (?, ?, ?, ?, ?, ?, ?)",
                map(decision_row, ledger.standings()),
            )
            self._write_items(db, ledger, seen)
            for standing in ledger.standings():
                seen.add(standing.decided.decision_id)
            value = msgspec.json.encode(state)
            db.execute("INSERT OR REPLACE INTO state VALUES (1, ?, ?)", (value, bytes(seen.bits)))
        self._seen = seen
        return True

    def _write_items(self, db: sqlite3.Connection, ledger: Ledger, seen: Seen) -> None:
        rows = []
        for item_id, standing, places in ledger.items():
            decision, known = self._item(db, item_id) if item_id in seen else (None, b"")
            last = max(unpacked(known[-PLACE_BYTES:]), default=Place(0, 0, 0))
            added = packed(place for place in places if place > last)
            rows.append((item_id, decision if standing is None else standing.decided.seq, known + added))
            seen.add(item_id)
        db.executemany("INSERT OR REPLACE INTO items VALUES (?, ?, ?)", rows)

    def _item(self, db: sqlite3.Connection, item_id: str) -> tuple[int | None, bytes]:
        row = db.execute("SELECT decision, places FROM items WHERE item = ?", (item_id,)).fetchone()
        return (None, b"") if row is None else (row[0], row[1])
