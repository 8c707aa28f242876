"""What is asked of an A2A 1.x agent, over either binding, and the documents it answers with.

``Rest`` speaks HTTP+JSON, ``JsonRpc`` JSON-RPC over HTTP; both carry the same documents (A2A 1.0,
sections 3, 9 and 11). Errors that A2A itself defines are ``Stated``, whichever binding brings them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from msgspec import UNSET

from triage.connectors.a2a.card import Interface
from triage.connectors.http import EndpointError, Garbled, Reply, Wire, segment

__all__ = [
    "PAGE",
    "UNCLEAR",
    "Api",
    "JsonRpc",
    "Message",
    "Page",
    "Part",
    "Rest",
    "Stated",
    "Status",
    "Task",
    "open_api",
]

PAGE = 100
"""Tasks a page, the most there may be."""
SEND_TIMEOUT_S = 30.0
_VERSION = {"a2a-version": "1.0"}
"""Without it an agent takes us to speak 0.3."""
UNCLEAR = (408, 409, 425)
"""Statuses below 500 that do not say that nothing was done."""
_CODES = {
    -32700: "JSON_PARSE_ERROR",
    -32600: "INVALID_REQUEST",
    -32601: "METHOD_NOT_FOUND",
    -32602: "INVALID_PARAMS",
    -32001: "TASK_NOT_FOUND",
    -32002: "TASK_NOT_CANCELABLE",
    -32003: "PUSH_NOTIFICATION_NOT_SUPPORTED",
    -32004: "UNSUPPORTED_OPERATION",
    -32005: "CONTENT_TYPE_NOT_SUPPORTED",
    -32007: "EXTENDED_AGENT_CARD_NOT_CONFIGURED",
    -32008: "EXTENSION_SUPPORT_REQUIRED",
    -32009: "VERSION_NOT_SUPPORTED",
}
"""JSON-RPC's codes for errors that leave everything as it was (A2A 1.0, section 5.4)."""


class Stated(EndpointError):
    """An error that the agent states in A2A's own terms."""

    def __init__(self, message: str, reason: str, certain: bool) -> None:
        super().__init__(message)
        self.reason = reason
        """A2A's name for it, such as ``TASK_NOT_FOUND``; may be empty."""
        self.certain = certain
        """Whether it says that nothing was done."""


class Part(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """One part of a message: text, data, or a file by value or by address."""

    text: str | None = None
    data: Any = UNSET
    url: str | None = None
    raw: str | None = None
    filename: str | None = None
    media_type: str | None = None


class Message(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """One message of an agent."""

    message_id: str = ""
    parts: tuple[Part, ...] = ()


class Status(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """Where a task stands."""

    state: str
    message: Message | None = None
    timestamp: str | None = None


class Task(msgspec.Struct, frozen=True, rename="camel"):
    """One task. What led to it is kept as sent: a turn that cannot be read must not hide the task."""

    id: str
    status: Status
    context_id: str = ""
    history: tuple[Any, ...] | None = ()
    artifacts: tuple[Any, ...] | None = ()


class Page(msgspec.Struct, frozen=True, rename="camel"):
    """One page of tasks; each is read by itself, so that a bad one spoils no other."""

    tasks: list[Any]
    next_page_token: str = ""


D = TypeVar("D", Page, Task)


class Api(ABC):
    """One interface of one agent."""

    def __init__(self, wire: Wire, interface: Interface, params: Mapping[str, str]) -> None:
        self.wire = wire
        self.interface = interface
        self.params = dict(params)
        """Query parameters of every request: credentials that the agent wants there."""

    @abstractmethod
    async def page(self, state: str, token: str) -> Page:
        """Tasks in a state, newest first. An agent may ignore the filter."""

    @abstractmethod
    async def task(self, task_id: str, history: int | None) -> Task | None:
        """One task with the last ``history`` messages (None: all); None when the agent knows no such task."""

    @abstractmethod
    async def send(self, message: dict[str, Any]) -> Any:
        """Give a message to its task; what the agent answered at once."""

    @abstractmethod
    async def cancel(self, task_id: str) -> Any:
        """Cancel a task; what the agent answered."""


class Rest(Api):
    """The HTTP+JSON binding."""

    async def page(self, state: str, token: str) -> Page:
        found: Page = (await self._ask("GET", "tasks", _paging(state, token))).decode(Page)
        return found

    async def task(self, task_id: str, history: int | None) -> Task | None:
        params = {} if history is None else {"historyLength": history}
        try:
            found: Task = (await self._ask("GET", f"tasks/{segment(task_id)}", params)).decode(Task)
        except Stated as error:
            if error.reason == "TASK_NOT_FOUND":
                return None
            raise
        return found

    async def send(self, message: dict[str, Any]) -> Any:
        body = {"message": message, "configuration": {"returnImmediately": True}}
        return (await self._ask("POST", "message:send", {}, json=body, timeout_s=SEND_TIMEOUT_S)).json

    async def cancel(self, task_id: str) -> Any:
        path = f"tasks/{segment(task_id)}:cancel"
        return (await self._ask("POST", path, {}, json={}, timeout_s=SEND_TIMEOUT_S)).json

    async def _ask(self, method: str, path: str, params: dict[str, Any], **more: Any) -> Reply:
        tenant = f"/{segment(self.interface.tenant)}" if self.interface.tenant else ""
        url = f"{self.interface.url.rstrip('/')}{tenant}/{path}"
        reply = await self.wire.request(
            method, url, params={**self.params, **params} or None, headers=_VERSION, **more
        )
        if reply.status >= 300 and (stated := _stated(reply)):
            raise stated
        return reply.raise_for_status()


class JsonRpc(Api):
    """The JSON-RPC binding."""

    async def page(self, state: str, token: str) -> Page:
        return _read("ListTasks", await self._call("ListTasks", _paging(state, token)), Page)

    async def task(self, task_id: str, history: int | None) -> Task | None:
        params = {"id": task_id} | ({} if history is None else {"historyLength": history})
        try:
            return _read("GetTask", await self._call("GetTask", params), Task)
        except Stated as error:
            if error.reason == "TASK_NOT_FOUND":
                return None
            raise

    async def send(self, message: dict[str, Any]) -> Any:
        params = {"message": message, "configuration": {"returnImmediately": True}}
        return await self._call("SendMessage", params, timeout_s=SEND_TIMEOUT_S)

    async def cancel(self, task_id: str) -> Any:
        return await self._call("CancelTask", {"id": task_id}, timeout_s=SEND_TIMEOUT_S)

    async def _call(self, method: str, params: dict[str, Any], **more: Any) -> Any:
        """The result of one call. An error comes with status 200, so the body is looked at first."""
        if self.interface.tenant:
            params = {**params, "tenant": self.interface.tenant}
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        reply = await self.wire.request(
            "POST", self.interface.url, params=self.params or None, json=body, headers=_VERSION, **more
        )
        if stated := _stated(reply):
            raise stated
        answer = reply.raise_for_status().json
        if not isinstance(answer, dict) or "result" not in answer:
            raise Garbled(f"{reply.where} answered {method} with neither a result nor an error")
        return answer["result"]


def open_api(wire: Wire, interface: Interface, params: Mapping[str, str]) -> Api:
    """The API of an interface, by its binding."""
    kind = Rest if interface.protocol_binding == "HTTP+JSON" else JsonRpc
    return kind(wire, interface, params)


def _paging(state: str, token: str) -> dict[str, Any]:
    params = {"status": state, "pageSize": PAGE, "historyLength": 0}
    return {**params, "pageToken": token} if token else params


def _read(method: str, result: Any, shape: type[D]) -> D:
    try:
        return msgspec.convert(result, shape)
    except msgspec.ValidationError as error:
        raise Garbled(f"{method} was answered with unexpected data: {error}") from error


def _stated(reply: Reply) -> Stated | None:
    """The error in an answer of either binding; None where it holds none that can be read.

    401, 403, 429 and 503 are left to ``raise_for_status``: they speak of credentials and load.
    """
    if reply.status in (401, 403, 429, 503):
        return None
    try:
        body = reply.json
    except Garbled:
        return None
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return None
    code = error["code"] if isinstance(error.get("code"), int) else 0
    reason = _reason(error) or _CODES.get(code, "")
    by_status = 400 <= reply.status < 500 and reply.status not in UNCLEAR
    certain = code in _CODES if code < 0 else by_status
    words = error.get("message") if isinstance(error.get("message"), str) else reason
    named = f" ({reason})" if reason else ""
    return Stated(f"{reply.where} answered: {str(words)[:300]}{named}", reason, certain)


def _reason(error: dict[str, Any]) -> str:
    """The reason in a ``google.rpc.ErrorInfo`` among the details."""
    details = error.get("details", error.get("data"))
    for detail in details if isinstance(details, list) else ():
        if isinstance(detail, dict) and isinstance(detail.get("reason"), str):
            return str(detail["reason"])
    return ""
