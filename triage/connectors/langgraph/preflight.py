"""What the server would take and the graph then choke on: such an answer stays with the question."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import UNSET

from triage.model.decision import Verdict
from triage.model.item import Item, Verb

__all__ = ["misfits"]

_LEAST, _MOST = -(2**63), 2**64 - 1
"""Whole numbers beyond these the server rounds to floats."""


def misfits(item: Item, verdicts: Sequence[Verdict]) -> list[str]:
    """Why these verdicts must not be sent; a sentence each."""
    wanted = max(1, len(item.actions))
    closing = [verdict.verb is Verb.CLOSE for verdict in verdicts]
    if any(closing) and not all(closing):
        return ["close drops the whole item: it cannot be mixed with other verbs"]
    if len(verdicts) != wanted and closing != [True]:
        return [f"{wanted} verdicts are wanted, one for each action in order; {len(verdicts)} came"]
    return [reason for index, verdict in enumerate(verdicts) for reason in _misfits(item, index, verdict)]


def _misfits(item: Item, index: int, verdict: Verdict) -> list[str]:
    """Why one verdict would not be understood."""
    name = item.actions[index].name if index < len(item.actions) else "this"
    if verdict.verb not in item.verbs_of(index):
        return [f"{verdict.verb.value} is not allowed for {name}"]
    if verdict.scope is not None:
        return [f"{name}: a decision here is always for once, not {verdict.scope}"]
    if verdict.verb is Verb.EDIT:
        if not isinstance(verdict.arguments, dict):
            return [f"{name}: edited arguments must be a JSON object"]
        slips = _type_slips(name, item.actions[index].arguments, verdict.arguments)
        return [*slips, *_too_large(name, verdict.arguments)]
    if verdict.verb is Verb.RESPOND:
        if verdict.answer is UNSET:
            return ["an answer is wanted"]
        if item.locator["shape"] != "free" and not isinstance(verdict.answer, str):
            return [f"{name}: the answer must be text"]
        return _too_large(name, verdict.answer)
    return []


def _too_large(name: str, value: Any) -> list[str]:
    """Whole numbers within ``value`` that would arrive as others."""
    if isinstance(value, int) and not _LEAST <= value <= _MOST:
        return [f"{name}: the server would round {value}, which is beyond 64 bits; give it as text"]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [found for part in parts for found in _too_large(name, part)]


def _type_slips(name: str, before: Any, after: dict[str, Any]) -> list[str]:
    """Numbers and booleans that became text by the way: a tool takes "12" for something else than 12."""
    slips = []
    for key, old in before.items() if isinstance(before, dict) else ():
        new = after.get(key)
        if not isinstance(old, bool | int | float) or not isinstance(new, str):
            continue
        try:
            read = msgspec.json.decode(new.encode())
        except (msgspec.DecodeError, UnicodeEncodeError):
            continue
        if isinstance(read, bool | int | float):
            slips.append(f"{name}: {key} was {msgspec.json.encode(old).decode()} and is now the text {new!r}")
    return slips
