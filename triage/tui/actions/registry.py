"""The registry: every action once, with its keys, its words and when it is available."""

from __future__ import annotations

from triage.model.decision import DeliveryState
from triage.model.item import Verb
from triage.tui.actions import situation as when
from triage.tui.actions.action import Action, Scope
from triage.tui.actions.situation import Condition, always

__all__ = ["ACTIONS", "GROUPS", "action"]

GROUPS = ("Decide", "Deliveries", "Move", "Select", "Look", "Find", "Mark", "Hand on", "Console")


def _decision(*conditions: Condition) -> Condition:
    """A decision on one item."""
    return when.all_of(when.writable, when.has_item, when.one_item, when.waits, *conditions)


def _decision_on_any(*conditions: Condition) -> Condition:
    """A decision on one item, or on many."""
    return when.all_of(when.writable, when.on_many_or(when.all_of(when.has_item, when.waits, *conditions)))


def _mark(*conditions: Condition) -> Condition:
    return when.all_of(when.writable, when.has_item, when.one_row, *conditions)


def _look(*conditions: Condition) -> Condition:
    return when.all_of(when.has_item, *conditions)


def _option(number: int) -> Action:
    return Action(
        id=f"option_{number}",
        keys=(str(number),),
        label=f"option {number}",
        group="Decide",
        help=f"Answer with the agent's option {number}",
        when=_decision_on_any(when.offers(number), when.takes(Verb.RESPOND)),
        decides=True,
    )


def _act(
    id: str,
    keys: str,
    label: str,
    group: str,
    help: str,
    *,
    when: Condition = always,
    footer: bool = False,
    decides: bool = False,
    scope: Scope = "desk",
) -> Action:
    """An action with its keys in one string, parted by spaces."""
    return Action(
        id=id,
        keys=tuple(keys.split()),
        label=label,
        group=group,
        help=help,
        when=when,
        footer=footer,
        decides=decides,
        scope=scope,
    )


ACTIONS: tuple[Action, ...] = (
    _act(
        "approve",
        "a",
        "approve",
        "Decide",
        "Let the agent do what it proposes, every action as it stands",
        when=_decision_on_any(when.takes(Verb.APPROVE)),
        footer=True,
        decides=True,
    ),
    _act(
        "approve_wider",
        "A",
        "approve wider",
        "Decide",
        "Approve with one of the wider grants the endpoint offers, such as always; what it allows is said first",
        when=_decision(when.takes(Verb.APPROVE), when.offers_scope),
        decides=True,
    ),
    _act(
        "edit",
        "e",
        "edit",
        "Decide",
        "Change the arguments here, see the difference, then send",
        when=_decision(when.single_action, when.takes(Verb.EDIT)),
        footer=True,
        decides=True,
    ),
    _act(
        "edit_external",
        "E",
        "edit in $EDITOR",
        "Decide",
        "Change the arguments in your own editor, see the difference, then send",
        when=_decision(when.single_action, when.takes(Verb.EDIT)),
        decides=True,
    ),
    _act(
        "reject",
        "x",
        "reject",
        "Decide",
        "Refuse it; then 1–9 for a reason, or type one",
        when=_decision_on_any(when.takes(Verb.REJECT)),
        footer=True,
        decides=True,
    ),
    _act(
        "respond",
        "r",
        "respond",
        "Decide",
        "Answer the agent: choose, fill in or write",
        when=_decision(when.takes(Verb.RESPOND)),
        footer=True,
        decides=True,
    ),
    *(_option(number) for number in range(1, 10)),
    _act(
        "decide_each",
        "D",
        "decide each",
        "Decide",
        "Give each of several actions its own verdict and send them together",
        when=_decision(when.several_actions),
        footer=True,
        decides=True,
    ),
    _act(
        "ignore",
        "i",
        "ignore",
        "Decide",
        "Let the agent go on without an answer, where its endpoint allows it",
        when=_decision_on_any(when.takes(Verb.IGNORE)),
        decides=True,
    ),
    _act(
        "close",
        "X",
        "close",
        "Decide",
        "End the request or its run at the endpoint, where it allows it",
        when=_decision_on_any(when.takes(Verb.CLOSE)),
        decides=True,
    ),
    _act(
        "repeat",
        ".",
        "repeat",
        "Decide",
        "Give this item the last verdict again",
        when=when.all_of(_decision_on_any(), when.repeatable),
        decides=True,
    ),
    _act(
        "undo",
        "u",
        "undo",
        "Deliveries",
        "Take back your newest decision that is still held; of many decided at once, all of them",
        when=when.all_of(when.writable, when.undoable),
        footer=True,
    ),
    _act(
        "look_again",
        "K",
        "look again",
        "Deliveries",
        "Ask the endpoint what came of a delivery whose outcome is unknown; sends nothing",
        when=_mark(when.in_state(DeliveryState.UNKNOWN)),
        footer=True,
    ),
    _act(
        "close_by_hand",
        "H",
        "close by hand",
        "Deliveries",
        "Settle an unknown delivery yourself, with a note of what you found",
        when=_mark(when.in_state(DeliveryState.UNKNOWN)),
        footer=True,
    ),
    _act(
        "repair",
        "m",
        "repair",
        "Deliveries",
        "Mend what blocks this item at its endpoint; what it would do is said first",
        when=_mark(when.repairable),
        footer=True,
    ),
    _act(
        "pause",
        "P",
        "pause sending",
        "Deliveries",
        "Stop all sending, or go on with it; what you decide meanwhile is held",
        when=when.writable,
    ),
    _act("down", "j down", "next item", "Move", "Go to the next item"),
    _act("up", "k up", "previous item", "Move", "Go to the previous item"),
    _act("first", "g home", "first item", "Move", "Go to the first item"),
    _act("last", "G end", "last item", "Move", "Go to the last item"),
    _act(
        "page_down", "ctrl+f", "page down", "Move", "Go a window of the list down; in the item, of its text"
    ),
    _act("page_up", "ctrl+b", "page up", "Move", "Go a window of the list up; in the item, of its text"),
    _act("scroll_down", "ctrl+d pagedown", "scroll down", "Move", "Scroll the item down by half a page"),
    _act("scroll_up", "ctrl+u pageup", "scroll up", "Move", "Scroll the item up by half a page"),
    _act(
        "open",
        "enter l right",
        "open",
        "Move",
        "Go into the item and read it; from there, read all of it over the whole window",
        when=when.has_item,
    ),
    _act(
        "back",
        "escape h left",
        "back",
        "Move",
        "Leave the item, the search, the selection, the group or the filter",
    ),
    _act(
        "endpoint_previous",
        "[",
        "previous endpoint",
        "Move",
        "Show the endpoint before this one alone",
        when=when.several_endpoints,
    ),
    _act(
        "endpoint_next",
        "]",
        "next endpoint",
        "Move",
        "Show the next endpoint alone; after the last, all of them",
        when=when.several_endpoints,
    ),
    _act(
        "select",
        "space",
        "select",
        "Select",
        "Select the item, or no longer, and go to the next; a verb's key then decides all that are selected",
        when=_look(when.on_head_or(when.waits)),
    ),
    _act(
        "select_range",
        "v",
        "select a range",
        "Select",
        "Begin a range: moving selects; again, it ends",
        when=when.has_item,
    ),
    _act(
        "select_all",
        "V",
        "select all",
        "Select",
        "Select every item that the filter shows",
        when=when.has_item,
    ),
    _act(
        "group",
        "z",
        "group",
        "Select",
        "Fold items of the same agent and action into one row each, or show every item again",
    ),
    _act(
        "diff",
        "d",
        "difference",
        "Look",
        "Show what changed in this item since it came",
        when=_look(when.changed),
    ),
    _act("raw", "w", "raw", "Look", "Show the item as its endpoint sent it", when=when.has_item),
    _act(
        "alike",
        "t",
        "decided alike",
        "Look",
        "Show how items much like this one were decided; enter opens one",
        when=when.has_item,
    ),
    _act("log", "L", "log", "Look", "Show what was decided and delivered, of this item or of all"),
    _act("preview", "p", "preview", "Look", "Show or hide the item beside the list"),
    _act(
        "browse",
        "b",
        "open in browser",
        "Look",
        "Open the item's page at its endpoint",
        when=_look(when.has_page),
    ),
    _act("filter", "/", "filter", "Find", "Show only the items that match", footer=True),
    _act("sort", "o", "sort", "Find", "Order the list by the next of: age, deadline, risk, agent"),
    _act("sort_reverse", "O", "reverse order", "Find", "Turn the list's order round"),
    _act("search", "/", "search the item", "Find", "Find words in the item", scope="pane"),
    _act(
        "search_next",
        "n",
        "next match",
        "Find",
        "Go to the next match in the item",
        when=when.searched,
        scope="pane",
    ),
    _act(
        "search_previous",
        "N",
        "previous match",
        "Find",
        "Go to the previous match in the item",
        when=when.searched,
        scope="pane",
    ),
    _act("refresh", "R", "refresh", "Find", "Ask every endpoint now"),
    _act(
        "snooze",
        "S",
        "snooze",
        "Mark",
        "Put it away until a time, or until it changes",
        when=_mark(when.waits),
    ),
    _act("skip", "s", "skip", "Mark", "Leave it undecided and go to the next", when=when.has_item),
    _act(
        "claim",
        "c",
        "claim",
        "Mark",
        "Tell the other operators that you are on it",
        when=_mark(when.waits, when.unclaimed),
    ),
    _act("release", "C", "release", "Mark", "Give a claimed item back", when=_mark(when.claimed)),
    _act("note", "n", "note", "Mark", "Write a note to it", when=_mark()),
    _act(
        "escalate", "!", "escalate", "Mark", "Pass it to somebody else, with a note", when=_mark(when.waits)
    ),
    _act("copy", "y", "copy", "Hand on", "Copy the item", when=when.has_item),
    _act(
        "pipe",
        "|",
        "pipe to command",
        "Hand on",
        "Give the item as JSON to a shell command and show what it prints",
        when=when.has_item,
    ),
    _act("theme", "T", "theme", "Console", "Choose a theme; seen at once"),
    _act(
        "summary",
        "Q",
        "session",
        "Console",
        "Show what you decided since the console was opened, how fast, and what is left",
    ),
    _act("palette", ": ctrl+p", "commands", "Console", "Find any action by its name"),
    _act(
        "redraw", "ctrl+l", "redraw", "Console", "Paint the screen anew, as after something else wrote on it"
    ),
    _act("help", "? f1", "help", "Console", "Show every key, and why one is of no use now", footer=True),
    _act(
        "hints_off",
        "I",
        "no more hints",
        "Console",
        "Show no more hints of the demo's guided first round",
        when=when.guided,
    ),
    _act("quit", "q", "quit", "Console", "Leave; what is held is sent or kept, as you say", footer=True),
)

_BY_ID = {one.id: one for one in ACTIONS}


def action(action_id: str) -> Action:
    """The action of that id. Raises KeyError."""
    return _BY_ID[action_id]
