"""The helpdesk agent: questions, answered by number, in words or as a filled form, and tickets."""

from __future__ import annotations

import random
from typing import Any

from triage.demo.content.company import customer, object_schema, order, product, said_by
from triage.demo.proposal import Act, Proposal, Template, World, action, option

__all__ = ["ACTS", "TEMPLATES", "WORLD"]

WORLD: World = {"answers": {}, "closed": {}, "merged": {}}

_ANSWERS = ("respond", "ignore")


def which_size(chance: random.Random) -> Proposal:
    """One answer out of a few."""
    name, height = customer(chance), chance.randint(168, 186)
    return Proposal(
        title=f"{name} is {height} cm tall and between two frame sizes: which one?",
        kind="question",
        description=f"Kestrel 7. Inseam {height - 92} cm, long arms, rides mostly gravel. The "
        "chart says 54 or 56.",
        options=[
            option("54 cm", "54", "nimbler; needs a longer stem"),
            option("56 cm", "56", "steadier; little room over the top tube"),
            option("Invite to a fitting", "fitting", "free, 40 minutes, next slot on Friday"),
        ],
        verbs=_ANSWERS,
        told="Answered " + name + ": {answer}.",
        context=said_by(("customer", "I tried a 55 of another brand and it was perfect. You have none?")),
    )


def warranty(chance: random.Random) -> Proposal:
    """A judgment call with options that differ in cost."""
    goods, months = product(chance)[0], chance.randint(25, 29)
    return Proposal(
        title=f"Warranty on a {goods}, {months} months old: how far do we go?",
        kind="question",
        description="The legal warranty ended after 24 months. The fault (a weld) is certainly not the "
        "customer's. She has bought here since 2012.",
        options=[
            option("Repair free of charge", {"do": "repair", "charge": 0}, "costs us about €140"),
            option("Repair, customer pays the parts", {"do": "repair", "charge": 60}),
            option("Half price on a new one", {"do": "replace", "charge_percent": 50}, "costs us about €90"),
            option("Decline politely", {"do": "decline"}),
        ],
        verbs=_ANSWERS,
        risk="medium",
        told="Wrote to the customer: {answer}.",
    )


def opening_hours(chance: random.Random) -> Proposal:
    """Several answers at once."""
    return Proposal(
        title="Which workshops open on the public holiday?",
        kind="question",
        description="People ask already. Choose one or several; staff lists allow any two.",
        options=[
            option("Canal Street", "canal-street"),
            option("Mill Lane", "mill-lane", "roof works until the 14th"),
            option("Station", "station"),
            option("Harbour", "harbour"),
        ],
        many=True,
        verbs=_ANSWERS,
        told="Published the holiday hours: {answer}.",
        deadline_s=chance.randint(5, 9) * 3600,
    )


def workshop_slot(chance: random.Random) -> Proposal:
    """A form to fill in."""
    name = customer(chance)
    return Proposal(
        title=f"Workshop slot for {name}'s cargo bike: when, how long, who?",
        kind="question",
        description="Drive unit makes a grinding noise. Only Ada and Piotr may open this motor.",
        answer_schema=object_schema(
            "day minutes mechanic",
            day={"enum": ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"]},
            minutes={"type": "integer", "minimum": 30, "maximum": 240, "multipleOf": 15},
            mechanic={"enum": ["Ada", "Piotr"]},
            loan_bike={"type": "boolean", "default": True},
        ),
        verbs=_ANSWERS,
        told="Booked for " + name + ": {answer}.",
        slow=True,
    )


def free_words(chance: random.Random) -> Proposal:
    """An answer in the operator's own words."""
    name, (goods, _) = customer(chance), product(chance)
    return Proposal(
        title=f"{name} asks whether the {goods} can be painted in her club's colours",
        kind="question",
        description="We have done it twice, for friends. There is no price for it, and nothing "
        "in the handbook.",
        answer_schema={"type": "string", "minLength": 3, "maxLength": 1200},
        verbs=_ANSWERS,
        told="Sent " + name + " this answer: {answer}",
    )


def delivery_window(chance: random.Random) -> Proposal:
    """A number is asked."""
    number = order(chance)
    return Proposal(
        title=f"How many days may {number} wait for the missing pedals?",
        kind="question",
        description="Everything else is packed. The pedals come any day between tomorrow and next Friday.",
        answer_schema={"type": "integer", "minimum": 0, "maximum": 14},
        verbs=_ANSWERS,
        told="Will send the rest without pedals after {answer} days.",
        risk="low",
    )


def unsure_language(chance: random.Random) -> Proposal:
    """Yes or no."""
    name = customer(chance)
    return Proposal(
        title=f"Is {name} asking to cancel, or just asking whether she could?",
        kind="question",
        description="«Ginge es noch, dass ich das storniere, falls der Rahmen nicht passt?» I read it as a "
        "question, not as a cancellation, with some doubt.",
        options=[option("Just asking", False), option("Cancel it", True)],
        verbs=_ANSWERS,
        told="Went on with: {answer}.",
    )


def close_stale(chance: random.Random) -> Proposal:
    """A ticket nobody answered for weeks."""
    name, days = customer(chance), chance.randint(21, 60)
    ticket = f"T-{chance.randrange(4000, 9000)}"
    return Proposal(
        title=f"Close {ticket}: {name} has been silent for {days} days",
        description="Asked twice for the frame number, no answer. Closing sends a short note; "
        "the ticket opens "
        "again by itself when the customer writes.",
        actions=[action("close_ticket", ticket=ticket, note="Closed for now. Just answer to open it again.")],
        risk="low",
        scopes=[
            {
                "name": "close-silent",
                "description": "close tickets after 21 days of silence and two reminders without asking",
            }
        ],
    )


def merge_tickets(chance: random.Random) -> Proposal:
    """Three tickets that seem to be one."""
    first = chance.randrange(4000, 9000)
    numbers = [f"T-{first + step}" for step in (0, 3, 4)]
    return Proposal(
        title=f"Merge {', '.join(numbers[1:])} into {numbers[0]}",
        description="Same phone number, same bicycle, three channels. The names differ: "
        "Kowalczyk and Kowalczik.",
        actions=[action("merge_tickets", into=numbers[0], tickets=numbers[1:])],
        verbs=(
            "approve",
            "edit",
            "reject",
            "respond",
        ),
        risk="low",
        told="Left the tickets apart and noted: {answer}",
    )


def _close_ticket(world: World, arguments: Any) -> str:
    world["closed"][arguments["ticket"]] = arguments["note"]
    return f"Closed {arguments['ticket']}."


def _merge_tickets(world: World, arguments: Any) -> str:
    for ticket in arguments["tickets"]:
        world["merged"][ticket] = arguments["into"]
    return f"{', '.join(arguments['tickets'])} now redirect to {arguments['into']}."


TEMPLATES: tuple[Template, ...] = (
    which_size,
    warranty,
    opening_hours,
    workshop_slot,
    free_words,
    delivery_window,
    unsure_language,
    close_stale,
    merge_tickets,
)
ACTS: dict[str, Act] = {"close_ticket": _close_ticket, "merge_tickets": _merge_tickets}
