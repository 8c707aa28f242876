"""What waits on a Mastra server: suspended runs of its workflows and of its agents."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

import msgspec

from triage.connectors.base import Poll
from triage.connectors.few_at_a_time import few_at_a_time
from triage.connectors.http import Busy, Declined, Garbled
from triage.connectors.mastra.api import AgentRun, Api, Suspended, ToolCall, WorkflowInfo
from triage.connectors.mastra.asking import call_item, step_items
from triage.model.item import Item

__all__ = ["Looking"]


class _Found(msgspec.Struct, frozen=True):
    """What waits of one workflow or agent, or of several."""

    items: list[Item]
    problems: list[str]


class Looking:
    """One server's suspended runs. Remembers how it described its workflows.

    Args:
        schemas: JSON Schemas of answers, by tool.
    """

    def __init__(self, endpoint: str, api: Api, schemas: Mapping[str, dict[str, Any]]) -> None:
        self.endpoint = endpoint
        self.api = api
        self.schemas = schemas
        self._workflows: dict[str, Any] = {}

    async def poll(self) -> Poll:
        """Every waiting step of every workflow, and every waiting tool call of every agent."""
        self._workflows = await self.api.workflows()
        agents = await self.api.agents()
        counted = await self.api.suspended_workflows()
        workflows = [name for name in self._workflows if counted is None or name in counted]
        found = await asyncio.gather(
            self._each("workflow", workflows, self._of_workflow), self._each("agent", agents, self._of_agent)
        )
        items = [item for one in found for item in one.items]
        return Poll(tuple(items), tuple(problem for one in found for problem in one.problems))

    async def steps_of(self, workflow_id: str, run_id: str) -> list[Item] | None:
        """The items of one run of a workflow, read alone; None when there is no such run."""
        run = await self.api.run(workflow_id, run_id)
        if run is None:
            return None
        if workflow_id not in self._workflows:
            self._workflows = await self.api.workflows()
        found = msgspec.structs.replace(run, run_id=run_id)
        return list(step_items(self.endpoint, workflow_id, found, self._info(workflow_id, [])))

    async def calls_of(self, agent_id: str, run_id: str) -> list[Item]:
        """The items of one run of an agent, as listed now; empty when it is not listed."""
        rows = [row for row in await self.api.agent_runs(agent_id) if _is_run(row, run_id)]
        found = self._read_calls(agent_id, rows)
        if found.problems:
            raise Garbled(found.problems[0])
        return found.items

    async def _each(self, sort: str, names: Iterable[str], of: Callable[[str], Awaitable[_Found]]) -> _Found:
        """What waits of each name, a few at a time and in their order. What one of them declines is a
        problem, what goes for all of them is raised."""

        async def one(name: str) -> _Found:
            try:
                return await of(name)
            except Busy:
                raise
            except (Declined, Garbled) as error:
                return _Found([], [f"what waits of {sort} {name} cannot be listed: {error}"])

        each = await few_at_a_time(one, dict.fromkeys(names))
        return _Found(
            [item for one in each for item in one.items], [words for one in each for words in one.problems]
        )

    async def _of_workflow(self, name: str) -> _Found:
        rows = await self.api.workflow_runs(name)
        problems: list[str] = []
        info = self._info(name, problems)
        items: list[Item] = []
        for row in rows:
            try:
                run = msgspec.convert(row, Suspended).run()
                found = list(step_items(self.endpoint, name, run, info))
            except (msgspec.ValidationError, msgspec.DecodeError, Garbled, RecursionError) as error:
                problems.append(f"{_name_of(row)} of workflow {name} cannot be read: {error}")
                continue
            if not found and run.status == "suspended":
                problems.append(f"{_name_of(row)} of workflow {name} is suspended at no step that it names")
            items += found
        return _Found(items, problems)

    async def _of_agent(self, name: str) -> _Found:
        return self._read_calls(name, await self.api.agent_runs(name))

    def _read_calls(self, name: str, rows: list[Any]) -> _Found:
        items: list[Item] = []
        problems: list[str] = []
        for row in rows:
            try:
                run = msgspec.convert(row, AgentRun)
                calls = msgspec.convert(run.tool_calls, list[ToolCall])
            except msgspec.ValidationError as error:
                problems.append(f"{_name_of(row)} of agent {name} cannot be read: {error}")
                continue
            if run.status == "suspended":
                items += [call_item(self.endpoint, name, run, call, self.schemas) for call in calls]
        return _Found(items, problems)

    def _info(self, workflow_id: str, problems: list[str]) -> WorkflowInfo:
        """How the server describes a workflow; without schemas where that cannot be read."""
        try:
            return msgspec.convert(self._workflows.get(workflow_id, {}), WorkflowInfo)
        except msgspec.ValidationError as error:
            problems.append(f"workflow {workflow_id} is not described in a way that can be read: {error}")
            return WorkflowInfo()


def _is_run(row: Any, run_id: str) -> bool:
    return isinstance(row, dict) and row.get("runId") == run_id


def _name_of(row: Any) -> str:
    name = row.get("runId") if isinstance(row, dict) else None
    return f"run {name}" if isinstance(name, str) and name else "a run without an id"
