"""A small server that acts as OpenHands' agent-server does: answers that name no action, 200 whatever
happens, and a run that accepts what waits."""

from __future__ import annotations

import itertools
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import msgspec

from tests.connectors.kit.server import Request, Response, Server

__all__ = ["AgentServer", "Talk"]

WAITING = "waiting_for_confirmation"


class Talk:
    """One conversation: what its agent will do, turn by turn, and what happened."""

    def __init__(self, turns: Sequence[Sequence[str]], directory: str) -> None:
        self.id = str(uuid4())
        self.turns = [list(turn) for turn in turns]
        self.status = "idle"
        self.events: list[dict[str, Any]] = []
        self.slow = False
        """Whether accepted actions stay running until ``finish``."""
        self.directory = directory
        self.created = _now()
        self.changed = self.created
        self.add("MessageEvent", source="user", llm_message={"content": [{"type": "text", "text": "Go on."}]})
        self.go_on()

    @property
    def ran(self) -> list[str]:
        """The commands that ran."""
        observed = {event["action_id"] for event in self.events if event["kind"] == "ObservationEvent"}
        return [event["action"]["command"] for event in self.events if event["id"] in observed]

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["kind"] == kind]

    def pending(self) -> list[dict[str, Any]]:
        settled = {event.get("action_id") for event in self.events}
        return [event for event in self.of("ActionEvent") if event["id"] not in settled]

    def add(self, kind: str, **fields: Any) -> dict[str, Any]:
        self.changed = _now()
        event = {"kind": kind, "id": str(uuid4()), "timestamp": "2026-11-22T06:38:30.237839", **fields}
        self.events.append(event)
        return event

    def go_on(self) -> None:
        """The agent's next turn: it proposes actions, or ends."""
        if not self.turns:
            self.status = "finished"
            return
        turn = f"chatcmpl-{uuid4().hex[:12]}"
        for command in self.turns.pop(0):
            self.add(
                "ActionEvent",
                source="agent",
                thought=[{"type": "text", "text": "It is needed."}],
                action={"command": command, "is_input": False, "kind": "TerminalAction"},
                tool_name="terminal",
                tool_call_id=f"call_{uuid4().hex[:12]}",
                llm_response_id=turn,
                security_risk="UNKNOWN",
                summary=f"run {command}",
            )
        self.status = WAITING

    def run(self) -> None:
        """Go on; what waits is run first, whoever saw it."""
        if self.status == "running" or (self.status == "finished" and not self.pending()):
            return
        if not self.pending():
            self.go_on()
        elif self.slow:
            self.status = "running"
        else:
            self.finish()

    def finish(self) -> None:
        """The actions under way come to their end, and the agent goes on."""
        for action in self.pending():
            self.add(
                "ObservationEvent",
                source="environment",
                action_id=action["id"],
                tool_call_id=action["tool_call_id"],
                observation={
                    "is_error": False,
                    "exit_code": 0,
                    "content": [{"type": "text", "text": "\u001b[?2004ldone"}],
                },
            )
        self.go_on()

    def reject(self, reason: str) -> None:
        pending = self.pending()
        if self.status == WAITING:
            self.status = "idle"
        for action in pending:
            self.add(
                "UserRejectObservation",
                source="environment",
                action_id=action["id"],
                tool_call_id=action["tool_call_id"],
                rejection_reason=reason,
                rejection_source="user",
            )

    def info(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "title": None,
            "execution_status": self.status,
            "workspace": {"working_dir": self.directory, "kind": "LocalWorkspace"},
            "leaf_event_id": self.events[-1]["id"],
            "parent_conversation_id": None,
            "created_at": self.created,
            "updated_at": self.changed,
        }


class AgentServer(Server):
    """Conversations, newest first, in pages of at most ``page``."""

    def __init__(self, key: str | None = None) -> None:
        super().__init__()
        self.key = key
        self.page = 100
        self.filters = True
        """Whether the list's status filter does anything."""
        self.talks: dict[str, Talk] = {}
        base = "/api/conversations"
        self._on("GET", "/server_info", self._info)
        self._on("GET", f"{base}/search", self._search)
        self._on("GET", f"{base}/{{id}}", self._one)
        self._on("GET", f"{base}/{{id}}/events/search", self._events)
        self._on("POST", f"{base}/{{id}}/events/respond_to_confirmation", self._respond_to)
        self._on("POST", f"{base}/{{id}}/run", self._run)

    def talk(self, *turns: Sequence[str], directory: str = "/srv/project") -> Talk:
        """A new conversation, whose first turn waits."""
        made = Talk(turns or [["touch a1"]], directory)
        self.talks[made.id] = made
        return made

    def _on(self, method: str, path: str, handler: Callable[[Request], Response]) -> None:
        self.route(method, path)(_async(handler))

    async def _respond(self, request: Request) -> Response:
        if self.key and request.headers.get("x-session-api-key") != self.key:
            return Response({"detail": "Unauthorized"}, 401)
        return await super()._respond(request)

    def _info(self, request: Request) -> Response:
        return Response({"title": "OpenHands Agent Server", "version": "1.58.2", "uptime": 1.0})

    def _search(self, request: Request) -> Response:
        talks = list(self.talks.values())[::-1]
        wanted = request.query.get("status")
        found = [talk.info() for talk in talks if not self.filters or talk.status == wanted]
        limit = min(self.page, int(request.query.get("limit", 100)))
        return Response(_page(found, request.query.get("page_id"), limit, hexed=True))

    def _one(self, request: Request) -> Response:
        talk = self._talk(request)
        return Response(talk.info()) if isinstance(talk, Talk) else talk

    def _events(self, request: Request) -> Response:
        talk = self._talk(request)
        if not isinstance(talk, Talk):
            return talk
        newest = talk.events[::-1] if request.query.get("sort_order") == "TIMESTAMP_DESC" else talk.events
        return Response(_page(newest, request.query.get("page_id"), int(request.query.get("limit", 100))))

    def _respond_to(self, request: Request) -> Response:
        talk, body = self._talk(request), msgspec.json.decode(request.body)
        if not isinstance(talk, Talk):
            return talk
        if not isinstance(body.get("accept"), bool):
            return Response({"detail": [{"type": "bool_parsing", "loc": ["body", "accept"]}]}, 422)
        if body["accept"]:
            talk.run()
        else:
            talk.reject(body.get("reason", "User rejected the action."))
        return Response({"success": True})

    def _run(self, request: Request) -> Response:
        talk = self._talk(request)
        if not isinstance(talk, Talk):
            return talk
        if talk.status == "running":
            return Response({"detail": "Conversation already running."}, 409)
        talk.run()
        return Response({"success": True})

    def _talk(self, request: Request) -> Talk | Response:
        name = request.params["id"]
        try:
            UUID(name)
        except ValueError:
            return Response({"detail": [{"type": "uuid_parsing", "loc": ["path"], "input": name}]}, 422)
        return self.talks.get(name) or Response({"detail": f"Conversation not found: {name}"}, 404)


def _page(rows: list[dict[str, Any]], page_id: str | None, limit: int, hexed: bool = False) -> dict[str, Any]:
    """One page; a page that begins at a row that is no longer there begins at the top."""
    names = [row["id"].replace("-", "") if hexed else row["id"] for row in rows]
    start = names.index(page_id) if page_id in names else 0
    more = names[start + limit] if len(names) > start + limit else None
    return {"items": rows[start : start + limit], "next_page_id": more}


_ticks = itertools.count()


def _now() -> str:
    """The time; never the same twice."""
    return datetime.fromtimestamp(time.time() + next(_ticks) / 1e6, UTC).isoformat().replace("+00:00", "Z")


def _async(handler: Callable[[Request], Response]) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        return handler(request)

    return answer
