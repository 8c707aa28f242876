"""A2A 1.x agents, over JSON-RPC or HTTP+JSON: their tasks that wait for input or for a sign-in."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import msgspec

from triage.connectors.a2a import card as cards
from triage.connectors.a2a.answering import Answers, misfits, parts_of
from triage.connectors.a2a.api import UNCLEAR, Api, Page, Stated, Task, open_api
from triage.connectors.a2a.card import BINDINGS, WELL_KNOWN, Interface, NotSpoken
from triage.connectors.a2a.reading import WAITING, Unclear, read_item
from triage.connectors.a2a.settling import ENDED, Seen, Settling, became_of, look, message_id, stands, turns
from triage.connectors.base import Connector, Match, Poll, Refusal
from triage.connectors.http import Declined, Denied, EndpointError, Garbled, Missing, Wire
from triage.model.decision import Decision, Outcome, Receipt
from triage.model.endpoint import EndpointConfig
from triage.model.item import Context, Gone, Item, Verb

__all__ = ["A2A", "A2AConfig"]

MAX_PAGES = 1000
CONTEXT_TURNS = 20
TESTED_VERSION = "1.0"
_UNBOUND = (
    "A2A does not bind an answer to its question: it was compared right before sending, but another answer "
    "in that very moment would let this one be taken for the next question"
)
_TOLD_LATE = ("UNSUPPORTED_OPERATION", "TASK_NOT_CANCELABLE", "INVALID_PARAMS")
"""Errors that may also come once an agent has acted; the others come before it is given anything."""
_UNLISTED = "{}: the agent does not list its tasks, so what waits there cannot be shown ({})"


class A2AConfig(EndpointConfig, frozen=True, kw_only=True):
    """Settings of an A2A endpoint."""

    binding: Literal["HTTP+JSON", "JSONRPC"] | None = None
    """Set when ``url`` is not where the agent card lies but the interface itself, which speaks this binding:
    for an agent whose card names another host. No card is read then."""
    answers: Answers = Answers()
    """What says a verb to this agent, where the usual does not: ``approve = {text = "yes"}``. ``approve``,
    ``edit``, ``reject`` and ``respond`` each take a part, or a list of parts, in which ``$arguments``,
    ``$answer`` and ``$reason`` stand for those of the decision."""


class A2A(Connector):
    """One A2A agent. It shows the tasks that were begun with the credentials it is asked with."""

    kind = "a2a"
    Config = A2AConfig
    tested = "A2A 1.0 (a2a-sdk 1.3)"
    verbs: ClassVar[dict[str, str]] = {
        "approve": 'a message to the task with the data {"decision": "approve"}, or as configured',
        "edit": "the same with the edited arguments, where the agent says that it takes them",
        "reject": "the same with reject",
        "respond": "a message to the task with the answer as text or data",
        "close": "cancels the task",
    }
    proof = (
        "Our message is in the task's history, right after the question that was shown, and the task has "
        "ended or asks something new; for close, the task is cancelled."
    )

    def __init__(self, config: EndpointConfig, wire: Wire) -> None:
        super().__init__(config, wire)
        self._opened: tuple[str, str, Api] | None = None
        self._settling = Settling()

    @classmethod
    async def recognise(cls, wire: Wire) -> Match | None:
        """An agent card. One of an agent that cannot be served is recognised too, with a warning."""
        reply = await wire.request("GET", WELL_KNOWN)
        try:
            card = cards.read_card(reply.raise_for_status().json)
        except (Declined, Garbled):
            return None
        try:
            interface = cards.spoken(card, wire.url)
        except NotSpoken as error:
            found = card.supported_interfaces[0].protocol_version if card.supported_interfaces else ""
            return Match(
                kind=cls.kind,
                version=found or card.protocol_version or "0.3",
                detail=f"the A2A agent {card.name}",
                warning=str(error),
            )
        version, wanted = interface.protocol_version, cards.wanted_words(card)
        return Match(
            kind=cls.kind,
            version=version,
            detail=f"the A2A agent {' '.join(filter(None, (card.name, card.version)))}, "
            f"{interface.protocol_binding} at {interface.url}" + (f"; asks for {wanted}" if wanted else ""),
            warning="" if version == TESTED_VERSION else f"tested with {cls.tested}; this is {version}",
        )

    # -- looking

    async def poll(self) -> Poll:
        """All tasks in the two states that wait; what is in another state is left out, since an agent may
        ignore a filter it does not know."""
        agent, wanted, api = await self._open()
        try:
            rows = [row for state in WAITING for row in await self._listed(api, state)]
        except Denied as error:
            self._opened = None
            raise Denied(f"{error}; it asks for {wanted}" if wanted else str(error), error.reply) from error
        except EndpointError:
            self._opened = None
            raise
        items: dict[str, Item] = {}
        problems: dict[str, None] = {}
        for row in rows:
            try:
                task = msgspec.convert(row, Task)
                if task.status.state in WAITING:
                    item = read_item(self.config.name, agent, task, self.config.answers.verbs)
                    items.setdefault(item.key, item)
            except (msgspec.ValidationError, Unclear) as error:
                problems[f"{_name_of(row)} cannot be read: {error}"] = None
        return Poll(tuple(items.values()), tuple(problems))

    async def _open(self) -> tuple[str, str, Api]:
        """The agent's name, the credentials it asks for in words, and its API; the card is read once."""
        if self._opened is None:
            self._opened = await self._opened_anew()
        return self._opened

    async def _opened_anew(self) -> tuple[str, str, Api]:
        if self.config.binding is not None:
            interface = Interface(self.wire.url, self.config.binding, TESTED_VERSION)
            return self.config.name, "", open_api(self.wire, interface, {})
        try:
            raw = (await self.wire.get(WELL_KNOWN)).json
        except Missing as error:
            raise EndpointError(
                f"there is no agent card at {self.wire.url} ({error}); set url to where it lies, or say with "
                f"binding what is spoken at url itself: {' or '.join(BINDINGS)}"
            ) from error
        card = cards.read_card(raw)
        interface = cards.spoken(card, self.wire.url)
        headers, params = cards.credentials(card, self.wire, self.config)
        wire = Wire(self.wire.client, self.wire.url, headers)
        return card.name or self.config.name, cards.wanted_words(card), open_api(wire, interface, params)

    async def _listed(self, api: Api, state: str) -> list[Any]:
        rows: list[Any] = []
        seen: set[str] = set()
        token = ""
        for _ in range(MAX_PAGES):
            page = await self._page(api, state, token)
            rows += page.tasks
            token = page.next_page_token
            if not token:
                return rows
            if token in seen:
                raise Garbled(f"{self.config.name} gives the same next page twice: {token[:80]!r}")
            seen.add(token)
        raise Garbled(f"{self.config.name} has more than {MAX_PAGES} pages of tasks")

    async def _page(self, api: Api, state: str, token: str) -> Page:
        try:
            return await api.page(state, token)
        except Stated as error:
            if error.reason in ("METHOD_NOT_FOUND", "UNSUPPORTED_OPERATION"):
                raise EndpointError(_UNLISTED.format(self.config.name, error)) from error
            raise
        except Declined as error:
            if error.reply.status in (404, 405, 501):
                raise EndpointError(_UNLISTED.format(self.config.name, error)) from error
            raise

    async def context(self, item: Item) -> Context:
        """The last turns of the task, and what it has given so far."""
        task = await self._task(item, CONTEXT_TURNS)
        return Context(messages=turns(task), state=list(task.artifacts or ()) or None) if task else Context()

    def lane(self, item: Item) -> str:
        """The task: whatever comes next answers whatever it asks then."""
        task_id: str = item.locator["task_id"]
        return task_id

    async def reread(self, item: Item) -> Item | Gone:
        """The task's question as it stands now, when it is still the same one."""
        agent, _, _ = await self._open()
        task = await self._task(item, 0)
        if task is None:
            return Gone("not known", "the agent no longer knows the task; many forget all when they restart")
        if not stands(task, item):
            return became_of(task)
        return read_item(self.config.name, agent, task, self.config.answers.verbs)

    async def _task(self, item: Item, history: int | None) -> Task | None:
        _, _, api = await self._open()
        task = await api.task(item.locator["task_id"], history)
        if task is not None and task.id != item.locator["task_id"]:
            raise Garbled(f"{self.config.name} answered with another task, {task.id[:80]!r}")
        return task

    # -- doing

    def check(self, item: Item, decision: Decision) -> list[str]:
        """What the agent could not be told, or would get in another shape."""
        return misfits(item, decision.verdicts, self.config.answers)

    async def send(self, item: Item, decision: Decision) -> Receipt:
        """One message to the task, or one cancel. ``item`` was compared just before."""
        try:
            _, _, api = await self._open()
        except EndpointError as error:
            raise Refusal(f"{error}; nothing was sent") from error
        task_id = item.locator["task_id"]
        try:
            if decision.verb is Verb.CLOSE:
                answered = await api.cancel(task_id)
            else:
                answered = await api.send(self._message(item, decision))
        except Stated as error:
            return await self._after_stated(item, decision, error)
        except Declined as error:
            status = error.reply.status
            if 400 <= status < 500 and status not in UNCLEAR:
                raise Refusal(str(error)) from error
            raise
        if not isinstance(answered, dict):
            raise Garbled(f"{self.config.name} answered a send with unexpected data")
        return Receipt(
            reference=message_id(decision), detail={"answered": _state_of(answered), "note": _UNBOUND}
        )

    def _message(self, item: Item, decision: Decision) -> dict[str, Any]:
        reasons = [verdict.reason for verdict in decision.verdicts if verdict.reason]
        context_id = item.locator["context_id"]
        return {
            "messageId": message_id(decision),
            "taskId": item.locator["task_id"],
            **({"contextId": context_id} if context_id else {}),
            "role": "ROLE_USER",
            "parts": parts_of(item, decision.verdicts, self.config.answers),
            "metadata": {"operator": decision.operator} | ({"reason": reasons[0]} if reasons else {}),
        }

    async def _after_stated(self, item: Item, decision: Decision, error: Stated) -> Receipt:
        """A Refusal where the agent certainly did nothing, which an error alone may not mean: a task has ended
        by our own doing when something on the way delivered the message twice, and agents were seen to act on
        an answer and then to call it invalid. So the task is read."""
        if not error.certain:
            raise error
        if error.reason not in _TOLD_LATE:
            raise Refusal(str(error)) from error
        try:
            task = await self._task(item, None)
        except EndpointError:
            raise error from None
        if task is None:
            raise error
        found = Seen.ABSENT if decision.verb is Verb.CLOSE else look(task, item, message_id(decision)).seen
        if found not in (Seen.WAITING, Seen.ABSENT):
            return Receipt(reference=message_id(decision), detail={"answered": str(error), "note": _UNBOUND})
        if stands(task, item):
            raise Refusal(f"the agent does not take this ({error})") from error
        ended = error.reason != "INVALID_PARAMS" and task.status.state in ENDED
        if not ended or (decision.verb is Verb.CLOSE and task.status.state == "TASK_STATE_CANCELED"):
            raise error
        raise Refusal(f"{became_of(task).detail} ({error})") from error

    async def settle(self, item: Item, decision: Decision, receipt: Receipt | None) -> Outcome:
        """What the task's history and state say; see ``settling``."""
        task = await self._task(item, None)
        return self._settling.outcome(item, decision, receipt, task)


def _state_of(answered: dict[str, Any]) -> str:
    """What a send was answered with: the task's state, or a message; for the log only."""
    task = answered.get("task", answered)
    status = task.get("status") if isinstance(task, dict) else None
    state = status.get("state") if isinstance(status, dict) else None
    return str(state) if state else ", ".join(answered)[:80]


def _name_of(row: Any) -> str:
    name = row.get("id") if isinstance(row, dict) else None
    return f"task {name[:80]}" if isinstance(name, str) and name else "a task without an id"
