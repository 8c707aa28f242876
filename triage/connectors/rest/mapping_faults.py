"""What is wrong with a mapping although every setting has its type: found before anything is asked."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Any

import msgspec

from triage.connectors.rest.expressions import fault_of_expression
from triage.connectors.rest.mapping import Asking, Fields, Listing, Mapping
from triage.connectors.rest.rows import is_among
from triage.connectors.rest.templates import RAW, fault_of_path, fault_of_template, placeholders
from triage.model.item import Verb

__all__ = ["Found", "faults_of_mapping"]

Found = tuple[tuple[str, ...], str]
"""The keys below the endpoint's table, and what is wrong there."""

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_PAGE = frozenset({"page.cursor", "page.offset", "page.number", "page.size"})
_ITEM = frozenset({"item.id", "item.version", "item.title", "item.agent", RAW})
_DECISION = frozenset({"decision.id", "decision.operator", "decision.at"})
_VERDICT = frozenset({"verdict.verb", "verdict.reason", "verdict.arguments", "verdict.answer", "verdicts"})
_PROOF = frozenset({"decision.id", "receipt.reference"})
_EXPRESSIONS = ("items", "next", "total", "item", "value", "reference", "state", "decision", "effect")
_CARRIES = {Verb.EDIT: "verdict.arguments", Verb.RESPOND: "verdict.answer"}
"""Verb → what must stand in its request, lest something else be done than was decided."""


def faults_of_mapping(mapping: Mapping) -> Iterator[Found]:
    """All of them, each with its keys below ``map``."""
    yield from _faults_of_listing(mapping.listing)
    yield from _faults_of_fields(mapping.fields)
    if mapping.read is not None:
        yield from _faults_of_asking(mapping.read, ("read",), _ITEM)
        if mapping.fields.state is None:
            yield ("read",), "needs `fields.state`: without it an item read again always seems to wait"
    if mapping.context is not None:
        yield from _faults_of_asking(mapping.context, ("context",), _ITEM)
    yield from _faults_of_verbs(mapping)
    yield from _faults_of_proof(mapping)


def _faults_of_asking(asking: Asking, where: tuple[str, ...], known: Collection[str]) -> Iterator[Found]:
    """What is wrong with one request: its path, its placeholders, its headers, its expressions."""
    for key in ("path", "query", "headers", "body"):
        if fault := fault_of_template(getattr(asking, key), known):
            yield (*where, key), fault
    if fault := fault_of_path(asking.path):
        yield (*where, "path"), fault
    for name in asking.headers:
        if not _HEADER_NAME.fullmatch(name):
            yield (*where, "headers", name), "cannot name a header"
    if asking.method == "GET" and asking.body is not None:
        yield (*where, "body"), "cannot go with a GET; set `method`"
    for key in _EXPRESSIONS:
        expression = getattr(asking, key, None)
        if isinstance(expression, str) and (fault := fault_of_expression(expression)):
            yield (*where, key), fault


def _faults_of_listing(listing: Listing) -> Iterator[Found]:
    yield from _faults_of_asking(listing, ("list",), _PAGE)
    follows = listing.paging in ("cursor", "url")
    if follows != (listing.next is not None):
        need = "needs `next` beside it" if follows else f"is {listing.paging!r}, which makes no use of `next`"
        yield ("list", "paging"), need
    wanted = {"cursor": "page.cursor", "offset": "page.offset", "page": "page.number"}.get(listing.paging)
    if wanted and wanted not in _used(listing):
        yield ("list", "paging"), f"needs {{{wanted}}} in the request, for instance in `query`"
    if listing.paging in ("url", "link-header") and listing.method != "GET":
        yield ("list", "paging"), f"is {listing.paging!r}, which goes with a GET only"


def _faults_of_fields(fields: Fields) -> Iterator[Found]:
    for name in fields.__struct_fields__:
        expression = getattr(fields, name)
        if expression is not None and (fault := fault_of_expression(expression)):
            yield ("fields", name), fault
    for name in ("actions", "arguments", "schema", "action_description"):
        if getattr(fields, name) is not None and fields.action is None:
            yield ("fields", name), "needs `action` beside it, which names what is proposed"


def _faults_of_verbs(mapping: Mapping) -> Iterator[Found]:
    if not mapping.verbs:
        yield ("verbs",), "needs a request for one verb at least: [….verbs.approve]"
    for verb, sending in mapping.verbs.items():
        where = ("verbs", verb)
        if verb not in set(Verb):
            yield where, f"is no verb; there are {', '.join(Verb)}"
            continue
        yield from _faults_of_asking(sending, where, _ITEM | _DECISION | _VERDICT)
        header = sending.idempotency_header
        if header is not None and not _HEADER_NAME.fullmatch(header):
            yield (*where, "idempotency_header"), "cannot name a header"
        carried = _CARRIES.get(Verb(verb))
        if carried and not {carried, "verdicts"} & _used(sending):
            yield where, f"sends {{{carried}}} nowhere, so that something else would be done than decided"


def _faults_of_proof(mapping: Mapping) -> Iterator[Found]:
    proof = mapping.proof
    yield from _faults_of_asking(proof, ("proof",), _ITEM | _PROOF)
    if not proof.path and mapping.read is None:
        yield ("proof",), "needs `path`, as there is no [….read] to ask instead"
    for verb in mapping.verbs:
        if not proof.done.get(verb):
            yield ("proof", "done"), f"needs `{verb}`: the values that prove it took effect"
    for verb in proof.done:
        if verb not in mapping.verbs:
            yield ("proof", "done", verb), "has no request in [….verbs]"
    yield from _contradictions(mapping)
    for verb, sending in mapping.verbs.items():
        if proof.decision and sending.idempotency_header is None and "decision.id" not in _used(sending):
            yield ("proof", "decision"), f"cannot be ours: verbs.{verb} sends {{decision.id}} nowhere"
        if "receipt.reference" in _used(proof) and sending.reference is None:
            yield ("verbs", verb), "needs `reference`, which [….proof] asks for as {receipt.reference}"


def _contradictions(mapping: Mapping) -> Iterator[Found]:
    """Values that are said to mean two things."""
    proof = mapping.proof
    meanings: dict[str, list[Any]] = {"proof.pending": proof.pending, "proof.refused": proof.refused}
    if not proof.path:
        meanings["waiting"] = mapping.waiting
    for verb, done in proof.done.items():
        for value in done:
            for other, values in meanings.items():
                if is_among(value, values):
                    shown = msgspec.json.encode(value).decode()
                    yield ("proof", "done", verb), f"holds {shown}, which {other} holds too"


def _used(asking: Asking) -> set[str]:
    return set(placeholders([asking.path, asking.query, asking.headers, asking.body]))
