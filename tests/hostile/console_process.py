"""The console in a process of its own, before an agent in memory that fills every field with hostile texts.

    python -m tests.hostile.console_process DATA FIRST LAST

shows the texts of the corpus from FIRST to LAST, four an item. It is the program's own console in all but
where its items come from, so that fields can be filled that no server of ours would fill so.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.desk.scripted import Agent, ScriptedConnector
from tests.hostile.corpus import CORPUS
from tests.hostile.items import context_of, item_of, question_of
from triage.config import Config
from triage.config.judging import NoticeRule
from triage.connectors.base import Connector, Match, Poll, Refusal
from triage.connectors.http import Clients, Garbled, Wire
from triage.desk.desk import Desk
from triage.model.decision import Decision, DeliveryState, Outcome, Receipt
from triage.model.endpoint import EndpointConfig
from triage.model.item import Action, Context, Item, Option
from triage.tui.app import TriageApp

TEXTS_AN_ITEM = 4


class HostileConnector(ScriptedConnector):
    """Answers with hostile texts whatever it is asked."""

    texts: Sequence[str] = ("",)

    def text(self, item: Item) -> str:
        return self.texts[int(item.key) * TEXTS_AN_ITEM % len(self.texts)]

    async def about(self) -> Match:
        return Match(self.kind, self.texts[0], warning=self.texts[0])

    async def context(self, item: Item) -> Context:
        return context_of(self.text(item))

    async def poll(self) -> Poll:
        if self.config.name == "broken":
            raise Garbled(self.texts[self.agent.polls % len(self.texts)])
        found = await super().poll()
        return Poll(found.items, tuple(self.texts[:3]))

    async def send(self, item: Item, decision: Decision) -> Receipt:
        if int(item.key) % 3 == 0:
            raise Refusal(self.text(item))
        return await super().send(item, decision)

    async def settle(self, item: Item, decision: Decision, receipt: Receipt | None) -> Outcome:
        state = DeliveryState.CONFIRMED if int(item.key) % 3 == 1 else DeliveryState.UNKNOWN
        return Outcome(state, self.text(item), self.text(item))


def hostile_item(number: int, texts: Sequence[str]) -> Item:
    """An item that says one text in its title, another in its arguments, and so on; every third is a question."""
    one, two, three, four = itertools.islice(itertools.cycle(texts), 4)
    more = {"agent": two, "description": three}
    if number % 3 == 2:
        return question_of(
            one, str(number), options=(Option(four, four, two), Option("other", 1, three)), **more
        )
    actions = (Action(four, {two: three, "list": [four, {one: two}]}, description=two),)
    return item_of(one, str(number), actions=actions, **more)


def hostile_items(first: int, last: int) -> list[Item]:
    """The items for these texts of the corpus."""
    texts = [one.text for one in CORPUS[first:last]]
    batches = (texts[at : at + TEXTS_AN_ITEM] for at in range(0, len(texts), TEXTS_AN_ITEM))
    return [hostile_item(number, batch) for number, batch in enumerate(batches)]


def hostile_desk(data: Path, first: int, last: int) -> Desk:
    """A desk on them, and on an endpoint that fails in hostile words."""
    agent = Agent()
    agent.items = {item.key: item for item in hostile_items(first, last)}
    HostileConnector.texts = [one.text for one in CORPUS[first:last]]
    settings = {
        name: EndpointConfig(name=name, kind="scripted", url="http://agent.invalid", poll_s=0.5)
        for name in ("agent", "broken")
    }
    config = Config(hold_s=0.2, endpoints=settings, notify=[NoticeRule(how=["bell", "osc9"])])

    def opener(config: EndpointConfig, clients: Clients) -> Connector:
        return HostileConnector(config, Wire(clients.client(), config.url), agent)

    return Desk(config, data, opener=opener, operator="ann")


async def main(data: Path, first: int, last: int) -> None:
    desk = hostile_desk(data, first, last)
    app = TriageApp(desk)
    try:
        await app.run_async()
    finally:
        await desk.stop()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
