"""OpenHands' agent-server: the actions its conversations wait to have confirmed, turn by turn."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from triage.connectors.base import Connector, Match, Poll, Refusal
from triage.connectors.http import Declined, Denied, EndpointError, Garbled, Wire
from triage.connectors.openhands.api import WAITING, Api, Conversation, Event
from triage.connectors.openhands.asking import mark, reason, to_item, waiting_among
from triage.connectors.openhands.looking import Looking
from triage.connectors.openhands.settling import Settling, gone
from triage.connectors.openhands.talk import messages
from triage.model.decision import Decision, DeliveryState, Outcome, Receipt
from triage.model.endpoint import EndpointConfig
from triage.model.item import Context, Gone, Item, Verb

__all__ = ["OpenHands", "OpenHandsConfig"]

_TITLE = "OpenHands Agent Server"
_TESTED_SERIES = ("1.57.", "1.58.")
_LOOKS = 10
_LOOK_S = 0.2
"""A rejection is looked for this often before the agent is let go on."""


class OpenHandsConfig(EndpointConfig, frozen=True, kw_only=True):
    """Settings of an OpenHands endpoint."""

    token_header: str = "X-Session-API-Key"
    """Header that carries the server's session key."""


class OpenHands(Connector):
    """One agent-server. Its answers name no action: they hit whatever waits when they arrive."""

    kind = "openhands"
    Config = OpenHandsConfig
    tested = "1.57 and 1.58"
    verbs: ClassVar[dict[str, str]] = {
        "approve": "POST …/respond_to_confirmation accept: runs every action of the turn",
        "reject": "the same with the reason, for every action of the turn; then POST …/run",
    }
    proof = (
        "An observation, or a rejection with our mark, for each action's id; an acceptance is ours only "
        "when the same actions were seen to wait right before it and the server took it."
    )

    def __init__(self, config: EndpointConfig, wire: Wire) -> None:
        super().__init__(config, wire)
        self.api = Api(wire)
        self.looking = Looking(config.name, self.api)

    @classmethod
    async def recognise(cls, wire: Wire) -> Match | None:
        """``GET /server_info`` gives its name and version."""
        try:
            info = (await wire.get("server_info")).json
        except Denied:
            raise
        except (Declined, Garbled):
            return None
        if not isinstance(info, dict) or info.get("title") != _TITLE:
            return None
        version = info.get("version")
        version = version if isinstance(version, str) else ""
        known = version.startswith(_TESTED_SERIES)
        return Match(
            kind=cls.kind,
            version=version,
            detail=f"{_TITLE} {version}".strip(),
            warning="" if known else f"tested with {cls.tested}; this is {version or 'of no told version'}",
        )

    # -- looking

    async def poll(self) -> Poll:
        """What every waiting conversation waits for."""
        return await self.looking.poll()

    async def context(self, item: Item) -> Context:
        """The conversation's latest events, and what it is called and where it works."""
        found = await self.looking.now(item)
        if found is None:
            return Context()
        conversation, events = found
        state = {
            "title": conversation.title,
            "status": conversation.execution_status,
            "directory": conversation.directory,
            "created": conversation.created_at,
            "parent conversation": conversation.parent_conversation_id,
        }
        return Context(messages(events), {name: value for name, value in state.items() if value})

    def lane(self, item: Item) -> str:
        """The conversation: an answer hits whatever waits in it."""
        conversation_id: str = item.locator["conversation_id"]
        return conversation_id

    def check(self, item: Item, decision: Decision) -> list[str]:
        """One answer goes to all actions of a turn."""
        if len({verdict.verb for verdict in decision.verdicts}) > 1:
            return ["OpenHands answers all actions of a turn together: approve all of them or reject all"]
        return []

    async def reread(self, item: Item) -> Item | Gone:
        """The same actions, when they and no others wait now."""
        found = await self.looking.now(item)
        if found is None:
            return Gone("deleted", "the conversation was deleted")
        now_is = self._waits(*found)
        if now_is is not None and now_is.key == item.key:
            return now_is
        return gone(item, *found)

    def _waits(self, conversation: Conversation, events: list[Event]) -> Item | None:
        """What a conversation waits for now."""
        waiting = waiting_among(events)
        if conversation.execution_status != WAITING or not waiting:
            return None
        return to_item(self.config.name, conversation, waiting)

    # -- doing

    async def send(self, item: Item, decision: Decision) -> Receipt:
        """One answer, right after the very same actions were seen to wait. Never a second one: it would
        accept or reject what nobody saw."""
        await self._make_sure(item)
        accept = decision.verb is Verb.APPROVE
        body = {"accept": True} if accept else {"accept": False, "reason": reason(decision, item.actions)}
        conversation_id = item.locator["conversation_id"]
        try:
            taken = await self.api.respond(conversation_id, body)
        except Declined as error:
            if 400 <= error.reply.status < 500 and error.reply.status != 408:
                raise Refusal(f"OpenHands does not take this: {error}") from error
            raise
        if not taken:
            raise Garbled("the server answered 200 without saying success")
        detail = {} if accept else {"mark": mark(decision)}
        if not accept and any(verdict.reason for verdict in decision.verdicts):
            detail["then"] = await self._let_go_on(item, decision)
        return Receipt(reference=conversation_id, detail=detail)

    async def _make_sure(self, item: Item) -> None:
        """Raises Refusal unless the item's actions, and no others, wait at this moment."""
        try:
            now_is = await self.reread(item)
        except EndpointError as error:
            raise Refusal(f"nothing was sent: what waits could not be read again ({error})") from error
        if isinstance(now_is, Gone):
            raise Refusal(f"nothing was sent: the action no longer waits ({now_is.detail})")
        if now_is.revision != item.revision:
            raise Refusal("nothing was sent: what is asked has changed; look at it again")

    async def _let_go_on(self, item: Item, decision: Decision) -> str:
        """Run the agent after a rejection, so that it hears the reason; what became of that, in words.

        Running accepts whatever waits: only when our rejection is recorded, the conversation rests and
        nothing waits in it.
        """
        rests = "the agent rests until it is run"
        try:
            for _ in range(_LOOKS):
                found = await self.looking.now(item)
                if found is None:
                    return "the conversation was deleted"
                ours = Settling(item, decision, None, *found).outcome().state is DeliveryState.CONFIRMED
                if ours and (found[0].execution_status != "idle" or waiting_among(found[1])):
                    return "the agent was not run: somebody else goes on with the conversation"
                if ours:
                    ran = await self.api.run(item.locator["conversation_id"])
                    return "the agent was told and goes on" if ran else rests
                await asyncio.sleep(_LOOK_S)
        except EndpointError as error:
            return f"whether the agent goes on is not known ({error})"
        return rests

    async def settle(self, item: Item, decision: Decision, receipt: Receipt | None) -> Outcome:
        """See ``settling``."""
        found = await self.looking.now(item)
        if found is None:
            return Outcome(
                DeliveryState.UNKNOWN, "the conversation was deleted: nothing tells what came of it"
            )
        return Settling(item, decision, receipt, *found).outcome()
