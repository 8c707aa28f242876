"""Flows that pause for a person, run by the real thing: a process of its own that starts what it is told.

Each line of standard input is ``{"flow": …, "order": …}``; each flow that ends prints ``{"order": …,
"result": …}``, which is what the flow itself made of the answers.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any, Literal

import pydantic
from prefect import flow
from prefect.flow_runs import apause_flow_run
from prefect.input import RunInput

PATIENCE: dict[str, Any] = {"timeout": 600, "poll_interval": 1}


class Ask(RunInput):
    """What ``ship`` wants to know."""

    decision: Literal["approve", "reject"]
    quantity: int = pydantic.Field(1, ge=1, le=10)
    note: str | None = None


@flow
async def ship(order: str) -> str:
    got = await apause_flow_run(wait_for_input=Ask, **PATIENCE)
    return f"{got.decision} {got.quantity} {got.note}"


@flow
async def described(order: str) -> str:
    ask = Ask.with_initial_data(description=f"Ship **{order}**?", quantity=5)
    got = await apause_flow_run(wait_for_input=ask, **PATIENCE)
    return f"{got.decision} {got.quantity}"


@flow
async def plain(order: str) -> str:
    await apause_flow_run(**PATIENCE)
    return "went on"


@flow
async def two_steps(order: str) -> str:
    first = await apause_flow_run(wait_for_input=str, **PATIENCE)
    second = await apause_flow_run(wait_for_input=str, **PATIENCE)
    return f"{first}, then {second}"


FLOWS: dict[str, Any] = {"ship": ship, "described": described, "plain": plain, "two_steps": two_steps}


async def run(told: dict[str, str]) -> None:
    result = await FLOWS[told["flow"]](told["order"])
    print(json.dumps({"order": told["order"], "result": result}), flush=True)


async def main() -> None:
    running = set()
    print(json.dumps({"ready": True}), flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        running.add(asyncio.create_task(run(json.loads(line))))


if __name__ == "__main__":
    asyncio.run(main())
