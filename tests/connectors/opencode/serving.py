"""A small server that acts as opencode's does: requests by project directory, rejections that cascade, 200
for what is dead, web pages on unknown paths."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from typing import Any

from tests.connectors.kit.server import Request, Response, Server

__all__ = ["HOME", "PAGE", "WEB_PAGE", "OpencodeServer"]

HOME = "/srv/home"
"""The directory that the server was started in."""
PAGE = 10
"""Sessions that it lists at a time, however many are asked for."""
WEB_PAGE = Response(b"<!doctype html><title>opencode</title>", headers={"content-type": "text/html"})
DENIED = Response(b"", 401, {"www-authenticate": 'Basic realm="Secure Area"'})


class OpencodeServer(Server):
    """Sessions whose tool calls ask. What a granted call does is held in ``ran``."""

    def __init__(self, authorization: str | None = None) -> None:
        super().__init__()
        self.authorization = authorization
        """The header that is wanted with every request."""
        self.sessions: dict[str, dict[str, Any]] = {}
        self.turns: dict[str, list[dict[str, Any]]] = {}
        self.busy: set[str] = set()
        self.waiting: dict[str, dict[str, Any]] = {}
        self.answers: dict[str, list[Any]] = {}
        """Request → the answers that were acted on."""
        self.ran: list[str] = []
        """Titles of the tool calls that ran."""
        self.slow = False
        """Whether granted calls stay running until ``finish``."""
        self._number = itertools.count(1)
        get, post = self._get, self._post
        get("/global/health", self._health)
        get("/experimental/session", self._all_sessions)
        get("/session/status", self._status)
        get("/permission", lambda request: self._list(request, "per"))
        get("/question", lambda request: self._list(request, "que"))
        get("/session/{id}", self._session)
        get("/session/{id}/message", self._messages)
        get("/session/{id}/message/{message}", self._message)
        post("/permission/{id}/reply", self._reply)
        post("/question/{id}/reply", self._answer)
        post("/question/{id}/reject", self._dismiss)

    def _get(self, path: str, handler: Callable[[Request], Response]) -> None:
        self.route("GET", path)(_async(handler))

    def _post(self, path: str, handler: Callable[[Request], Response]) -> None:
        self.route("POST", path)(_async(handler))

    async def _respond(self, request: Request) -> Response:
        if self.authorization and request.headers.get("authorization") != self.authorization:
            return DENIED
        reply = await super()._respond(request)
        return WEB_PAGE if reply.body == {"detail": "Not Found"} else reply

    # What the tests make it do

    def session(self, directory: str = HOME, title: str = "a task") -> str:
        """A new conversation in a directory."""
        session_id = f"ses_{next(self._number):04}"
        now_ms = time.time_ns() // 1_000_000 - 1000 + len(self.sessions)
        self.sessions[session_id] = {
            "id": session_id,
            "directory": directory,
            "title": title,
            "time": {"created": now_ms, "updated": now_ms},
        }
        self.turns[session_id] = []
        return session_id

    def ask_permission(self, session_id: str, command: str = "touch e1", *always: str, **changes: Any) -> str:
        """A bash call of the session that waits for permission."""
        asked = {
            "permission": "bash",
            "patterns": [command],
            "metadata": {"command": command},
            "always": list(always or ("touch *",)),
            **changes,
        }
        return self._ask("per", session_id, asked, "bash", {"command": command, "description": "d"})

    def ask_question(self, session_id: str, *questions: dict[str, Any]) -> str:
        """A question tool's call of the session that waits for answers."""
        asked = questions or ({"question": "Which colour?", "header": "Colour", "options": []},)
        return self._ask(
            "que", session_id, {"questions": list(asked)}, "question", {"questions": list(asked)}
        )

    def ask_again(self, request_id: str) -> str:
        """Another permission of the same tool call, as when a command leaves the project."""
        call = self._tool(request_id)
        again = {**self.waiting[request_id], "id": self._new_id("per"), "permission": "external_directory"}
        self.waiting[again["id"]] = {**again, "part": call}
        self.answers[again["id"]] = []
        return str(again["id"])

    def abort(self, session_id: str) -> None:
        """Stop the session's run: its calls end, what waits stays listed."""
        self.busy.discard(session_id)
        for turn in self.turns[session_id]:
            for part in turn["parts"]:
                if part["state"]["status"] == "running":
                    self._end(part, "error", error="Tool execution aborted", metadata={"interrupted": True})

    def delete(self, session_id: str) -> None:
        """Delete the session; what waits stays listed."""
        self.busy.discard(session_id)
        del self.sessions[session_id], self.turns[session_id]

    def restart(self) -> None:
        """Start anew: what waits is forgotten, running calls stay running for ever."""
        self.busy.clear()
        self.waiting.clear()

    def finish(self, session_id: str) -> None:
        """Let slow calls that run come to their end."""
        waiting = {id(asked["part"]) for asked in self.waiting.values()}
        for turn in self.turns[session_id]:
            for part in turn["parts"]:
                if part["state"]["status"] == "running" and id(part) not in waiting:
                    self._run(part)
        self.busy.discard(session_id)

    def requests_for(self, path: str) -> int:
        return sum(request.path == path for request in self.asked)

    def _ask(self, sort: str, session_id: str, asked: dict[str, Any], tool: str, given: Any) -> str:
        request_id, number = self._new_id(sort), next(self._number)
        part = {
            "type": "tool",
            "tool": tool,
            "callID": f"call_{number}",
            "state": {"status": "running", "input": given, "time": {"start": time.time() * 1000}},
        }
        turn = {"info": {"id": f"msg_{number}", "role": "assistant", "time": {"created": 1795327776420}}}
        self.turns[session_id].append({**turn, "parts": [part]})
        self.busy.add(session_id)
        self.waiting[request_id] = {
            "id": request_id,
            "sessionID": session_id,
            "tool": {"messageID": f"msg_{number}", "callID": f"call_{number}"},
            **asked,
            "part": part,
        }
        self.answers[request_id] = []
        return request_id

    def _new_id(self, sort: str) -> str:
        stamp = ((time.time_ns() // 1_000_000 & (2**36 - 1)) << 12) | next(self._number)
        return f"{sort}_{stamp:012x}Ab"

    def _tool(self, request_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.waiting[request_id]["part"]
        return found

    # What it answers

    def _health(self, request: Request) -> Response:
        return Response({"healthy": True, "version": "1.18.33"})

    def _all_sessions(self, request: Request) -> Response:
        start, cursor = int(request.query.get("start", 0)), request.query.get("cursor")
        newest = sorted(self.sessions.values(), key=lambda one: (one["time"]["updated"], one["id"]))[::-1]
        found = [one for one in newest if one["time"]["updated"] >= start]
        if cursor:
            found = found[next(i for i, one in enumerate(found) if one["id"] == cursor) + 1 :]
        size = min(PAGE, int(request.query.get("limit", 100)))
        more = {"x-next-cursor": found[size - 1]["id"]} if len(found) > size else {}
        return Response(found[:size], headers=more)

    def _status(self, request: Request) -> Response:
        here = {name for name in self.busy if self._is_here(request, name)}
        return Response({name: {"type": "busy"} for name in sorted(here)})

    def _list(self, request: Request, sort: str) -> Response:
        rows = [asked for asked in self.waiting.values() if asked["id"].startswith(sort)]
        here = [asked for asked in rows if self._is_here(request, asked["sessionID"])]
        return Response([{key: asked[key] for key in asked if key != "part"} for asked in here])

    def _is_here(self, request: Request, session_id: str) -> bool:
        """Whether a session is of the directory that is asked for; deleted ones were at home."""
        here = str(self.sessions[session_id]["directory"]) if session_id in self.sessions else HOME
        return here == request.query.get("directory", HOME)

    def _session(self, request: Request) -> Response:
        found = self.sessions.get(request.params["id"])
        return Response(found) if found else _not_found(request.params["id"])

    def _messages(self, request: Request) -> Response:
        turns = self.turns.get(request.params["id"])
        return _not_found(request.params["id"]) if turns is None else Response(turns)

    def _message(self, request: Request) -> Response:
        turns = self.turns.get(request.params["id"], [])
        found = next((turn for turn in turns if turn["info"]["id"] == request.params["message"]), None)
        return Response(found) if found else _not_found(request.params["message"])

    def _reply(self, request: Request) -> Response:
        asked, body = self._asked(request), request.json
        if body.get("reply") not in ("once", "always", "reject"):
            return Response({"name": "BadRequest", "data": {"message": "Expected …", "kind": "Payload"}}, 400)
        if asked is None:
            return self._no_such(request, "Permission")
        self._take(asked, body)
        if body["reply"] == "reject":
            words = f" with the following feedback: {body['message']}" if body.get("message") else ""
            self._reject(asked["part"], words or ".")
            for other in [one for one in self.waiting.values() if self._cascades(asked, one)]:
                del self.waiting[other["id"]]
                self._reject(other["part"], ".")
            if not words:
                self.busy.discard(asked["sessionID"])
            return _true()
        self._grant(asked["part"])
        if body["reply"] == "always":
            for other in [one for one in self.waiting.values() if self._covers(asked, one)]:
                del self.waiting[other["id"]]
                self._grant(other["part"])
        return _true()

    def _answer(self, request: Request) -> Response:
        asked = self._asked(request)
        if asked is None:
            return self._no_such(request, "Question")
        self._take(asked, request.json)
        if asked["part"]["state"]["status"] == "running":
            self._end(
                asked["part"], "completed", output="answered", metadata={"answers": request.json["answers"]}
            )
        return _true()

    def _dismiss(self, request: Request) -> Response:
        asked = self._asked(request)
        if asked is None:
            return self._no_such(request, "Question")
        self._take(asked, "dismissed")
        if asked["part"]["state"]["status"] == "running":
            self._end(asked["part"], "error", error="The user dismissed this question")
        self.busy.discard(asked["sessionID"])
        return _true()

    def _asked(self, request: Request) -> dict[str, Any] | None:
        asked = self.waiting.get(request.params["id"])
        return asked if asked and self._is_here(request, asked["sessionID"]) else None

    def _no_such(self, request: Request, sort: str) -> Response:
        name = request.params["id"]
        told = f"{sort} request not found: {name}"
        return Response({"_tag": f"{sort}NotFoundError", "requestID": name, "message": told}, 404)

    def _take(self, asked: dict[str, Any], answer: Any) -> None:
        del self.waiting[asked["id"]]
        if asked["part"]["state"]["status"] == "running":
            self.answers[asked["id"]].append(answer)

    def _cascades(self, rejected: dict[str, Any], other: dict[str, Any]) -> bool:
        same: bool = other["sessionID"] == rejected["sessionID"]
        return same and str(other["id"]).startswith("per")

    def _covers(self, granted: dict[str, Any], other: dict[str, Any]) -> bool:
        prefixes = [pattern.rstrip("*") for pattern in granted["always"]]
        return self._cascades(granted, other) and all(
            any(pattern.startswith(prefix) for prefix in prefixes) for pattern in other["patterns"]
        )

    def _grant(self, part: dict[str, Any]) -> None:
        asks_again = any(one["part"] is part for one in self.waiting.values())
        if part["state"]["status"] == "running" and not asks_again and not self.slow:
            self._run(part)

    def _run(self, part: dict[str, Any]) -> None:
        self.ran.append(part["state"]["input"]["command"])
        self._end(part, "completed", output="(no output)", metadata={"exit": 0})

    def _reject(self, part: dict[str, Any], words: str) -> None:
        if part["state"]["status"] == "running":
            told = "The user rejected permission to use this specific tool call" + words
            self._end(part, "error", error=told)

    def _end(self, part: dict[str, Any], status: str, **more: Any) -> None:
        state = part["state"]
        state.update(status=status, time={**state["time"], "end": time.time() * 1000}, **more)


def _async(handler: Callable[[Request], Response]) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        await asyncio.sleep(0)
        return handler(request)

    return answer


def _true() -> Response:
    return Response(True, headers={"date": formatdate(time.time(), usegmt=True)})


def _not_found(name: str) -> Response:
    return Response({"name": "NotFoundError", "data": {"message": f"Session not found: {name}"}}, 404)
