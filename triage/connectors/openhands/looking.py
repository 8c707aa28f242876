"""What waits on an OpenHands agent-server: the conversations that wait, and the actions they wait for."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec

from triage.connectors.base import Poll
from triage.connectors.few_at_a_time import few_at_a_time
from triage.connectors.http import Busy, Declined, Denied, Garbled
from triage.connectors.openhands.api import WAITING, Api, Conversation, Event
from triage.connectors.openhands.asking import to_item, waiting_among
from triage.model.item import Item

__all__ = ["Looking"]

_MAX_PAGES = 80
"""Pages of one conversation's events that are read, newest first."""


class Looking:
    """One server's waiting actions. Remembers what it read of a conversation until that changes."""

    def __init__(self, endpoint: str, api: Api) -> None:
        self.endpoint = endpoint
        self.api = api
        self._read: dict[str, tuple[tuple[str, str], list[Event]]] = {}

    async def poll(self) -> Poll:
        """One item a conversation that waits: the actions of its last turn."""
        problems: list[str] = []
        conversations: dict[str, Conversation] = {}
        for row in await self.api.waiting():
            try:
                conversation = msgspec.convert(row, Conversation)
            except msgspec.ValidationError as error:
                problems.append(f"{_name_of(row)} cannot be read: {error}")
                continue
            if conversation.execution_status == WAITING:
                conversations[conversation.id] = conversation
        items = await self._items(list(conversations.values()), problems)
        self._read = {name: kept for name, kept in self._read.items() if name in conversations}
        return Poll(tuple(items), tuple(problems))

    async def now(self, item: Item) -> tuple[Conversation, list[Event]] | None:
        """The item's conversation, and then its events, newest first, back to the item's actions; None
        when the conversation is gone."""
        where = item.locator
        conversation = await self.api.conversation(where["conversation_id"])
        if conversation is None:
            return None
        return conversation, await self._events(where["conversation_id"], where["action_ids"])

    async def _items(self, conversations: Sequence[Conversation], problems: list[str]) -> list[Item]:
        """The items of many conversations, a few read at a time."""

        async def one(conversation: Conversation) -> Item | None:
            try:
                waiting = await self._waiting_in(conversation)
            except (Denied, Busy):
                raise
            except (Declined, Garbled) as error:
                problems.append(f"conversation {conversation.id} cannot be read: {error}")
                return None
            return to_item(self.endpoint, conversation, waiting) if waiting else None

        return [item for item in await few_at_a_time(one, conversations) if item is not None]

    async def _waiting_in(self, conversation: Conversation) -> list[Event]:
        """The actions that a listed conversation waits for; kept until it changes."""
        kept = self._read.get(conversation.id)
        if kept and kept[0] == conversation.stamp:
            return kept[1]
        waiting = waiting_among(await self._events(conversation.id, ()))
        if not waiting:
            return await self._none_waiting(conversation)
        if conversation.stamp:
            self._read[conversation.id] = (conversation.stamp, waiting)
        return waiting

    async def _none_waiting(self, conversation: Conversation) -> list[Event]:
        """Nothing: it was answered since it was listed. Raises Garbled when it says that it still waits."""
        again = await self.api.conversation(conversation.id)
        if again is not None and again.execution_status == WAITING:
            raise Garbled("it waits for confirmation, but no action among its latest events does")
        return []

    async def _events(self, conversation_id: str, wanted: Collection[str]) -> list[Event]:
        """Events, newest first, back to those wanted, and past the last turn that waits."""
        events: list[Event] = []
        page_id: str | None = None
        for _ in range(_MAX_PAGES):
            page, page_id = await self.api.events(conversation_id, page_id)
            events += page
            if not page_id or _enough(events, wanted):
                break
        return events


def _enough(newest_first: Sequence[Event], wanted: Collection[str]) -> bool:
    """Whether an older page could add nothing: a turn is read whole when something older is seen."""
    waiting = waiting_among(newest_first)
    whole = not waiting or newest_first[-1].id != waiting[0].id
    found = {event.id for event in newest_first}
    return whole and (found.issuperset(wanted) if wanted else bool(waiting))


def _name_of(row: object) -> str:
    name = row.get("id") if isinstance(row, dict) else None
    return f"conversation {name}" if isinstance(name, str) and name else "a conversation without an id"
