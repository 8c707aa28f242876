"""The requests that act: one run that answers, one change of a state that closes, and the repairs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from typing import Any

from triage.connectors.base import Refusal
from triage.connectors.http import Declined, EndpointError
from triage.connectors.langgraph import shapes
from triage.connectors.langgraph.api import Api
from triage.model.decision import Decision, Receipt
from triage.model.item import Item, Verb

__all__ = ["repair", "send"]

REPAIR_S = 20.0
"""How long a repair's run is watched."""
_UNCLEAR = (408, 425)
_CONFLICT = 409


async def send(api: Api, item: Item, decision: Decision) -> Receipt:
    """One run that resumes this interrupt, refused by the server when any other is under way; or, to close,
    one change of the thread's state."""
    where = item.locator
    thread_id = where["thread_id"]
    if decision.verb is Verb.CLOSE:
        closing = {"values": None, "as_node": "__end__"}
        reference = await _or_refusal(api.change(thread_id, closing))
    else:
        reference = await _started(api, thread_id, _run(item, decision), decision.id)
    seen = {"checkpoint_id": where["checkpoint_id"], "seen_at": where["seen_at"]}
    return Receipt(reference=reference, detail=seen)


def _run(item: Item, decision: Decision) -> dict[str, Any]:
    """The run that carries a decision."""
    body: dict[str, Any] = {
        "assistant_id": item.locator["assistant_id"],
        "metadata": {"decision_id": decision.id, "operator": decision.operator},
    }
    if item.locator["shape"] == "breakpoint":
        return {**body, "input": None}
    told = shapes.answer(item, decision.verdicts)
    return {**body, "command": {"resume": {item.locator["interrupt_id"]: told}}}


async def _started(api: Api, thread_id: str, body: dict[str, Any], decision_id: str) -> str:
    """The id of the run that was started. Where one is under way already it may be this very run,
    when something between us and the server delivered the request twice."""
    try:
        return await _or_refusal(api.start(thread_id, body))
    except Refusal as refusal:
        cause = refusal.__cause__
        if not isinstance(cause, Declined) or cause.reply.status != _CONFLICT:
            raise
        try:
            ours = [run for run in await api.runs(thread_id) if run.decision_id == decision_id]
        except EndpointError as error:
            raise EndpointError(
                f"{refusal}; whether that is this decision's is not known: {error}"
            ) from error
        if not ours:
            raise
        return ours[-1].run_id


async def repair(api: Api, item: Item) -> str:
    """Ask a question anew whose kept answer fails, or run a failed step again; says what was done."""
    thread_id, shape = item.locator["thread_id"], item.locator["shape"]
    if shape != "error":
        await _or_refusal(api.change(thread_id, {"values": {}}))
    body = {"assistant_id": item.locator["assistant_id"], "input": None}
    run_id = await _or_refusal(api.start(thread_id, body))
    status = await _ended(api, thread_id, run_id)
    done = "the step runs again" if shape == "error" else "the question is asked anew"
    return f"{done}: run {run_id} {'is at work' if status in ('pending', 'running') else 'ended: ' + status}"


async def _ended(api: Api, thread_id: str, run_id: str) -> str:
    """A run's status once it ended, or when our patience did."""
    until = time.monotonic() + REPAIR_S
    while True:
        run = await api.run(thread_id, run_id)
        if run is None or not run.at_work or time.monotonic() > until:
            return run.status if run else "gone"
        await asyncio.sleep(0.25)


async def _or_refusal(sending: Awaitable[str]) -> str:
    """What a send gives, or a Refusal where the server certainly did nothing with it."""
    try:
        return await sending
    except Declined as error:
        status = error.reply.status
        if status == _CONFLICT:
            raise Refusal(f"someone else's run is in flight on this thread; look again ({error})") from error
        if status == 404:
            raise Refusal(f"the thread or its assistant is no longer there ({error})") from error
        if 400 <= status < 500 and status not in _UNCLEAR:
            raise Refusal(str(error)) from error
        raise
