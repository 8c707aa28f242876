"""What an agent of the demo takes as a decision, and why it takes one not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from triage.demo.proposal import Proposal

__all__ = ["Verdict", "faults"]


class Verdict(msgspec.Struct, frozen=True, omit_defaults=True):
    """One verb of a decision, as the contract writes it."""

    verb: str
    reason: str | None = None
    arguments: Any | UnsetType = UNSET
    answer: Any | UnsetType = UNSET
    scope: str | None = None


def faults(proposal: Proposal, verdicts: Sequence[Verdict]) -> list[str]:
    """Why these verdicts cannot be taken; empty when they can."""
    wanted = max(1, len(proposal.actions))
    if len(verdicts) != wanted:
        return [f"{wanted} verdicts are wanted, one an action, not {len(verdicts)}"]
    found: list[str] = []
    for number, verdict in enumerate(verdicts):
        proposed = proposal.actions[number] if proposal.actions else None
        found.extend(_faults(proposal, proposed, verdict))
    return found


def _faults(proposal: Proposal, proposed: dict[str, Any] | None, verdict: Verdict) -> list[str]:
    if verdict.verb not in proposal.verbs:
        return [f"{verdict.verb} is not offered, only {', '.join(proposal.verbs)}"]
    if verdict.scope and verdict.scope not in {scope["name"] for scope in proposal.scopes}:
        return [f"no scope {verdict.scope}"]
    if verdict.verb == "edit":
        if verdict.arguments is UNSET or proposed is None:
            return ["edit needs arguments"]
        return _misfits("arguments", verdict.arguments, proposed.get("schema"))
    if verdict.verb == "respond":
        if verdict.answer is UNSET:
            return ["respond needs an answer"]
        return _option_faults(proposal, verdict.answer) or _misfits(
            "answer", verdict.answer, proposal.answer_schema
        )
    return []


def _option_faults(proposal: Proposal, answer: Any) -> list[str]:
    """An answer outside the options is taken where a schema says what else may be said."""
    if not proposal.options or proposal.answer_schema:
        return []
    values = [each["value"] for each in proposal.options]
    chosen = answer if proposal.many and isinstance(answer, list) else [answer]
    return [f"{one!r} is not among the options" for one in chosen if one not in values]


def _misfits(what: str, value: Any, schema: dict[str, Any] | None) -> list[str]:
    if schema is None:
        return []
    import jsonschema_rs

    errors = jsonschema_rs.validator_for(schema).iter_errors(value)
    return [f"{what}: {error.message}" for error in errors]
