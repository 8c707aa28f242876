"""One decision carried to its endpoint as the desk carries it: check, read again, send once, settle."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar

import httpx

from triage.connectors.base import Connector, Refusal
from triage.connectors.http import EndpointError, Unreachable, Wire
from triage.desk.checking import faults_of_verdicts
from triage.model.decision import Decision, DeliveryState, Outcome, Receipt, Verdict, new_decision_id
from triage.model.item import Gone, Item

__all__ = ["NotTaken", "connected", "decide", "deliver", "settle"]

C = TypeVar("C", bound=Connector)


class NotTaken(Exception):
    """The desk would not take the decision: nothing was sent."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = list(faults)


@asynccontextmanager
async def connected(
    kind: type[C],
    url: str,
    transport: httpx.AsyncBaseTransport,
    *,
    headers: dict[str, str] | None = None,
    **settings: Any,
) -> AsyncIterator[C]:
    """A connector for ``url`` over ``transport``; ``settings`` are fields of its ``Config``."""
    config = kind.Config(name="test", kind=kind.kind, url=url, **settings)
    async with httpx.AsyncClient(transport=transport) as client:
        yield kind(config, Wire(client, url, headers))


def decide(item: Item, *verdicts: Verdict) -> Decision:
    """A decision on ``item`` as it is shown."""
    return Decision(
        id=new_decision_id(),
        item_id=item.id,
        endpoint=item.endpoint,
        revision=item.revision,
        verdicts=verdicts,
        operator="kim",
        at=datetime.now(UTC),
    )


async def deliver(connector: Connector, item: Item, decided: Decision | Sequence[Verdict]) -> Outcome:
    """What comes of a decision. STALE: the item changed or went, nothing was sent. Raises NotTaken."""
    decision = decided if isinstance(decided, Decision) else decide(item, *decided)
    faults = [*faults_of_verdicts(item, decision.verdicts), *connector.check(item, decision)]
    if faults:
        raise NotTaken(faults)
    now = await connector.reread(item)
    if isinstance(now, Gone):
        return Outcome(DeliveryState.STALE, f"{now.reason}: {now.detail}")
    if now.revision != decision.revision:
        return Outcome(DeliveryState.STALE, "the item changed since it was shown")
    receipt: Receipt | None = None
    try:
        receipt = await connector.send(now, decision)
    except (Refusal, Unreachable) as error:
        return Outcome(DeliveryState.REFUSED, str(error))
    except EndpointError:
        pass  # nobody knows: only a read can tell
    return await settle(connector, now, decision, receipt)


async def settle(
    connector: Connector,
    item: Item,
    decision: Decision,
    receipt: Receipt | None,
    *,
    patience_s: float = 15.0,
    unknown_looks: int = 3,
) -> Outcome:
    """Ask, ever less often, until it is settled; what is unknown is looked at ``unknown_looks`` times."""
    pause_s = 0.02
    looks = 0
    outcome = Outcome(DeliveryState.UNKNOWN, "not looked at")
    try:
        async with asyncio.timeout(patience_s):
            while True:
                try:
                    outcome = await connector.settle(item, decision, receipt)
                except EndpointError as error:
                    outcome = Outcome(DeliveryState.UNKNOWN, str(error))
                looks += outcome.state is DeliveryState.UNKNOWN
                if outcome.state is not DeliveryState.SENT and (
                    outcome.state is not DeliveryState.UNKNOWN or looks >= unknown_looks
                ):
                    return outcome
                await asyncio.sleep(pause_s)
                pause_s = min(1.0, pause_s * 2)
    except TimeoutError:
        return outcome
