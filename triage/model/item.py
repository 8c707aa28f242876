"""An item: one thing that waits for a person's judgment, and the revision that pins what was asked.

Everything here is frozen. Times are aware and in UTC. JSON values are plain Python values
as ``msgspec.json.decode`` gives them: whole numbers stay ``int`` at any size, ``1.0`` stays ``float``.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any

import msgspec

__all__ = [
    "Action",
    "Context",
    "Gone",
    "Item",
    "ItemKind",
    "Message",
    "Option",
    "Risk",
    "Scope",
    "Verb",
    "item_id",
]

_ID_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u
_ID_LENGTH = 12
_REVISION_BYTES = 16


class Verb(StrEnum):
    """What an operator may do with an item."""

    APPROVE = "approve"
    EDIT = "edit"
    REJECT = "reject"
    RESPOND = "respond"
    IGNORE = "ignore"
    CLOSE = "close"


class ItemKind(StrEnum):
    """What sort of judgment is wanted."""

    APPROVAL = "approval"
    """A proposed action, or several."""
    QUESTION = "question"
    """Wants an answer."""
    EXTERNAL = "external"
    """Can only be settled elsewhere: a sign-in, a stuck run."""


class Risk(StrEnum):
    """How much harm a wrong decision does, as the agent hints or a rule says."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Action(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an item proposes to do."""

    name: str
    arguments: Any = None
    """Usually an object; whatever JSON value the agent sent."""
    schema: dict[str, Any] | None = None
    """JSON Schema of the arguments, where known."""
    verbs: tuple[Verb, ...] | None = None
    """What may be done with this action alone; None: what the item says."""
    description: str = ""


class Option(msgspec.Struct, frozen=True, omit_defaults=True):
    """One of the answers an agent offers, picked by its number."""

    label: str
    value: Any
    """The answer that is sent, as JSON."""
    description: str = ""


class Scope(msgspec.Struct, frozen=True, omit_defaults=True):
    """A wider grant an endpoint offers beside "just this once". Never the default."""

    name: str
    """What goes into a verdict's ``scope``, for instance ``always``."""
    description: str
    """Exactly what it would allow, for instance the command pattern."""
    verbs: tuple[Verb, ...] = (Verb.APPROVE,)


class Item(msgspec.Struct, frozen=True, omit_defaults=True, dict=True):
    """One thing that waits for judgment at one endpoint."""

    endpoint: str
    """Name of the configured endpoint it waits at."""
    key: str
    """What names this question at its endpoint for good; opaque but to its connector.
    A question asked again has another key."""
    kind: ItemKind
    title: str
    """One line that says what is wanted. The agent's own text: see ``safe_text``."""
    verbs: tuple[Verb, ...]
    agent: str = ""
    description: str = ""
    actions: tuple[Action, ...] = ()
    options: tuple[Option, ...] = ()
    answer_schema: dict[str, Any] | None = None
    """JSON Schema of an answer, where one is wanted and its shape is known."""
    scopes: tuple[Scope, ...] = ()
    many: bool = False
    """More than one of ``options`` may be chosen; the answer is then the list of their values."""
    created_at: datetime | None = None
    expires_at: datetime | None = None
    risk: Risk | None = None
    """The agent's own hint."""
    url: str | None = None
    """The item's page at its endpoint, for a browser."""
    refusals: dict[str, str] = {}
    """Verb (or "scope") → why this endpoint does not take it, in words."""
    warnings: dict[str, str] = {}
    """Verb → what else it would do, said before it is done."""
    repair: str | None = None
    """What ``Connector.repair`` would do about it; None: nothing to repair."""
    locator: dict[str, Any] = {}
    """What the connector needs to answer it: thread, run, request ids."""
    raw: Any = None
    """The item as the endpoint sent it."""

    @cached_property
    def id(self) -> str:
        """Short and stable over restarts: 12 characters, a digest of endpoint and key."""
        return item_id(self.endpoint, self.key)

    @cached_property
    def revision(self) -> str:
        """Digest of what is asked of the operator: 32 hexadecimal digits.

        Covers kind, title, description, actions, options, verbs, scopes, answer schema and
        deadline; not clocks, context, locator or the raw item. 1 and 1.0 differ.
        """
        asked = (
            self.kind,
            self.title,
            self.description,
            self.actions,
            self.options,
            self.many,
            self.verbs,
            self.scopes,
            self.answer_schema,
            self.expires_at,
        )
        encoded = msgspec.json.encode(asked, order="deterministic")
        return hashlib.sha256(encoded).hexdigest()[: 2 * _REVISION_BYTES]

    def verbs_of(self, index: int) -> tuple[Verb, ...]:
        """What may be done with the action at ``index``."""
        own = self.actions[index].verbs if index < len(self.actions) else None
        return self.verbs if own is None else own


class Gone(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an endpoint says of an item that no longer waits."""

    reason: str
    """``answered``, ``expired``, ``deleted`` or ``not known``."""
    detail: str = ""


class Message(msgspec.Struct, frozen=True, omit_defaults=True):
    """One turn of what led to an item."""

    role: str
    text: str
    at: datetime | None = None


class Context(msgspec.Struct, frozen=True, omit_defaults=True):
    """What led to an item: asked for when it is opened, never part of its revision."""

    messages: tuple[Message, ...] = ()
    state: Any = None
    """The agent's state as JSON, where the endpoint shows it."""


def item_id(endpoint: str, key: str) -> str:
    """The id of the item ``key`` at ``endpoint``: 12 characters of base 32 (60 bits)."""
    digest = hashlib.sha256(f"{endpoint}\0{key}".encode("utf-8", "surrogatepass")).digest()
    number = int.from_bytes(digest[:8], "big") >> 4
    letters = []
    for _ in range(_ID_LENGTH):
        number, rest = divmod(number, 32)
        letters.append(_ID_ALPHABET[rest])
    return "".join(reversed(letters))
