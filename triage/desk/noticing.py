"""What is told of new items while the operator looks elsewhere: gathered for a while, by rule, outside quiet hours.

Pure: times and items come from outside, and nothing is told here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import time

import msgspec

from triage.config.judging import How, NoticeRule
from triage.model import safe_text
from triage.model.filtering import Filter, FilterError, Subject, compile

__all__ = ["GATHER_S", "Gathering", "Notice", "Noticing", "notice_words"]

GATHER_S = 3.0
"""What comes within this time of the first is one notice."""
_MOST_NAMED = 3
_MOST_OF_TITLE = 50


class Notice(msgspec.Struct, frozen=True):
    """What is to be told at once."""

    how: frozenset[How]
    subjects: tuple[Subject, ...]
    """The items of any rule, in the order they came."""
    commands: dict[str, tuple[Subject, ...]] = {}
    """Command → the items it gets."""


class Gathering:
    """Ids of items that came, until it is time to tell of them. Seconds are of one monotonic clock."""

    def __init__(self) -> None:
        self._ids: dict[str, None] = {}
        self._since_s = 0.0

    def add(self, item_id: str, now_s: float) -> None:
        """An item came."""
        if not self._ids:
            self._since_s = now_s
        self._ids[item_id] = None

    def due(self, now_s: float) -> list[str]:
        """All that came, once it is time; they are then forgotten here."""
        if not self._ids or now_s - self._since_s < GATHER_S:
            return []
        ids, self._ids = list(self._ids), {}
        return ids


class Noticing:
    """The operator's rules. ``saved``: name → filter, for ``filter:NAME`` in rules."""

    def __init__(self, rules: Sequence[NoticeRule], saved: Mapping[str, str]) -> None:
        self._rules = [(rule, _never_wrong(rule.when, saved)) for rule in rules]

    def __bool__(self) -> bool:
        return bool(self._rules)

    def notice(self, subjects: Sequence[Subject], at: time) -> Notice | None:
        """What is told of these items at ``at``, local time; None: nothing."""
        subjects = sorted(subjects, key=lambda one: (one.since, one.item.id))
        how: set[How] = set()
        told: dict[str, None] = {}
        commands: dict[str, dict[str, Subject]] = {}
        for rule, made in self._rules:
            found = [] if rule.is_quiet(at) else [one for one in subjects if made.matches(one)]
            if not found:
                continue
            how.update(rule.how)
            told.update(dict.fromkeys(one.item.id for one in found))
            if rule.command and "command" in rule.how:
                commands.setdefault(rule.command, {}).update({one.item.id: one for one in found})
        if not told:
            return None
        given = {command: tuple(items.values()) for command, items in commands.items()}
        return Notice(frozenset(how), tuple(one for one in subjects if one.item.id in told), given)


def notice_words(subjects: Sequence[Subject]) -> str:
    """``3 new: Refund 17; Refund 18; Send the letter``: one short line that is safe for any terminal."""
    titles = [safe_text.line(one.item.title, _MOST_OF_TITLE) for one in subjects[:_MOST_NAMED]]
    more = len(subjects) - len(titles)
    listed = "; ".join(title or "(no title)" for title in titles)
    return f"{len(subjects):,} new: {listed}" + (f"; and {more:,} more" if more else "")


def _never_wrong(text: str, saved: Mapping[str, str]) -> Filter:
    """The filter ``text`` means; one that means nothing leaves no item out."""
    made = compile(text, saved)
    return Filter(text, lambda _: True) if isinstance(made, FilterError) else made
