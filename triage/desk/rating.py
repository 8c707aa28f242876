"""How much harm a wrong decision on an item does: by the operators' rules, else as its agent hints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from triage.config.judging import RiskRule
from triage.model.filtering import Filter, FilterError, Subject, compile
from triage.model.item import Risk

if TYPE_CHECKING:
    from triage.store.queue import Entry

__all__ = ["Rated", "Rater"]

_KEPT = "_rated"
_MOST_OF_FAULT = 120


class Rated(msgspec.Struct, frozen=True):
    """An item's risk, and where it comes from."""

    risk: Risk | None
    """None: neither a rule nor the agent says."""
    why: str = ""
    """``rule 2, amount>1000``; empty where the agent hints or nobody says."""

    @property
    def is_high(self) -> bool:
        """Whether deciding asks for more than a key."""
        return self.risk is Risk.HIGH


class Rater:
    """Rates items: the first rule that matches counts. A rule that cannot be asked makes an item high.

    Args:
        saved: name → filter, for ``filter:NAME`` in rules.
    """

    def __init__(self, rules: Sequence[RiskRule], saved: Mapping[str, str]) -> None:
        self._rules = [(rule, compile(rule.when, saved)) for rule in rules]
        self.timed = any(isinstance(made, Filter) and made.timed for _, made in self._rules)
        """Risks change as time passes."""

    @property
    def has_rules(self) -> bool:
        """Whether the operators say what is risky; else only agents hint at it."""
        return bool(self._rules)

    def rate(self, entry: Entry) -> Rated:
        """The entry's risk. Worked out once an item and kept with it, unless time changes it."""
        if not self._rules:
            return Rated(entry.item.risk)
        kept: tuple[Rater, Rated] | None = entry.item.__dict__.get(_KEPT)
        if kept is not None and kept[0] is self:
            return kept[1]
        rated = self._rate(Subject(entry.item, datetime.now(UTC), seen_at=entry.seen_at))
        if not self.timed:
            entry.item.__dict__[_KEPT] = (self, rated)
        return rated

    def _rate(self, subject: Subject) -> Rated:
        for number, (rule, made) in enumerate(self._rules, 1):
            if isinstance(made, FilterError):
                return Rated(Risk.HIGH, f"rule {number} means nothing: {made.text}")
            try:
                if made.matches(subject):
                    return Rated(rule.risk, f"rule {number}, {rule.when.strip() or 'every item'}")
            except Exception as error:  # noqa: BLE001 - whatever it was, nobody knows that the item is harmless
                said = f"{type(error).__name__}: {error}"[:_MOST_OF_FAULT]
                return Rated(Risk.HIGH, f"rule {number} failed ({said})")
        return Rated(subject.item.risk)
