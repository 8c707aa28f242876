"""A Prefect server in small: paused runs with forms, answered and cancelled by the rules of the real one.

Its runs have a process that looks a moment after the answer whether it may go on, and then completes.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import jsonschema_rs
import msgspec

from tests.connectors.kit.server import Hangup, Request, Response, Server

__all__ = ["DECIDE", "FakePrefect", "decide_form"]

LOOKS_EVERY_S = 0.03
TERMINAL = ("COMPLETED", "FAILED", "CANCELLED", "CRASHED")


def decide_form(**fields: Any) -> dict[str, Any]:
    """A form with a decision and further fields."""
    decision = {"enum": ["approve", "reject"], "title": "Decision", "type": "string"}
    return {
        "additionalProperties": False,
        "properties": {"decision": decision, **fields},
        "required": ["decision"],
        "title": "Ask",
        "type": "object",
    }


DECIDE = decide_form(
    quantity={"default": 1, "maximum": 10, "minimum": 1, "title": "Quantity", "type": "integer"},
    note={"anyOf": [{"type": "string"}, {"type": "null"}], "default": None, "title": "Note"},
)


class FakePrefect(Server):
    """What the server holds is open to tests; ``answers`` is what it was told for each run, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.flows: dict[str, str] = {}
        """Name → id."""
        self.runs: dict[str, dict[str, Any]] = {}
        self.states: dict[str, list[dict[str, Any]]] = {}
        self.inputs: dict[str, dict[str, str]] = {}
        self.answers: dict[str, list[Any]] = {}
        self.next_questions: dict[str, list[dict[str, Any]]] = {}
        """Run → the forms it asks after the one that waits."""
        self.process_lives = True
        self.busy = False
        self.reset_next = False
        """The next request finds its connection reset, as after the server's own 500."""
        self.version: Any = "3.9.1"
        self._routes_of_runs()
        self._routes_of_inputs()

    # -- what the world does

    def pause(
        self,
        form: dict[str, Any] | None = None,
        description: str | None = None,
        *,
        flow: str = "ship",
        tags: tuple[str, ...] = (),
        timeout: timedelta = timedelta(hours=1),
        **parameters: Any,
    ) -> str:
        """Start a run that pauses at once; its id."""
        run_id = str(uuid4())
        self.runs[run_id] = {
            "id": run_id,
            "name": f"run-{len(self.runs)}",
            "flow_id": self.flows.setdefault(flow, str(uuid4())),
            "parameters": parameters,
            "context": {},
            "tags": list(tags),
        }
        self.states[run_id], self.inputs[run_id], self.answers[run_id] = [], {}, []
        self.enter(run_id, "RUNNING")
        self.ask(run_id, form, description, timeout)
        return run_id

    def ask(
        self,
        run_id: str,
        form: dict[str, Any] | None,
        description: str | None = None,
        timeout: timedelta = timedelta(hours=1),
    ) -> None:
        """Let a run pause with its next question."""
        number = sum(state["type"] == "PAUSED" for state in self.states[run_id]) + 1
        keyset = {part: f"paused-{number}-{part}" for part in ("schema", "description", "response")}
        self.enter(
            run_id,
            "PAUSED",
            pause_key=str(number),
            pause_timeout=_stamp(datetime.now(UTC) + timeout),
            run_input_keyset=None if form is None else keyset,
        )
        if form is not None:
            self.store(run_id, keyset["schema"], form)
        if description is not None:
            self.store(run_id, keyset["description"], description)

    def store(self, run_id: str, key: str, value: Any) -> None:
        self.inputs[run_id][key] = msgspec.json.encode(value).decode()

    def enter(self, run_id: str, kind: str, message: str | None = None, **details: Any) -> dict[str, Any]:
        """Put a run into a new state."""
        state = {
            "id": str(uuid4()),
            "type": kind,
            "name": kind.capitalize(),
            "timestamp": _stamp(datetime.now(UTC)),
            "message": message,
            "state_details": {
                "pause_timeout": None,
                "pause_key": None,
                "pause_reschedule": False,
                "run_input_keyset": None,
                "transition_id": None,
                **details,
            },
        }
        self.states[run_id].append(state)
        self.runs[run_id] |= {
            "state": state, "state_id": state["id"], "state_type": kind, "state_name": state["name"],
        }  # fmt: skip
        return state

    def _take_up(self, run_id: str, state: dict[str, Any]) -> None:
        """What the paused process does when it sees that it may go on."""
        if self.process_lives and self.runs[run_id]["state"] is state:
            if self.next_questions.get(run_id):
                self.ask(run_id, self.next_questions[run_id].pop(0))
            else:
                self.enter(run_id, "COMPLETED")

    # -- routes

    def _routes_of_runs(self) -> None:
        @self.route("GET", "/api/health")
        async def health(request: Request) -> Response:
            return Response(True)

        @self.route("GET", "/api/admin/version")
        async def version(request: Request) -> Response:
            return Response(self.version)

        @self.route("POST", "/api/flow_runs/filter")
        async def listed(request: Request) -> Response:
            if request.json.get("limit", 200) > 200:
                return Response({"detail": "limit"}, 422)
            wanted = request.json.get("flow_runs", {})
            kinds = wanted.get("state", {}).get("type", {}).get("any_")
            tags = set(wanted.get("tags", {}).get("all_", ()))
            rows = [
                run
                for run in sorted(self.runs.values(), key=lambda one: one["id"], reverse=True)
                if (kinds is None or run["state_type"] in kinds) and tags <= set(run["tags"])
            ]
            offset = request.json.get("offset", 0)
            return Response(rows[offset : offset + request.json.get("limit", 200)])

        @self.route("POST", "/api/flows/filter")
        async def flows(request: Request) -> Response:
            ids = request.json["flows"]["id"]["any_"]
            return Response([{"id": id, "name": name} for name, id in self.flows.items() if id in ids])

        @self.route("GET", "/api/flow_runs/{id}")
        async def one(request: Request) -> Response:
            self._maybe_reset()
            run = self.runs.get(request.params["id"])
            return Response(run) if run else Response({"detail": "Flow run not found"}, 404)

        @self.route("GET", "/api/flow_run_states/")
        async def states(request: Request) -> Response:
            return Response(self.states.get(request.query["flow_run_id"], []))

        @self.route("POST", "/api/logs/filter")
        async def logs(request: Request) -> Response:
            return Response([{"message": "Pausing flow", "timestamp": _stamp(datetime.now(UTC))}])

        @self.route("POST", "/api/flow_runs/{id}/set_state")
        async def set_state(request: Request) -> Response:
            return self._set_state(request.params["id"], request.json)

        @self.route("POST", "/api/flow_runs/{id}/resume")
        async def resume(request: Request) -> Response:
            return self._resume(request.params["id"], request.json.get("run_input"))

    def _routes_of_inputs(self) -> None:
        @self.route("POST", "/api/flow_runs/{id}/input/filter")
        async def inputs(request: Request) -> Response:
            prefix, limit = request.json.get("prefix", ""), request.json.get("limit", 1)
            stored = self.inputs.get(request.params["id"], {})
            rows = [{"key": key, "value": value} for key, value in stored.items() if key.startswith(prefix)]
            return Response(rows[:limit])

        @self.route("GET", "/api/flow_runs/{id}/input/{key}")
        async def stored(request: Request) -> Response:
            value = self.inputs.get(request.params["id"], {}).get(request.params["key"])
            if value is None:
                return Response({"detail": "Flow run input not found"}, 404)
            return Response(value.encode(), headers={"content-type": "text/plain; charset=utf-8"})

    def _maybe_reset(self) -> None:
        if self.reset_next:
            self.reset_next = False
            raise Hangup

    def _resume(self, run_id: str, run_input: Any) -> Response:
        if self.busy:
            return Response({"exception_message": "Service Unavailable"}, 503)
        if run_id not in self.runs:
            self.reset_next = True
            return Response({"exception_message": "Internal Server Error"}, 500)
        state = self.runs[run_id]["state"]
        if state["type"] != "PAUSED":
            return _no("ABORT", None, "Cannot resume a flow run that is not paused.")
        keyset = state["state_details"]["run_input_keyset"]
        if keyset:
            form = msgspec.json.decode(self.inputs[run_id][keyset["schema"]])
            error = next(jsonschema_rs.validator_for(form).iter_errors(run_input or {}), None)
            if error:
                return _no("REJECT", state, f"Reason: Validation failed. Failure reason: {error.message}")
        if datetime.fromisoformat(state["state_details"]["pause_timeout"]) < datetime.now(UTC):
            failed = self.enter(run_id, "FAILED", "The flow was running and never resumed.")
            return _no("REJECT", failed, "The flow run pause has timed out and can no longer resume.")
        if keyset and run_input:
            self.store(run_id, keyset["response"], run_input)
        self.answers[run_id].append(run_input)
        running = self.enter(run_id, "RUNNING")
        asyncio.get_running_loop().call_later(LOOKS_EVERY_S, self._take_up, run_id, running)
        return Response({"state": running, "status": "ACCEPT", "details": {"type": "accept_details"}}, 201)

    def _set_state(self, run_id: str, body: dict[str, Any]) -> Response:
        if run_id not in self.runs:
            return Response({"detail": "Flow run not found"}, 404)
        proposed, current = body["state"], self.runs[run_id]["state"]
        once = proposed.get("state_details", {}).get("transition_id")
        if not body.get("force"):
            if once and once == current["state_details"]["transition_id"]:
                return _no("REJECT", current, "This run has already made this state transition.")
            if current["type"] == "COMPLETED":
                return _no("ABORT", None, "Run is already COMPLETED.")
        state = self.enter(run_id, proposed["type"], proposed.get("message"), transition_id=once)
        self.answers[run_id].append(proposed["type"])
        return Response({"state": state, "status": "ACCEPT", "details": {"type": "accept_details"}}, 201)


def _no(status: str, state: dict[str, Any] | None, reason: str) -> Response:
    """Prefect's way to say no: with 200."""
    return Response(
        {"state": state, "status": status, "details": {"type": "abort_details", "reason": reason}}
    )


def _stamp(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
