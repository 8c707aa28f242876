"""What an agent of the demo asks, and what it does once that is decided."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import msgspec

__all__ = ["Act", "Failed", "Proposal", "Template", "World", "action", "option"]

World = dict[str, Any]
"""What an agent's decisions change: balances, deployed versions, sent mails. Plain JSON."""

Act = Callable[[World, Any], str]
"""Does one action with its arguments, changes the world, and says in a sentence what was done."""

Template = Callable[[random.Random], "Proposal"]
"""Makes one proposal, with names and amounts of its own."""


class Failed(Exception):
    """Acting did not work and changed nothing; the text says why."""


class Proposal(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing an agent asks. All but the last four members are served as they stand."""

    title: str
    kind: str = "approval"
    description: str = ""
    actions: list[dict[str, Any]] = []
    options: list[dict[str, Any]] = []
    many: bool = False
    answer_schema: dict[str, Any] | None = None
    verbs: tuple[str, ...] = ("approve", "edit", "reject")
    scopes: list[dict[str, Any]] = []
    risk: str | None = None
    context: dict[str, Any] | None = None
    url: str | None = None
    deadline_s: float | None = None
    """Seconds from its coming until it expires."""
    told: str = ""
    """What an answer leads to, with ``{answer}`` in it."""
    again: Callable[[], Proposal] | None = None
    """What is asked instead some time after a rejection."""
    slow: bool = False
    """Acting on it takes a while, so that it is seen to be on its way."""

    def served(self) -> dict[str, Any]:
        """The members an item shows."""
        shown: dict[str, Any] = msgspec.to_builtins(
            msgspec.structs.replace(self, deadline_s=None, told="", again=None, slow=False)
        )
        return shown | {"kind": self.kind, "verbs": self.verbs}


def action(
    name: str, schema: dict[str, Any] | None = None, about: str = "", /, **arguments: Any
) -> dict[str, Any]:
    """An action as the contract writes it."""
    made: dict[str, Any] = {"name": name, "arguments": arguments}
    if schema is not None:
        made["schema"] = schema
    if about:
        made["description"] = about
    return made


def option(label: str, value: Any, description: str = "") -> dict[str, Any]:
    """An option as the contract writes it."""
    return {"label": label, "value": value} | ({"description": description} if description else {})
