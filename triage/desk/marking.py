"""The operators' marks on items: claims, snoozes, notes, escalations, drafts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

import msgspec

from triage.desk.timeliness import Clock
from triage.model.item import Item
from triage.store.log import Log
from triage.store.queue import Marks, Queue

__all__ = ["ItemChanged", "ItemGone", "Marking", "Refused"]


class Refused(Exception):
    """The desk does not do this, and why: ``reasons`` are sentences for the operator."""

    def __init__(self, *reasons: str) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


class ItemChanged(Refused):
    """What is asked is no longer what the operator saw."""


class ItemGone(Refused):
    """The item no longer waits."""


class Marking:
    """The part of the desk that marks items."""

    queue: Queue
    log: Log
    clock: Clock
    operator: str
    read_only: bool
    _publish: Callable[..., None]

    def claim(self, item_id: str) -> None:
        """Say that this operator looks after the item."""
        self._mark(item_id, claimed_by=self.operator, claimed_at=self.clock.now().wall)

    def release(self, item_id: str) -> None:
        """Take a claim back."""
        self._mark(item_id, claimed_by="", claimed_at=None)

    def snooze(self, item_id: str, until: datetime | None, until_change: bool = False) -> None:
        """Leave the item out of what waits until a time, or until it changes; None and False: no more."""
        revision = self._item(item_id).revision if until_change else ""
        at = self.clock.now().wall if until is not None else None
        self._mark(item_id, snoozed_until=until, snoozed_at=at, snoozed_revision=revision)

    def note(self, item_id: str, text: str) -> None:
        """Keep a note with the item, and in the log."""
        self._mark(item_id, note=text)
        item = self._item(item_id)
        self.log.append("noted", item_id=item_id, endpoint=item.endpoint, operator=self.operator, detail=text)

    def mark_escalated(self, item_id: str, to: str, note: str = "") -> None:
        """Say on the item and in the log that it was handed to ``to``; an empty name takes that back."""
        self._mark(item_id, escalated_to=to)
        item = self._item(item_id)
        words = f"escalated to {to}" if to else "no longer escalated"
        self.log.append(
            "noted",
            item_id=item_id,
            endpoint=item.endpoint,
            operator=self.operator,
            detail=f"{words}: {note}" if note else words,
        )

    def draft(self, item_id: str, verb: str, text: str | None) -> None:
        """Keep what the operator has typed so far for ``verb``; None: no longer."""
        entry = self.queue.get(item_id)
        if entry is None or self.read_only:
            return
        if entry.marks.drafts.get(verb) == text:
            return

        def keep(marks: Marks) -> Marks:
            drafts = {key: value for key, value in marks.drafts.items() if key != verb}
            return msgspec.structs.replace(marks, drafts=drafts if text is None else {**drafts, verb: text})

        self._change(item_id, keep)

    def forget(self, item_ids: Iterable[str]) -> None:
        """Drop tombstones that were seen."""
        gone = [key for key in item_ids if (entry := self.queue.get(key)) is not None and entry.gone]
        if gone:
            self.queue.forget(gone)
            self._publish(items=gone)

    def _may_write(self) -> None:
        if self.read_only:
            raise Refused("this console was opened to look only (--read-only)")

    def _item(self, item_id: str) -> Item:
        entry = self.queue.get(item_id)
        if entry is None:
            raise ItemGone(f"item {item_id} is no longer in the queue")
        return entry.item

    def _mark(self, item_id: str, **changed: object) -> None:
        self._change(item_id, lambda marks: msgspec.structs.replace(marks, **changed))

    def _change(self, item_id: str, change: Callable[[Marks], Marks]) -> None:
        """Change marks as they stand, so that two operators' marks do not undo each other."""
        self._may_write()
        try:
            self.queue.mark(item_id, change)
        except LookupError:
            raise ItemGone(f"item {item_id} is no longer in the queue") from None
        except ValueError as error:
            raise Refused(f"this cannot be kept: {error}") from error
        self._publish(items=(item_id,))
