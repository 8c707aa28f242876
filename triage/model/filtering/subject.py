"""What a filter looks at: an item, and what the queue and the log say of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec

from triage.model.decision import REOPENING_STATES, DeliveryState
from triage.model.item import Item, Risk

__all__ = ["Subject", "haystack", "rank_of"]

_CACHE = "_haystack"
_RISKS = {Risk.LOW: 1, Risk.MEDIUM: 2, Risk.HIGH: 3}


class Subject(msgspec.Struct, frozen=True):
    """One item as a filter and a sort order see it."""

    item: Item
    now: datetime
    operator: str = ""
    """Who asks: decides what ``is:mine`` means."""
    claimed_by: str = ""
    snoozed: bool = False
    escalated: bool = False
    new: bool = False
    """Came since the operator last looked."""
    changed: bool = False
    gone: bool = False
    state: DeliveryState | None = None
    """Of the decision that stands; None: nobody decided."""
    seen_at: datetime | None = None
    """When it was first polled: its age where the agent says no time."""
    risk: Risk | None = None
    """As a rule says; None: the agent's own hint."""

    @property
    def id(self) -> str:
        """The item's id."""
        return self.item.id

    @property
    def endpoint(self) -> str:
        """Where it waits."""
        return self.item.endpoint

    @property
    def agent(self) -> str:
        """Who asks."""
        return self.item.agent

    @property
    def expires_at(self) -> datetime | None:
        """Its deadline."""
        return self.item.expires_at

    @property
    def since(self) -> datetime:
        """When it began to wait."""
        return self.item.created_at or self.seen_at or self.now

    @property
    def decided(self) -> bool:
        """Whether a decision stands, so that it needs none."""
        return self.state is not None and self.state not in REOPENING_STATES

    @property
    def waiting(self) -> bool:
        """Whether it wants a decision now."""
        return not (self.gone or self.snoozed or self.decided)

    @property
    def risk_rank(self) -> int:
        """0 unknown, 1 low, 2 medium, 3 high."""
        return rank_of(self.risk or self.item.risk)


def rank_of(risk: Risk | None) -> int:
    """0 unknown, 1 low, 2 medium, 3 high."""
    return _RISKS[risk] if risk else 0


def haystack(item: Item) -> str:
    """All that plain words are looked for in: title, agent, actions and arguments, case folded.

    Worked out once an item and kept with it.
    """
    found: str | None = item.__dict__.get(_CACHE)
    if found is None:
        parts = [item.title, item.agent]
        for action in item.actions:
            parts.append(action.name)
            parts.extend(_texts(action.arguments))
        found = item.__dict__[_CACHE] = "\n".join(parts).casefold()
    return found


def _texts(value: Any) -> Iterator[str]:
    """Every key and value of a JSON value as text. Walks without recursion: agents nest as they like."""
    pending = [value]
    while pending:
        one = pending.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, dict):
            yield from one
            pending.extend(reversed(one.values()))
        elif isinstance(one, list | tuple):
            pending.extend(reversed(one))
        elif one is not None:
            yield str(one).lower() if isinstance(one, bool) else str(one)
