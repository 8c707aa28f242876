"""The routes of an opencode server that are used here, and the parts of their answers that are read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from triage.connectors.http import Garbled, Interrupted, Missing, Reply, Wire, segment

__all__ = ["Api", "Call", "Permission", "Question", "Session", "Tool", "Turn", "told_missing"]

GET_TIMEOUT_S = 5.0
"""A server that is just starting may never answer a request; such a GET is asked again, once."""
_SESSIONS_PAGE = 1000
_MAX_PAGES = 100
_TURNS = 50


class Tool(msgspec.Struct, frozen=True):
    """The tool call a request stands for."""

    message_id: str = msgspec.field(name="messageID")
    call_id: str = msgspec.field(name="callID")


class Permission(msgspec.Struct, frozen=True):
    """One request for permission, as listed."""

    id: str
    session_id: str = msgspec.field(name="sessionID")
    permission: str
    """What it is for: ``bash``, ``edit``, ``webfetch``, ``external_directory``, ``doom_loop`` …"""
    patterns: list[str] = []
    metadata: dict[str, Any] = {}
    always: list[str] = []
    """What a grant for good would allow."""
    tool: Tool | None = None


class QuestionOption(msgspec.Struct, frozen=True):
    """One of a question's answers."""

    label: str
    description: str = ""


class QuestionPart(msgspec.Struct, frozen=True):
    """One question of several that are answered together."""

    question: str
    header: str = ""
    options: list[QuestionOption] = []
    multiple: bool | None = None
    custom: bool | None = None
    """Whether other words than the options are taken; they are unless this is false."""


class Question(msgspec.Struct, frozen=True):
    """One request for an answer, as listed."""

    id: str
    session_id: str = msgspec.field(name="sessionID")
    questions: list[QuestionPart]
    tool: Tool | None = None


class Session(msgspec.Struct, frozen=True):
    """One conversation, as listed for all directories."""

    id: str
    directory: str
    title: str = ""
    parent_id: str | None = msgspec.field(name="parentID", default=None)
    time: dict[str, Any] = {}

    @property
    def updated(self) -> int:
        """When it last changed, in milliseconds by the server's clock; 0 when it does not say."""
        found = self.time.get("updated")
        return int(found) if isinstance(found, int | float) else 0


class Call(msgspec.Struct, frozen=True):
    """Where a tool call stands: ``pending``, ``running``, ``completed`` or ``error``."""

    status: str
    input: Any = None
    output: Any = None
    error: Any = None
    metadata: Any = None
    time: Any = None

    @property
    def alive(self) -> bool:
        """Whether it still waits or runs."""
        return self.status in ("pending", "running")

    @property
    def ended_ms(self) -> float | None:
        found = self.time.get("end") if isinstance(self.time, dict) else None
        return found if isinstance(found, int | float) else None


class Turn(msgspec.Struct, frozen=True):
    """One message of a conversation with its parts."""

    info: dict[str, Any]
    parts: list[dict[str, Any]] = []

    def call(self, call_id: str) -> Call | None:
        """The tool call of that id, when this message holds it."""
        for part in self.parts:
            if part.get("type") == "tool" and part.get("callID") == call_id:
                return msgspec.convert(part.get("state"), Call)
        return None

    @property
    def at(self) -> datetime | None:
        created = self.info["time"].get("created") if isinstance(self.info.get("time"), dict) else None
        return datetime.fromtimestamp(created / 1000, UTC) if isinstance(created, int | float) else None


class Api:
    """One server. Every method raises EndpointError when the answer is an error or cannot be read."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    async def sessions(self, since_ms: int) -> list[Any]:
        """Rows of the sessions of every directory that changed since then, as they came."""
        rows: list[Any] = []
        params: dict[str, Any] = {"limit": _SESSIONS_PAGE, **({"start": since_ms} if since_ms > 0 else {})}
        seen: set[str] = set()
        for _ in range(_MAX_PAGES):
            reply = await self._get("experimental/session", params)
            rows += reply.decode(list[Any])
            cursor = reply.headers.get("x-next-cursor", "")
            if not cursor or cursor in seen:
                return rows
            seen.add(cursor)
            params = {**params, "cursor": cursor}
        raise Garbled(f"GET /experimental/session has more than {_MAX_PAGES} pages")

    async def waiting(self, sort: str, directory: str) -> list[Any]:
        """Rows of what waits in one directory: of ``permission`` or of ``question``."""
        rows: list[Any] = (await self._get(sort, _in(directory))).decode(list[Any])
        return rows

    async def busy(self, directory: str) -> set[str]:
        """Ids of the sessions at work in one directory."""
        reply = await self._get("session/status", _in(directory))
        found: dict[str, Any] = reply.decode(dict[str, Any])
        return {name for name, status in found.items() if not (isinstance(status, dict) and _is_idle(status))}

    async def session(self, directory: str, session_id: str) -> Session:
        """One conversation."""
        found: Session = (await self._get(f"session/{segment(session_id)}", _in(directory))).decode(Session)
        return found

    async def turns(self, directory: str, session_id: str) -> list[Turn]:
        """The newest messages of a conversation, oldest first."""
        params = {**_in(directory), "limit": _TURNS}
        reply = await self._get(f"session/{segment(session_id)}/message", params)
        found: list[Turn] = reply.decode(list[Turn])
        return found[-_TURNS:]

    async def call(self, directory: str, session_id: str, tool: Tool) -> Call | None:
        """Where a tool call stands; None when its session or its message is no longer there."""
        path = f"session/{segment(session_id)}/message"
        try:
            one = await self._get(f"{path}/{segment(tool.message_id)}", _in(directory))
            turns: list[Turn] = [one.decode(Turn)]
        except (Missing, Garbled):
            turns = await self._all_turns(path, directory)
        try:
            return next((call for turn in turns if (call := turn.call(tool.call_id))), None)
        except msgspec.ValidationError as error:
            raise Garbled(f"the tool call {tool.call_id} cannot be read: {error}") from error

    async def _all_turns(self, path: str, directory: str) -> list[Turn]:
        """Every message, for a server that does not give one alone."""
        try:
            turns: list[Turn] = (await self._get(path, _in(directory))).decode(list[Turn])
        except Missing as error:
            if not told_missing(error.reply):
                raise Garbled(
                    f"{error.reply.where} answered 404 with something that is not opencode's"
                ) from error
            return []
        return turns

    async def _get(self, path: str, params: Mapping[str, Any]) -> Reply:
        try:
            return await self.wire.get(path, params=params, timeout_s=GET_TIMEOUT_S)
        except Interrupted:
            return await self.wire.get(path, params=params, timeout_s=GET_TIMEOUT_S)


def told_missing(reply: Reply) -> bool:
    """Whether a 404 is the server's own word: a proxy's page does not prove that a thing is gone."""
    try:
        return isinstance(reply.json, dict)
    except Garbled:
        return False


def _in(directory: str) -> dict[str, str]:
    """The parameter that names a project directory; none for the server's own."""
    return {"directory": directory} if directory else {}


def _is_idle(status: dict[str, Any]) -> bool:
    return status.get("type") == "idle"
