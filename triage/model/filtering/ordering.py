"""The orders a list of items can stand in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from triage.model.filtering.subject import Subject

__all__ = ["ORDERS", "Order"]

_NEVER = float("inf")


class Order(msgspec.Struct, frozen=True):
    """One order by name; ``key`` is for ``sorted``. Equal ones stand oldest first, then by id."""

    name: str
    label: str
    key: Callable[[Subject], tuple[Any, ...]]


def _age(subject: Subject) -> tuple[Any, ...]:
    return (subject.since.timestamp(), subject.item.id)


def _newest(subject: Subject) -> tuple[Any, ...]:
    return (-subject.since.timestamp(), subject.item.id)


def _deadline(subject: Subject) -> tuple[Any, ...]:
    end = subject.item.expires_at
    return (end.timestamp() if end else _NEVER, *_age(subject))


def _risk(subject: Subject) -> tuple[Any, ...]:
    return (-subject.risk_rank, *_age(subject))


def _agent(subject: Subject) -> tuple[Any, ...]:
    return (subject.item.agent.casefold(), *_age(subject))


def _endpoint(subject: Subject) -> tuple[Any, ...]:
    return (subject.item.endpoint.casefold(), *_age(subject))


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
