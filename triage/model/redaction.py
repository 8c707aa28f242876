"""Arguments that nobody here may read: what stands in their place, and putting them back before they are sent.

A mark carries eight hexadecimal digits of a keyed digest of what it stands for. So a value that changes makes
another revision, two equal values can be told from two that differ, and without the key nobody can try out
which value it was.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import msgspec
from msgspec import UNSET

from triage.model.decision import Decision, Verdict
from triage.model.item import Action, Item

__all__ = ["REDACTED", "Hidden", "Redactor", "UnknownMark", "fault_of_path", "holds_marks"]

REDACTED = "‹redacted›"
T = TypeVar("T", bound=msgspec.Struct)
_LEAD = "args."
_SHORTEST = 4
"""Characters; a shorter text is not looked for in other texts, where it would be found by chance."""
_NO_CHANCE = 8
"""Characters; so long a text is found in an id only where it is meant."""
_MARK = re.compile(f"{REDACTED} [0-9a-f]{{8}}")


class UnknownMark(Exception):
    """A mark that stands for nothing in this item; its text says where."""


def fault_of_path(path: str) -> str:
    """Why ``path`` names no argument; empty when it does."""
    steps = path.split(".")
    if steps[0] != "args" or len(steps) < 2 or "" in steps:
        return f"{path!r} names no argument; write it from args. on, such as args.card.number"
    return ""


def holds_marks(item: Item) -> bool:
    """Whether something is hidden in an item as it is shown."""
    return REDACTED.encode() in msgspec.json.encode(item.actions)


class Hidden:
    """What the marks in one item stand for. Kept in memory alone."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values
        self._mark_of = {str(value): mark for mark, value in values.items() if _tells(value)}
        longest_first = sorted(self._mark_of, key=len, reverse=True)
        self._texts = re.compile("|".join((_MARK.pattern, *map(re.escape, longest_first))))

    def text(self, text: str, shortest: int = _SHORTEST) -> str:
        """``text`` with every hidden value in it, of at least ``shortest`` characters, replaced by its mark."""

        def mark(found: re.Match[str]) -> str:
            return self._mark_of.get(found[0], found[0]) if len(found[0]) >= shortest else found[0]

        return self._texts.sub(mark, text)

    def texts(self, value: Any) -> Any:
        """A JSON value whose texts repeat nothing hidden."""
        if isinstance(value, dict):
            return {self.text(str(key)): self.texts(inner) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self.texts(inner) for inner in value]
        return self.text(value) if isinstance(value, str) else value

    def tree(self, value: Any) -> Any:
        """The same, and what equals a hidden value or a part of one is its mark, however short."""
        for mark, hidden in self._values.items():
            if type(value) is type(hidden) and value == hidden and not isinstance(value, bool | None):
                return mark
        if isinstance(value, dict):
            return {self.text(str(key)): self.tree(inner) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self.tree(inner) for inner in value]
        return self.text(value) if isinstance(value, str) else value

    def decision(self, decision: Decision) -> Decision:
        """The decision as it is to be sent: marks that the operator left are what they stand for again.

        Raises UnknownMark.
        """
        return msgspec.structs.replace(decision, verdicts=tuple(map(self._verdict, decision.verdicts)))

    def _verdict(self, verdict: Verdict) -> Verdict:
        arguments = UNSET if verdict.arguments is UNSET else self._restored(verdict.arguments)
        answer = UNSET if verdict.answer is UNSET else self._restored(verdict.answer)
        return msgspec.structs.replace(verdict, arguments=arguments, answer=answer)

    def _restored(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {str(self._restored(key)): self._restored(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [self._restored(inner) for inner in value]
        if not isinstance(value, str) or REDACTED not in value:
            return value
        return self._values[value] if value in self._values else _MARK.sub(self._meant, _whole_marks(value))

    def _meant(self, found: re.Match[str]) -> str:
        if found[0] not in self._values:
            raise _unknown(found[0])
        return str(self._values[found[0]])


def _whole_marks(text: str) -> str:
    if text.count(REDACTED) != len(_MARK.findall(text)):
        raise _unknown(text)
    return text


def _unknown(text: str) -> UnknownMark:
    return UnknownMark(
        f"{text!r} stands for nothing here: leave a mark whole, or write a value of your own in its place"
    )


class Redactor:
    """Hides what stands at ``paths`` in the arguments of every action. ``key``: of the data directory."""

    def __init__(self, paths: Sequence[str], key: bytes) -> None:
        self._paths = tuple(path.removeprefix(_LEAD).casefold() for path in paths)
        self._key = key

    def redacted(self, item: Item) -> tuple[Item, Hidden]:
        """The item as it may be shown, and what its marks stand for. One without such arguments stays as it is."""
        values: dict[str, Any] = {}
        actions = [self._action(action, values) for action in item.actions]
        hidden = Hidden(values)
        if not values:
            return item, hidden
        shown: Item = msgspec.structs.replace(
            _within(
                hidden, item, "title", "description", "repair", "url", "warnings", "refusals", "answer_schema"
            ),
            actions=tuple(_with_quiet_arguments(hidden, action) for action in actions),
            options=tuple(
                _within(hidden, option, "label", "value", "description") for option in item.options
            ),
            scopes=tuple(_within(hidden, scope, "description") for scope in item.scopes),
            locator={name: _in_locator(hidden, value) for name, value in item.locator.items()},
            raw=None,
        )
        return shown, hidden

    def _action(self, action: Action, values: dict[str, Any]) -> Action:
        arguments, schema = action.arguments, action.schema
        for path in self._paths:
            found: dict[str, Any] = {}
            arguments = self._hidden(arguments, path, found)
            if found:
                schema = _taking(schema, path, found)
                values.update(found)
        changed: Action = msgspec.structs.replace(action, arguments=arguments, schema=schema)
        return changed

    def _hidden(self, arguments: Any, path: str, found: dict[str, Any]) -> Any:
        def hide(value: Any) -> str:
            mark = self._mark(path, value)
            found[mark] = value
            found.update({self._mark(path, leaf): leaf for leaf in _leaves(value)})
            return mark

        if isinstance(arguments, str):
            return self._hidden_in_text(arguments, path, hide, found)
        return _at(arguments, path, hide)

    def _hidden_in_text(self, text: str, path: str, hide: Callable[[Any], str], found: dict[str, Any]) -> str:
        """Arguments that came as JSON text: hidden whole where they hold one that is to be hidden."""
        try:
            inside = msgspec.json.decode(text)
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            return text
        if not isinstance(inside, dict | list) or _at(inside, path, lambda _: None) == inside:
            return text
        return hide(text)

    def _mark(self, path: str, value: Any) -> str:
        content = msgspec.json.encode([path, value], order="deterministic")
        return f"{REDACTED} {hmac.new(self._key, content, hashlib.sha256).hexdigest()[:8]}"


def _at(value: Any, path: str, put: Callable[[Any], Any]) -> Any:
    """``value`` with what stands at ``path`` replaced, in every element of a list that has no number in it."""
    if not path:
        return put(value)
    if isinstance(value, dict):
        return {key: _at_key(str(key).casefold(), inner, path, put) for key, inner in value.items()}
    if isinstance(value, list):
        step, _, rest = path.partition(".")
        if step.isdecimal():
            return [_at(one, rest, put) if number == int(step) else one for number, one in enumerate(value)]
        return [_at(one, path, put) if isinstance(one, dict | list) else one for one in value]
    return value


def _at_key(key: str, value: Any, path: str, put: Callable[[Any], Any]) -> Any:
    if path == key:
        return put(value)
    return _at(value, path[len(key) + 1 :], put) if path.startswith(key + ".") else value


def _with_quiet_arguments(hidden: Hidden, action: Action) -> Action:
    quiet = hidden.texts(action.arguments) if action.arguments is not None else None
    return _within(hidden, msgspec.structs.replace(action, arguments=quiet), "description", "schema")


def _in_locator(hidden: Hidden, value: Any) -> Any:
    """A part of a locator: ids stay as they are, unless they are found in them by no chance."""
    if isinstance(value, str):
        return hidden.text(value, _NO_CHANCE)
    return hidden.tree(value) if isinstance(value, dict | list) else value


def _within(hidden: Hidden, value: T, *fields: str) -> T:
    """A struct whose ``fields`` repeat nothing hidden."""
    return msgspec.structs.replace(value, **{field: hidden.texts(getattr(value, field)) for field in fields})


def _taking(schema: dict[str, Any] | None, path: str, marks: Iterable[str]) -> dict[str, Any] | None:
    """A JSON Schema that takes the marks at ``path`` as well; None where it does not say plainly what stands there."""
    if schema is None:
        return None
    marks = list(marks)
    found = []

    def take(inner: Any) -> Any:
        found.append(inner)
        return {"anyOf": [inner, {"enum": marks}]}

    made = _in_schema(schema, path, take)
    return made if found or not _may_restrict(schema) else None


def _in_schema(schema: Any, path: str, take: Callable[[Any], Any]) -> Any:
    if not path:
        return take(schema)
    if not isinstance(schema, dict):
        return schema
    made = dict(schema)
    properties = schema.get("properties")
    if isinstance(properties, dict):
        made["properties"] = {
            name: _schema_at_key(name.casefold(), inner, path, take) for name, inner in properties.items()
        }
    if "items" in schema:
        step, _, rest = path.partition(".")
        made["items"] = _in_schema(schema["items"], rest if step.isdecimal() else path, take)
    return made


def _schema_at_key(key: str, schema: Any, path: str, take: Callable[[Any], Any]) -> Any:
    if path == key:
        return take(schema)
    return _in_schema(schema, path[len(key) + 1 :], take) if path.startswith(key + ".") else schema


def _may_restrict(schema: Mapping[str, Any]) -> bool:
    """Whether a schema that does not name a property could still forbid a text there."""
    return not schema.keys() <= {"type", "title", "description", "properties", "required", "$schema"}


def _leaves(value: Any) -> Iterator[Any]:
    """The texts and numbers in a hidden object or list."""
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            if isinstance(inner, str | int | float) and not isinstance(inner, bool):
                yield inner
            yield from _leaves(inner)


def _tells(value: Any) -> bool:
    """Whether a hidden value would be given away within another text."""
    return (
        isinstance(value, str | int | float) and not isinstance(value, bool) and len(str(value)) >= _SHORTEST
    )
