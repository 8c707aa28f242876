"""From a conversation's events to an item: the actions of one turn, which are answered together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from triage.connectors.openhands.api import Conversation, Event, moment
from triage.model.decision import Decision, Verdict
from triage.model.item import Action, Item, ItemKind, Risk, Verb

__all__ = ["mark", "reason", "to_item", "waiting_among"]

TITLE_LENGTH = 140
_REFUSALS = {
    Verb.EDIT.value: (
        "OpenHands takes no edited arguments: reject it with the change you want as the reason; the agent "
        "is told and goes on."
    ),
    Verb.RESPOND.value: "Nothing is asked here but yes or no: a rejection's reason reaches the agent.",
    Verb.IGNORE.value: "An action is accepted or rejected; left alone it waits on.",
    Verb.CLOSE.value: "Closing would delete the conversation with all its history; reject instead.",
    "scope": "OpenHands offers no wider grant here.",
}
_RESTS = "Without a reason the agent then rests until it is run; with one it is told and goes on."
_RISKS = (Risk.LOW, Risk.MEDIUM, Risk.HIGH)


def waiting_among(newest_first: Iterable[Event]) -> list[Event]:
    """The actions that nothing came of yet, oldest first: accepting runs all of them.

    As the agent itself tells them: neither observed nor rejected by their id, nor failed by their tool
    call's; a call that was not valid has no action and is never run.
    """
    settled: set[str | None] = set()
    waiting: list[Event] = []
    for event in newest_first:
        if event.kind in ("ObservationEvent", "UserRejectObservation"):
            settled.add(event.action_id)
        elif event.kind == "AgentErrorEvent":
            settled.add(event.tool_call_id)
        elif event.kind == "ActionEvent" and event.action is not None:
            names = {event.id, event.tool_call_id} - {None}
            waiting += [event] if settled.isdisjoint(names) else []
    return waiting[::-1]


def to_item(endpoint: str, conversation: Conversation, waiting: Sequence[Event]) -> Item:
    """The item of one turn's actions. ``waiting`` is not empty."""
    ids = [event.id for event in waiting]
    actions = tuple(_action(event, alone=len(waiting) == 1) for event in waiting)
    return Item(
        endpoint=endpoint,
        key=f"{conversation.id}|{'+'.join(ids)}",
        kind=ItemKind.APPROVAL,
        title=_title(actions),
        verbs=(Verb.APPROVE, Verb.REJECT),
        agent=_project(conversation.directory),
        description=_words(waiting[0]) if len(waiting) == 1 else "",
        actions=actions,
        created_at=moment(conversation.updated_at),
        risk=_risk(waiting),
        refusals=_REFUSALS,
        warnings=_warnings(len(waiting)),
        locator={
            "conversation_id": conversation.id,
            "action_ids": ids,
            "tool_call_ids": [event.tool_call_id for event in waiting],
        },
        raw=[msgspec.to_builtins(event) for event in waiting],
    )


def reason(decision: Decision, actions: Sequence[Action]) -> str:
    """What a rejection says to the agent. All actions are told the same, so different reasons are listed."""
    told = _told(decision.verdicts, actions)
    return f"{told} {mark(decision)}"


def mark(decision: Decision) -> str:
    """What tells our rejection from another's when it is read back."""
    return f"[ref {decision.id[-8:]}]"


def _told(verdicts: Sequence[Verdict], actions: Sequence[Action]) -> str:
    given = list(dict.fromkeys(verdict.reason for verdict in verdicts if verdict.reason))
    if len(given) <= 1:
        return given[0] if given else "Rejected by the operator."
    return "\n".join(
        f"{_headline(action)}: {verdict.reason or 'rejected'}"
        for action, verdict in zip(actions, verdicts, strict=True)
    )


def _action(event: Event, *, alone: bool) -> Action:
    arguments = {key: value for key, value in (event.action or {}).items() if key != "kind"}
    return Action(event.tool_name or "?", arguments, description="" if alone else _words(event))


def _title(actions: Sequence[Action]) -> str:
    if len(actions) == 1:
        return _line(_headline(actions[0]))
    return _line(f"{len(actions)} actions: {'; '.join(_headline(action) for action in actions)}")


def _headline(action: Action) -> str:
    """An action in one line: ``terminal: touch a1``."""
    given: dict[str, Any] = action.arguments
    telling = [given[key] for key in ("command", "path", "url", "message") if isinstance(given.get(key), str)]
    what = " ".join(telling) or ", ".join(f"{key}={_brief(value)}" for key, value in given.items())
    return f"{action.name}: {what}" if what else action.name


def _words(event: Event) -> str:
    """What the agent says of an action: its summary, and its thoughts."""
    thoughts = [part["text"] for part in event.thought or [] if _is_text(part)]
    return "\n\n".join(text for text in (event.summary or "", *thoughts) if text.strip())


def _is_text(part: Any) -> bool:
    return isinstance(part, dict) and isinstance(part.get("text"), str)


def _risk(waiting: Sequence[Event]) -> Risk | None:
    """The highest that is named; the server says UNKNOWN where nothing judged it."""
    named = {(event.security_risk or "").lower() for event in waiting}
    return next((risk for risk in reversed(_RISKS) if risk.value in named), None)


def _warnings(count: int) -> dict[str, str]:
    if count == 1:
        return {Verb.REJECT.value: _RESTS}
    return {
        Verb.APPROVE.value: f"Runs all {count} actions: they are answered together.",
        Verb.REJECT.value: f"Rejects all {count} actions: they are answered together. {_RESTS}",
    }


def _project(directory: str) -> str:
    return directory.replace("\\", "/").rstrip("/").rpartition("/")[2]


def _brief(value: Any) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= 60 else text[:59] + "…"


def _line(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= TITLE_LENGTH else text[: TITLE_LENGTH - 1] + "…"
