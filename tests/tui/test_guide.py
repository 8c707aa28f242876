"""The demo's guided first round: one hint at a time, gone once its thing was done, and never in the way."""

from __future__ import annotations

import pytest

from tests.desk.scripted import Agent, make_desk
from tests.tui.conftest import Console, OpenConsole
from triage.model.item import ItemKind, Option, Risk, Verb
from triage.tui.actions import ACTIONS, keymap_of
from triage.tui.app import TriageApp
from triage.tui.guide import HINTS, Guide
from triage.tui.lines import plain, width_of
from triage.tui.widgets.guide_line import GuideLine

KEYMAP = keymap_of("default", {})


def shown(guide: Guide, width: int = 120, *, possible: bool = True) -> str:
    return " ".join(plain(guide.line(lambda _: possible, width)).split())


def test_every_hint_names_real_actions_and_ends_by_deeds_that_exist() -> None:
    known = {one.id for one in ACTIONS}
    verbs = {verb.value for verb in Verb}
    for hint in HINTS:
        assert hint.action in known
        assert hint.deeds <= known | verbs
    assert len(HINTS) == 6


def test_hints_come_one_at_a_time_as_things_are_done() -> None:
    guide = Guide(KEYMAP.label)
    for number, deed in enumerate(("approve", "undo", "reject", "edit", "respond", "help"), 1):
        assert shown(guide).startswith(f"{number}/6")
        assert not guide.did("snooze")
        assert guide.did(deed)
    assert guide.over
    assert shown(guide) == ""
    assert not guide.did("approve")


def test_what_was_done_before_its_hint_is_not_asked_for_again() -> None:
    guide = Guide(KEYMAP.label)
    assert not guide.did("undo")
    assert not guide.did("reject")
    assert guide.did("approve")
    assert shown(guide).startswith("4/6")


def test_hints_are_skipped_and_stopped() -> None:
    guide = Guide(KEYMAP.label)
    guide.skip()
    assert shown(guide).startswith("2/6")
    guide.stop()
    assert guide.over


def test_hints_say_what_can_be_done_here_or_where_else() -> None:
    guide = Guide(KEYMAP.label)
    assert "a approves this" in shown(guide)
    assert "j to one that is not of high risk" in shown(guide, possible=False)


def test_the_keys_in_force_are_shown() -> None:
    guide = Guide(keymap_of("default", {"approve": "Y", "back": "backspace"}).label)
    assert "Y approves this" in shown(guide)
    assert "backspace next hint" in shown(guide)
    mail = Guide(keymap_of("mail", {}).label)
    assert f"{keymap_of('mail', {}).label('approve')} approves this" in shown(mail)


def test_what_has_no_key_is_not_taught() -> None:
    guide = Guide(keymap_of("default", {"undo": ""}).label)
    assert guide.did("approve")
    assert shown(guide).startswith("3/6")


@pytest.mark.parametrize("possible", [True, False])
def test_every_hint_fits_a_small_screen_with_the_way_out(possible: bool) -> None:
    guide = Guide(KEYMAP.label)
    while not guide.over:
        line = guide.line(lambda _: possible, 80)
        assert width_of(line) <= 80
        assert "…" not in plain(line)
        assert "esc next hint" in plain(line)
        guide.skip()


@pytest.fixture
def guided(monkeypatch: pytest.MonkeyPatch) -> None:
    """Consoles are opened as in the demo."""
    real = TriageApp.__init__
    monkeypatch.setattr(TriageApp, "__init__", lambda app, desk, **more: real(app, desk, guided=True, **more))


def hint(console: Console) -> str:
    return console.screen.query_one(GuideLine).shown_text.strip()


@pytest.mark.usefixtures("patient", "guided")
async def test_a_first_round_through_the_console(agent: Agent, open_console: OpenConsole) -> None:
    for key in "abc":
        agent.ask(key)
    agent.ask(
        "q",
        kind=ItemKind.QUESTION,
        actions=(),
        verbs=(Verb.RESPOND,),
        options=(Option("red", "r"), Option("blue", "b")),
    )
    async with open_console(size=(80, 24)) as console:

        async def see(words: str) -> None:
            await console.until(lambda: hint(console).startswith(words))

        await see("1/6  a approves this")
        await console.press("a")
        await see("2/6  u takes your decision back")
        await console.press("u")
        await see("3/6  x rejects this")
        await console.press("x", "2")
        await see("4/6  e edits it")
        await console.press("e", "tab", "end", "backspace", "5", "f2", "enter")
        await see("5/6  j to a question")
        await console.press("j")
        await see("5/6  1 and the other numbers")
        await console.press("2")
        await see("6/6  / filters")
        height = console.screen.list.size.height
        await console.press("question_mark", "q")
        assert not console.screen.query_one(GuideLine).has_class("-shown")
        assert "That was the round" in console.said
        assert console.screen.list.size.height >= height


@pytest.mark.usefixtures("patient", "guided")
async def test_hints_can_be_skipped_or_put_away(agent: Agent, open_console: OpenConsole) -> None:
    agent.ask("a", risk=Risk.HIGH)
    async with open_console() as console:
        assert "not of high risk" in hint(console)
        await console.press("slash", *"title:a", "enter", "escape")
        assert "not of high risk" in hint(console), "esc first does what it is for"
        await console.press("escape")
        assert hint(console).startswith("2/6")
        await console.press("I")
        assert not console.screen.query_one(GuideLine).has_class("-shown")
        await console.press("I")
        assert "no hints are shown" in console.said


@pytest.mark.usefixtures("patient", "guided")
async def test_what_another_operator_does_is_no_deed_of_ours(agent: Agent, open_console: OpenConsole) -> None:
    from triage.model.decision import Verdict

    item = agent.ask("a")
    agent.ask("b")
    async with open_console() as console:
        other = make_desk(agent, console.desk.data, operator="bob", hold_s=60)
        other.queue.refresh()
        other.decide(item.id, item.revision, [Verdict(Verb.APPROVE)])
        await console.until(lambda: console.state(item) is not None)
        assert hint(console).startswith("1/6")
        await other.stop()


@pytest.mark.usefixtures("patient")
async def test_outside_the_demo_there_are_no_hints(agent: Agent, open_console: OpenConsole) -> None:
    agent.ask("a")
    async with open_console() as console:
        await console.press("a", "u")
        assert hint(console) == ""
        assert not console.screen.query_one(GuideLine).display
