"""What a paused run asks, made out of its form, and an operator's verdict made into the form's values.

Prefect knows neither approval nor rejection: a run that pauses plainly is only let go on, and any other
takes whatever its form's JSON Schema allows. A form with one field that says yes or no (``decision``:
``approve`` or ``reject``; ``approved``: true or false) is shown as an approval, its other fields as the
arguments; every other form is a question.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from triage.connectors.prefect.api import FlowRun, Form
from triage.model.decision import Verdict
from triage.model.item import Action, ItemKind, Option, Verb

__all__ = ["Asked", "answer", "faults", "read", "tells_nothing"]

TITLE_LENGTH = 120
_YES = frozenset(
    "approve approved accept accepted allow allowed confirm confirmed proceed continue yes y ok okay".split()
)
_NO = frozenset(
    "reject rejected decline declined deny denied disallow refuse refused abort cancel stop no n".split()
)
_YES_OR_NO_FIELDS = frozenset({*_YES, "approval", "go_ahead"} - {"y"})
_REASON_FIELDS = ("reason", "comment", "note", "feedback", "message")
_TEMPLATE = "__prefect_kind"
_LARGEST = 2**63

_PLAIN_REFUSALS = {
    Verb.EDIT.value: "This pause takes no input, so there is nothing to edit.",
    Verb.REJECT.value: "This pause takes no answer but to go on; close cancels the flow run.",
    Verb.RESPOND.value: "This pause takes no input, so there is nothing to answer.",
}
_QUESTION = "The form has no single field that says yes or no: answer it with respond."


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """One pause as an operator can judge it."""

    kind: ItemKind
    title: str
    verbs: tuple[Verb, ...]
    description: str
    refusals: dict[str, str] = {}
    actions: tuple[Action, ...] = ()
    options: tuple[Option, ...] = ()
    answer_schema: dict[str, Any] | None = None
    locator: dict[str, Any] = {}
    """How to write an answer: ``field``, ``yes``, ``no``, ``proposed``, ``reason`` of an approval's form;
    ``wrap``: the only field of a question's form."""


class _Decision(msgspec.Struct, frozen=True):
    """The field of a form that says yes or no."""

    field: str
    yes: Any
    no: Any


def read(flow: str, run: FlowRun, form: Form | None) -> Asked:
    """What ``run`` asks with ``form``; None: it only waits to be let go on."""
    if form is None or form.schema.get("properties") == {}:
        return _plain(flow, run, form)
    fields = form.schema.get("properties")
    if not isinstance(fields, dict):
        return _question(flow, run, form, {}, _QUESTION)
    decision = _decision(form.schema, fields)
    if decision is None:
        return _question(flow, run, form, fields, _QUESTION)
    open_fields = [
        name
        for name in _names(form.schema.get("required"))
        if name != decision.field and "default" not in _dict(fields.get(name))
    ]
    if open_fields:
        why = f"The form wants {', '.join(open_fields)}, for which nothing is proposed: answer with respond."
        return _question(flow, run, form, fields, why)
    return _approval(flow, run, form, fields, decision)


def tells_nothing(locator: dict[str, Any]) -> bool:
    """Whether the pause takes no values, so that Prefect stores no answer."""
    return bool(locator.get("plain"))


def answer(locator: dict[str, Any], verdict: Verdict) -> Any:
    """The ``run_input`` that carries a verdict (not ``close``)."""
    if tells_nothing(locator):
        return {} if locator["keyset"] else None
    if verdict.verb is Verb.RESPOND:
        return {locator["wrap"]: verdict.answer} if locator.get("wrap") else verdict.answer
    given: Any = verdict.arguments if verdict.verb is Verb.EDIT else locator["proposed"]
    values = {**given}
    values[locator["field"]] = locator["no" if verdict.verb is Verb.REJECT else "yes"]
    if verdict.reason and locator.get("reason") and not values.get(locator["reason"]):
        values[locator["reason"]] = verdict.reason
    return values


def faults(locator: dict[str, Any], verdict: Verdict) -> list[str]:
    """Why the server would not take a verdict as it is meant; a sentence each."""
    if verdict.verb is Verb.EDIT and not isinstance(verdict.arguments, dict):
        return ["edited arguments must be a JSON object"]
    values = answer(locator, verdict)
    if values is None:
        return []
    if not isinstance(values, dict):
        return ["the answer must be a JSON object, one member for each field of the form"]
    found = []
    if any(_TEMPLATE in one for one in _everything(values) if isinstance(one, dict)):
        found.append(f"Prefect would run an object that contains {_TEMPLATE!r} as a template: not sent")
    if any(isinstance(one, int) and not -_LARGEST <= one < _LARGEST for one in _everything(values)):
        found.append("Prefect cannot store whole numbers of more than 64 bits")
    return found


def _plain(flow: str, run: FlowRun, form: Form | None) -> Asked:
    described = form.description if form else None
    return Asked(
        kind=ItemKind.APPROVAL,
        title=_title(described) or f"Let {flow} ({run.name}) go on?",
        verbs=(Verb.APPROVE, Verb.CLOSE),
        description=_description(flow, run, described),
        refusals=_PLAIN_REFUSALS,
        actions=(Action(name=flow, arguments=run.parameters),),
        locator={"plain": True},
    )


def _approval(flow: str, run: FlowRun, form: Form, fields: dict[str, Any], decision: _Decision) -> Asked:
    rest = {name: _dict(field) for name, field in fields.items() if name != decision.field}
    proposed = {name: field["default"] for name, field in rest.items() if "default" in field}
    action = Action(
        name=flow,
        arguments=proposed if rest else run.parameters,
        schema=_without(form.schema, decision.field) if rest else None,
        description=f"Approving sends {decision.field} = {_json(decision.yes)}, "
        f"rejecting {decision.field} = {_json(decision.no)}.",
    )
    verbs = (Verb.APPROVE, *((Verb.EDIT,) if rest else ()), Verb.REJECT, Verb.RESPOND, Verb.CLOSE)
    return Asked(
        kind=ItemKind.APPROVAL,
        title=_title(form.description) or f"{flow} ({run.name}) asks for your {decision.field}",
        verbs=verbs,
        description=_description(flow, run, form.description),
        refusals={} if rest else {Verb.EDIT.value: f"The form has no field but {decision.field}."},
        actions=(action,),
        answer_schema=form.schema,
        locator={
            "field": decision.field,
            "yes": decision.yes,
            "no": decision.no,
            "proposed": proposed,
            "reason": _reason_field(form.schema, rest),
        },
    )


def _question(flow: str, run: FlowRun, form: Form, fields: dict[str, Any], why: str) -> Asked:
    wrap = next(iter(fields)) if len(fields) == 1 else None
    only = None if wrap is None else _resolved(form.schema, fields[wrap])
    schema = form.schema
    if only is not None:
        schema = {**only, **({"$defs": schema["$defs"]} if "$defs" in schema else {})}
    return Asked(
        kind=ItemKind.QUESTION,
        title=_title(form.description) or f"{flow} ({run.name}) asks for {', '.join(fields) or 'an answer'}",
        verbs=(Verb.RESPOND, Verb.CLOSE),
        description=_description(flow, run, form.description),
        refusals=dict.fromkeys(("approve", "edit", "reject"), why),
        options=_options(only),
        answer_schema=schema,
        locator={"wrap": wrap},
    )


def _decision(schema: dict[str, Any], fields: dict[str, Any]) -> _Decision | None:
    """The one field that says yes or no; None when there is none, or more than one."""
    found = [one for name, field in fields.items() if (one := _choice(name, _resolved(schema, field)))]
    if not found:
        found = [
            _Decision(name, True, False)
            for name, field in fields.items()
            if name.lower() in _YES_OR_NO_FIELDS and _resolved(schema, field).get("type") == "boolean"
        ]
    return found[0] if len(found) == 1 else None


def _choice(name: str, field: dict[str, Any]) -> _Decision | None:
    """A field of some given words, of which exactly one means yes and exactly one no."""
    words = [word for word in _list(field.get("enum")) if isinstance(word, str)]
    yes = [word for word in words if word.strip().lower() in _YES]
    no = [word for word in words if word.strip().lower() in _NO]
    return _Decision(name, yes[0], no[0]) if len(yes) == len(no) == 1 else None


def _reason_field(schema: dict[str, Any], rest: dict[str, dict[str, Any]]) -> str | None:
    """A field of free text that an operator's reason may go into, where nothing is proposed for it."""
    for name in _REASON_FIELDS:
        field = _resolved(schema, rest.get(name))
        kinds = [field, *(_dict(one) for one in _list(field.get("anyOf")))]
        text = next((kind for kind in kinds if kind.get("type") == "string"), None)
        if text is not None and not field.get("default") and text.keys() <= {"type", "title", "default"}:
            return name
    return None


def _options(field: dict[str, Any] | None) -> tuple[Option, ...]:
    """The choices of a form with one field that allows but a few values."""
    if field is None:
        return ()
    if field.get("type") == "boolean":
        return (Option(label="yes", value=True), Option(label="no", value=False))
    return tuple(
        Option(label=value if isinstance(value, str) else _json(value), value=value)
        for value in _list(field.get("enum"))
    )


def _without(schema: dict[str, Any], field: str) -> dict[str, Any]:
    """The schema of a form's other fields."""
    fields = {name: one for name, one in schema["properties"].items() if name != field}
    required = [name for name in _names(schema.get("required")) if name != field]
    rest = {key: value for key, value in schema.items() if key != "required"}
    return {**rest, "properties": fields, **({"required": required} if required else {})}


def _resolved(schema: dict[str, Any], part: Any) -> dict[str, Any]:
    """``part``, with what its local reference ``#/$defs/NAME`` names beneath its own members."""
    found = _dict(part)
    for _ in range(8):
        alone = _list(found.get("allOf"))
        ref = found.get("$ref") or (_dict(alone[0]).get("$ref") if len(alone) == 1 else None)
        if not isinstance(ref, str):
            break
        own = {key: value for key, value in found.items() if key not in ("$ref", "allOf")}
        found = {**_dict(_dict(schema.get("$defs")).get(ref.removeprefix("#/$defs/"))), **own}
    return found


def _description(flow: str, run: FlowRun, described: str | None) -> str:
    """What the run says of its question, and which run it is with which parameters."""
    tags = f", tagged {', '.join(run.tags)}" if run.tags else ""
    parts = [described or "", f"Flow {flow}, run {run.name}{tags}"]
    if run.state.state_details.pause_reschedule:
        parts[1] += "; suspended: it goes on when a worker takes it up"
    if run.parameters:
        parts.append(f"Parameters: {msgspec.json.format(_json(run.parameters), indent=2)}")
    return "\n\n".join(part for part in parts if part)


def _title(described: str | None) -> str:
    """The first line of a description that says something, without the mark of a heading."""
    lines = (re.sub(r"^#+\s+", "", " ".join(row.split())) for row in (described or "").splitlines())
    line = next((one for one in lines if one), "")
    return line if len(line) <= TITLE_LENGTH else line[: TITLE_LENGTH - 1] + "…"


def _everything(value: Any) -> Iterator[Any]:
    """A JSON value and all values within it."""
    yield value
    within = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for one in within:
        yield from _everything(one)


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _names(value: Any) -> list[str]:
    return [one for one in _list(value) if isinstance(one, str)]
