"""The rows of the table that a decision on many is judged by: in parts that propose the same, marked ones first.

Pure. Items are compared with those of their own part alone; what stays behind comes last.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from triage.model.item import Item
from triage.tui.batch import Batch, Candidate
from triage.tui.comparison import Comparison, comparable, compare
from triage.tui.comparison_text import Sheet, remarks
from triage.tui.lines import Line, safe

__all__ = ["Part", "TableRow", "parts_of", "rows_of"]


class Part:
    """Candidates that propose the same, side by side."""

    def __init__(self, candidates: list[Candidate], warned: frozenset[str]) -> None:
        items = [one.item for one in candidates]
        self.name = _name(items[0])
        self.candidates = candidates
        self.comparison: Comparison = compare(items)
        self.sheet = Sheet(self.comparison, [item.title for item in items])
        self._warned = warned
        self.marked = [
            index for index, item in enumerate(items) if item.id in warned or self.comparison.marked(index)
        ]
        """Which of them stand out."""

    def remarks(self, index: int) -> list[Line]:
        """What stands out of one of them, and what else the verb would do, in words."""
        one, found = self.candidates[index], remarks(self.comparison, index)
        if one.item.id not in self._warned:
            return found
        verb = one.verdicts[0].verb
        return [(("! ", "warning"), *safe(f"{verb}: {one.item.warnings[verb]}", "warning")), *found]


class TableRow(NamedTuple):
    """One row."""

    candidate: Candidate
    part: int
    """The part's number; -1: it stays behind."""
    place: int
    """Its place among the part's candidates, or among those that stay behind."""
    marked: bool

    @property
    def behind(self) -> bool:
        """Whether it gets no verdict."""
        return self.part < 0


def parts_of(batch: Batch) -> list[Part]:
    """The candidates in their parts; those in which something stands out first."""
    if not batch.taken:
        return []
    warned = batch.warned(batch.taken[0].verdicts[0].verb)
    found = comparable([one.item for one in batch.taken])
    parts = [Part([batch.taken[at] for at in places], warned) for places in found]
    return sorted(parts, key=lambda part: not part.marked)


def rows_of(parts: list[Part], batch: Batch) -> list[TableRow]:
    """Every row in its order."""
    rows: list[TableRow] = []
    for number, part in enumerate(parts):
        marked = frozenset(part.marked)
        order = sorted(range(len(part.candidates)), key=lambda index: index not in marked)
        rows += [TableRow(part.candidates[index], number, index, index in marked) for index in order]
    return rows + [TableRow(one, -1, index, False) for index, one in enumerate(batch.behind)]


def _name(item: Item) -> str:
    """What a part's items propose, in words: ``give_credit 4 times``."""
    counts = Counter(action.name for action in item.actions)
    return (
        ", ".join(name if times == 1 else f"{name} {times} times" for name, times in counts.items())
        or item.kind
    )
