"""Items as JSON for other programs: what ``triage list --json`` and ``show --json`` print, and pipes get."""

from __future__ import annotations

from typing import Any

import msgspec

from triage.desk.rating import Rated
from triage.model.decision import REOPENING_STATES
from triage.model.item import Context
from triage.store.log import Record
from triage.store.queue import Entry

__all__ = ["listed", "shown", "state_of"]


def state_of(entry: Entry, record: Record | None) -> str:
    """``waiting``, ``gone``, or the state of the delivery."""
    if record is not None and record.state not in REOPENING_STATES:
        return record.state.value
    return "gone" if entry.gone is not None else "waiting"


def listed(entry: Entry, record: Record | None, rated: Rated | None = None) -> dict[str, Any]:
    """One object of ``triage list --json``. ``rated``: the item's risk; default: as its agent hints."""
    item = entry.item
    risk = rated or Rated(item.risk)
    actions = [
        {"name": action.name, "arguments": action.arguments, "schema": action.schema}
        for action in item.actions
    ]
    found = {
        "id": item.id,
        "revision": item.revision,
        "endpoint": item.endpoint,
        "kind": item.kind,
        "agent": item.agent,
        "title": item.title,
        "action": actions[0] if actions else None,
        "actions": actions,
        "options": item.options,
        "answer_schema": item.answer_schema,
        "verbs": item.verbs,
        "created_at": item.created_at,
        "expires_at": item.expires_at,
        "risk": risk.risk,
        "risk_why": risk.why,
        "state": state_of(entry, record),
    }
    made: dict[str, Any] = msgspec.to_builtins(found, builtin_types=())
    return made


def shown(
    entry: Entry, record: Record | None, context: Context | None, rated: Rated | None = None
) -> dict[str, Any]:
    """The object of ``triage show --json``."""
    more = {"description": entry.item.description, "context": context, "raw": entry.item.raw}
    return {**listed(entry, record, rated), **msgspec.to_builtins(more)}
