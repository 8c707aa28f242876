"""A process that decides as fast as the log takes it: ``python -m benchmarks.writing DATA SECONDS NAME``.

Waits for a line on its input, so that several begin together; prints how many were logged, in how many
seconds, and the longest that one took.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.making import item
from triage.model.decision import Decision, Verdict, new_decision_id
from triage.model.item import Item, Verb
from triage.store.log import Log

__all__ = ["decision_on"]


def decision_on(one: Item) -> Decision:
    """An approval of an item."""
    return Decision(
        id=new_decision_id(),
        item_id=one.id,
        endpoint=one.endpoint,
        revision=one.revision,
        verdicts=(Verdict(Verb.APPROVE),),
        operator="ann",
        at=datetime.now(UTC),
        hold_s=5.0,
    )


def _decide_for(data: Path, seconds: float, name: str) -> dict[str, float]:
    log = Log(data)
    sys.stdin.readline()
    began = time.perf_counter()
    longest, count = 0.0, 0
    while (before := time.perf_counter()) - began < seconds:
        one = item(count, f"shop-{name}")
        log.decide(decision_on(one), one)
        count += 1
        longest = max(longest, time.perf_counter() - before)
    return {"count": count, "seconds": time.perf_counter() - began, "longest_s": longest}


if __name__ == "__main__":
    print(json.dumps(_decide_for(Path(sys.argv[1]), float(sys.argv[2]), sys.argv[3])))
