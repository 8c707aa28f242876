"""Items out of the rows of a mapped API: each part found by its expression, then read as the contract is."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import msgspec

from triage.connectors.rest.contract import Malformed, brief, read_item
from triage.connectors.rest.expressions import Inapplicable, apply
from triage.connectors.rest.mapping import Fields, Mapping
from triage.model.item import Item, ItemKind, Verb

__all__ = ["Rows", "is_among"]

_AS_IT_IS = ("kind", "description", "many", "answer_schema")
_LESSER = ("agent", "risk", "url")
_TIMES = ("created_at", "expires_at")
_MILLISECONDS_FROM = 1e11
"""A number of seconds this large lies 1,200 years ahead: it is milliseconds."""
_AT = re.compile(r" - at `\$\.(?P<name>\w+)")


class Rows:
    """Reads the rows of one mapped API."""

    def __init__(self, endpoint: str, mapping: Mapping) -> None:
        self.endpoint = endpoint
        self.mapping = mapping
        self.fields: Fields = mapping.fields

    def named(self, raw: Any, position: int) -> str:
        """How to speak of an item that cannot be read."""
        try:
            key = _key(apply(self.fields.id, raw))
        except (Inapplicable, Malformed):
            return f"item number {position}"
        return f"item {key[:80]}" if key else f"item number {position}"

    def state(self, raw: Any) -> Any:
        """Where an item stands; None where no state is mapped. Raises Malformed."""
        return self._part("state", raw)

    def waits(self, raw: Any) -> bool:
        """Whether it waits for a decision. Raises Malformed when that cannot be told."""
        if self.fields.state is None:
            return True
        state = self.state(raw)
        if state is None:
            raise Malformed(f"fields.state (`{self.fields.state}`) gives nothing")
        return is_among(state, self.mapping.waiting)

    def read(self, raw: Any, now: datetime) -> tuple[Item, list[str]] | None:
        """The item, and what had to be left out of it; None when it does not wait. Raises Malformed."""
        return self.item(raw, now) if self.waits(raw) else None

    def item(self, raw: Any, now: datetime) -> tuple[Item, list[str]]:
        """The item, whether it waits or not."""
        remarks: list[str] = []
        found = self._document(raw, remarks)
        own_id = found["id"]
        try:
            item, more = read_item(self.endpoint, {**found, "id": _key(own_id)}, now)
        except Malformed as error:
            raise Malformed(self._located(str(error))) from error
        locator = {"id": own_id, "version": found["version"]}
        remarks += [self._located(remark) for remark in more]
        return msgspec.structs.replace(item, raw=raw, locator=locator), remarks

    def _document(self, raw: Any, remarks: list[str]) -> dict[str, Any]:
        """The item as the contract writes it, but for its id, which keeps its type."""
        document = {name: self._part(name, raw) for name in _AS_IT_IS}
        document["id"] = self._needed("id", raw)
        title = self._needed("title", raw)
        document["title"] = brief(title) if isinstance(title, (int, float)) else title
        document["kind"] = document["kind"] or ItemKind.APPROVAL
        document["version"] = brief(self._part("version", raw))
        for name in _TIMES:
            document[name] = _moment(self._part(name, raw))
        for name in _LESSER:
            try:
                document[name] = self._part(name, raw)
            except Malformed as error:
                remarks.append(f"its {name} is left out: {error}")
        document["actions"] = self._actions(raw, document["kind"])
        document["options"] = _options(self._part("options", raw))
        document["verbs"] = self._verbs(raw, document["kind"], bool(document["actions"]))
        return document

    def _part(self, name: str, raw: Any) -> Any:
        """What the expression of a field finds; None when the field is not mapped."""
        expression = getattr(self.fields, name)
        if expression is None:
            return None
        try:
            return apply(expression, raw)
        except Inapplicable as error:
            raise Malformed(f"fields.{name}: {error}") from error

    def _needed(self, name: str, raw: Any) -> Any:
        found = self._part(name, raw)
        if found is None or found == "":
            raise Malformed(f"fields.{name} (`{getattr(self.fields, name)}`) gives nothing")
        return found

    def _actions(self, raw: Any, kind: Any) -> list[dict[str, Any]]:
        """What is proposed. Only an item that is no approval may lack what is mapped."""
        expression = self.fields.action if self.fields.actions is None else self.fields.actions
        if expression is None:
            return []
        proposed = self._part("action" if self.fields.actions is None else "actions", raw)
        if proposed is None and kind != ItemKind.APPROVAL:
            return []
        if self.fields.actions is None:
            return [self._action(raw)]
        if not isinstance(proposed, list):
            raise Malformed(f"fields.actions (`{expression}`) gives no list")
        return [self._action(each) for each in proposed]

    def _action(self, raw: Any) -> dict[str, Any]:
        parts = {
            "name": self._needed("action", raw),
            "arguments": self._part("arguments", raw),
            "schema": self._part("schema", raw),
            "description": self._part("action_description", raw),
        }
        return {name: value for name, value in parts.items() if value is not None}

    def _verbs(self, raw: Any, kind: Any, has_actions: bool) -> list[str]:
        """The mapped verbs that this item takes."""
        offered: Any
        if self.fields.verbs is not None:
            offered = self._part("verbs", raw)
            if not isinstance(offered, list):
                raise Malformed(f"fields.verbs (`{self.fields.verbs}`) gives no list")
        else:
            offered = _FITTING.get(kind, ()) if isinstance(kind, str) else ()
        return [verb for verb in self.mapping.verbs if verb in offered and (verb != Verb.EDIT or has_actions)]

    def _located(self, message: str) -> str:
        """A reader's message with the expression that led to the part it speaks of."""
        found = _AT.search(message)
        expression = getattr(self.fields, found["name"], None) if found else None
        return f"{message} (fields.{found['name']} is `{expression}`)" if found and expression else message


_FITTING: dict[Any, tuple[Verb, ...]] = {
    ItemKind.APPROVAL: (Verb.APPROVE, Verb.EDIT, Verb.REJECT, Verb.IGNORE, Verb.CLOSE),
    ItemKind.QUESTION: (Verb.RESPOND, Verb.REJECT, Verb.IGNORE, Verb.CLOSE),
    ItemKind.EXTERNAL: (Verb.IGNORE, Verb.CLOSE),
}


def is_among(value: Any, values: list[Any]) -> bool:
    """Whether a JSON value is one of ``values``; true and 1 are not the same, nor are 1 and 1.0."""
    encoded = msgspec.json.encode(value, order="deterministic")
    return any(msgspec.json.encode(each, order="deterministic") == encoded for each in values)


def _key(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise Malformed(f"its id is neither text nor a whole number: {brief(value)[:80]}")


def _options(listed: Any) -> Any:
    if not isinstance(listed, list):
        return listed
    return [
        each if isinstance(each, dict) else {"label": brief(each) or "null", "value": each} for each in listed
    ]


def _moment(value: Any) -> Any:
    """A time with a zone; what is no time stays as it is and is refused where the item is read."""
    try:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            seconds = value / 1000 if abs(value) >= _MILLISECONDS_FROM else value
            return datetime.fromtimestamp(seconds, UTC)
        if isinstance(value, str):
            found = datetime.fromisoformat(value)
            return found if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError, OSError):
        return value
    return value
