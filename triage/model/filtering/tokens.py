"""The words, fields, signs and brackets of a filter, each with its place in the text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum

import msgspec

from triage.model.filtering.faults import FilterFault

__all__ = ["OPERATORS", "Sign", "Token", "tokens"]

OPERATORS = (">=", "<=", "!=", ":", ">", "<", "=")
_FIELD = re.compile(r"(?P<field>[^\W\d][\w.\[\]*-]*)(?P<operator>>=|<=|!=|:|>|<|=)")
_KEYWORDS = frozenset({"and", "or", "not"})


class Sign(StrEnum):
    """What a token is."""

    WORD = "word"
    TERM = "term"
    AND = "and"
    OR = "or"
    NOT = "not"
    OPEN = "("
    CLOSE = ")"


class Token(msgspec.Struct, frozen=True):
    """One token; ``start`` and ``end`` are its place in the text."""

    sign: Sign
    start: int
    end: int
    value: str = ""
    """The word, or what stands after the field's operator, without quotes."""
    field: str = ""
    operator: str = ""
    value_at: int = 0
    quoted: bool = False


def tokens(text: str) -> Iterator[Token]:
    """The tokens of ``text``. Raises FilterFault for a quote that is not closed."""
    at = 0
    while at < len(text):
        char = text[at]
        if char.isspace():
            at += 1
            continue
        token = _token(text, at)
        yield token
        at = token.end


def _token(text: str, at: int) -> Token:
    char = text[at]
    if char in "()":
        return Token(Sign(char), at, at + 1, char)
    if char == "-" and at + 1 < len(text) and not text[at + 1].isspace():
        return Token(Sign.NOT, at, at + 1, char)
    if field := _FIELD.match(text, at):
        value, end, quoted = _value(text, field.end())
        return Token(Sign.TERM, at, end, value, field["field"], field["operator"], field.end(), quoted)
    value, end, quoted = _value(text, at)
    if not quoted and value.casefold() in _KEYWORDS:
        return Token(Sign(value.casefold()), at, end, value)
    return Token(Sign.WORD, at, end, value, value_at=at, quoted=quoted)


def _value(text: str, at: int) -> tuple[str, int, bool]:
    """The value that begins at ``at``, where it ends, and whether it stood in quotes."""
    if at < len(text) and text[at] in "\"'":
        return _quoted(text, at)
    end, depth = at, 0
    while end < len(text) and not text[end].isspace():
        if text[end] == ")":
            if depth == 0:
                break
            depth -= 1
        depth += text[end] == "("
        end += 1
    return text[at:end], end, False


def _quoted(text: str, at: int) -> tuple[str, int, bool]:
    quote, end, letters = text[at], at + 1, []
    while end < len(text) and text[end] != quote:
        if text[end] == "\\" and end + 1 < len(text):
            end += 1
        letters.append(text[end])
        end += 1
    if end >= len(text):
        raise FilterFault(at, len(text) - at, "this quote is not closed", f"end it with {quote}")
    return "".join(letters), end + 1, True
