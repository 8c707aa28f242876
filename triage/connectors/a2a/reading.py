"""From tasks to items: what an agent asks, as far as its parts tell.

A2A says that a task waits, not what may be answered. Of data parts two forms are understood: a proposal,
``{"action": "refund", "args": {…}, "allowed": ["approve", "edit", "reject"]}``, and a question with
``options`` or a JSON Schema. Anything else is shown as it is and answered in words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import UNSET

from triage.connectors.a2a.api import Message, Part, Task
from triage.model.item import Action, Item, ItemKind, Option, Verb

__all__ = ["AUTH", "INPUT", "WAITING", "Unclear", "key_of", "one_line", "plain", "read_item", "text_of"]

INPUT, AUTH = "TASK_STATE_INPUT_REQUIRED", "TASK_STATE_AUTH_REQUIRED"
WAITING = (INPUT, AUTH)
TITLE_LENGTH = 140
_WORDS = {
    "approve": Verb.APPROVE,
    "accept": Verb.APPROVE,
    "edit": Verb.EDIT,
    "reject": Verb.REJECT,
    "deny": Verb.REJECT,
    "respond": Verb.RESPOND,
    "response": Verb.RESPOND,
    "cancel": Verb.CLOSE,
    "close": Verb.CLOSE,
}
_SCHEMA_KEYS = ("schema", "json_schema", "jsonSchema", "args_schema", "argsSchema", "answer_schema",
                "answerSchema", "response_schema", "responseSchema", "form")  # fmt: skip
_PROPOSAL_KEYS = ("action", "args", "arguments", "allowed")
_QUESTION_KEYS = ("question", "title", "message", "prompt", "instructions")
_LINK_KEYS = ("url", "link", "auth_url", "authUrl", "href")
_LINK = re.compile(r"https?://[^\s<>\"']+")

_CANCELS = "Cancels the whole task, for good."
_REASON = "A2A has no place for a reason: it goes along as metadata, which most agents do not read."
_NO_SECRETS = "What you write stays in the task and in the log: never a password, key or token."
_LISTED = "The agent says what it takes here, and this is not among it."
_WORDS_WANTED = "This agent asks in words: answer in words."
_NO_EDIT = (
    "The agent does not say that it takes edited arguments, and might act on its own: reject it, with the "
    "change you want as the reason."
)
_NO_WORDS = (
    "The agent asks for a decision, and might take any words for a yes: approve or reject. To let words "
    "through, set `respond` in this endpoint's `answers`."
)
_NO_IGNORE = "A2A has no way to set a question aside: leave it, or close it, which cancels the task."
_SIGN_IN = "This waits for a sign-in elsewhere; a word to the agent may follow it."


class Unclear(ValueError):
    """A task whose question cannot be told from the next one; the text says why."""


def key_of(task: Task) -> str:
    """What names the question a task asks now: another one has another key. Raises Unclear."""
    message = task.status.message
    mark = (message.message_id if message else "") or task.status.timestamp
    if not mark:
        raise Unclear("its question has neither a message id nor a time, so a later one would look the same")
    return f"{task.id}|{mark}"


def read_item(endpoint: str, agent: str, task: Task, configured: Iterable[Verb] = ()) -> Item:
    """The item of a task that waits. Raises Unclear.

    Args:
        agent: the name on the agent's card.
        configured: the verbs that the operator set an answer for.
    """
    key = key_of(task)
    parts = task.status.message.parts if task.status.message else ()
    data = [part.data for part in parts if part.data is not UNSET]
    proposals = [one for one in data if _is_proposal(one)] if task.status.state == INPUT else []
    words = _words(proposals, configured) if proposals else {}
    options, schema = _choices(data, proposals, words)
    verbs = _verbs(task, bool(proposals), words, bool(options), configured)
    title, description = _title(agent, task, parts, proposals), _description(parts)
    return Item(
        endpoint=endpoint,
        key=key,
        kind=_kind(task, bool(proposals), verbs),
        title=title,
        verbs=verbs,
        agent=agent,
        description="" if description == title else description,
        actions=tuple(_action(one) for one in proposals),
        options=options,
        many=bool(options) and any(_dict(one).get("multiple") is True for one in data),
        answer_schema=schema,
        created_at=_moment(task.status.timestamp),
        url=_link(parts) if task.status.state == AUTH else None,
        refusals=_refusals(task, bool(proposals), verbs),
        warnings=_warnings(task, verbs),
        locator={
            "task_id": task.id,
            "context_id": task.context_id,
            "message_id": task.status.message.message_id if task.status.message else "",
            "timestamp": task.status.timestamp or "",
            "words": words,
        },
        raw=_raw(task),
    )


def one_line(text: str) -> str:
    """The first line that says something, of a title's length."""
    line = next((" ".join(row.split()) for row in text.splitlines() if row.strip()), "")
    return line if len(line) <= TITLE_LENGTH else line[: TITLE_LENGTH - 1] + "…"


def text_of(message: Message | None) -> str:
    """A message's texts; its data as JSON where there is no text."""
    parts = message.parts if message else ()
    texts = [part.text for part in parts if part.text]
    return "\n".join(texts or [plain(part.data) for part in parts if part.data is not UNSET])


def plain(value: Any) -> str:
    """A JSON value on one line; text as it is."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _is_proposal(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("action"), str) and bool(value["action"].strip())


def _action(proposal: dict[str, Any]) -> Action:
    arguments = proposal.get("args", proposal.get("arguments"))
    return Action(name=proposal["action"], arguments=arguments, schema=_schema(proposal))


def _words(proposals: list[dict[str, Any]], configured: Iterable[Verb]) -> dict[str, str]:
    """Verb → the agent's word for it, for what it takes on all its proposals; where it does not say, a yes
    and a no, and what the operator configured. Arguments are edited for one proposal only."""
    named = [_known(one["allowed"]) for one in proposals if isinstance(one.get("allowed"), list)]
    if named:
        shared = {verb: word for verb, word in named[0].items() if all(verb in other for other in named)}
    else:
        shared = {verb.value: verb.value for verb in (Verb.APPROVE, Verb.REJECT, *configured)}
    if len(proposals) > 1:
        shared.pop(Verb.EDIT.value, None)
    return shared


def _known(allowed: list[Any]) -> dict[str, str]:
    return {_WORDS[word].value: word for word in allowed if isinstance(word, str) and word in _WORDS}


def _choices(
    data: list[Any], proposals: list[dict[str, Any]], words: dict[str, str]
) -> tuple[tuple[Option, ...], dict[str, Any] | None]:
    """The options and the schema of an answer. Words that an agent takes beside the known verbs are options,
    and then the only answers there are."""
    if proposals:
        return _other_words(proposals, words)
    schema = next((found for one in data if (found := _schema(one))), None)
    for one in data:
        for key in ("options", "choices"):
            if offered := _list(_dict(one).get(key)):
                return tuple(_option(choice) for choice in offered), schema
    return (), schema


def _other_words(
    proposals: list[dict[str, Any]], words: dict[str, str]
) -> tuple[tuple[Option, ...], dict[str, Any] | None]:
    allowed = _list(proposals[0].get("allowed"))
    others = [word for word in allowed if isinstance(word, str) and word not in _WORDS]
    if len(proposals) > 1 or not others or Verb.RESPOND.value in words:
        return (), None
    return tuple(Option(label=word, value=word) for word in others), {"enum": others}


def _option(one: Any) -> Option:
    """A choice: a plain value, or an object whose ``value`` is the answer (the object itself without one)."""
    if not isinstance(one, dict):
        return Option(label=plain(one), value=one)
    label = next((one[key] for key in ("label", "title", "name", "text", "value", "id") if key in one), one)
    description = one.get("description")
    return Option(
        label=plain(label),
        value=one.get("value", one),
        description=description if isinstance(description, str) else "",
    )


def _schema(value: Any) -> dict[str, Any] | None:
    """The JSON Schema in a data part."""
    found = (_dict(value).get(key) for key in _SCHEMA_KEYS)
    marks = {"type", "properties", "enum", "$ref", "anyOf", "oneOf", "allOf", "const"}
    return next((one for one in found if isinstance(one, dict) and marks & set(one)), None)


def _verbs(
    task: Task, proposes: bool, words: dict[str, str], has_options: bool, configured: Iterable[Verb]
) -> tuple[Verb, ...]:
    if task.status.state == AUTH:
        return (Verb.RESPOND, Verb.CLOSE)
    if not proposes:
        wanted = {Verb.RESPOND, Verb.CLOSE, *configured} - {Verb.EDIT}
    else:
        wanted = {Verb(verb) for verb in words} | {Verb.CLOSE}
        if has_options:
            wanted |= {Verb.RESPOND}
    return tuple(verb for verb in Verb if verb in wanted)


def _kind(task: Task, proposes: bool, verbs: tuple[Verb, ...]) -> ItemKind:
    if task.status.state == AUTH:
        return ItemKind.EXTERNAL
    return ItemKind.APPROVAL if proposes or Verb.APPROVE in verbs else ItemKind.QUESTION


def _title(agent: str, task: Task, parts: tuple[Part, ...], proposals: list[dict[str, Any]]) -> str:
    said = next((line for part in parts if part.text and (line := one_line(part.text))), "")
    if said:
        return said
    if proposals:
        return one_line("; ".join(_call_line(one) for one in proposals))
    for part in parts:
        for key in _QUESTION_KEYS:
            asked = _dict(part.data).get(key)
            if isinstance(asked, str) and asked.strip():
                return one_line(asked)
    return f"{agent} waits for {'a sign-in' if task.status.state == AUTH else 'an answer'}"


def _call_line(proposal: dict[str, Any]) -> str:
    """A proposal in one line: ``refund(customer=ann, amount=12.5)``."""
    arguments = _action(proposal).arguments
    if not isinstance(arguments, dict) or not arguments:
        return str(proposal["action"])
    inner = ", ".join(f"{key}={one_line(plain(value))}" for key, value in arguments.items())
    return f"{proposal['action']}({inner})"


def _description(parts: tuple[Part, ...]) -> str:
    """All that was said, in the order it was, without what the actions show."""
    told = [line for part in parts for line in _told(part)]
    return "\n\n".join(told)


def _told(part: Part) -> Iterable[str]:
    if part.text and part.text.strip():
        yield part.text
    data = part.data
    if _is_proposal(data):
        schema = _schema(data)
        data = {
            key: value
            for key, value in data.items()
            if key not in _PROPOSAL_KEYS and (schema is None or value is not schema)
        }
        data = data or UNSET
    if data is not UNSET:
        yield msgspec.json.format(msgspec.json.encode(data), indent=2).decode()
    named = " ".join(filter(None, (part.filename, part.media_type)))
    if part.url:
        yield f"file {named}: {part.url}" if named else part.url
    if part.raw is not None:
        yield f"file {named or 'without a name'}, {len(part.raw) * 3 // 4} bytes, not shown here"


def _raw(task: Task) -> Any:
    """The status as sent, without the bytes of files."""
    raw = msgspec.json.decode(msgspec.json.encode(task.status))
    for part in (raw.get("message") or {}).get("parts", ()):
        if "raw" in part:
            part["raw"] = f"({len(part['raw'])} characters of base64)"
    return raw


def _refusals(task: Task, proposes: bool, verbs: tuple[Verb, ...]) -> dict[str, str]:
    reasons = dict.fromkeys((verb.value for verb in Verb), _LISTED if proposes else _WORDS_WANTED)
    if task.status.state == AUTH:
        reasons = dict.fromkeys(reasons, _SIGN_IN)
    elif proposes:
        reasons |= {Verb.EDIT.value: _NO_EDIT, Verb.RESPOND.value: _NO_WORDS}
    reasons[Verb.IGNORE.value] = _NO_IGNORE
    return {verb: reason for verb, reason in reasons.items() if Verb(verb) not in verbs}


def _warnings(task: Task, verbs: tuple[Verb, ...]) -> dict[str, str]:
    told = {Verb.CLOSE: _CANCELS, Verb.REJECT: _REASON}
    if task.status.state == AUTH:
        told[Verb.RESPOND] = _NO_SECRETS
    return {verb.value: words for verb, words in told.items() if verb in verbs}


def _link(parts: tuple[Part, ...]) -> str | None:
    """The page a sign-in happens on."""
    for part in parts:
        data = _dict(part.data)
        for found in (part.url, *(data.get(key) for key in _LINK_KEYS)):
            if isinstance(found, str) and found.lower().startswith(("http://", "https://")):
                return found
        if part.text and (seen := _LINK.search(part.text)):
            return seen[0].rstrip(".,;:!?)")
    return None


def _moment(text: str | None) -> datetime | None:
    try:
        found = msgspec.convert(text, datetime)
    except msgspec.ValidationError:
        return None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
