"""What was decided and delivered, as lines to read: of one item, or the last decisions of all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from msgspec import UNSET

from triage.model.item import Verb
from triage.store.log import Event, Record
from triage.tui import words
from triage.tui.changes import edit_lines
from triage.tui.lines import Line, indented, safe, wrapped
from triage.tui.marks import Marks

__all__ = ["event_lines", "record_lines"]

_NAMED = {
    "decided": "decided",
    "gone": "left its endpoint",
    "noted": "note",
    "repaired": "repaired",
    "paused": "sending paused",
    "resumed": "sending resumed",
}


def event_lines(
    events: Iterable[Event],
    marks: Marks,
    width: int,
    record_of: Callable[[str], Record | None] = lambda _: None,
) -> list[Line]:
    """What the log says of one item, oldest first. ``record_of``: decision id → its record."""
    lines = [line for event in events for line in _event(event, record_of, width)]
    return lines or [(("The log says nothing of this item yet.", "muted"),)]


def _event(event: Event, record_of: Callable[[str], Record | None], width: int) -> Iterator[Line]:
    at = event.at.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    what = event.state if event.type == "delivery" else _NAMED.get(event.type, event.type)
    style = f"state-{event.state}" if event.type == "delivery" else "strong"
    if event.type == "decided":
        what = ", ".join(words.VERB_DONE[Verb(verb)] for verb in dict.fromkeys(event.verbs))
    who = f" by {event.operator}" if event.operator else ""
    yield ((f"{at}  ", "muted"), *safe(what, style, 40), *safe(who, "muted", 60))
    details = [event.state if event.type == "gone" else "", event.detail, event.effect, event.note]
    for text in dict.fromkeys(filter(None, details)):
        yield from indented(wrapped(safe(text), width - 21), " " * 21)
    record = record_of(event.decision_id) if event.type == "decided" else None
    if record is not None:
        yield from _edits(record, width)


def record_lines(records: Sequence[Record], marks: Marks, width: int) -> list[Line]:
    """The last decisions, newest first."""
    if not records:
        return [(("Nothing has been decided yet.", "muted"),)]
    return [line for record in records for line in _record(record, marks, width)]


def _record(record: Record, marks: Marks, width: int) -> Iterator[Line]:
    decision, state = record.decision, record.state
    at = decision.at.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    title = record.item.title if record.item else f"item {decision.item_id} (erased)"
    yield (
        (f"{at}  ", "muted"),
        (f"{marks.state[state]} {words.state_words(state):<11}", f"state-{state}"),
        *safe(f"{decision.words:<9} ", "strong"),
        *safe(title, "text", max(20, width - 44)),
    )
    who: Line = safe(f"by {decision.operator}, at {decision.endpoint}", "muted", 80)
    yield from indented([who], " " * 21)
    reasons = dict.fromkeys(verdict.reason for verdict in decision.verdicts if verdict.reason)
    for text in (*reasons, record.detail, record.effect, record.note):
        if text:
            yield from indented(wrapped(safe(text), width - 21), " " * 21)
    yield from _edits(record, width)


def _edits(record: Record, width: int) -> Iterator[Line]:
    """Which fields were edited, where it was: what stood there and what was sent."""
    actions = record.item.actions if record.item else ()
    for action, verdict in zip(actions, record.decision.verdicts, strict=False):
        if verdict.arguments is not UNSET:
            lines = edit_lines(action.arguments, verdict.arguments, width - 21)
            yield from indented(lines, " " * 21)
