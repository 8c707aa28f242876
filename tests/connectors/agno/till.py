"""A real AgentOS: agents, a team and a workflow that ask before they pay, with a model that does as it is told.

What a run does stands in its message, as JSON: a list of turns, each a list of calls, each a tool's name and
its arguments. After the last turn the model says what its last tool gave.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import uvicorn
from agno.agent import Agent
from agno.approval import approval
from agno.db.sqlite import SqliteDb
from agno.models.base import Model
from agno.models.message import Message
from agno.models.response import ModelResponse
from agno.os import AgentOS
from agno.os.settings import AgnoAPISettings
from agno.team import Team
from agno.tools import tool
from agno.workflow import Step, Workflow

__all__ = ["KEY", "Call", "Till", "serving"]

Call = tuple[str, dict[str, Any]]
KEY = "till-key"


class Scripted(Model):
    """A model that makes the calls that the run's message names."""

    def __init__(self) -> None:
        super().__init__(id="scripted", name="Scripted", provider="none")

    def _next(self, messages: list[Message]) -> ModelResponse:
        script = json.loads(next(str(said.content) for said in messages if said.role == "user"))
        done = sum(1 for said in messages if said.role == "assistant" and said.tool_calls)
        if done < len(script):
            return ModelResponse(role="assistant", tool_calls=[_called(*call) for call in script[done]])
        return ModelResponse(role="assistant", content=f"then: {messages[-1].content}")

    def invoke(self, *args: Any, messages: list[Message], **_: Any) -> ModelResponse:
        return self._next(messages)

    async def ainvoke(self, *args: Any, messages: list[Message], **_: Any) -> ModelResponse:
        return self._next(messages)

    def invoke_stream(self, *args: Any, messages: list[Message], **_: Any) -> Iterator[ModelResponse]:
        yield self._next(messages)

    async def ainvoke_stream(
        self, *args: Any, messages: list[Message], **_: Any
    ) -> AsyncIterator[ModelResponse]:
        yield self._next(messages)

    def _parse_provider_response(self, response: Any, **_: Any) -> ModelResponse:
        raise NotImplementedError

    def _parse_provider_response_delta(self, response: Any) -> ModelResponse:
        raise NotImplementedError


class Till:
    """An AgentOS of its own database, and what its tools did."""

    def __init__(self, folder: Path, key: str | None = None) -> None:
        self.file = folder / "till.db"
        self.did: list[Call] = []
        """Every call that a tool was really run with."""
        self.gate: asyncio.Event | None = None
        """Where set, ``wire`` waits for it."""
        self.url = "http://till.test"
        self.headers = {"authorization": f"Bearer {key}"} if key else {}
        db = SqliteDb(db_file=str(self.file), approvals_table="approvals")
        db._create_all_tables()  # type: ignore[no-untyped-call]
        kept: dict[str, Any] = {"db": db, "telemetry": False}
        asking: dict[str, Any] = {"tools": self._tools(), "model": Scripted(), **kept}
        clerk, helper, stepper = (
            Agent(id=name, name=name.capitalize(), role="pays", **asking)
            for name in ("clerk", "helper", "stepper")
        )
        team = Team(id="crew", name="Crew", members=[clerk, helper], **asking)
        pair = Team(id="pair", name="Pair", members=[clerk, helper], **asking)
        flow = Workflow(id="flow", name="Flow", steps=[Step(name="pay", agent=stepper)], **kept)
        march = Workflow(id="march", name="March", steps=[Step(name="pay", team=pair)], **kept)
        payer = Agent(id="payer", name="Payer", **asking)
        settings = AgnoAPISettings(os_security_key=key)
        self.app: Any = AgentOS(
            agents=[payer], teams=[team], workflows=[flow, march], settings=settings, **kept
        ).get_app()

    def _tools(self) -> list[Any]:
        def did(name: str, **arguments: Any) -> str:
            self.did.append((name, arguments))
            return f"{name} done"

        @approval()
        @tool(requires_confirmation=True)
        def pay(order: str, amount: int) -> str:
            """Pay an order."""
            return did("pay", order=order, amount=amount)

        @approval()
        @tool(requires_confirmation=True)
        async def wire(order: str) -> str:
            """Pay an order, slowly."""
            if self.gate is not None:
                await self.gate.wait()
            return did("wire", order=order)

        @tool(requires_confirmation=True)
        def ring(bell: str) -> str:
            """Ring a bell; nothing of it is kept as an approval."""
            return did("ring", bell=bell)

        @approval()
        @tool(requires_user_input=True, user_input_fields=["guest", "nights"])
        def book(room: str, guest: str = "", nights: int = 0) -> str:
            """Book a room.

            Args:
                room: which one
                guest: who comes
                nights: for how long
            """
            return did("book", room=room, guest=guest, nights=nights)

        @approval()
        @tool(requires_user_input=True, user_input_fields=["text"])
        def remind(text: str | None = None) -> str:
            """Remind somebody."""
            return did("remind", text=text)

        @approval()
        @tool(external_execution=True)
        def deploy(host: str) -> str:
            """Deploy to a host."""
            return did("deploy", host=host)

        return [pay, wire, ring, book, remind, deploy]

    # -- what a test does to it

    async def ask(self, *turns: list[Call], of: str = "agents/payer") -> list[dict[str, Any]]:
        """Begin a run that makes these calls; the approvals it then waits for."""
        session = uuid4().hex
        form = {"message": json.dumps(turns), "stream": "false", "user_id": "ann", "session_id": session}
        async with self.client() as client:
            reply = await client.post(f"/{of}/runs", data=form)
            assert reply.raise_for_status().json()["status"] == "PAUSED"
            listed = await client.get("/approvals", params={"status": "pending"})
        return [row for row in listed.json()["data"] if row["session_id"] == session]

    async def delegate(self, *tasks: list[list[Call]], of: str = "teams/crew") -> list[dict[str, Any]]:
        """Begin a run of a team that has its members make calls, each the turns of its own task."""
        members = ("clerk", "helper")
        calls: list[Call] = [
            ("delegate_task_to_member", {"member_id": member, "task": json.dumps(turns)})
            for member, turns in zip(members, tasks, strict=False)
        ]
        return await self.ask(calls, of=of)

    async def resolve(self, approval_id: str, status: str = "approved", by: str = "lou") -> None:
        """Decide from elsewhere, without carrying the run on."""
        async with self.client() as client:
            body = {"status": status, "resolved_by": by}
            (await client.post(f"/approvals/{approval_id}/resolve", json=body)).raise_for_status()

    async def row(self, approval_id: str) -> dict[str, Any]:
        """An approval, as the server has it."""
        async with self.client() as client:
            found: dict[str, Any] = (await client.get(f"/approvals/{approval_id}")).raise_for_status().json()
        return found

    def client(self) -> httpx.AsyncClient:
        """Straight into the app."""
        transport = httpx.ASGITransport(self.app)
        return httpx.AsyncClient(transport=transport, base_url="http://till.test", headers=self.headers)

    def write(self, statement: str, *rows: tuple[Any, ...]) -> None:
        """Change the database behind the server's back, once for each row of values."""
        with sqlite3.connect(self.file) as connection:
            connection.executemany(statement, rows or [()])
        connection.close()

    def clear(self) -> None:
        """Forget every approval and all that was done."""
        self.write("delete from approvals")
        self.did.clear()
        self.gate = None


@asynccontextmanager
async def serving(till: Till) -> AsyncIterator[str]:
    """The till on a free port of 127.0.0.1, as uvicorn serves it; its URL."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(till.app, log_level="critical", lifespan="off"))
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


def _called(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    function = {"name": name, "arguments": json.dumps(arguments)}
    return {"id": f"call_{uuid4().hex[:12]}", "type": "function", "function": function}
