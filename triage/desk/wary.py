"""A connector that is not trusted to fail well: whatever it raises on what a server sent becomes an error in words.

One server's odd answer must end neither the polling of its own endpoint nor anything of another's.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

from triage.connectors.base import Connector, Match, Poll
from triage.connectors.http import EndpointError, Garbled, Wire
from triage.fault import fault_words
from triage.model.decision import Decision, Outcome, Receipt
from triage.model.item import Context, Gone, Item

__all__ = ["WaryConnector"]

T = TypeVar("T")


class WaryConnector(Connector):
    """Passes everything on to ``inner``. What carries a decision and proves it is judged by the deliverer."""

    kind = "wary"

    def __init__(self, inner: Connector) -> None:
        super().__init__(inner.config, inner.wire)
        self.inner = inner

    @classmethod
    async def recognise(cls, wire: Wire) -> None:
        """Nothing: it is no kind of its own."""

    async def about(self) -> Match:
        """What the server says of itself."""
        return await _told(self.inner.about(), "asking its version")

    async def poll(self) -> Poll:
        """All that waits now."""
        return await _told(self.inner.poll(), "reading what waits")

    async def context(self, item: Item) -> Context:
        """What led to ``item``."""
        return await _told(self.inner.context(item), "reading what led to it")

    async def reread(self, item: Item) -> Item | Gone:
        """The same question as it stands now."""
        return await _told(self.inner.reread(item), "reading the item again")

    async def repair(self, item: Item) -> str | None:
        """Mend what blocks ``item``."""
        return await _told(self.inner.repair(item), "repairing it")

    async def send(self, item: Item, decision: Decision) -> Receipt:
        """Carry the decision to the endpoint, once."""
        return await self.inner.send(item, decision)

    async def settle(self, item: Item, decision: Decision, receipt: Receipt | None) -> Outcome:
        """What came of a decision."""
        return await self.inner.settle(item, decision, receipt)

    def lane(self, item: Item) -> str:
        """What must not be answered at two places at once; the item alone where that cannot be told."""
        try:
            return self.inner.lane(item)
        except Exception:  # noqa: BLE001 - the deliveries of all other items go on
            return item.key

    def check(self, item: Item, decision: Decision) -> list[str]:
        """Why the endpoint would refuse this; a fault of ours refuses it too."""
        try:
            return self.inner.check(item, decision)
        except Exception as error:  # noqa: BLE001 - nothing is decided that could not be checked
            return [fault_words(error)]


async def _told(call: Awaitable[T], doing: str) -> T:
    try:
        return await call
    except EndpointError:
        raise
    except Exception as error:
        raise Garbled(f"while {doing}: {fault_words(error)}") from error
