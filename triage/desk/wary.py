"""A connector that is not trusted to fail well, nor to keep quiet about what it was sent.

Whatever is raised on a server's odd answer becomes an error in words, so that it ends neither the polling of
its own endpoint nor anything of another's; and no word of a server's repeats our credentials.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

import msgspec

from triage.connectors.base import Connector, Match, Poll
from triage.connectors.http import EndpointError, Garbled, Wire
from triage.fault import fault_words
from triage.model.decision import Decision, Outcome, Receipt
from triage.model.item import Context, Gone, Item

__all__ = ["WaryConnector"]

T = TypeVar("T")


class WaryConnector(Connector):
    """Passes everything on to ``inner``. Faults while sending and settling are the deliverer's to judge."""

    kind = "wary"

    def __init__(self, inner: Connector) -> None:
        super().__init__(inner.config, inner.wire)
        self.inner = inner

    @classmethod
    async def recognise(cls, wire: Wire) -> None:
        """Nothing: it is no kind of its own."""

    async def about(self) -> Match:
        """What the server says of itself now."""
        return await self._told(self.inner.about(), "asking what it is")

    async def poll(self) -> Poll:
        """All that waits now."""
        found = await self._told(self.inner.poll(), "reading what waits")
        return Poll(found.items, tuple(map(self._quiet, found.problems))) if found.problems else found

    async def context(self, item: Item) -> Context:
        """What led to ``item``."""
        return await self._told(self.inner.context(item), "reading what led to it")

    async def reread(self, item: Item) -> Item | Gone:
        """The same question as it stands now."""
        found = await self._told(self.inner.reread(item), "reading the item again")
        return Gone(found.reason, self._quiet(found.detail)) if isinstance(found, Gone) else found

    async def repair(self, item: Item) -> str | None:
        """Mend what blocks ``item``."""
        return await self._told(self.inner.repair(item), "repairing it")

    async def send(self, item: Item, decision: Decision) -> Receipt:
        """Carry the decision to the endpoint, once."""
        try:
            return await self.inner.send(item, decision)
        except EndpointError as error:
            raise self._silenced(error)  # noqa: B904 - the same error

    async def settle(self, item: Item, decision: Decision, receipt: Receipt | None) -> Outcome:
        """What came of a decision."""
        try:
            found = await self.inner.settle(item, decision, receipt)
        except EndpointError as error:
            raise self._silenced(error)  # noqa: B904 - the same error
        return msgspec.structs.replace(
            found, detail=self._quiet(found.detail), effect=self._quiet(found.effect)
        )

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

    async def _told(self, call: Awaitable[T], doing: str) -> T:
        try:
            return await call
        except EndpointError as error:
            raise self._silenced(error)  # noqa: B904 - the same error
        except Exception as error:
            raise Garbled(self._quiet(f"while {doing}: {fault_words(error)}")) from error

    def _silenced(self, error: EndpointError) -> EndpointError:
        error.args = (self._quiet(str(error)),)
        return error

    def _quiet(self, text: str) -> str:
        return self.wire.without_secrets(text)
