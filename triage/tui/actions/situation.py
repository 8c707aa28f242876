"""The situation: what the operator has before them, and why something cannot be done in it.

Each ``Condition`` takes a situation and answers None when the way is free, else a sentence for the operator.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Literal

import msgspec

from triage.model import safe_text
from triage.model.decision import REOPENING_STATES, DeliveryState
from triage.model.item import Item, ItemKind, Verb
from triage.tui.offers import offered

if TYPE_CHECKING:
    from triage.model.filtering import Subject
    from triage.store.log import Record
    from triage.store.queue import Entry

__all__ = ["Condition", "Situation"]

_MAX_REASON = 160
"""Characters shown of a reason an endpoint gives."""

_NOUNS = {
    Verb.APPROVE: "approval",
    Verb.EDIT: "edits",
    Verb.REJECT: "rejection",
    Verb.RESPOND: "answer",
    Verb.IGNORE: "ignoring",
    Verb.CLOSE: "closing",
}


_WHOLE_ITEM = frozenset({Verb.IGNORE, Verb.CLOSE, Verb.RESPOND})
"""Verbs that settle an item whole, however many actions it proposes."""


class Situation(msgspec.Struct, frozen=True):
    """What the operator has before them when they press a key."""

    entry: Entry | None = None
    """The item under the cursor."""
    record: Record | None = None
    """That item's standing decision."""
    read_only: bool = False
    paused: frozenset[str] = frozenset()
    """Endpoints whose sending is paused; ``*`` stands for all."""
    selection: int = 0
    """Items selected."""
    folded: int | None = None
    """The row under the cursor is the head of a group, of which so many want a decision; None: it is one item."""
    focus: Literal["list", "pane", "text"] = "list"
    can_undo: bool = False
    """A decision of this operator is still held."""
    can_repeat: bool = False
    """There is a last verdict that ``repeat`` would give again."""
    operator: str = ""
    endpoints: int = 1
    """Configured endpoints."""
    subject: Subject | None = None
    """The item under the cursor as filters see it."""
    searching: bool = False
    """The item pane has search words."""
    guided: bool = False
    """A hint of the demo's guide stands."""

    @property
    def many(self) -> int:
        """Items a decision would be on; 0: on the one under the cursor."""
        return self.selection or self.folded or 0

    @property
    def item(self) -> Item | None:
        """The item under the cursor."""
        return self.entry.item if self.entry else None


Condition = Callable[[Situation], str | None]


def always(_: Situation) -> None:
    """Can always be done."""


def all_of(*conditions: Condition) -> Condition:
    """Every condition holds; the first that does not gives the reason."""

    def condition(situation: Situation) -> str | None:
        return next((why for one in conditions if (why := one(situation))), None)

    return condition


def writable(situation: Situation) -> str | None:
    """The console may change things."""
    return "this console is read-only" if situation.read_only else None


def on_many_or(condition: Condition) -> Condition:
    """Some items are selected, each of which is looked at by itself; else what ``on_head_or`` says."""

    def found(situation: Situation) -> str | None:
        return None if situation.selection else on_head_or(condition)(situation)

    return found


def on_head_or(condition: Condition) -> Condition:
    """The row under the cursor is the head of a group in which some still wait; else ``condition`` of its item."""

    def found(situation: Situation) -> str | None:
        if situation.folded is None:
            return condition(situation)
        return None if situation.folded else "none of these wants a decision any more"

    return found


def one_item(situation: Situation) -> str | None:
    """One item alone is under the cursor, and none is selected."""
    if situation.selection:
        return f"this takes one item, and {situation.selection:,} are selected: clear the selection first"
    return one_row(situation)


def one_row(situation: Situation) -> str | None:
    """The row under the cursor is one item."""
    if situation.folded is None:
        return None
    return f"this takes one item, and the row stands for {situation.folded:,}: open it first"


def has_item(situation: Situation) -> str | None:
    """There is an item under the cursor."""
    return None if situation.entry else "no item is under the cursor"


def waits(situation: Situation) -> str | None:
    """The item is not gone and no decision stands."""
    entry, record = situation.entry, situation.record
    if entry is not None and entry.gone is not None:
        detail = safe_text.line(entry.gone.detail, _MAX_REASON)
        return f"it no longer waits: {entry.gone.reason}" + (f" ({detail})" if detail else "")
    if record is not None and record.state not in REOPENING_STATES:
        return _decided(record, situation.operator)
    return None


def _decided(record: Record, operator: str) -> str:
    decision = record.decision
    who = "you" if decision.operator == operator else safe_text.line(decision.operator, 40)
    said = f"already decided by {who} at {_clock(decision.at)}: {decision.words}, {record.state}"
    if record.state is DeliveryState.HELD and who == "you":
        return f"{said}; undo takes it back"
    if record.state is DeliveryState.UNKNOWN:
        return f"{said}; look again, or close it by hand"
    return said


def _clock(at: datetime) -> str:
    local = at.astimezone()
    return local.strftime("%H:%M" if local.date() == datetime.now().astimezone().date() else "%d %b %H:%M")


def takes(verb: Verb) -> Condition:
    """The item's endpoint takes ``verb`` on every one of its actions."""

    def condition(situation: Situation) -> str | None:
        item = situation.item
        if item is None or _taken(item, verb):
            return None
        return _refusal(item, verb)

    return condition


def _taken(item: Item, verb: Verb) -> bool:
    if verb in _WHOLE_ITEM and len(item.actions) != 1:
        return verb in item.verbs
    return all(verb in item.verbs_of(index) for index in range(max(1, len(item.actions))))


def _refusal(item: Item, verb: Verb) -> str:
    if why := item.refusals.get(verb):
        return f"this endpoint takes no {_NOUNS[verb]}: {safe_text.line(why, _MAX_REASON)}"
    if len(item.actions) > 1 and any(verb in item.verbs_of(i) for i in range(len(item.actions))):
        return f"not every action here takes {verb}: decide each by itself"
    if item.kind is ItemKind.EXTERNAL:
        return "this can only be settled elsewhere" + (": open it in the browser" if item.url else "")
    if item.kind is ItemKind.QUESTION and verb is not Verb.RESPOND:
        return f"this is a question and takes no {_NOUNS[verb]}: answer it"
    return f"this endpoint takes no {_NOUNS[verb]} for this item"


def single_action(situation: Situation) -> str | None:
    """The item proposes exactly one action."""
    count = len(situation.item.actions) if situation.item else 0
    if count == 0:
        return "nothing to edit: no action is proposed"
    return None if count == 1 else f"{count} actions are proposed: decide each by itself"


def several_actions(situation: Situation) -> str | None:
    """The item proposes more than one action."""
    count = len(situation.item.actions) if situation.item else 0
    return None if count > 1 else "only one thing is asked: decide it directly"


def offers(number: int) -> Condition:
    """The item offers an answer ``number`` (from 1), of its agent's or by its answer's schema."""

    def condition(situation: Situation) -> str | None:
        count = len(offered(situation.item)[0]) if situation.item else 0
        if number <= count:
            return None
        return f"there is no option {number}: " + (f"it offers {count}" if count else "it offers none")

    return condition


def offers_scope(situation: Situation) -> str | None:
    """The item's endpoint offers a wider grant of its approval."""
    scopes = situation.item.scopes if situation.item else ()
    return None if any(Verb.APPROVE in scope.verbs for scope in scopes) else "no wider grant is offered here"


def in_state(state: DeliveryState) -> Condition:
    """The item's delivery is in ``state``."""

    def condition(situation: Situation) -> str | None:
        if situation.record is None:
            return "nothing was decided here yet"
        now = situation.record.state
        return None if now is state else f"only for a delivery that is {state}; this one is {now}"

    return condition


def repairable(situation: Situation) -> str | None:
    """Something blocks the item that its endpoint lets us mend."""
    return None if situation.item and situation.item.repair else "nothing to repair here"


def changed(situation: Situation) -> str | None:
    """The item changed since it came."""
    return None if situation.entry and situation.entry.previous else "it has not changed since it came"


def has_page(situation: Situation) -> str | None:
    """The item has a page at its endpoint."""
    return None if situation.item and situation.item.url else "this endpoint gives no page for it"


def unclaimed(situation: Situation) -> str | None:
    """The item is not yours already."""
    entry = situation.entry
    mine = entry is not None and bool(entry.marks.claimed_by) and entry.marks.claimed_by == situation.operator
    return "you have claimed it already" if mine else None


def claimed(situation: Situation) -> str | None:
    """Somebody claimed the item."""
    return None if situation.entry and situation.entry.marks.claimed_by else "nobody has claimed it"


def undoable(situation: Situation) -> str | None:
    """A decision of yours is still held."""
    return None if situation.can_undo else "nothing held to undo"


def repeatable(situation: Situation) -> str | None:
    """There is a verdict to give again."""
    return None if situation.can_repeat else "nothing to repeat yet"


def several_endpoints(situation: Situation) -> str | None:
    """There is another endpoint to go to."""
    return None if situation.endpoints > 1 else "only one endpoint is configured"


def guided(situation: Situation) -> str | None:
    """A hint stands that may be taken away."""
    return None if situation.guided else "no hints are shown"


def searched(situation: Situation) -> str | None:
    """The pane has search words."""
    return None if situation.searching else "nothing searched for yet"
