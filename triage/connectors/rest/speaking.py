"""Speaking the contract: what an agent that serves it is asked and told."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import msgspec

from triage.connectors.base import Poll, Refusal
from triage.connectors.http import Declined, EndpointError, Garbled, Missing, Reply, Wire, segment
from triage.connectors.rest import contract
from triage.connectors.rest.collecting import collect
from triage.connectors.rest.contract import DecisionDocument, Malformed, Page, Standing, State
from triage.model.decision import Decision, DeliveryState, Outcome, Receipt
from triage.model.item import Context, Gone, Item

__all__ = ["Speaking", "is_refusal"]

SEND_TIMEOUT_S = 30.0
LANDING_S = 60.0
"""After this long a decision that is not at its agent did not arrive: by contract it is taken within
30 s of being sent or not at all."""
MAX_PAGES = 1000
KEPT_ITEMS = 5000
"""A longer list is read anew at each poll rather than kept in memory."""


class _Items(msgspec.Struct, frozen=True):
    items: list[Any]


class _Standing409(msgspec.Struct, frozen=True):
    decision: DecisionDocument


class Speaking:
    """One agent that serves the contract. Keeps its last list, and when a decision was first found missing."""

    def __init__(self, endpoint: str, wire: Wire, page_size: int) -> None:
        self.endpoint = endpoint
        self.wire = wire
        self.page_size = page_size
        self._missing_since: dict[str, float] = {}
        self._last: tuple[bytes, Poll] = b"", Poll(())
        """What a poll read, as one hash, and what that was."""

    async def poll(self) -> Poll:
        """All that waits, over all pages; the same object as before where the agent sent the same."""
        pages: list[Reply] = []
        seen: set[str] = set()
        cursor: str | None = None
        for _ in range(MAX_PAGES):
            params: dict[str, Any] = {"state": "pending", "limit": self.page_size}
            if cursor is not None:
                params["cursor"] = cursor
            reply = await self.wire.get("items", params=params, again=True)
            page: Page = reply.decode(Page)
            pages.append(reply)
            if page.next is None:
                return await self._collected(pages)
            if page.next in seen:
                raise Garbled(f"{self.endpoint} gives the same next page twice: {page.next[:80]!r}")
            seen.add(page.next)
            cursor = page.next
        raise Garbled(f"{self.endpoint} has more than {MAX_PAGES} pages of waiting items")

    async def _collected(self, pages: Sequence[Reply]) -> Poll:
        digest = sha256(b"".join(sha256(page.content).digest() for page in pages)).digest()
        if digest == self._last[0]:
            return self._last[1]
        found = await collect((page.decode(_Items).items for page in pages), self)
        if (
            not found.problems and len(found.items) <= KEPT_ITEMS
        ):  # whether a problem lasts may hang on the time
            self._last = digest, found
        return found

    def named(self, raw: Any, position: int) -> str:
        """How to speak of an item that cannot be read."""
        return contract.named(raw, position)

    def read(self, raw: Any, now: datetime) -> tuple[Item, list[str]] | None:
        """The item in one element of a page; None when it does not wait. Raises Malformed."""
        if isinstance(raw, dict) and raw.get("state") not in (None, State.PENDING):
            return None
        return contract.read_item(self.endpoint, raw, now)

    async def context(self, item: Item) -> Context:
        """The item's ``context``, read now."""
        body = (await self.wire.get(_path(item))).json
        return contract.read_context(body.get("context") if isinstance(body, dict) else None)

    def check(self, item: Item, decision: Decision) -> list[str]:
        """Nothing beyond what is checked for every endpoint: the agent says itself what it does not take."""
        return []

    async def reread(self, item: Item) -> Item | Gone:
        """The item as its agent has it now."""
        try:
            reply = await self.wire.get(_path(item))
        except Missing as error:
            return Gone("not known", str(error))
        standing: Standing = reply.decode(Standing)
        if standing.state is not State.PENDING:
            return contract.gone(standing)
        try:
            found, _ = contract.read_item(self.endpoint, reply.json, datetime.now(UTC))
        except Malformed as error:
            raise Garbled(f"{reply.where} answered with an item that cannot be read: {error}") from error
        if found.key != item.key:
            raise Garbled(f"{reply.where} answered with another item, {found.key[:80]!r}")
        return found

    async def send(self, item: Item, decision: Decision) -> Receipt:
        """One POST with the decision's id as its idempotency key."""
        body = {
            "decision_id": decision.id,
            "version": item.locator["version"],
            "verdicts": decision.verdicts,
            "operator": decision.operator,
        }
        reply = await self.wire.request(
            "POST",
            f"{_path(item)}/decision",
            json=body,
            headers={"idempotency-key": decision.id},
            timeout_s=SEND_TIMEOUT_S,
        )
        if reply.status == 409:
            standing = _decision_of(reply)
            if standing.decision_id != decision.id:
                raise Refusal(f"{item.key} was decided already by {standing.words}")
        elif reply.status >= 300:
            _raise_refused(item, reply)
        return Receipt(reference=decision.id, detail={"status": reply.status})

    async def settle(self, item: Item, decision: Decision, receipt: Receipt | None) -> Outcome:
        """What the item itself says of its decision."""
        try:
            standing: Standing = (await self.wire.get(_path(item))).decode(Standing)
        except Missing:
            return Outcome(
                DeliveryState.UNKNOWN,
                f"{self.endpoint} no longer knows {item.key}; see there what became of it, "
                "then close this by hand",
            )
        if standing.decision is None:
            return self._undecided(item, decision, receipt, standing)
        self._missing_since.pop(decision.id, None)
        if standing.decision.decision_id != decision.id:
            by = standing.decision.words
            return Outcome(DeliveryState.REFUSED, f"{item.key} was decided already by {by}")
        return _outcome(item, decision, standing, standing.decision)

    def _undecided(
        self, item: Item, decision: Decision, receipt: Receipt | None, standing: Standing
    ) -> Outcome:
        if receipt is not None:
            return Outcome(
                DeliveryState.UNKNOWN,
                f"{self.endpoint} took the decision on {item.key} but does not show it "
                f"(state {standing.state}); look there, then close this by hand",
            )
        if standing.state in (State.EXPIRED, State.WITHDRAWN):
            return Outcome(DeliveryState.REFUSED, f"{item.key} is {standing.state}; no decision was taken")
        since = self._missing_since.setdefault(decision.id, time.monotonic())
        if time.monotonic() - since < LANDING_S:
            return Outcome(
                DeliveryState.UNKNOWN,
                f"the decision on {item.key} has not arrived; if it is not there within "
                f"{LANDING_S:g} s it never will be",
            )
        return Outcome(DeliveryState.REFUSED, f"the decision on {item.key} never arrived; it still waits")


def is_refusal(status: int) -> bool:
    """Whether a status says that nothing was done: any 4xx but 408, which a proxy may say for an agent."""
    return 400 <= status < 500 and status != 408


def _outcome(item: Item, decision: Decision, standing: Standing, taken: DecisionDocument) -> Outcome:
    """What the state of an item says that was decided by us."""
    recorded = [verdict.get("verb") for verdict in taken.verdicts]
    ours = [verdict.verb.value for verdict in decision.verdicts]
    effect = standing.effect
    if recorded and recorded != ours:
        return Outcome(
            DeliveryState.UNKNOWN,
            f"the agent recorded {', '.join(map(str, recorded))} for {item.key} instead of "
            f"{', '.join(ours)}; look there",
            effect,
        )
    match standing.state:
        case State.DONE:
            return Outcome(
                DeliveryState.CONFIRMED, "the agent shows the decision and says it is done", effect
            )
        case State.DECIDED:
            return Outcome(DeliveryState.SENT, "the agent has the decision and is acting on it", effect)
        case State.FAILED:
            return Outcome(DeliveryState.REFUSED, f"the agent could not do it: {effect or 'no reason given'}")
        case _:
            return Outcome(
                DeliveryState.UNKNOWN,
                f"the agent took the decision but cannot say what came of it (state {standing.state}); "
                "look there, then close this by hand",
                effect,
            )


def _decision_of(reply: Reply) -> DecisionDocument:
    """The decision a 409 shows. One that shows none raises as it is: it may be ours that stands."""
    try:
        body: _Standing409 = reply.decode(_Standing409)
    except EndpointError:
        reply.raise_for_status()
        raise
    return body.decision


def _raise_refused(item: Item, reply: Reply) -> None:
    """Raise what fits an error status: Refusal where nothing was done, else the status' own error."""
    try:
        reply.raise_for_status()
    except Declined as error:
        if not is_refusal(reply.status):
            raise
        words = {
            410: f"{item.key} is no longer asked",
            412: f"{item.key} has changed since it was shown; look at it again",
        }.get(reply.status, f"the agent does not take this decision on {item.key}")
        raise Refusal(f"{words} ({error})") from error


def _path(item: Item) -> str:
    return f"items/{segment(item.key)}"
