"""Mastra's server: suspended steps of its workflows, and tool calls of its agents that wait for a person."""

from __future__ import annotations

import time
from typing import Any, ClassVar

import msgspec

from triage.connectors.base import Connector, Match, Poll, Refusal
from triage.connectors.http import Declined, Denied, EndpointError, Garbled, Unreachable, Wire
from triage.connectors.mastra.answering import carry
from triage.connectors.mastra.api import Api
from triage.connectors.mastra.asking import STEP
from triage.connectors.mastra.looking import Looking
from triage.connectors.mastra.settling import call_outcome, gone_step, step_outcome, still_suspended
from triage.model.decision import Decision, DeliveryState, Outcome, Receipt
from triage.model.endpoint import EndpointConfig
from triage.model.item import Context, Gone, Item, Verb

__all__ = ["Mastra", "MastraConfig"]

_NEVER_ARRIVED_S = 30.0
"""An answer to a step whose reply was lost cannot arrive later than this after it was first found missing."""
_FIELDS = "steps,result"


class MastraConfig(EndpointConfig, frozen=True, kw_only=True):
    """Settings of a Mastra endpoint."""

    answer_timeout_s: float = 900.0
    """How long to wait for an agent to be done after its tool call was answered. What came of the answer is
    told by that reply alone: when it does not come in time, nobody knows."""
    answer_schemas: dict[str, dict[str, Any]] = msgspec.field(default_factory=dict)
    """Tool → JSON Schema of the answers to what it asks; the server does not tell it."""


class Mastra(Connector):
    """One server (``mastra dev``, or a built one)."""

    kind = "mastra"
    Config = MastraConfig
    tested = "@mastra/core 1.71"
    verbs: ClassVar[dict[str, str]] = {
        "approve": "POST …/approve-tool-call-generate (an agent's tool call)",
        "reject": "POST …/decline-tool-call-generate with the reason (an agent's tool call)",
        "respond": "POST …/resume-async with the step's resumeData; POST …/resume-stream for a tool that asks",
        "close": "POST …/cancel (a workflow's run)",
    }
    proof = (
        "Of a workflow its run, read again: the step's resumePayload is our answer. Of an agent the reply "
        "alone, which shows the tool's result; a lost reply stays unknown."
    )

    def __init__(self, config: EndpointConfig, wire: Wire) -> None:
        super().__init__(config, wire)
        self.api = Api(wire)
        self.looking = Looking(config.name, self.api, self.config.answer_schemas)
        self._answered: set[str] = set()
        self._missing_since: dict[str, float] = {}

    @classmethod
    async def recognise(cls, wire: Wire) -> Match | None:
        """Workflows and agents as Mastra describes them; its version where it tells it."""
        api = Api(wire)
        try:
            workflows, agents = await api.workflows(), await api.agents()
        except Denied:
            raise
        except (Declined, Garbled):
            return None
        described = [*(_is_workflow(one) for one in workflows.values())]
        described += [_is_agent(one) for one in agents.values()]
        if not described or not all(described):
            return None
        version = await api.core_version()
        known = not version or version.startswith("1.71.")
        told = f"@mastra/core {version}" if version else "of no told version"
        return Match(
            kind=cls.kind,
            version=version,
            detail=f"Mastra server, {told}, with {len(workflows)} workflows and {len(agents)} agents",
            warning="" if known else f"tested with {cls.tested}; this is {version}",
        )

    # -- looking

    async def poll(self) -> Poll:
        """What waits in every workflow and at every agent."""
        return await self.looking.poll()

    async def context(self, item: Item) -> Context:
        """Of a step its input, and what the steps before it gave; of a tool call the thread it belongs to."""
        where = item.locator
        if where["sort"] != STEP:
            told = {name: where[name] for name in ("run_id", "thread_id", "resource_id") if where[name]}
            return Context(state=told)
        run = await self.api.run(where["workflow_id"], where["run_id"])
        if run is None:
            return Context()
        step = run.step(where["step"])
        outputs = {name: _output(raw) for name, raw in run.steps.items() if _output(raw) is not None}
        return Context(
            state={"input": run.payload, "step input": step.payload if step else None, "outputs": outputs}
        )

    def lane(self, item: Item) -> str:
        """The run: it goes on with one answer at a time."""
        run_id: str = item.locator["run_id"]
        return run_id

    async def reread(self, item: Item) -> Item | Gone:
        """The same question, when its run still waits for it."""
        if item.locator["sort"] == STEP:
            return await self._reread_step(item)
        if item.key in self._answered:
            return Gone("answered", "answered from here; a second answer could run the tool twice")
        calls = await self.looking.calls_of(item.locator["agent_id"], item.locator["run_id"])
        found = next((one for one in calls if one.key == item.key), None)
        if found is not None:
            return found
        return Gone(
            "not known", "the run waits for another call" if calls else "the run is no longer suspended"
        )

    async def _reread_step(self, item: Item) -> Item | Gone:
        where = item.locator
        steps = await self.looking.steps_of(where["workflow_id"], where["run_id"])
        found = next((one for one in steps or () if one.key == item.key), None)
        if found is not None:
            return found
        run = await self.api.run(where["workflow_id"], where["run_id"])
        return gone_step(item, run) if run else Gone("deleted", "the run is no longer there")

    # -- doing

    async def send(self, item: Item, decision: Decision) -> Receipt:
        """One answer. To an agent's tool call never a second one, whatever came of the first."""
        if item.locator["sort"] != STEP:
            return await self._send_to_agent(item, decision)
        if decision.verb is Verb.CLOSE:
            await self._make_sure(item)
        return await carry(self.api, item, decision, self.config.answer_timeout_s)

    async def _make_sure(self, item: Item) -> None:
        """Raises Refusal unless the step still waits: a run that went on can be cancelled as well."""
        run = await self.api.run(item.locator["workflow_id"], item.locator["run_id"])
        if run is None or not still_suspended(item, run):
            raise Refusal("nothing was sent: the step no longer waits")

    async def _send_to_agent(self, item: Item, decision: Decision) -> Receipt:
        if item.key in self._answered:
            raise Refusal(
                "nothing was sent: this call was answered from here already, and a second answer "
                "could run the tool twice"
            )
        self._answered.add(item.key)
        try:
            return await carry(self.api, item, decision, self.config.answer_timeout_s)
        except (Refusal, Unreachable):
            self._answered.discard(item.key)
            raise

    async def settle(self, item: Item, decision: Decision, receipt: Receipt | None) -> Outcome:
        """See ``settling``."""
        where = item.locator
        if where["sort"] != STEP:
            return call_outcome(item, decision, receipt, await self._waiting(item))
        run = await self.api.run(where["workflow_id"], where["run_id"], fields=_FIELDS)
        outcome = step_outcome(item, decision, receipt, run)
        if receipt is not None or run is None or not still_suspended(item, run):
            self._missing_since.pop(decision.id, None)
            return outcome
        since = self._missing_since.setdefault(decision.id, time.monotonic())
        if time.monotonic() - since < _NEVER_ARRIVED_S:
            return outcome
        return Outcome(DeliveryState.REFUSED, "it never arrived; the step still waits")

    async def _waiting(self, item: Item) -> list[Item] | None:
        """What an agent's run waits for now; None when that cannot be read, which proves nothing anyway."""
        try:
            return await self.looking.calls_of(item.locator["agent_id"], item.locator["run_id"])
        except EndpointError:
            return None


def _is_workflow(described: Any) -> bool:
    return isinstance(described, dict) and {"steps", "stepGraph"} <= described.keys()


def _is_agent(described: Any) -> bool:
    return isinstance(described, dict) and {"name", "instructions"} <= described.keys()


def _output(step: Any) -> Any:
    return step.get("output") if isinstance(step, dict) else None
