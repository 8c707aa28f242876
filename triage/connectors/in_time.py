"""Whether what carries a decision may still go out: asked right before the first byte of each request that may act.

A process can be stopped, and a machine can fall asleep, at any step of a send: while a name is looked up, a
connection is made, a token is renewed. Whoever delivers says with ``only`` what a send must keep to.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol

from triage.connectors.replies import Interrupted, Unreachable

__all__ = ["Terms", "TooLate", "asked_before", "only"]

_READING = frozenset({"GET", "HEAD"})
_FIRST_BYTE = "send_request_headers.started"
"""What httpcore calls the moment before it writes."""
_TO_A_PROXY = b"CONNECT"


class TooLate(Unreachable):
    """It may not go out any more: nothing was sent."""


class Terms(Protocol):
    """What a send must keep to."""

    def why_not(self) -> str | None:
        """Why nothing may go out now; None: it may."""

    def went(self) -> None:
        """A request goes out now."""


class _Asked:
    """Asks before each request of one send."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._went = False

    async def __call__(self, event: str, info: dict[str, Any]) -> None:
        """Called by httpcore with each step of a request."""
        if event.endswith(_FIRST_BYTE) and info["request"].method != _TO_A_PROXY:
            self._ask()

    def _ask(self) -> None:
        why = self._terms.why_not()
        if why is not None:
            raise Interrupted(f"only a part was sent; the rest was {why}") if self._went else TooLate(why)
        self._went = True
        self._terms.went()


_ASKED: ContextVar[_Asked | None] = ContextVar("asked", default=None)


@contextmanager
def only(terms: Terms) -> Iterator[None]:
    """Within it, what may act goes out only where ``terms``, asked at the last moment, say nothing against it.

    The first request that may not raises ``TooLate``; one after others went out ``Interrupted``.
    """
    token = _ASKED.set(_Asked(terms))
    try:
        yield
    finally:
        _ASKED.reset(token)


def asked_before(method: str) -> dict[str, Any] | None:
    """The request's httpx extensions; None where nothing has to be asked before it."""
    asked = _ASKED.get()
    return None if asked is None or method in _READING else {"trace": asked}
