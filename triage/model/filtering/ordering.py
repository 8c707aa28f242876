"""The orders a list of items can stand in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol

import msgspec

__all__ = ["ORDERS", "Order", "Ordered"]

_NEVER = float("inf")


class Ordered(Protocol):
    """What an order looks at."""

    @property
    def id(self) -> str:
        """The item's id."""

    @property
    def endpoint(self) -> str:
        """Where it waits."""

    @property
    def agent(self) -> str:
        """Who asks."""

    @property
    def since(self) -> datetime:
        """When it began to wait."""

    @property
    def expires_at(self) -> datetime | None:
        """Its deadline."""

    @property
    def risk_rank(self) -> int:
        """See ``Subject.risk_rank``."""


class Order(msgspec.Struct, frozen=True):
    """One order by name; ``key`` is for ``sorted``. Equal ones stand oldest first, then by id, its last part."""

    name: str
    label: str
    key: Callable[[Ordered], tuple[Any, ...]]


def _age(one: Ordered) -> tuple[Any, ...]:
    return (one.since.timestamp(), one.id)


def _newest(one: Ordered) -> tuple[Any, ...]:
    return (-one.since.timestamp(), one.id)


def _deadline(one: Ordered) -> tuple[Any, ...]:
    end = one.expires_at
    return (end.timestamp() if end else _NEVER, *_age(one))


def _risk(one: Ordered) -> tuple[Any, ...]:
    return (-one.risk_rank, *_age(one))


def _agent(one: Ordered) -> tuple[Any, ...]:
    return (one.agent.casefold(), *_age(one))


def _endpoint(one: Ordered) -> tuple[Any, ...]:
    return (one.endpoint.casefold(), *_age(one))


ORDERS: dict[str, Order] = {
    order.name: order
    for order in (
        Order("age", "oldest first", _age),
        Order("newest", "newest first", _newest),
        Order("deadline", "soonest deadline first", _deadline),
        Order("risk", "highest risk first", _risk),
        Order("agent", "by agent", _agent),
        Order("endpoint", "by endpoint", _endpoint),
    )
}
"""Every order, by name."""
