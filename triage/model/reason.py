"""A ready reason: a few words an operator picks by number, and the message an agent is sent for them."""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

__all__ = ["PLACEHOLDERS", "ReadyReason", "filled", "unknown_placeholders"]

PLACEHOLDERS = ("title", "agent", "action", "operator", "reason")
"""What may stand in a message between ``{`` and ``}``."""
_PIECE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


class ReadyReason(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One reason."""

    text: str
    """What the operator picks."""
    message: str = ""
    """What the agent is sent instead of the text. ``{title}``, ``{agent}``, ``{action}`` (the actions' names),
    ``{operator}`` and ``{reason}`` (the text) stand for those of the item decided; ``{{`` and ``}}`` are the
    signs themselves."""

    def sent(self, values: Mapping[str, str]) -> str:
        """What the agent is sent. ``values``: what ``PLACEHOLDERS`` but ``reason`` stand for."""
        return filled(self.message, {**values, "reason": self.text}) if self.message else self.text


def filled(template: str, values: Mapping[str, str]) -> str:
    """``template`` with its placeholders replaced, once: what is put in is never read as a template."""

    def fill(found: re.Match[str]) -> str:
        return values.get(found[1], found[0]) if found[1] is not None else found[0][0]

    return _PIECE.sub(fill, template)


def unknown_placeholders(template: str) -> list[str]:
    """What stands in braces and means nothing, as written."""
    found = _PIECE.finditer(template)
    return [each[0] for each in found if each[0] not in ("{{", "}}") and each[1] not in PLACEHOLDERS]
