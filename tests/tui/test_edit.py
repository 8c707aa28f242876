"""The form that edits arguments and answers: choices by key, faults at their field, everything in sight."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.desk.scripted import Agent
from tests.tui.conftest import Console, OpenConsole
from triage.model.decision import Verdict
from triage.model.item import Action, ItemKind, Option, Verb
from triage.tui.screens.answer import AnswerDialog
from triage.tui.screens.edit import EditDialog
from triage.tui.screens.reading import ReadingScreen

pytestmark = pytest.mark.usefixtures("patient")

SCHEMA = {
    "type": "object",
    "required": ["amount", "currency", "when"],
    "properties": {
        "amount": {"type": "number", "minimum": 0, "maximum": 500, "description": "in the currency below"},
        "currency": {"enum": ["EUR", "USD", "GBP"]},
        "urgent": {"type": "boolean"},
        "when": {"type": "string", "format": "date"},
        "method": {"enum": ["card", "all at once"]},
    },
}
PAYMENT = {"amount": 12.0, "currency": "EUR", "urgent": False, "when": "2025-11-03", "method": "card"}


def dialog(console: Console) -> EditDialog:
    screen = console.app.screen
    assert isinstance(screen, EditDialog)
    return screen


def texts(console: Console) -> list[str]:
    return [row.text for row in dialog(console).rows]


def signs(console: Console) -> str:
    """The sign of each field: ``!`` wrong, ``c`` changed, ``.`` neither."""
    rows = dialog(console).rows
    return "".join(
        "!" if row.has_class("-wrong") else "c" if row.has_class("-changed") else "." for row in rows
    )


def about(console: Console) -> str:
    return str(dialog(console).query_one("#about").render())


def at(console: Console) -> int:
    """The number of the field at hand."""
    return next(
        number for number, row in enumerate(dialog(console).rows) if row.editor is console.app.focused
    )


def ask_payment(agent: Agent, arguments: Any = PAYMENT, schema: Any = SCHEMA) -> None:
    agent.ask("a", actions=(Action("pay", arguments, schema),))


def ask_question(agent: Agent, schema: dict[str, Any], **more: Any) -> None:
    agent.ask("q", kind=ItemKind.QUESTION, actions=(), verbs=(Verb.RESPOND,), answer_schema=schema, **more)


def sent(console: Console) -> list[Verdict]:
    return [verdict for record in console.desk.recent(9) for verdict in record.decision.verdicts]


async def test_choices_are_changed_by_keys_and_typing(agent: Agent, open_console: OpenConsole) -> None:
    ask_payment(agent)
    async with open_console() as console:
        await console.press("e", "tab", "down")
        assert texts(console)[1] == "USD"
        await console.press("up", "up")
        assert texts(console)[1] == "GBP", "round at the ends"
        await console.press("tab", "space")
        assert texts(console)[2] == "true"
        await console.press("tab", "tab", *["backspace"] * 4, *"al", "down")
        assert texts(console)[4] == "all at once", "what was begun is completed"
        await console.press(*["backspace"] * 8, "space", *"at")
        assert texts(console)[4] == "all at", "a space within a choice is written"
        await console.press("right")
        assert texts(console)[4] == "all at once"
        assert signs(console) == ".cc.c"
        await console.press("f2", "enter")
        assert sent(console) == [
            Verdict(
                Verb.EDIT, arguments=PAYMENT | {"currency": "GBP", "urgent": True, "method": "all at once"}
            )
        ]


async def test_the_field_at_hand_is_explained_and_no_other(agent: Agent, open_console: OpenConsole) -> None:
    ask_payment(agent)
    async with open_console() as console:
        await console.press("e")
        assert about(console) == "amount: a number, from 0, to 500: in the currency below"
        await console.press("tab")
        assert about(console) == "currency: one of EUR, USD, GBP (up and down change it)"
        await console.press("tab", "tab")
        assert about(console) == "when: a date, as 2025-11-03"
        assert all(row.size.height == 1 for row in dialog(console).rows)


async def test_what_is_wrong_is_marked_at_once_where_it_stands(
    agent: Agent, open_console: OpenConsole
) -> None:
    ask_payment(agent)
    async with open_console() as console:
        await console.press("e", "end", *["backspace"] * 4, *"900")
        assert signs(console) == "!...."
        assert about(console) == "! amount: 900.0 is greater than the maximum of 500"
        await console.press("tab", "x", "tab", "tab", "backspace")
        assert signs(console) == "!!.!."
        assert about(console) == "! when: write a date, as 2025-11-03"
        await console.press("f2")
        assert at(console) == 0
        assert about(console).startswith("! amount: 900")
        await console.press(*["backspace"] * 2, "f2")
        assert at(console) == 1
        await console.press("backspace", "f2")
        assert at(console) == 3
        await console.press("3", "f2")
        assert isinstance(console.app.screen, ReadingScreen)
        await console.press("enter")
        assert sent(console) == [Verdict(Verb.EDIT, arguments=PAYMENT | {"amount": 9.0})]
        arguments = sent(console)[0].arguments
        assert isinstance(arguments, dict)
        assert isinstance(arguments["amount"], float), "what was written with a point stays so"


async def test_a_field_put_back_is_no_longer_marked(agent: Agent, open_console: OpenConsole) -> None:
    ask_payment(agent)
    async with open_console() as console:
        await console.press("e", "end", "5")
        assert signs(console) == "c...."
        await console.press("backspace")
        assert signs(console) == "....."
        await console.press("f2")
        notice = str(dialog(console).query_one("#notice").render())
        assert "approve instead" in notice


async def test_a_draft_is_marked_against_what_was_proposed(agent: Agent, open_console: OpenConsole) -> None:
    ask_payment(agent)
    async with open_console() as console:
        await console.press("e", "tab", "down", "escape", "e")
        assert signs(console) == ".c..."


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
async def test_a_long_form_keeps_the_field_at_hand_in_sight(
    agent: Agent, open_console: OpenConsole, size: tuple[int, int]
) -> None:
    ask_payment(agent, {f"setting_{number}": number for number in range(31)}, None)
    async with open_console(size=size) as console:
        await console.press("e")
        rows = dialog(console).rows
        assert len(rows) == 24
        form = dialog(console).query_one("#form")
        assert form.size.height >= 18 if size == (80, 24) else 30
        for number in range(24):
            assert at(console) == number
            assert rows[number].region.intersection(form.region).height >= min(3, rows[number].region.height)
            await console.press("tab")


async def test_ten_fields_fit_on_a_small_screen(agent: Agent, open_console: OpenConsole) -> None:
    ask_payment(agent, {f"setting_{number}": number for number in range(10)}, None)
    async with open_console(size=(80, 24)) as console:
        await console.press("e")
        form = dialog(console).query_one("#form")
        assert all(form.region.contains_region(row.region) for row in dialog(console).rows)


async def test_texts_of_several_lines_and_nested_values_have_areas(
    agent: Agent, open_console: OpenConsole
) -> None:
    ask_payment(
        agent, {"body": "Dear Ann,\nhello", "to": {"street": "Long street 12", "city": "Basel"}}, None
    )
    async with open_console() as console:
        await console.press("e", "tab", "tab", "f3")
        assert dialog(console).way == "text"
        await console.press("f3")
        assert texts(console)[0] == "Dear Ann,\nhello"
        await console.press("O", "h", ",", " ", "tab", "end", "backspace")
        assert signs(console) == "c!"
        await console.press("{", "f2")
        reading = console.app.screen
        assert isinstance(reading, ReadingScreen)
        shown = ["".join(text for text, _ in line).strip() for line in reading.shown_lines]
        assert shown == ["± body", "-Dear Ann,", "+Oh, Dear Ann,", "hello"]


async def test_an_answer_that_is_an_object_has_the_same_form(agent: Agent, open_console: OpenConsole) -> None:
    schema = {
        "$ref": "#/$defs/Slot",
        "$defs": {
            "Slot": {
                "type": "object",
                "required": ["day", "bays"],
                "properties": {
                    "day": {"type": "string", "format": "date"},
                    "bays": {"type": "integer", "minimum": 1},
                    "hurry": {"type": "boolean"},
                },
            }
        },
    }
    ask_question(agent, schema)
    async with open_console() as console:
        await console.press("r")
        assert signs(console) == "..."
        await console.press("f2")
        assert signs(console) == "!!.", "what is missing is told once it is to be sent"
        assert at(console) == 0
        await console.press(*"2025-11-03", "tab", "2", "f2")
        assert sent(console) == [Verdict(Verb.RESPOND, answer={"day": "2025-11-03", "bays": 2})]


@pytest.mark.parametrize(
    ("schema", "keys", "answer"),
    [
        ({"type": "boolean"}, ("2",), False),
        ({"type": "boolean"}, ("enter",), True),
        ({"enum": ["rolling", 3, None]}, ("2",), 3),
        ({"anyOf": [{"enum": ["a", "b"]}, {"type": "null"}]}, ("3",), None),
        ({"oneOf": [{"const": "x"}, {"const": "y"}]}, ("j", "enter"), "y"),
        ({"type": "array", "items": {"enum": ["a", "b", "c"]}}, ("3", "1", "enter"), ["a", "c"]),
        ({"enum": ["rolling", "canary"]}, ("tab", *"Canary", "enter"), "canary"),
    ],
)
async def test_an_answer_that_is_a_choice_is_given_by_number(
    agent: Agent, open_console: OpenConsole, schema: dict[str, Any], keys: tuple[str, ...], answer: Any
) -> None:
    ask_question(agent, schema)
    async with open_console() as console:
        await console.press("r")
        assert isinstance(console.app.screen, AnswerDialog)
        await console.press(*keys)
        assert sent(console) == [Verdict(Verb.RESPOND, answer=answer)]


@pytest.mark.parametrize(
    ("schema", "wrong", "right", "answer"),
    [
        ({"type": "integer", "minimum": 1}, "0", "7", 7),
        ({"type": "number"}, "seven", "7.5", 7.5),
        ({"type": "string", "format": "date"}, "tomorrow", "2025-11-03", "2025-11-03"),
        ({"type": "string", "minLength": 3}, "ab", "007", "007"),
        ({"type": "object"}, "[1]", '{"a": 1}', {"a": 1}),
    ],
)
async def test_an_answer_in_one_field_is_checked_as_it_is_written(
    agent: Agent, open_console: OpenConsole, schema: dict[str, Any], wrong: str, right: str, answer: Any
) -> None:
    ask_question(agent, schema)
    async with open_console() as console:
        await console.press("r", *(["f3"] if schema == {"type": "object"} else []))
        screen = console.app.screen
        keys = ("end", *["backspace"] * 9) if isinstance(screen, EditDialog) else ()
        await console.press(*keys, *wrong)
        assert str(screen.query_one("#notice").render())
        send = "f2" if isinstance(screen, EditDialog) else "enter"
        await console.press(send)
        assert console.app.screen is screen, "what is wrong is not sent"
        await console.press(*["backspace"] * len(wrong), *right, send)
        assert sent(console) == [Verdict(Verb.RESPOND, answer=answer)]


async def test_the_agents_own_options_come_before_its_schema(agent: Agent, open_console: OpenConsole) -> None:
    ask_question(agent, {"type": "string"}, options=(Option("Red", "r"), Option("Blue", "b")))
    async with open_console() as console:
        await console.press("r", "2")
        assert sent(console) == [Verdict(Verb.RESPOND, answer="b")]


async def test_choices_of_a_schema_are_numbered_and_answered_at_the_desk(
    agent: Agent, open_console: OpenConsole
) -> None:
    ask_question(agent, {"enum": ["rolling", "canary", 3]})
    async with open_console() as console:
        assert re.search(r"Answers it offers *\n *1  rolling *\n *2  canary *\n *3  3 *\n", console.text)
        assert "one of" not in console.text, "the same is not said twice"
        await console.press("4")
        assert "there is no option 4: it offers 3" in console.said
        await console.press("3")
        assert sent(console) == [Verdict(Verb.RESPOND, answer=3)]


async def test_several_choices_of_a_schema_are_marked_before_they_are_sent(
    agent: Agent, open_console: OpenConsole
) -> None:
    ask_question(agent, {"type": "array", "items": {"enum": ["a", "b"]}})
    async with open_console() as console:
        assert "Answers it offers  more than one may be chosen" in console.text
        await console.press("2")
        assert isinstance(console.app.screen, AnswerDialog)
        assert sent(console) == []
        await console.press("2", "enter")
        assert sent(console) == [Verdict(Verb.RESPOND, answer=["b"])]


async def test_alike_questions_of_a_schema_are_answered_together_where_the_number_means_the_same(
    agent: Agent, open_console: OpenConsole
) -> None:
    for key, names in (("a", ["yes", "no"]), ("b", ["yes", "no"]), ("c", ["no", "yes"])):
        agent.ask(
            key, kind=ItemKind.QUESTION, actions=(), verbs=(Verb.RESPOND,), answer_schema={"enum": names}
        )
    async with open_console() as console:
        await console.press("V", "1", "y")
        await console.until(lambda: len(sent(console)) == 2)
        assert {verdict.answer for verdict in sent(console)} == {"yes"}
        assert "its option 1 is another: no" in console.said
