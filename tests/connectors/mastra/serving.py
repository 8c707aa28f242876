"""A small server that acts as Mastra's does: workflows that are resumed once, tools that run as often as
they are approved while they are at work, 500 for what comes too late."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from tests.connectors.kit.server import Request, Response, Server

__all__ = ["REVIEW", "MastraServer"]

REVIEW: dict[str, Any] = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "object",
    "properties": {"approved": {"type": "boolean"}, "text": {"type": "string"}},
    "required": ["approved"],
    "additionalProperties": False,
}
"""What the steps of its workflows take."""
NOT_FOUND = Response(b"404 Not Found", 404, {"content-type": "text/plain"})
CALL = {"requiresApproval": True, "toolName": "send_email", "args": {"to": "anna@example.com"}}


class MastraServer(Server):
    """Two workflows and two agents. ``ran`` names the tool calls that ran, as often as they did."""

    def __init__(self, token: str | None = None) -> None:
        super().__init__()
        self.token = token
        self.page = 100
        """Rows of a page at most, however many are asked for."""
        self.version: str | None = "1.71.0"
        self.counts = True
        self.workflows = {name: self._described() for name in ("publish", "deploy now")}
        self.agents: dict[str, Any] = {
            name: {"name": name, "instructions": "obey", "tools": {}} for name in ("ops", "sales team")
        }
        self.runs: dict[str, dict[str, Any]] = {}
        self.calls: dict[str, dict[str, Any]] = {}
        """Suspended runs of agents."""
        self.ran: list[str] = []
        self.declined: list[tuple[str, str]] = []
        self.resumed: list[str] = []
        self.cancelled: list[str] = []
        self.gate: asyncio.Event | None = None
        """What tools wait for while they are at work."""
        self._number = itertools.count(1)
        get, post = self._get, self._post
        get("/api/workflows", lambda _: Response(self.workflows))
        get("/api/workflows/run-counts", self._run_counts)
        get("/api/agents", lambda _: Response(self.agents))
        get("/api/system/packages", self._packages)
        get("/api/workflows/{id}/runs", self._workflow_runs)
        get("/api/workflows/{id}/runs/{run}", self._run)
        get("/api/agents/{id}/suspended-runs", self._agent_runs)
        post("/api/workflows/{id}/resume-async", self._resume)
        post("/api/workflows/{id}/runs/{run}/cancel", self._cancel)
        self.route("POST", "/api/agents/{id}/approve-tool-call-generate")(self._approve)
        post("/api/agents/{id}/decline-tool-call-generate", self._decline)
        post("/api/agents/{id}/resume-stream", self._resume_stream)

    def _get(self, path: str, handler: Callable[[Request], Response]) -> None:
        self.route("GET", path)(_async(handler))

    def _post(self, path: str, handler: Callable[[Request], Response]) -> None:
        self.route("POST", path)(_async(handler))

    def instead(self, method: str, path: str, handler: Callable[[Request], Response]) -> None:
        """Answer a route in another way."""
        self.route(method, path)(_async(handler))
        self._routes.insert(0, self._routes.pop())

    def as_before(self) -> None:
        """Take back what was last said to be answered in another way."""
        self._routes.pop(0)

    async def _respond(self, request: Request) -> Response:
        if self.token and request.headers.get("authorization") != f"Bearer {self.token}":
            return Response({"error": "Invalid or expired token"}, 401)
        reply = await super()._respond(request)
        return NOT_FOUND if reply.body == {"detail": "Not Found"} else reply

    # What the tests make it do

    def suspend(self, workflow: str = "publish", *, twice: bool = False, **payload: Any) -> str:
        """A run of a workflow that waits at its step ``review``; ``twice``: and then once more."""
        run_id = f"run-{next(self._number)}"
        self.runs[run_id] = {
            "runId": run_id,
            "workflowName": workflow,
            "status": "suspended",
            "payload": {"topic": "cats"},
            "again": twice,
            "steps": {
                "draft": {"status": "success", "output": {"text": "A post about cats"}},
                "review": {
                    "status": "suspended",
                    "payload": {"topic": "cats"},
                    "suspendPayload": payload or {"question": "Publish?", "draft": "A post about cats"},
                    "suspendedAt": self._now(),
                },
            },
            "suspendedPaths": {"review": [1]},
        }
        return run_id

    def propose(self, agent: str = "ops", *calls: dict[str, Any]) -> str:
        """A run of an agent that waits for its first call, and then for each further one; the call's id."""
        run_id, made = f"run-{next(self._number)}", []
        for call in calls or (CALL,):
            made.append({"toolCallId": f"call-{next(self._number)}", **call})
        self.calls[run_id] = {
            "runId": run_id,
            "agent": agent,
            "threadId": "thread-1",
            "suspendedAt": "2026-11-22T06:23:51.400Z",
            "calls": made,
        }
        return str(made[0]["toolCallId"])

    def run_of(self, call_id: str) -> dict[str, Any]:
        return next(run for run in self.calls.values() if run["calls"][0]["toolCallId"] == call_id)

    def posts(self, ending: str = "") -> list[Request]:
        return [one for one in self.asked if one.method == "POST" and one.path.endswith(ending)]

    def _described(self) -> dict[str, Any]:
        schema = msgspec.json.encode({"json": REVIEW}).decode()
        steps = {"review": {"id": "review", "resumeSchema": schema}, "draft": {"id": "draft"}}
        return {"name": "a workflow", "steps": steps, "stepGraph": [], "allSteps": steps}

    def _now(self) -> int:
        return time.time_ns() // 1_000_000 + next(self._number)

    # Looking

    def _run_counts(self, request: Request) -> Response:
        if not self.counts:
            return Response({"error": "Workflow not found"}, 404)
        waiting = [run["workflowName"] for run in self.runs.values() if run["status"] == "suspended"]
        return Response({name: {"running": 0, "suspended": waiting.count(name)} for name in self.workflows})

    def _packages(self, request: Request) -> Response:
        if self.version is None:
            return NOT_FOUND
        return Response({"packages": [{"name": "@mastra/core", "version": self.version}]})

    def _workflow_runs(self, request: Request) -> Response:
        wanted = request.query.get("status")
        found = [
            self._listed(run)
            for run in self.runs.values()
            if run["workflowName"] == request.params["id"] and run["status"] == wanted
        ]
        return self._page(request, found)

    def _listed(self, run: dict[str, Any]) -> dict[str, Any]:
        snapshot = {
            "status": run["status"],
            "context": {"input": run["payload"], **run["steps"]},
            "suspendedPaths": run["suspendedPaths"],
        }
        return {"workflowName": run["workflowName"], "runId": run["runId"], "snapshot": snapshot}

    def _run(self, request: Request) -> Response:
        run = self.runs.get(request.params["run"])
        if run is None:
            return Response({"error": "Workflow run not found"}, 404)
        if "fields" not in request.query:
            return Response({key: value for key, value in run.items() if key != "again"})
        wanted = ("runId", "status", *request.query["fields"].split(","))
        return Response({key: run[key] for key in wanted if key in run})

    def _agent_runs(self, request: Request) -> Response:
        found = [
            {
                **{key: value for key, value in run.items() if key not in ("calls", "agent")},
                "status": "suspended",
                "toolCalls": run["calls"][:1],
            }
            for run in list(self.calls.values())[::-1]
            if run["agent"] == request.params["id"]
        ]
        return self._page(request, found)

    def _page(self, request: Request, rows: list[dict[str, Any]]) -> Response:
        size = min(self.page, int(request.query.get("perPage", 100)))
        start = int(request.query.get("page", 0)) * size
        return Response({"runs": rows[start : start + size], "total": len(rows)})

    # Workflows

    def _resume(self, request: Request) -> Response:
        run, body = self.runs.get(request.query.get("runId", "")), msgspec.json.decode(request.body)
        if run is None:
            return Response({"error": "Workflow run not found"}, 404)
        if run["status"] != "suspended":
            return Response({"error": "This workflow run was not suspended"}, 500)
        if body["step"] not in run["suspendedPaths"]:
            words = (
                f'This workflow step "{body["step"]}" was not suspended. Available suspended steps: [review]'
            )
            return Response({"error": words}, 500)
        answer = body["resumeData"]
        if not isinstance(answer, dict) or not isinstance(answer.get("approved"), bool):
            return Response(
                {"error": "Invalid resume data: \n- approved: Invalid input: expected boolean"}, 400
            )
        self.resumed.append(run["runId"])
        step = run["steps"]["review"]
        step.update(resumePayload=answer, resumedAt=self._now())
        if run["again"]:
            step.update(suspendedAt=self._now(), suspendPayload={"question": "Really?"})
            run["again"] = False
        else:
            step.update(status="success", output=answer)
            run.update(status="success", result=answer, suspendedPaths={})
        return Response({"status": run["status"], "steps": run["steps"], "runId": run["runId"]})

    def _cancel(self, request: Request) -> Response:
        run = self.runs.get(request.params["run"])
        if run is None:
            return Response({"error": "Workflow run not found"}, 404)
        if run["status"] == "suspended":
            self.cancelled.append(run["runId"])
            run["status"] = "canceled"
        return Response({"message": "Workflow run cancelled"})

    # Agents

    async def _approve(self, request: Request) -> Response:
        """Runs the tool. While it does the run stays as it was, so that another approval runs it again."""
        body = msgspec.json.decode(request.body)
        refusal = self._refusal(request, "resumeGenerate")
        if refusal:
            return refusal
        call_id = body["toolCallId"]
        self.ran.append(call_id)
        if self.gate:
            await self.gate.wait()
        return self._after(body, [_result(call_id, {"sent": True})], "finished")

    def _decline(self, request: Request) -> Response:
        body = msgspec.json.decode(request.body)
        refusal = self._refusal(request, "resumeGenerate")
        if refusal:
            return refusal
        reason = body.get("reason", "Tool call was not approved by the user")
        self.declined.append((body["toolCallId"], reason))
        return self._after(body, [], f"finished. Last tool result: {reason}")

    def _resume_stream(self, request: Request) -> Response:
        body = msgspec.json.decode(request.body)
        refusal = self._refusal(request, "resumeStream")
        if refusal:
            return refusal
        call_id = body["toolCallId"]
        self.ran.append(call_id)
        self._after(body, [], "")
        events = [
            _result(call_id, body["resumeData"]),
            {"type": "text-delta", "payload": {"text": "finished."}},
        ]
        lines = [f"data: {msgspec.json.encode(event).decode()}\n\n" for event in events]
        stream = "".join([*lines, "data: [DONE]\n\n"]).encode()
        return Response(stream, headers={"content-type": "text/event-stream"})

    def _refusal(self, request: Request, function: str) -> Response | None:
        body = msgspec.json.decode(request.body)
        run, agent = self.calls.get(body["runId"]), request.params["id"]
        if run is None:
            words = f'could not find a suspended run for runId "{body["runId"]}". It may have ended.'
        elif run["calls"][0]["toolCallId"] != body["toolCallId"]:
            words = f'cannot resume tool call "{body["toolCallId"]}" because it is not suspended.'
        else:
            return None
        return Response({"error": f'Agent "{agent}" {function}() {words}'}, 500)

    def _after(self, body: dict[str, Any], results: list[dict[str, Any]], text: str) -> Response:
        """The run's next call, or its end."""
        run = self.calls.get(body["runId"])
        if run and run["calls"][0]["toolCallId"] == body["toolCallId"]:
            run["calls"].pop(0)
            if not run["calls"]:
                del self.calls[run["runId"]]
        more = run is not None and bool(run["calls"])
        finish = "suspended" if more else "stop"
        shown = [] if more else results
        return Response({"text": text, "finishReason": finish, "toolResults": shown, "runId": body["runId"]})


def _result(call_id: str, result: Any) -> dict[str, Any]:
    return {"type": "tool-result", "payload": {"toolCallId": call_id, "result": result}}


def _async(handler: Callable[[Request], Response]) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        return handler(request)

    return answer
