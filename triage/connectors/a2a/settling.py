"""What came of an answer, read from the task's history: never from the reply to a send.

An answer counts when the task's history holds our message, right after the question that was shown, and
the task has gone on since. Nothing on the wire binds an answer to its question: one that comes after
another's answer is taken for whatever is asked next, or is run on a task that had ended.
"""

from __future__ import annotations

import time
from enum import Enum
from typing import Any

import msgspec

from triage.connectors.a2a.api import Message, Task
from triage.connectors.a2a.reading import WAITING, Unclear, key_of, one_line, plain, text_of
from triage.model.decision import Decision, DeliveryState, Outcome, Receipt
from triage.model.item import Gone, Item, Verb
from triage.model.item import Message as Turn

__all__ = [
    "ENDED",
    "Found",
    "Seen",
    "Settling",
    "became_of",
    "effect_of",
    "look",
    "message_id",
    "stands",
    "turns",
]

SECOND_LOOK_S = 2.0
"""After this long a task is looked at once more: an answer that comes too late is run all the same."""
PATIENCE_S = 60.0
"""After this long an answer that the task does not show, though its question still stands, did not arrive."""

ENDED = {
    "TASK_STATE_COMPLETED": "completed",
    "TASK_STATE_CANCELED": "cancelled",
    "TASK_STATE_FAILED": "failed",
    "TASK_STATE_REJECTED": "rejected",
}
"""The states that a task does not leave, but for an answer that comes too late."""
_EFFECT_LENGTH = 400
_ROLES = {"ROLE_USER": "user", "ROLE_AGENT": "agent"}


class Seen(Enum):
    """Where our message is."""

    WAITING = "not there; the question stands as it was"
    ABSENT = "not there; the task has gone on"
    AT_WORK = "there; the agent is at work"
    TAKEN = "there, right after its question; the task has gone on"
    ASTRAY = "there, but after something else"


class Found(msgspec.Struct, frozen=True):
    """What a task shows of our message."""

    seen: Seen
    before: str = ""
    """Of one that went astray: what came between it and its question."""
    others: int = 0
    """How many answers of others came after ours."""


class Settling:
    """What came of the decisions on one agent's tasks. Keeps only since when something is so."""

    def __init__(self) -> None:
        self._since: dict[tuple[str, str], float] = {}

    def outcome(self, item: Item, decision: Decision, receipt: Receipt | None, task: Task | None) -> Outcome:
        """What the task as it is now, read whole, says of a decision."""
        if task is None:
            return _unknown(
                "the agent no longer knows the task, so nothing tells what came of it; many forget all when "
                "they restart"
            )
        if decision.verb is Verb.CLOSE:
            found = self._closed(item, decision, receipt, task)
        else:
            found = self._answered(item, decision, receipt, task)
        if found.state in (DeliveryState.CONFIRMED, DeliveryState.REFUSED):
            self._since = {key: at for key, at in self._since.items() if key[0] != decision.id}
        return found

    def _answered(self, item: Item, decision: Decision, receipt: Receipt | None, task: Task) -> Outcome:
        found = look(task, item, message_id(decision))
        match found.seen:
            case Seen.WAITING:
                return self._not_there(decision, receipt)
            case Seen.ABSENT:
                return _gone_on_without(receipt, task)
            case Seen.AT_WORK:
                return self._at_work(item, decision, task)
            case Seen.TAKEN:
                return self._taken(decision, task, found.others)
            case Seen.ASTRAY:
                return _unknown(
                    f"it came after something else ({found.before}), so it was not taken for the question "
                    f"you saw. The task now: {effect_of(task)}. Look there, then close this by hand"
                )

    def _not_there(self, decision: Decision, receipt: Receipt | None) -> Outcome:
        """The question still stands, and our message is not in the history."""
        late = self._for_s(decision, "missing") >= PATIENCE_S
        if receipt is not None and not late:
            return Outcome(DeliveryState.SENT, "the agent took it and has not begun")
        if receipt is not None:
            return _unknown("the agent took it, but the task still asks the same and does not show it")
        if not late:
            return _unknown("it has not arrived so far, and may still be on its way")
        return Outcome(DeliveryState.REFUSED, "it never arrived; the question still stands")

    def _at_work(self, item: Item, decision: Decision, task: Task) -> Outcome:
        if stands(task, item) and self._for_s(decision, "unmoved") >= PATIENCE_S:
            return _unknown("the agent has it, but its task still asks the same")
        return Outcome(DeliveryState.SENT, "the agent has it and is at work")

    def _taken(self, decision: Decision, task: Task, others: int) -> Outcome:
        """Our answer was the one. An answer that comes too late changes what follows, so one more look."""
        if self._for_s(decision, "taken") < SECOND_LOOK_S:
            return Outcome(DeliveryState.SENT, "the agent took it; looking once more")
        effect = effect_of(task)
        if others:
            effect += f" (after {others} more answer{'s' if others > 1 else ''} from others)"
        return Outcome(DeliveryState.CONFIRMED, "the task's history shows it, and the task went on", effect)

    def _closed(self, item: Item, decision: Decision, receipt: Receipt | None, task: Task) -> Outcome:
        if task.status.state == "TASK_STATE_CANCELED":
            if receipt is not None:
                return Outcome(DeliveryState.CONFIRMED, "the task is cancelled")
            return _unknown("the task is cancelled, but the reply was lost: nothing tells whether by this")
        if stands(task, item):
            return self._not_there(decision, receipt)
        return _unknown(f"the task was not cancelled but went on: {effect_of(task)}")

    def _for_s(self, decision: Decision, what: str) -> float:
        """Seconds since ``what`` was first so of a decision."""
        now = time.monotonic()
        return now - self._since.setdefault((decision.id, what), now)


def message_id(decision: Decision) -> str:
    """The id of the message that carries a decision; found again after a crash from the decision alone."""
    return f"triage-{decision.id}"


def look(task: Task, item: Item, message_id: str) -> Found:
    """Where the message ``message_id`` is in the history of ``task``, read whole."""
    history = [turn for turn in task.history or () if isinstance(turn, dict)]
    ids = [turn.get("messageId") for turn in history]
    if message_id not in ids:
        return Found(Seen.WAITING if stands(task, item) else Seen.ABSENT)
    ours, asked = ids.index(message_id), item.locator["message_id"]
    between = history[ids.index(asked) + 1 : ours] if asked and asked in ids[:ours] else []
    if between:
        return Found(Seen.ASTRAY, before="; then ".join(_said(turn) for turn in between))
    if not _gone_on(task, item):
        return Found(Seen.AT_WORK)
    return Found(Seen.TAKEN, others=sum(turn.get("role") == "ROLE_USER" for turn in history[ours + 1 :]))


def stands(task: Task, item: Item) -> bool:
    """Whether what was shown is still what the task asks."""
    try:
        return task.status.state in WAITING and key_of(task) == item.key
    except Unclear:
        return False


def _gone_on(task: Task, item: Item) -> bool:
    """Whether the task ended or asks something new. One that waits with no word and the old time is between
    two states."""
    if task.status.state in ENDED:
        return True
    fresh = task.status.message is not None or task.status.timestamp != item.locator["timestamp"]
    return task.status.state in WAITING and not stands(task, item) and fresh


def _gone_on_without(receipt: Receipt | None, task: Task) -> Outcome:
    now = effect_of(task)
    if task.status.state not in (*ENDED, *WAITING) and receipt is not None:
        return Outcome(DeliveryState.SENT, "the agent took it and is at work")
    if not task.history:
        return _unknown(f"the agent keeps no history, so nothing tells whose answer it took. Now: {now}")
    taken = "though the agent took it, " if receipt is not None else ""
    return _unknown(f"{taken}the task went on without it: somebody else answered. Now: {now}")


def became_of(task: Task) -> Gone:
    """What became of a question that a task no longer asks."""
    state = task.status.state
    if state == "TASK_STATE_CANCELED":
        return Gone("deleted", "the task is cancelled")
    if state in ENDED:
        return Gone("answered", f"the task is over: {effect_of(task)}")
    if state in WAITING:
        return Gone("answered", effect_of(task))
    return Gone("answered", "the agent is at work on it")


def effect_of(task: Task) -> str:
    """What the agent did, in words: how the task ended and what it gave, or what it asks next."""
    said = text_of(task.status.message)
    if task.status.state in WAITING:
        return _short(f"asks again: {said}" if said else "asks again")
    state = ENDED.get(task.status.state, "at work")
    if state == "failed" and not said:
        said = "it says why to nobody but whoever answered"
    given = [text for raw in task.artifacts or () if (text := _text(raw))]
    return _short("; ".join(filter(None, (f"{state}: {said}" if said else state, *given))))


def turns(task: Task) -> tuple[Turn, ...]:
    """The task's history as an operator reads it."""
    history = [turn for turn in task.history or () if isinstance(turn, dict)]
    return tuple(Turn(role=_role(turn), text=_text(turn)) for turn in history)


def _said(turn: dict[str, Any]) -> str:
    return f"{_role(turn)}: {one_line(_text(turn))}"


def _role(turn: dict[str, Any]) -> str:
    role = str(turn.get("role", ""))
    return _ROLES.get(role, role)


def _text(raw: Any) -> str:
    """The text, or data, of a message or artifact as sent."""
    try:
        return text_of(msgspec.convert(raw, Message))
    except msgspec.ValidationError:
        return plain(raw)


def _unknown(detail: str) -> Outcome:
    return Outcome(DeliveryState.UNKNOWN, detail)


def _short(text: str) -> str:
    return text if len(text) <= _EFFECT_LENGTH else text[: _EFFECT_LENGTH - 1] + "…"
