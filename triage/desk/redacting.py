"""An endpoint some of whose arguments nobody here may read: hidden as they come, whole as they are sent.

What is polled is hidden before it reaches the queue; screen, log, payloads, JSON and pipes never have it. Right
before a decision is sent the item is read anew, and what the operator left hidden is put back in memory.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import NamedTuple

import msgspec

from triage.connectors.base import Connector, Match, Poll, Refusal
from triage.connectors.http import EndpointError, Wire
from triage.model.decision import Decision, DeliveryState, Outcome, Receipt
from triage.model.item import Context, Gone, Item, Message
from triage.model.redaction import Hidden, Redactor, UnknownMark, holds_marks
from triage.store.files import make_directory

__all__ = ["KEY_FILE", "RedactingConnector", "redaction_key"]

KEY_FILE = "redaction.key"
_KEY_BYTES = 32
_REMEMBERED = 20_000


def redaction_key(data: Path) -> bytes:
    """The data directory's key for marks, made (0600) where there is none. Raises OSError."""
    path = data / KEY_FILE
    with contextlib.suppress(FileNotFoundError):
        return path.read_bytes()
    make_directory(data)
    unfinished = path.with_name(f".{KEY_FILE}.{os.getpid()}")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(os.urandom(_KEY_BYTES))
        file.flush()
        os.fsync(file.fileno())
    with contextlib.suppress(FileExistsError):  # another process was first
        os.link(unfinished, path)
    unfinished.unlink()
    return path.read_bytes()


class _Known(NamedTuple):
    """An item as its endpoint has it, and as it is shown."""

    real: Item
    shown: Item
    hidden: Hidden


class RedactingConnector(Connector):
    """Passes everything on to ``inner``, hiding what ``redactor`` hides."""

    kind = "redacting"

    def __init__(self, inner: Connector, redactor: Redactor) -> None:
        super().__init__(inner.config, inner.wire)
        self.inner = inner
        self._redactor = redactor
        self._known: dict[str, _Known] = {}
        self._last = Poll(()), Poll(())
        """The last poll as it came, and as it may be shown."""

    @classmethod
    async def recognise(cls, wire: Wire) -> None:
        """Nothing: it is no kind of its own."""

    async def about(self) -> Match:
        """What the server says of itself now."""
        return await self.inner.about()

    async def poll(self) -> Poll:
        """All that waits now, as it may be shown."""
        found = await self.inner.poll()
        if found is not self._last[0]:
            self._last = found, Poll(tuple(map(self._take, found.items)), found.problems)
        return self._last[1]

    async def context(self, item: Item) -> Context:
        """What led to ``item``, without what is hidden in it."""
        known = await self._learn(item)
        if known is None:
            return await self.inner.context(item)
        found = await self.inner.context(known.real)
        messages = (
            Message(known.hidden.text(one.role), known.hidden.text(one.text), one.at)
            for one in found.messages
        )
        return Context(tuple(messages), known.hidden.tree(found.state))

    def lane(self, item: Item) -> str:
        """What must not be answered at two places at once."""
        return self.inner.lane(item)

    def check(self, item: Item, decision: Decision) -> list[str]:
        """Why the endpoint would refuse this."""
        known = self._known.get(item.id)
        if known is None or known.shown.revision != item.revision:
            return self.inner.check(item, decision)
        try:
            return [
                known.hidden.text(why)
                for why in self.inner.check(known.real, known.hidden.decision(decision))
            ]
        except UnknownMark as error:
            return [str(error)]

    async def reread(self, item: Item) -> Item | Gone:
        """The same question as it stands now, as it may be shown."""
        known = self._known.get(item.id)
        try:
            found = await self.inner.reread(known.real if known else item)
        except EndpointError as error:
            raise _quiet(known, error)  # noqa: B904 - the same error
        if isinstance(found, Gone):
            return Gone(found.reason, known.hidden.text(found.detail)) if known else found
        return self._take(found)

    async def send(self, item: Item, decision: Decision) -> Receipt:
        """Carry the decision to the endpoint, with what was hidden in it."""
        known = await self._learn(item)
        if known is None or known.shown.revision != item.revision:
            raise Refusal("what is asked changed right before it was sent; nothing was sent")
        try:
            whole = known.hidden.decision(decision)
        except UnknownMark as error:
            raise Refusal(f"{error}; nothing was sent") from error
        try:
            receipt = await self.inner.send(known.real, whole)
        except EndpointError as error:
            raise _quiet(known, error)  # noqa: B904 - the same error
        return Receipt(receipt.reference, known.hidden.tree(receipt.detail))

    async def settle(self, item: Item, decision: Decision, receipt: Receipt | None) -> Outcome:
        """What came of a decision."""
        known = self._known.get(item.id)
        if known is None or known.shown.revision != decision.revision:
            found = await self.inner.settle(item, decision, receipt)
            return _in_doubt(found) if holds_marks(item) and found.state is DeliveryState.REFUSED else found
        try:
            found = await self.inner.settle(known.real, known.hidden.decision(decision), receipt)
        except EndpointError as error:
            raise _quiet(known, error)  # noqa: B904 - the same error
        text = known.hidden.text
        return msgspec.structs.replace(found, detail=text(found.detail), effect=text(found.effect))

    async def repair(self, item: Item) -> str | None:
        """Mend what blocks ``item``."""
        known = self._known.get(item.id)
        done = await self.inner.repair(known.real if known else item)
        return known.hidden.text(done) if known and done else done

    def _take(self, real: Item) -> Item:
        """An item as it may be shown; what is hidden in it is remembered."""
        shown, hidden = self._redactor.redacted(real)
        self._known.pop(real.id, None)
        self._known[real.id] = _Known(real, shown, hidden)
        if len(self._known) > _REMEMBERED:
            del self._known[next(iter(self._known))]
        return shown

    async def _learn(self, item: Item) -> _Known | None:
        """What is known of the item, read anew where nothing is."""
        if item.id not in self._known:
            await self.reread(item)
        return self._known.get(item.id)


def _in_doubt(found: Outcome) -> Outcome:
    """After a crash nobody knows what was hidden, so that our answer may pass for another's."""
    words = (
        "what was redacted is not known any more since triage was started anew, so that this cannot be told"
    )
    return msgspec.structs.replace(found, state=DeliveryState.UNKNOWN, detail=f"{words}: {found.detail}")


def _quiet(known: _Known | None, error: EndpointError) -> EndpointError:
    if known is not None:
        error.args = (known.hidden.text(str(error)),)
    return error
