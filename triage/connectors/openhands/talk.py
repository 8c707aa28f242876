"""A conversation's events as an operator reads them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from triage.connectors.openhands.api import Event
from triage.connectors.openhands.settling import plain, told
from triage.model.item import Message

__all__ = ["messages"]

_LINE_LENGTH = 400


def messages(newest_first: Sequence[Event]) -> tuple[Message, ...]:
    """What was said, done and seen, oldest first; events that say nothing are left out."""
    read = (Message(_role(event), text) for event in reversed(newest_first) if (text := _said(event)))
    return tuple(read)


def _role(event: Event) -> str:
    return {"agent": "assistant"}.get(event.source or "", event.source or event.kind)


def _said(event: Event) -> str:
    match event.kind:
        case "MessageEvent":
            return plain(_texts(event.llm_message)).strip()
        case "ActionEvent":
            return f"→ {event.tool_name}({_brief(event.action)})"
        case "ObservationEvent" | "AgentErrorEvent":
            return f"← {told(event)}"
        case "UserRejectObservation":
            return f"← rejected: {plain(event.rejection_reason or '')}"
        case _:
            return ""


def _texts(message: Any) -> str:
    content = message.get("content") if isinstance(message, dict) else None
    parts = content if isinstance(content, list) else []
    return "\n".join(
        part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str)
    )


def _brief(value: Any) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    text = " ".join(plain(text).split())
    return text if len(text) <= _LINE_LENGTH else text[: _LINE_LENGTH - 1] + "…"
