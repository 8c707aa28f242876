"""A desk that is left alone until nothing is under way any more, and what must then hold."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections import Counter

from tests.hostile.counted_agents import Arrivals, CountedAgents
from tests.hostile.typist import check_log
from triage import config
from triage.desk.desk import Desk
from triage.model.decision import DeliveryState
from triage.model.item import item_id
from triage.store.log import Log

__all__ = ["check_ended", "run_until_settled"]

UNDER_WAY = {DeliveryState.HELD, DeliveryState.SENDING, DeliveryState.SENT}
PATIENCE_S = 90.0


def run_until_settled(agents: CountedAgents) -> None:
    """Deliver what is left, in a process of its own, until every decision that an agent took is settled."""
    pid = os.fork()
    if pid == 0:
        try:
            os.environ.update(agents.env)
            asyncio.run(_settle(agents))
        finally:
            os._exit(0)
    os.waitpid(pid, 0)


async def _settle(agents: CountedAgents) -> None:
    desk = Desk(config.load(), agents.data, operator="ann")
    await desk.start()
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end and _open(desk.log, agents.arrivals()):
        await asyncio.sleep(0.2)
        for record in desk.log.open_records():
            if record.state is DeliveryState.UNKNOWN:
                with contextlib.suppress(Exception):  # asked again below, until the patience ends
                    await desk.look_again(record.decision.id)
    await desk.stop()


def _open(log: Log, arrived: Arrivals) -> list[str]:
    """Decisions that are under way, or unknown although their agent took them."""
    taken = set(arrived.taken.values())
    return [
        record.decision.id
        for record in log.open_records()
        if record.state in UNDER_WAY
        or (record.state is DeliveryState.UNKNOWN and record.decision.id in taken)
    ]


def check_ended(agents: CountedAgents, promised: set[str]) -> Counter[str]:
    """Nothing promised is lost, nothing was sent twice, each item was decided once, and the log says how all ended."""
    arrived = agents.arrivals()
    counts = check_log(agents.data, arrived)
    log = Log(agents.data)
    records = {record.decision.id: record for record in log.records()}
    assert promised <= set(records), f"lost: {promised - set(records)}"
    assert not _open(log, arrived), f"not settled: {_open(log, arrived)}"
    taken = {item_id(*place.split("/", 1)): decision for place, decision in arrived.taken.items()}
    for decision in taken.values():
        state = records[decision].state
        assert state in (DeliveryState.CONFIRMED, DeliveryState.REFUSED), (
            f"{decision} was taken, and is {state}"
        )
    for record in records.values():
        if record.state is DeliveryState.CONFIRMED:
            assert taken[record.decision.item_id] == record.decision.id, (
                "confirmed, and another one was taken"
            )
    return counts
