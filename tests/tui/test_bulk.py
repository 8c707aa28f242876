"""One decision on many: sorted out, compared, confirmed by a key of its own, logged one by one, undone as one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.desk.scripted import Agent, make_desk, make_item
from tests.tui.conftest import Console, OpenConsole
from triage.config.settings import HighRisk
from triage.desk.checking import faults_of_verdicts
from triage.desk.rating import Rated
from triage.model.decision import Decision, DeliveryState, Verdict
from triage.model.item import Action, Gone, Item, ItemKind, Option, Risk, Verb
from triage.store.errors import StoreUnavailable
from triage.store.log import Record
from triage.store.queue import Entry, Marks
from triage.tui import batch, guard
from triage.tui.batch import Batch, Give, Standing, alike_options, outcome_words, sort_out
from triage.tui.comparison import compare
from triage.tui.comparison_text import Sheet, remarks, same_lines
from triage.tui.lines import plain, width_of
from triage.tui.screens.bulk import BulkDialog
from triage.tui.screens.reading import ReadingScreen
from triage.tui.screens.reason import ReasonDialog
from triage.tui.table_rows import parts_of, rows_of

AT = datetime(2026, 3, 2, 10, 31, tzinfo=UTC)
APPROVE = Verdict(Verb.APPROVE)


def decided(console: Console) -> dict[str, list[Verdict]]:
    """Key → verdicts of every decision."""
    records = console.desk.recent(2000)
    return {record.item.key: list(record.decision.verdicts) for record in records if record.item}


def stayed(console: Console) -> dict[str, str]:
    """Key → why, of what is selected."""
    choosing = console.screen.many.choosing
    entries = [console.desk.entry(item_id) for item_id in choosing.selection]
    return {entry.item.key: choosing.why_stayed(entry.item.id) for entry in entries if entry}


def table(console: Console) -> BulkDialog:
    dialog = console.app.screen
    assert isinstance(dialog, BulkDialog)
    return dialog


# -- sorting out --------------------------------------------------------------------------------


def sorted_out(
    *standings: Standing, give: Give = lambda _: APPROVE, high_risk: HighRisk = "confirm"
) -> Batch:
    return sort_out(standings, give, operator="ann", high_risk=high_risk, check=faults_of_verdicts)


def standing(
    item: Item, *, record: Record | None = None, marks: Marks | None = None, **more: Any
) -> Standing:
    return Standing(Entry(item, AT, marks=marks or Marks()), record, **more)


def why(*standings: Standing, give: Give = lambda _: APPROVE, high_risk: HighRisk = "confirm") -> list[str]:
    return [one.why for one in sorted_out(*standings, give=give, high_risk=high_risk).behind]


def test_each_that_takes_the_verb_gets_a_verdict_for_every_action() -> None:
    two = make_item("2", actions=(Action("a"), Action("b")))
    found = sorted_out(standing(make_item("1")), standing(two))
    assert [one.verdicts for one in found.taken] == [(APPROVE,), (APPROVE, APPROVE)]
    assert found.behind == ()


def test_those_that_stay_behind_say_why() -> None:
    item = make_item("1")
    decision = Decision("d", item.id, "agent", item.revision, (APPROVE,), "bob", AT)
    record = Record(decision=decision, item=item, state=DeliveryState.SENT, seq=1, changed_at=AT)
    assert (
        "takes no approval: no budget"
        in why(standing(make_item("1", verbs=(Verb.REJECT,), refusals={"approve": "no budget"})))[0]
    )
    assert why(standing(item, record=record))[0].startswith("already decided by bob")
    assert why(Standing(Entry(item, AT, gone=Gone("expired")), None)) == ["it no longer waits: expired"]
    assert why(standing(item, seen="another revision")) == [
        "it has changed since it was selected: look at it again"
    ]
    assert why(standing(item, marks=Marks(claimed_by="bob"))) == ["claimed by bob"]
    assert why(standing(item, marks=Marks(claimed_by="ann"))) == []


def test_high_risk_stays_behind_unless_it_has_what_is_asked_for() -> None:
    item = standing(make_item("1", risk=Risk.HIGH))
    ruled = standing(make_item("2"), rated=Rated(Risk.HIGH, "rule 1, amount>10"))
    spared = standing(make_item("3", risk=Risk.HIGH), rated=Rated(Risk.LOW, "rule 2"))
    reject, reasoned = Verdict(Verb.REJECT), Verdict(Verb.APPROVE, reason="checked")
    assert why(item, spared) == ["high risk: decide it by itself"]
    assert why(ruled) == ["high risk (rule 1, amount>10): decide it by itself"]
    assert why(item, give=lambda _: reject) == []
    assert why(item, give=lambda _: reasoned) == ["high risk: decide it by itself"]
    assert why(item, high_risk="reason") == ["high risk: it needs a reason"]
    assert why(item, give=lambda _: reasoned, high_risk="reason") == []
    assert why(item, high_risk="none") == []


def test_the_desks_own_check_is_asked_last() -> None:
    found = sort_out(
        [standing(make_item("1"))],
        lambda _: APPROVE,
        operator="ann",
        high_risk="none",
        check=lambda *_: ["no", "and no"],
    )
    assert [one.why for one in found.behind] == ["no"]


def test_no_more_are_decided_at_once_than_can_be_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "MOST", 2)
    found = sorted_out(*(standing(make_item(str(number))) for number in range(3)))
    assert (len(found.taken), [one.why for one in found.behind]) == (
        2,
        ["2 are decided at once: decide the rest after them"],
    )


def test_an_option_is_given_where_it_is_the_same_one() -> None:
    def question(key: str, *options: Option, **more: Any) -> Item:
        return make_item(
            key, kind=ItemKind.QUESTION, actions=(), verbs=(Verb.RESPOND,), options=options, **more
        )

    yes, no = Option("yes", True), Option("no", False)
    items = [
        question("1", yes, no),
        question("2", no, yes),
        question("3", yes),
        question("4", yes, no, many=True),
    ]
    items.append(question("5", Option("yes", 1), no))
    give = alike_options(items, 1)
    assert give(items[0]) == give(items[2]) == Verdict(Verb.RESPOND, answer=True)
    assert give(items[1]) == "its option 1 is another: no"
    assert "more than one" in str(give(items[3]))
    assert give(items[4]) == "its option 1 is another: yes", "the same word for another answer"
    assert alike_options(items, 2)(items[2]) == "it offers no option 2"


def test_the_outcome_is_said_in_words() -> None:
    assert outcome_words(Verb.APPROVE, 38, []) == "38 approved"
    assert outcome_words(Verb.REJECT, 2, ["gone"]) == "2 rejected, 1 stays behind: gone"
    reasons = ["claimed by bob", "gone", "claimed by bob"]
    assert (
        outcome_words(Verb.APPROVE, 1, reasons) == "1 approved, 3 stay behind: claimed by bob (2); gone (1)"
    )


# -- the table ----------------------------------------------------------------------------------


def sheet(*arguments: Any) -> Sheet:
    items = [make_item(str(number), actions=(Action("pay", one),)) for number, one in enumerate(arguments)]
    return Sheet(compare(items), [item.title for item in items])


def test_rows_stand_in_columns_and_numbers_at_the_right() -> None:
    made = sheet({"to": "ann", "amount": 5}, {"to": "bo", "amount": 1200})
    rows = [plain(made.header(60, 0)), plain(made.row(0, 60, 0)), plain(made.row(1, 60, 0))]
    assert rows[0].split() == ["item", "to", "amount"]
    assert rows[1].index("5") == rows[2].index("1200") + 3
    assert rows[1].index("ann") == rows[2].index("bo")


def test_a_column_in_which_something_stands_out_comes_first_and_its_cell_is_marked() -> None:
    many = [{"to": f"p{number}", "amount": 10 + number} for number in range(9)]
    made = sheet(*many, {"to": "p9", "amount": 9000})
    assert plain(made.header(60, 0)).split() == ["item", "amount", "to"]
    assert "!9000" in plain(made.row(9, 60, 0))


def test_long_texts_are_shown_from_where_they_differ() -> None:
    made = sheet(*({"url": f"https://shop.example/very/long/path/to/orders/{n}"} for n in "ab"))
    assert plain(made.row(0, 60, 0)).rstrip().endswith("/a")
    assert plain(made.row(1, 60, 0)).rstrip().endswith("/b")


def test_texts_that_look_like_something_else_are_quoted() -> None:
    made = sheet({"x": "7"}, {"x": 7}, {"x": " a"}, {"x": ""}, {})
    shown = [plain(made.row(number, 60, 0)).split("  ", 1)[1].strip(" !") for number in range(5)]
    assert shown == ['"7"', "7", '" a"', '""', "absent"]


@pytest.mark.parametrize("width", [20, 38, 70, 110])
def test_no_row_is_wider_than_the_table(width: int) -> None:
    made = sheet({"a": "x" * 50, "b": "宽" * 30, "c": 1}, {"a": "y", "b": "z", "c": 2})
    for left in range(made.columns):
        for line in (made.header(width, left), made.row(0, width, left), made.row(1, width, left)):
            assert width_of(line) <= width


def test_what_is_the_same_in_all_takes_a_few_lines_and_says_what_it_leaves_out() -> None:
    wide = {f"key{number}": "value" * 4 for number in range(30)}
    table = compare([make_item("1", actions=(Action("pay", wide),)) for _ in range(2)])
    lines = [plain(line) for line in same_lines(table, 60, 3)]
    assert len(lines) == 3
    assert "more places" in lines[-1]


def test_remarks_say_what_stands_out_and_what_hides() -> None:
    items = [make_item(str(n), actions=(Action("pay", {"to": "ann"}),), title="Pay") for n in range(9)]
    items.append(make_item("9", actions=(Action("pay", {"to": "a\u200bnn"}),), title="Pay"))
    said = [plain(line) for line in remarks(compare(items), 9)]
    assert said[0] == "! hides characters, shown as ‹NAME›: ZWSP"
    assert said[1] == '! to "a‹ZWSP›nn": 9 of 10 are "ann"'


def test_items_that_propose_other_things_are_compared_in_parts_of_their_own() -> None:
    pays = [make_item(f"p{n}", actions=(Action("pay", {"to": "ann", "n": n}),)) for n in range(2)]
    drop = make_item("d", actions=(Action("drop", {"table": "t"}), Action("drop", {"table": "u"})))
    odd = make_item("o", actions=(Action("mail", {"to": "a\u200bnn"}),))
    question = make_item("q", kind=ItemKind.QUESTION, actions=(), verbs=(Verb.RESPOND,))
    found = sorted_out(*(standing(item) for item in (pays[0], drop, question, odd, pays[1])))
    parts = parts_of(found)
    assert [part.name for part in parts] == ["mail", "pay", "drop 2 times"], "what hides comes first"
    rows = rows_of(parts, found)
    assert [(row.candidate.item.key, row.part, row.marked) for row in rows] == [
        ("o", 0, True),
        ("p0", 1, False),
        ("p1", 1, False),
        ("d", 2, False),
        ("q", -1, False),
    ]


# -- with keys ----------------------------------------------------------------------------------


@pytest.mark.usefixtures("patient")
class TestConsole:
    async def test_many_are_approved_each_at_the_revision_that_was_shown(
        self, agent: Agent, open_console: OpenConsole
    ) -> None:
        items = [agent.ask(key) for key in "abc"]
        async with open_console() as console:
            await console.press("V", "a")
            assert decided(console) == {}, "the verb's key only opens the table"
            await console.press("a")
            assert decided(console) == {}, "and it confirms nothing"
            await console.press("y")
            await console.until(lambda: "3 approved" in console.said)
            records = console.desk.recent(5)
            assert {one.decision.item_id: one.decision.revision for one in records} == {
                item.id: item.revision for item in items
            }
            assert len({one.decision.id for one in records}) == 3
            assert stayed(console) == {}

    async def test_what_was_just_left_out_must_be_painted_before_the_rest_is_decided(
        self, agent: Agent, open_console: OpenConsole
    ) -> None:
        for key in "abc":
            agent.ask(key)
        async with open_console() as console:
            await console.press("V", "a")
            dialog = console.app.screen
            assert isinstance(dialog, BulkDialog)
            assert dialog.may_decide()
            dialog.table.leave_out()
            assert not dialog.may_decide()
            await console.settle()
            assert dialog.may_decide()

    async def test_one_undo_takes_back_all_of_them_and_selects_them_again(
        self, agent: Agent, open_console: OpenConsole
    ) -> None:
        items = [agent.ask(key) for key in "abc"]
        async with open_console() as console:
            await console.press("V", "a", "y")
            await console.until(lambda: "3 approved" in console.said)
            await console.press("u")
            assert "Taken back: 3 decisions" in console.said
            assert [console.state(item) for item in items] == [DeliveryState.WITHDRAWN] * 3
            assert list(stayed(console)) == ["a", "b", "c"]
            assert agent.sends == 0
            await console.press("u")
            assert "nothing held" in console.said

    async def test_undo_says_what_was_sent_already(self, agent: Agent, open_console: OpenConsole) -> None:
        items = [agent.ask(key) for key in "ab"]
        async with open_console() as console:
            await console.press("V", "a", "y")
            await console.until(lambda: "2 approved" in console.said)
            first = console.desk.recent(2)[-1]
            console.desk.log.advance(first.decision.id, DeliveryState.SENDING, expect=DeliveryState.HELD)
            await console.press("u")
            assert "Taken back: 1 decision; 1 was sent already: Refund" in console.said
            assert DeliveryState.WITHDRAWN in {console.state(item) for item in items}

    async def test_a_single_decision_after_the_many_is_undone_first(
        self, agent: Agent, open_console: OpenConsole
    ) -> None:
        items = [agent.ask(key) for key in "abc"]
        async with open_console() as console:
            await console.press("space", "space", "a", "y")
            await console.until(lambda: "2 approved" in console.said)
            await console.press("a", "u")
            assert "Taken back: Refund c" in console.said
            assert console.state(items[0]) is DeliveryState.HELD
            await console.press("u")
            assert [console.state(item) for item in items] == [DeliveryState.WITHDRAWN] * 3

    async def test_those_that_stay_behind_stay_selected_and_say_why(
        self, agent: Agent, open_console: OpenConsole
    ) -> None:
        agent.ask("a")
        agent.ask("b", verbs=(Verb.REJECT,), refusals={"approve": "over the limit"})
        agent.ask("c", risk=Risk.HIGH)
        taken = agent.ask("d")
        async with open_console() as console:
            other = make_desk(agent, console.desk.data, operator="bob")
            other.queue.refresh()
            other.claim(taken.id)
            await other.stop()
            await console.press("V", "a")
            assert "3 stay behind" in table(console).table.shown_text
            await console.press("y")
            await console.until(lambda: "1 approved, 3 stay behind" in console.said)
            assert list(decided(console)) == ["a"]
            assert stayed(console) == {
                "b": "this endpoint takes no approval: over the limit",
                "c": "high risk: decide it by itself",
                "d": "claimed by bob",
            }
            assert "claimed by bob" in console.screen.list.shown_text
            await console.press("escape")
            assert "claimed by bob" not in console.screen.list.shown_text

    async def test_where_none_takes_the_verb_no_table_opens(
        self, agent: Agent, open_console: OpenConsole
    ) -> None:
        agent.ask("a", verbs=(Verb.REJECT,))
        async with open_console() as console:
            await console.press("space", "a")
            assert console.app.screen is console.screen
            assert "None of 1 item" in console.said

    async def test_what_changes_while_the_table_is_open_stays_behind(
        self, agent: Agent, open_console: OpenConsole
    ) -> None:
        agent.ask("a")
        item = agent.ask("b")
        async with open_console() as console:
            await console.press("V", "a")
            changed = agent.ask("b", actions=(Action("refund", {"order": "b", "amount": 99}),))
            await console.until(lambda: console.entry(item).item.revision == changed.revision)
            await console.press("y")
            await console.until(lambda: "1 approved, 1 stays behind" in console.said)
            assert list(decided(console)) == ["a"]
            assert "has changed since it was shown" in stayed(console)["b"]

    async def test_what_changed_after_it_was_selected_stays_behind(
        self, agent: Agent, open_console: OpenConsole
    ) -> None:
        agent.ask("a")
        item = agent.ask("b")
        async with open_console() as console:
            await console.press("V")
            changed = agent.ask("b", actions=(Action("refund", {"order": "b", "amount": 99}),))
            await console.until(lambda: console.entry(item).item.revision == changed.revision)
            await console.press("a", "y")
            await console.until(lambda: "1 approved, 1 stays behind" in console.said)
            assert stayed(console)["b"] == "it has changed since it was selected: look at it again"

    async def test_what_another_operator_decides_meanwhile_is_left_to_them(
        self, agent: Agent, open_console: OpenConsole
    ) -> None:
        items = [agent.ask(key) for key in "ab"]
        async with open_console() as console:
            await console.press("V", "a")
            other = make_desk(agent, console.desk.data, operator="bob", hold_s=60)
            other.queue.refresh()
            other.decide(items[1].id, items[1].revision, [Verdict(Verb.REJECT, reason="no")])
            await console.press("y")
            await console.until(lambda: "1 approved, 1 stays behind" in console.said)
            assert "bob" in console.said
            assert decided(console)["b"][0].verb is Verb.REJECT
            assert stayed(console) == {}
            await other.stop()

    async def test_a_rejection_asks_for_one_reason_first(
        self, agent: Agent, open_console: OpenConsole
    ) -> None:
        for key in "ab":
            agent.ask(key)
        async with open_console() as console:
            await console.press("V", "x")
            assert isinstance(console.app.screen, ReasonDialog)
            await console.press("2")
            assert "reason: The amount or scope is too large" in table(console).table.shown_text
            assert decided(console) == {}
            await console.press("y")
            await console.until(lambda: "2 rejected" in console.said)
            assert decided(console)["a"] == [Verdict(Verb.REJECT, reason="The amount or scope is too large")]

    async def test_going_back_from_the_table_decides_nothing_and_keeps_the_reason(
        self, agent: Agent, open_console: OpenConsole
    ) -> None:
        for key in "ab":
            agent.ask(key)
        async with open_console() as console:
            await console.press("V", "x", *"too late", "enter", "escape")
            assert decided(console) == {}
            assert len(stayed(console)) == 2
            await console.press("x", "enter", "y")
            await console.until(lambda: "2 rejected" in console.said)
            assert decided(console)["b"] == [Verdict(Verb.REJECT, reason="too late")]

    async def test_space_leaves_an_item_out_and_enter_reads_it(
        self, agent: Agent, open_console: OpenConsole
    ) -> None:
        for key in "abc":
            agent.ask(key)
        async with open_console() as console:
            await console.press("V", "a", "j", "enter")
            reading = console.app.screen
            assert isinstance(reading, ReadingScreen)
            assert any("Refund b" in plain(line) for line in reading.shown_lines)
            assert not any("shows what led" in plain(line) for line in reading.shown_lines), (
                "no key does here"
            )
            await console.press("q", "space", "y")
            await console.until(lambda: "2 approved, 1 stays behind" in console.said)
            assert sorted(decided(console)) == ["a", "c"]
            assert stayed(console) == {"b": "you left it out"}

    async def test_one_key_answers_alike_questions(self, agent: Agent, open_console: OpenConsole) -> None:
        for key, options in (("a", "yes no"), ("b", "yes no"), ("c", "no yes")):
            agent.ask(
                key,
                kind=ItemKind.QUESTION,
                actions=(),
                verbs=(Verb.RESPOND,),
                options=tuple(Option(name, name) for name in options.split()),
            )
        async with open_console() as console:
            await console.press("V", "1")
            assert 'answer: "yes"' in table(console).table.shown_text
            await console.press("y")
            await console.until(lambda: "2 answered" in console.said)
            assert decided(console) == {key: [Verdict(Verb.RESPOND, answer="yes")] for key in "ab"}
            assert stayed(console) == {"c": "its option 1 is another: no"}

    async def test_the_last_verdict_is_repeated_on_many(
        self, agent: Agent, open_console: OpenConsole
    ) -> None:
        for key in "abc":
            agent.ask(key)
        async with open_console() as console:
            await console.press("x", "1", "V", "full_stop", "y")
            await console.until(lambda: "2 rejected" in console.said)
            reasons = {verdicts[0].reason for verdicts in decided(console).values()}
            assert reasons == {"Not now; ask again tomorrow"}

    async def test_what_takes_one_item_says_so(self, agent: Agent, open_console: OpenConsole) -> None:
        for key in "ab":
            agent.ask(key)
        async with open_console() as console:
            await console.press("V", "e")
            assert "this takes one item, and 2 are selected" in console.said

    async def test_what_else_the_verb_would_do_is_said_above_the_table(
        self, agent: Agent, open_console: OpenConsole
    ) -> None:
        agent.ask("a")
        agent.ask("b", warnings={"approve": "this closes the case"})
        async with open_console() as console:
            await console.press("V", "a")
            first = table(console).table
            assert "! 1 item: this closes the case" in first.shown_text
            assert first.current.item.key == "b", "what stands out comes first"

    async def test_the_confirming_key_is_never_the_verbs_own(
        self, agent: Agent, open_console: OpenConsole, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from triage.tui.actions import keymap_of

        agent.ask("a")
        async with open_console() as console:
            keymap = keymap_of("default", {"approve": "y", "copy": "a"})
            monkeypatch.setattr(console.screen, "keymap", keymap)
            monkeypatch.setattr(
                console.screen, "_keys", {"desk": {"y": "approve", "V": "select_all"}, "pane": {}}
            )
            await console.press("V", "y", "y")
            assert decided(console) == {}
            await console.press("enter")
            await console.until(lambda: decided(console))

    async def test_a_disk_that_is_full_leaves_the_rest_behind(
        self, agent: Agent, open_console: OpenConsole, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for key in "abc":
            agent.ask(key)
        async with open_console() as console:
            decide = console.desk.decide
            calls: list[str] = []

            def failing(item_id: str, revision: str, verdicts: Sequence[Verdict]) -> Record:
                calls.append(item_id)
                if len(calls) == 2:
                    raise StoreUnavailable("no space left on the disk")
                return decide(item_id, revision, verdicts)

            monkeypatch.setattr(console.desk, "decide", failing)
            await console.press("V", "a", "y")
            await console.until(lambda: "1 approved, 2 stay behind: no space left" in console.said)
            assert len(calls) == 2


async def test_a_key_pressed_too_soon_confirms_nothing(
    agent: Agent, open_console: OpenConsole, monkeypatch: pytest.MonkeyPatch, patient: None
) -> None:
    agent.ask("a")
    async with open_console() as console:
        await console.press("V", "a")
        monkeypatch.setattr(guard, "PAINT_S", 3600.0)
        await console.press("y")
        assert decided(console) == {}
        monkeypatch.setattr(guard, "PAINT_S", 0.0)
        monkeypatch.setattr(guard, "REPEAT_S", 3600.0)
        await console.press("y")
        assert decided(console) == {}, "nor one that is held down"
        assert isinstance(console.app.screen, BulkDialog)
