"""A real A2A agent, served by a2a-sdk: a clerk that asks before it pays, and keeps what it was told."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx
import uvicorn
from a2a.helpers.proto_helpers import (
    get_data_parts,
    get_message_text,
    new_data_part,
    new_task_from_user_message,
    new_text_part,
)
from a2a.server.agent_execution import AgentExecutor, RequestContext
from a2a.server.context import ServerCallContext
from a2a.server.events import EventQueue
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.server.routes.agent_card_routes import create_agent_card_routes
from a2a.server.routes.jsonrpc_routes import create_jsonrpc_routes
from a2a.server.routes.rest_routes import create_rest_routes
from a2a.server.tasks import InMemoryTaskStore, TaskUpdater
from a2a.types.a2a_pb2 import (
    AgentCapabilities,
    AgentCard,
    AgentInterface,
    AgentSkill,
    Part,
    SecurityRequirement,
    SecurityScheme,
    StringList,
    Task,
    TaskState,
    TaskStatus,
)
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

__all__ = ["ALLOWED", "Clerk", "Interfaces", "serving"]

ALLOWED = ["approve", "edit", "reject"]
Interfaces = Sequence[tuple[str, str, str]]
"""Binding, version and path of each interface on the card."""
SERVED = (("JSONRPC", "1.0", ""), ("HTTP+JSON", "1.0", "/rest"), ("JSONRPC", "0.3", ""))


class Clerk(AgentExecutor):
    """What it does with a task stands in the task's first words, for instance ``refund ann``."""

    def __init__(self, url: str, interfaces: Interfaces = SERVED, **card: Any) -> None:
        self.url = url
        self.told: dict[str, list[Any]] = {}
        """Task id → what was answered and acted on: data or text of each message, ``cancel`` of a cancel."""
        self.gate: asyncio.Event | None = None
        """Where set, what is answered waits for it before anything is done."""
        self.demands: tuple[str, str] | None = None
        """A header, or a query parameter as ``?name``, and the value without which all but the card is 401."""
        self.card = _card(url, interfaces, **card)
        self.store = InMemoryTaskStore()
        self.handler = DefaultRequestHandler(self, self.store, self.card)
        routes = [
            *create_agent_card_routes(self.card),
            *create_jsonrpc_routes(self.handler, rpc_url="/", enable_v0_3_compat=True),
            *create_rest_routes(self.handler, path_prefix="/rest"),
        ]
        self._app = Starlette(routes=routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self.demands and not scope["path"].startswith("/.well-known"):
            request = Request(scope)
            shown = {**request.headers, **{f"?{name}": value for name, value in request.query_params.items()}}
            if shown.get(self.demands[0]) != self.demands[1]:
                await Response(status_code=401)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    # -- what a test does to it

    async def ask(self, words: str) -> str:
        """Begin a task; its id, once it waits."""
        body = {"message": {"messageId": uuid4().hex, "role": "ROLE_USER", "parts": [{"text": words}]}}
        async with httpx.AsyncClient(transport=httpx.ASGITransport(self)) as client:
            reply = await client.post(
                f"{self.url}/rest/message:send", json=body, headers={"A2A-Version": "1.0"}
            )
        return str(reply.raise_for_status().json()["task"]["id"])

    async def fill(self, count: int) -> None:
        """Have ``count`` tasks wait, as if asked long ago."""
        for number in range(count):
            task = Task(id=f"task-{number}", context_id=f"context-{number}")
            task.status.state = TaskState.TASK_STATE_INPUT_REQUIRED
            task.status.timestamp.FromSeconds(1_800_000_000 + number)
            task.status.message.message_id = f"question-{number}"
            task.status.message.parts.append(new_text_part(f"May I send letter {number}?"))
            await self.store.save(task, ServerCallContext())

    async def answer(self, task_id: str, decision: str, context: bool = True) -> dict[str, Any]:
        """Answer from elsewhere, as another console would; without its context as a careless one would."""
        task = await self.store.get(task_id, ServerCallContext())
        assert task is not None
        message = {
            **({"contextId": task.context_id} if context else {}),
            "messageId": uuid4().hex,
            "taskId": task_id,
            "role": "ROLE_USER",
            "parts": [{"data": {"decision": decision}}],
        }
        async with httpx.AsyncClient(transport=httpx.ASGITransport(self)) as client:
            reply = await client.post(
                f"{self.url}/rest/message:send", json={"message": message}, headers={"A2A-Version": "1.0"}
            )
        found: dict[str, Any] = reply.raise_for_status().json()
        return found

    async def change(self, task_id: str, words: str) -> None:
        """Ask something else in a task that waits."""
        context = ServerCallContext()
        task = await self.store.get(task_id, context)
        assert task is not None
        task.status.message.message_id = uuid4().hex
        task.status.message.parts[0].text = words
        task.status.timestamp.GetCurrentTime()
        await self.store.save(task, context)

    async def status(self, task_id: str) -> TaskStatus:
        """Where a task stands, in the server's own store."""
        task = await self.store.get(task_id, ServerCallContext())
        assert task is not None
        return task.status

    async def forget(self, task_id: str) -> None:
        """Lose a task, as a restart would."""
        await self.store.delete(task_id, ServerCallContext())

    # -- what it does

    async def execute(self, context: RequestContext, event_queue: EventQueue) -> None:
        assert context.task_id
        assert context.context_id
        assert context.message
        up = TaskUpdater(event_queue, context.task_id, context.context_id)
        if context.current_task is None:
            await event_queue.enqueue_event(new_task_from_user_message(context.message))
            await self._ask(up, get_message_text(context.message))
            return
        words = get_message_text(context.current_task.history[0])
        data = get_data_parts(context.message.parts)
        said = data[0] if data else get_message_text(context.message)
        self.told.setdefault(context.task_id, []).append(said)
        await up.start_work()
        if self.gate is not None:
            await self.gate.wait()
        if "crash" in words:
            raise ValueError("the till is jammed")
        if "two questions" in words and len(self.told[context.task_id]) == 1:
            await up.requires_input(up.new_agent_message([new_text_part("And which date?")]))
        elif isinstance(said, dict) and said.get("decision") in ("reject", "deny"):
            await up.reject(up.new_agent_message([new_text_part("Left undone")]))
        else:
            await up.add_artifact([new_data_part({"did": said})], name="outcome")
            await up.complete(up.new_agent_message([new_text_part("Done")]))

    async def _ask(self, up: TaskUpdater, words: str) -> None:
        if words.startswith("sign in"):
            page = Part(url="https://bank.test/sign-in", media_type="text/html")
            await up.requires_auth(up.new_agent_message([new_text_part("Sign in to the bank."), page]))
        elif words.startswith("question"):
            await up.requires_input(up.new_agent_message([new_text_part("What name goes on it?")]))
        else:
            action = {
                "action": "issue_refund",
                "args": {"customer": words, "amount": 12.5},
                "allowed": ALLOWED,
            }
            parts = [new_text_part(f"May I go on with: {words}?"), new_data_part(action)]
            await up.requires_input(up.new_agent_message(parts))

    async def cancel(self, context: RequestContext, event_queue: EventQueue) -> None:
        assert context.task_id
        assert context.context_id
        self.told.setdefault(context.task_id, []).append("cancel")
        await TaskUpdater(event_queue, context.task_id, context.context_id).cancel()


@asynccontextmanager
async def serving(interfaces: Interfaces = SERVED, **card: Any) -> AsyncIterator[Clerk]:
    """A clerk on a free port of 127.0.0.1, as uvicorn serves it."""
    listener = socket.create_server(("127.0.0.1", 0))
    clerk = Clerk(f"http://127.0.0.1:{listener.getsockname()[1]}", interfaces, **card)
    server = uvicorn.Server(uvicorn.Config(clerk, log_level="critical", lifespan="off"))
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield clerk
    finally:
        server.should_exit = True
        await task
        await clerk.handler.aclose()


def _card(url: str, interfaces: Interfaces, wants: dict[str, SecurityScheme] | None = None) -> AgentCard:
    return AgentCard(
        name="Clerk",
        description="Asks a person before it pays",
        version="2.1.0",
        capabilities=AgentCapabilities(),
        supported_interfaces=[
            AgentInterface(url=url + path, protocol_binding=binding, protocol_version=version)
            for binding, version, path in interfaces
        ],
        security_schemes=wants or {},
        security_requirements=[SecurityRequirement(schemes={name: StringList()}) for name in wants or {}],
        default_input_modes=["text/plain"],
        default_output_modes=["text/plain"],
        skills=[AgentSkill(id="refund", name="Refund", description="Pays money back", tags=["money"])],
    )
