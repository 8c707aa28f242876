"""From a line of text to a filter: ``or`` of terms that must all hold, ``not``, brackets."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from triage.model.filtering.faults import FilterError, FilterFault
from triage.model.filtering.subject import Subject
from triage.model.filtering.terms import TIMED, Test, term_test, word_test
from triage.model.filtering.tokens import Sign, Token, tokens

__all__ = ["Filter", "compile"]

_NONE: Mapping[str, str] = MappingProxyType({})
_MAX_LENGTH = 4000
_COMPARISONS = ("<", ">", "=", "!=")
_MAX_DEPTH = 50


class Filter(msgspec.Struct, frozen=True):
    """A filter that can be asked of one subject after the other."""

    text: str
    test: Test
    fields: frozenset[str] = frozenset()
    """The fields it looks at, in lower case."""

    @property
    def timed(self) -> bool:
        """Whether its answers change as time passes."""
        return not self.fields.isdisjoint(TIMED)

    def matches(self, subject: Subject) -> bool:
        """Whether ``subject`` is meant."""
        return self.test(subject)

    def __bool__(self) -> bool:
        """False for the empty filter, which every subject matches."""
        return bool(self.text.strip())


def compile(text: str, saved: Mapping[str, str] = _NONE) -> Filter | FilterError:
    """The filter ``text`` means, or what is wrong with it.

    Args:
        saved: name → filter, for ``filter:NAME``.
    """
    try:
        if len(text) > _MAX_LENGTH:
            raise FilterFault(_MAX_LENGTH, 1, f"a filter has at most {_MAX_LENGTH} characters")
        parser = _Parser(text, saved, ())
        return Filter(text, parser.whole(), frozenset(parser.fields))
    except FilterFault as fault:
        return fault.error


class _Parser:
    """Reads tokens from left to right; each method reads one shape and returns its test."""

    def __init__(self, text: str, saved: Mapping[str, str], within: tuple[str, ...]) -> None:
        self.fields: set[str] = set()
        self._tokens = list(tokens(text))
        self._next = 0
        self._depth = 0
        self._saved = saved
        self._within = within
        """The saved filters this text is part of."""

    def whole(self) -> Test:
        if not self._tokens:
            return lambda subject: True
        test = self._either()
        if extra := self._peek():
            raise FilterFault(extra.start, 1, "nothing was opened that this ) closes", "take it out")
        return test

    def _either(self) -> Test:
        tests = [self._all()]
        while self._take(Sign.OR):
            tests.append(self._all())
        return tests[0] if len(tests) == 1 else lambda subject: any(test(subject) for test in tests)

    def _all(self) -> Test:
        tests = [self._one()]
        while (token := self._peek()) and token.sign not in (Sign.OR, Sign.CLOSE):
            self._take(Sign.AND)
            tests.append(self._one())
        if len(tests) == 1:
            return tests[0]
        if len(tests) == 2:
            first, second = tests
            return lambda subject: first(subject) and second(subject)
        return lambda subject: all(test(subject) for test in tests)

    def _one(self) -> Test:
        token = self._peek()
        if token is None or token.sign in (Sign.OR, Sign.AND, Sign.CLOSE):
            raise self._missing(token)
        self._next += 1
        if token.sign is Sign.NOT:
            inner = self._deeper(token, closed=False)
            return lambda subject: not inner(subject)
        if token.sign is Sign.OPEN:
            return self._deeper(token, closed=True)
        if token.sign is Sign.WORD:
            return self._word(token)
        return self._term(token)

    def _word(self, token: Token) -> Test:
        if not token.quoted and token.value.startswith(_COMPARISONS):
            hint = f'write it without spaces, as in amount>100; in quotes, "{token.value}" is the text itself'
            raise FilterFault(token.start, token.end - token.start, "nothing is compared here", hint)
        return word_test(token.value)

    def _deeper(self, token: Token, *, closed: bool) -> Test:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise FilterFault(token.start, 1, f"nested more than {_MAX_DEPTH} deep", "use fewer brackets")
        test = self._either() if closed else self._one()
        if closed and not self._take(Sign.CLOSE):
            raise FilterFault(token.start, 1, "this ( is not closed", "end it with )")
        self._depth -= 1
        return test

    def _term(self, token: Token) -> Test:
        self.fields.add(token.field.casefold())
        if token.field.casefold() == "filter" and token.operator in (":", "="):
            return self._saved_filter(token)
        return term_test(token)

    def _saved_filter(self, token: Token) -> Test:
        name, length = token.value, token.end - token.start
        if name not in self._saved:
            known = ", ".join(self._saved) or "none yet; they stand under [filters] in the configuration"
            raise FilterFault(token.start, length, f"there is no filter `{name}`", f"there are {known}")
        if name in self._within:
            raise FilterFault(token.start, length, f"the filter `{name}` calls itself")
        try:
            parser = _Parser(self._saved[name], self._saved, (*self._within, name))
            test = parser.whole()
        except FilterFault as fault:
            message = f"the filter `{name}` is wrong: {fault.error.message}"
            raise FilterFault(token.start, length, message, fault.error.hint) from fault
        self.fields |= parser.fields
        return test

    def _missing(self, token: Token | None) -> FilterFault:
        """The fault of a place where a term should stand."""
        before = self._tokens[self._next - 1] if self._next else None
        at = token or before
        start, length = (at.start, at.end - at.start) if at else (0, 1)
        if before and before.sign is not Sign.OPEN:
            return FilterFault(
                before.start, before.end - before.start, f"nothing stands after {before.value}"
            )
        if token and token.sign in (Sign.OR, Sign.AND):
            hint = f'to look for the word, write "{token.value}"'
            return FilterFault(start, length, f"nothing stands before {token.value}", hint)
        if before:
            return FilterFault(before.start, before.end - before.start, "nothing stands in these brackets")
        return FilterFault(start, length, "nothing was opened that this ) closes", "take it out")

    def _peek(self) -> Token | None:
        return self._tokens[self._next] if self._next < len(self._tokens) else None

    def _take(self, sign: Sign) -> bool:
        token = self._peek()
        if token is None or token.sign is not sign:
            return False
        self._next += 1
        return True
