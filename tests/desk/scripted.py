"""An agent server in memory, and a connector to it, whose every fault a test can choose."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from triage.config import Config
from triage.connectors.base import Connector, Match, Poll
from triage.connectors.http import Clients, EndpointError, Wire
from triage.desk.desk import Desk
from triage.model.decision import Decision, DeliveryState, Outcome, Receipt
from triage.model.endpoint import EndpointConfig
from triage.model.item import Action, Context, Gone, Item, ItemKind, Message, Verb


class Agent:
    """What the endpoint knows: what waits there, and what was done."""

    def __init__(self) -> None:
        self.items: dict[str, Item] = {}
        self.answered: dict[str, Gone] = {}
        self.acted: list[tuple[str, str]] = []
        """(item key, decision id) in the order it acted."""
        self.sends = 0
        self.polls = 0
        self.repaired = False
        self.version_warning = ""
        self.poll_error: EndpointError | None = None
        self.reread_error: EndpointError | None = None
        self.settle_error: EndpointError | None = None
        self.problems: tuple[str, ...] = ()
        self.same_list: Poll | None = None
        """What each poll answers: a list of which the connector knows that nothing in it changed."""
        self.before_acting: Callable[[], EndpointError | None] = lambda: None
        self.after_acting: Callable[[], EndpointError | None] = lambda: None
        self.working = False
        """It took the decision and is still at work."""
        self.gate: asyncio.Event | None = None
        """Sends wait for it."""
        self.in_flight = 0
        self.most_in_flight = 0

    def ask(self, key: str, endpoint: str = "agent", **more: object) -> Item:
        """Put a question; the same key again replaces it."""
        item = make_item(key, endpoint, **more)
        self.items[key] = item
        return item


def make_item(key: str, endpoint: str = "agent", **more: object) -> Item:
    """A refund that waits, unless told otherwise."""
    given: dict[str, object] = {
        "kind": ItemKind.APPROVAL,
        "title": f"Refund {key}",
        "verbs": (Verb.APPROVE, Verb.EDIT, Verb.REJECT),
        "actions": (
            Action(
                "refund",
                {"order": key, "amount": 12},
                {"type": "object", "properties": {"amount": {"type": "integer", "maximum": 100}}},
            ),
        ),
        "created_at": datetime.now(UTC) - timedelta(minutes=3),
    }
    return Item(endpoint=endpoint, key=key, **{**given, **more})  # type: ignore[arg-type]


class ScriptedConnector(Connector):
    """Speaks to an ``Agent`` object instead of a server."""

    kind = "scripted"
    tested = "itself"
    verbs = {"approve": "a call"}  # noqa: RUF012
    proof = "the agent's own list of what it did"

    def __init__(self, config: EndpointConfig, wire: Wire, agent: Agent) -> None:
        super().__init__(config, wire)
        self.agent = agent

    @classmethod
    async def recognise(cls, wire: Wire) -> Match | None:
        return None

    async def about(self) -> Match:
        return Match(self.kind, "7", warning=self.agent.version_warning)

    async def poll(self) -> Poll:
        self.agent.polls += 1
        if self.agent.poll_error:
            raise self.agent.poll_error
        return self.agent.same_list or Poll(tuple(self.agent.items.values()), self.agent.problems)

    async def context(self, item: Item) -> Context:
        return Context(messages=(Message("user", "please"),))

    def lane(self, item: Item) -> str:
        return item.key.partition("/")[0]

    def check(self, item: Item, decision: Decision) -> list[str]:
        return ["too much at once"] if item.title.startswith("Too") else []

    async def reread(self, item: Item) -> Item | Gone:
        if self.agent.reread_error:
            raise self.agent.reread_error
        return self.agent.items.get(item.key) or self.agent.answered.get(item.key, Gone("not known"))

    async def send(self, item: Item, decision: Decision) -> Receipt:
        self.agent.sends += 1
        self.agent.in_flight += 1
        self.agent.most_in_flight = max(self.agent.most_in_flight, self.agent.in_flight)
        try:
            if self.agent.gate:
                await self.agent.gate.wait()
            await asyncio.sleep(0)
            if error := self.agent.before_acting():
                raise error
            self.agent.acted.append((item.key, decision.id))
            self.agent.items.pop(item.key, None)
            self.agent.answered[item.key] = Gone("answered", f"by {decision.operator}")
            if error := self.agent.after_acting():
                raise error
        finally:
            self.agent.in_flight -= 1
        return Receipt(decision.id)

    async def settle(self, item: Item, decision: Decision, receipt: Receipt | None) -> Outcome:
        if self.agent.settle_error:
            raise self.agent.settle_error
        if (item.key, decision.id) not in self.agent.acted:
            return Outcome(DeliveryState.UNKNOWN, "the agent knows nothing of it")
        if self.agent.working:
            return Outcome(DeliveryState.SENT, "the agent is at work")
        return Outcome(DeliveryState.CONFIRMED, "the agent did it", effect=f"refunded {item.key}")

    async def repair(self, item: Item) -> str | None:
        if item.repair is None:
            return None
        self.agent.repaired = True
        return "asked the agent to ask again"


def make_desk(
    agent: Agent,
    data: Path,
    *,
    hold_s: float = 0.0,
    payload_days: int | None = None,
    settings: dict[str, object] | None = None,
    **more: object,
) -> Desk:
    """A desk with one endpoint, ``agent``, polled every 20 ms. ``settings``: more of the configuration."""
    given = {"name": "agent", "kind": "scripted", "url": "http://agent.invalid", "poll_s": 0.02}
    own = {"endpoints": {"agent": given}, **(settings or {})}
    config = msgspec.convert({"hold_s": hold_s, "payload_days": payload_days, **own}, Config)

    def opener(config: EndpointConfig, clients: Clients) -> Connector:
        return ScriptedConnector(config, Wire(clients.client(), config.url), agent)

    return Desk(config, data, opener=opener, **{"operator": "ann", **more})  # type: ignore[arg-type]
