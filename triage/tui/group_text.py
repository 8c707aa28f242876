"""The head of a group as lines: how many items wait in it, for what, since when, and how many are selected."""

from __future__ import annotations

from datetime import datetime

import msgspec

from triage.model.item import Item, Risk
from triage.tui import words
from triage.tui.grouping import group_title
from triage.tui.lines import Line, both_ends, padded, safe
from triage.tui.marks import Marks

__all__ = ["GroupView", "group_foot", "group_lines"]

_AGENT_WIDTH = 15
_STATUS_WIDTH = 12


class GroupView(msgspec.Struct, frozen=True):
    """All that a head shows."""

    first: Item
    """The group's first item."""
    since: datetime
    """When that came."""
    count: int
    waiting: int
    """How many of them want a decision."""
    high: int
    """How many of those are of high risk."""
    now: datetime
    selected: int = 0
    open: bool = False
    cursor: bool = False
    focused: bool = True


def group_lines(view: GroupView, marks: Marks, width: int, height: int) -> tuple[Line, ...]:
    """The head in one line, or in two where the list is narrow."""
    age = words.age((view.now - view.since).total_seconds())
    head = (*_lead(view, marks), *_title(view, marks, width))
    who = safe(view.first.agent or view.first.endpoint, "muted", 26)
    if height == 1:
        columns = (*padded(who, _AGENT_WIDTH), *padded(_status(view), _STATUS_WIDTH))
        return (both_ends(head, (*columns, (f"{age:>4} ", "muted")), width),)
    below = ((_bar(view, marks)), ("   ", "text"), *who)
    return (
        both_ends(head, ((age, "muted"), (" ", "text")), width),
        both_ends(below, (*_status(view), (" ", "text")), width),
    )


def group_foot(waiting: int, key_of_open: str, *, unfolded: bool) -> Line:
    """Below the first item of a group: what the row stands for."""
    said = f"The first of {words.plural(waiting, 'item')} alike. A verb's key shows what differs in them"
    if unfolded:
        return ((f"{said}, then decides all.", "muted"),)
    return ((f"{said}, then decides all; ", "muted"), (key_of_open, "shortcut"), (" unfolds.", "muted"))


def _bar(view: GroupView, marks: Marks) -> tuple[str, str]:
    return (marks.cursor, "focus" if view.focused else "muted") if view.cursor else (" ", "text")


def _lead(view: GroupView, marks: Marks) -> Line:
    whole = view.waiting > 0 and view.selected >= view.waiting
    chosen = marks.selected if whole else marks.dot if view.selected else " "
    risk = (marks.risk[Risk.HIGH], "risk-high") if view.high else (" ", "text")
    sign = marks.unfolded if view.open else marks.folded
    return (_bar(view, marks), (chosen, "selected"), (sign, "accent"), risk, (" ", "text"))


def _title(view: GroupView, marks: Marks, width: int) -> Line:
    style = "off" if not view.waiting else "title"
    return ((f"{view.waiting:,} {marks.times} ", style), *safe(group_title(view.first), style, width))


def _status(view: GroupView) -> Line:
    """One thing, the most pressing."""
    if view.selected:
        return ((f"{view.selected:,} selected", "selected"),)
    if view.high:
        return ((f"{view.high:,} high risk", "risk-high"),)
    if view.waiting < view.count:
        return ((f"{view.count - view.waiting:,} decided", "muted"),)
    return ()
