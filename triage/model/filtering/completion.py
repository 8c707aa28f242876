"""What could be written next in a filter, from its grammar and the items at hand."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import islice

import msgspec

from triage.model.decision import DeliveryState
from triage.model.filtering.terms import FIELDS, STATES
from triage.model.item import Item, ItemKind, Risk, Verb

__all__ = ["Suggestion", "complete"]

_PIECE = re.compile(r"[^\s()]*\Z")
_PLAIN = re.compile(r"[^\s()\"',*]+")
_OPERATOR = {"age": ">", "due": "<"}
_MAX_ITEMS = 2000
_FIXED: dict[str, Iterable[str]] = {
    "kind": ItemKind,
    "verb": Verb,
    "risk": [*reversed(Risk), "none"],
    "state": [*DeliveryState, "none"],
    "is": STATES,
}
_OF_ITEM: dict[str, Callable[[Item], Iterable[str]]] = {
    "endpoint": lambda item: [item.endpoint],
    "agent": lambda item: [item.agent],
    "action": lambda item: [action.name for action in item.actions],
}
_LENGTHS = ("10m", "1h", "1d")


class Suggestion(msgspec.Struct, frozen=True):
    """One way to go on: put ``text`` in the place of ``start`` to ``end``."""

    start: int
    end: int
    text: str


def complete(text: str, cursor: int, items: Iterable[Item], limit: int = 20) -> list[Suggestion]:
    """How the word before ``cursor`` can go on, commonest values first."""
    found = _PIECE.search(text[:cursor])
    piece = found.group() if found else ""
    start = cursor - len(piece)
    if piece.startswith("-"):
        piece, start = piece[1:], start + 1
    whole = islice(_candidates(piece, islice(items, _MAX_ITEMS)), limit)
    return [Suggestion(start, cursor, candidate) for candidate in whole if candidate != piece]


def _candidates(piece: str, items: Iterable[Item]) -> Iterator[str]:
    field, sign, begun = _divided(piece)
    if not sign:
        names = [*(name + _OPERATOR.get(name, ":") for name in FIELDS), *_argument_names(items)]
        yield from (name for name in names if name.casefold().startswith(piece.casefold()))
        return
    for value in _values(field, items):
        if value.casefold().startswith(begun.casefold()):
            yield f"{field}{sign}{_quoted(value)}"


def _divided(piece: str) -> tuple[str, str, str]:
    for at, char in enumerate(piece):
        if char in ":<>=":
            end = at + 2 if piece[at + 1 : at + 2] == "=" else at + 1
            return piece[:at], piece[at:end], piece[end:].lstrip("\"'")
    return piece, "", ""


def _values(field: str, items: Iterable[Item]) -> Iterable[str]:
    name = field.casefold()
    if name in _OPERATOR:
        return _LENGTHS
    if name in _FIXED:
        return _FIXED[name]
    if name in _OF_ITEM:
        counts = Counter(value for item in items for value in _OF_ITEM[name](item) if value)
        return [value for value, _ in counts.most_common()]
    return ()


def _argument_names(items: Iterable[Item]) -> list[str]:
    counts = Counter(
        key
        for item in items
        for action in item.actions
        if isinstance(action.arguments, dict)
        for key in action.arguments
        if re.fullmatch(r"[\w-]+", key)
    )
    return [f"args.{key}" for key, _ in counts.most_common()]


def _quoted(value: str) -> str:
    if _PLAIN.fullmatch(value):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
