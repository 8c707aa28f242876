"""What came of a decision: read from the approval, which is bound to it, and from the run that asked.

While a run is being carried on, Agno still shows both as paused. So a run that looks untouched after a lost
reply may be at work, or never have been continued: nobody can know which.
"""

from __future__ import annotations

import time
from typing import Any

from triage.connectors.agno.rows import PENDING, Row
from triage.connectors.agno.runs import Leg, Taken
from triage.model.decision import Decision, DeliveryState, Outcome, Receipt
from triage.model.item import Verb

__all__ = ["LATER", "LOST", "NO", "YES", "Settling", "decision_data", "is_approval", "is_ours"]

YES, NO, LOST, LATER = "yes", "no", "lost", "later"
"""What came of continuing a run: answered, refused, no answer, left to the approval that is decided last."""
NEVER_ARRIVED_S = 60.0
AT_WORK_S = 600.0
"""How long a run whose continuation was not answered is taken to be at work."""
_GONE = ("COMPLETED", "ERROR", "CANCELLED")
_KEY = "decision_id"


def is_approval(decision: Decision) -> bool:
    """Whether the approval becomes ``approved``."""
    return decision.verb is not Verb.REJECT


def decision_data(decision: Decision) -> dict[str, Any]:
    """What is kept with the approval: whose decision it is, and what its calls need."""
    verdict = decision.verdicts[0]
    data: dict[str, Any] = {_KEY: decision.id}
    if verdict.reason:
        data["note"] = verdict.reason
    if verdict.verb is Verb.RESPOND:
        data["result" if isinstance(verdict.answer, str) else "values"] = verdict.answer
    return data


def is_ours(row: Row, decision: Decision) -> bool:
    """Whether an approval was decided by ``decision``."""
    return row.status != PENDING and (row.resolution_data or {}).get(_KEY) == decision.id


class Settling:
    """Says what came of decisions. Keeps only since when something is so."""

    def __init__(self) -> None:
        self._since: dict[tuple[str, str], float] = {}

    def missing(self, row: Row, decision: Decision, receipt: Receipt | None) -> Outcome | None:
        """What is to be said where the approval does not hold our decision; None where it does."""
        if is_ours(row, decision):
            return None
        if row.status != PENDING:
            return Outcome(DeliveryState.REFUSED, f"it is {row.words}")
        if receipt is not None:
            return _unknown("the approval was taken, and waits again all the same; look there")
        if self._for_s(decision, "missing") < NEVER_ARRIVED_S:
            return _unknown("it has not arrived so far, and may still be on its way")
        return Outcome(DeliveryState.REFUSED, "it never arrived; the approval still waits")

    def carried(
        self, row: Row, leg: Leg, others: int, decision: Decision, receipt: Receipt | None
    ) -> Outcome:
        """What the run shows of a decision that its approval holds."""
        taken = leg.taken(row.id, is_approval(decision))
        if taken is Taken.YES or (not leg.own and row.run_status in _GONE):
            return Outcome(
                DeliveryState.CONFIRMED,
                f"the approval is {row.words}, and its run went on",
                leg.effect if leg.root else str(row.run_status).lower(),
            )
        if taken is Taken.OTHERWISE:
            return _unknown(f"the approval is {row.words}, but {taken.value} in its run: {leg.effect}")
        if leg.at_work:
            return Outcome(DeliveryState.SENT, f"the approval is {row.words}; its run is at work")
        if leg.status in _GONE:
            return _unknown(
                f"the approval is {row.words}, but its run does not show what became of its calls: {leg.effect}"
            )
        if others:
            more = f"{others} other approval{'s' if others > 1 else ''}"
            return Outcome(
                DeliveryState.CONFIRMED, f"the approval is {row.words}", f"its run waits for {more}"
            )
        return self._paused(row, decision, receipt)

    def _paused(self, row: Row, decision: Decision, receipt: Receipt | None) -> Outcome:
        """The approval holds our decision and its run looks untouched."""
        continued = str(receipt.detail.get("continued", "")) if receipt else ""
        held = f"the approval is {row.words}"
        if continued == NO and receipt:
            why = receipt.detail.get("why", "")
            return _unknown(f"{held}, but its run could not be continued and is still paused: {why}")
        if continued and self._for_s(decision, "paused") < (
            AT_WORK_S if continued == LOST else NEVER_ARRIVED_S
        ):
            return Outcome(DeliveryState.SENT, f"{held}; its run has not ended yet")
        return _unknown(
            f"{held}, but its run still says that it is paused: it may be at work, or never have been "
            "continued. Unless it goes on, it is listed again in a while, to be continued by hand"
        )

    def _for_s(self, decision: Decision, what: str) -> float:
        now = time.monotonic()
        return now - self._since.setdefault((decision.id, what), now)


def _unknown(detail: str) -> Outcome:
    return Outcome(DeliveryState.UNKNOWN, detail)
