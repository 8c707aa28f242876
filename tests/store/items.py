"""Items and entries for tests of the queue."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from triage.model.item import Action, Gone, Item, ItemKind, Verb
from triage.store.queue import Changes, Entry, Marks, Queue

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)
ANSWERED = Gone("answered", "by bob")


def item(key: str, endpoint: str = "agent", **more: Any) -> Item:
    given: dict[str, Any] = {
        "kind": ItemKind.APPROVAL,
        "title": f"Refund {key}",
        "verbs": (Verb.APPROVE, Verb.REJECT),
        "actions": (Action("refund", {"order": key, "amount": 12}),),
    }
    return Item(endpoint=endpoint, key=key, **{**given, **more})


def later(minutes: int = 1) -> datetime:
    return NOON + timedelta(minutes=minutes)


def changes(**given: Sequence[Item]) -> Changes:
    """What a poll brought, told by items."""
    lists = {how: tuple(each.id for each in items) for how, items in given.items()}
    return Changes(**{"new": (), "changed": (), "vanished": (), "back": (), **lists})


def entry(queue: Queue, waiting: Item) -> Entry:
    found = queue.get(waiting.id)
    assert found is not None
    return found


def look(queue: Queue) -> list[Entry]:
    queue.refresh()
    return list(queue.entries())


A, B, C = item("a"), item("b"), item("c")


def to(marks: Marks) -> Callable[[Marks], Marks]:
    """The change that makes an item's marks these."""
    return lambda _: marks
