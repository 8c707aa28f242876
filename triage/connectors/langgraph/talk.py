"""A thread's messages as an operator reads them."""

from __future__ import annotations

from typing import Any

import msgspec

from triage.connectors.langgraph.shapes import call_line
from triage.model.item import Message

__all__ = ["messages"]

_ROLES = {"human": "user", "ai": "assistant"}


def messages(raw: Any) -> tuple[Message, ...]:
    """The turns in ``values.messages``; what is no message is shown as its JSON."""
    return tuple(_message(one) for one in raw) if isinstance(raw, list) else ()


def _message(raw: Any) -> Message:
    if not isinstance(raw, dict):
        return Message(role="", text=_plain(raw))
    role = str(raw.get("type") or raw.get("role") or "")
    parts = [_plain(raw.get("content")), *(_call(call) for call in _list(raw.get("tool_calls")))]
    return Message(role=_ROLES.get(role, role), text="\n".join(part for part in parts if part))


def _call(call: Any) -> str:
    if isinstance(call, dict) and isinstance(call.get("name"), str):
        return "→ " + call_line(call["name"], call.get("args"))
    return "→ " + _plain(call)


def _plain(content: Any) -> str:
    """Text as it is; of a list of content blocks their texts; anything else as JSON."""
    if isinstance(content, str):
        return content
    if content is None:
        return ""
    if isinstance(content, list):
        return "\n".join(part for part in (_plain(_text_of(block)) for block in content) if part)
    return msgspec.json.encode(content).decode()


def _text_of(block: Any) -> Any:
    if isinstance(block, dict) and isinstance(block.get("text"), str):
        return block["text"]
    if isinstance(block, dict) and block.get("type") == "tool_use":
        return None
    return block


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
