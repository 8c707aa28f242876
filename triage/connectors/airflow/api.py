"""The routes of an Airflow server that are used here, and the parts of their answers that are read."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec

from triage.connectors.airflow.session import Session
from triage.connectors.http import Garbled, Reply, segment

__all__ = ["PAGE", "WAITING", "Api", "DagRun", "Detail", "Page", "Place", "TaskInstance", "as_detail", "utc"]

PAGE = 100
"""Most rows a server gives at once, whatever is asked."""
WAITING = ("deferred", "awaiting_input")
"""States of a task that waits for a person: until Airflow 3.2 (and with an older provider), since 3.3."""


class Place(msgspec.Struct, frozen=True):
    """Where a question is found and answered. The same for every try of a task."""

    dag_id: str
    dag_run_id: str
    task_id: str
    map_index: int

    @property
    def run_path(self) -> str:
        return f"dags/{segment(self.dag_id)}/dagRuns/{segment(self.dag_run_id)}"

    @property
    def path(self) -> str:
        return f"{self.run_path}/taskInstances/{segment(self.task_id)}/{self.map_index}/hitlDetails"

    @property
    def words(self) -> str:
        return f"{self.dag_id} / {self.dag_run_id} / {self.task_id} / {self.map_index}"


class User(msgspec.Struct, frozen=True):
    """One of the server's users."""

    id: str = ""
    name: str = ""


class TaskInstance(msgspec.Struct, frozen=True):
    """One try of one task of one run."""

    id: str
    task_id: str
    dag_id: str
    dag_run_id: str
    map_index: int
    try_number: int
    state: str | None = None
    start_date: datetime | None = None
    end_date: datetime | None = None
    task_display_name: str | None = None
    dag_display_name: str | None = None
    rendered_map_index: str | None = None
    note: str | None = None

    @property
    def waits(self) -> bool:
        return self.state in WAITING

    @property
    def place(self) -> Place:
        return Place(self.dag_id, self.dag_run_id, self.task_id, self.map_index)


class Detail(msgspec.Struct, frozen=True):
    """One question, with the answer once there is one."""

    options: Annotated[list[str], msgspec.Meta(min_length=1)]
    subject: str
    task_instance: TaskInstance
    created_at: datetime
    response_received: bool
    body: str | None = None
    defaults: list[str] | None = None
    multiple: bool = False
    params: dict[str, Any] = {}
    assigned_users: list[User] | None = None
    responded_by_user: User | None = None
    responded_at: datetime | None = None
    chosen_options: list[str] | None = None
    params_input: dict[str, Any] | None = None

    @property
    def asks(self) -> bool:
        """Whether an answer would be heard: servers take one for tasks that are over, too."""
        return not self.response_received and self.task_instance.waits

    @property
    def answer_words(self) -> str:
        """Who answered what: ``ann at 2026-… : Approve {"note":"fine"}``."""
        who = self.responded_by_user.name or self.responded_by_user.id if self.responded_by_user else "nobody"
        params = f" {msgspec.json.encode(self.params_input).decode()[:300]}" if self.params_input else ""
        return f"{who} at {self.responded_at}: {', '.join(self.chosen_options or [])}{params}"


class DagRun(msgspec.Struct, frozen=True):
    """One run of a DAG."""

    state: str
    """``queued``, ``running``, ``success`` or ``failed``."""
    conf: dict[str, Any] | None = None
    note: str | None = None

    @property
    def is_over(self) -> bool:
        return self.state in ("success", "failed")


class Page(msgspec.Struct, frozen=True):
    """Some of what waits."""

    hitl_details: list[Any]
    total_entries: int


class _Step(msgspec.Struct, frozen=True):
    task_id: str
    state: str | None = None
    map_index: int = -1
    start_date: datetime | None = None
    end_date: datetime | None = None


class _Steps(msgspec.Struct, frozen=True):
    task_instances: list[_Step]


class _Value(msgspec.Struct, frozen=True):
    value: Any = None


class Api:
    """One Airflow server. Every method raises EndpointError when the answer is an error or cannot be read."""

    def __init__(self, session: Session) -> None:
        self.session = session

    async def page(self, states: tuple[str, ...], offset: int) -> Page:
        """Unanswered questions of tasks in these states, the oldest first: rows as they came."""
        params = {
            "response_received": "false",
            "state": list(states),
            "order_by": "created_at",
            "limit": PAGE,
            "offset": offset,
        }
        reply = await self.session.read("dags/~/dagRuns/~/hitlDetails", params)
        page: Page = reply.raise_for_status().decode(Page)
        return page

    async def row(self, place: Place) -> dict[str, Any] | None:
        """The question at a place as it came; None when there is none."""
        reply = await self._found(place.path)
        return None if reply is None else reply.decode(dict[str, Any])

    async def detail(self, place: Place) -> Detail | None:
        """The question at a place; None when there is none."""
        row = await self.row(place)
        return None if row is None else as_detail(row)

    async def earlier(self, place: Place, try_number: int) -> Detail | None:
        """The question of one try; None when it is not kept."""
        reply = await self._found(f"{place.path}/tries/{try_number}")
        if reply is None:
            return None
        row = reply.decode(dict[str, Any])
        if isinstance(row.get("task_instance"), dict):
            row["task_instance"].setdefault("id", "")  # the history of a task names no ids
        return as_detail(row)

    async def run(self, place: Place) -> DagRun | None:
        """The run that a question belongs to; None when it is deleted."""
        reply = await self._found(place.run_path)
        return None if reply is None else reply.decode(DagRun)

    async def steps(self, place: Place) -> list[_Step]:
        """The first hundred tasks of a run."""
        reply = await self.session.read(f"{place.run_path}/taskInstances", {"limit": PAGE})
        steps: _Steps = reply.raise_for_status().decode(_Steps)
        return steps.task_instances

    async def used_value(self, place: Place) -> Any | None:
        """What the task made of its answer; None when it keeps nothing."""
        path = f"{place.run_path}/taskInstances/{segment(place.task_id)}/xcomEntries/return_value"
        reply = await self._found(path, {"map_index": place.map_index})
        return None if reply is None else reply.decode(_Value).value

    async def answer(self, place: Place, body: dict[str, Any]) -> Reply:
        """The reply to one answer, whatever its status."""
        return await self.session.write(place.path, body)

    async def fail_run(self, place: Place, note: str) -> Reply:
        """The reply to failing a whole run, whatever its status."""
        return await self.session.write(place.run_path, {"state": "failed", "note": note})

    async def _found(self, path: str, params: dict[str, Any] | None = None) -> Reply | None:
        """The answer to a GET; None for a 404 that is the server's own, not a proxy's page."""
        return (await self.session.read(path, params)).unless_gone("Airflow")


def as_detail(row: Any) -> Detail:
    """A question from its row. Raises Garbled, naming what is wrong with it."""
    try:
        return msgspec.convert(row, Detail)
    except msgspec.ValidationError as error:
        task = row.get("task_instance") if isinstance(row, dict) else None
        known = task if isinstance(task, dict) else {}
        named = [str(known.get(key, "?")) for key in ("dag_id", "dag_run_id", "task_id")]
        raise Garbled(f"question {' / '.join(named)[:120]} cannot be read: {error}") from error


def utc(moment: datetime | None) -> datetime | None:
    """A time in UTC; one without a zone is taken to be in it."""
    if moment is None:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
