"""What came of a decision: read from the question and its task, never from the reply alone.

A 200 says only that the answer is stored: on a task that is over it does nothing, and a task that chokes
on it fails a moment later. A decision took effect when the question carries our answer and its task, which
ended after it, succeeded.
"""

from __future__ import annotations

import time
from datetime import datetime

from triage.connectors.airflow import asking
from triage.connectors.airflow.api import Api, Detail, Place, utc
from triage.model.decision import Decision, DeliveryState, Outcome, Receipt
from triage.model.item import Gone, Item, Verb

__all__ = ["Settling", "became_of", "closing_mark", "is_same", "place_of"]

NEVER_ARRIVED_S = 60.0
"""A send whose reply was lost and that left no trace for so long did not arrive."""
AT_WORK = ("awaiting_input", "deferred", "scheduled", "queued", "running")

CONFIRMED, REFUSED = DeliveryState.CONFIRMED, DeliveryState.REFUSED
SENT, UNKNOWN = DeliveryState.SENT, DeliveryState.UNKNOWN


class Settling:
    """Looks for what came of decisions. Remembers since when a lost one was found missing."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self._missing_since: dict[str, float] = {}

    async def outcome(self, item: Item, decision: Decision, receipt: Receipt | None) -> Outcome:
        """What a second source says of a decision that was, or may have been, sent."""
        if decision.verb is Verb.CLOSE:
            found = await self._closed(item, decision, receipt)
        else:
            found = await self._answered(item, decision, receipt)
        if found.state in (CONFIRMED, REFUSED):
            self._missing_since.pop(decision.id, None)
        return found

    async def _answered(self, item: Item, decision: Decision, receipt: Receipt | None) -> Outcome:
        detail = await self.api.detail(place_of(item))
        if detail is None:
            return Outcome(UNKNOWN, "the task is deleted, so nothing tells what came of it")
        if not is_same(item, detail):
            return await self._asked_anew(item, decision, receipt, detail)
        if not detail.response_received:
            return self._unanswered(decision, receipt, detail)
        if detail.responded_by_user is None:
            what = f"nobody answered in time, so Airflow took its defaults: {detail.answer_words}"
            return Outcome(UNKNOWN if _is_taken(receipt) else REFUSED, what)
        if not self._is_equal(item, decision, detail):
            if _is_taken(receipt):
                return Outcome(
                    UNKNOWN, f"Airflow took it, but the task shows {detail.answer_words}; look there"
                )
            return Outcome(REFUSED, f"answered elsewhere by {detail.answer_words}")
        if not self._is_ours(item, decision, receipt, detail):
            return Outcome(
                UNKNOWN,
                f"an equal answer stands, which may not be this one: {detail.answer_words}",
                f"the task is {detail.task_instance.state}",
            )
        return await self._taken(item, decision, detail)

    def _is_equal(self, item: Item, decision: Decision, detail: Detail) -> bool:
        options, values = asking.answer(item.locator, decision.verdicts[0])
        return (detail.chosen_options, detail.params_input or {}) == (options, values)

    def _is_ours(self, item: Item, decision: Decision, receipt: Receipt | None, detail: Detail) -> bool:
        """Whether the answer that stands is this decision's, as far as it shows."""
        if not self._is_equal(item, decision, detail):
            return False
        if receipt is not None:
            return _is_taken(receipt) and _is_moment(detail.responded_at, receipt.reference)
        who, we = detail.responded_by_user, self.api.session.subject
        return who is None or we is None or we in (who.id, who.name)

    def _unanswered(self, decision: Decision, receipt: Receipt | None, detail: Detail) -> Outcome:
        state = detail.task_instance.state
        if receipt is not None:
            return Outcome(UNKNOWN, f"Airflow took the answer but does not show it; the task is {state}")
        if not detail.task_instance.waits:
            return Outcome(REFUSED, f"no answer was taken, and the task no longer waits: it is {state}")
        if self._is_overdue(decision):
            return Outcome(REFUSED, "it never arrived: the task still waits for an answer")
        return Outcome(UNKNOWN, "the task still waits for an answer; this one may yet arrive")

    async def _asked_anew(
        self, item: Item, decision: Decision, receipt: Receipt | None, detail: Detail
    ) -> Outcome:
        """The task was cleared: its path now leads to another question."""
        place = place_of(item)
        before = await self.api.earlier(place, item.locator["try_number"])
        if (
            before
            and before.response_received
            and before.task_instance.try_number == item.locator["try_number"]
        ):
            if self._is_equal(item, decision, before):
                return Outcome(
                    UNKNOWN,
                    "this answer was taken, then the task was cleared or failed over it and tried again; look there",
                )
            return Outcome(REFUSED, f"answered elsewhere by {before.answer_words}; since then asked anew")
        if detail.response_received and self._is_equal(item, decision, detail):
            return Outcome(
                UNKNOWN, "the task was cleared, and its next try took this answer, which was not made for it"
            )
        if receipt is None and not self._is_overdue(decision):
            return Outcome(UNKNOWN, "the task was cleared and asks anew; this answer may yet arrive there")
        return Outcome(
            UNKNOWN if _is_taken(receipt) else REFUSED, "the task was cleared before an answer was taken"
        )

    async def _taken(self, item: Item, decision: Decision, detail: Detail) -> Outcome:
        """Our answer stands. What its task did with it."""
        task = detail.task_instance
        answered_at, ended_at = utc(detail.responded_at), utc(task.end_date)
        if ended_at and answered_at and ended_at <= answered_at:
            return Outcome(REFUSED, f"without effect: the task was over before, it is {task.state}")
        if task.state in AT_WORK:
            return Outcome(SENT, f"the answer is stored; the task is {task.state}")
        if task.state == "failed" and decision.verb is Verb.REJECT:
            return Outcome(CONFIRMED, "rejected, which fails this task", "the task failed")
        if task.state == "failed":
            return Outcome(
                REFUSED,
                f"Airflow took the answer and then the task failed over it: {detail.answer_words}. See the "
                "task's log; clear the task there to be asked again",
            )
        if task.state != "success":
            return Outcome(UNKNOWN, f"the answer is stored, but the task is {task.state}; look there")
        used = await self.api.used_value(place_of(item))
        chosen = used.get("chosen_options") if isinstance(used, dict) else None
        if chosen is not None and chosen != detail.chosen_options:
            return Outcome(UNKNOWN, f"the task succeeded with another answer: {chosen}; look there")
        return Outcome(CONFIRMED, "the task has this answer and succeeded", _effect(detail))

    async def _closed(self, item: Item, decision: Decision, receipt: Receipt | None) -> Outcome:
        """A run that failed, whose note names our decision."""
        run = await self.api.run(place_of(item))
        if run is None:
            return Outcome(UNKNOWN, "the DAG run is deleted, so nothing tells what came of it")
        if closing_mark(decision) in (run.note or ""):
            return Outcome(CONFIRMED, "the DAG run carries this decision in its note", f"it is {run.state}")
        if receipt is not None:
            return Outcome(UNKNOWN, f"the DAG run's note does not name this decision; it is {run.state}")
        if self._is_overdue(decision):
            return Outcome(REFUSED, f"it never arrived; the DAG run is {run.state}")
        return Outcome(UNKNOWN, f"the DAG run is {run.state}; this decision may yet arrive")

    def _is_overdue(self, decision: Decision) -> bool:
        since = self._missing_since.setdefault(decision.id, time.monotonic())
        return time.monotonic() - since >= NEVER_ARRIVED_S


def became_of(item: Item, detail: Detail) -> Gone:
    """How a question that no longer waits ended, as far as Airflow shows."""
    state = detail.task_instance.state
    if not is_same(item, detail):
        return Gone("deleted", f"the task was cleared; its next try is {state or 'not started'}")
    if detail.response_received and detail.responded_by_user is None:
        return Gone("expired", f"nobody answered in time, so Airflow took {detail.answer_words}")
    if detail.response_received:
        return Gone("answered", f"{detail.answer_words}; the task is {state}")
    if state == "failed":
        return Gone("expired", "the task failed without an answer: its time ran out, or it was ended by hand")
    return Gone("not known", f"the task is {state} without an answer")


def closing_mark(decision: Decision) -> str:
    """What a run's note says of who closed it and why; names the decision."""
    reason = (decision.verdicts[0].reason or "")[:300]
    return f"closed by {decision.operator}{f': {reason}' if reason else ''} (decision {decision.id})"


def is_same(item: Item, detail: Detail) -> bool:
    """Whether it is the very question of ``item``: its path stays the same when the task asks anew."""
    task = detail.task_instance
    return (task.id, task.try_number) == (item.locator["ti_id"], item.locator["try_number"])


def _is_taken(receipt: Receipt | None) -> bool:
    return receipt is not None and receipt.detail.get("status") == 200


def _is_moment(stored: datetime | None, told: str) -> bool:
    """Whether two times are the same, to the second: not every database keeps more."""
    try:
        moment = utc(datetime.fromisoformat(told))
    except ValueError:
        return False
    at = utc(stored)
    return at is not None and moment is not None and abs((at - moment).total_seconds()) < 1


def _effect(detail: Detail) -> str:
    return f"the task succeeded with {', '.join(detail.chosen_options or [])}"


def place_of(item: Item) -> Place:
    where = item.locator
    return Place(where["dag_id"], where["dag_run_id"], where["task_id"], where["map_index"])
