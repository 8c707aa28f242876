"""What graphs ask, and how each wants to be answered: the families of interrupt values.

``inbox``       ``{action_request, config, description}``, bare or in a list (agent inbox)
``batched``     ``{action_requests, review_configs}`` (langchain's middleware, a model's calls together)
``batched_js``  the same from JavaScript, in camel case
``call``        ``{type: tool_approval, name, args}`` with a response schema (one tool call)
``free``        any other value: the answer is whatever JSON the graph expects
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from triage.connectors.langgraph.api import Interrupt
from triage.model.decision import Verdict
from triage.model.item import Action, Item, ItemKind, Option, Verb

__all__ = ["Asked", "answer", "call_line", "one_line", "read"]

TITLE_LENGTH = 140
_INBOX = {
    Verb.APPROVE: ("allow_accept", "accept"),
    Verb.EDIT: ("allow_edit", "edit"),
    Verb.RESPOND: ("allow_respond", "response"),
    Verb.IGNORE: ("allow_ignore", "ignore"),
}
_WORDS = {
    "approve": Verb.APPROVE,
    "accept": Verb.APPROVE,
    "edit": Verb.EDIT,
    "reject": Verb.REJECT,
    "respond": Verb.RESPOND,
    "response": Verb.RESPOND,
    "ignore": Verb.IGNORE,
}
_BATCHED = {
    "batched": ("action_requests", "review_configs", "action_name", "allowed_decisions"),
    "batched_js": ("actionRequests", "reviewConfigs", "actionName", "allowedDecisions"),
}
_PRETENDS = "The tool is NOT run: the agent is told that it succeeded, with your text as its result."
_QUESTION_KEYS = ("question", "title", "message", "prompt", "query", "text", "description")
_OPTION_KEYS = ("options", "choices")
_REFUSED = {
    "inbox": "This agent's inbox knows no rejection: ignore it, or respond in words.",
    "free": "This is a question: respond to it.",
    "": "The agent does not allow this here.",
}


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """One interrupt as an operator can judge it."""

    shape: str
    kind: ItemKind
    title: str
    description: str = ""
    actions: tuple[Action, ...] = ()
    words: tuple[dict[str, str], ...] = ()
    """For each action: verb → the word its graph knows it by."""
    options: tuple[Option, ...] = ()
    many: bool = False
    answer_schema: dict[str, Any] | None = None

    @property
    def verbs(self) -> tuple[Verb, ...]:
        """All that may be done with any of it, apart from closing."""
        if self.shape == "free":
            return (Verb.RESPOND,)
        return tuple(verb for verb in Verb if any(verb in words for words in self.words))

    @property
    def refusals(self) -> dict[str, str]:
        """Why the other verbs are not taken."""
        others = [verb for verb in Verb if verb not in self.verbs and verb is not Verb.CLOSE]
        reasons = {verb.value: _REFUSED[""] for verb in others}
        if self.shape == "free":
            return dict.fromkeys(reasons, _REFUSED["free"])
        if self.shape == "inbox":
            reasons[Verb.REJECT.value] = _REFUSED["inbox"]
        return reasons

    @property
    def warnings(self) -> dict[str, str]:
        """What else a verb would do."""
        if self.shape in ("batched", "batched_js", "call") and Verb.RESPOND in self.verbs:
            return {Verb.RESPOND.value: _PRETENDS}
        return {}


def read(interrupt: Interrupt) -> Asked:
    """What an interrupt asks. What fits no known shape, or fits one badly, is a free question."""
    value = interrupt.value
    return (
        _inbox(value)
        or _batched("batched", value)
        or _batched("batched_js", value)
        or _call(value, interrupt.response_schema)
        or _free(value, interrupt.response_schema)
    )


def answer(item: Item, verdicts: Sequence[Verdict]) -> Any:
    """The JSON that resumes the graph of ``item`` with these verdicts (no ``close`` among them)."""
    shape, words = item.locator["shape"], item.locator["words"]
    if shape == "free":
        return verdicts[0].answer
    told = [
        _told(shape, action, word[verdict.verb.value], verdict)
        for action, word, verdict in zip(item.actions, words, verdicts, strict=True)
    ]
    if shape == "inbox":
        return told
    return told[0] if shape == "call" else {"decisions": told}


def call_line(name: str, arguments: Any) -> str:
    """An action in one line: ``refund(customer=ann, amount=12.5)``."""
    if isinstance(arguments, dict):
        inner = ", ".join(f"{key}={_brief(value)}" for key, value in arguments.items())
        return one_line(f"{name}({inner})" if inner else name)
    return one_line(name if arguments is None else f"{name}({_brief(arguments)})")


def one_line(text: str) -> str:
    """The first line that says something, shortened to a title's length."""
    line = next((" ".join(row.split()) for row in text.splitlines() if row.strip()), "")
    return line if len(line) <= TITLE_LENGTH else line[: TITLE_LENGTH - 1] + "…"


def _told(shape: str, action: Action, word: str, verdict: Verdict) -> dict[str, Any]:
    """One verdict as its family writes it."""
    edited = {"args": verdict.arguments}
    if shape == "inbox":
        args: Any = None
        if verdict.verb is Verb.EDIT:
            args = {"action": action.name, **edited}
        elif verdict.verb is Verb.RESPOND:
            args = verdict.answer
        return {"type": word, "args": args}
    if verdict.verb is Verb.EDIT:
        key = "editedAction" if shape == "batched_js" else "edited_action"
        return {"type": word, key: {"name": action.name, **edited}}
    if verdict.verb is Verb.RESPOND:
        return {"type": word, "message": verdict.answer}
    if verdict.verb is Verb.REJECT and verdict.reason:
        return {"type": word, "message": verdict.reason}
    return {"type": word}


def _inbox(value: Any) -> Asked | None:
    """Agent inbox: one request, bare or in a list; several in a list are answered by as many."""
    requests = value if isinstance(value, list) else [value]
    actions, words, texts = [], [], []
    for request in requests:
        asked, config = _dict(request, "action_request"), _dict(request, "config")
        if asked is None or config is None or not isinstance(asked.get("action"), str):
            return None
        allowed = {verb.value: word for verb, (key, word) in _INBOX.items() if config.get(key) is True}
        texts.append(_str(request.get("description")))
        words.append(allowed)
        actions.append(_action(asked["action"], asked.get("args"), allowed))
    if not actions:
        return None
    return _approval("inbox", actions, words, texts)


def _batched(shape: str, value: Any) -> Asked | None:
    """All tool calls of one turn: reviewed each by itself, answered together."""
    requests_key, configs_key, name_key, allowed_key = _BATCHED[shape]
    requests, configs = _list(value, requests_key), _list(value, configs_key)
    if not requests or configs is None:
        return None
    actions, words, texts = [], [], []
    for index, request in enumerate(requests):
        name = request.get("name") if isinstance(request, dict) else None
        config = _config_of(name, index, configs, name_key)
        allowed = _allowed(_list(config, allowed_key))
        if not isinstance(name, str) or not allowed:
            return None
        schema = _dict(config, "args_schema") or _dict(config, "argsSchema")
        texts.append(_str(request.get("description")))
        words.append(allowed)
        actions.append(_action(name, request.get("args"), allowed, schema))
    return _approval(shape, actions, words, texts)


def _config_of(name: Any, index: int, configs: list[Any], name_key: str) -> Any:
    """The review settings of one request: the one beside it when it names it, else the first that does."""
    beside = configs[index : index + 1]
    return next((c for c in beside + configs if isinstance(c, dict) and c.get(name_key) == name), None)


def _call(value: Any, schema: dict[str, Any] | None) -> Asked | None:
    """One tool call; what may be answered stands in the response schema alone."""
    if not isinstance(value, dict) or value.get("type") != "tool_approval" or schema is None:
        return None
    name, branches = value.get("name"), _branches(schema)
    allowed = _allowed(list(branches))
    if not isinstance(name, str) or not allowed:
        return None
    edited = _property(schema, branches.get("edit"), "edited_action")
    arguments = _property(schema, edited, "args")
    if arguments is not None and "$defs" in schema and "$defs" not in arguments:
        arguments = {**arguments, "$defs": schema["$defs"]}
    action = _action(name, value.get("args"), allowed, arguments)
    return _approval("call", [action], [allowed], [_str(value.get("description"))])


def _branches(schema: dict[str, Any]) -> dict[str, Any]:
    """Decision type → its schema. A tool with one decision has that schema alone."""
    mapping = _dict(_dict(schema, "discriminator"), "mapping")
    if mapping is not None:
        return {word: _resolved(schema, {"$ref": ref}) for word, ref in mapping.items()}
    only = _property(schema, schema, "type") or {}
    word = only.get("const") or next(iter(only.get("enum") or []), None)
    return {word: schema} if isinstance(word, str) else {}


def _property(schema: dict[str, Any], owner: Any, name: str) -> dict[str, Any] | None:
    found = _dict(_dict(owner, "properties"), name)
    return None if found is None else _resolved(schema, found)


def _resolved(schema: dict[str, Any], part: Any) -> dict[str, Any] | None:
    """``part`` itself, or what its local reference ``#/$defs/NAME`` names."""
    for _ in range(8):
        ref = part.get("$ref") if isinstance(part, dict) else None
        if not isinstance(ref, str):
            break
        part = _dict(_dict(schema, "$defs"), ref.removeprefix("#/$defs/"))
    return part if isinstance(part, dict) else None


def _free(value: Any, schema: dict[str, Any] | None) -> Asked:
    """A question of no known shape."""
    options = _options(value) or _schema_options(schema)
    return Asked(
        shape="free",
        kind=ItemKind.QUESTION,
        title=one_line(_question(value)) or "An answer is wanted",
        description=_details(value),
        options=options,
        many=bool(options)
        and isinstance(value, dict)
        and any(value.get(key) is True for key in ("multiple", "many", "multi_select")),
        answer_schema=schema,
    )


def _question(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        named = next((value[key] for key in _QUESTION_KEYS if _str(value.get(key)).strip()), None)
        return named or ", ".join(f"{key}: {_brief(part)}" for key, part in value.items())
    return _brief(value, TITLE_LENGTH)


def _details(value: Any) -> str:
    """All that was asked, readable, where the title does not say it all."""
    if isinstance(value, str):
        return value
    if value is None or (isinstance(value, dict) and len(value) == 1 and _question(value) in value.values()):
        return _question(value) if value else ""
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def _options(value: Any) -> tuple[Option, ...]:
    offered = next((found for key in _OPTION_KEYS if (found := _list(value, key))), [])
    return tuple(_option(one) for one in offered)


def _option(one: Any) -> Option:
    """A choice: a plain value, or an object whose ``value`` is the answer (the object itself without one)."""
    if not isinstance(one, dict):
        return Option(label=one if isinstance(one, str) else _brief(one), value=one)
    label = next((one[key] for key in ("label", "title", "name", "text", "value", "id") if key in one), one)
    return Option(
        label=label if isinstance(label, str) else _brief(label),
        value=one.get("value", one),
        description=_str(one.get("description")),
    )


def _schema_options(schema: dict[str, Any] | None) -> tuple[Option, ...]:
    """The choices of a schema that allows but a few answers."""
    offered = _list(schema, "enum")
    if offered is None and isinstance(schema, dict) and schema.get("type") == "boolean":
        return (Option(label="yes", value=True), Option(label="no", value=False))
    return tuple(_option(one) for one in offered or [])


def _approval(shape: str, actions: list[Action], words: list[dict[str, str]], texts: Sequence[str]) -> Asked:
    """An item with one action, described as a whole, or with several, each described by itself."""
    title = call_line(actions[0].name, actions[0].arguments)
    if len(actions) > 1:
        others = ", ".join(action.name for action in actions[1:])
        title = one_line(f"{len(actions)} actions: {actions[0].name}, {others}")
        described = [
            msgspec.structs.replace(action, description=text)
            for action, text in zip(actions, texts, strict=True)
        ]
        actions, texts = described, [""]
    return Asked(
        shape=shape,
        kind=ItemKind.APPROVAL,
        title=title,
        description=texts[0],
        actions=tuple(actions),
        words=tuple(words),
    )


def _action(
    name: str, arguments: Any, allowed: dict[str, str], schema: dict[str, Any] | None = None
) -> Action:
    verbs = tuple(verb for verb in Verb if verb in allowed or verb is Verb.CLOSE)
    return Action(name=name, arguments=arguments, schema=schema, verbs=verbs)


def _allowed(words: list[Any] | None) -> dict[str, str]:
    """Verb → the word it goes by, for the decisions we know; others are left out."""
    return {_WORDS[word].value: word for word in words or [] if isinstance(word, str) and word in _WORDS}


def _brief(value: Any, limit: int = 60) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _dict(owner: Any, key: str) -> dict[str, Any] | None:
    found = owner.get(key) if isinstance(owner, dict) else None
    return found if isinstance(found, dict) else None


def _list(owner: Any, key: str) -> list[Any] | None:
    found = owner.get(key) if isinstance(owner, dict) else None
    return found if isinstance(found, list) else None


def _str(value: Any) -> str:
    return value if isinstance(value, str) else ""
