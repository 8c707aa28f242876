"""Risk in the console: shown with its rule, sorted by, and asked more for before anything is decided."""

from __future__ import annotations

from typing import Any

import pytest

from tests.desk.scripted import Agent, make_item
from tests.tui.conftest import Console, OpenConsole
from triage.model.decision import Verdict
from triage.model.item import Action, Item, ItemKind, Option, Risk, Verb
from triage.tui.screens.confirm import ConfirmDialog, word_of
from triage.tui.screens.edit import EditDialog
from triage.tui.screens.reading import ReadingScreen
from triage.tui.screens.reason import ReasonDialog
from triage.tui.screens.verdicts import VerdictsDialog

pytestmark = pytest.mark.usefixtures("patient")

RULES: list[dict[str, str]] = [
    {"when": "amount<5", "risk": "low"},
    {"when": "amount>10", "risk": "high"},
]


def policy(name: str) -> dict[str, Any]:
    return {"risk": RULES, "high_risk": name}


def costing(amount: object, name: str = "refund") -> dict[str, Any]:
    return {"actions": (Action(name, {"amount": amount}),)}


def verdicts(console: Console, item: Item) -> list[Verdict]:
    record = console.desk.record(item.id)
    return list(record.decision.verdicts) if record else []


@pytest.mark.parametrize(
    ("actions", "word"),
    [
        ((Action("refund_order"),), "refund_order"),
        ((Action("refund"), Action("refund")), "refund"),
        ((Action("refund"), Action("mail")), "yes"),
        ((Action("delete all of it"),), "yes"),
        ((Action("r" * 21),), "yes"),
        ((Action("réfund"),), "yes"),
        ((), "yes"),
    ],
)
def test_the_word_to_type_is_short_and_easy(actions: tuple[Action, ...], word: str) -> None:
    assert word_of(make_item("a", actions=actions)) == word


# -- shown ----------------------------------------------------------------------------------------


async def test_list_and_pane_say_the_risk_and_its_rule(agent: Agent, open_console: OpenConsole) -> None:
    agent.ask("a")
    async with open_console(settings=policy("confirm")) as console:
        assert "▲ high risk: rule 2, amount>10" in console.screen.pane.shown_text
        assert "high risk" in console.screen.list.shown_text


async def test_a_long_rule_is_told_whole_below_the_head(agent: Agent, open_console: OpenConsole) -> None:
    agent.ask("a")
    rule = f"amount>10 or title:{'x' * 60}"
    async with open_console(settings={"risk": [{"when": rule, "risk": "high"}]}) as console:
        shown = " ".join(console.screen.pane.shown_text.split())
        assert f"High risk: rule 1, amount>10 or title:{'x' * 60}" in shown.replace("x ", "x")


async def test_a_rule_overrules_the_agents_hint(agent: Agent, open_console: OpenConsole) -> None:
    agent.ask("a", risk=Risk.HIGH, **costing(1))
    async with open_console(settings=policy("confirm")) as console:
        assert "high risk" not in console.text
        assert "low risk: rule 1, amount<5" in console.screen.pane.shown_text


async def test_the_list_is_sorted_and_filtered_by_the_rated_risk(
    agent: Agent, open_console: OpenConsole
) -> None:
    low, none, high = (agent.ask(key, **costing(cost)) for key, cost in (("a", 1), ("b", 7), ("c", 12)))
    async with open_console(settings=policy("confirm")) as console:
        await console.press("o", "o")
        assert list(console.screen.view.rows) == [high.id, low.id, none.id]
        await console.press("/", *"risk:high", "enter")
        assert list(console.screen.view.rows) == [high.id]


# -- a word to type -------------------------------------------------------------------------------


async def test_nothing_of_high_risk_is_decided_before_its_word_is_typed(
    agent: Agent, open_console: OpenConsole
) -> None:
    item = agent.ask("a")
    async with open_console(settings=policy("confirm")) as console:
        await console.press("a")
        dialog = console.app.screen
        assert isinstance(dialog, ConfirmDialog)
        await console.press("enter")
        await console.press(*"yes", "enter")
        assert console.app.screen is dialog
        await console.press("escape")
        assert verdicts(console, item) == []
        await console.press("a", *"REFUND", "enter")
        assert verdicts(console, item) == [Verdict(Verb.APPROVE)]


async def test_an_edit_is_confirmed_once_it_is_whole(agent: Agent, open_console: OpenConsole) -> None:
    item = agent.ask("a")
    async with open_console(settings=policy("confirm")) as console:
        await console.press("e")
        assert isinstance(console.app.screen, EditDialog)
        await console.press("tab", "end", "backspace", "f2")
        assert isinstance(console.app.screen, ReadingScreen)
        await console.press("enter")
        assert isinstance(console.app.screen, ConfirmDialog)
        await console.press(*"refund", "enter")
        assert verdicts(console, item)[0].verb is Verb.EDIT


async def test_an_answer_of_high_risk_is_confirmed(agent: Agent, open_console: OpenConsole) -> None:
    options = (Option("Yes", True), Option("No", False))
    item = agent.ask(
        "q", kind=ItemKind.QUESTION, actions=(), verbs=(Verb.RESPOND,), options=options, risk=Risk.HIGH
    )
    async with open_console() as console:
        await console.press("1")
        assert isinstance(console.app.screen, ConfirmDialog)
        await console.press(*"yes", "enter")
        assert verdicts(console, item) == [Verdict(Verb.RESPOND, answer=True)]


async def test_a_rejection_needs_no_word(agent: Agent, open_console: OpenConsole) -> None:
    item = agent.ask("a")
    async with open_console(settings=policy("confirm")) as console:
        await console.press("x", "1")
        assert verdicts(console, item) == [Verdict(Verb.REJECT, reason="Not now; ask again tomorrow")]


async def test_what_changes_while_the_word_is_typed_is_not_decided(
    agent: Agent, open_console: OpenConsole
) -> None:
    item = agent.ask("a")
    async with open_console(settings=policy("confirm")) as console:
        await console.press("a", *"refun")
        agent.ask("a", **costing(99))
        await console.until(lambda: console.entry(item).item.revision != item.revision)
        await console.press("d", "enter")
        assert verdicts(console, item) == []
        assert "has changed" in console.said


@pytest.mark.parametrize(("name", "amount"), [("none", 12), ("confirm", 4), ("reason", 4)])
async def test_otherwise_one_key_decides(
    agent: Agent, open_console: OpenConsole, name: str, amount: int
) -> None:
    item = agent.ask("a", **costing(amount))
    async with open_console(settings=policy(name)) as console:
        await console.press("a")
        assert verdicts(console, item) == [Verdict(Verb.APPROVE)]


# -- a reason -------------------------------------------------------------------------------------


async def test_an_approval_of_high_risk_is_asked_its_reason(agent: Agent, open_console: OpenConsole) -> None:
    item = agent.ask("a")
    async with open_console(settings=policy("reason")) as console:
        await console.press("a")
        assert isinstance(console.app.screen, ReasonDialog)
        await console.press("enter")
        assert isinstance(console.app.screen, ReasonDialog), "enter alone gives no reason"
        await console.press(*"asked Ann", "enter")
        assert verdicts(console, item) == [Verdict(Verb.APPROVE, reason="asked Ann")]


async def test_a_rejection_of_high_risk_does_not_go_without_a_reason(
    agent: Agent, open_console: OpenConsole
) -> None:
    item = agent.ask("a")
    async with open_console(settings=policy("reason")) as console:
        await console.press("x", "enter")
        assert isinstance(console.app.screen, ReasonDialog)
        await console.press("2")
        assert verdicts(console, item) == [Verdict(Verb.REJECT, reason="The amount or scope is too large")]


async def test_of_several_verdicts_those_without_a_reason_get_one(
    agent: Agent, open_console: OpenConsole
) -> None:
    item = agent.ask("a", actions=(Action("refund", {"amount": 12}), Action("mail", {})))
    async with open_console(settings=policy("reason")) as console:
        await console.press("D", "a", "x", "1")
        assert isinstance(console.app.screen, VerdictsDialog)
        await console.press("enter", *"looked into it", "enter")
        assert verdicts(console, item) == [
            Verdict(Verb.APPROVE, reason="looked into it"),
            Verdict(Verb.REJECT, reason="Not now; ask again tomorrow"),
        ]


# -- reasons with messages ------------------------------------------------------------------------

REASONS: dict[str, Any] = {
    "reasons": {
        "reject": ["Not today", {"text": "Too much", "message": "{title} by {operator}: {action}, {reason}"}]
    }
}


async def test_a_reason_sends_its_message_filled_in_for_the_item(
    agent: Agent, open_console: OpenConsole
) -> None:
    item, other = agent.ask("a"), agent.ask("b", **costing(7, "pay"))
    async with open_console(settings=REASONS) as console:
        await console.press("x", "2", ".")
        assert verdicts(console, item)[0].reason == "Refund a by ann: refund, Too much"
        assert verdicts(console, other)[0].reason == "Refund b by ann: pay, Too much"


async def test_many_get_the_message_each_for_itself(agent: Agent, open_console: OpenConsole) -> None:
    items = [agent.ask(key) for key in "ab"]
    async with open_console(settings=REASONS) as console:
        await console.press("V", "x", "2", "y")
        await console.until(lambda: len(console.desk.recent(9)) == 2)
        assert [verdicts(console, item)[0].reason for item in items] == [
            f"Refund {key} by ann: refund, Too much" for key in "ab"
        ]
        assert console.screen.deciding.last_reason is not None


async def test_an_endpoints_own_reasons_go_before_the_others(agent: Agent, open_console: OpenConsole) -> None:
    agent.ask("a")
    own = {"name": "agent", "kind": "scripted", "url": "http://agent.invalid", "poll_s": 0.02}
    endpoint = {**own, "reasons": {"reject": ["Wrong customer"]}}
    async with open_console(settings={**REASONS, "endpoints": {"agent": endpoint}}) as console:
        await console.press("x", "1")
        assert console.desk.recent(1)[0].decision.verdicts[0].reason == "Wrong customer"


# -- marks in the list ----------------------------------------------------------------------------


async def test_what_was_escalated_stands_on_top_in_either_order(
    agent: Agent, open_console: OpenConsole
) -> None:
    first, last = agent.ask("a"), agent.ask("b")
    async with open_console() as console:
        assert console.screen.view.rows[0] == first.id
        console.desk.escalate(last.id, "bob")
        await console.until(lambda: console.screen.view.rows[0] == last.id)
        await console.press("O")
        assert console.screen.view.rows[0] == last.id


async def test_what_comes_later_is_new_until_it_was_looked_at(
    agent: Agent, open_console: OpenConsole
) -> None:
    agent.ask("a")
    async with open_console() as console:
        assert " new" not in console.screen.list.shown_text
        item = agent.ask("b")
        await console.until(lambda: item.id in console.screen.view.rows)
        assert " new" in console.screen.list.shown_text
        await console.press("j", "k")
        assert " new" not in console.screen.list.shown_text


async def test_an_escalation_that_is_not_sent_out_says_so(agent: Agent, open_console: OpenConsole) -> None:
    agent.ask("a")
    async with open_console(settings={"escalate_command": "exit 4"}) as console:
        await console.press("!", *"bob: hurry", "enter")
        await console.until(lambda: "not sent out: exit 4 ended with status 4" in console.said)
