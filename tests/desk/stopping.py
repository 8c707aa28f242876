"""A process that decides and is stopped on the way to its agent; woken, it says what became of the decision.

``logged``: stopped after ``sending`` was logged; ``connected``: with the connection made and nothing written;
``held``: while the decision can be undone.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import anyio
import msgspec

from tests.desk.scripted import Agent, ScriptedConnector
from triage.config import Config
from triage.connectors.base import Connector
from triage.connectors.http import Clients, Wire
from triage.desk import timeliness
from triage.desk.desk import Desk
from triage.model.decision import Decision, DeliveryState, Receipt, Verdict
from triage.model.endpoint import EndpointConfig
from triage.model.item import Item, Verb
from triage.store.log import Record

HOLD_S = 1.0


class Calling(ScriptedConnector):
    """Sends over HTTP."""

    async def send(self, item: Item, decision: Decision) -> Receipt:
        await self.wire.post("decide", {"decision": decision.id})
        return await super().send(item, decision)


def make_desk(data: Path, url: str, agent: Agent) -> Desk:
    endpoint = {"name": "agent", "kind": "scripted", "url": url, "poll_s": 0.1}
    config = msgspec.convert({"endpoints": {"agent": endpoint}}, Config)

    def opener(config: EndpointConfig, clients: Clients) -> Connector:
        return Calling(config, Wire(clients.client(), config.url), agent)

    return Desk(config, data, operator="ann", opener=opener)


def stop() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def stop_when_logged(desk: Desk) -> None:
    real = desk.log.advance

    def stopping(decision_id: str, to: DeliveryState, **more: Any) -> Record:
        record = real(decision_id, to, **more)
        if to is DeliveryState.SENDING:
            stop()
        return record

    desk.log.advance = stopping  # type: ignore[method-assign]


def stop_when_connected() -> None:
    real = anyio.connect_tcp

    async def stopping(*given: Any, **more: Any) -> Any:
        stream = await real(*given, **more)
        stop()
        return stream

    anyio.connect_tcp = stopping


async def delivered(desk: Desk, item: Item) -> Record:
    record = desk.decide(item.id, item.revision, (Verdict(Verb.APPROVE),), hold_s=0.0)
    return await desk.wait(record.decision.id, 30)


async def undone(desk: Desk, item: Item) -> Record:
    """Stopped for longer than the window: afterwards it begins anew, and what is held can be undone."""
    key = desk.decide(item.id, item.revision, (Verdict(Verb.APPROVE),), hold_s=HOLD_S).decision.id
    while not desk.held_until(key) or desk.held_until(key) == HOLD_S:
        await asyncio.sleep(0.01)
    stop()
    while (desk.held_until(key) or 0.0) < HOLD_S / 2:
        await asyncio.sleep(0.01)
    return desk.undo(key)


async def run(data: Path, url: str, where: str, limit_s: float) -> None:
    agent = Agent()
    item = agent.ask("a")
    desk = make_desk(data, url, agent)
    timeliness.MAX_READ_AGE_S = timeliness.MAX_SENDING_GAP_S = limit_s
    timeliness.SLACK_S = 0.5
    if where == "logged":
        stop_when_logged(desk)
    await desk.start()
    while desk.entry(item.id) is None:
        await asyncio.sleep(0.01)
    if where == "connected":
        stop_when_connected()
    record = await (undone if where == "held" else delivered)(desk, item)
    states = [event.state for event in desk.log_of(item.id) if event.type == "delivery"]
    print(json.dumps({"state": record.state, "detail": record.detail, "states": states}))
    await desk.stop()


if __name__ == "__main__":
    asyncio.run(run(Path(sys.argv[1]), sys.argv[2], sys.argv[3], float(sys.argv[4])))
