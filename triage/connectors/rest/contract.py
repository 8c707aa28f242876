"""The contract, version 1: the documents an agent serves, read strictly and turned into items.

Defined in ``docs/contract.md`` and ``docs/openapi.yaml``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any

import msgspec

from triage.model.item import Action, Context, Gone, Item, ItemKind, Message, Option, Risk, Scope, Verb

__all__ = [
    "CONTRACT",
    "DecisionDocument",
    "Malformed",
    "Page",
    "Root",
    "Standing",
    "State",
    "brief",
    "gone",
    "named",
    "read_context",
    "read_item",
]

CONTRACT = 1
"""Version of the contract spoken here."""
CLOCK_TOLERANCE = timedelta(minutes=5)
"""How far an agent's clock may be ahead of ours before it is called wrong."""
_EFFECT_CHARS = 2000


class State(StrEnum):
    """Where an item stands at its agent."""

    PENDING = "pending"
    """It waits for a decision."""
    DECIDED = "decided"
    """A decision was taken; acting on it is not over."""
    DONE = "done"
    """The decision took effect; ``result`` says how."""
    FAILED = "failed"
    """The decision was taken, but nothing came of it and nothing was changed; ``result`` says why."""
    UNCLEAR = "unclear"
    """The decision was taken, and the agent cannot tell what came of it; ``result`` says what it knows."""
    EXPIRED = "expired"
    """Its time ran out with no decision taken."""
    WITHDRAWN = "withdrawn"
    """The agent no longer asks; no decision was taken."""


class Root(msgspec.Struct, frozen=True):
    """``GET {url}``: who serves here, and which contract."""

    triage_contract: int
    name: str = ""
    version: str = ""


class Page(msgspec.Struct, frozen=True):
    """``GET {url}/items``: one page of what waits."""

    items: msgspec.Raw
    """A list of items, each read by itself."""
    next: str | None = None


class DecisionDocument(msgspec.Struct, frozen=True):
    """The decision that stands for an item."""

    decision_id: str
    operator: str = ""
    at: datetime | None = None
    verdicts: tuple[dict[str, Any], ...] = ()

    @property
    def words(self) -> str:
        """Who decided what: ``kim (approve)``."""
        verbs = ", ".join(dict.fromkeys(str(verdict.get("verb", "?")) for verdict in self.verdicts))
        return (self.operator or "somebody else") + (f" ({verbs})" if verbs else "")


class Standing(msgspec.Struct, frozen=True):
    """The part of ``GET {url}/items/{id}`` that tells what became of an item."""

    state: State = State.PENDING
    decision: DecisionDocument | None = None
    result: Any = None

    @property
    def effect(self) -> str:
        """``result`` as text."""
        return brief(self.result)


class Malformed(ValueError):
    """An item that cannot be shown as it is; the text says why."""


class _ItemDocument(msgspec.Struct, frozen=True):
    """The members of an item that say what is asked: with one of them wrong it is not shown."""

    id: Annotated[str, msgspec.Meta(min_length=1, max_length=512)]
    version: str
    title: str
    kind: ItemKind
    description: str = ""
    actions: tuple[Action, ...] = ()
    options: tuple[Option, ...] = ()
    many: bool = False
    answer_schema: dict[str, Any] | None = None
    verbs: tuple[str, ...] | None = None
    scopes: tuple[Scope, ...] = ()
    expires_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    state: State = State.PENDING


_VERBS = frozenset(Verb)
_DEFAULT_VERBS = {
    ItemKind.APPROVAL: (Verb.APPROVE, Verb.REJECT),
    ItemKind.QUESTION: (Verb.RESPOND,),
    ItemKind.EXTERNAL: (),
}


def read_item(endpoint: str, raw: Any, now: datetime) -> tuple[Item, list[str]]:
    """The item ``raw`` describes, and what of its lesser members had to be left out, a sentence each.

    Raises Malformed when what is asked cannot be told with certainty.
    """
    if not isinstance(raw, dict):
        raise Malformed("it is not a JSON object")
    known = {name: value for name, value in raw.items() if value is not None}
    try:
        document = msgspec.convert(known, _ItemDocument)
    except msgspec.ValidationError as error:
        raise Malformed(str(error)) from error
    problems: list[str] = []
    item = Item(
        endpoint=endpoint,
        key=document.id,
        kind=document.kind,
        title=document.title,
        verbs=_verbs(document, problems),
        description=document.description,
        actions=document.actions,
        options=document.options,
        answer_schema=document.answer_schema,
        scopes=document.scopes,
        many=document.many,
        expires_at=_in_utc(document.expires_at) if document.expires_at else None,
        agent=_lesser(known, "agent", str, problems) or "",
        created_at=_created_at(known, now, problems),
        risk=_lesser(known, "risk", Risk, problems),
        url=_link(known, problems),
        locator={"version": document.version},
        raw={name: value for name, value in raw.items() if name != "context"},
    )
    return item, problems


def read_context(raw: Any) -> Context:
    """What led to an item, from its ``context``; what has no known shape is shown as the agent's state."""
    if raw is None:
        return Context()
    if not isinstance(raw, Mapping) or "messages" not in raw:
        return Context(state=raw)
    try:
        messages = msgspec.convert(raw["messages"], tuple[Message, ...])
    except msgspec.ValidationError:
        return Context(state=raw)
    return Context(messages=messages, state=raw.get("state"))


def gone(standing: Standing) -> Gone:
    """What became of an item that no longer waits."""
    if standing.decision:
        return Gone("answered", f"decided by {standing.decision.words}")
    if standing.state is State.EXPIRED:
        return Gone("expired", standing.effect)
    if standing.state is State.WITHDRAWN:
        return Gone("deleted", standing.effect or "the agent no longer asks")
    return Gone("answered", standing.effect)


def named(raw: Any, position: int) -> str:
    """How to speak of an item that cannot be read."""
    name = raw.get("id") if isinstance(raw, dict) else None
    return f"item {name[:80]}" if isinstance(name, str) and name else f"item number {position}"


def brief(value: Any) -> str:
    """A JSON value as one text of bearable length; empty for null."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= _EFFECT_CHARS else text[: _EFFECT_CHARS - 1] + "…"


def _verbs(document: _ItemDocument, problems: list[str]) -> tuple[Verb, ...]:
    if document.verbs is None:
        return _DEFAULT_VERBS[document.kind]
    known: list[Verb] = []
    for name in dict.fromkeys(document.verbs):
        if name in _VERBS:
            known.append(Verb(name))
        else:
            problems.append(f"it offers {name[:40]!r}, which is no verb of the contract")
    if document.verbs and not known:
        raise Malformed("it offers no verb of the contract")
    return tuple(known)


def _lesser(raw: dict[str, Any], name: str, shape: Callable[..., Any], problems: list[str]) -> Any:
    """A member that is left out with a problem, rather than its item, when it is wrong."""
    if name not in raw:
        return None
    try:
        return msgspec.convert(raw[name], shape)
    except msgspec.ValidationError as error:
        problems.append(f"its {name} is left out: {error}")
        return None


def _created_at(raw: dict[str, Any], now: datetime, problems: list[str]) -> datetime | None:
    shape: Any = Annotated[datetime, msgspec.Meta(tz=True)]
    found: datetime | None = _lesser(raw, "created_at", shape, problems)
    if found is None:
        return None
    try:
        found = _in_utc(found)
    except Malformed as error:
        problems.append(f"its created_at is left out: {error}")
        return None
    if found > now + CLOCK_TOLERANCE:
        problems.append(f"its created_at lies in the future ({raw['created_at']}): check the agent's clock")
        return None
    return found


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise Malformed(f"{moment.isoformat()} is no moment of the calendar in UTC") from error


def _link(raw: dict[str, Any], problems: list[str]) -> str | None:
    found: str | None = _lesser(raw, "url", str, problems)
    if found is not None and not found.lower().startswith(("http://", "https://")):
        problems.append("its url is left out: only http and https links are opened")
        return None
    return found
