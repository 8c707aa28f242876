"""An Airflow server in small: human-in-the-loop tasks, answered, cleared and failed by the real one's rules.

A task takes up its answer a moment later: it succeeds, or fails over parameters that do not fit. The
server itself checks no parameters, and takes answers for tasks that are over.
"""

from __future__ import annotations

import asyncio
import base64
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import jsonschema_rs
import msgspec

from tests.connectors.kit.server import Request, Response, Server

__all__ = ["FakeAirflow", "param"]

TAKES_UP_S = 0.03
USER = {"id": "admin", "name": "admin"}
QUESTION = "/api/v2/dags/{dag}/dagRuns/{run}/taskInstances/{task}/{index}/hitlDetails"
RUN = "/api/v2/dags/{dag}/dagRuns/{run}"


def param(value: Any, description: str | None = None, **schema: Any) -> dict[str, Any]:
    """One parameter as Airflow tells it."""
    return {"value": value, "description": description, "schema": schema, "source": "task"}


class FakeAirflow(Server):
    """What the server holds is open to tests; ``answers`` is what was taken for each run, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.questions: dict[str, dict[str, Any]] = {}
        """DAG run → its one question."""
        self.earlier: dict[str, list[dict[str, Any]]] = {}
        self.runs: dict[str, dict[str, Any]] = {}
        self.values: dict[str, Any] = {}
        """DAG run → what its task kept of the answer."""
        self.answers: dict[str, list[Any]] = {}
        self.fail_on_reject = False
        self.version = "3.3.2"
        self.knows_awaiting_input = True
        self.password: str | None = None
        """With one, every request needs a token, which ``/auth/token`` gives."""
        self.tokens: set[str] = set()
        self.token_life_s = 86_400
        self.invalid_token = Response({"detail": "Invalid JWT token"}, 403)
        self._clock = datetime(2026, 11, 22, 6, 38, 42, tzinfo=UTC)
        self._routes_of_questions()
        self._routes_of_runs()
        self._routes_without_token()

    # -- what the world does

    def ask(self, subject: str = "Ship?", **detail: Any) -> str:
        """Start a run whose task asks at once; the run's id. By default an approval."""
        run = f"manual+{len(self.questions):04}:x"
        self._clock += timedelta(milliseconds=1)
        self.runs[run] = {"dag_run_id": run, "state": "running", "conf": {"order": "A-7"}, "note": None}
        self.answers[run], self.earlier[run] = [], []
        self.questions[run] = {
            "options": ["Approve", "Reject"],
            "subject": subject,
            "body": None,
            "defaults": None,
            "multiple": False,
            "params": {},
            "assigned_users": [],
            "created_at": _stamp(self._clock),
            **_UNANSWERED,
            "task_instance": {
                "id": str(uuid4()),
                "task_id": "ask",
                "dag_id": "ship",
                "dag_run_id": run,
                "map_index": -1,
                "start_date": _stamp(self._clock),
                "end_date": None,
                "state": "awaiting_input" if self.knows_awaiting_input else "deferred",
                "try_number": 1,
                "task_display_name": "ask",
                "dag_display_name": "ship",
                "rendered_map_index": None,
                "note": None,
            },
            **detail,
        }
        return run

    def task(self, run: str) -> dict[str, Any]:
        found: dict[str, Any] = self.questions[run]["task_instance"]
        return found

    def clear(self, run: str) -> None:
        """Clear the task, which then asks anew: its path and ``created_at`` stay."""
        before = msgspec.json.decode(msgspec.json.encode(self.questions[run]))
        del before["task_instance"]["id"]
        self.earlier[run].append(before)
        self.questions[run] |= _UNANSWERED
        task = self.task(run)
        task |= {"id": str(uuid4()), "try_number": task["try_number"] + 1, "end_date": None}
        task |= {"state": "awaiting_input", "start_date": _stamp(datetime.now(UTC))}

    def end(self, run: str, state: str) -> None:
        """End the task without an answer, as by hand or by its time running out."""
        self.task(run).update(state=state, end_date=_stamp(datetime.now(UTC)))

    def respond(self, run: str, options: list[str], values: Any, user: Any = USER) -> None:
        """Store an answer, and let a task that waits take it up. ``user`` None: its defaults, too late."""
        question = self.questions[run]
        question |= {"response_received": True, "chosen_options": options, "params_input": values}
        question |= {"responded_by_user": user, "responded_at": _stamp(datetime.now(UTC))}
        if self.task(run)["state"] in ("awaiting_input", "deferred"):
            self.answers[run].append(options)
            self.task(run)["state"] = "scheduled"
            asyncio.get_running_loop().call_later(TAKES_UP_S, self._take_up, run, self.task(run)["id"])

    def _take_up(self, run: str, task_id: str) -> None:
        question, task = self.questions[run], self.task(run)
        if task["id"] != task_id or task["state"] != "scheduled":
            return
        values = question["params_input"]
        bad = bool(values) and set(values) != set(question["params"])
        for name, value in values.items():
            schema = question["params"].get(name, {}).get("schema", {})
            bad = bad or not jsonschema_rs.is_valid(schema, value, validate_formats=True)
        rejected = self.fail_on_reject and question["chosen_options"] == ["Reject"]
        self.end(run, "failed" if bad or rejected else "success")
        if not bad:
            self.values[run] = {"chosen_options": question["chosen_options"], "params_input": values}

    # -- routes

    def _routes_without_token(self) -> None:
        @self.route("GET", "/api/v2/version")
        async def version(request: Request) -> Response:
            return Response({"version": self.version, "git_version": None})

        @self.route("GET", "/api/v2/monitor/health")
        async def health(request: Request) -> Response:
            return Response({"metadatabase": {"status": "healthy"}, "scheduler": {"status": "healthy"}})

        @self.route("POST", "/auth/token")
        async def token(request: Request) -> Response:
            if request.json != {"username": "admin", "password": self.password}:
                return Response({"detail": "Invalid credentials"}, 401)
            now = datetime.now(UTC).timestamp()
            claims = {"sub": "admin", "iat": now, "exp": now + self.token_life_s, "jti": str(uuid4())}
            body = base64.urlsafe_b64encode(msgspec.json.encode(claims)).decode().rstrip("=")
            self.tokens.add(f"head.{body}.signature")
            return Response({"access_token": f"head.{body}.signature"}, 201)

    def _routes_of_questions(self) -> None:
        @self.route("GET", "/api/v2/dags/~/dagRuns/~/hitlDetails")
        async def listed(request: Request) -> Response:
            states = {"awaiting_input", "deferred"}
            if request.query["state"] == "awaiting_input" and not self.knows_awaiting_input:
                return Response({"detail": "Invalid value for state. Valid values are deferred, …"}, 422)
            rows = [
                question
                for question in self.questions.values()
                if not question["response_received"] and question["task_instance"]["state"] in states
            ]
            rows.sort(key=lambda row: str(row["created_at"]))
            offset, limit = int(request.query["offset"]), min(100, int(request.query["limit"]))
            return self._allowed(
                request, {"hitl_details": rows[offset : offset + limit], "total_entries": len(rows)}
            )

        @self.route("GET", QUESTION)
        async def question(request: Request) -> Response:
            return self._allowed(request, self.questions.get(request.params["run"]))

        @self.route("GET", QUESTION + "/tries/{number}")
        async def earlier(request: Request) -> Response:
            tries = self.earlier.get(request.params["run"], [])
            number = int(request.params["number"])
            return self._allowed(request, tries[number - 1] if number <= len(tries) else None)

        @self.route("PATCH", QUESTION)
        async def answer(request: Request) -> Response:
            return self._answer(request)

    def _routes_of_runs(self) -> None:
        @self.route("GET", RUN)
        async def run(request: Request) -> Response:
            return self._allowed(request, self.runs.get(request.params["run"]))

        @self.route("PATCH", RUN)
        async def change(request: Request) -> Response:
            name = request.params["run"]
            if name not in self.runs:
                return self._allowed(request, None)
            if self.runs[name]["state"] == "running" and request.json["state"] == "failed":
                self.answers[name].append("failed")
                self.end(name, "failed")
            self.runs[name] |= request.json
            return self._allowed(request, self.runs[name])

        @self.route("GET", RUN + "/taskInstances")
        async def steps(request: Request) -> Response:
            question = self.questions.get(request.params["run"])
            steps = None if question is None else {"task_instances": [question["task_instance"]]}
            return self._allowed(request, steps)

        @self.route("GET", RUN + "/taskInstances/{task}/xcomEntries/return_value")
        async def value(request: Request) -> Response:
            found = self.values.get(request.params["run"])
            return self._allowed(request, None if found is None else {"value": found})

    def _allowed(self, request: Request, body: Any) -> Response:
        """What is asked for, to whoever has a token; 404 where there is none of it."""
        denied = self._denied(request)
        return denied or (Response({"detail": "was not found"}, 404) if body is None else Response(body))

    def _denied(self, request: Request) -> Response | None:
        if self.password is None:
            return None
        given = request.headers.get("authorization", "")
        if not given:
            return Response({"detail": "Not authenticated"}, 401)
        return None if given.removeprefix("Bearer ") in self.tokens else self.invalid_token

    def _answer(self, request: Request) -> Response:
        denied = self._denied(request)
        if denied:
            return denied
        run, told = request.params["run"], request.json
        question = self.questions.get(run)
        if question is None:
            return Response({"detail": "The Task Instance was not found"}, 404)
        if question["response_received"]:
            return Response({"detail": "has already been updated and is not allowed to write again."}, 409)
        if question["assigned_users"] and USER not in question["assigned_users"]:
            return Response({"detail": "User=admin (id=admin) is not a respondent for the task."}, 403)
        options = told["chosen_options"]
        if not options:
            return Response({"detail": [{"type": "too_short", "loc": ["body"], "msg": "at least 1"}]}, 422)
        if not set(options) <= set(question["options"]):
            return Response({"detail": f"Invalid options {options}"}, 400)
        if len(options) > 1 and not question["multiple"]:
            return Response({"detail": "Multiple options chosen"}, 400)
        self.respond(run, options, told.get("params_input", {}))
        return Response(
            {
                "responded_by": USER,
                "responded_at": question["responded_at"],
                "chosen_options": options,
                "params_input": question["params_input"],
            }
        )


_UNANSWERED: dict[str, Any] = {
    "responded_by_user": None,
    "responded_at": None,
    "chosen_options": None,
    "params_input": {},
    "response_received": False,
}


def _stamp(at: datetime) -> str:
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")
