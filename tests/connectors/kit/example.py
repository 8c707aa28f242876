"""A worked example: a help desk whose agent asks before it answers a ticket, and the connector for it."""

from __future__ import annotations

from typing import Any

import msgspec

from tests.connectors.kit.server import Request, Response, Server
from triage.connectors.base import Connector, Match, Poll, Refusal
from triage.connectors.http import Declined, EndpointError, Missing, Wire, segment
from triage.model.decision import Decision, DeliveryState, Outcome, Receipt
from triage.model.item import Action, Gone, Item, ItemKind, Verb

PAGE = 10


class HelpDesk(Server):
    """The agent server: tickets that wait for a yes or a no, and what was answered to each."""

    def __init__(self) -> None:
        super().__init__()
        self.tickets: dict[str, dict[str, Any]] = {}
        self.route("GET", "/about")(self._about)
        self.route("GET", "/tickets")(self._list)
        self.route("GET", "/tickets/{id}")(self._one)
        self.route("POST", "/tickets/{id}/answer")(self._answer)

    def open(self, question: str) -> str:
        name = f"T{len(self.tickets) + 1}"
        self.tickets[name] = {"id": name, "question": question, "answers": []}
        return name

    async def _about(self, request: Request) -> Response:
        return Response({"product": "helpdesk", "version": "1.2"})

    async def _list(self, request: Request) -> Response:
        waiting = [ticket for ticket in self.tickets.values() if not ticket["answers"]]
        start = int(request.query.get("from", 0))
        more = start + PAGE if len(waiting) > start + PAGE else None
        return Response({"tickets": waiting[start : start + PAGE], "next": more})

    async def _one(self, request: Request) -> Response:
        ticket = self.tickets.get(request.params["id"])
        return Response(ticket) if ticket else Response({"detail": "no such ticket"}, 404)

    async def _answer(self, request: Request) -> Response:
        ticket = self.tickets.get(request.params["id"])
        if ticket is None:
            return Response({"detail": "no such ticket"}, 404)
        if ticket["answers"]:
            return Response({"detail": "answered already"}, 409)
        ticket["answers"].append(request.json)
        return Response({"ok": True})


class Ticket(msgspec.Struct, frozen=True):
    """A ticket as the server sends it."""

    id: str
    question: str
    answers: list[dict[str, Any]] = []


class Listing(msgspec.Struct, frozen=True):
    """One page of tickets; each is read by itself, so that a bad one spoils no other."""

    tickets: list[Any]
    next: int | None = None


class HelpDeskConnector(Connector):
    """Speaks to help desks."""

    kind = "helpdesk"
    tested = "1.2"
    verbs = {"approve": "POST …/answer yes", "reject": "POST …/answer no"}  # noqa: RUF012
    proof = "the ticket's answer carries the decision's id"

    @classmethod
    async def recognise(cls, wire: Wire) -> Match | None:
        try:
            about = (await wire.get("about")).json
        except EndpointError:
            return None
        if not isinstance(about, dict) or about.get("product") != "helpdesk":
            return None
        return Match(kind=cls.kind, version=str(about.get("version", "")))

    async def poll(self) -> Poll:
        items, problems = [], []
        start: int | None = 0
        while start is not None:
            page = (await self.wire.get("tickets", params={"from": start})).decode(Listing)
            for row in page.tickets:
                try:
                    items.append(self._item(msgspec.convert(row, Ticket)))
                except msgspec.ValidationError as error:
                    problems.append(f"a ticket cannot be read: {error}")
            start = page.next
        return Poll(tuple(items), tuple(problems))

    async def reread(self, item: Item) -> Item | Gone:
        try:
            ticket = await self._ticket(item)
        except Missing:
            return Gone("deleted")
        return Gone("answered") if ticket.answers else self._item(ticket)

    async def send(self, item: Item, decision: Decision) -> Receipt:
        word = "yes" if decision.verb is Verb.APPROVE else "no"
        try:
            await self.wire.post(f"tickets/{segment(item.key)}/answer", {"answer": word, "key": decision.id})
        except Declined as error:
            # 409: somebody answered; perhaps we, if a proxy sent it twice. Settling tells.
            if error.reply.status < 500 and error.reply.status != 409:
                raise Refusal(str(error)) from error
            raise
        return Receipt(reference=decision.id)

    async def settle(self, item: Item, decision: Decision, receipt: Receipt | None) -> Outcome:
        answers = (await self._ticket(item)).answers
        if any(answer["key"] == decision.id for answer in answers):
            return Outcome(DeliveryState.CONFIRMED)
        if answers:
            return Outcome(DeliveryState.REFUSED, "somebody else answered first")
        return Outcome(DeliveryState.UNKNOWN, "the ticket still waits; our answer may be on its way")

    async def _ticket(self, item: Item) -> Ticket:
        reply = await self.wire.get(f"tickets/{segment(item.key)}")
        ticket: Ticket = reply.decode(Ticket)
        return ticket

    def _item(self, ticket: Ticket) -> Item:
        return Item(
            endpoint=self.config.name,
            key=ticket.id,
            kind=ItemKind.APPROVAL,
            title=ticket.question,
            verbs=(Verb.APPROVE, Verb.REJECT),
            actions=(Action("answer the ticket"),),
        )
