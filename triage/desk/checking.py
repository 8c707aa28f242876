"""Whether a decision may be taken on an item as it stands: verbs, number of verdicts, JSON Schemas."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET

from triage.model.decision import Verdict
from triage.model.item import Item, Verb

if TYPE_CHECKING:
    import jsonschema_rs

__all__ = ["WHOLE_ITEM_VERBS", "faults_of_verdicts", "schema_faults", "verb_fault"]

WHOLE_ITEM_VERBS = frozenset({Verb.IGNORE, Verb.CLOSE, Verb.RESPOND})
"""Verbs that may settle an item with several actions by one verdict, where the item itself takes them."""
MAX_FAULTS = 8


def faults_of_verdicts(item: Item, verdicts: Sequence[Verdict]) -> list[str]:
    """Why ``verdicts`` may not be given on ``item``: a sentence each, none when they may."""
    if not verdicts:
        return ["a decision needs at least one verdict"]
    if _settles_whole(item, verdicts):
        return [*_scope_faults(item, verdicts[0]), *_value_faults(item, None, verdicts[0])]
    expected = max(1, len(item.actions))
    if len(verdicts) != expected:
        return [
            f"this item asks for {expected} verdicts, one an action in their order; {len(verdicts)} given"
        ]
    faults: list[str] = []
    for index, verdict in enumerate(verdicts):
        found = _verdict_faults(item, index, verdict)
        place = f"action {index + 1} ({item.actions[index].name}): " if len(item.actions) > 1 else ""
        faults.extend(place + fault for fault in found)
    return faults


def verb_fault(item: Item, index: int, verb: Verb) -> str | None:
    """Why ``verb`` may not be used on the action at ``index``; None when it may."""
    allowed = item.verbs_of(index)
    if verb in allowed:
        return None
    if verb in item.refusals:
        return item.refusals[verb]
    takes = ", ".join(allowed) if allowed else "no decision here"
    return f"this item does not take {verb}; it takes {takes}"


def schema_faults(value: Any, schema: dict[str, Any] | None) -> list[str]:
    """Where ``value`` breaks the JSON Schema: ``amount: 12 is greater than the maximum of 10``.

    A schema that cannot be used (broken, or referring to other documents) is a fault of its own.
    """
    if schema is None:
        return []
    validator = _validator(msgspec.json.encode(schema))
    if isinstance(validator, str):
        return [validator]
    faults = []
    for error in validator.iter_errors(value):
        place = ".".join(str(part) for part in error.instance_path)
        faults.append(f"{place}: {error.message}" if place else error.message)
        if len(faults) == MAX_FAULTS:
            break
    return faults


def _settles_whole(item: Item, verdicts: Sequence[Verdict]) -> bool:
    verb = verdicts[0].verb
    return len(verdicts) == 1 and len(item.actions) != 1 and verb in WHOLE_ITEM_VERBS and verb in item.verbs


def _verdict_faults(item: Item, index: int, verdict: Verdict) -> list[str]:
    fault = verb_fault(item, index, verdict.verb)
    if fault:
        return [fault]
    return [*_scope_faults(item, verdict), *_value_faults(item, index, verdict)]


def _scope_faults(item: Item, verdict: Verdict) -> list[str]:
    if verdict.scope is None:
        return []
    if any(scope.name == verdict.scope and verdict.verb in scope.verbs for scope in item.scopes):
        return []
    offered = ", ".join(scope.name for scope in item.scopes if verdict.verb in scope.verbs) or "none"
    return [f"scope {verdict.scope!r} is not offered for {verdict.verb} here; offered: {offered}"]


def _value_faults(item: Item, index: int | None, verdict: Verdict) -> list[str]:
    """Faults of the edited arguments and of the answer."""
    faults = []
    if verdict.verb is Verb.EDIT:
        faults.extend(_edit_faults(item, index or 0, verdict))
    elif verdict.arguments is not UNSET:
        faults.append(f"edited arguments go with edit, not with {verdict.verb}")
    if verdict.verb is Verb.RESPOND:
        if verdict.answer is UNSET:
            faults.append("respond needs an answer")
        else:
            faults.extend(schema_faults(verdict.answer, item.answer_schema))
    elif verdict.answer is not UNSET:
        faults.append(f"an answer goes with respond, not with {verdict.verb}")
    return faults


def _edit_faults(item: Item, index: int, verdict: Verdict) -> list[str]:
    if verdict.arguments is UNSET:
        return ["edit needs the whole edited arguments"]
    action = item.actions[index]
    if _same_json(action.arguments, verdict.arguments):
        return ["the edited arguments are those proposed; approve instead"]
    return schema_faults(verdict.arguments, action.schema)


def _same_json(one: Any, other: Any) -> bool:
    """Equal as JSON texts, so that 1 and 1.0 and true differ."""
    return msgspec.json.encode(one, order="deterministic") == msgspec.json.encode(
        other, order="deterministic"
    )


@lru_cache(maxsize=256)
def _validator(encoded: bytes) -> jsonschema_rs.Validator | str:
    """The validator of a schema, or why there is none. Never fetches anything."""
    import jsonschema_rs

    try:
        return jsonschema_rs.validator_for(
            msgspec.json.decode(encoded), retriever=_refuse_to_fetch, validate_formats=True
        )
    except (ValueError, jsonschema_rs.ReferencingError) as error:  # type: ignore[misc]
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        return f"the endpoint's JSON Schema cannot be used, so nothing can be checked against it: {first}"


def _refuse_to_fetch(uri: str) -> Any:
    raise ValueError(f"it refers to {uri}, and schemas are never fetched")
