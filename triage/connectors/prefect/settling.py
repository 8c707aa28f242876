"""What came of a decision: read from the run's stored answer and its states, never from the reply alone.

An answer is addressed to the run, not to its question: one that comes late can be taken by the next
question, and Prefect does not say who answered. So a decision on a form took effect when the answer
stored for its own question is ours and the run has left that pause; one on a plain pause, which stores
nothing, when Prefect accepted it and the state it made is in the run's history.
"""

from __future__ import annotations

import time

import msgspec

from triage.connectors.prefect import forms
from triage.connectors.prefect.api import Api, FlowRun, State
from triage.model.decision import Decision, DeliveryState, Outcome, Receipt
from triage.model.item import Gone, Item, Verb

__all__ = ["Settling", "became_of", "closing_message"]

NEVER_ARRIVED_S = 60.0
"""A send whose reply was lost and that left no trace for so long did not arrive."""
BUSY_S = 3.0
"""A send that Prefect gave up on, being too busy, and that left no trace for so long had no effect."""
TAKEN_UP_S = 15.0
"""How long a paused process is given to look whether it may go on; every 10 s unless the flow says else."""

_BUSY = "Prefect was too busy to take it (503)"

CONFIRMED, REFUSED = DeliveryState.CONFIRMED, DeliveryState.REFUSED
SENT, UNKNOWN = DeliveryState.SENT, DeliveryState.UNKNOWN


class Settling:
    """Looks for what came of decisions. Remembers since when it saw what does not change by itself."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self._since: dict[tuple[str, str], float] = {}

    async def outcome(self, item: Item, decision: Decision, receipt: Receipt | None) -> Outcome:
        """What a second source says of a decision that was, or may have been, sent."""
        found = await self._outcome(item, decision, receipt)
        if found.state in (CONFIRMED, REFUSED):
            self._since = {key: at for key, at in self._since.items() if key[0] != decision.id}
        return found

    async def _outcome(self, item: Item, decision: Decision, receipt: Receipt | None) -> Outcome:
        run = await self.api.run(item.locator["run_id"])
        if run is None:
            return Outcome(UNKNOWN, "the flow run is deleted, so nothing tells what came of it")
        if decision.verb is Verb.CLOSE:
            return await self._closed(item, decision, receipt, run)
        if run.state.id == item.locator["state_id"]:
            return self._untouched(decision, receipt)
        states = await self.api.states(item.locator["run_id"])
        if forms.tells_nothing(item.locator):
            return self._of_plain(item, decision, receipt, run, states)
        return await self._of_form(item, decision, receipt, run, states)

    def _untouched(self, decision: Decision, receipt: Receipt | None) -> Outcome:
        """The run still waits with this question."""
        if _status(receipt) == "BUSY":
            if self._longer_than(BUSY_S, decision, "missing"):
                return Outcome(REFUSED, f"{_BUSY} and did nothing; the run still waits: decide again")
            return Outcome(UNKNOWN, f"{_BUSY}; the run still waits, looking whether it stays so")
        if receipt is not None:
            return Outcome(
                UNKNOWN, f"Prefect said {_status(receipt)}, but the run still waits; look at it there"
            )
        if self._longer_than(NEVER_ARRIVED_S, decision, "missing"):
            return Outcome(REFUSED, "it never arrived: the run still waits with the same question")
        return Outcome(UNKNOWN, "no answer is stored and the run still waits; it may yet arrive")

    def _of_plain(
        self, item: Item, decision: Decision, receipt: Receipt | None, run: FlowRun, states: list[State]
    ) -> Outcome:
        """A pause that takes no values: only an accepted reply says that it was ours."""
        after = _after(states, item.locator["state_id"])
        if after is None:
            return Outcome(UNKNOWN, f"the run's history does not show the pause; it is {run.state.words}")
        if not after.goes_on:
            return Outcome(REFUSED, f"the pause ended without being resumed: {after.words}")
        if receipt is not None and receipt.reference == after.id:
            return self._taken(decision, run, after, "Prefect accepted it and the run left its pause")
        return Outcome(
            UNKNOWN,
            f"the run was let go on at {after.timestamp}; whether by this decision or by someone else's "
            "Prefect does not tell",
            run.state.words,
        )

    async def _of_form(
        self, item: Item, decision: Decision, receipt: Receipt | None, run: FlowRun, states: list[State]
    ) -> Outcome:
        """A pause with a form: the answer that was taken is stored under its own name."""
        stored = await self.api.input(item.locator["run_id"], item.locator["keyset"]["response"])
        after = _after(states, item.locator["state_id"])
        status = _status(receipt)
        if stored is not None and stored == forms.answer(item.locator, decision.verdicts[0]):
            if status in ("ACCEPT", "BUSY", ""):
                return self._taken(decision, run, after, "the answer stored with the run is this one")
            return Outcome(
                UNKNOWN,
                f"an equal answer is stored with the run, but Prefect said {status} to this one: "
                "someone gave the same answer first, or this one arrived twice",
                run.state.words,
            )
        if status == "ACCEPT":
            return Outcome(
                UNKNOWN,
                "Prefect took the answer, but not for this question: it may have answered the next one; "
                "look at the run there",
                run.state.words,
            )
        why = (
            f"answered elsewhere with {_json(stored)}" if stored is not None else "nobody's answer was taken"
        )
        if receipt is not None or run.state.is_final or self._longer_than(NEVER_ARRIVED_S, decision, "late"):
            return Outcome(REFUSED, f"{why}; the run is now {run.state.words}")
        return Outcome(UNKNOWN, f"{why}; this decision may yet arrive")

    def _taken(self, decision: Decision, run: FlowRun, after: State | None, proof: str) -> Outcome:
        """Our answer was taken. The process that waits for it is given some time to go on."""
        if after is None or run.state.id != after.id:
            return Outcome(CONFIRMED, proof, _effect(run.state))
        if not self._longer_than(TAKEN_UP_S, decision, "taken"):
            return Outcome(SENT, f"{proof}; its process looks every few seconds whether it may go on")
        return Outcome(
            CONFIRMED,
            f"{proof}. It is {run.state.words} since; Prefect does not tell whether its process lives",
            run.state.words,
        )

    async def _closed(self, item: Item, decision: Decision, receipt: Receipt | None, run: FlowRun) -> Outcome:
        """A cancelled state that names our decision proves it."""
        states = await self.api.states(item.locator["run_id"])
        mark = closing_message(decision)
        if any(state.type == "CANCELLED" and state.message == mark for state in states):
            return Outcome(CONFIRMED, "the run was cancelled by this decision", _effect(run.state))
        if run.state.id == item.locator["state_id"]:
            return self._untouched(decision, receipt)
        if receipt is not None and _status(receipt) != "ACCEPT":
            return Outcome(REFUSED, f"the run was not cancelled by this decision: it is {run.state.words}")
        if run.state.is_final and receipt is None and self._longer_than(NEVER_ARRIVED_S, decision, "late"):
            return Outcome(REFUSED, f"it never arrived; the run is {run.state.words}")
        return Outcome(UNKNOWN, f"no cancellation names this decision; the run is {run.state.words}")

    def _longer_than(self, seconds: float, decision: Decision, what: str) -> bool:
        since = self._since.setdefault((decision.id, what), time.monotonic())
        return time.monotonic() - since >= seconds


async def became_of(api: Api, item: Item, run: FlowRun) -> Gone:
    """How a pause that is over ended, as far as Prefect shows."""
    run_id, keyset = item.locator["run_id"], item.locator["keyset"]
    after = _after(await api.states(run_id), item.locator["state_id"])
    if after is None:
        return Gone("not known", f"the run is now {run.state.words}")
    if after.goes_on:
        stored = await api.input(run_id, keyset["response"]) if keyset else None
        with_what = f" with {_json(stored)}" if stored is not None else ""
        return Gone("answered", f"resumed{with_what} at {after.timestamp}; the run is now {run.state.words}")
    if after.type in ("CANCELLED", "CANCELLING"):
        return Gone("deleted", f"the run was cancelled at {after.timestamp}: {after.words}")
    if "never resumed" in (after.message or ""):
        return Gone("expired", after.words)
    return Gone("not known", f"the run went from its pause to {after.words}")


def closing_message(decision: Decision) -> str:
    """What a cancelled state says of who closed it and why; names the decision."""
    reason = decision.verdicts[0].reason
    return f"closed by {decision.operator}{f': {reason}' if reason else ''} (decision {decision.id})"


def _after(states: list[State], state_id: str) -> State | None:
    """The state that followed one in a run's history."""
    ids = [state.id for state in states]
    place = ids.index(state_id) + 1 if state_id in ids else len(ids)
    return states[place] if place < len(states) else None


def _status(receipt: Receipt | None) -> str:
    return str(receipt.detail.get("status", "")) if receipt else ""


def _effect(state: State) -> str:
    return "the run asks again" if state.type == "PAUSED" else f"the run is {state.words}"


def _json(value: object) -> str:
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= 300 else text[:299] + "…"
