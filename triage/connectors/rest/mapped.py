"""Speaking to a mapped API: what its mapping says to ask and to send, and what the answers prove.

Such an API gives no promise of taking a decision once or whole, so that less is certain than by the
contract: what a lost reply leaves open stays unknown unless the API shows whose decision stands.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import UNSET

from triage.connectors.base import Poll, Refusal
from triage.connectors.http import Declined, EndpointError, Garbled, Missing, Reply, Wire
from triage.connectors.rest import contract
from triage.connectors.rest.collecting import collect
from triage.connectors.rest.contract import Malformed, brief
from triage.connectors.rest.mapping import Asking, Mapping, Proof, Sending
from triage.connectors.rest.paging import ask, find, read_pages
from triage.connectors.rest.rows import Rows, is_among
from triage.connectors.rest.templates import Unfilled, Values, placeholders
from triage.model.decision import Decision, DeliveryState, Outcome, Receipt, Verdict
from triage.model.item import Context, Gone, Item

__all__ = ["SEND_TIMEOUT_S", "Mapped"]

SEND_TIMEOUT_S = 30.0


class Mapped:
    """One mapped API. Keeps nothing."""

    def __init__(self, endpoint: str, wire: Wire, mapping: Mapping, page_size: int) -> None:
        self.endpoint = endpoint
        self.wire = wire
        self.mapping = mapping
        self.page_size = page_size
        self._rows = Rows(endpoint, mapping)

    async def poll(self) -> Poll:
        """All that waits, over all pages."""
        listing = self.mapping.listing
        return await collect(await read_pages(self.wire, listing, self.page_size, again=True), self._rows)

    async def context(self, item: Item) -> Context:
        """What ``map.context`` finds; nothing where it is not mapped."""
        asking = self.mapping.context
        if asking is None:
            return Context()
        reply = (await ask(self.wire, asking, _of_item(item))).raise_for_status()
        return contract.read_context(find(asking.value, reply, "context.value"))

    def check(self, item: Item, decision: Decision) -> list[str]:
        """Several verdicts go out in one request, so they must be of one verb, and all fit into it."""
        sending = self.mapping.verbs.get(decision.verb.value)
        if sending is None:
            return [f"{self.endpoint} has no request mapped for {decision.verb}"]
        if len({verdict.verb for verdict in decision.verdicts}) > 1:
            return [f"{self.endpoint} takes one verb for all actions of an item"]
        if len(set(map(msgspec.json.encode, decision.verdicts))) > 1 and not _sends_all(sending):
            return [f"{self.endpoint} takes the same verdict for all actions of an item"]
        return []

    async def reread(self, item: Item) -> Item | Gone:
        """The item as it is now, by its own request or else out of the whole list."""
        if self.mapping.read is None:
            pages = await read_pages(self.wire, self.mapping.listing, self.page_size)
            listed = await collect(pages, self._rows)
            return next(
                (found for found in listed.items if found.key == item.key),
                Gone("not known", "it is no longer listed"),
            )
        try:
            reply = (await ask(self.wire, self.mapping.read, _of_item(item))).raise_for_status()
        except Missing as error:
            return Gone("not known", str(error))
        return self._read_again(item, reply, find(self.mapping.read.item, reply, "read.item"))

    def _read_again(self, item: Item, reply: Reply, raw: Any) -> Item | Gone:
        try:
            if not self._rows.waits(raw):
                return Gone("answered", f"it is {brief(self._rows.state(raw))}")
            found, _ = self._rows.item(raw, datetime.now(UTC))
        except Malformed as error:
            raise Garbled(f"{reply.where} answered with an item that cannot be read: {error}") from error
        if found.key != item.key:
            raise Garbled(f"{reply.where} answered with another item, {found.key[:80]!r}")
        return found

    async def send(self, item: Item, decision: Decision) -> Receipt:
        """The verb's request, once."""
        sending = self.mapping.verbs[decision.verb.value]
        reply = await self._send(sending, item, decision)
        if reply.status >= 300:
            await self._declined(sending, item, decision, reply)
        reference = self._reference(sending, reply)
        return Receipt(reference=reference, detail={"status": reply.status})

    async def _send(self, sending: Sending, item: Item, decision: Decision) -> Reply:
        headers = {sending.idempotency_header: decision.id} if sending.idempotency_header else {}
        values = {**_of_item(item), **_of_decision(item, decision)}
        try:
            return await ask(self.wire, sending, values, headers=headers, timeout_s=SEND_TIMEOUT_S)
        except Unfilled as error:
            raise Refusal(f"nothing was sent about {item.key}: {error}") from error

    async def _declined(self, sending: Sending, item: Item, decision: Decision, reply: Reply) -> None:
        """Raise what an error status means: Refusal where nothing was done for certain."""
        try:
            reply.raise_for_status()
        except Declined as error:
            if reply.status in sending.refused:
                raise Refusal(
                    f"{self.endpoint} does not take this decision on {item.key} ({error})"
                ) from error
            if reply.status < 500 and (other := await self._other_decision(item, decision)):
                raise Refusal(f"{item.key} was decided already: {other} ({error})") from error
            raise

    async def _other_decision(self, item: Item, decision: Decision) -> str:
        """Whose other decision stands on the item, in words; empty when it may be ours."""
        proof = self.mapping.proof
        try:
            reply = await self._prove(item, decision, None)
            if proof.decision is not None:
                stands = find(proof.decision, reply, "proof.decision")
                return f"by {brief(stands)[:80]}" if stands not in (None, "", decision.id) else ""
            state = find(proof.state, reply, "proof.state")
        except EndpointError:
            return ""  # unsure: settling looks again
        others = [value for verb, done in proof.done.items() if verb != decision.verb for value in done]
        ours = [*proof.done.get(decision.verb.value, ()), *proof.pending, *self.mapping.waiting]
        return f"it is {brief(state)}" if is_among(state, others) and not is_among(state, ours) else ""

    def _reference(self, sending: Sending, reply: Reply) -> str:
        """What the proof needs of the reply; empty when the reply does not hold it."""
        if sending.reference is None:
            return ""
        try:
            return brief(find(sending.reference, reply, "reference"))
        except Garbled:
            return ""  # it was taken all the same; settling says what is missing

    async def settle(self, item: Item, decision: Decision, receipt: Receipt | None) -> Outcome:
        """What the proof's request shows."""
        proof = self.mapping.proof
        try:
            reply = await self._prove(item, decision, receipt)
        except Unfilled as error:
            return Outcome(DeliveryState.UNKNOWN, f"it cannot be asked what came of {item.key}: {error}")
        if reply.status in (404, 410) and proof.missing is not None:
            return self._outcome(item, decision, receipt, proof.missing, None)
        if reply.status in (404, 410):
            return Outcome(DeliveryState.UNKNOWN, f"{self.endpoint} no longer knows {item.key}; {_SEE}")
        reply.raise_for_status()
        state = find(proof.state, reply, "proof.state")
        stands = find(proof.decision, reply, "proof.decision") if proof.decision else None
        outcome = self._outcome(item, decision, receipt, state, stands)
        effect = brief(find(proof.effect, reply, "proof.effect")) if proof.effect else ""
        return msgspec.structs.replace(outcome, effect=effect)

    async def _prove(self, item: Item, decision: Decision, receipt: Receipt | None) -> Reply:
        proof = self.mapping.proof
        asking: Asking = proof if proof.path or self.mapping.read is None else self.mapping.read
        values = {**_of_item(item), "decision.id": decision.id}
        if receipt is not None and receipt.reference:
            values["receipt.reference"] = receipt.reference
        return await ask(self.wire, asking, values)

    def _outcome(
        self, item: Item, decision: Decision, receipt: Receipt | None, state: Any, stands: Any
    ) -> Outcome:
        proof = self.mapping.proof
        shown = f"{self.endpoint} shows {brief(state)[:80] or 'nothing'} for {item.key}"
        at_work = is_among(state, proof.pending)
        if proof.decision is not None and stands != decision.id:
            if receipt is not None and at_work and stands in (None, ""):
                return Outcome(DeliveryState.SENT, f"{shown}: at work")
            whose = f"the decision {brief(stands)[:80]}" if stands not in (None, "") else "no decision"
            return Outcome(DeliveryState.UNKNOWN, f"{shown}, and {whose} rather than ours; {_SEE}")
        if proof.decision is None and receipt is None:
            return Outcome(DeliveryState.UNKNOWN, f"{shown}, but not whose doing that is; {_SEE}")
        return _meaning(proof, decision, state, shown)


_SEE = "look there, then close this by hand"


def _meaning(proof: Proof, decision: Decision, state: Any, shown: str) -> Outcome:
    """What a state means that is known to come of our decision."""
    if is_among(state, proof.done.get(decision.verb.value, [])):
        return Outcome(DeliveryState.CONFIRMED, shown)
    if is_among(state, proof.pending):
        return Outcome(DeliveryState.SENT, f"{shown}: at work")
    if is_among(state, proof.refused):
        return Outcome(DeliveryState.REFUSED, shown)
    return Outcome(DeliveryState.UNKNOWN, f"{shown}, which proves nothing about {decision.verb}; {_SEE}")


def _sends_all(sending: Sending) -> bool:
    return "verdicts" in set(placeholders([sending.body, sending.query]))


def _of_item(item: Item) -> Values:
    """What placeholders may say of an item."""
    return {
        "item.id": item.locator["id"],
        "item.version": item.locator["version"] or UNSET,
        "item.title": item.title,
        "item.agent": item.agent or UNSET,
        "item.raw": item.raw,
    }


def _of_decision(item: Item, decision: Decision) -> Values:
    """What placeholders may say of a decision; ``verdict`` is its first."""
    verdict = decision.verdicts[0]
    return {
        "decision.id": decision.id,
        "decision.operator": decision.operator,
        "decision.at": decision.at.isoformat().replace("+00:00", "Z"),
        "verdict.verb": verdict.verb.value,
        "verdict.reason": verdict.reason if verdict.reason is not None else UNSET,
        "verdict.arguments": _arguments(item, verdict),
        "verdict.answer": verdict.answer,
        "verdicts": msgspec.to_builtins(decision.verdicts),
    }


def _arguments(item: Item, verdict: Verdict) -> Any:
    """The arguments to go ahead with: edited, or else as proposed."""
    if verdict.arguments is not UNSET or not item.actions:
        return verdict.arguments
    return item.actions[0].arguments
