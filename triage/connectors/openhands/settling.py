"""What came of a decision: read from the conversation's events. The reply is 200 whatever happens.

An acceptance carries no name. It is ours when the server took ours right after the very same actions
were seen to wait. A rejection carries a mark of ours in its reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from triage.connectors.openhands.api import WAITING, Conversation, Event
from triage.connectors.openhands.asking import mark, waiting_among
from triage.model.decision import Decision, DeliveryState, Outcome, Receipt
from triage.model.item import Gone, Item, Verb

__all__ = ["Fate", "Settling", "fates", "gone", "plain", "told"]

_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_EFFECT_LENGTH = 400


class Fate(msgspec.Struct, frozen=True):
    """What came of one action; more than one when two answers met."""

    observed: Event | None = None
    """It ran."""
    failed: Event | None = None
    """Its call ended in an error, which does not tell whether it ran."""
    rejected: tuple[Event, ...] = ()

    @property
    def open(self) -> bool:
        return self.observed is None and self.failed is None and not self.rejected


def fates(item: Item, newest_first: Iterable[Event]) -> list[Fate]:
    """What came of each of the item's actions, in their order."""
    events = list(newest_first)
    return [
        _fate(events, action_id, call_id)
        for action_id, call_id in zip(item.locator["action_ids"], item.locator["tool_call_ids"], strict=True)
    ]


def gone(item: Item, conversation: Conversation, newest_first: list[Event]) -> Gone:
    """What became of actions that no longer wait, or not alone."""
    found = fates(item, newest_first)
    if any(fate.observed for fate in found):
        return Gone("answered", "accepted: it ran")
    rejected = [one for fate in found for one in fate.rejected]
    if rejected:
        return Gone("answered", f"rejected{_by(rejected[0])}")
    failed = next((fate.failed for fate in found if fate.failed), None)
    if failed:
        return Gone("deleted", f"its call ended: {told(failed)}")
    if conversation.execution_status == "running":
        return Gone("answered", "the agent is at work, so somebody accepted it")
    if conversation.execution_status == WAITING:
        return Gone("not known", "other actions wait now than those shown")
    return Gone("not known", f"the conversation is {conversation.execution_status or 'in no known state'}")


class Settling:
    """One decision, and the events seen after it, newest first."""

    def __init__(
        self,
        item: Item,
        decision: Decision,
        receipt: Receipt | None,
        conversation: Conversation,
        newest_first: list[Event],
    ) -> None:
        self.item = item
        self.decision = decision
        self.receipt = receipt
        self.status = conversation.execution_status
        self.events = newest_first
        self.fates = fates(item, newest_first)

    def outcome(self) -> Outcome:
        """What is certain, and UNKNOWN where nothing is."""
        return self._accepted() if self.decision.verb is Verb.APPROVE else self._rejected()

    def _accepted(self) -> Outcome:
        ran = [fate.observed for fate in self.fates if fate.observed]
        rejected = [one for fate in self.fates for one in fate.rejected]
        failed = [fate.failed for fate in self.fates if fate.failed]
        if any(fate.open for fate in self.fates):
            return self._open(bool(ran or rejected or failed))
        if not ran and failed:
            return _unknown(f"its call ended, which does not tell whether it ran: {told(failed[0])}")
        if not ran and self.receipt and all(one.rejection_source == "hook" for one in rejected):
            return _refused(f"accepted, but then rejected{_by(rejected[0])}")
        if not ran:
            return _refused(f"rejected elsewhere first{_by(rejected[0])}; {self._now()}")
        beside = f"; a rejection is recorded beside it{_by(rejected[0])}" if rejected else ""
        if self.receipt is None:
            return _unknown(f"it ran, but nothing tells by whose acceptance{beside}", self._effect(ran))
        return Outcome(DeliveryState.CONFIRMED, f"it ran{beside}", self._effect(ran))

    def _open(self, begun: bool) -> Outcome:
        """Of some action nothing came yet."""
        if self.receipt is not None and self.status == "running":
            return Outcome(DeliveryState.SENT, "accepted; the agent is at work on it")
        if self.status == "running":
            return _unknown("the reply was lost; the agent is at work, so somebody accepted something")
        if not begun and self.status == WAITING:
            taken = "the server took the answer, but" if self.receipt else "the reply was lost, and"
            return _unknown(f"{taken} the action still waits; never sent again, since it could hit the next")
        return _unknown(f"nothing came of the action yet, and {self._now()}; see there")

    def _rejected(self) -> Outcome:
        rejected = [one for fate in self.fates for one in fate.rejected]
        ours = [one for one in rejected if mark(self.decision) in (one.rejection_reason or "")]
        if any(fate.observed for fate in self.fates):
            if ours:
                return _unknown(
                    "our rejection is recorded, but it ran: somebody accepted it at the same time"
                )
            return _refused("accepted elsewhere first: it ran")
        if ours:
            return Outcome(DeliveryState.CONFIRMED, "rejected", self._after_rejection())
        if rejected:
            return _refused(f"rejected elsewhere first{_by(rejected[0])}")
        failed = next((fate.failed for fate in self.fates if fate.failed), None)
        if failed:
            return _unknown(f"no rejection is recorded; its call ended: {told(failed)}")
        if self.status == WAITING:
            return _unknown("the action still waits; our rejection may be on its way")
        return _unknown(f"no rejection is recorded, and {self._now()}; see there")

    def _after_rejection(self) -> str:
        noted = str(self.receipt.detail.get("then", "")) if self.receipt else ""
        if noted:
            return noted
        return "the agent rests until it is run" if self.status == "idle" else self._now()

    def _now(self) -> str:
        """Where the conversation stands."""
        if self.status == WAITING:
            names = [event.tool_name or "?" for event in waiting_among(self.events)]
            return f"the conversation waits for the next answer ({', '.join(names) or 'unknown'})"
        return f"the conversation is {self.status or 'in no known state'}"

    def _effect(self, observed: list[Event]) -> str:
        seen = [text for event in observed if (text := told(event))]
        return _short("; ".join([*seen, self._now()]))


def plain(text: str) -> str:
    """Text without a terminal's escape sequences, which tools leave in what they print."""
    return _ESCAPE.sub("", text)


def _fate(events: list[Event], action_id: str, call_id: str | None) -> Fate:
    of_action = [one for one in events if one.action_id == action_id]
    return Fate(
        observed=next((one for one in of_action if one.kind == "ObservationEvent"), None),
        failed=next((one for one in events if _fails(one, call_id)), None),
        rejected=tuple(one for one in of_action if one.kind == "UserRejectObservation"),
    )


def _fails(event: Event, call_id: str | None) -> bool:
    return event.kind == "AgentErrorEvent" and call_id is not None and event.tool_call_id == call_id


def told(event: Event) -> str:
    """What an observation says, in a few words."""
    if event.kind == "AgentErrorEvent":
        return _short(f"it failed: {plain(str(event.error or 'no reason given'))}")
    seen = event.observation if isinstance(event.observation, dict) else {}
    code = f"exit code {seen['exit_code']}" if isinstance(seen.get("exit_code"), int) else ""
    failed = "it failed" if seen.get("is_error") is True else ""
    return ": ".join(part for part in (failed or code, _short(_text_of(seen))) if part)


def _text_of(observation: dict[str, Any]) -> str:
    content = observation.get("content")
    parts = content if isinstance(content, list) else [content]
    texts = [part.get("text") if isinstance(part, dict) else part for part in parts]
    return plain(" ".join(text for text in texts if isinstance(text, str))).strip()


def _by(rejection: Event) -> str:
    who = " by a hook" if rejection.rejection_source == "hook" else ""
    return f"{who}: {_short(plain(rejection.rejection_reason))}" if rejection.rejection_reason else who


def _refused(detail: str) -> Outcome:
    return Outcome(DeliveryState.REFUSED, detail)


def _unknown(detail: str, effect: str = "") -> Outcome:
    return Outcome(DeliveryState.UNKNOWN, detail, effect)


def _short(text: str) -> str:
    return text if len(text) <= _EFFECT_LENGTH else text[: _EFFECT_LENGTH - 1] + "…"
