"""What a human-in-the-loop task asks, and a verdict made into the options and parameters it takes.

Approve and Reject: an approval, its parameters as arguments. One option alone: a form. Otherwise a
choice among the options, by their text.
"""

from __future__ import annotations

from typing import Any

import msgspec

from triage.connectors.airflow import params
from triage.connectors.airflow.api import Detail
from triage.model.decision import Verdict
from triage.model.item import Action, ItemKind, Option, Verb

__all__ = ["Asked", "answer", "faults", "read", "title_of"]

TITLE_LENGTH = 120
APPROVE, REJECT = "Approve", "Reject"
_REASONS = ("reason", "comment", "note", "feedback", "message")
_CHOICE = "This task takes one of its options: choose with respond."
_CHOICES = "This task takes one or more of its options: choose with respond."
_NO_REJECTION = "This task takes no rejection; close fails the whole DAG run."
_NO_FORM = "This task has no parameters to fill in."


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """One question as an operator can judge it."""

    kind: ItemKind
    verbs: tuple[Verb, ...]
    refusals: dict[str, str] = {}
    actions: tuple[Action, ...] = ()
    options: tuple[Option, ...] = ()
    many: bool = False
    answer_schema: dict[str, Any] | None = None
    locator: dict[str, Any] = {}
    """How to write an answer: ``shape``, ``options``, ``form``, ``proposed``, ``member``."""


def read(detail: Detail) -> Asked:
    """What is asked."""
    if not detail.multiple and sorted(detail.options) == [APPROVE, REJECT]:
        return _approval(detail)
    if len(detail.options) == 1:
        return _form(detail)
    return _choice(detail)


def answer(locator: dict[str, Any], verdict: Verdict) -> tuple[list[str], Any]:
    """The options and parameters that carry a verdict (not ``close``)."""
    shape, proposed = locator["shape"], locator["proposed"]
    if shape == "choice":
        return _chosen(locator, verdict.answer)
    if verdict.verb is Verb.REJECT:
        return [REJECT], _with_reason(locator, verdict.reason)
    values = {Verb.EDIT: verdict.arguments, Verb.RESPOND: verdict.answer}.get(verdict.verb, proposed)
    return ([APPROVE] if shape == "approval" else locator["options"]), values


def faults(locator: dict[str, Any], verdict: Verdict) -> list[str]:
    """Why Airflow would refuse a verdict, or take it and then fail the task; a sentence each."""
    options, values = answer(locator, verdict)
    found = [
        f"{option!r} is not one of the options" for option in options if option not in locator["options"]
    ]
    if not options:
        found.append("at least one option must be chosen")
    if len(options) > 1 and not locator["many"]:
        found.append("only one option may be chosen")
    if values == {} and verdict.verb is Verb.REJECT:
        return found
    return found + params.faults(locator["form"], values)


def title_of(detail: Detail) -> str:
    """The subject in one line."""
    line = next((" ".join(row.split()) for row in detail.subject.splitlines() if row.strip()), "")
    line = line or f"{detail.task_instance.task_id} asks for an answer"
    return line if len(line) <= TITLE_LENGTH else line[: TITLE_LENGTH - 1] + "…"


def _approval(detail: Detail) -> Asked:
    form, proposed = params.schema(detail.params), params.proposed(detail.params)
    missing = params.faults(form, proposed)
    verbs = [Verb.APPROVE, Verb.EDIT, Verb.REJECT, Verb.CLOSE]
    refusals = {Verb.RESPOND.value: "This is an approval: approve, edit or reject."}
    if missing:
        verbs.remove(Verb.APPROVE)
        refusals[Verb.APPROVE.value] = f"What is proposed does not fit, so edit it: {'; '.join(missing)}"
    if not detail.params:
        verbs.remove(Verb.EDIT)
        refusals[Verb.EDIT.value] = _NO_FORM
    return Asked(
        kind=ItemKind.APPROVAL,
        verbs=tuple(verbs),
        refusals=refusals,
        actions=(_action(detail, form, proposed),),
        locator=_locator("approval", detail, form, proposed),
    )


def _form(detail: Detail) -> Asked:
    """One option alone, such as ``OK``: what is wanted are the parameters."""
    form, proposed = params.schema(detail.params), params.proposed(detail.params)
    missing = params.faults(form, proposed)
    verbs = [Verb.APPROVE, Verb.EDIT, Verb.RESPOND, Verb.CLOSE]
    refusals = {Verb.REJECT.value: _NO_REJECTION}
    if missing:
        verbs.remove(Verb.APPROVE)
        refusals[Verb.APPROVE.value] = f"The form is not complete as proposed: {'; '.join(missing)}"
    if not detail.params:
        verbs = [Verb.APPROVE, Verb.CLOSE]
        refusals |= {Verb.EDIT.value: _NO_FORM, Verb.RESPOND.value: _NO_FORM}
    return Asked(
        kind=ItemKind.QUESTION if detail.params else ItemKind.APPROVAL,
        verbs=tuple(verbs),
        refusals=refusals,
        actions=(_action(detail, form, proposed),),
        answer_schema=form if detail.params else None,
        locator=_locator("form", detail, form, proposed),
    )


def _choice(detail: Detail) -> Asked:
    form, proposed = params.schema(detail.params), params.proposed(detail.params)
    member = None if not detail.params else "choice" if "choice" not in detail.params else "chosen_options"
    schema: dict[str, Any] = {"type": "string", "enum": detail.options}
    if detail.multiple:
        schema = {"type": "array", "items": schema, "minItems": 1, "uniqueItems": True}
    if member:
        schema = {
            **form,
            "properties": {member: schema, **form["properties"]},
            "required": [member, *form["required"]],
        }
    values = [{member: one, **proposed} if member else one for one in detail.options]
    by_number = not (member and (detail.multiple or params.faults(form, proposed)))
    why = _CHOICES if detail.multiple else _CHOICE
    refusals = {verb.value: why for verb in (Verb.APPROVE, Verb.EDIT, Verb.REJECT)}
    return Asked(
        kind=ItemKind.QUESTION,
        verbs=(Verb.RESPOND, Verb.CLOSE),
        refusals=refusals,
        options=tuple(map(Option, detail.options, values)) if by_number else (),
        many=detail.multiple and by_number,
        answer_schema=schema,
        locator={**_locator("choice", detail, form, proposed), "member": member},
    )


def _action(detail: Detail, form: dict[str, Any], proposed: dict[str, Any]) -> Action:
    """The task, with its parameters where it has any."""
    task = detail.task_instance
    name = task.task_display_name or task.task_id
    return Action(name, proposed, form) if detail.params else Action(name)


def _locator(shape: str, detail: Detail, form: dict[str, Any], proposed: dict[str, Any]) -> dict[str, Any]:
    return {
        "shape": shape,
        "options": detail.options,
        "many": detail.multiple,
        "form": form,
        "proposed": proposed,
    }


def _chosen(locator: dict[str, Any], given: Any) -> tuple[list[str], Any]:
    """An answer to a choice: an option, several, or an object of the choice and the parameters."""
    member, values = locator["member"], {}
    if member and isinstance(given, dict):
        values = {name: value for name, value in given.items() if name != member}
        given = given.get(member, [])
    return (given if isinstance(given, list) else [given]), values


def _with_reason(locator: dict[str, Any], reason: str | None) -> dict[str, Any]:
    """The parameters of a rejection: none, unless one of free text takes the operator's reason."""
    proposed = locator["proposed"]
    name = next((one for one in _REASONS if one in proposed and not proposed[one]), None)
    if not reason or name is None:
        return {}
    values = {**proposed, name: reason}
    return {} if params.faults(locator["form"], values) else values
