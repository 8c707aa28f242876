"""One row of the list as lines: what is wanted, by whom, since when, until when, and how it stands."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from triage.model import safe_text
from triage.model.decision import REOPENING_STATES, DeliveryState
from triage.model.item import Risk
from triage.tui import words
from triage.tui.lines import Line, both_ends, fit, padded, safe, width_of
from triage.tui.marks import Marks
from triage.tui.rows import came_at
from triage.tui.snoozing import snoozed

if TYPE_CHECKING:
    from triage.store.log import Record
    from triage.store.queue import Entry

__all__ = ["RowView", "is_over", "one_line_row", "two_line_row"]

_SOON_S = 15 * 60
_AGENT_WIDTH = 18
_STATUS_WIDTH = 12


class RowView(msgspec.Struct, frozen=True):
    """All that a row shows."""

    entry: Entry
    record: Record | None
    now: datetime
    operator: str
    held_s: float | None = None
    cursor: bool = False
    focused: bool = True
    selected: bool = False
    inside: bool = False
    """It stands below the head of its group."""
    stayed: str = ""
    """Why the last decision on many left it behind."""
    risk: Risk | None = None
    new: bool = False
    """It came since the console was opened, and was not looked at yet."""


def is_over(entry: Entry, record: Record | None) -> bool:
    """Nothing is left to do: it is gone, or decided and settled."""
    if record is not None and record.state is DeliveryState.CONFIRMED:
        return True
    return entry.gone is not None and (record is None or record.state in REOPENING_STATES)


def two_line_row(view: RowView, marks: Marks, width: int) -> tuple[Line, Line]:
    """A row for a narrow list: the title, and below it who, how it stands and until when."""
    over = is_over(view.entry, view.record)
    head = _lead(view, marks)
    first = both_ends((*head, *_title(view, over, width)), (_age(view), (" ", "text")), width)
    who = safe(view.entry.item.agent or view.entry.item.endpoint, "muted", _AGENT_WIDTH + 8)
    if view.stayed:
        return first, (_bar(view, marks), ("   ", "text"), *safe(view.stayed, "warning", width))
    item = view.entry.item
    extra = () if item.agent in ("", item.endpoint) else ((f" {marks.dot} ", "faint"), *_endpoint(view))
    second = both_ends(
        (_bar(view, marks), ("   ", "text"), *who, *extra), (*_status(view, marks), (" ", "text")), width
    )
    return first, second


def one_line_row(view: RowView, marks: Marks, width: int) -> tuple[Line]:
    """A row for a wide list: title, agent, status and age in columns."""
    over = is_over(view.entry, view.record)
    status = padded(_status(view, marks), _STATUS_WIDTH)
    age = words.age((view.now - came_at(view.entry)).total_seconds())
    agent = safe(view.entry.item.agent or view.entry.item.endpoint, "muted", 14)
    right: Line = (*padded(agent, 15), *status, (f"{age:>4} ", "muted"))
    if view.stayed:
        right = (*padded(safe(view.stayed, "warning"), 15 + _STATUS_WIDTH), *right[-1:])
    return (both_ends((*_lead(view, marks), *_title(view, over, width)), right, width),)


def _bar(view: RowView, marks: Marks) -> tuple[str, str]:
    return (marks.cursor, "focus" if view.focused else "muted") if view.cursor else (" ", "text")


def _lead(view: RowView, marks: Marks) -> Line:
    """Cursor, selection, kind or state, and risk: four cells, then a space."""
    selected = (marks.selected, "selected") if view.selected else (" ", "text")
    risk = view.risk
    risk_mark = (marks.risk[risk], f"risk-{risk.value}") if risk else (" ", "text")
    return (
        _bar(view, marks),
        selected,
        _sign(view, marks),
        risk_mark,
        ("   " if view.inside else " ", "text"),
    )


def _sign(view: RowView, marks: Marks) -> tuple[str, str]:
    record = view.record
    if record is not None and record.state is not DeliveryState.WITHDRAWN:
        return marks.state[record.state], f"state-{record.state.value}"
    if view.entry.gone is not None:
        return marks.gone, "off"
    return marks.kind[view.entry.item.kind], "state-waiting"


def _title(view: RowView, over: bool, width: int) -> Line:
    style = "off" if over else "title" if view.cursor else "text"
    return safe(view.entry.item.title or "(no title)", style, width)


def _age(view: RowView) -> tuple[str, str]:
    return words.age((view.now - came_at(view.entry)).total_seconds()), "muted"


def _endpoint(view: RowView) -> Line:
    return safe(view.entry.item.endpoint, "muted", _AGENT_WIDTH)


def _status(view: RowView, marks: Marks) -> Line:
    """How it stands, in the fewest words: one thing, the most pressing."""
    entry, record = view.entry, view.record
    if record is not None and record.state is not DeliveryState.WITHDRAWN:
        return ((words.state_words(record.state, view.held_s), f"state-{record.state.value}"),)
    if entry.gone is not None:
        return safe(entry.gone.reason, "off", _STATUS_WIDTH)
    parts = [*_own_marks(view, marks), *_deadline(view)]
    spans: list[tuple[str, str]] = []
    for part in parts:
        spans += [(" ", "text")] if spans else []
        spans.append(part)
    line = tuple(spans)
    return line if width_of(line) <= _STATUS_WIDTH + 12 else fit(line, _STATUS_WIDTH + 12)


def _own_marks(view: RowView, marks: Marks) -> list[tuple[str, str]]:
    entry = view.entry
    found = [("new", "accent")] if view.new else []
    if entry.marks.claimed_by:
        mine = entry.marks.claimed_by == view.operator
        found.append(("@you", "accent") if mine else (f"@{_named(entry.marks.claimed_by)}", "warning"))
    if entry.marks.escalated_to:
        found.append((f"!{_named(entry.marks.escalated_to)}", "warning"))
    if said := snoozed(entry, view.now):
        found.append((said, "state-snoozed"))
    if entry.marks.drafts:
        found.append((marks.draft, "accent"))
    if entry.previous is not None:
        found.append((marks.changed, "warning"))
    return found


def _named(name: str) -> str:
    """The first letters of somebody's name."""
    return safe_text.line(name)[:8]


def _deadline(view: RowView) -> list[tuple[str, str]]:
    expires = view.entry.item.expires_at
    if expires is None:
        return [("high risk", "risk-high")] if view.risk is Risk.HIGH else []
    left = (expires - view.now).total_seconds()
    style = "error" if left <= 0 else "warning" if left < _SOON_S else "muted"
    return [(words.due(left), style)]
