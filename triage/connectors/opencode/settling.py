"""What came of a decision: read from the tool call that the request stood for, never from the reply alone.

The reply ``true`` goes to one answer only, but also to one whose run was aborted before, where nothing
happens. "Not there" says that the request was answered already, by somebody else unless a proxy sent
ours twice. A reply that was lost says nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec

from triage.connectors.opencode.api import Call
from triage.connectors.opencode.asking import answers
from triage.model.decision import Decision, DeliveryState, Outcome, Receipt
from triage.model.item import Gone, Item, Verb

__all__ = ["NOT_THERE", "TAKEN", "End", "Settling", "became", "gone"]

TAKEN, NOT_THERE = "taken", "not there"
"""What a receipt says of the reply: ``true``, or that there is no such request."""
_REJECTED = "The user rejected permission to use this specific tool call"
_WITH_WORDS = f"{_REJECTED} with the following feedback: "
_DISMISSED = "The user dismissed this question"
_ABORTED = "Tool execution aborted"
_EFFECT_LENGTH = 400


class End(StrEnum):
    """Where a tool call ended, or that it did not yet."""

    ABSENT = "absent"
    """Nothing tells: no call is named, or its session is gone."""
    ALIVE = "alive"
    RAN = "ran"
    """It completed, or failed in running."""
    REJECTED = "rejected"
    DISMISSED = "dismissed"
    ABORTED = "aborted"


def became(call: Call | None) -> End:
    """Where a tool call stands."""
    if call is None:
        return End.ABSENT
    if call.status != "error":
        return End.RAN if call.status == "completed" else End.ALIVE
    error = _text(call.error)
    if _REJECTED in error:
        return End.REJECTED
    if _DISMISSED in error:
        return End.DISMISSED
    interrupted = isinstance(call.metadata, dict) and call.metadata.get("interrupted") is True
    return End.ABORTED if interrupted or _ABORTED in error else End.RAN


def gone(call: Call | None) -> Gone:
    """What became of a request that can no longer be answered, by the call it stood for."""
    match became(call):
        case End.RAN:
            return Gone("answered", "granted or answered: the tool call ran")
        case End.REJECTED:
            words = _words(call)
            return Gone(
                "answered", f"rejected: {words}" if words else "rejected, alone or with others of its session"
            )
        case End.DISMISSED:
            return Gone("answered", "dismissed")
        case End.ABORTED:
            return Gone("deleted", "the agent's run was aborted; nothing waits for the answer")
        case End.ALIVE:
            return Gone("not known", "it was answered, or the server was started anew; the tool call is open")
        case _:
            return Gone("not known", "no session or tool call tells what became of it")


class Settling:
    """One decision and what was seen after it.

    Args:
        call: where the tool call stands.
        waits: whether the request is still listed.
        busy: whether its session is at work.
        again: whether the same call waits for another permission.
        running_long: whether it was seen running for a while.
    """

    def __init__(
        self,
        item: Item,
        decision: Decision,
        receipt: Receipt | None,
        *,
        call: Call | None,
        waits: bool,
        busy: bool,
        again: bool = False,
        running_long: bool = False,
    ) -> None:
        self.item = item
        self.decision = decision
        self.receipt = receipt
        self.call = call
        self.end = became(call)
        self.waits = waits
        self.busy = busy
        self.again = again
        self.running_long = running_long
        self.reply = str(receipt.detail.get("reply", "")) if receipt else ""

    def outcome(self) -> Outcome:
        """What is certain, and UNKNOWN where nothing is."""
        if self.waits:
            return self._still_listed()
        match self.decision.verb:
            case Verb.APPROVE:
                return self._approved()
            case Verb.REJECT:
                return self._rejected()
            case Verb.RESPOND:
                return self._responded()
            case _:
                return self._dismissed()

    def _still_listed(self) -> Outcome:
        if self.reply == NOT_THERE:
            return _refused("the server says that there is no such request, and still lists it; answer again")
        if self.reply == TAKEN:
            return _unknown("the server took the answer but still lists the request; look there")
        return _unknown("the request still waits; our answer may be on its way")

    def _approved(self) -> Outcome:
        taken = self.reply == TAKEN
        match self.end:
            case End.RAN if taken:
                return _confirmed("the tool call ran", self._effect())
            case End.RAN:
                return _unknown("the tool call ran, but nothing tells by whose answer", self._effect())
            case End.ALIVE if taken:
                return self._granted_and_alive()
            case End.REJECTED | End.DISMISSED if taken:
                return _confirmed(
                    "the grant was taken; the same tool call was then rejected by another answer",
                    self._effect(),
                )
            case End.REJECTED | End.DISMISSED:
                return _refused(f"rejected elsewhere first{_said(self.call)}")
            case End.ABORTED:
                return self._aborted(taken)
            case End.ABSENT if taken and self.busy:
                return _confirmed("the grant was taken and the session is at work")
            case _:
                return self._nothing_tells()

    def _granted_and_alive(self) -> Outcome:
        if self.again:
            return _confirmed("the grant was taken", "the same tool call now waits for another permission")
        if self.running_long and self.busy:
            return _confirmed("the tool call is running")
        return self._not_ended("granted; the tool call has not ended yet")

    def _not_ended(self, words: str) -> Outcome:
        """The server took the answer and its call goes on; when nothing is at work it never will end."""
        if self.busy:
            return Outcome(DeliveryState.SENT, words)
        return _unknown(
            f"{words}, and its session is not at work: the server was started anew, or stopped it"
        )

    def _aborted(self, taken: bool) -> Outcome:
        """The server grants what was aborted as well, without effect; a call that ran may be aborted too."""
        ended_ms = self.call.ended_ms if self.call else None
        replied_ms = self.receipt.detail.get("replied_ms") if self.receipt else None
        if taken and ended_ms and isinstance(replied_ms, int) and ended_ms < replied_ms:
            return _refused("the agent's run had been aborted before: nothing ran")
        return _unknown(
            "the agent's run was aborted: the tool call did not run, or was stopped while running"
        )

    def _rejected(self) -> Outcome:
        reason = self.decision.verdicts[0].reason or ""
        taken = self.reply == TAKEN
        match self.end:
            case End.REJECTED if taken:
                return _confirmed("the tool call was rejected", self._effect())
            case End.REJECTED if reason not in _words(self.call) if reason else _words(self.call):
                return _refused(f"rejected elsewhere first, not with these words{_said(self.call)}")
            case End.REJECTED if reason and not self.reply:
                return _confirmed("the tool call was rejected with these words", self._effect())
            case End.REJECTED:
                return _unknown("the tool call was rejected, but nothing tells by whose answer")
            case End.RAN if not taken:
                return _refused("granted elsewhere first: the tool call ran")
            case End.ABORTED:
                return _refused("the agent's run had been aborted: nothing ran, and nobody heard the reason")
            case End.ALIVE if taken:
                return self._not_ended("rejected; the tool call does not show it yet")
            case _:
                return self._nothing_tells()

    def _responded(self) -> Outcome:
        ours = answers(self.item, self.decision.verdicts[0])
        shown = (
            self.call.metadata.get("answers") if self.call and isinstance(self.call.metadata, dict) else None
        )
        taken = self.reply == TAKEN
        match self.end:
            case End.RAN if taken and shown in (None, ours):
                return _confirmed("the agent has the answer", self._effect())
            case End.RAN if shown == ours and not self.reply:
                return _confirmed("the agent has this answer", self._effect())
            case End.RAN if shown not in (None, ours) and not taken:
                return _refused(f"answered elsewhere first: {_brief(shown)}")
            case End.DISMISSED if not taken:
                return _refused("dismissed elsewhere first")
            case End.ABORTED:
                return _refused("the agent's run had been aborted: nobody heard the answer")
            case End.ALIVE if taken:
                return self._not_ended("answered; the tool call does not show it yet")
            case _:
                return self._nothing_tells()

    def _dismissed(self) -> Outcome:
        taken = self.reply == TAKEN
        match self.end:
            case End.DISMISSED if taken:
                return _confirmed("the question was dismissed")
            case End.DISMISSED:
                return _unknown("the question was dismissed, but nothing tells by whom")
            case End.RAN if not taken:
                return _refused("answered elsewhere first")
            case End.ABORTED:
                return _refused("the agent's run had been aborted: the question was dead already")
            case End.ALIVE if taken:
                return self._not_ended("dismissed; the tool call does not show it yet")
            case _:
                return self._nothing_tells()

    def _nothing_tells(self) -> Outcome:
        said = {
            TAKEN: "the server took the answer",
            NOT_THERE: "the server says that the request was answered already",
        }.get(self.reply, "the request is gone and the reply was lost")
        where = {
            End.ABSENT: "no session or tool call tells what came of it",
            End.ALIVE: "its tool call has not ended",
        }.get(self.end, f"its tool call {self.end}")
        return _unknown(f"{said}, and {where}; see the session, then close this by hand")

    def _effect(self) -> str:
        """What the tool call brought, in its own words."""
        if self.call is None:
            return ""
        text = _text(self.call.error) if self.call.status == "error" else _text(self.call.output)
        return _short(text)


def _words(call: Call | None) -> str:
    """The words a call was rejected with; empty without any."""
    error = _text(call.error) if call else ""
    return error.partition(_WITH_WORDS)[2]


def _said(call: Call | None) -> str:
    words = _words(call)
    return f": {_short(words)}" if words else ""


def _confirmed(detail: str, effect: str = "") -> Outcome:
    return Outcome(DeliveryState.CONFIRMED, detail, effect)


def _refused(detail: str) -> Outcome:
    return Outcome(DeliveryState.REFUSED, detail)


def _unknown(detail: str, effect: str = "") -> Outcome:
    return Outcome(DeliveryState.UNKNOWN, detail, effect)


def _text(value: Any) -> str:
    if isinstance(value, Mapping) and isinstance(value.get("message"), str):
        return str(value["message"])
    return value if isinstance(value, str) else "" if value is None else _brief(value)


def _brief(value: Any) -> str:
    return _short(msgspec.json.encode(value).decode())


def _short(text: str) -> str:
    return text if len(text) <= _EFFECT_LENGTH else text[: _EFFECT_LENGTH - 1] + "…"
