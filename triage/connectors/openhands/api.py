"""The routes of an OpenHands agent-server that are used here, and the parts of their answers that are read."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from triage.connectors.http import Garbled, Missing, Wire, segment

__all__ = ["WAITING", "Api", "Conversation", "Event", "moment"]

WAITING = "waiting_for_confirmation"
_CONVERSATIONS = 100
_EVENTS = 25
"""At a time: conversations, and events of one of them, which may be long and of which few matter."""
_MAX_PAGES = 1000
_MAX_REPEATS = 3
"""Pages in a row with nothing new: the server starts the list anew when the row it was to go on from left it."""
RESPOND_TIMEOUT_S = 30.0


class Conversation(msgspec.Struct, frozen=True):
    """One conversation, as listed or read. It does not say what it waits for."""

    id: str
    execution_status: str = ""
    """idle, running, paused, waiting_for_confirmation, finished, error, stuck, deleting."""
    title: str | None = None
    workspace: dict[str, Any] | None = None
    leaf_event_id: str | None = None
    parent_conversation_id: str | None = None
    created_at: str | None = None
    updated_at: str | None = None

    @property
    def directory(self) -> str:
        found = (self.workspace or {}).get("working_dir")
        return found if isinstance(found, str) else ""

    @property
    def stamp(self) -> tuple[str, str] | None:
        """Changes with every event of the conversation; None where the server does not tell."""
        if self.updated_at and self.leaf_event_id:
            return self.updated_at, self.leaf_event_id
        return None


class Event(msgspec.Struct, frozen=True):
    """One event of a conversation: of interest are actions, and what came of them."""

    kind: str
    """ActionEvent, ObservationEvent, UserRejectObservation, AgentErrorEvent, MessageEvent …"""
    id: str = ""
    source: str | None = None
    tool_name: str | None = None
    tool_call_id: str | None = None
    action: dict[str, Any] | None = None
    action_id: str | None = None
    summary: str | None = None
    security_risk: str | None = None
    thought: list[Any] | None = None
    observation: Any = None
    error: Any = None
    rejection_reason: str | None = None
    rejection_source: str | None = None
    llm_message: Any = None


class _Page(msgspec.Struct, frozen=True):
    items: list[Any]
    next_page_id: str | None = None


class Api:
    """One server. Every method raises EndpointError when the answer is an error or cannot be read."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    async def waiting(self) -> list[Any]:
        """Rows of the conversations that wait, over all pages, as they came."""
        rows: dict[str, Any] = {}
        nameless: list[Any] = []
        params: dict[str, Any] = {"status": WAITING, "limit": _CONVERSATIONS}
        repeats = 0
        for _ in range(_MAX_PAGES):
            page = await self._page("api/conversations/search", params)
            new = {row["id"]: row for row in page.items if _has_id(row) and row["id"] not in rows}
            nameless += [row for row in page.items if not _has_id(row)]
            rows.update(new)
            if not page.next_page_id:
                return [*rows.values(), *nameless]
            repeats = 0 if new else repeats + 1
            if repeats > _MAX_REPEATS:
                break
            params = {**params, "page_id": page.next_page_id}
        raise Garbled("GET /api/conversations/search never comes to its last page")

    async def conversation(self, conversation_id: str) -> Conversation | None:
        """One conversation; None when there is none of that id."""
        try:
            reply = await self.wire.get(f"api/conversations/{segment(conversation_id)}")
        except Missing as error:
            _prove_missing(error)
            return None
        found: Conversation = reply.decode(Conversation)
        return found

    async def events(self, conversation_id: str, page_id: str | None) -> tuple[list[Event], str | None]:
        """One page of events, newest first, and where the next begins. Raises Garbled for any that cannot
        be read: it might be an action that waits."""
        params = {
            "sort_order": "TIMESTAMP_DESC",
            "limit": _EVENTS,
            **({"page_id": page_id} if page_id else {}),
        }
        page = await self._page(f"api/conversations/{segment(conversation_id)}/events/search", params)
        try:
            events = msgspec.convert(page.items, list[Event])
        except msgspec.ValidationError as error:
            raise Garbled(f"an event of conversation {conversation_id} cannot be read: {error}") from error
        if not all(event.id for event in events if event.kind == "ActionEvent"):
            raise Garbled(f"an action of conversation {conversation_id} has no id")
        return events, page.next_page_id

    async def respond(self, conversation_id: str, body: dict[str, Any]) -> bool:
        """Answer whatever waits in a conversation at this moment; whether the server says success."""
        path = f"api/conversations/{segment(conversation_id)}/events/respond_to_confirmation"
        reply = await self.wire.post(path, body, timeout_s=RESPOND_TIMEOUT_S)
        return _succeeded(reply.json)

    async def run(self, conversation_id: str) -> bool:
        """Let the agent go on. Where actions wait this would run them."""
        reply = await self.wire.post(f"api/conversations/{segment(conversation_id)}/run")
        return _succeeded(reply.json)

    async def _page(self, path: str, params: dict[str, Any]) -> _Page:
        page: _Page = (await self.wire.get(path, params=params)).decode(_Page)
        return page


def moment(text: str | None) -> datetime | None:
    """A time that names its zone, in UTC. Those of events name none: nobody can tell when they were."""
    try:
        parsed = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return parsed.astimezone(UTC) if parsed.tzinfo else None


def _succeeded(body: Any) -> bool:
    return isinstance(body, dict) and body.get("success") is True


def _has_id(row: Any) -> bool:
    return isinstance(row, dict) and isinstance(row.get("id"), str)


def _prove_missing(error: Missing) -> None:
    """Raises Garbled unless a 404 is the server's own: a proxy's page does not prove that a thing is gone."""
    body = None
    try:
        body = error.reply.json
    except Garbled:
        pass
    if not isinstance(body, dict) or "detail" not in body:
        raise Garbled(f"{error.reply.where} answered 404 with something that is not the agent-server's")
