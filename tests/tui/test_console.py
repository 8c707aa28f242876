"""The console: keys decide what is on screen and nothing else, and what comes of it is shown."""

from __future__ import annotations

import pytest

from tests.desk.scripted import Agent
from tests.tui.conftest import Console, OpenConsole
from triage.connectors.http import Interrupted, Unreachable
from triage.desk import pace
from triage.model.decision import DeliveryState, Verdict
from triage.model.item import Action, Gone, ItemKind, Option, Scope, Verb
from triage.store.errors import StoreUnavailable
from triage.tui.actions import ACTIONS
from triage.tui.deciding import Deciding
from triage.tui.screens.answer import AnswerDialog
from triage.tui.screens.choice import Choice, ChoiceDialog
from triage.tui.screens.edit import EditDialog
from triage.tui.screens.page import Page
from triage.tui.screens.reading import ReadingScreen
from triage.tui.screens.reason import ReasonDialog

pytestmark = pytest.mark.usefixtures("patient")


def decided(console: Console) -> list[tuple[str, list[Verdict]]]:
    """Title and verdicts of every decision, oldest first."""
    records = console.desk.recent(100)[::-1]
    return [(record.item.title if record.item else "", list(record.decision.verdicts)) for record in records]


async def test_every_action_has_its_deed(agent: Agent, open_console: OpenConsole) -> None:
    async with open_console() as console:
        for one in ACTIONS:
            if one.id.startswith("option_"):
                continue
            deed = getattr(Deciding, one.id, None) if one.decides else console.screen.doings.get(one.id)
            assert deed is not None, f"nothing does {one.id}"


async def test_approve_decides_what_is_shown_and_goes_on(agent: Agent, open_console: OpenConsole) -> None:
    agent.ask("a")
    agent.ask("b")
    async with open_console() as console:
        assert "Refund a" in console.screen.pane.shown_text
        await console.press("a")
        assert decided(console) == [("Refund a", [Verdict(Verb.APPROVE)])]
        assert "Refund b" in console.screen.pane.shown_text
        assert "Approved: Refund a" in console.said
        assert "1 held" in console.screen.strip.shown_text


async def test_undo_takes_it_back_and_shows_it_again(agent: Agent, open_console: OpenConsole) -> None:
    item = agent.ask("a")
    agent.ask("b")
    async with open_console() as console:
        await console.press("a", "u")
        assert console.state(item) is DeliveryState.WITHDRAWN
        assert console.screen.list.cursor_id == item.id
        assert agent.sends == 0
        await console.press("u")
        assert "nothing held to undo" in console.said


async def test_what_was_confirmed_says_its_effect(agent: Agent, open_console: OpenConsole) -> None:
    agent.ask("a")
    async with open_console(hold_s=0.0) as console:
        await console.press("a")
        await console.until(lambda: "refunded a" in console.screen.strip.shown_text)
        assert agent.acted


async def test_a_rejection_takes_a_reason_by_number(agent: Agent, open_console: OpenConsole) -> None:
    agent.ask("a")
    async with open_console() as console:
        await console.press("x")
        assert isinstance(console.app.screen, ReasonDialog)
        await console.press("2")
        assert decided(console) == [
            ("Refund a", [Verdict(Verb.REJECT, reason="The amount or scope is too large")])
        ]


async def test_a_rejection_takes_a_reason_in_words(agent: Agent, open_console: OpenConsole) -> None:
    agent.ask("a")
    async with open_console() as console:
        await console.press("x", *"too late 1", "enter")
        assert decided(console) == [("Refund a", [Verdict(Verb.REJECT, reason="too late 1")])]


async def test_what_was_typed_is_kept_as_a_draft(agent: Agent, open_console: OpenConsole) -> None:
    item = agent.ask("a")
    async with open_console() as console:
        await console.press("x", *"not y", "escape")
        assert console.entry(item).marks.drafts == {"reject": "not y"}
        await console.until(lambda: "draft is kept: reject" in console.screen.pane.shown_text)
        await console.press("x", *"et", "enter")
        assert decided(console)[0][1] == [Verdict(Verb.REJECT, reason="not yet")]
        assert console.entry(item).marks.drafts == {}


async def test_looking_into_the_editor_leaves_no_draft(agent: Agent, open_console: OpenConsole) -> None:
    item = agent.ask("a")
    async with open_console() as console:
        await console.press("e", "escape")
        assert console.entry(item).marks.drafts == {}


async def test_an_edit_is_checked_compared_and_sent(agent: Agent, open_console: OpenConsole) -> None:
    agent.ask("a")
    async with open_console() as console:
        await console.press("e")
        dialog = console.app.screen
        assert isinstance(dialog, EditDialog)
        await console.press("tab", "end", "0", "0")
        assert "1200 is greater than the maximum of 100" in dialog.faults()[0]
        await console.press("f2")
        assert dialog is console.app.screen, "what is wrong is not sent"
        await console.press("backspace", "backspace", "backspace", "5", "f2")
        reading = console.app.screen
        assert isinstance(reading, ReadingScreen)
        shown = "\n".join("".join(text for text, _ in line) for line in reading.shown_lines)
        assert "- amount  12" in shown
        assert "+ amount  15" in shown
        await console.press("enter")
        assert decided(console)[0][1] == [Verdict(Verb.EDIT, arguments={"order": "a", "amount": 15})]


async def test_an_edit_as_json_keeps_what_the_form_had(agent: Agent, open_console: OpenConsole) -> None:
    agent.ask("a")
    async with open_console() as console:
        await console.press("e", "tab", "end", "3", "f3")
        dialog = console.app.screen
        assert isinstance(dialog, EditDialog)
        assert dialog.way == "text"
        assert dialog.value() == {"order": "a", "amount": 123}
        await console.press("f3")
        assert dialog.way == "form"
        assert dialog.value() == {"order": "a", "amount": 123}


async def test_an_option_is_answered_by_its_number(agent: Agent, open_console: OpenConsole) -> None:
    agent.ask(
        "q",
        kind=ItemKind.QUESTION,
        actions=(),
        verbs=(Verb.RESPOND,),
        title="Which?",
        options=(Option("red", "r"), Option("blue", {"colour": "b"})),
    )
    async with open_console() as console:
        await console.press("3")
        assert "there is no option 3: it offers 2" in console.said
        await console.press("2")
        assert decided(console) == [("Which?", [Verdict(Verb.RESPOND, answer={"colour": "b"})])]


async def test_several_options_are_marked_and_sent_together(agent: Agent, open_console: OpenConsole) -> None:
    options = tuple(Option(name, name) for name in ("red", "green", "blue"))
    agent.ask("q", kind=ItemKind.QUESTION, actions=(), verbs=(Verb.RESPOND,), options=options, many=True)
    async with open_console() as console:
        await console.press("3")
        assert isinstance(console.app.screen, AnswerDialog)
        await console.press("3", "1", "2", "2", "enter")
        assert decided(console)[0][1] == [Verdict(Verb.RESPOND, answer=["red", "blue"])]


async def test_an_answer_is_checked_against_its_schema(agent: Agent, open_console: OpenConsole) -> None:
    agent.ask(
        "q", kind=ItemKind.QUESTION, actions=(), verbs=(Verb.RESPOND,), answer_schema={"type": "integer"}
    )
    async with open_console() as console:
        await console.press("r", *"many", "enter")
        assert isinstance(console.app.screen, AnswerDialog)
        assert decided(console) == []
        await console.press(*["backspace"] * 4, *"7", "enter")
        assert decided(console)[0][1] == [Verdict(Verb.RESPOND, answer=7)]


async def test_each_of_several_actions_gets_its_own_verdict(agent: Agent, open_console: OpenConsole) -> None:
    agent.ask("a", actions=(Action("mail", {"to": "x"}), Action("drop", {"table": "t"})))
    async with open_console() as console:
        await console.press("D", "a", "enter")
        assert decided(console) == [], "one action has no verdict yet"
        await console.press("x", "1", "enter")
        assert [verdict.verb for verdict in decided(console)[0][1]] == [Verb.APPROVE, Verb.REJECT]


async def test_a_wider_grant_is_chosen_never_given(agent: Agent, open_console: OpenConsole) -> None:
    agent.ask("a", scopes=(Scope("always", "every refund below 20"),))
    agent.ask("b", scopes=(Scope("always", "every refund below 20"),))
    async with open_console() as console:
        await console.press("a", "A")
        dialog = console.app.screen
        assert isinstance(dialog, ChoiceDialog)
        await console.press("1")
        verdicts = {title: given for title, given in decided(console)}
        assert verdicts["Refund a"] == [Verdict(Verb.APPROVE)]
        assert verdicts["Refund b"] == [Verdict(Verb.APPROVE, scope="always")]


async def test_what_else_a_verb_would_do_is_said_first(agent: Agent, open_console: OpenConsole) -> None:
    agent.ask("a", warnings={"approve": "this approves two more"})
    async with open_console() as console:
        await console.press("a")
        assert isinstance(console.app.screen, ChoiceDialog)
        await console.press("enter")
        assert decided(console) == [], "the default is to leave it"
        await console.press("a", "y")
        assert len(decided(console)) == 1


async def test_the_last_verdict_is_repeated(agent: Agent, open_console: OpenConsole) -> None:
    agent.ask("a")
    agent.ask("b")
    async with open_console() as console:
        await console.press("x", "1", "full_stop")
        assert [given for _, given in decided(console)] == [
            [Verdict(Verb.REJECT, reason="Not now; ask again tomorrow")]
        ] * 2


async def test_a_verb_that_is_not_taken_says_why(agent: Agent, open_console: OpenConsole) -> None:
    agent.ask("a", verbs=(Verb.APPROVE,), refusals={"edit": "its API takes no arguments"})
    async with open_console() as console:
        await console.press("e")
        assert "its API takes no arguments" in console.said
        await console.press("x")
        assert "takes no rejection" in console.said


async def test_the_selection_never_moves_by_itself(agent: Agent, open_console: OpenConsole) -> None:
    agent.ask("b")
    agent.ask("c")
    async with open_console() as console:
        await console.press("j")
        cursor = console.screen.list.cursor_id
        old = agent.ask("a")
        agent.items["a"] = old
        await console.until(lambda: len(console.screen.view.rows) == 3)
        assert console.screen.list.cursor_id == cursor
        assert "Refund c" in console.screen.pane.shown_text


async def test_an_item_that_goes_stays_as_a_tombstone_under_the_cursor(
    agent: Agent, open_console: OpenConsole
) -> None:
    item = agent.ask("a")
    agent.ask("b")
    async with open_console() as console:
        del agent.items["a"]
        agent.answered["a"] = Gone("answered", "on the web page")
        await console.until(lambda: "on the web page" in console.screen.pane.shown_text)
        assert console.screen.list.cursor_id == item.id
        await console.press("a")
        assert "no longer waits" in console.said
        assert decided(console) == []
        await console.press("j")
        assert item.id not in console.screen.view.rows


async def test_a_changed_item_is_not_decided_as_it_was(agent: Agent, open_console: OpenConsole) -> None:
    item = agent.ask("a")
    async with open_console() as console:
        shown = console.screen.guard.painted
        changed = agent.ask("a", actions=(Action("refund", {"order": "a", "amount": 99}),))
        await console.until(lambda: console.entry(item).item.revision == changed.revision)
        await console.until(lambda: "99" in console.screen.pane.shown_text)
        assert "Changed" in console.screen.pane.shown_text
        assert console.screen.guard.painted != shown
        await console.press("a")
        assert [record.decision.revision for record in console.desk.recent(5)] == [changed.revision]


async def test_a_key_between_the_change_and_its_painting_decides_nothing(
    agent: Agent, open_console: OpenConsole
) -> None:
    item = agent.ask("a")
    async with open_console() as console:
        from datetime import UTC, datetime

        agent.poll_error = Unreachable("gone fishing")
        changed = agent.ask("a", actions=(Action("refund", {"order": "a", "amount": 99}),))
        console.desk.queue.sync("agent", [changed], datetime.now(UTC))
        console.screen.action_act("approve")
        assert "has changed" in console.said
        assert console.desk.record(item.id) is None


async def test_a_paste_decides_nothing(
    agent: Agent, open_console: OpenConsole, monkeypatch: pytest.MonkeyPatch
) -> None:
    from textual import events

    from triage.tui import guard

    agent.ask("a")
    async with open_console() as console:
        monkeypatch.setattr(guard, "BURST_S", 0.2)
        console.app.post_message(events.Paste("aaaa"))
        await console.settle()
        await console.press("a")
        assert decided(console) == []
        assert "burst" in console.said


async def test_the_first_decision_wins_and_the_second_operator_is_told(
    agent: Agent, open_console: OpenConsole
) -> None:
    from tests.desk.scripted import make_desk

    item = agent.ask("a")
    async with open_console() as console:
        other = make_desk(agent, console.desk.data, operator="bob", hold_s=60)
        other.queue.refresh()
        other.decide(item.id, item.revision, [Verdict(Verb.REJECT, reason="no")])
        await console.press("a")
        await console.until(lambda: "bob" in console.said)
        assert len(console.desk.recent(5)) == 1
        await other.stop()


async def test_an_unknown_outcome_offers_to_look_again_and_to_close_by_hand(
    agent: Agent, open_console: OpenConsole, monkeypatch: pytest.MonkeyPatch
) -> None:
    from triage.desk import delivery

    monkeypatch.setattr(delivery, "LOST_FOR_S", 0.1)
    item = agent.ask("a")
    agent.before_acting = lambda: Interrupted("no answer within 30 s")
    async with open_console(hold_s=0.0) as console:
        await console.press("a")
        await console.until(lambda: console.state(item) is DeliveryState.UNKNOWN)
        await console.until(lambda: "Nobody knows" in console.screen.pane.shown_text)
        assert "look again" in console.screen.footer.shown_text
        await console.press("K")
        await console.until(lambda: "unknown" in console.said)
        await console.press("H", *"asked the bank", "enter")
        assert console.state(item) is DeliveryState.CLOSED
        assert agent.sends == 1


async def test_leaving_with_held_decisions_asks_what_becomes_of_them(
    agent: Agent, open_console: OpenConsole
) -> None:
    agent.ask("a")
    async with open_console() as console:
        await console.press("a", "q")
        assert isinstance(console.app.screen, ChoiceDialog)
        await console.press("c")
        assert console.app.is_running
        await console.press("q", "l")
        await console.until(lambda: not console.app.is_running)
        assert console.app.held == "keep"
    assert agent.sends == 0


@pytest.mark.parametrize("key", ["s", "l"])
async def test_each_choice_of_leaving_leaves_by_its_own_key(
    key: str, agent: Agent, open_console: OpenConsole
) -> None:
    agent.ask("a")
    async with open_console() as console:
        await console.press("a", "q", key)
        await console.until(lambda: not console.app.is_running)
        assert console.app.held == {"s": "send", "l": "keep"}[key]


async def test_what_a_pause_stops_is_not_offered_to_be_sent(agent: Agent, open_console: OpenConsole) -> None:
    agent.ask("a")
    async with open_console() as console:
        await console.press("P", "a", "q")
        shown = console.app.screen.query_one(Page).shown_text
        assert "1 decision not sent yet. Sending is paused." in shown
        assert "send them now" not in shown
        await console.press("s")
        assert console.app.is_running
        await console.press("l")
        await console.until(lambda: not console.app.is_running)
        assert console.app.held == "keep"


def test_no_choice_has_a_key_that_moves() -> None:
    with pytest.raises(ValueError, match="moves the cursor cannot choose: 'keep it'"):
        ChoiceDialog("Leave?", [Choice("k", "keep it", "keep")])


async def test_a_console_that_only_looks_decides_nothing(agent: Agent, open_console: OpenConsole) -> None:
    agent.ask("a")
    async with open_console(read_only=True) as console:
        await console.press("a")
        assert "read-only" in console.said
        assert "read-only" in console.screen.bar.shown_text
        assert decided(console) == []


async def test_states_without_items_say_what_goes_on(agent: Agent, open_console: OpenConsole) -> None:
    agent.poll_error = Unreachable("cannot reach agent.invalid: refused")
    async with open_console(waiting=0) as console:
        await console.until(lambda: "No endpoint answers." in console.text)
        assert "cannot reach agent.invalid" in console.text
        agent.poll_error = None
        await console.until(lambda: "Nothing waits for you." in console.text)


async def test_pausing_is_shown_and_nothing_is_sent(agent: Agent, open_console: OpenConsole) -> None:
    item = agent.ask("a")
    async with open_console(hold_s=0.0) as console:
        await console.press("P", "a")
        await console.until(lambda: "sending paused" in console.screen.bar.shown_text)
        await console.until(lambda: "sending is paused" in console.screen.strip.shown_text)
        assert agent.sends == 0
        await console.press("P")
        await console.until(lambda: console.state(item) is DeliveryState.CONFIRMED)


async def test_the_filter_takes_effect_as_it_is_typed(agent: Agent, open_console: OpenConsole) -> None:
    for key in "abc":
        agent.ask(key)
    async with open_console() as console:
        await console.press("slash", *"title:b")
        assert len(console.screen.view.rows) == 1
        assert "Refund b" in console.screen.pane.shown_text
        await console.press(*" nosuch:", "enter")
        assert "Filter" in console.said or len(console.screen.view.rows) == 1
        await console.press("slash", *"title:c", "enter", "a")
        assert [title for title, _ in decided(console)] == ["Refund c"]
        await console.press("escape")
        assert len(console.screen.view.rows) == 3


async def test_in_a_text_field_no_single_key_decides(agent: Agent, open_console: OpenConsole) -> None:
    agent.ask("a")
    async with open_console() as console:
        await console.press("slash", *"axaaurq")
        assert decided(console) == []
        assert console.app.is_running


async def test_what_led_to_it_is_asked_when_it_is_opened(agent: Agent, open_console: OpenConsole) -> None:
    agent.ask("a")
    async with open_console() as console:
        await console.press("enter")
        await console.until(lambda: "please" in console.screen.pane.shown_text)
        await console.press("escape")
        assert console.app.focused is console.screen.list


async def test_marks_are_written_and_shown(agent: Agent, open_console: OpenConsole) -> None:
    item = agent.ask("a")
    agent.ask("b")
    async with open_console() as console:
        await console.press("c")
        assert "@you" in console.screen.list.shown_text
        await console.press("n", *"ask finance", "enter")
        assert "Note: ask finance" in console.screen.pane.shown_text
        await console.press("C", "exclamation_mark", *"eve: look", "enter")
        marks = console.entry(item).marks
        assert (marks.claimed_by, marks.escalated_to) == ("", "eve")
        await console.press("S", "2")
        assert item.id not in console.screen.view.rows
        assert "Refund b" in console.screen.pane.shown_text


@pytest.mark.parametrize("size", [(120, 36), (80, 24), (200, 60), (60, 18)])
async def test_every_size_shows_list_item_and_keys(
    agent: Agent, open_console: OpenConsole, size: tuple[int, int]
) -> None:
    agent.ask("a")
    async with open_console(size=size) as console:
        assert "Refund a" in console.screen.list.shown_text
        assert "approve" in console.screen.footer.shown_text
        assert "amount" in console.screen.pane.shown_text
        for line in console.text.split("\n"):
            assert len(line) <= size[0]


async def test_reading_screens_show_raw_log_and_keys(agent: Agent, open_console: OpenConsole) -> None:
    agent.ask("a", raw={"id": "raw-1", "deep": {"x": [1, 2.0]}})
    async with open_console() as console:
        for key, words in (
            ("w", "raw-1"),
            ("L", "Nothing has been decided yet"),
            ("question_mark", "Decide"),
        ):
            await console.press(key)
            reading = console.app.screen
            assert isinstance(reading, ReadingScreen)
            shown = "\n".join("".join(text for text, _ in line) for line in reading.shown_lines)
            assert words in shown
            await console.press("q")


async def test_themes_are_tried_on_and_taken_off(agent: Agent, open_console: OpenConsole) -> None:
    agent.ask("a")
    async with open_console() as console:
        before = console.app.theme
        await console.press("T", "j")
        assert console.app.theme != before
        await console.press("escape")
        assert console.app.theme == before


async def test_a_store_that_cannot_be_written_is_said(
    agent: Agent, open_console: OpenConsole, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "MAX_BACKOFF_S", 0.1)
    agent.ask("a")
    async with open_console() as console:

        def full(*_: object) -> None:
            raise StoreUnavailable("queue.jsonl cannot be written: the disk is full")

        with monkeypatch.context() as patch:
            patch.setattr(console.desk.queue, "sync_in_steps", full)
            await console.until(lambda: "the disk is full" in console.said)
            assert "! trouble" in console.screen.bar.shown_text
        await console.until(lambda: "can be saved again" in console.said)


async def test_an_item_that_cannot_be_read_is_said_and_shown_again_once_it_can(
    agent: Agent, open_console: OpenConsole, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = agent.ask("a"), agent.ask("b")
    async with open_console() as console:
        await console.until(lambda: len(console.screen.view.rows) == 2)

        def unreadable(_: str) -> None:
            raise StoreUnavailable("queue.jsonl cannot be read: the disk reports an error")

        with monkeypatch.context() as patch:
            patch.setattr(console.desk.queue, "get", unreadable)
            await console.press("j", "a")
            await console.until(lambda: "the disk reports an error" in console.said)
            await console.press("k", "a", "o", "o", "o", "o", "/", "r", "escape", "a")
            assert "! trouble" in console.screen.bar.shown_text
        assert console.desk.recent(1) == []
        await console.until(lambda: "can be saved again" in console.said)
        assert {*console.screen.view.rows} == {first.id, second.id}
        await console.until(lambda: "Refund" in console.screen.pane.shown_text)


async def test_how_its_like_was_decided_is_shown_and_can_be_opened(
    agent: Agent, open_console: OpenConsole
) -> None:
    for key in "ab":
        agent.ask(key, actions=(Action("refund", {"order": "A-1", "amount": 12}),))
    async with open_console() as console:
        await console.press("x", *"too much", "enter")
        await console.until(lambda: "Asked before: rejected once" in console.screen.pane.shown_text)
        assert "rejected by ann" in console.screen.pane.shown_text
        await console.press("t")
        assert isinstance(console.app.screen, ChoiceDialog)
        await console.press("1")
        reading = console.app.screen
        assert isinstance(reading, ReadingScreen)
        shown = "\n".join("".join(text for text, _ in line) for line in reading.shown_lines)
        assert "Refund a" in shown
        assert "too much" in shown
