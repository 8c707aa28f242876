"""A process that decides as fast as the log takes it: ``python -m benchmarks.writing DATA SECONDS NAME SHARING``.

Waits for a line on its input, so that several begin together; prints how many were logged, in how many
seconds, and the longest that one took. With SHARING ``by-turns`` it rests in every other slice of the machine's clock,
in which somebody else measures the disk alone: what else goes on there then slows both.
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

__all__ = ["decision_on", "my_turn"]

SLICE_S = 0.25


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


def my_turn(odd: bool) -> None:
    """Return at once in a slice of one's own, else at the beginning of the next."""
    now = time.monotonic()
    if int(now / SLICE_S) % 2 != odd:
        time.sleep(SLICE_S - now % SLICE_S)


def _decide_for(data: Path, seconds: float, name: str, *, by_turns: bool) -> dict[str, float]:
    log = Log(data)
    sys.stdin.readline()
    spent, longest, count = 0.0, 0.0, 0
    while spent < seconds:
        one = item(count, f"shop-{name}")
        decision = decision_on(one)
        if by_turns:
            my_turn(odd=False)
        before = time.perf_counter()
        log.decide(decision, one)
        took = time.perf_counter() - before
        count, spent, longest = count + 1, spent + took, max(longest, took)
    return {"count": count, "seconds": spent, "longest_s": longest}


if __name__ == "__main__":
    told = _decide_for(Path(sys.argv[1]), float(sys.argv[2]), sys.argv[3], by_turns=sys.argv[4] == "by-turns")
    print(json.dumps(told))
