"""What an operator of the judging benchmark finds waiting, what is right to do, and the agents that ask it.

``python -m benchmarks.judged ALIKE LOOKED WORDED`` serves the agents in a process of their own: those of the
demo, which check what they are told and act on it. Every right judgment can be told from what an item shows.
"""

from __future__ import annotations

import asyncio
import copy
import json
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any

import msgspec

from triage.demo.agent import Agent
from triage.demo.content import mail, payments
from triage.demo.content.company import object_schema
from triage.demo.proposal import Act, Proposal, World, action, option
from triage.demo.serving import Answer, Request, Server

__all__ = ["HOST", "LIMIT", "SOUND_REASON", "Case", "Judged", "Mix", "cases"]

HOST = "mail.example"
"""Where customers have their mail: a refund for anybody elsewhere is for somebody else."""
LIMIT = 100
"""Euros that a refund for a damaged parcel may come to."""
SOUND_REASON = "The parcel arrived damaged"

TOO_LARGE = "The amount or scope is too large"
WRONG_TARGET = "The recipient or target is wrong"
TELL_MORE = "More information is needed first"
BREAKS_RULE = "This breaks a rule of ours"

_SEED = 7
_NAMES = "Mara Jonas Aylin Tomasz Priya Henrik Noor Beatriz Samuel Ingrid Kofi Yuki Dario Saoirse".split()
_SIZES = ("52 cm", "54 cm", "56 cm", "58 cm")
_PARCELS = ("today", "tomorrow", "on Friday", "next week")
_DUE = ("today", "end of week", "end of month")


class Mix(msgspec.Struct, frozen=True):
    """How many items are of which sort."""

    alike: int
    """Of one agent and one action, a few among them not in order."""
    looked: int
    """To be read one by one: approved, or rejected for a reason."""
    worded: int
    """To be answered or edited."""

    @property
    def total(self) -> int:
        """All of them."""
        return self.alike + self.looked + self.worded


class Case(msgspec.Struct, frozen=True):
    """One item, and what is right to do with it."""

    agent: str
    proposal: Proposal
    verb: str = "approve"
    reason: str | None = None
    arguments: Any = msgspec.UNSET
    answer: Any = msgspec.UNSET


def cases(mix: Mix) -> Iterator[Case]:
    """All that is asked, as mixed as it would come over a morning; titles are unique."""
    parts = [
        [_refund(number) for number in range(mix.alike)],
        [(_letter if number % 2 else _release)(number // 2) for number in range(mix.looked)],
        [_WORDED[number % len(_WORDED)](number) for number in range(mix.worded)],
    ]
    placed = [(at / len(part), case) for part in parts for at, case in enumerate(part)]
    for _, case in sorted(placed, key=lambda pair: pair[0]):
        yield case


# -- alike -------------------------------------------------------------------------------------------


def _refund(number: int) -> Case:
    """A refund like the others; a few are too large, for another reason, or for another customer."""
    order, amount, host, why = f"AF-{10_000 + 37 * number}", 20 + number * 7 % 41, HOST, SOUND_REASON
    reason = None
    if number % 20 == 3:
        odd = number // 20 % 3
        reason = (TOO_LARGE, TELL_MORE, WRONG_TARGET)[odd]
        amount = 1_800 + number if odd == 0 else amount
        why = "Asked for it, politely" if odd == 1 else why
        host = "parcels.example" if odd == 2 else host
    schema = object_schema(
        "order customer amount reason",
        order={"type": "string"},
        customer={"type": "string"},
        amount={"type": "number"},
        reason={"type": "string"},
    )
    customer = f"{_name(number).lower()}@{host}"
    proposed = action("issue_refund", schema, order=order, customer=customer, amount=amount, reason=why)
    return Case(
        "payments",
        Proposal(title=f"Refund {order}", actions=[proposed]),
        "reject" if reason else "approve",
        reason,
    )


# -- to look at --------------------------------------------------------------------------------------


def _letter(number: int) -> Case:
    """A letter; every third goes to somebody else or promises what is not allowed."""
    order, name = f"AF-{50_000 + 41 * number}", _name(number)
    odd = number // 3 % 2 if number % 3 == 2 else None
    to = f"{(_name(number + 5) if odd == 0 else name).lower()}@{HOST}"
    promise = "\n\nWe guarantee that it never happens again." if odd == 1 else ""
    body = (
        f"Dear {name},\n\nyour order {order} left us today and should reach you within three days.{promise}"
        "\n\nKind regards\nAlder & Finch"
    )
    proposed = action("send_mail", to=[to], subject=f"Your order {order}", body=body)
    return Case(
        "mail",
        Proposal(
            title=f"Answer {name} about {order}",
            description=f"The customer wrote from {name.lower()}@{HOST}. Nothing may be guaranteed.",
            actions=[proposed],
        ),
        "approve" if odd is None else "reject",
        None if odd is None else (WRONG_TARGET, BREAKS_RULE)[odd],
    )


def _release(number: int) -> Case:
    """A release; every third was not tested, or goes out to everybody at once."""
    odd = number // 3 % 2 if number % 3 == 1 else None
    tested = "none were run" if odd == 0 else f"{400 + number} passed, 0 failed"
    strategy = "all at once" if odd == 1 else ("rolling", "canary")[number % 2]
    version = f"4.{number // 10}.{number % 10}"
    proposed = action("release", service="checkout", version=version, strategy=strategy)
    return Case(
        "deploys",
        Proposal(
            title=f"Release checkout {version}",
            description=f"Tests: {tested}. Roll it out step by step, never all at once.",
            actions=[proposed],
        ),
        "approve" if odd is None else "reject",
        None if odd is None else (TELL_MORE, TOO_LARGE)[odd],
    )


# -- to answer or to edit ----------------------------------------------------------------------------


def _choice(number: int) -> Case:
    """A question with options."""
    right = _SIZES[number % len(_SIZES)]
    return Case(
        "helpdesk",
        Proposal(
            title=f"Which frame size for rider {700 + number}?",
            kind="question",
            description=f"The chart says: {right}.",
            options=[option(size, size.split()[0]) for size in _SIZES],
            verbs=("respond", "ignore"),
        ),
        "respond",
        answer=right.split()[0],
    )


def _schema_choice(number: int) -> Case:
    """A question whose choices stand in its schema alone."""
    right = _PARCELS[number % len(_PARCELS)]
    return Case(
        "helpdesk",
        Proposal(
            title=f"When does parcel {300 + number} leave?",
            kind="question",
            description=f"The warehouse says: {right}.",
            answer_schema={"enum": list(_PARCELS)},
            verbs=("respond", "ignore"),
        ),
        "respond",
        answer=right,
    )


def _words(number: int) -> Case:
    """A question to be answered in words."""
    code = f"{4_400 + number}B"
    return Case(
        "helpdesk",
        Proposal(
            title=f"Which code opens the door of customer {900 + number}?",
            kind="question",
            description=f"The note says: {code}.",
            verbs=("respond", "ignore"),
        ),
        "respond",
        answer=code,
    )


def _credit(number: int) -> Case:
    """A credit that is too high by a digit."""
    customer, right = f"{_name(number)} {number}", 20 + number
    schema = object_schema("customer amount", customer={"type": "string"}, amount={"type": "number"})
    proposed = action("give_credit", schema, customer=customer, amount=right * 10)
    return Case(
        "payments",
        Proposal(
            title=f"Credit {customer} for a late parcel",
            description=f"At most {right} euros are given for that.",
            actions=[proposed],
        ),
        "edit",
        arguments={"customer": customer, "amount": right},
    )


def _invoice(number: int) -> Case:
    """An invoice to be paid at another time."""
    right = _DUE[1 + number % 2]
    schema = object_schema(
        "supplier invoice amount iban due",
        supplier={"type": "string"},
        invoice={"type": "string"},
        amount={"type": "number"},
        iban={"type": "string"},
        due={"enum": list(_DUE)},
    )
    given: dict[str, Any] = {
        "supplier": "Nordrad Components",
        "invoice": f"{8_800 + number}-C",
        "amount": 240 + number,
        "iban": "DE12 5001 0517 0648 4898 90",
    }
    return Case(
        "payments",
        Proposal(
            title=f"Pay invoice {given['invoice']}",
            description=f"To be paid: {right}.",
            actions=[action("pay_invoice", schema, **given, due=_DUE[0])],
        ),
        "edit",
        arguments={**given, "due": right},
    )


_WORDED: tuple[Callable[[int], Case], ...] = (
    _choice,
    _schema_choice,
    _credit,
    _words,
    _choice,
    _invoice,
    _schema_choice,
    _choice,
    _credit,
    _choice,
)


def _name(number: int) -> str:
    return _NAMES[number % len(_NAMES)]


# -- the agents --------------------------------------------------------------------------------------


def _release_it(world: World, arguments: Any) -> str:
    world[arguments["service"]] = arguments["version"]
    return f"{arguments['service']} {arguments['version']} is out, {arguments['strategy']}."


_ACTS: Mapping[str, Mapping[str, Act]] = {
    "payments": payments.ACTS,
    "mail": mail.ACTS,
    "deploys": {"release": _release_it},
    "helpdesk": {},
}
_WORLDS: Mapping[str, World] = {"payments": payments.WORLD, "mail": mail.WORLD, "deploys": {}, "helpdesk": {}}


class Judged:
    """The agents, served by another process until the end of the ``with``."""

    def __init__(self, mix: Mix) -> None:
        self._mix = mix
        self.url = ""

    def __enter__(self) -> Judged:
        counts = [str(count) for count in msgspec.structs.astuple(self._mix)]
        command = [sys.executable, "-m", "benchmarks.judged", *counts]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.url = f"http://127.0.0.1:{int(self._process.stdout.readline())}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.communicate(timeout=10)

    @property
    def config(self) -> str:
        """Settings of the agents' endpoints."""
        return "\n".join(
            f'[endpoints.{name}]\nkind = "rest"\nurl = "{self.url}/{name}"\npoll_s = 2.0\n' for name in _ACTS
        )

    def effects(self) -> list[dict[str, Any]]:
        """All that the agents did."""
        return [effect for name in _ACTS for effect in self._effects(name)]

    def _effects(self, name: str) -> list[dict[str, Any]]:
        with urllib.request.urlopen(f"{self.url}/{name}/effects", timeout=20) as reply:
            effects: list[dict[str, Any]] = json.load(reply)["effects"]
        return effects


async def _serve(mix: Mix) -> None:
    agents = {
        name: Agent(name, (), acts, copy.deepcopy(_WORLDS[name]), _SEED) for name, acts in _ACTS.items()
    }
    asked = list(cases(mix))
    now = datetime.now(UTC)
    for number, case in enumerate(asked):
        agents[case.agent].ask(case.proposal, now - timedelta(seconds=20 * (len(asked) - number)))

    async def handle(request: Request) -> Answer:
        agent = agents.get(request.path[0]) if request.path else None
        return await agent.serve(request) if agent else Answer(404, {"error": "there is no such agent"})

    server = Server(handle)
    await server.start()
    print(server.port, flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    try:
        asyncio.run(_serve(Mix(*map(int, sys.argv[1:4]))))
    except KeyboardInterrupt:
        sys.exit(0)
