"""A decision: the verdicts of one operator on one item at one revision, and how its delivery goes."""

from __future__ import annotations

import os
import time
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from triage.model.item import Verb

__all__ = [
    "OPEN_STATES",
    "REOPENING_STATES",
    "TRANSITIONS",
    "Decision",
    "DeliveryState",
    "Outcome",
    "Receipt",
    "Verdict",
    "new_decision_id",
]


class Verdict(msgspec.Struct, frozen=True, omit_defaults=True):
    """One verb, with what it needs."""

    verb: Verb
    reason: str | None = None
    arguments: Any | UnsetType = UNSET
    """The edited arguments, whole; with ``edit`` only."""
    answer: Any | UnsetType = UNSET
    """The answer as JSON; with ``respond`` only."""
    scope: str | None = None
    """Name of one of the item's ``scopes``; None: just this once."""


class Decision(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one operator decided of one item as it was shown. Never changed once logged."""

    id: str
    item_id: str
    endpoint: str
    revision: str
    verdicts: tuple[Verdict, ...]
    """One verdict an action, in the actions' order; one alone where there are fewer than two."""
    operator: str
    at: datetime
    hold_s: float = 0.0

    @property
    def verb(self) -> Verb:
        """The first verdict's verb; ``approve``, ``reject`` … where all are alike."""
        return self.verdicts[0].verb

    @property
    def words(self) -> str:
        """The verbs in a word or two: ``approve``, or ``approve, reject`` for a batch that differs."""
        return ", ".join(dict.fromkeys(verdict.verb.value for verdict in self.verdicts))


class DeliveryState(StrEnum):
    """Where a decision is on its way to its endpoint."""

    HELD = "held"
    SENDING = "sending"
    SENT = "sent"
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    WITHDRAWN = "withdrawn"
    STALE = "stale"
    CLOSED = "closed"


_S = DeliveryState
TRANSITIONS = MappingProxyType(
    {
        _S.HELD: frozenset({_S.SENDING, _S.WITHDRAWN, _S.STALE}),
        _S.SENDING: frozenset({_S.SENT, _S.CONFIRMED, _S.REFUSED, _S.UNKNOWN, _S.STALE}),
        _S.SENT: frozenset({_S.CONFIRMED, _S.REFUSED, _S.UNKNOWN}),
        _S.UNKNOWN: frozenset({_S.SENT, _S.CONFIRMED, _S.REFUSED, _S.CLOSED}),
        _S.CONFIRMED: frozenset(),
        _S.REFUSED: frozenset(),
        _S.WITHDRAWN: frozenset(),
        _S.STALE: frozenset(),
        _S.CLOSED: frozenset(),
    }
)
"""State → the states that may follow it. UNKNOWN → SENT: a read shows it arrived and still runs."""

OPEN_STATES = frozenset({_S.HELD, _S.SENDING, _S.SENT, _S.UNKNOWN})
"""Deliveries that are not over."""

REOPENING_STATES = frozenset({_S.WITHDRAWN, _S.STALE, _S.REFUSED, _S.CLOSED})
"""Ends that leave a still-waiting item to be decided again. CLOSED: the operator looked, and said so in a note."""


class Receipt(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an endpoint answered to a send: an acknowledgement, not a proof. Goes into the log."""

    reference: str = ""
    """What settling needs to find our send again: a run id, a message id."""
    detail: dict[str, Any] = {}


class Outcome(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a second source says of a decision that was sent."""

    state: DeliveryState
    """CONFIRMED, REFUSED or UNKNOWN; SENT: it arrived and is still at work, look again."""
    detail: str = ""
    """In words, for the operator: what was seen, and what to do where something is to be done."""
    effect: str = ""
    """What the agent did after it, where the endpoint tells."""


def new_decision_id() -> str:
    """A new id that sorts by time: 12 hexadecimal digits of milliseconds, 16 random ones."""
    return f"{time.time_ns() // 1_000_000:012x}{os.urandom(8).hex()}"
