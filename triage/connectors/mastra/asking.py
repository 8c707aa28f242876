"""From suspended runs to items: a workflow's step that asks, an agent's tool call that needs approval, a
tool that asks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from triage.connectors.http import Garbled
from triage.connectors.mastra.api import AgentRun, Run, Step, ToolCall, WorkflowInfo
from triage.model.item import Action, Item, ItemKind, Option, Verb

__all__ = ["APPROVAL", "QUESTION", "STEP", "call_item", "resume_schema", "step_items"]

STEP, APPROVAL, QUESTION = "step", "approval", "question"
"""What sort of item it is, as its locator says."""
TITLE_LENGTH = 140
_META = "__workflow_meta"
_QUESTION_KEYS = ("question", "title", "message", "prompt", "query", "text", "reason", "description")
_STEP_REFUSALS = {
    Verb.APPROVE.value: "What may be answered is what the step's schema says: respond.",
    Verb.EDIT.value: "What may be answered is what the step's schema says: respond.",
    Verb.REJECT.value: "What may be answered is what the step's schema says: respond, or close the whole run.",
    Verb.IGNORE.value: "Left alone it waits on.",
}
_EACH_OF_MANY = "It asks for each of several things, and an answer would go to all of them: answer it there."
_CLOSES = "Cancels the whole run: nothing of it goes on."
_APPROVAL_REFUSALS = {
    Verb.EDIT.value: (
        "Mastra runs the call with the arguments it was made with: reject it with the change you want as the "
        "reason; the agent is told and goes on."
    ),
    Verb.RESPOND.value: "A tool call is approved or rejected; a rejection's reason reaches the agent.",
    Verb.IGNORE.value: "A tool call is approved or rejected; left alone it waits on.",
    Verb.CLOSE.value: "An agent's run cannot be cancelled here: reject the call.",
    "scope": "Mastra offers no wider grant here.",
}
_QUESTION_REFUSALS = {
    Verb.APPROVE.value: "This tool asks: respond to it.",
    Verb.EDIT.value: "This tool asks: respond to it.",
    Verb.REJECT.value: "This tool asks: respond to it.",
    Verb.IGNORE.value: "Left alone it waits on.",
    Verb.CLOSE.value: "An agent's run cannot be cancelled here.",
}


def step_items(endpoint: str, workflow_id: str, run: Run, info: WorkflowInfo) -> Iterator[Item]:
    """One item for each step that a run is suspended at. Raises Garbled when a step cannot be read.

    A step of a run that was cancelled stays suspended for ever.
    """
    for name in run.suspended_paths if run.status == "suspended" else ():
        step = run.step(name)
        if step is None:
            raise Garbled(f"it is suspended at {name}, which is none of its steps")
        if step.status == "suspended":
            yield _step_item(endpoint, workflow_id, run, name, step, info)


def call_item(
    endpoint: str, agent_id: str, run: AgentRun, call: ToolCall, schemas: Mapping[str, dict[str, Any]]
) -> Item:
    """The item of one tool call of an agent's run. ``schemas``: those of answers, by tool."""
    item = Item(
        endpoint=endpoint,
        key=f"agent|{agent_id}|{run.run_id}|{call.tool_call_id}",
        kind=ItemKind.APPROVAL,
        title=_line(_headline(call.tool_name, call.args)),
        verbs=(Verb.APPROVE, Verb.REJECT),
        agent=agent_id,
        actions=(Action(call.tool_name, call.args),),
        created_at=_moment(run.suspended_at),
        refusals=_APPROVAL_REFUSALS,
        locator={
            "sort": APPROVAL,
            "agent_id": agent_id,
            "run_id": run.run_id,
            "tool_call_id": call.tool_call_id,
            "thread_id": run.thread_id,
            "resource_id": run.resource_id,
        },
        raw=msgspec.to_builtins(call),
    )
    return item if call.requires_approval else _asking(item, call, schemas.get(call.tool_name))


def resume_schema(info: WorkflowInfo, name: str) -> dict[str, Any] | None:
    """JSON Schema of what a step takes; None where it does not say. It comes as JSON within a string,
    under ``json``."""
    described = info.steps.get(name) or info.all_steps.get(name)
    raw = described.get("resumeSchema") if isinstance(described, dict) else None
    try:
        told = msgspec.json.decode(raw) if isinstance(raw, str) else raw
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return None
    found = told.get("json") if isinstance(told, dict) else None
    return found if isinstance(found, dict) else None


def _step_item(endpoint: str, workflow_id: str, run: Run, name: str, step: Step, info: WorkflowInfo) -> Item:
    asked, meta = _without_meta(step.suspend_payload)
    path = _path(name, meta)
    schema = resume_schema(info, path)
    title = _question(asked) or f"{workflow_id}: {path} waits for an answer"
    item = Item(
        endpoint=endpoint,
        key=f"workflow|{workflow_id}|{run.run_id}|{path}|{step.suspended_at}",
        kind=ItemKind.QUESTION,
        title=_line(title),
        verbs=(Verb.RESPOND, Verb.CLOSE),
        agent=workflow_id,
        description=_details(asked),
        options=tuple(_options(schema)),
        answer_schema=schema,
        created_at=_from_ms(step.suspended_at),
        refusals=_STEP_REFUSALS,
        warnings={Verb.CLOSE.value: _CLOSES},
        locator={
            "sort": STEP,
            "workflow_id": workflow_id,
            "run_id": run.run_id,
            "step": name,
            "path": path,
            "suspended_at": step.suspended_at,
        },
        raw={"step": path, "suspendPayload": step.suspend_payload},
    )
    return _each_of_many(item) if "foreachIndex" in meta or "foreachOutput" in meta else item


def _each_of_many(item: Item) -> Item:
    """A step that was suspended for several things at once."""
    return msgspec.structs.replace(
        item,
        kind=ItemKind.EXTERNAL,
        verbs=(Verb.CLOSE,),
        options=(),
        refusals={**_STEP_REFUSALS, Verb.RESPOND.value: _EACH_OF_MANY},
    )


def _asking(item: Item, call: ToolCall, schema: dict[str, Any] | None) -> Item:
    """A tool that asks. The server tells neither its arguments nor the schema of an answer."""
    asked, _ = _without_meta(call.suspend_payload)
    return msgspec.structs.replace(
        item,
        kind=ItemKind.QUESTION,
        title=_line(_question(asked) or f"{call.tool_name} waits for an answer"),
        description=_details(asked),
        verbs=(Verb.RESPOND,),
        actions=(),
        options=tuple(_options(schema)),
        answer_schema=schema,
        refusals=_QUESTION_REFUSALS,
        locator={**item.locator, "sort": QUESTION},
    )


def _options(schema: dict[str, Any] | None) -> Iterator[Option]:
    """The answers by number where a schema wants but one thing, and that a yes or no or one of a few."""
    wanted = (schema or {}).get("required")
    fields = (schema or {}).get("properties")
    if not isinstance(wanted, list) or len(wanted) != 1 or not isinstance(fields, dict):
        return
    name, field = wanted[0], fields.get(wanted[0]) if isinstance(wanted[0], str) else None
    if not isinstance(field, dict):
        return
    if field.get("type") == "boolean":
        yield Option(f"{name}: yes", {name: True})
        yield Option(f"{name}: no", {name: False})
    elif isinstance(field.get("enum"), list):
        yield from (Option(f"{name}: {_brief(value)}", {name: value}) for value in field["enum"])


def _without_meta(payload: Any) -> tuple[Any, dict[str, Any]]:
    """What a step asks with, and what the workflow engine keeps beside it."""
    if not isinstance(payload, dict) or _META not in payload:
        return payload, {}
    meta = payload[_META]
    return {key: value for key, value in payload.items() if key != _META}, meta if isinstance(
        meta, dict
    ) else {}


def _path(name: str, meta: dict[str, Any]) -> str:
    """How a step is named to be resumed: ``step``, or ``outer.inner`` for one of a workflow within."""
    inner = meta.get("path")
    steps = [one for one in inner if isinstance(one, str)] if isinstance(inner, list) else []
    return ".".join([name, *(steps[1:] if steps[:1] == [name] else steps)])


def _question(asked: Any) -> str:
    """The words in which something is asked; empty where it is not asked in words."""
    if isinstance(asked, str):
        return asked
    if not isinstance(asked, dict):
        return ""
    texts = (asked[key] for key in _QUESTION_KEYS if isinstance(asked.get(key), str))
    return next((text for text in texts if text.strip()), "")


def _details(asked: Any) -> str:
    """All that is asked, readable, where the title may not say it all."""
    if asked is None or asked == {}:
        return ""
    if isinstance(asked, str):
        return asked
    if isinstance(asked, dict) and len(asked) == 1 and _question(asked):
        return _question(asked)
    return msgspec.json.format(msgspec.json.encode(asked), indent=2).decode()


def _headline(tool: str, args: Any) -> str:
    """A tool call in one line: ``send_email(to=anna@example.com, body=hello)``."""
    if isinstance(args, dict):
        return (
            f"{tool}({', '.join(f'{key}={_brief(value)}' for key, value in args.items())})" if args else tool
        )
    return tool if args is None else f"{tool}({_brief(args)})"


def _from_ms(stamp: float | None) -> datetime | None:
    try:
        return datetime.fromtimestamp(stamp / 1000, UTC) if stamp is not None else None
    except (OverflowError, ValueError, OSError):
        return None


def _moment(text: str | None) -> datetime | None:
    try:
        parsed = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return parsed.astimezone(UTC) if parsed.tzinfo else None


def _brief(value: Any) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= 60 else text[:59] + "…"


def _line(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= TITLE_LENGTH else text[: TITLE_LENGTH - 1] + "…"
