"""What came of a decision: of a workflow's step from its run, of an agent's tool call from the reply to it,
which is all there is.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET

from triage.connectors.mastra.answering import LATE, TAKEN
from triage.connectors.mastra.api import Run, Step
from triage.connectors.mastra.asking import APPROVAL
from triage.model.decision import Decision, DeliveryState, Outcome, Receipt
from triage.model.item import Gone, Item, Verb

__all__ = ["call_outcome", "gone_step", "step_outcome", "still_suspended"]

_ALONE = "an agent's decision is told by its reply alone"
_LATE_CALL = "it was answered already: by somebody else, unless a proxy sent ours twice"


def still_suspended(item: Item, run: Run) -> bool:
    """Whether a run still waits at the item's step for the item's question."""
    step = run.step(item.locator["step"])
    return (
        run.status == "suspended"
        and step is not None
        and step.status == "suspended"
        and step.suspended_at == item.locator["suspended_at"]
    )


def gone_step(item: Item, run: Run) -> Gone:
    """What became of a step's question that no longer waits."""
    step = _answered(item, run)
    if step is not None and step.resume_payload is not UNSET:
        return Gone("answered", f"answered with {_brief(step.resume_payload)}")
    if run.status == "canceled":
        return Gone("deleted", "the run was cancelled")
    return Gone("not known", f"the run is {run.status or 'in no known state'}")


def step_outcome(item: Item, decision: Decision, receipt: Receipt | None, run: Run | None) -> Outcome:
    """What came of an answer to a workflow's step, or of closing its run."""
    reply = str(receipt.detail.get("reply", "")) if receipt else ""
    if run is None:
        return _unknown("the run is no longer there: nothing tells what came of it")
    if still_suspended(item, run):
        return _still(reply)
    if decision.verb is Verb.CLOSE:
        return _closed(run, reply)
    step = _answered(item, run)
    if step is None or step.resume_payload is UNSET:
        return _unanswered(run, reply)
    ours = decision.verdicts[0].answer
    if not _same(step.resume_payload, ours) and not (reply == TAKEN and _within(ours, step.resume_payload)):
        if reply == TAKEN:
            return _unknown(f"our answer was taken, but the step shows {_brief(step.resume_payload)}")
        return _refused(f"answered elsewhere first: {_brief(step.resume_payload)}")
    if reply == LATE:
        return _unknown("the step has this very answer, but was answered before ours came")
    if step.status == "running" and reply != TAKEN:
        return Outcome(DeliveryState.SENT, "the step has this answer and is at work on it")
    return Outcome(DeliveryState.CONFIRMED, "the step has this answer", _effect(run, step))


def call_outcome(
    item: Item, decision: Decision, receipt: Receipt | None, waiting: list[Item] | None
) -> Outcome:
    """What came of an answer to an agent's tool call. ``waiting``: what its run waits for now; None when
    that could not be read."""
    if receipt is None:
        return _lost(item, waiting)
    told = receipt.detail
    if told.get("reply") == LATE:
        return _unknown(f"{_LATE_CALL}; see what the tool did, then close this by hand")
    effect = _short("; ".join(part for part in (_result(told), _next(waiting or [], item)) if part))
    if decision.verb is Verb.REJECT:
        if told.get("ran") and told.get("result") != (decision.verdicts[0].reason or ""):
            return _refused(f"the tool ran: approved elsewhere at the same time ({_result(told)})")
        return Outcome(DeliveryState.CONFIRMED, "declined", effect)
    words = "the tool ran" if item.locator["sort"] == APPROVAL else "the tool has the answer"
    if told.get("ran"):
        return Outcome(DeliveryState.CONFIRMED, words, effect)
    if told.get("finish") == "suspended" and waiting is not None and not _is_among(item, waiting):
        return Outcome(DeliveryState.CONFIRMED, "taken; the run went on and asks again", effect)
    return _unknown(f"taken, but the reply does not show that {words}; see there", effect)


def _lost(item: Item, waiting: list[Item] | None) -> Outcome:
    now = "its run no longer waits for it"
    if waiting is None:
        now = "whether its run still waits for it could not be read"
    elif _is_among(item, waiting):
        now = "its run is listed as before, which it is also while the tool is at work"
    return _unknown(
        f"the reply was lost, and {_ALONE}: {now}; see what the tool did, then close this by hand"
    )


def _is_among(item: Item, waiting: list[Item]) -> bool:
    return any(one.key == item.key for one in waiting)


def _still(reply: str) -> Outcome:
    if reply == LATE:
        return _refused("the server says that it is not suspended, and still lists it; answer again")
    if reply == TAKEN:
        return _unknown("the server took the answer, but the step still waits; see there")
    return _unknown("the step still waits; our answer may be on its way")


def _closed(run: Run, reply: str) -> Outcome:
    if run.status != "canceled":
        return _refused(f"it was not cancelled: the run is {run.status or 'in no known state'}")
    if reply == TAKEN:
        return Outcome(DeliveryState.CONFIRMED, "the run is cancelled")
    return _unknown("the run is cancelled, but nothing tells by whom")


def _unanswered(run: Run, reply: str) -> Outcome:
    """The step no longer waits, and shows no answer."""
    if run.status == "canceled":
        return _refused("the run was cancelled; nobody has the answer")
    if reply == TAKEN:
        return Outcome(DeliveryState.CONFIRMED, f"taken; the run is {run.status or 'in no known state'}")
    return _unknown(f"the step no longer waits and shows no answer; the run is {run.status}")


def _answered(item: Item, run: Run) -> Step | None:
    """The step as it stands; one of a workflow within may be named by its whole path."""
    return run.step(item.locator["path"]) or run.step(item.locator["step"])


def _same(one: Any, other: Any) -> bool:
    """Equal as JSON, so that 1 and true differ."""
    return msgspec.json.encode(one, order="sorted") == msgspec.json.encode(other, order="sorted")


def _within(ours: Any, shown: Any) -> bool:
    """Whether what is shown is ours with defaults filled in."""
    if not isinstance(ours, dict) or not isinstance(shown, dict):
        return False
    return all(key in shown and _same(value, shown[key]) for key, value in ours.items())


def _effect(run: Run, step: Step) -> str:
    """What came after it."""
    if step.status == "failed":
        return _short(f"then the step failed: {_brief(step.error)}")
    if run.status == "suspended":
        waiting = [name for name in run.steps if (one := run.step(name)) and one.status == "suspended"]
        return _short(f"the run waits at {', '.join(waiting)}")
    came = run.result if run.result is not None else step.output
    return _short(f"the run is {run.status}" + (f": {_brief(came)}" if came is not None else ""))


def _result(told: dict[str, Any]) -> str:
    return str(told.get("result") or told.get("text") or "")


def _next(waiting: list[Item], item: Item) -> str:
    others = [one.title for one in waiting if one.key != item.key]
    return f"asks again: {'; '.join(others)}" if others else ""


def _refused(detail: str) -> Outcome:
    return Outcome(DeliveryState.REFUSED, detail)


def _unknown(detail: str, effect: str = "") -> Outcome:
    return Outcome(DeliveryState.UNKNOWN, detail, effect)


def _brief(value: Any) -> str:
    return _short(value if isinstance(value, str) else msgspec.json.encode(value).decode())


def _short(text: str) -> str:
    return text if len(text) <= 400 else text[:399] + "…"
