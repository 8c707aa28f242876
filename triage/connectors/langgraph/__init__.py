"""LangGraph's Agent Server: what its threads were interrupted for, answered by interrupt id."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from triage.connectors.base import Connector, Match, Poll
from triage.connectors.http import Garbled, Wire
from triage.connectors.langgraph import sending
from triage.connectors.langgraph.api import Api
from triage.connectors.langgraph.looking import Looking
from triage.connectors.langgraph.preflight import misfits
from triage.connectors.langgraph.settling import Landing, Settling
from triage.connectors.langgraph.talk import messages
from triage.model.decision import Decision, Outcome, Receipt
from triage.model.endpoint import EndpointConfig
from triage.model.item import Context, Gone, Item

__all__ = ["LangGraph", "LangGraphConfig"]


class LangGraphConfig(EndpointConfig, frozen=True, kw_only=True):
    """Settings of a LangGraph endpoint."""

    errors: bool = True
    """Whether threads that ended in an error and ask nothing are shown too."""
    metadata: dict[str, Any] = msgspec.field(default_factory=dict)
    """Show only threads whose metadata contains this, for instance ``{graph_id = "mail"}``."""


class LangGraph(Connector):
    """One Agent Server (``langgraph dev``, self-hosted or hosted)."""

    kind = "langgraph"
    Config = LangGraphConfig
    tested = "Agent Server 0.16 with langgraph 1.2"
    verbs: ClassVar[dict[str, str]] = {
        "approve": "a run that resumes the interrupt with accept / approve; lets a breakpoint go on",
        "edit": "the same with the edited arguments",
        "reject": "the same with reject and the reason (langchain's middleware only)",
        "respond": "the same with the answer; for a tool call it stands in for the tool's result",
        "ignore": "the same with ignore (agent inbox only)",
        "close": "ends the thread's run by a change of its state",
    }
    proof = (
        "The question is gone from the thread's state, and our run is the one that wrote the next "
        "checkpoint or answered it first."
    )

    def __init__(self, config: EndpointConfig, wire: Wire) -> None:
        super().__init__(config, wire)
        self._api = Api(wire)
        self._looking = Looking(config.name, self._api)
        self._landing = Landing()

    @classmethod
    async def recognise(cls, wire: Wire) -> Match | None:
        """An Agent Server says in ``GET /info`` which langgraph it runs."""
        reply = await wire.request("GET", "/info")
        if reply.status >= 400:
            return None
        try:
            info = reply.json
        except Garbled:
            return None
        if not isinstance(info, dict) or not isinstance(info.get("flags"), dict):
            return None
        if "langgraph_py_version" not in info or "assistants" not in info["flags"]:
            return None
        version, library = str(info.get("version") or ""), str(info["langgraph_py_version"] or "")
        known = version.startswith("0.16.") and library.startswith("1.2.")
        return Match(
            kind=cls.kind,
            version=version,
            detail=f"LangGraph Agent Server {version} with langgraph {library}",
            warning="" if known else f"tested with {cls.tested}; this is {version} with {library}",
        )

    async def poll(self) -> Poll:
        """Interrupted threads and those in error."""
        poll = await self._looking.poll(self.config.metadata)
        if self.config.errors:
            return poll
        return Poll(tuple(item for item in poll.items if item.locator["shape"] != "error"), poll.problems)

    async def context(self, item: Item) -> Context:
        """The thread's messages, and the rest of its values."""
        state = await self._api.state(item.locator["thread_id"])
        values = state.values if state else None
        if not isinstance(values, dict):
            return Context(state=values)
        rest = {key: value for key, value in values.items() if key != "messages"}
        return Context(messages=messages(values.get("messages")), state=rest or None)

    def lane(self, item: Item) -> str:
        """The thread: it runs one thing at a time."""
        thread_id: str = item.locator["thread_id"]
        return thread_id

    async def reread(self, item: Item) -> Item | Gone:
        """The question as the thread's state has it now."""
        return await self._looking.reread(item)

    def check(self, item: Item, decision: Decision) -> list[str]:
        """Refuses what the server would take and the graph then choke on: such an answer stays stored."""
        return misfits(item, decision.verdicts)

    async def send(self, item: Item, decision: Decision) -> Receipt:
        """One run, refused when any other is under way; to close, one change of the thread's state."""
        return await sending.send(self._api, item, decision)

    async def settle(self, item: Item, decision: Decision, receipt: Receipt | None) -> Outcome:
        """See ``settling``. A lost send that left no trace is refused once it can no longer arrive."""
        return await Settling(self._api, item, decision, receipt, self._landing).outcome()

    async def repair(self, item: Item) -> str | None:
        """Ask a question anew whose kept answer fails, or run a failed step again, if it still does."""
        if item.repair is None:
            return None
        now = await self.reread(item)
        if isinstance(now, Gone) or now.repair is None:
            return None
        return await sending.repair(self._api, now)
