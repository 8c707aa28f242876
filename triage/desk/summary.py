"""The desk in a few numbers, kept in a small file for shell prompts and status lines."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from triage.model.decision import DeliveryState
from triage.model.endpoint import Health, HealthState

if TYPE_CHECKING:
    from triage.store.log import Record
    from triage.store.queue import Entry

__all__ = ["SUMMARY_FILE", "Summary", "summarise", "write_summary"]

SUMMARY_FILE = "status.json"


class Summary(msgspec.Struct, frozen=True):
    """What ``triage status`` shows."""

    at: datetime
    waiting: int
    held: int
    sending: int
    """In ``sending`` or ``sent``: on the way, not proven yet."""
    unknown: int
    failing: list[str]
    """Names of endpoints that do not answer or refuse our credentials."""
    paused: list[str]
    oldest: datetime | None
    """When the oldest waiting item was made."""
    by_endpoint: dict[str, int]
    version: int = 1


def summarise(
    waiting: Iterable[Entry], open_records: Iterable[Record], health: Iterable[Health], paused: Iterable[str]
) -> Summary:
    """The numbers of a desk."""
    entries = list(waiting)
    states = Counter(record.state for record in open_records)
    return Summary(
        at=datetime.now(UTC),
        waiting=len(entries),
        held=states[DeliveryState.HELD],
        sending=states[DeliveryState.SENDING] + states[DeliveryState.SENT],
        unknown=states[DeliveryState.UNKNOWN],
        failing=[one.endpoint for one in health if one.state in (HealthState.FAILING, HealthState.DENIED)],
        paused=sorted(paused),
        oldest=min((entry.item.created_at or entry.seen_at for entry in entries), default=None),
        by_endpoint=dict(Counter(entry.item.endpoint for entry in entries)),
    )


def write_summary(directory: Path, summary: Summary) -> None:
    """Replace the file whole, so that a reader never sees half of it."""
    unfinished = directory / f".{SUMMARY_FILE}.{os.getpid()}"
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.encode(summary))
    unfinished.replace(directory / SUMMARY_FILE)
