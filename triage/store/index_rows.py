"""What the rows of the log's index hold, and how."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from struct import Struct

import msgspec

from triage.model.decision import OPEN_STATES, DeliveryState, Receipt
from triage.store.events import Place
from triage.store.head import Position
from triage.store.ledger import Standing, Summary

__all__ = [
    "PLACE_BYTES",
    "SCHEMA",
    "VERSION",
    "State",
    "decision_row",
    "decoded_standing",
    "decoded_state",
    "moment",
    "packed",
    "unpacked",
]

VERSION = 1
SCHEMA = """
    CREATE TABLE state (one INTEGER PRIMARY KEY CHECK (one = 1), value BLOB NOT NULL, seen BLOB NOT NULL);
    CREATE TABLE decisions (
        seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, endpoint TEXT NOT NULL, proposal TEXT NOT NULL,
        is_over INTEGER NOT NULL, at INTEGER NOT NULL, standing BLOB NOT NULL
    );
    CREATE INDEX alike ON decisions (endpoint, proposal, seq);
    CREATE INDEX still_open ON decisions (seq) WHERE is_over = 0;
    CREATE TABLE items (item TEXT PRIMARY KEY, decision INTEGER, places BLOB NOT NULL) WITHOUT ROWID;
"""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PLACE = Struct("<III")
PLACE_BYTES = _PLACE.size


class State(msgspec.Struct, frozen=True):
    """How far the log was read, and what is true of it as a whole."""

    version: int
    at: Position
    tail: Place
    """Where the line before ``at`` lies."""
    summary: Summary


class _Stored(msgspec.Struct, frozen=True, array_like=True):
    """Where a decision stands, but for the event that decided."""

    place: Place
    state: DeliveryState
    changed_at: datetime
    last_seq: int
    detail: str
    effect: str
    note: str
    receipt: Receipt | None


_state_decoder = msgspec.json.Decoder(State)
_stored_decoder = msgspec.msgpack.Decoder(_Stored)
decoded_state = _state_decoder.decode
decoded_standing = _stored_decoder.decode


def decision_row(standing: Standing) -> tuple[object, ...]:
    """The row of a decision."""
    decided = standing.decided
    stored = _Stored(
        standing.place,
        standing.state,
        standing.changed_at,
        standing.last_seq,
        standing.detail,
        standing.effect,
        standing.note,
        standing.receipt,
    )
    return (
        decided.seq,
        decided.decision_id,
        decided.endpoint,
        decided.proposal,
        standing.state not in OPEN_STATES,
        (decided.at - _EPOCH) // timedelta(microseconds=1),
        msgspec.msgpack.encode(stored),
    )


def moment(microseconds: int) -> datetime:
    """What a row says of when a decision was taken."""
    return _EPOCH + timedelta(microseconds=microseconds)


def packed(places: Iterable[Place]) -> bytes:
    """Places as a row holds them."""
    return b"".join(_PLACE.pack(*place) for place in places)


def unpacked(places: bytes) -> list[Place]:
    """The places in a row."""
    return [Place(*place) for place in _PLACE.iter_unpack(places)]
