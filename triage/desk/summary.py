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
    from triage.desk.tally import Tally
    from triage.store.log import Record

__all__ = ["SUMMARY_FILE", "SUMMARY_VERSION", "Summary", "summarise", "write_summary"]

SUMMARY_FILE = "status.json"
SUMMARY_VERSION = 1


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
    version: int = SUMMARY_VERSION


def summarise(
    waiting: Tally, open_records: Iterable[Record], health: Iterable[Health], paused: Iterable[str]
) -> Summary:
    """The numbers of a desk."""
    states = Counter(record.state for record in open_records)
    return Summary(
        at=datetime.now(UTC),
        waiting=len(waiting),
        held=states[DeliveryState.HELD],
        sending=states[DeliveryState.SENDING] + states[DeliveryState.SENT],
        unknown=states[DeliveryState.UNKNOWN],
        failing=[one.endpoint for one in health if one.state in (HealthState.FAILING, HealthState.DENIED)],
        paused=sorted(paused),
        oldest=waiting.oldest,
        by_endpoint=waiting.by_endpoint(),
    )


def write_summary(directory: Path, summary: Summary) -> None:
    """Replace the file whole, so that a reader never sees half of it."""
    unfinished = directory / f".{SUMMARY_FILE}.{os.getpid()}"
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.encode(summary))
    unfinished.replace(directory / SUMMARY_FILE)
