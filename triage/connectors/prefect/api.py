"""The routes of a Prefect server that are used here, and the parts of their answers that are read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from os.path import commonprefix
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import msgspec

from triage.connectors.http import Garbled, Interrupted, Reply, Wire, segment

__all__ = [
    "PAGE",
    "Answer",
    "Api",
    "FlowRun",
    "Form",
    "Keyset",
    "Log",
    "State",
    "api_path",
    "as_run",
    "is_too_busy",
    "utc",
]

PAGE = 200
"""Most rows a server gives at once, unless its administrator set less."""
_LOG_LINES = 200


class Keyset(msgspec.Struct, frozen=True):
    """The names under which a question's form and answer are stored with its run."""

    schema: str
    description: str
    response: str


class StateDetails(msgspec.Struct, frozen=True):
    """What a state says beside its type."""

    pause_timeout: datetime | None = None
    pause_key: str | None = None
    pause_reschedule: bool | None = None
    run_input_keyset: Keyset | None = None


class State(msgspec.Struct, frozen=True):
    """One state of a run's history."""

    id: str
    type: str
    """``PAUSED``, ``RUNNING``, ``SCHEDULED``, ``COMPLETED``, ``FAILED``, ``CANCELLED`` …"""
    name: str = ""
    timestamp: datetime | None = None
    message: str | None = None
    state_details: StateDetails = StateDetails()

    @property
    def goes_on(self) -> bool:
        """Whether a run in this state is, or is about to be, at work."""
        return self.type in ("RUNNING", "SCHEDULED", "PENDING")

    @property
    def is_final(self) -> bool:
        return self.type in ("COMPLETED", "FAILED", "CANCELLED", "CRASHED")

    @property
    def words(self) -> str:
        """The state for the operator: ``Failed: out of stock``."""
        return f"{self.name or self.type}: {self.message}" if self.message else self.name or self.type


class FlowRun(msgspec.Struct, frozen=True):
    """One run of a flow, as listed or read."""

    id: UUID
    name: str
    state: State
    state_type: str
    flow_id: UUID | None = None
    parameters: dict[str, Any] | None = None
    tags: list[str] | None = None

    @property
    def waits(self) -> bool:
        """Whether it is paused: a server ignores a filter it does not know, so each row is looked at."""
        return self.state_type == self.state.type == "PAUSED"


class Form(msgspec.Struct, frozen=True):
    """What a paused run wants to be told."""

    schema: dict[str, Any]
    description: str | None = None


class _Input(msgspec.Struct, frozen=True):
    key: str
    value: str


class _Flow(msgspec.Struct, frozen=True):
    id: UUID
    name: str


class Log(msgspec.Struct, frozen=True):
    """One line a run logged."""

    message: str
    timestamp: datetime | None = None


class Answer(msgspec.Struct, frozen=True):
    """The reply to a wanted change of state. Its HTTP status does not tell whether the change was made."""

    status: str
    """``ACCEPT``, ``REJECT``, ``ABORT`` or ``WAIT``."""
    state: State | None = None
    details: dict[str, Any] = {}

    @property
    def reason(self) -> str:
        found = self.details.get("reason")
        return found if isinstance(found, str) else "no reason given"


class Api:
    """One Prefect server. Every method raises EndpointError when the answer is an error or cannot be read."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.root = api_path(wire.url)

    async def page(self, tags: Sequence[str], offset: int) -> list[Any]:
        """Paused runs by descending id: rows as they came, for ``FlowRun`` one by one."""
        wanted: dict[str, Any] = {"state": {"type": {"any_": ["PAUSED"]}}}
        if tags:
            wanted["tags"] = {"all_": list(tags)}
        body = {"flow_runs": wanted, "sort": "ID_DESC", "limit": PAGE, "offset": offset}
        rows: list[Any] = (await self.wire.post(f"{self.root}/flow_runs/filter", body)).decode(list[Any])
        return rows

    async def flow_names(self, ids: Iterable[UUID]) -> dict[UUID, str]:
        """The names of flows; what is no longer there is left out."""
        found: dict[UUID, str] = {}
        wanted = [str(one) for one in ids]
        for start in range(0, len(wanted), PAGE):
            body = {"flows": {"id": {"any_": wanted[start : start + PAGE]}}, "limit": PAGE}
            rows: list[_Flow] = (await self.wire.post(f"{self.root}/flows/filter", body)).decode(list[_Flow])
            found.update((row.id, row.name) for row in rows)
        return found

    async def form(self, run_id: str, keyset: Keyset) -> Form | None:
        """What a run asks; None while its form is not stored yet. Raises Garbled for one that is no form."""
        prefix = commonprefix([keyset.schema, keyset.description, keyset.response])  # noqa: RUF071 - no paths
        stored = await self.inputs(run_id, prefix)
        if keyset.schema not in stored:
            return None
        try:
            schema = msgspec.json.decode(stored[keyset.schema], type=dict[str, Any])
            description = msgspec.json.decode(stored.get(keyset.description, "null"), type=str | None)
        except (msgspec.DecodeError, RecursionError) as error:
            raise Garbled(f"what flow run {run_id} asks for cannot be read: {error}") from error
        return Form(schema, description)

    async def inputs(self, run_id: str, prefix: str = "") -> dict[str, str]:
        """Forms and answers stored with a run: key → JSON text."""
        path = f"{self.root}/flow_runs/{segment(run_id)}/input/filter"
        body = {"prefix": prefix, "limit": PAGE}
        rows: list[_Input] = (
            (await self._read("POST", path, json=body)).raise_for_status().decode(list[_Input])
        )
        return {row.key: row.value for row in rows}

    async def input(self, run_id: str, key: str) -> Any | None:
        """One stored form or answer; None when there is none."""
        path = f"{self.root}/flow_runs/{segment(run_id)}/input/{segment(key)}"
        reply = await self._found(path)
        return None if reply is None else reply.json

    async def row(self, run_id: str) -> dict[str, Any] | None:
        """One run as it came; None when there is none of that id."""
        reply = await self._found(f"{self.root}/flow_runs/{segment(run_id)}")
        return None if reply is None else reply.decode(dict[str, Any])

    async def run(self, run_id: str) -> FlowRun | None:
        """One run; None when there is none of that id."""
        row = await self.row(run_id)
        return None if row is None else as_run(row)

    async def states(self, run_id: str) -> list[State]:
        """A run's states, oldest first."""
        reply = await self._read("GET", f"{self.root}/flow_run_states/", params={"flow_run_id": run_id})
        found: list[State] = reply.raise_for_status().decode(list[State])
        return found

    async def logs(self, run_id: str) -> list[Log]:
        """The last lines a run logged, oldest first."""
        body = {
            "logs": {"flow_run_id": {"any_": [run_id]}},
            "sort": "TIMESTAMP_DESC",
            "limit": _LOG_LINES,
        }
        found: list[Log] = (await self.wire.post(f"{self.root}/logs/filter", body)).decode(list[Log])
        return found[::-1]

    async def resume(self, run_id: str, run_input: dict[str, Any] | None) -> Answer:
        """Let a run go on with its answer."""
        return await self._change(run_id, "resume", {"run_input": run_input})

    async def set_state(self, run_id: str, state: dict[str, Any]) -> Answer:
        """Ask for another state, by the rules: not forced upon a run that has ended meanwhile."""
        return await self._change(run_id, "set_state", {"state": state, "force": False})

    async def _change(self, run_id: str, route: str, body: dict[str, Any]) -> Answer:
        path = f"{self.root}/flow_runs/{segment(run_id)}/{route}"
        # After its own 500 the server resets the connection: it must not be the next request's.
        reply = await self.wire.post(path, body, headers={"connection": "close"})
        answer: Answer = reply.decode(Answer)
        return answer

    async def _found(self, path: str) -> Reply | None:
        """The answer to a GET; None for a 404 that is the server's own, not a proxy's page."""
        return (await self._read("GET", path)).unless_gone("Prefect")

    async def _read(self, method: str, path: str, **more: Any) -> Reply:
        """A request that changes nothing; asked once more when the connection broke off."""
        try:
            return await self.wire.request(method, path, **more)
        except Interrupted:
            return await self.wire.request(method, path, **more)


def as_run(row: Any) -> FlowRun:
    """A run from its row. Raises Garbled, naming what is wrong with it."""
    try:
        return msgspec.convert(row, FlowRun)
    except msgspec.ValidationError as error:
        name = row.get("id") if isinstance(row, dict) else None
        raise Garbled(f"flow run {str(name)[:80]} cannot be read: {error}") from error


def is_too_busy(reply: Reply) -> bool:
    """Whether a 503 is the server's own, whose database gave up on the request: it is over, most likely
    without effect. A proxy's says nothing."""
    try:
        return reply.status == 503 and "exception_message" in reply.decode(dict[str, Any])
    except Garbled:
        return False


def api_path(url: str) -> str:
    """Where the API lies below an endpoint's URL: ``/api``, or nothing when the URL says it already."""
    path = urlsplit(url).path
    return "" if path.endswith("/api") or "/api/" in path else "/api"


def utc(moment: datetime | None) -> datetime | None:
    """A time in UTC; one without a zone is taken to be in it."""
    if moment is None:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
