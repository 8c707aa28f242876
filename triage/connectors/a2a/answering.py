"""From verdicts to the parts of an answer. What a part must say is the agent's to define, so the operator may
set it for each verb; what follows here is said to agents of which nothing else is known."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from msgspec import UNSET

from triage.connectors.a2a.reading import plain
from triage.model.decision import Verdict
from triage.model.item import Item, Verb

__all__ = ["Answers", "misfits", "parts_of"]

EXACT = 2**53
"""Whole numbers beyond it change on the way: A2A's data parts hold them as floats."""
_PLACE = re.compile(r"\$(arguments|answer|reason)\b")

Template = dict[str, Any] | list[dict[str, Any]]


class Answers(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Verb → the part, or parts, that say it to this agent, for instance ``{text = "yes"}`` or
    ``{data = {ok = false, why = "$reason"}}``. ``$arguments``, ``$answer`` and ``$reason`` stand for those of
    the verdict."""

    approve: Template | None = None
    edit: Template | None = None
    reject: Template | None = None
    respond: Template | None = None

    @property
    def verbs(self) -> tuple[Verb, ...]:
        """The verbs that are set."""
        return tuple(verb for verb in Verb if getattr(self, verb.value, None) is not None)


def parts_of(item: Item, verdicts: Sequence[Verdict], answers: Answers) -> list[dict[str, Any]]:
    """The parts of the message that carries ``verdicts``, which are all alike (see ``misfits``)."""
    verdict = verdicts[0]
    template = getattr(answers, verdict.verb.value, None)
    if template is None:
        template = _usual(item, verdict)
    parts = template if isinstance(template, list) else [template]
    return [_filled(part, verdict) for part in parts]


def misfits(item: Item, verdicts: Sequence[Verdict], answers: Answers) -> list[str]:
    """Why these verdicts cannot be said to an agent; a sentence each."""
    if any(verdict != verdicts[0] for verdict in verdicts):
        return ["an A2A agent takes one answer for all it proposes: give every action the same verdict"]
    if verdicts[0].verb is Verb.CLOSE:
        return []
    parts = parts_of(item, verdicts, answers)
    found = [f"{number} is too large to arrive as it is: as text it would" for number in _inexact(parts)]
    if any(isinstance(part.get("text"), str) and not part["text"].strip() for part in parts):
        found.append("an empty answer says nothing to the agent: write one")
    return found


def _usual(item: Item, verdict: Verdict) -> dict[str, Any]:
    """What is said where nothing is configured: the decision in the agent's own word, an answer as it is."""
    words: dict[str, str] = item.locator["words"]
    if verdict.verb is Verb.RESPOND:
        if item.actions:
            return {"data": {"decision": "$answer"}}
        return {"text": "$answer"} if isinstance(verdict.answer, str) else {"data": "$answer"}
    said: dict[str, Any] = {"decision": words.get(verdict.verb.value, verdict.verb.value)}
    if verdict.verb is Verb.EDIT:
        said["args"] = "$arguments"
    return {"data": said}


def _filled(template: Any, verdict: Verdict, within_text: bool = False) -> Any:
    """``template`` with the placeholders replaced: by values, or within text by their text."""
    if isinstance(template, dict):
        return {key: _filled(value, verdict, key == "text") for key, value in template.items()}
    if isinstance(template, list):
        return [_filled(value, verdict) for value in template]
    if not isinstance(template, str):
        return template
    whole = _PLACE.fullmatch(template)
    if whole and not within_text:
        return _value(whole[1], verdict)
    return _PLACE.sub(lambda found: plain(_value(found[1], verdict)), template)


def _value(name: str, verdict: Verdict) -> Any:
    value = {"arguments": verdict.arguments, "answer": verdict.answer, "reason": verdict.reason or ""}[name]
    return None if value is UNSET else value


def _inexact(value: Any) -> Iterator[int]:
    """The whole numbers in a JSON value that a float does not hold."""
    if isinstance(value, int) and not isinstance(value, bool):
        if abs(value) > EXACT and int(float(value) if abs(value) < 2**1000 else 0) != value:
            yield value
    elif isinstance(value, dict | list):
        for below in value.values() if isinstance(value, dict) else value:
            yield from _inexact(below)
