"""The runs of a session: which one goes on when an approval is decided, and what became of its calls.

An agent's approval names the run that asked. Where the agent is a member of a team, or does a step of a
workflow, that run is not the one to continue: its topmost parent is. A workflow looks at what the continue
request says of each call and not at the approval: a call it is not told of counts as rejected.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum
from typing import Any

import msgspec

from triage.connectors.agno.rows import Row, call_line
from triage.model.item import Message

__all__ = ["Leg", "Taken", "find_leg", "messages", "step_requirements"]

_AT_WORK = ("RUNNING", "PENDING")
_ENDED = {
    "COMPLETED": "completed",
    "ERROR": "failed",
    "CANCELLED": "cancelled",
    "PAUSED": "paused again",
    "REGENERATED": "done anew",
}
_EFFECT_LENGTH = 400
_DEPTH = 8
"""How deep runs within runs are looked for."""


class Taken(Enum):
    """Whether a run went by a decision."""

    YES = "its calls were carried out or turned down as decided"
    OTHERWISE = "its calls were not treated as was decided"
    NOT_SEEN = "its calls still wait"


class Leg(msgspec.Struct, frozen=True):
    """The run that goes on when an approval is decided."""

    kind: str
    """``agents``, ``teams`` or ``workflows``."""
    owner: str
    """Id of the agent, team or workflow."""
    run_id: str
    root: dict[str, Any]
    """As the session shows it; empty where it does not."""
    own: dict[str, Any]
    """The run that asked, likewise."""
    tree: frozenset[str]
    """Ids of all runs below the root."""

    @property
    def status(self) -> str:
        return str(self.root.get("status") or "")

    @property
    def at_work(self) -> bool:
        return self.status in _AT_WORK

    def taken(self, approval_id: str, approved: bool) -> Taken:
        """Whether the run that asked went by the decision."""
        calls = [call for call in _dicts(self.own.get("tools")) if call.get("approval_id") == approval_id]
        done = [call for call in calls if call.get("confirmed") is not None or call.get("result") is not None]
        if not calls or len(done) < len(calls):
            return Taken.NOT_SEEN
        turned_down = [call for call in calls if call.get("confirmed") is False]
        return Taken.YES if len(turned_down) == (0 if approved else len(calls)) else Taken.OTHERWISE

    @property
    def effect(self) -> str:
        """How the run stands, and what it said last."""
        state = _ENDED.get(self.status, self.status.lower() or "not known")
        content = self.root.get("content")
        said = (
            content if isinstance(content, str) else msgspec.json.encode(content).decode() if content else ""
        )
        return _short(f"{state}: {said}" if said else state)


def find_leg(row: Row, listed: Any) -> Leg:
    """The run to continue for ``row``, among the runs of its session; the row's own where they do not show it."""
    runs = {run["run_id"]: run for run in _every(listed) if isinstance(run.get("run_id"), str)}
    own = runs.get(row.run_id, {})
    root, seen = own, {row.run_id}
    while (above := runs.get(str(root.get("parent_run_id") or ""))) and above["run_id"] not in seen:
        root = above
        seen.add(above["run_id"])
    for kind, name in (("workflows", "workflow_id"), ("teams", "team_id"), ("agents", "agent_id")):
        owner = root.get(name) or (None if root else getattr(row, name))
        if isinstance(owner, str) and owner:
            run_id = str(root.get("run_id") or row.run_id)
            return Leg(kind, owner, run_id, root, own, frozenset(_below(run_id, runs)))
    return Leg("agents", row.agent_id or "", row.run_id, root, own, frozenset({row.run_id}))


def step_requirements(leg: Leg, decided: list[Row]) -> list[Any]:
    """What a workflow must be told to go by its approvals: its own open requirements, with the decision on
    each call."""
    return [
        {
            **step,
            "executor_requirements": [
                _answered(one, decided) for one in _dicts(step.get("executor_requirements"))
            ],
        }
        for step in _dicts(leg.root.get("step_requirements"))
    ]


def messages(leg: Leg) -> tuple[Message, ...]:
    """What was said in the run that asked."""
    return tuple(
        Message(role=str(said.get("role", "")), text=text)
        for said in _dicts(leg.own.get("messages"))
        if (text := _said(said))
    )


def _answered(one: dict[str, Any], decided: list[Row]) -> dict[str, Any]:
    """A requirement with the decision on its call; as it is where no approval covers it."""
    call = one.get("tool_execution")
    row = next((row for row in decided if isinstance(call, dict) and _covers(row, call)), None)
    if not isinstance(call, dict) or row is None:
        return one
    data = row.resolution_data or {}
    if row.status == "approved" and call.get("external_execution_required"):
        return {**one, "external_execution_result": data.get("result")}
    if row.status == "approved" and call.get("requires_user_input"):
        values = data.get("values", {})
        fields = _dicts(call.get("user_input_schema"))
        filled = [{**field, "value": values.get(field.get("name"), field.get("value"))} for field in fields]
        return {**one, "user_input_schema": filled}
    return {**one, "confirmation": row.status == "approved", "confirmation_note": data.get("note")}


def _covers(row: Row, call: dict[str, Any]) -> bool:
    """Whether a call is one of an approval's. Ids alone may repeat among the members of a team."""
    asked = (call.get("tool_call_id"), call.get("tool_name"), call.get("tool_args"))
    return any((one.tool_call_id, one.tool_name, one.tool_args) == asked for one in row.calls)


def _every(listed: Any, depth: int = 0) -> Iterator[dict[str, Any]]:
    """All runs, with those that a workflow or a team shows only within itself."""
    for run in _dicts(listed) if depth < _DEPTH else ():
        for within in (run.get("step_executor_runs"), run.get("member_responses")):
            for one in _every(within, depth + 1):
                yield {"parent_run_id": run.get("run_id"), **one}
        yield run


def _below(run_id: str, runs: dict[str, dict[str, Any]]) -> Iterable[str]:
    found = {run_id}
    while more := {name for name, run in runs.items() if run.get("parent_run_id") in found} - found:
        found |= more
    return found


def _said(said: dict[str, Any]) -> str:
    content = said.get("content")
    text = content if isinstance(content, str) else msgspec.json.encode(content).decode() if content else ""
    calls = [one.get("function") for one in _dicts(said.get("tool_calls"))]
    lines = [f"→ {_call(one)}" for one in calls if isinstance(one, dict)]
    return "\n".join(filter(None, (text, *lines)))


def _call(function: dict[str, Any]) -> str:
    arguments = function.get("arguments")
    try:
        decoded = msgspec.json.decode(arguments) if isinstance(arguments, str) else arguments
    except msgspec.DecodeError:
        decoded = None
    return call_line(str(function.get("name", "")), decoded)


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _short(text: str) -> str:
    return text if len(text) <= _EFFECT_LENGTH else text[: _EFFECT_LENGTH - 1] + "…"
