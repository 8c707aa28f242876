"""What each field of the filter language means: a term becomes a test of one subject."""

from __future__ import annotations

import difflib
import operator
import re
from collections.abc import Callable, Collection
from datetime import timedelta
from fnmatch import translate

from triage.model.decision import DeliveryState
from triage.model.filtering.arguments import argument_test
from triage.model.filtering.faults import FilterFault
from triage.model.filtering.subject import Subject, haystack
from triage.model.filtering.tokens import Token
from triage.model.item import ItemKind, Risk, Verb

__all__ = ["FIELDS", "OF_DECISION", "STATES", "TIMED", "Test", "term_test", "word_test"]

Test = Callable[[Subject], bool]

_COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
    "=": operator.eq,
    ":": operator.eq,
    "!=": operator.ne,
}
_RANKS = {"none": 0, Risk.LOW.value: 1, Risk.MEDIUM.value: 2, Risk.HIGH.value: 3}
_UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, "w": 604800}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(min|[smhdw])")
_MAX_S = timedelta(days=36500).total_seconds()

STATES: dict[str, Test] = {
    "claimed": lambda subject: bool(subject.claimed_by),
    "mine": lambda subject: bool(subject.claimed_by) and subject.claimed_by == subject.operator,
    "snoozed": lambda subject: subject.snoozed,
    "escalated": lambda subject: subject.escalated,
    "new": lambda subject: subject.new,
    "changed": lambda subject: subject.changed,
    "gone": lambda subject: subject.gone,
    "decided": lambda subject: subject.decided,
    "waiting": lambda subject: subject.waiting,
}
"""What may stand after ``is:``."""


def word_test(word: str) -> Test:
    """Whether ``word`` is in title, agent, actions or arguments."""
    needle = word.casefold()
    return lambda subject: needle in haystack(subject.item)


def term_test(token: Token) -> Test:
    """The test that ``field operator value`` stands for. Raises FilterFault."""
    name = token.field.casefold()
    if name.startswith("args."):
        return argument_test(token.field[len("args.") :], token.operator, _filled(token))
    if name in FIELDS:
        return FIELDS[name](token)
    if token.operator == ":":
        raise _unknown_field(token)
    return argument_test(token.field, token.operator, _filled(token))


def _endpoint(token: Token) -> Test:
    matches = _text_match(token)
    return lambda subject: matches(subject.item.endpoint)


def _agent(token: Token) -> Test:
    matches = _text_match(token)
    return lambda subject: matches(subject.item.agent)


def _title(token: Token) -> Test:
    matches = _text_match(token)
    return lambda subject: matches(subject.item.title)


def _action(token: Token) -> Test:
    positive, negated = _without_not(token)
    matches = _text_match(positive)

    def test(subject: Subject) -> bool:
        return any(matches(action.name) for action in subject.item.actions) is not negated

    return test


def _id(token: Token) -> Test:
    positive, negated = _without_not(token)
    prefixes = tuple(_choices(positive))
    return lambda subject: subject.item.id.startswith(prefixes) is not negated


def _kind(token: Token) -> Test:
    wanted, negated = _fixed(token, list(ItemKind))
    return lambda subject: (subject.item.kind.value in wanted) is not negated


def _verb(token: Token) -> Test:
    wanted, negated = _fixed(token, list(Verb))
    verbs = frozenset(Verb(name) for name in wanted)
    return lambda subject: (not verbs.isdisjoint(subject.item.verbs)) is not negated


def _state(token: Token) -> Test:
    wanted, negated = _fixed(token, [*DeliveryState, "none"])
    states = frozenset(None if name == "none" else DeliveryState(name) for name in wanted)
    return lambda subject: (subject.state in states) is not negated


def _is(token: Token) -> Test:
    wanted, negated = _fixed(token, STATES)
    tests = [STATES[name] for name in sorted(wanted)]
    if len(tests) == 1 and not negated:
        return tests[0]
    return lambda subject: any(test(subject) for test in tests) is not negated


def _risk(token: Token) -> Test:
    if token.operator in (":", "=", "!="):
        wanted, negated = _fixed(token, _RANKS)
        ranks = frozenset(_RANKS[name] for name in wanted)
        return lambda subject: (subject.risk_rank in ranks) is not negated
    (name,) = _known(token, [_filled(token).casefold()], _RANKS)
    compare, rank = _COMPARE[token.operator], _RANKS[name]
    return lambda subject: compare(subject.risk_rank, rank)


def _age(token: Token) -> Test:
    compare, wanted = _duration(token)
    return lambda subject: compare((subject.now - subject.since).total_seconds(), wanted)


def _due(token: Token) -> Test:
    compare, wanted = _duration(token)

    def test(subject: Subject) -> bool:
        end = subject.item.expires_at
        return end is not None and compare((end - subject.now).total_seconds(), wanted)

    return test


FIELDS: dict[str, Callable[[Token], Test]] = {
    "endpoint": _endpoint,
    "agent": _agent,
    "action": _action,
    "title": _title,
    "id": _id,
    "kind": _kind,
    "verb": _verb,
    "risk": _risk,
    "state": _state,
    "is": _is,
    "age": _age,
    "due": _due,
}
"""Field → what makes its test. ``args.…`` and comparisons of any other name look at arguments."""

TIMED = frozenset({"age", "due"})
"""Fields whose tests change as time passes."""
OF_DECISION = frozenset({"is", "state"})
"""Fields that tell what waits from what does not."""


def _text_match(token: Token) -> Callable[[str], bool]:
    """How a text is compared: contains, whole, or by a pattern with ``*``."""
    positive, negated = _without_not(token)
    if positive.operator not in (":", "="):
        raise _wrong_operator(token, f"write {token.field}:text or {token.field}=text")
    tests = [_one_text(choice.casefold(), positive) for choice in _choices(positive)]
    return lambda text: any(test(text.casefold()) for test in tests) is not negated


def _one_text(wanted: str, token: Token) -> Callable[[str], bool]:
    if "*" in wanted and not token.quoted:
        pattern = re.compile(translate(wanted.replace("[", "[[]").replace("?", "[?]")))
        return lambda text: pattern.match(text) is not None
    if token.operator == "=":
        return lambda text: text == wanted
    return lambda text: wanted in text


def _fixed(token: Token, known: Collection[str]) -> tuple[frozenset[str], bool]:
    """The fixed words a term names, and whether it says "is not"."""
    positive, negated = _without_not(token)
    if positive.operator not in (":", "="):
        raise _wrong_operator(token, f"write {token.field}:{next(iter(known))}")
    words = [choice.casefold() for choice in _choices(positive)]
    return frozenset(_known(token, words, known)), negated


def _known(token: Token, words: list[str], known: Collection[str]) -> list[str]:
    for word in words:
        if word not in known:
            near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
            hint = f"did you mean {token.field}:{near[0]}?" if near else f"there are {', '.join(known)}"
            message = f"`{word}` is nothing that {token.field} can be"
            raise FilterFault(token.value_at, max(1, token.end - token.value_at), message, hint)
    return words


def _without_not(token: Token) -> tuple[Token, bool]:
    """The term with ``=`` for ``!=``, and whether it was ``!=``."""
    if token.operator != "!=":
        return token, False
    kept = {name: getattr(token, name) for name in token.__struct_fields__}
    return Token(**{**kept, "operator": "="}), True


def _choices(token: Token) -> list[str]:
    """The values between commas; a quoted value is one."""
    value = _filled(token)
    return [value] if token.quoted else [part for part in value.split(",") if part] or [value]


def _filled(token: Token) -> str:
    if not token.value and not token.quoted:
        raise FilterFault(
            token.start,
            token.end - token.start,
            f"nothing stands after {token.field}{token.operator}",
            _example(token.field),
        )
    return token.value


def _duration(token: Token) -> tuple[Callable[[float, float], bool], float]:
    example = f"write {token.field}>1h or {token.field}<10m"
    if token.operator in (":", "=", "!="):
        raise _wrong_operator(token, example)
    text = _filled(token).casefold()
    parts = _DURATION.findall(text)
    seconds = sum(float(number) * _UNITS[unit] for number, unit in parts)
    if not parts or "".join(number + unit for number, unit in parts) != text or seconds > _MAX_S:
        message = f"`{token.value}` is no length of time"
        hint = f"{example}; units are s, m, h, d and w"
        raise FilterFault(token.value_at, max(1, token.end - token.value_at), message, hint)
    return _COMPARE[token.operator], seconds


def _wrong_operator(token: Token, hint: str) -> FilterFault:
    message = f"{token.field} cannot be compared with {token.operator}"
    return FilterFault(token.start, token.end - token.start, message, hint)


def _unknown_field(token: Token) -> FilterFault:
    near = difflib.get_close_matches(token.field.casefold(), [*FIELDS, "filter"], n=1, cutoff=0.6)
    if near:
        hint = f"did you mean {near[0]}:{token.value}?"
    else:
        hint = f"for an argument write args.{token.field}:{token.value}, for the text itself put it in quotes"
    return FilterFault(token.start, len(token.field) + 1, f"`{token.field}` is no field", hint)


def _example(field: str) -> str:
    examples = {
        "age": "age>1h",
        "due": "due<10m",
        "kind": "kind:approval",
        "is": "is:mine",
        "risk": "risk:high",
    }
    return f"for instance {examples.get(field.casefold(), field + ':text')}"
