"""The demo's agents served from a thread beside a test, and desks of other processes."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from triage.demo import Demo, running
from triage.demo.proposal import Proposal, action
from triage.model.item import item_id

T = TypeVar("T")

SCRIPTS = Path(__file__).parent


class Agents:
    """A running demo, spoken to from another thread than its own."""

    def __init__(self, demo: Demo, loop: asyncio.AbstractEventLoop) -> None:
        self.demo = demo
        self._loop = loop

    def do(self, work: Callable[[], T]) -> T:
        """Run ``work`` where the agents run, so that nothing is changed under them."""

        async def inside() -> T:
            return work()

        return asyncio.run_coroutine_threadsafe(inside(), self._loop).result(10)

    def ask(self, agent: str = "payments", **members: Any) -> str:
        """Have an agent ask something, to give a credit unless told otherwise; the item's id here."""
        actions = [] if members.get("kind") == "question" else [credit()]
        proposal = Proposal(**({"title": "Give 5 to Kim", "actions": actions} | members))
        return item_id(agent, self.do(lambda: self.demo.agents[agent].ask(proposal).id))

    def key(self, item: str) -> tuple[str, str]:
        """Agent and its own name of an item."""
        found = {
            item_id(name, key): (name, key) for name, each in self.demo.agents.items() for key in each.items
        }
        return found[item]

    def change(self, item: str, **members: Any) -> None:
        """Ask the same in other words."""
        name, key = self.key(item)
        self.do(lambda: self.demo.agents[name].change(key, **members))

    def withdraw(self, item: str) -> None:
        """No longer ask."""
        name, key = self.key(item)
        self.do(lambda: self.demo.agents[name].withdraw(key, "no longer needed"))

    def done(self, item: str) -> list[dict[str, Any]]:
        """What was done about an item."""
        name, key = self.key(item)
        return self.do(lambda: [effect for effect in self.demo.agents[name].effects if effect["item"] == key])

    def decision(self, item: str) -> Any:
        """The decision the agent took on an item."""
        name, key = self.key(item)
        return msgspec.json.decode(
            self.do(lambda: msgspec.json.encode(self.demo.agents[name].items[key].decision))
        )


def credit(customer: str = "Kim", amount: float = 5.0) -> dict[str, Any]:
    """An action that gives a customer some credit; at most 100."""
    schema = {
        "type": "object",
        "properties": {"customer": {"type": "string"}, "amount": {"type": "number", "maximum": 100}},
        "required": ["customer", "amount"],
    }
    return action("give_credit", schema, customer=customer, amount=amount)


@contextmanager
def beside(context: AbstractAsyncContextManager[T]) -> Iterator[tuple[T, asyncio.AbstractEventLoop]]:
    """An asynchronous context in a thread of its own, with the loop it runs in."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def leave() -> None:
        await context.__aexit__(None, None, None)

    async def enter() -> T:
        return await context.__aenter__()

    entered = asyncio.run_coroutine_threadsafe(enter(), loop).result(10)
    try:
        yield entered, loop
    finally:
        asyncio.run_coroutine_threadsafe(leave(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


@contextmanager
def serving(seed: int = 7) -> Iterator[Agents]:
    """The demo's agents with nothing new coming."""
    with beside(running(seed, 0)) as (demo, loop):
        yield Agents(demo, loop)


@contextmanager
def open_desk(environment: Mapping[str, str]) -> Iterator[None]:
    """A desk in a process of its own, as an open console has it."""
    process = subprocess.Popen(
        [sys.executable, str(SCRIPTS / "desk_process.py")],
        env=dict(environment),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin
    assert process.stdout
    try:
        assert process.stdout.readline() == "ready\n"
        yield
    finally:
        process.stdin.close()
        process.wait(20)
        process.stdout.close()
