"""The protocol of a connector: the code that speaks one kind of endpoint.

A connector keeps no decisions and no queue. It lists what waits, reads one item again, sends one
decision once, and says from a second source what came of it. To add a kind, write one file in this
package that defines one subclass of ``Connector``; nothing else changes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import msgspec

from triage.connectors.http import EndpointError, Wire
from triage.model.decision import Decision, Outcome, Receipt
from triage.model.endpoint import EndpointConfig
from triage.model.item import Context, Gone, Item

__all__ = ["Connector", "Match", "Poll", "Refusal"]


class Refusal(EndpointError):
    """The endpoint said no to a send, clearly and without effect: the item may be decided again."""


class Poll(msgspec.Struct, frozen=True):
    """All that waits at an endpoint now."""

    items: tuple[Item, ...]
    problems: tuple[str, ...] = ()
    """What could not be read, a sentence each; the endpoint then counts as degraded, not as failing."""


class Match(msgspec.Struct, frozen=True):
    """What a URL was recognised as."""

    kind: str
    version: str
    detail: str = ""
    """What was found there, in words."""
    url: str = ""
    """The base URL to configure where it differs from the one asked."""
    warning: str = ""
    """Such as a version outside what was tested."""


class Connector(ABC):
    """One endpoint of one kind. Made from its settings and a ``Wire`` to it; holds no other state
    than caches."""

    kind: ClassVar[str]
    """As in ``kind = "…"`` in the configuration; the same as the file's name."""
    Config: ClassVar[type[EndpointConfig]] = EndpointConfig
    """Its settings: ``EndpointConfig`` or a strict subclass."""
    tested: ClassVar[str]
    """Versions it was tested against, for people."""
    verbs: ClassVar[dict[str, str]]
    """Verb → how it is carried to the endpoint, a few words each; for the documentation's table."""
    proof: ClassVar[str]
    """What proves that a decision took effect, in a sentence; for the documentation's table."""

    def __init__(self, config: EndpointConfig, wire: Wire) -> None:
        self.config: Any = config
        self.wire = wire

    @classmethod
    @abstractmethod
    async def recognise(cls, wire: Wire) -> Match | None:
        """What is at ``wire.url``, by a handful of GETs; None when it is not of this kind."""

    async def about(self) -> Match:
        """What the server says of itself now: its version, and what is to be said of that."""
        return await self.recognise(self.wire) or Match(self.kind, "")

    @abstractmethod
    async def poll(self) -> Poll:
        """All that waits now, over all pages. Raises EndpointError rather than leave anything out."""

    async def context(self, item: Item) -> Context:
        """What led to ``item``. Asked for when it is opened."""
        return Context()

    def lane(self, item: Item) -> str:
        """What must not be answered at two places at once, such as the thread's id."""
        return item.key

    def check(self, item: Item, decision: Decision) -> list[str]:
        """Why the endpoint would refuse this, found without asking it: a sentence each.

        Verbs, the number of verdicts and JSON Schemas are checked before this is asked.
        """
        return []

    @abstractmethod
    async def reread(self, item: Item) -> Item | Gone:
        """The same question as it stands now, or what became of it. Raises EndpointError when unsure."""

    @abstractmethod
    async def send(self, item: Item, decision: Decision) -> Receipt:
        """Carry the decision to the endpoint, once.

        Raises ``Refusal`` when the endpoint certainly did not act, ``Unreachable`` when nothing was sent.
        Any other EndpointError means that nobody knows: the desk then asks ``settle``.
        Is called right after ``reread`` gave an item of the decision's revision; ``item`` is that one.
        """

    @abstractmethod
    async def settle(self, item: Item, decision: Decision, receipt: Receipt | None) -> Outcome:
        """What came of a decision, from a second source; ``receipt`` is None when the reply was lost.

        Never sends anything that could act. ``SENT`` means: it arrived and is still at work, ask again.
        ``REFUSED`` only when it certainly had no effect; ``UNKNOWN`` whenever in doubt.
        """

    async def repair(self, item: Item) -> str | None:
        """Mend what blocks ``item`` (see ``Item.repair``) and say what was done; None: nothing to mend."""
        return None
