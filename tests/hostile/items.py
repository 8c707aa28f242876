"""Items, decisions and log events with one text in every field that an agent or an endpoint fills."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from triage.model.decision import Decision, DeliveryState, Verdict
from triage.model.item import Action, Context, Gone, Item, ItemKind, Message, Option, Risk, Scope, Verb
from triage.store.log import Event, Record
from triage.store.queue import Entry, Marks

__all__ = [
    "NOW",
    "context_of",
    "decided_entry",
    "entries_of",
    "event_of",
    "item_of",
    "question_of",
    "record_of",
]

NOW = datetime(2031, 5, 17, 9, 0, tzinfo=UTC)


def item_of(text: str, key: str = "k", endpoint: str = "agent", **more: Any) -> Item:
    """A proposal of two actions."""
    given: dict[str, Any] = {
        "kind": ItemKind.APPROVAL,
        "title": text,
        "verbs": (Verb.APPROVE, Verb.EDIT, Verb.REJECT),
        "agent": text,
        "description": text,
        "actions": (
            Action(
                text,
                {text: text, "list": [text, {"in": text}], "deep": {"er": {text: [text]}}},
                _schema(text),
            ),
            Action("second", [text], description=text),
        ),
        "scopes": (Scope(text, text),),
        "risk": Risk.HIGH,
        "url": f"https://agent.test/{text}",
        "refusals": {"ignore": text, text: text},
        "warnings": {"approve": text, text: text},
        "repair": text,
        "created_at": NOW - timedelta(hours=2),
        "expires_at": NOW + timedelta(minutes=5),
        "raw": {"as": {"sent": text, text: [text]}},
    }
    return Item(endpoint=endpoint, key=key, **{**given, **more})


def question_of(text: str, key: str = "q", endpoint: str = "agent", **more: Any) -> Item:
    """A question with options and a form."""
    given: dict[str, Any] = {
        "kind": ItemKind.QUESTION,
        "title": text,
        "verbs": (Verb.RESPOND, Verb.IGNORE),
        "agent": text,
        "options": (Option(text, text, text), Option("two", {"v": text}, text)),
        "answer_schema": _schema(text),
    }
    return Item(endpoint=endpoint, key=key, **{**given, **more})


def _schema(text: str) -> dict[str, Any]:
    field = {
        "type": "string",
        "title": text,
        "description": text,
        "pattern": text,
        "format": text,
        "default": text,
    }
    return {
        "type": "object",
        "title": text,
        "properties": {text: field, "one of": {"enum": [text, "b"]}, "new": {**field, "type": [text]}},
        "required": [text],
    }


def context_of(text: str) -> Context:
    """What led to it."""
    return Context((Message(text, text, NOW), Message("user", f"{text}\n{text}")), {text: [text]})


def record_of(
    text: str, state: DeliveryState = DeliveryState.UNKNOWN, item: Item | None = None, **verdict: Any
) -> Record:
    """A decision whose reason, answer, arguments, detail and effect say it."""
    item = item or item_of(text)
    given: dict[str, Any] = {"reason": text, "scope": text, "arguments": {text: text}, "answer": [text]}
    decision = Decision(
        "d1",
        item.id,
        item.endpoint,
        item.revision,
        (Verdict(Verb.EDIT, **{**given, **verdict}),),
        text,
        NOW - timedelta(minutes=1),
    )
    return Record(decision, item, state, 7, NOW, detail=text, effect=text, note=text)


def event_of(text: str, type: str, **more: Any) -> Event:
    """A line of the log."""
    return Event(
        3,
        "",
        type,
        NOW,
        "item",
        "agent",
        "d1",
        operator=text,
        state=text,
        detail=text,
        effect=text,
        note=text,
        **more,
    )


def entries_of(text: str) -> Iterator[Entry]:
    """Items as the queue holds them: waiting, changed, marked by operators, gone."""
    item = item_of(text)
    yield Entry(item, NOW)
    yield Entry(item, NOW, changed_at=NOW, previous=item_of("before", description="before", actions=()))
    yield Entry(item, NOW, gone=Gone(text, text), gone_at=NOW)
    marks = Marks(text, NOW, escalated_to=text, note=text, drafts={text: text, "edit": text})
    yield Entry(item, NOW, marks=marks)
    yield Entry(question_of(text), NOW)


def decided_entry(text: str) -> Entry:
    """An item on which a decision stands."""
    return Entry(item_of(text), NOW)
