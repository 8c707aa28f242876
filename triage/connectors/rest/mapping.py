"""A mapping: how any JSON API is asked and answered, in settings alone (``[endpoints.NAME.map]``).

Expressions are JMESPath. Paths, queries, headers and bodies may hold placeholders such as ``{item.id}``;
a text that is one placeholder and nothing else keeps the value's JSON type. See ``docs/mapping.md``.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

__all__ = ["Asking", "Background", "Fields", "Listing", "Mapping", "Paging", "Proof", "Reading", "Sending"]

REFUSING = (400, 401, 403, 405, 406, 413, 415, 422, 429)
"""Statuses that no request brings which was acted on when it came before."""

Paging = Literal["none", "cursor", "url", "link-header", "offset", "page"]


class Asking(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One request to the API."""

    path: str
    """Below the endpoint's URL, without a query."""
    method: str = "GET"
    query: dict[str, Any] = {}
    """Query parameters; one whose placeholder has nothing to put in is left out."""
    headers: dict[str, str] = {}
    """Request headers beside the endpoint's own."""
    body: Any = None
    """JSON body; a member whose placeholder has nothing to put in is left out."""


class Listing(Asking, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The request that lists what waits. Placeholders: ``{page.cursor}``, ``{page.offset}``,
    ``{page.number}``, ``{page.size}``."""

    method: Literal["GET", "POST"] = "GET"
    items: str = "@"
    """Expression over the reply: the list of items."""
    paging: Paging = "none"
    """How the next page is asked for: ``cursor`` (sent back as ``{page.cursor}``), ``url`` (the reply
    holds the next page's URL), ``link-header`` (rel="next"), ``offset`` or ``page`` (counted here)."""
    next: str | None = None
    """Expression over the reply: the next cursor or URL; null, false or empty at the end."""
    first_page: int = 1
    """Number of the first page, for ``paging = "page"``."""
    total: str | None = None
    """Expression over the reply: how many items there are in all, for ``offset``. Without it the end is
    an empty page."""


class Fields(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Expressions over one item as the API lists it. What gives null is left out."""

    id: str
    """What names it for good: text or a whole number."""
    title: str
    """One line that says what is wanted."""
    version: str | None = None
    """What changes whenever the question does; for ``{item.version}``."""
    kind: str | None = None
    """``approval``, ``question`` or ``external``; without it every item is an approval."""
    agent: str | None = None
    description: str | None = None
    actions: str | None = None
    """The list of actions, where one item can hold several; the next four then apply to each of them."""
    action: str | None = None
    """Name of what is proposed to be done."""
    arguments: str | None = None
    """The proposed action's arguments, any JSON value."""
    schema: str | None = None
    """JSON Schema of the arguments."""
    action_description: str | None = None
    options: str | None = None
    """Answers to choose from: texts, or objects with ``label``, ``value`` and ``description``."""
    many: str | None = None
    """Whether several options may be chosen."""
    answer_schema: str | None = None
    """JSON Schema of an answer."""
    verbs: str | None = None
    """Which verbs this item takes, in triage's own words; without it all that are mapped and fit."""
    risk: str | None = None
    """``low``, ``medium`` or ``high``."""
    url: str | None = None
    """The item's page for a browser."""
    created_at: str | None = None
    """ISO 8601 (UTC where no zone is said), or seconds or milliseconds since 1970."""
    expires_at: str | None = None
    """As ``created_at``."""
    state: str | None = None
    """Where it stands; it waits while this is one of ``map.waiting``."""


class Reading(Asking, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The request that reads one item again. Placeholders: ``{item.id}``, ``{item.version}``,
    ``{item.title}``, ``{item.agent}``, ``{item.raw.EXPRESSION}``."""

    method: Literal["GET", "POST"] = "GET"
    item: str = "@"
    """Expression over the reply: the item, of the same shape as in the list."""


class Background(Asking, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The request for what led to an item. Placeholders as for ``map.read``."""

    method: Literal["GET", "POST"] = "GET"
    value: str = "@"
    """Expression over the reply: ``messages``, each with ``role`` and ``text``, and ``state``; anything
    else is shown as it is."""


class Sending(Asking, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The request that carries one verb. Placeholders: those of ``map.read``, ``{decision.id}``,
    ``{decision.operator}``, ``{decision.at}``, ``{verdict.verb}``, ``{verdict.reason}``,
    ``{verdict.arguments}`` (edited, or else as proposed), ``{verdict.answer}``, ``{verdicts}`` (all)."""

    method: Literal["POST", "PUT", "PATCH", "DELETE"] = "POST"
    idempotency_header: str | None = None
    """Header that carries the decision's id, where the API takes one."""
    refused: list[int] = msgspec.field(default_factory=lambda: list(REFUSING))
    """Statuses that mean for certain that nothing was done. What another error means is asked of the
    proof: 404 or 409, for one, may only say that our own request came twice."""
    reference: str | None = None
    """Expression over the reply: what the proof needs to find it again; for ``{receipt.reference}``."""


class Proof(Asking, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The request that shows what came of a decision. Placeholders: those of ``map.read``,
    ``{decision.id}``, ``{receipt.reference}``. Without a path, ``map.read`` is asked."""

    path: str = ""
    method: Literal["GET", "POST"] = "GET"
    state: str
    """Expression over the reply: where the item, or what was started, stands."""
    done: dict[str, list[Any]]
    """Verb → the values of ``state`` that prove it took effect."""
    pending: list[Any] = []
    """Values of ``state`` that mean it arrived and is still at work."""
    refused: list[Any] = []
    """Values of ``state`` that mean it was turned down or failed, and changed nothing."""
    missing: str | None = None
    """Value to take for ``state`` when the reply is 404 or 410."""
    decision: str | None = None
    """Expression over the reply: the id of the decision that stands, where the API keeps the one it was
    sent. Without it a decision whose reply was lost stays unknown: the state alone tells not whose it is."""
    effect: str | None = None
    """Expression over the reply: what was done, for the operator."""


class Mapping(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a JSON API is asked and answered."""

    listing: Listing = msgspec.field(name="list")
    """The request that lists what waits."""
    fields: Fields
    """Where an item's parts are."""
    verbs: dict[str, Sending]
    """Verb → the request that carries it."""
    proof: Proof
    """What proves that a decision took effect."""
    waiting: list[Any] = msgspec.field(default_factory=lambda: ["pending"])
    """Values of ``fields.state`` that mean it waits."""
    read: Reading | None = None
    """The request that reads one item again; without it the whole list is read for one item."""
    context: Background | None = None
    """The request for what led to an item."""
