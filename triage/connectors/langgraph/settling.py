"""What came of a decision: read from runs and checkpoints, never from the reply to a send.

A run that succeeds proves nothing: a late answer succeeds and does nothing. A decision took effect
when its question is no longer open and our run is the one that settled it: it wrote the next checkpoint,
or it was the first to answer since the question was last seen open, and nothing else moved the thread.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import msgspec

from triage.connectors.langgraph.api import Api, Run, State, moment
from triage.connectors.langgraph.fate import became_of, effect_of, swept
from triage.connectors.langgraph.reading import error_words, not_kept, open_ids
from triage.model.decision import Decision, DeliveryState, Outcome, Receipt
from triage.model.item import Item, Verb

__all__ = ["Landing", "Settling"]

LANDING_S = 30.0
"""A send whose reply was lost cannot arrive later than this after it was first found missing."""
_HISTORY = 50


class Landing:
    """Since when lost sends have been looked for in vain."""

    def __init__(self) -> None:
        self._missing_since: dict[str, float] = {}

    def is_over(self, decision_id: str) -> bool:
        """Whether a send that is missing once more cannot arrive any longer."""
        since = self._missing_since.setdefault(decision_id, time.monotonic())
        return time.monotonic() - since >= LANDING_S

    def found(self, decision_id: str) -> None:
        """It is not missing, or no longer."""
        self._missing_since.pop(decision_id, None)


class _Trail(msgspec.Struct, frozen=True):
    """What followed the checkpoint at which a question was asked."""

    known: bool
    """Whether that checkpoint is among those looked through."""
    child: State | None = None
    """The one that followed it; None while the thread still stands there."""


class Settling:
    """Looks for what came of one decision."""

    def __init__(
        self, api: Api, item: Item, decision: Decision, receipt: Receipt | None, landing: Landing
    ) -> None:
        self.api = api
        self.item = item
        self.decision = decision
        self.receipt = receipt
        self.landing = landing
        seen = {**item.locator, **(receipt.detail if receipt else {})}
        self.thread_id: str = item.locator["thread_id"]
        self.shape: str = item.locator["shape"]
        self.interrupt_id: str = item.locator.get("interrupt_id", "")
        self.checkpoint_id: str = seen["checkpoint_id"]
        self.seen_at = moment(seen["seen_at"])
        """When the thread had last changed when the question was last seen open."""

    async def outcome(self) -> Outcome:
        """What a second source says. ``UNKNOWN`` with a detail where it says nothing."""
        if self.decision.verb is Verb.CLOSE:
            return await self._closed()
        run = await self._our_run()
        if run is None:
            return await self._without_run()
        self.landing.found(self.decision.id)
        if run.at_work:
            return Outcome(DeliveryState.SENT, f"the agent is at work on it (run {run.run_id})")
        state = await self.api.state(self.thread_id)
        if state is None:
            return _unknown(f"the thread was deleted after run {run.run_id} ended: {run.status}")
        if self._stands(state):
            return await self._still_asked(run, state)
        return await self._settled(run, state)

    async def _our_run(self) -> Run | None:
        if self.receipt is not None:
            return await self.api.run(self.thread_id, self.receipt.reference)
        ours = [run for run in await self.api.runs(self.thread_id) if self._is_ours(run)]
        return ours[-1] if ours else None

    def _is_ours(self, run: Run) -> bool:
        return run.decision_id == self.decision.id

    def _stands(self, state: State) -> bool:
        """Whether what was decided is still asked. Compares the question's text too: older servers give
        the next question of a step the same id."""
        asked = [one for task in state.tasks for one in task.interrupts if isinstance(one, dict)]
        if self.shape in ("breakpoint", "error"):
            moved = asked or (self.shape == "breakpoint" and state.failures)
            return bool(state.next) and state.checkpoint_id == self.checkpoint_id and not moved
        return any(
            one.get("id") == self.interrupt_id and one.get("value") == self.item.raw.get("value")
            for one in asked
        )

    # -- no run of ours

    async def _without_run(self) -> Outcome:
        """No run carries our decision."""
        if self.receipt is not None:
            return _unknown(f"run {self.receipt.reference} is no longer there, so nothing tells what it did")
        state = await self.api.state(self.thread_id)
        if state is None:
            return _unknown("the thread is deleted")
        if self._stands(state):
            return self._missing("the question still stands")
        return self._missing((await became_of(self.api, self.item, state)).detail)

    def _missing(self, so_far: str) -> Outcome:
        if self.landing.is_over(self.decision.id):
            return Outcome(DeliveryState.REFUSED, f"it never arrived; {so_far}")
        return _unknown(
            f"it has not arrived; {so_far}. If it is not there within {LANDING_S:g} s it never will be"
        )

    # -- our run ended and the question is still open

    async def _still_asked(self, run: Run, state: State) -> Outcome:
        if run.status == "success":
            told = f"run {run.run_id} ended without taking the answer; the question still stands"
            return Outcome(DeliveryState.REFUSED, told)
        if run.status != "error":
            how = "was cancelled" if run.status == "interrupted" else f"ended ({run.status})"
            return _unknown(
                f"run {run.run_id} {how} before its step was over, and the question still stands; whether "
                "the step acted before that the server does not tell"
            )
        failure = self._own_failure(state)
        if not_kept(self.shape, self.item.answer_schema, failure):
            return Outcome(
                DeliveryState.REFUSED,
                f"the answer does not fit: {failure}. The question still stands: answer again",
            )
        if not failure:
            return _unknown(
                f"run {run.run_id} failed ({await self._error(state)}) and the question still stands; whether "
                "its step acted before that the server does not tell"
            )
        return _unknown(
            f"the agent's step failed on it: {failure}. Whether it acted before that the server does not "
            "tell; the question is listed anew as stuck, to be repaired or closed"
        )

    def _own_failure(self, state: State) -> str:
        """Why the step that asks the question failed."""
        for task in state.tasks:
            if any(isinstance(one, dict) and one.get("id") == self.interrupt_id for one in task.interrupts):
                return task.failure
        return ""

    async def _error(self, state: State) -> str:
        if state.failures:
            return state.failures
        thread = await self.api.thread(self.thread_id)
        return error_words(thread.error if thread else None)

    # -- our run ended and the question is gone: was it our run?

    async def _settled(self, run: Run, state: State) -> Outcome:
        runs = await self.api.runs(self.thread_id)
        ours = [one for one in runs if self._is_ours(one) or one.run_id == run.run_id]
        if not ours:
            return _unknown(f"so many runs came after run {run.run_id} that what came before it is not shown")
        first, place = ours[-1], runs.index(ours[-1])
        wrote = await self._wrote(state, ours)
        rivals = [one for one in runs[place + 1 :] if self._came_since(one) and self._touches(one)]
        if rivals and wrote:
            return _unknown(
                f"{rivals[-1].words()} came first, and ours then moved the thread too: look there, it may "
                "have answered the question that came after"
            )
        if rivals:
            return await self._lost_to(rivals)
        later = [one for one in runs[:place] if self._touches(one) and one not in ours]
        doubt = None if wrote else await self._doubt(first, later, state)
        return doubt or Outcome(
            DeliveryState.CONFIRMED, _taken_by(first, ours), await self._effect(first, state)
        )

    async def _wrote(self, state: State, ours: Sequence[Run]) -> bool:
        """Whether a run of ours wrote a checkpoint; one that had nothing to do writes none."""
        if any(run.run_id == state.run_id for run in ours):
            return True
        for run in ours:
            if await self.api.history(self.thread_id, 1, run_id=run.run_id):
                return True
        return False

    def _came_since(self, run: Run) -> bool:
        """Whether a run before ours is of after the question was last seen open. Runs are created one after
        the other and none is taken while another is under way, so an earlier one had left it open."""
        created = moment(run.created_at)
        return created is None or self.seen_at is None or created >= self.seen_at

    def _touches(self, run: Run) -> bool:
        return self.shape == "breakpoint" or run.may_settle(self.interrupt_id)

    async def _lost_to(self, rivals: Sequence[Run]) -> Outcome:
        """What is certain of a question that runs before ours may have settled, while ours did nothing."""
        child = (await self._trail()).child
        for rival in reversed(rivals):
            if child is not None and child.run_id == rival.run_id and child.source == "input":
                return Outcome(DeliveryState.REFUSED, f"{swept(child)}, by {rival.words()}")
            if (child is not None and child.run_id == rival.run_id) or (
                rival.status == "success" and rival.answers(self.interrupt_id)
            ):
                return Outcome(DeliveryState.REFUSED, f"settled elsewhere, by {rival.words()}")
        return _unknown(
            f"the question is gone, but {rivals[-1].words()} came before ours and may have done it"
        )

    async def _doubt(self, first: Run, later: Sequence[Run], state: State) -> Outcome | None:
        """Why it is not certain, or not so, that our run settled the question, though it wrote no
        checkpoint: as when others of the same step still wait. None when it is certain."""
        if first.status != "success" and later:
            return _unknown(f"run {first.run_id} ended ({first.status}), and others came after it")
        if state.checkpoint_id == self.checkpoint_id:
            return None
        trail = await self._trail()
        if not trail.known:
            return _unknown(f"the question is gone, but nothing shows that run {first.run_id} settled it")
        child = trail.child
        if child is None or child.source not in ("input", "update", "fork"):
            return None
        changed, began = moment(child.created_at), moment(first.created_at)
        if changed is None or began is None:
            return _unknown(f"{swept(child)}; whether before or after run {first.run_id} is not told")
        return Outcome(DeliveryState.REFUSED, swept(child)) if changed <= began else None

    async def _trail(self) -> _Trail:
        past = await self.api.history(self.thread_id, _HISTORY)
        asked = self.checkpoint_id or next(
            (one.checkpoint_id for one in past if self.interrupt_id in open_ids(one)), ""
        )
        known = any(one.checkpoint_id == asked for one in past)
        child = next((one for one in reversed(past) if known and one.parent_id == asked), None)
        return _Trail(known, child)

    async def _effect(self, run: Run, state: State) -> str:
        if run.status == "success":
            return effect_of(state, self.item)
        if run.status == "error":
            return f"then it failed: {await self._error(state)}"
        return (
            "then its run was cancelled"
            if run.status == "interrupted"
            else f"then its run ended: {run.status}"
        )

    # -- close

    async def _closed(self) -> Outcome:
        """Closing is a change of the state and starts no run: its checkpoint is what tells."""
        state = await self.api.state(self.thread_id)
        if state is None:
            return _unknown("the thread is deleted")
        if self._stands(state):
            if self.receipt is not None:
                return _unknown("the server took it, but the question still stands")
            return self._missing("the question still stands")
        self.landing.found(self.decision.id)
        trail = await self._trail()
        child = trail.child
        if child is None or child.source != "update":
            gone = await became_of(self.api, self.item, state)
            return _unknown(f"the question went in another way: {gone.detail}")
        if child.next or (self.receipt is not None and self.receipt.reference != child.checkpoint_id):
            return _unknown("the thread's state was changed by hand before it was closed; look there")
        on = (
            "it goes no further"
            if state.checkpoint_id == child.checkpoint_id
            else "the thread has gone on since"
        )
        return Outcome(DeliveryState.CONFIRMED, f"closed; {on}", effect_of(state, self.item))


def _taken_by(first: Run, ours: Sequence[Run]) -> str:
    if len(ours) == 1:
        return f"run {first.run_id} took it"
    return (
        f"run {first.run_id} took it; it was delivered {len(ours)} times on the way, so look at what run "
        f"{ours[0].run_id} did"
    )


def _unknown(detail: str) -> Outcome:
    return Outcome(DeliveryState.UNKNOWN, detail)
