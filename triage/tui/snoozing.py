"""How long an item is put away for, in words."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from triage.tui import words

if TYPE_CHECKING:
    from triage.store.queue import Entry

__all__ = ["snoozed", "snoozed_words"]


def snoozed(entry: Entry, now: datetime) -> str:
    """For a narrow column: ``snoozed 2h``; empty where it is awake."""
    if not _is_snoozed(entry, now):
        return ""
    until = entry.marks.snoozed_until
    return "snoozed" if until is None else f"snoozed {words.time_left((until - now).total_seconds())}"


def snoozed_words(entry: Entry, now: datetime) -> str:
    """In a sentence: ``Snoozed for another 2 hours``; empty where it is awake."""
    if not _is_snoozed(entry, now):
        return ""
    until = entry.marks.snoozed_until
    if until is None:
        return "Snoozed until it changes"
    left_s = (until - now).total_seconds()
    return "Snoozed for another moment" if left_s < 60 else f"Snoozed for another {words.age_words(left_s)}"


def _is_snoozed(entry: Entry, now: datetime) -> bool:
    if not (entry.marks.snoozed_until or entry.marks.snoozed_revision):
        return False
    from triage.desk.looking import is_snoozed  # not before: the first rows are painted without the desk

    return is_snoozed(entry, now)
