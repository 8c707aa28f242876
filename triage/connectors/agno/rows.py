"""From approval rows to items: the calls a run paused at, and what may be decided of them.

One row stands for one pause, and one decision covers every call in it that wants approval. What a call
waits for is read from the call itself: the row's own ``tool_name``, ``tool_args`` and ``pause_type`` speak of
the first one only.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from triage.model.item import Action, Item, ItemKind, Verb

__all__ = ["PENDING", "REQUIRED", "Field", "Row", "call_line", "read_item", "stuck_item"]

PENDING, REQUIRED = "pending", "required"
TITLE_LENGTH = 140
_TYPES = {
    "str": "string", "int": "integer", "float": "number", "bool": "boolean", "list": "array", "dict": "object",
}  # fmt: skip

_NOTE_STAYS = (
    "The reason stays in the approval's record: but for a workflow's, the agent is told only that the call was "
    "rejected."
)
_NO_EDIT = "Agno runs a call as proposed: reject it; the change you want can stand in the reason."
_NO_WORDS = "This wants a yes or a no, and takes no words."
_NO_IGNORE = "Agno has no way to set an approval aside: leave it; it waits until somebody decides."
_NO_CLOSE = "Deleting the record would leave its run paused for good."
_NO_YES_OR_NO = "This wants values, not a yes: respond with them."
_REJECT_RUNS = "Agno would run the call all the same, with its fields empty: leave it, or give the values."
_REJECT_STICKS = (
    "Agno does not go on with a run whose call by hand was rejected: say in the result what became of it."
)
_RESULT_FOR_ALL = (
    "Several calls wait for a result or for values of their own, and Agno would give one to all of them."
)
_DECIDED = "This is decided already; its run was never carried on."


class Field(msgspec.Struct, frozen=True):
    """One field that a call wants filled in."""

    name: str
    field_type: str = "str"
    description: str | None = None
    value: Any = None


class Call(msgspec.Struct, frozen=True):
    """One call that a run paused at."""

    tool_name: str
    tool_call_id: str | None = None
    tool_args: dict[str, Any] | None = None
    approval_type: str | None = None
    requires_user_input: bool | None = None
    user_input_schema: tuple[Field, ...] | None = None
    external_execution_required: bool | None = None


class _Requirement(msgspec.Struct, frozen=True):
    tool_execution: Call


class Row(msgspec.Struct, frozen=True):
    """An approval as the server sends it."""

    id: str
    run_id: str
    session_id: str
    status: str
    approval_type: str | None = None
    tool_name: str | None = None
    tool_args: dict[str, Any] | None = None
    requirements: tuple[_Requirement, ...] | None = None
    agent_id: str | None = None
    team_id: str | None = None
    workflow_id: str | None = None
    user_id: str | None = None
    source_name: str | None = None
    expires_at: int | None = None
    created_at: int | None = None
    resolution_data: dict[str, Any] | None = None
    resolved_by: str | None = None
    resolved_at: int | None = None
    run_status: str | None = None

    @property
    def calls(self) -> tuple[Call, ...]:
        """The calls that the decision covers."""
        every = self.every_call
        return tuple(call for call in every if call.approval_type == REQUIRED) or every

    @property
    def every_call(self) -> tuple[Call, ...]:
        """All that paused, with what no approval covers. Raises ValueError where the row names none."""
        if self.requirements:
            return tuple(one.tool_execution for one in self.requirements)
        if not self.tool_name:
            raise ValueError("it does not say which call it is about")
        return (Call(tool_name=self.tool_name, tool_args=self.tool_args),)

    @property
    def words(self) -> str:
        """How it was decided, and by whom: ``rejected by alice``."""
        return f"{self.status} by {self.resolved_by or 'somebody'}"

    @property
    def source(self) -> str:
        """Who asks."""
        return self.source_name or self.agent_id or self.team_id or self.workflow_id or ""


def read_item(endpoint: str, row: Row, raw: Any) -> Item:
    """The item of a pending row. Raises ValueError where it cannot be told what is asked."""
    calls = row.calls
    shape = _shape(calls)
    verbs = {"confirm": (Verb.APPROVE, Verb.REJECT), "fill": (Verb.RESPOND,), "result": (Verb.RESPOND,)}
    kinds = {"confirm": ItemKind.APPROVAL, "fill": ItemKind.QUESTION, "result": ItemKind.EXTERNAL}
    return Item(
        endpoint=endpoint,
        key=row.id,
        kind=kinds.get(shape, ItemKind.EXTERNAL),
        title=_title(shape, calls),
        verbs=verbs.get(shape, ()),
        agent=row.source,
        description=_description(row, shape),
        actions=tuple(Action(name=call.tool_name, arguments=call.tool_args) for call in calls),
        answer_schema=_answer_schema(shape, calls),
        created_at=_moment(row.created_at),
        expires_at=_moment(row.expires_at),
        refusals=_refusals(shape),
        warnings=_warnings(row, shape),
        locator=_locator(row, shape),
        raw=raw,
    )


def stuck_item(endpoint: str, row: Row, raw: Any) -> Item:
    """The item of a row that was decided long ago and whose run was not seen to go on."""
    line = _calls_line(row.calls)
    return Item(
        endpoint=endpoint,
        key=f"{row.id}|continue",
        kind=ItemKind.EXTERNAL,
        title=_short(f"{row.status.capitalize()}, but not carried on: {line}"),
        verbs=(),
        agent=row.source,
        description=f"{row.words.capitalize()}; its run still says that it is paused.",
        actions=tuple(Action(name=call.tool_name, arguments=call.tool_args, verbs=()) for call in row.calls),
        created_at=_moment(row.resolved_at),
        refusals={verb.value: _DECIDED for verb in Verb},
        repair="Continues its run, with the decision that stands. Agno does not show whether that is under "
        "way: a call that is still at work would run a second time.",
        locator=_locator(row, "stuck"),
        raw=raw,
    )


def call_line(name: str, arguments: Any) -> str:
    """A call in one line: ``pay(order_id=77, amount=120)``."""
    if not isinstance(arguments, dict) or not arguments:
        return _short(name)
    inner = ", ".join(f"{key}={_brief(value)}" for key, value in arguments.items())
    return _short(f"{name}({inner})")


def _shape(calls: tuple[Call, ...]) -> str:
    """What the pause wants: ``confirm``, ``fill`` in a form, the ``result`` of a call made by hand; ``mixed``
    where one answer cannot serve."""
    by_hand = [call for call in calls if call.external_execution_required]
    forms = [call for call in calls if call.requires_user_input]
    if by_hand:
        return "result" if len(by_hand) == 1 and not forms else "mixed"
    if not forms:
        return "confirm"
    names = [field.name for call in forms for field in _wanted(forms, call)]
    return "fill" if len(names) == len(set(names)) else "mixed"


def _wanted(forms: list[Call], call: Call) -> list[Field]:
    """The fields of a form. What the agent filled in may be changed where there is one form only: a value goes
    to every field of its name."""
    fields = call.user_input_schema or ()
    return [field for field in fields if len(forms) == 1 or field.value is None]


def _answer_schema(shape: str, calls: tuple[Call, ...]) -> dict[str, Any] | None:
    if shape == "result":
        return {"type": "string", "title": "the result of the call"}
    if shape != "fill":
        return None
    forms = [call for call in calls if call.requires_user_input]
    fields = [field for call in forms for field in _wanted(forms, call)]
    return {
        "type": "object",
        "properties": {field.name: _field_schema(field) for field in fields},
        "required": [field.name for field in fields if field.value is None],
        "additionalProperties": False,
    }


def _field_schema(field: Field) -> dict[str, Any]:
    """A field must have a value: Agno runs a call with whatever it is left with."""
    known = _TYPES.get(field.field_type)
    schema: dict[str, Any] = {"type": known} if known else {"not": {"type": "null"}}
    if field.description:
        schema["description"] = field.description
    if field.value is not None:
        schema["default"] = field.value
    return schema


def _title(shape: str, calls: tuple[Call, ...]) -> str:
    before = {"fill": "Fill in ", "result": "To be done by hand: "}.get(shape, "")
    return _short(before + _calls_line(calls))


def _calls_line(calls: tuple[Call, ...]) -> str:
    if len(calls) == 1:
        return call_line(calls[0].tool_name, calls[0].tool_args)
    return f"{len(calls)} calls: " + ", ".join(call.tool_name for call in calls)


def _description(row: Row, shape: str) -> str:
    told = []
    if len(row.calls) > 1:
        told.append(f"One decision covers all {len(row.calls)} calls.")
    for call in row.every_call:
        if call not in row.calls:
            line = call_line(call.tool_name, call.tool_args)
            told.append(f"{line} paused beside it; no approval covers it, and it counts as rejected.")
    if shape == "result":
        told.append("Do it yourself, then give its result: the agent goes on with that.")
    for call in row.calls:
        told += [
            f"{field.name}: {field.description}"
            for field in call.user_input_schema or ()
            if field.description
        ]
    if row.user_id:
        told.append(f"For user {row.user_id}.")
    return "\n".join(told)


def _refusals(shape: str) -> dict[str, str]:
    common = {"edit": _NO_EDIT, "ignore": _NO_IGNORE, "close": _NO_CLOSE}
    if shape == "confirm":
        return {**common, "respond": _NO_WORDS}
    if shape == "fill":
        return {**common, "approve": _NO_YES_OR_NO, "reject": _REJECT_RUNS}
    if shape == "result":
        return {**common, "approve": _NO_YES_OR_NO, "reject": _REJECT_STICKS}
    return {verb.value: _RESULT_FOR_ALL for verb in Verb}


def _warnings(row: Row, shape: str) -> dict[str, str]:
    if shape == "confirm":
        return {"reject": _NOTE_STAYS}
    yes = [
        call for call in row.calls if not call.requires_user_input and not call.external_execution_required
    ]
    if not yes or shape == "mixed":
        return {}
    return {"respond": f"This also approves {_calls_line(tuple(yes))}."}


def _locator(row: Row, shape: str) -> dict[str, Any]:
    return {
        "approval_id": row.id,
        "run_id": row.run_id,
        "session_id": row.session_id,
        "agent_id": row.agent_id,
        "team_id": row.team_id,
        "workflow_id": row.workflow_id,
        "shape": shape,
    }


def _moment(epoch_s: int | None) -> datetime | None:
    try:
        return None if epoch_s is None else datetime.fromtimestamp(epoch_s, UTC)
    except (OverflowError, OSError, ValueError):
        return None


def _brief(value: Any) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    text = " ".join(text.split())
    return text if len(text) <= 60 else text[:59] + "…"


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= TITLE_LENGTH else text[: TITLE_LENGTH - 1] + "…"
