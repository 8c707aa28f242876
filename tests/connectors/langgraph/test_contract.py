"""The connector keeps every connector's contract, before a real Agent Server."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from tests.connectors.kit.contract import ConnectorContract, Subject
from tests.connectors.langgraph.at_once import at_once
from tests.connectors.langgraph.conftest import Bench
from triage.connectors.langgraph import listing
from triage.model.item import Item, Verb

GRAPHS: dict[Verb, tuple[str, dict[str, Any]]] = {
    Verb.REJECT: ("tools_per_call", {"messages": [{"role": "user", "content": "delete_rows"}]}),
    Verb.CLOSE: ("text", {"order": "A-1"}),
}


class LangGraphSubject(Subject):
    def __init__(self, bench: Bench) -> None:
        super().__init__(bench.connector, bench.line)
        self.agents = bench.agents

    async def ask(self, verb: Verb) -> str:
        graph, values = GRAPHS.get(verb, ("inbox", {"order": "A-1"}))
        return await self.agents.ask(graph, ahead=3, **values)

    def name(self, item: Item) -> str:
        thread_id: str = item.locator["thread_id"]
        return thread_id

    async def effects(self, name: str) -> int:
        """What the graph was told, what its tools were, and how often something open of it was closed."""
        history = await self.agents.history(name)
        values = history[0]["values"]
        results = [message for message in values.get("messages", ()) if message["type"] == "tool"]
        closed = [
            after
            for after, before in pairwise(history)
            if after["metadata"]["source"] == "update" and before["next"]
        ]
        return len(values.get("outcome", ())) + len(results) + len(closed)

    async def change(self, name: str) -> None:
        await self.agents.run(name, "inbox", input={"order": "B-2"})

    def rows(self, body: Any) -> list[Any] | None:
        listed = isinstance(body, list) and all("interrupts" in row for row in body[:1])
        return body if listed else None

    def rename(self, row: Any, name: str) -> None:
        row["thread_id"] = name


class TestContract(ConnectorContract):
    verbs = tuple(Verb)


def _at_once(name: str) -> Any:
    """The contract's test of that name, run at the same time as the others."""
    check = getattr(ConnectorContract, name)
    _, _, *own = inspect.signature(check).parameters.values()

    async def scenario(bench: Bench, **given: Any) -> None:
        await check(TestContract(), LangGraphSubject(bench), **given)

    bench = inspect.Parameter("bench", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    scenario.__dict__.update(
        __signature__=inspect.Signature([bench, *own]), pytestmark=getattr(check, "pytestmark", [])
    )
    scenario.__name__ = scenario.__qualname__ = name
    scenario.__doc__ = check.__doc__
    return staticmethod(at_once(scenario))


for _name in [name for name in dir(ConnectorContract) if name.startswith("test_")]:
    setattr(TestContract, _name, _at_once(_name))


@pytest.fixture(scope="module", autouse=True)
def short_pages() -> Iterator[None]:
    """Pages so short that the contract's items fill several."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(listing, "PAGE", 12)
        patch.setattr(listing, "OVERLAP", 3)
        yield
