"""The routes of an Agent Server that are used here, and the parts of their answers that are read."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import msgspec

from triage.connectors.http import Garbled, Missing, Wire, segment

__all__ = ["Api", "Checkpoint", "Interrupt", "Page", "Run", "State", "Task", "Thread", "moment"]

_ROW = ["thread_id", "updated_at", "state_updated_at", "metadata", "status", "interrupts"]
_RUN = ["run_id", "status", "metadata", "kwargs", "created_at"]
_RUNS_PAGE = 100
_RUNS_PAGES = 5
"""Runs of one thread that are looked through, newest first: those that answer what waits are recent."""
_INTERRUPT_ID = re.compile(r"[0-9a-f]{32}")


class Interrupt(msgspec.Struct, frozen=True, omit_defaults=True):
    """One question a graph stopped with."""

    id: str
    value: Any = None
    response_schema: dict[str, Any] | None = None


class Thread(msgspec.Struct, frozen=True):
    """One conversation, as listed or read."""

    thread_id: str
    status: str
    """``idle``, ``busy``, ``interrupted`` or ``error``."""
    metadata: dict[str, Any] | None = None
    interrupts: dict[str, list[Any]] | None = None
    """Task id → its questions. Not always true: after a late answer it shows answered ones again."""
    updated_at: str | None = None
    state_updated_at: str | None = None
    error: Any = None

    @property
    def graph(self) -> str:
        """The name of the graph that runs in it."""
        return _text(self.metadata, "graph_id")

    @property
    def assistant(self) -> str:
        """Whom to name when starting a run; empty when the thread does not say."""
        return _text(self.metadata, "assistant_id") or self.graph

    @property
    def stamp(self) -> str | None:
        """Changes whenever its state does."""
        return self.state_updated_at or self.updated_at


class Task(msgspec.Struct, frozen=True):
    """One step of a graph that is not over, or whose siblings are not."""

    id: str = ""
    name: str = ""
    error: Any = None
    """Stays with it when a later run does it again, whatever comes of that."""
    interrupts: list[Any] = []
    result: Any = None

    @property
    def failure(self) -> str:
        """Why it failed; empty when it did not, or succeeded since."""
        if self.error is None or self.result is not None:
            return ""
        return self.error if isinstance(self.error, str) else msgspec.json.encode(self.error).decode()


class State(msgspec.Struct, frozen=True):
    """Where a thread stands; the truth about its open questions."""

    values: Any = None
    next: list[str] = []
    tasks: list[Task] = []
    metadata: dict[str, Any] | None = None
    checkpoint: dict[str, Any] | None = None
    parent_checkpoint: dict[str, Any] | None = None
    created_at: str | None = None

    @property
    def checkpoint_id(self) -> str:
        return _text(self.checkpoint, "checkpoint_id")

    @property
    def parent_id(self) -> str:
        return _text(self.parent_checkpoint, "checkpoint_id")

    @property
    def run_id(self) -> str:
        """The run that wrote this checkpoint; empty for one made by hand."""
        return _text(self.metadata, "run_id")

    @property
    def source(self) -> str:
        """``input``, ``loop``, ``update`` or ``fork``."""
        return _text(self.metadata, "source")

    @property
    def failures(self) -> str:
        """Which steps failed and why; empty when none did."""
        return "; ".join(f"{task.name}: {task.failure}" for task in self.tasks if task.failure)


class Checkpoint(msgspec.Struct, frozen=True):
    """The answer to a change of a state."""

    checkpoint_id: str = ""


class Run(msgspec.Struct, frozen=True):
    """One run of a graph on a thread."""

    run_id: str
    status: str = ""
    """``pending``, ``running``, ``success``, ``error``, ``timeout`` or ``interrupted`` (cancelled)."""
    metadata: dict[str, Any] | None = None
    kwargs: dict[str, Any] | None = None
    created_at: str | None = None

    @property
    def at_work(self) -> bool:
        return self.status in ("pending", "running")

    @property
    def decision_id(self) -> str:
        return _text(self.metadata, "decision_id")

    def answers(self, interrupt_id: str) -> bool:
        """Whether it carries an answer to the question of that id."""
        return interrupt_id in self._answers

    def may_settle(self, interrupt_id: str) -> bool:
        """Whether that question may have been settled by it: answered, answered by an answer to whatever
        is open, or replaced by new input. Runs that answer others by id, or only go on, do not."""
        kwargs = self.kwargs or {"input": "unknown"}
        if self._answers and all(_INTERRUPT_ID.fullmatch(key) for key in self._answers):
            return interrupt_id in self._answers
        return kwargs.get("input") is not None or bool(kwargs.get("command"))

    @property
    def _answers(self) -> dict[str, Any]:
        command = (self.kwargs or {}).get("command")
        resume = command.get("resume") if isinstance(command, dict) else None
        return resume if isinstance(resume, dict) else {}

    def words(self) -> str:
        """Which run it is and whose, for the operator."""
        who = _text(self.metadata, "operator") or _text(self.metadata, "langgraph_auth_user_id")
        return f"run {self.run_id} of {self.created_at or 'unknown time'}" + (f" by {who}" if who else "")


class Page(msgspec.Struct, frozen=True):
    """Part of a list of threads."""

    rows: list[Any]
    """As they came, for ``Thread`` one by one."""
    more: bool
    """Whether there may be more after it."""


class Api:
    """One Agent Server. Every method raises EndpointError when the answer is an error or cannot be read."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    async def page(self, status: str, metadata: dict[str, Any], offset: int, limit: int) -> Page:
        """Threads of one status by ascending id."""
        wanted = {"status": status, "limit": limit, "offset": offset, "select": _ROW}
        order = {"sort_by": "thread_id", "sort_order": "asc"}
        reply = await self.wire.post(
            "/threads/search", {**wanted, **order, **({"metadata": metadata} if metadata else {})}
        )
        rows: list[Any] = reply.decode(list[Any])
        return Page(rows, more=len(rows) == limit or "x-pagination-next" in reply.headers)

    async def thread(self, thread_id: str) -> Thread | None:
        """One thread; None when there is none of that id."""
        try:
            reply = await self.wire.get(f"/threads/{segment(thread_id)}")
        except Missing as error:
            _prove_missing(error)
            return None
        found: Thread = reply.decode(Thread)
        return found

    async def state(self, thread_id: str) -> State | None:
        """Where a thread stands; None when there is none of that id."""
        try:
            reply = await self.wire.get(f"/threads/{segment(thread_id)}/state")
        except Missing as error:
            _prove_missing(error)
            return None
        found: State = reply.decode(State)
        return found

    async def history(self, thread_id: str, limit: int, **metadata: str) -> list[State]:
        """Past checkpoints, newest first."""
        wanted = {"limit": limit, **({"metadata": metadata} if metadata else {})}
        reply = await self.wire.post(f"/threads/{segment(thread_id)}/history", wanted)
        found: list[State] = reply.decode(list[State])
        return found

    async def runs(self, thread_id: str) -> list[Run]:
        """The newest runs of a thread, newest first. Empty when the thread is gone."""
        found: list[Run] = []
        for page in range(_RUNS_PAGES):
            params = {"limit": _RUNS_PAGE, "offset": page * _RUNS_PAGE, "select": _RUN}
            try:
                reply = await self.wire.get(f"/threads/{segment(thread_id)}/runs", params=params)
            except Missing as error:
                _prove_missing(error)
                return []
            rows: list[Run] = reply.decode(list[Run])
            found += rows
            if len(rows) < _RUNS_PAGE:
                break
        return found

    async def run(self, thread_id: str, run_id: str) -> Run | None:
        """One run; None when it, or its thread, is not there."""
        try:
            reply = await self.wire.get(f"/threads/{segment(thread_id)}/runs/{segment(run_id)}")
        except Missing:
            return None
        found: Run = reply.decode(Run)
        return found

    async def start(self, thread_id: str, body: dict[str, Any]) -> str:
        """Start a run, unless one is under way (409), and give its id."""
        reply = await self.wire.post(
            f"/threads/{segment(thread_id)}/runs", {**body, "multitask_strategy": "reject"}
        )
        started: Run = reply.decode(Run)
        return started.run_id

    async def change(self, thread_id: str, body: dict[str, Any]) -> str:
        """Change a thread's state by hand and give the new checkpoint's id."""
        reply = await self.wire.post(f"/threads/{segment(thread_id)}/state", body)
        changed: Checkpoint = reply.decode(Checkpoint)
        return changed.checkpoint_id


def moment(text: str | None) -> datetime | None:
    """A time as the server writes it, in UTC; None when it is none."""
    try:
        parsed = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).astimezone(UTC)


def _text(mapping: dict[str, Any] | None, key: str) -> str:
    found = (mapping or {}).get(key)
    return found if isinstance(found, str) else ""


def _prove_missing(error: Missing) -> None:
    """Raises Garbled unless a 404 is the server's own: a proxy's, or that of a path which is not there, does
    not prove that a thread is gone."""
    try:
        body = error.reply.json
    except Garbled:
        body = None
    detail = body.get("detail") if isinstance(body, dict) else None
    if not isinstance(detail, str) or "thread" not in detail.lower():
        raise Garbled(f"{error.reply.where} answered {error.reply.status} and does not speak of the thread")
