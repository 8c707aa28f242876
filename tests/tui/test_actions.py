"""The registry of actions: keymaps, reasons, palette and key tables all come from it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from textual.binding import Binding

from triage.config.judging import OwnCommand
from triage.model.decision import Decision, DeliveryState, Verdict
from triage.model.filtering import Subject
from triage.model.item import Action as ItemAction
from triage.model.item import Gone, Item, ItemKind, Option, Verb
from triage.tui.actions import (
    ACTIONS,
    GROUPS,
    PRESETS,
    Situation,
    action,
    bindings,
    check_keymap,
    key_label,
    keymap_of,
    keys_of,
)
from triage.tui.help_text import help_lines
from triage.tui.marks import marks_for

available = keymap_of("default", {}).available
AT = datetime(2026, 3, 2, 10, 31, tzinfo=UTC)
ROOT = Path(__file__).resolve().parents[2]


def item(**changes: Any) -> Item:
    settings: dict[str, Any] = {
        "endpoint": "mail",
        "key": "1",
        "kind": ItemKind.APPROVAL,
        "title": "Send it?",
        "verbs": (Verb.APPROVE, Verb.REJECT),
        "actions": (ItemAction("send", {"to": "ann"}),),
    }
    return Item(**(settings | changes))


def before(one: Item | None = None, **changes: Any) -> Situation:
    """A situation with ``one`` under the cursor; plain objects stand in for the queue's and the log's."""
    marks = SimpleNamespace(claimed_by=changes.pop("claimed_by", ""))
    entry: Any = SimpleNamespace(
        item=one or item(), gone=changes.pop("gone", None), previous=None, marks=marks
    )
    return Situation(entry=entry, operator="bob", **changes)


def decided(state: DeliveryState, operator: str = "ann") -> Any:
    decision = Decision("d1", "i1", "mail", "r1", (Verdict(Verb.APPROVE),), operator, AT)
    return SimpleNamespace(decision=decision, state=state)


def why_not(action_id: str, situation: Situation) -> str | None:
    return action(action_id).when(situation)


def reason(action_id: str, situation: Situation) -> str:
    why = why_not(action_id, situation)
    assert why is not None, f"{action_id} is available"
    return why


def test_the_registry_is_whole() -> None:
    assert len({one.id for one in ACTIONS}) == len(ACTIONS)
    assert {one.group for one in ACTIONS} == set(GROUPS)
    assert all(one.help and one.help[0].isupper() and not one.help.endswith(".") for one in ACTIONS)


def test_whatever_decides_is_dead_without_an_item_and_when_read_only() -> None:
    for one in ACTIONS:
        if one.decides:
            assert one.when(Situation()) == "no item is under the cursor"
            assert one.when(before(read_only=True)) == "this console is read-only"


def test_approve_and_reject_are_free_for_a_waiting_item() -> None:
    assert why_not("approve", before()) is None
    assert why_not("reject", before()) is None


def test_the_endpoints_own_reason_is_told() -> None:
    why = reason("edit", before(item(refusals={"edit": "its API has no field for\x1b it"})))
    assert why == "this endpoint takes no edits: its API has no field for‹ESC› it"


def test_a_refusal_without_words_still_says_what_is_not_taken() -> None:
    assert reason("ignore", before()) == "this endpoint takes no ignoring for this item"


def test_a_question_says_to_answer_it() -> None:
    question = item(kind=ItemKind.QUESTION, actions=(), verbs=(Verb.RESPOND,))
    assert reason("approve", before(question)).endswith("answer it")
    assert why_not("respond", before(question)) is None


def test_an_external_item_points_to_its_page() -> None:
    external = item(kind=ItemKind.EXTERNAL, actions=(), verbs=(), url="https://example.test/1")
    assert "browser" in reason("approve", before(external))
    assert why_not("browse", before(external)) is None


def test_a_standing_decision_names_operator_time_and_state() -> None:
    why = reason("approve", before(record=decided(DeliveryState.SENT)))
    assert why.startswith("already decided by ann at ")
    assert why.endswith(": approve, sent")


def test_ones_own_held_decision_points_to_undo() -> None:
    why = reason("reject", before(record=decided(DeliveryState.HELD, "bob")))
    assert "by you" in why
    assert why.endswith("undo takes it back")


@pytest.mark.parametrize("state", [DeliveryState.WITHDRAWN, DeliveryState.STALE, DeliveryState.REFUSED])
def test_what_ended_without_effect_can_be_decided_again(state: DeliveryState) -> None:
    assert why_not("approve", before(record=decided(state))) is None


def test_a_tombstone_says_what_became_of_it() -> None:
    why = reason("approve", before(gone=Gone("answered", "by carl")))
    assert why == "it no longer waits: answered (by carl)"


def test_several_actions_are_decided_each() -> None:
    actions = (ItemAction("a"), ItemAction("b", verbs=(Verb.REJECT,)))
    several = before(item(actions=actions, verbs=(Verb.APPROVE, Verb.REJECT, Verb.EDIT)))
    assert reason("edit", several) == "2 actions are proposed: decide each by itself"
    assert reason("approve", several) == "not every action here takes approve: decide each by itself"
    assert why_not("reject", several) is None
    assert why_not("decide_each", several) is None
    assert reason("decide_each", before()) == "only one thing is asked: decide it directly"


def test_digits_are_as_many_as_there_are_options() -> None:
    options = (Option("yes", True), Option("no", False))
    question = before(item(kind=ItemKind.QUESTION, actions=(), verbs=(Verb.RESPOND,), options=options))
    assert why_not("option_2", question) is None
    assert reason("option_3", question) == "there is no option 3: it offers 2"


def test_unknown_deliveries_are_looked_at_again_or_closed_by_hand() -> None:
    unknown = before(record=decided(DeliveryState.UNKNOWN))
    assert why_not("look_again", unknown) is None
    assert why_not("close_by_hand", unknown) is None
    assert {"look_again", "close_by_hand"} <= {one.id for one in available(unknown)}
    assert "confirmed" in reason("look_again", before(record=decided(DeliveryState.CONFIRMED)))


def test_undo_claim_release_and_repair_say_why_not() -> None:
    assert reason("undo", before()) == "nothing held to undo"
    assert why_not("undo", before(can_undo=True)) is None
    assert reason("claim", before(claimed_by="bob")) == "you have claimed it already"
    assert reason("release", before()) == "nobody has claimed it"
    assert reason("repair", before()) == "nothing to repair here"
    assert why_not("repair", before(item(repair="start the run again"))) is None


def test_the_footer_shows_only_what_can_be_done() -> None:
    shown = [one.id for one in available(before())]
    assert shown[:2] == ["approve", "reject"]
    assert "edit" not in shown


@pytest.mark.parametrize("preset", list(PRESETS))
def test_presets_have_no_clash_and_every_action_a_key(preset: str) -> None:
    for scope in ("desk", "pane"):
        keys = [key for one in ACTIONS if one.scope == scope for key in keys_of(one.id, preset, {})]
        assert len(keys) == len(set(keys))
    assert all(keys_of(one.id, preset, {}) for one in ACTIONS)
    assert check_keymap(preset, {}) == []
    own = {action_id: keys for action_id, keys in PRESETS[preset].items()}
    assert check_keymap(preset, own) == [], "a preset keeps the rules it asks of others"


def test_bindings_act_on_the_screen_and_are_read_by_textual() -> None:
    made = list(Binding.make_bindings(bindings(keymap_of("default", {}))))
    by_key = {binding.key: binding for binding in made}
    assert by_key["a"].action == "screen.act('approve')"
    assert by_key["vertical_line"].id == "pipe"
    assert by_key["j"].id == by_key["down"].id == "down"
    assert [one.id for one in bindings(keymap_of("default", {}), scope="pane")] == [
        "search",
        "search_next",
        "search_previous",
    ]


def test_an_override_replaces_the_keys_and_an_empty_one_takes_them_away() -> None:
    assert keys_of("approve", "default", {"approve": "A, ctrl+A esc,f9"}) == ("a",), "esc is back's already"
    assert keys_of("skip", "default", {"skip": "f5, ctrl+K"}) == ("f5", "ctrl+k")
    assert keys_of("close", "default", {"close": ""}) == ()
    assert "close" not in {one.id for one in bindings(keymap_of("default", {"close": ""}))}


def test_every_fault_is_told_at_once_and_none_is_fatal() -> None:
    overrides = {
        "aprove": "a",
        "skip": "hyper+x",
        "note": "pgdwn",
        "copy": "ctrl+s",
        "claim": "shift+c",
        "raw": "ctrl+!",
        "approve": "y",
    }
    told = check_keymap("vim", overrides)
    assert told[0] == "keymap: there is no 'vim', only default and mail; default is used."
    assert told[1:] == [
        "keys.aprove: there is no such action; did you mean 'approve'?",
        "keys.skip: 'hyper+x': there is no modifier 'hyper' (ctrl, alt, shift).",
        "keys.note: there is no key 'pgdwn'; did you mean 'pgdn'?",
        "keys.copy: 'ctrl+s' cannot be used: it stops the output of many terminals.",
        "keys.claim: terminals do not tell 'shift+c' apart: write 'C'.",
        "keys.raw: terminals do not send 'ctrl+!': ctrl goes with letters and named keys.",
        "keys.approve: 'y' belongs to copy already; give copy another key in [keys] too.",
    ]
    assert keymap_of("vim", overrides).keys == keymap_of("default", {}).keys


def test_two_keys_can_be_exchanged() -> None:
    swapped = {"approve": "y", "copy": "a"}
    assert check_keymap("default", swapped) == []
    assert keys_of("copy", "default", swapped) == ("a",)


COMMANDS = {
    "ticket": OwnCommand(run="new-ticket", key="J, ctrl+t", label="open a ticket"),
    "page": OwnCommand(run="page-me", key="a", when="amount>10"),
    "again": OwnCommand(run="again", key="J hyper+x"),
    "quiet": OwnCommand(run="true"),
}


def test_own_commands_are_actions_with_their_real_keys() -> None:
    keymap = keymap_of("default", {}, COMMANDS)
    assert [one.id for one in keymap.own] == [
        "command_ticket",
        "command_page",
        "command_again",
        "command_quiet",
    ]
    assert keymap.of("command_ticket") == ("J", "ctrl+t")
    assert keymap.of("command_page") == (), "its key is taken"
    assert {binding.id for binding in bindings(keymap)} >= {"command_ticket", "approve"}
    assert keymap.action("command_page").label == "page"
    assert keymap.action("approve") is action("approve")
    with pytest.raises(KeyError):
        keymap.action("command_none")


def test_a_key_of_an_own_command_that_is_taken_or_none_is_told() -> None:
    assert check_keymap("default", {}, COMMANDS) == [
        "commands.page: 'a' belongs to approve already; choose another key, or give approve another one in "
        "[keys].",
        "commands.again: 'J' belongs to commands.ticket already; choose another key.",
        "commands.again: 'hyper+x': there is no modifier 'hyper' (ctrl, alt, shift).",
    ]
    freed = {"approve": "f5"}
    assert keymap_of("default", freed, {"page": COMMANDS["page"]}).of("command_page") == ("a",)
    assert check_keymap("default", freed, {"page": COMMANDS["page"]}) == []


def test_an_own_command_says_for_which_items_it_is() -> None:
    one = keymap_of("default", {}, {"page": COMMANDS["page"]}).own[0]
    assert one.when(Situation()) == "no item is under the cursor"
    cheap, dear = (item(actions=(ItemAction("pay", {"amount": amount}),)) for amount in (5, 15))
    assert one.when(before(cheap, subject=Subject(cheap, AT))) == "it is for items that match amount>10"
    assert one.when(before(dear, subject=Subject(dear, AT))) is None


def test_a_filter_of_an_own_command_that_means_nothing_says_so() -> None:
    broken = {"page": OwnCommand(run="x", when="amount>")}
    why = keymap_of("default", {}, broken).own[0].when(before())
    assert why is not None
    assert why.startswith("its filter means nothing: nothing stands after amount>")


def test_keys_are_written_as_people_read_them() -> None:
    assert [key_label(key) for key in ("ctrl+d", "pagedown", "f1", "escape", "+", "f")] == [
        "ctrl+d",
        "PgDn",
        "F1",
        "esc",
        "+",
        "f",
    ]
    assert keymap_of("default", {"close": ""}).label("close") == ""
    assert action("close").label == "close"


@pytest.mark.parametrize("width", [76, 116])
def test_no_row_of_the_help_is_wider_than_the_page(width: int) -> None:
    """However many keys an action has, they stay beside or above what it does."""
    keymap = keymap_of("default", {"approve": "a ctrl+t f5 shift+f6 f7"})
    rows = ["".join(text for text, _ in line) for line in help_lines(keymap, before(), marks_for({}), width)]
    assert [row for row in rows if len(row) > width] == []
    at = next(number for number, row in enumerate(rows) if row.startswith("  a ctrl+t"))
    assert rows[at + 1].startswith("                   Let the agent do")


def test_the_keys_of_options_are_one_row_of_the_help() -> None:
    lines = help_lines(keymap_of("default", {}), before(), marks_for({}), 116)
    assert len([line for line in lines if line and line[0][0].startswith("  1-9 ")]) == 1
