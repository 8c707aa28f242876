"""What became of a question that is no longer open, and what the agent did next, in words."""

from __future__ import annotations

from typing import Any

import msgspec

from triage.connectors.langgraph import shapes
from triage.connectors.langgraph.api import Api, Interrupt, State
from triage.connectors.langgraph.reading import open_ids
from triage.model.item import Gone, Item

__all__ = ["became_of", "effect_of", "swept"]

_EFFECT_LENGTH = 400
_ROLES = {"ai": "assistant", "human": "user"}


async def became_of(api: Api, item: Item, state: State) -> Gone:
    """How a question that is no longer open was settled, as far as the server shows."""
    interrupt_id = item.locator.get("interrupt_id", "")
    runs = await api.runs(item.locator["thread_id"])
    answering = [run for run in reversed(runs) if run.answers(interrupt_id)]
    taken = next((run for run in answering if run.status == "success"), None)
    if taken:
        return Gone("answered", f"answered by {taken.words()}")
    if state.source == "update":
        return Gone("deleted", swept(state))
    if answering:
        return Gone("answered", f"answered by {answering[0].words()}, which ended: {answering[0].status}")
    latest = next((run for run in runs if run.run_id == state.run_id), runs[0] if runs else None)
    return Gone("not known", f"the thread went on with {latest.words()}" if latest else "nothing tells how")


def swept(change: State) -> str:
    """What made a checkpoint that dropped a question without an answer."""
    how = {
        "input": "new input on the thread replaced the question",
        "update": "the thread's state was changed by hand and the question dropped",
    }.get(change.source, "the thread was taken back to an earlier point")
    return f"{how} ({change.created_at or 'unknown time'})"


def effect_of(state: State, item: Item) -> str:
    """What the agent did after it: what it asks next, or what it said last."""
    asked = [one for task in state.tasks for one in task.interrupts]
    known = {item.locator.get("interrupt_id", ""), *item.locator.get("siblings", ())}
    new = [one for one in asked if isinstance(one, dict) and one.get("id") not in known]
    if new:
        return _short("asks again: " + "; ".join(_title(one) for one in new))
    waiting = len(open_ids(state))
    if waiting:
        return f"waits for {waiting} other answer{'s' if waiting > 1 else ''}"
    if state.next:
        return _short(f"stopped before {', '.join(dict.fromkeys(state.next))}")
    return _short(_last_words(state.values))


def _title(raw: Any) -> str:
    try:
        return shapes.read(msgspec.convert(raw, Interrupt)).title
    except msgspec.ValidationError:
        return "a question that cannot be read"


def _last_words(values: Any) -> str:
    messages = values.get("messages") if isinstance(values, dict) else None
    last = messages[-1] if isinstance(messages, list) and messages else None
    if isinstance(last, dict) and isinstance(last.get("content"), str) and last["content"]:
        role = str(last.get("type", ""))
        return f"{_ROLES.get(role, role)}: {last['content']}"
    return msgspec.json.encode(values).decode() if values else ""


def _short(text: str) -> str:
    return text if len(text) <= _EFFECT_LENGTH else text[: _EFFECT_LENGTH - 1] + "…"
