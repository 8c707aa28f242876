"""What one verb would do to many items: which of them it is given to, and which stay behind and why.

Pure: from the items as they stand in the queue and the log to the verdicts each would get. Nothing is decided
here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from triage.config.settings import HighRisk
from triage.desk.checking import WHOLE_ITEM_VERBS
from triage.desk.rating import Rated
from triage.model import safe_text
from triage.model.decision import Verdict
from triage.model.item import Item, Risk, Verb
from triage.tui import words
from triage.tui.actions import situation
from triage.tui.offers import offered

if TYPE_CHECKING:
    from triage.store.log import Record
    from triage.store.queue import Entry

__all__ = [
    "MOST",
    "Batch",
    "Candidate",
    "Give",
    "Standing",
    "alike_options",
    "every_action",
    "outcome_words",
    "reasons_words",
    "sort_out",
]

MOST = 500
"""Items decided at once: so many are logged well within the time in which they can be taken back."""

Give = Callable[[Item], "Verdict | str"]
"""The verdict an item would get, or why it gets none."""


class Standing(NamedTuple):
    """How an item stands when a verb's key is pressed."""

    entry: Entry
    record: Record | None
    seen: str = ""
    """The revision at which it was selected; empty: it was not, its group was."""
    rated: Rated | None = None
    """Its risk; None: as its agent hints."""

    @property
    def risk(self) -> Rated:
        """How much harm a wrong decision does."""
        return self.rated or Rated(self.entry.item.risk)


class Candidate(msgspec.Struct, frozen=True):
    """One item, with the verdicts it would get or why it stays behind."""

    entry: Entry
    risk: Risk | None
    verdicts: tuple[Verdict, ...] = ()
    why: str = ""

    @property
    def item(self) -> Item:
        """What is decided, at the revision that is shown."""
        return self.entry.item


class Batch(msgspec.Struct, frozen=True):
    """Many items, sorted out."""

    taken: tuple[Candidate, ...]
    behind: tuple[Candidate, ...]

    def warned(self, verb: Verb) -> frozenset[str]:
        """Ids of the items of which endpoints say that; none where they say it of all."""
        found = frozenset(one.item.id for one in self.taken if one.item.warnings.get(verb))
        return found if len(found) < len(self.taken) else frozenset()

    def warnings(self, verb: Verb) -> Counter[str]:
        """What else the verb would do, as endpoints say → for how many items."""
        found = (one.item.warnings.get(verb, "") for one in self.taken)
        return Counter(text for text in found if text)


def every_action(item: Item, verdict: Verdict) -> tuple[Verdict, ...]:
    """One verdict for all that an item proposes."""
    whole = len(item.actions) != 1 and verdict.verb in WHOLE_ITEM_VERBS
    return (verdict,) * (1 if whole else max(1, len(item.actions)))


def alike_options(items: Iterable[Item], number: int) -> Give:
    """Answers with the option of that number, from 1, where it is the same as the first item's that has one."""
    offers = (offered(item) for item in items)
    first = next(
        (options[number - 1] for options, many in offers if len(options) >= number and not many), None
    )

    def give(item: Item) -> Verdict | str:
        options, many = offered(item)
        if len(options) < number or first is None:
            return f"it offers no option {number}"
        if many:
            return "more than one of its options may be chosen: answer it by itself"
        option = options[number - 1]
        if (option.label, msgspec.json.encode(option.value)) != (
            first.label,
            msgspec.json.encode(first.value),
        ):
            return f"its option {number} is another: {safe_text.line(option.label, 40)}"
        return Verdict(Verb.RESPOND, answer=option.value)

    return give


def sort_out(
    standings: Iterable[Standing],
    give: Give,
    *,
    operator: str,
    high_risk: HighRisk,
    check: Callable[[Item, Sequence[Verdict]], Sequence[str]],
) -> Batch:
    """Which items get a verdict and which stay behind. ``check``: the desk's, asked last.

    What an item of high risk asks for cannot be given for many at once, except for one reason.
    """
    taken: list[Candidate] = []
    behind: list[Candidate] = []
    for one in standings:
        verdict = give(one.entry.item)
        verdicts = () if isinstance(verdict, str) else every_action(one.entry.item, verdict)
        if len(taken) >= MOST:
            why = f"{MOST:,} are decided at once: decide the rest after them"
        else:
            why = verdict if isinstance(verdict, str) else _why_behind(one, verdict, operator, high_risk)
            why = why or "; ".join(check(one.entry.item, verdicts)[:1])
        (behind if why else taken).append(Candidate(one.entry, one.risk.risk, () if why else verdicts, why))
    return Batch(tuple(taken), tuple(behind))


def _why_behind(one: Standing, verdict: Verdict, operator: str, high_risk: HighRisk) -> str:
    entry = one.entry
    before = situation.Situation(entry=entry, record=one.record, operator=operator)
    why = situation.all_of(situation.waits, situation.takes(verdict.verb))(before)
    if why:
        return why
    if one.seen and one.seen != entry.item.revision:
        return "it has changed since it was selected: look at it again"
    if entry.marks.claimed_by and entry.marks.claimed_by != operator:
        return f"claimed by {entry.marks.claimed_by}"
    return _why_too_risky(one.risk, verdict, high_risk)


def _why_too_risky(rated: Rated, verdict: Verdict, high_risk: HighRisk) -> str:
    if not rated.is_high or high_risk == "none":
        return ""
    said = f"high risk ({rated.why})" if rated.why else "high risk"
    if high_risk == "reason":
        return "" if (verdict.reason or "").strip() else f"{said}: it needs a reason"
    return "" if verdict.verb is Verb.REJECT else f"{said}: decide it by itself"


def outcome_words(verb: Verb, done: int, behind: Sequence[str]) -> str:
    """``38 approved, 2 stay behind: claimed by bob (2)``."""
    said = f"{done:,} {words.VERB_DONE[verb]}"
    if not behind:
        return said
    stay = "stays" if len(behind) == 1 else "stay"
    return f"{said}, {len(behind):,} {stay} behind: {reasons_words(behind)}"


def reasons_words(reasons: Iterable[str]) -> str:
    """Each reason once, the most frequent first, with how many it holds for."""
    counts = Counter(reasons).most_common()
    if len(counts) == 1:
        return counts[0][0]
    return "; ".join(f"{why} ({count:,})" for why, count in counts[:3]) + ("; …" if len(counts) > 3 else "")
