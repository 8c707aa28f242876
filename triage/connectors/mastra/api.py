"""The routes of a Mastra server that are used here, and the parts of their answers that are read."""

from __future__ import annotations

from typing import Any

import msgspec

from triage.connectors.http import Declined, Denied, Garbled, Missing, Reply, Wire, segment

__all__ = [
    "AgentRun",
    "Api",
    "Run",
    "Step",
    "Suspended",
    "ToolCall",
    "WorkflowInfo",
    "told_missing",
]

PER_PAGE = 100
_MAX_PAGES = 1000
_READINGS = 5
"""How often a list that changes while it is read is read anew."""


class WorkflowInfo(msgspec.Struct, frozen=True):
    """A workflow as its server describes it."""

    steps: dict[str, Any] = {}
    all_steps: dict[str, Any] = msgspec.field(name="allSteps", default_factory=dict)
    """With the steps of workflows within it, as ``outer.inner``."""


class Step(msgspec.Struct, frozen=True, rename="camel"):
    """Where one step of a run stands."""

    status: str = ""
    """success, failed, suspended, running, canceled, waiting …"""
    payload: Any = None
    """The step's input."""
    output: Any = None
    error: Any = None
    suspend_payload: Any = None
    suspended_at: int | float | None = None
    resume_payload: Any = msgspec.UNSET
    """The answer that it was resumed with."""


class Run(msgspec.Struct, frozen=True, rename="camel"):
    """One run of a workflow, read alone."""

    run_id: str = ""
    status: str = ""
    payload: Any = None
    steps: dict[str, Any] = {}
    suspended_paths: dict[str, Any] = {}
    result: Any = None
    error: Any = None

    def step(self, name: str) -> Step | None:
        """A step; None where the run has not come to it. Raises Garbled when it cannot be read."""
        raw = self.steps.get(name)
        try:
            return None if raw is None else msgspec.convert(raw, Step)
        except msgspec.ValidationError as error:
            raise Garbled(f"step {name} of run {self.run_id} cannot be read: {error}") from error


class _Snapshot(msgspec.Struct, frozen=True, rename="camel"):
    status: str = ""
    context: dict[str, Any] = {}
    suspended_paths: dict[str, Any] = {}


class Suspended(msgspec.Struct, frozen=True, rename="camel"):
    """One suspended run of a workflow, as listed."""

    run_id: str
    snapshot: _Snapshot | str

    def run(self) -> Run:
        """The same as if read alone. Raises msgspec.ValidationError or DecodeError."""
        shot = self.snapshot
        if isinstance(shot, str):
            shot = msgspec.json.decode(shot, type=_Snapshot)
        steps = {name: step for name, step in shot.context.items() if name != "input"}
        payload = shot.context.get("input")
        return Run(
            run_id=self.run_id,
            status=shot.status,
            payload=payload,
            steps=steps,
            suspended_paths=shot.suspended_paths,
        )


class ToolCall(msgspec.Struct, frozen=True, rename="camel"):
    """What an agent's run is suspended for: a call that needs approval, or a tool that asks."""

    tool_call_id: str
    tool_name: str
    requires_approval: bool
    args: Any = None
    suspend_payload: Any = None


class AgentRun(msgspec.Struct, frozen=True, rename="camel"):
    """One suspended run of an agent, as listed. It stays listed while an approved tool is at work."""

    run_id: str
    tool_calls: list[Any]
    status: str = "suspended"
    suspended_at: str | None = None
    thread_id: str | None = None
    resource_id: str | None = None


class _Listed(msgspec.Struct, frozen=True):
    runs: list[Any]
    total: int | None = None


class Api:
    """One server. Every method raises EndpointError when the answer is an error or cannot be read."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.base = "" if wire.url.endswith("/api") else "api/"

    async def workflows(self) -> dict[str, Any]:
        """Id → a workflow's description, as it came."""
        return _object(await self.wire.get(f"{self.base}workflows"))

    async def agents(self) -> dict[str, Any]:
        """Id → an agent's description, as it came."""
        return _object(await self.wire.get(f"{self.base}agents"))

    async def suspended_workflows(self) -> set[str] | None:
        """Ids of the workflows with suspended runs; None where the server does not count them."""
        try:
            counts = _object(await self.wire.get(f"{self.base}workflows/run-counts"))
            return {name for name, count in counts.items() if count["suspended"]}
        except Denied:
            raise
        except (Declined, Garbled, TypeError, KeyError):
            return None

    async def workflow_runs(self, workflow_id: str) -> list[Any]:
        """Rows of a workflow's suspended runs."""
        path = f"{self.base}workflows/{segment(workflow_id)}/runs"
        return await self._all(path, {"status": "suspended"})

    async def agent_runs(self, agent_id: str) -> list[Any]:
        """Rows of an agent's suspended runs."""
        return await self._all(f"{self.base}agents/{segment(agent_id)}/suspended-runs", {})

    async def run(self, workflow_id: str, run_id: str, *, fields: str = "") -> Run | None:
        """One run of a workflow; None when there is none of that id."""
        path = f"{self.base}workflows/{segment(workflow_id)}/runs/{segment(run_id)}"
        try:
            reply = await self.wire.get(path, params={"fields": fields} if fields else None)
        except Missing as error:
            if not told_missing(error.reply):
                raise Garbled(
                    f"{error.reply.where} answered 404 with something that is not Mastra's"
                ) from error
            return None
        found: Run = reply.decode(Run)
        return found

    async def resume(self, workflow_id: str, run_id: str, body: dict[str, Any], timeout_s: float) -> Reply:
        """Answer a step, and wait until the run ends or suspends again. The other routes say yes to a run
        that has ended."""
        path = f"{self.base}workflows/{segment(workflow_id)}/resume-async"
        return await self._post(path, body, timeout_s, {"runId": run_id})

    async def cancel(self, workflow_id: str, run_id: str, timeout_s: float) -> Reply:
        """End a run."""
        path = f"{self.base}workflows/{segment(workflow_id)}/runs/{segment(run_id)}/cancel"
        return await self._post(path, {}, timeout_s)

    async def answer_call(self, agent_id: str, route: str, body: dict[str, Any], timeout_s: float) -> Reply:
        """Answer an agent's tool call, and wait until its run ends or suspends again: minutes, it may be."""
        return await self._post(f"{self.base}agents/{segment(agent_id)}/{route}", body, timeout_s)

    async def core_version(self) -> str:
        """The version of ``@mastra/core``; empty where the server does not tell."""
        try:
            told = _object(await self.wire.get(f"{self.base}system/packages"))
        except (Declined, Garbled):
            return ""
        packages = told.get("packages")
        for package in packages if isinstance(packages, list) else []:
            if isinstance(package, dict) and package.get("name") == "@mastra/core":
                return str(package.get("version") or "")
        return ""

    async def _post(
        self, path: str, body: dict[str, Any], timeout_s: float, params: dict[str, Any] | None = None
    ) -> Reply:
        """The answer, whatever its status."""
        headers = {"accept": "application/json, text/event-stream"}
        return await self.wire.request(
            "POST", path, params=params, json=body, headers=headers, timeout_s=timeout_s
        )

    async def _all(self, path: str, params: dict[str, Any]) -> list[Any]:
        """Every row of a list in pages. It is read anew until it did not change meanwhile and as many came
        as there are said to be, or until the same come twice: no row that moved is missed."""
        before: set[str] | None = None
        for _ in range(_READINGS):
            rows, steady = await self._read(path, params)
            names = {row["runId"] for row in rows if _has_id(row)}
            if steady or names == before:
                return rows
            before = names
        raise Garbled(f"GET /{path} changes faster than it can be read")

    async def _read(self, path: str, params: dict[str, Any]) -> tuple[list[Any], bool]:
        """The distinct rows of all pages, and whether they are as many as every page says there are."""
        found: dict[str, Any] = {}
        nameless: list[Any] = []
        totals: set[int] = set()
        for number in range(_MAX_PAGES):
            reply = await self.wire.get(path, params={**params, "page": number, "perPage": PER_PAGE})
            page: _Listed = reply.decode(_Listed)
            new = {row["runId"]: row for row in page.runs if _has_id(row) and row["runId"] not in found}
            found.update(new)
            nameless += [row for row in page.runs if not _has_id(row)]
            totals |= set() if page.total is None else {page.total}
            seen = len(found) + len(nameless)
            # A page with nothing new is past the end, or of a server that knows no pages.
            if not new or (page.total is not None and seen >= page.total):
                return [*found.values(), *nameless], len(totals) <= 1 and seen >= max(totals, default=0)
        raise Garbled(f"GET /{path} has more than {_MAX_PAGES} pages")


def told_missing(reply: Reply) -> bool:
    """Whether a 404 is the server's own word on a run, not that of a proxy or of a route it lacks."""
    try:
        body = reply.json
    except Garbled:
        return False
    return isinstance(body, dict) and "error" in body


def _object(reply: Reply) -> dict[str, Any]:
    found: dict[str, Any] = reply.decode(dict[str, Any])
    return found


def _has_id(row: Any) -> bool:
    return isinstance(row, dict) and isinstance(row.get("runId"), str)
