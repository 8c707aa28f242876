"""From an opencode request to an item: what is wanted, in which words, and how the answer is written."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from triage.connectors.opencode.api import Permission, Question, QuestionPart, Tool
from triage.model.decision import Verdict
from triage.model.item import Action, Item, ItemKind, Option, Scope, Verb

__all__ = ["ALWAYS", "answers", "headline", "permission_item", "question_item"]

ALWAYS = "always"
TITLE_LENGTH = 140
_CYCLE_MS = 2**36
"""An id's time leaves out the bits above this: it comes round about every 2.2 years."""
_PERMISSION_REFUSALS = {
    Verb.EDIT.value: (
        "opencode takes no edited arguments: reject it with the change you want as the reason; "
        "the agent is told and goes on."
    ),
    Verb.RESPOND.value: "This asks for permission: grant or reject it; a rejection's reason reaches the agent.",
    Verb.IGNORE.value: "A permission is granted or rejected; left alone it waits on.",
    Verb.CLOSE.value: "A permission is granted or rejected; left alone it waits on.",
}
_QUESTION_REFUSALS = {
    Verb.APPROVE.value: "This is a question: respond to it, or ignore it to dismiss it.",
    Verb.EDIT.value: "This is a question: respond to it, or ignore it to dismiss it.",
    Verb.REJECT.value: "This is a question: ignore it to dismiss it, or say no in a response.",
    Verb.CLOSE.value: "This is a question: ignore it to dismiss it.",
}
_ENDS_TURN = "Without a reason the agent's turn ends; with one it is told and goes on."
_DISMISSES = "The agent is told that the question was dismissed, and its turn ends."


def permission_item(
    endpoint: str, directory: str, asked: Permission, raw: Any, siblings: Sequence[Permission]
) -> Item:
    """The item of a request for permission.

    ``siblings``: the same session's other waiting ones; a rejection takes them along.
    """
    return Item(
        endpoint=endpoint,
        key=f"{directory}|{asked.id}",
        kind=ItemKind.APPROVAL,
        title=headline(asked),
        verbs=(Verb.APPROVE, Verb.REJECT),
        agent=_project(directory),
        description=f"In {directory}" if directory else "",
        actions=(Action(asked.permission, {"patterns": asked.patterns, **asked.metadata}),),
        scopes=_scopes(asked),
        created_at=_asked_at(asked.id),
        refusals=_PERMISSION_REFUSALS
        if asked.always
        else {**_PERMISSION_REFUSALS, "scope": "opencode offers no wider grant here."},
        warnings={Verb.REJECT.value: _cascade(siblings)},
        locator=_locator("permission", directory, asked.id, asked.session_id, asked.tool),
        raw=raw,
    )


def question_item(endpoint: str, directory: str, asked: Question, raw: Any) -> Item:
    """The item of one or more questions that are answered together."""
    names = _names(asked.questions)
    alone = asked.questions[0] if len(asked.questions) == 1 else None
    return Item(
        endpoint=endpoint,
        key=f"{directory}|{asked.id}",
        kind=ItemKind.QUESTION,
        title=_question_title(asked.questions),
        verbs=(Verb.RESPOND, Verb.IGNORE),
        agent=_project(directory),
        description="\n\n".join(_spelt_out(one) for one in asked.questions),
        options=tuple(Option(one.label, one.label, one.description) for one in alone.options)
        if alone
        else (),
        many=bool(alone and alone.multiple),
        answer_schema=_part_schema(alone) if alone else _form(names, asked.questions),
        created_at=_asked_at(asked.id),
        refusals=_QUESTION_REFUSALS,
        warnings={Verb.IGNORE.value: _DISMISSES},
        locator={
            **_locator("question", directory, asked.id, asked.session_id, asked.tool),
            "names": names,
        },
        raw=raw,
    )


def headline(asked: Permission) -> str:
    """A request for permission in one line: ``bash: touch e1``, ``edit: g.txt``."""
    command = asked.metadata.get("command")
    what = command if isinstance(command, str) and command.strip() else ", ".join(asked.patterns)
    return _line(f"{asked.permission}: {what}" if what else asked.permission)


def answers(item: Item, verdict: Verdict) -> list[list[str]]:
    """What is sent for a response: for each question, in order, the chosen labels or the own words."""
    names: list[str] = item.locator["names"]
    told: Any = verdict.answer
    each = [told] if len(names) == 1 else [told[name] for name in names]
    return [one if isinstance(one, list) else [one] for one in each]


def _scopes(asked: Permission) -> tuple[Scope, ...]:
    if not asked.always:
        return ()
    allowed = ", ".join(f"{asked.permission} {pattern}" for pattern in asked.always)
    return (
        Scope(
            ALWAYS,
            f"{allowed}: never asked again, in any session here, until the server stops. Also grants what "
            "waits in this session and fits.",
        ),
    )


def _cascade(siblings: Sequence[Permission]) -> str:
    """What a rejection does beside rejecting this request."""
    if not siblings:
        return _ENDS_TURN
    named = "; ".join(headline(one) for one in siblings[:5])
    more = f"; and {len(siblings) - 5} more" if len(siblings) > 5 else ""
    requests = "request" if len(siblings) == 1 else f"{len(siblings)} requests"
    return f"Also rejects the other {requests} of this session: {named}{more}. {_ENDS_TURN}"


def _locator(
    sort: str, directory: str, request_id: str, session_id: str, tool: Tool | None
) -> dict[str, Any]:
    return {
        "sort": sort,
        "directory": directory,
        "request_id": request_id,
        "session_id": session_id,
        "tool": {"messageID": tool.message_id, "callID": tool.call_id} if tool else None,
    }


def _names(parts: Sequence[QuestionPart]) -> list[str]:
    """What the fields of a form are called: the questions' short labels where they tell them apart."""
    headers = [part.header.strip() for part in parts]
    if all(headers) and len(set(headers)) == len(headers):
        return headers
    return [f"question {number}" for number in range(1, len(parts) + 1)]


def _question_title(parts: Sequence[QuestionPart]) -> str:
    asked = " / ".join(part.question or part.header for part in parts)
    return _line(f"{len(parts)} questions: {asked}" if len(parts) > 1 else asked) or "An answer is wanted"


def _spelt_out(part: QuestionPart) -> str:
    """A question with its options, readable."""
    head = f"{part.question} ({part.header})" if part.header else part.question
    choose = "choose any" if part.multiple else "choose one"
    notes = [choose] if part.options else []
    notes += ["or answer in your own words"] if part.options and part.custom is not False else []
    rows = [
        f"  {option.label}: {option.description}" if option.description else f"  {option.label}"
        for option in part.options
    ]
    return "\n".join([head, *rows, *([f"  ({', '.join(notes)})"] if notes else [])])


def _part_schema(part: QuestionPart) -> dict[str, Any]:
    """JSON Schema of the answer to one question."""
    labels = [option.label for option in part.options]
    one: dict[str, Any] = {"type": "string", "minLength": 1}
    if labels and part.custom is False:
        one = {"type": "string", "enum": labels}
    elif labels:
        one["examples"] = labels
    return {"type": "array", "items": one, "minItems": 1, "uniqueItems": True} if part.multiple else one


def _form(names: Sequence[str], parts: Sequence[QuestionPart]) -> dict[str, Any]:
    """JSON Schema of the answers to several: all of them, since what is left out counts as unanswered."""
    fields = {
        name: {**_part_schema(part), "description": part.question}
        for name, part in zip(names, parts, strict=True)
    }
    return {"type": "object", "properties": fields, "required": list(names), "additionalProperties": False}


def _asked_at(request_id: str) -> datetime | None:
    """The moment in a request's id (``per_`` or ``que_``, then 12 hexadecimal digits of time and count)."""
    try:
        low_ms = int(request_id[4:16], 16) >> 12
    except ValueError:
        return None
    now_ms = time.time_ns() // 1_000_000
    found_ms = (now_ms & ~(_CYCLE_MS - 1)) | low_ms
    if found_ms > now_ms + _CYCLE_MS // 2:
        found_ms -= _CYCLE_MS
    return datetime.fromtimestamp(found_ms / 1000, UTC)


def _project(directory: str) -> str:
    """The last step of a directory, on whichever system it lies."""
    return directory.replace("\\", "/").rstrip("/").rpartition("/")[2]


def _line(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= TITLE_LENGTH else text[: TITLE_LENGTH - 1] + "…"
