"""A session's messages as an operator reads them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from triage.connectors.opencode.api import Turn
from triage.model.item import Message

__all__ = ["messages"]

_LINE_LENGTH = 400


def messages(turns: Sequence[Turn]) -> tuple[Message, ...]:
    """The turns that say something: texts, and tool calls with what came of them."""
    read = (Message(str(turn.info.get("role") or ""), _said(turn.parts), turn.at) for turn in turns)
    return tuple(message for message in read if message.text)


def _said(parts: Sequence[dict[str, Any]]) -> str:
    return "\n".join(text for part in parts if (text := _part(part)))


def _part(part: dict[str, Any]) -> str:
    if part.get("type") == "text" and isinstance(part.get("text"), str):
        return str(part["text"]).strip()
    if part.get("type") != "tool":
        return ""
    state = part.get("state")
    state = state if isinstance(state, dict) else {}
    line = f"→ {part.get('tool')}({_brief(state.get('input'))}) {state.get('status', '')}".rstrip()
    came = state.get("error") or state.get("output")
    return f"{line}: {_brief(came)}" if came else line


def _brief(value: Any) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    text = " ".join(text.split())
    return text if len(text) <= _LINE_LENGTH else text[: _LINE_LENGTH - 1] + "…"
