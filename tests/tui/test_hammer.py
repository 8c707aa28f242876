"""Keys hammered while items come, change and vanish under the cursor: only what was painted is decided.

One by one, and many at once by selections, ranges, folded groups and their table. ``TRIAGE_HAMMER=10000`` runs
until that many decisions were made; ``TRIAGE_HAMMER_SEED`` chooses another run.
"""

from __future__ import annotations

import asyncio
import os
import random
from datetime import UTC, datetime

import pytest

from tests.desk.scripted import Agent
from tests.tui.conftest import Console, OpenConsole
from tests.tui.witness import Witness
from triage.connectors.http import Unreachable
from triage.model.decision import REOPENING_STATES
from triage.model.item import Action, Gone, Item, ItemKind, Option, Scope, Verb
from triage.tui.screens.bulk import BulkDialog

DECISIONS = int(os.environ.get("TRIAGE_HAMMER", "100"))
SEED = int(os.environ.get("TRIAGE_HAMMER_SEED", "7"))
HOLD_S = 0.5
MOST_WAITING = 14
"""So many rows are in sight in the table, whatever is selected."""
MOST_TOMBSTONES = 6
ON_DESK: tuple[str, ...] = (
    *"aaaaaaaaaaaaaaa.....jjjjkkkgGxx112uoOAeDnsclhzzVvv",
    "space",
    "space",
    *("escape",) * 9,
    "enter",
)
IN_TABLE: tuple[str, ...] = (*"yyyyyyyyyajkGnq", "space", "space", "escape", "enter")
IN_DIALOGS: tuple[str, ...] = (*"aaxjk1122y", "enter", "enter", "f2", "tab", "space")


class World:
    """Items that come, change and vanish at the queue, as polls of another process would bring them."""

    def __init__(self, console: Console, agent: Agent, chance: random.Random) -> None:
        self._console, self._agent, self._chance = console, agent, chance
        self._versions: dict[str, int] = {}
        self.shake()

    def shake(self) -> None:
        """A few items come, some change, one vanishes; then the queue is told."""
        for _ in range(self._chance.randint(1, 4)):
            if len(self._agent.items) < MOST_WAITING:
                self._ask(f"n{len(self._versions) + 1}")
        waiting = list(self._agent.items)
        for key in self._chance.sample(waiting, min(2, len(waiting))):
            self._ask(key)
        if len(waiting) > MOST_WAITING - 3:
            del self._agent.items[self._chance.choice(waiting)]
        self._bring(list(self._agent.items.values()))

    def _bring(self, items: list[Item]) -> None:
        """What a poll does: what is listed is in the queue, what vanished is buried, or forgotten if decided."""
        desk, now = self._console.desk, datetime.now(UTC)
        vanished = desk.queue.sync("agent", items, now).vanished
        for item_id in vanished:
            record = desk.log.standing(item_id)
            if record is not None and record.state not in REOPENING_STATES:
                desk.queue.forget([item_id])
            else:
                desk.queue.bury(item_id, Gone("not known"), now)
        old = [entry.item.id for entry in desk.queue.tombstones("agent")][:-MOST_TOMBSTONES]
        desk.queue.forget(old)
        desk._publish(items=(*vanished, *old, *(item.id for item in items)))
        desk._tell()

    def _ask(self, key: str) -> Item:
        """Ask anew, or the same in another version: its title says which."""
        version = self._versions[key] = self._versions.get(key, 0) + 1
        name, sort = f"{key} #{version}", int(key[1:]) % 6
        if sort == 5:
            return self._agent.ask(
                key,
                kind=ItemKind.QUESTION,
                title=f"Which for {name}?",
                actions=(),
                verbs=(Verb.RESPOND,),
                options=(Option("one", version), Option("two", -version)),
            )
        refund = Action("refund", {"order": key, "amount": version}, _SCHEMA)
        return self._agent.ask(
            key,
            title=f"Refund {name}",
            actions=(refund,) * (2 if sort == 4 else 1),
            scopes=(Scope("always", "every refund"),) if sort == 3 else (),
        )


_SCHEMA = {
    "type": "object",
    "properties": {"order": {"type": "string"}, "amount": {"type": "integer", "minimum": 1}},
}


def next_key(console: Console, chance: random.Random) -> str:
    """Any key of use on the screen that is on top; out of a dialog now and then."""
    top = console.app.screen
    if top is console.screen:
        return chance.choice(ON_DESK)
    if isinstance(top, BulkDialog):
        return chance.choice(IN_TABLE)
    return "escape" if chance.random() < 0.3 else chance.choice(IN_DIALOGS)


async def hit(console: Console, key: str, world: World, chance: random.Random) -> None:
    """Press a key; the world is shaken right before it, in the middle of it, after it, or not at all.

    Now and then the next key comes before this one's answer is painted.
    """
    if chance.random() < 0.3:
        world.shake()
    console.send(key)
    if chance.random() < 0.3:
        await pass_by(chance.randint(0, 30))
        world.shake()
    if chance.random() < 0.7:
        await console.settle()
    else:
        await pass_by(chance.randint(0, 30))


async def pass_by(turns: int) -> None:
    """Let so many turns of the loop go by."""
    for _ in range(turns):
        await asyncio.sleep(0)


@pytest.mark.timeout(max(120, 2 * DECISIONS))
@pytest.mark.usefixtures("patient")
async def test_only_what_was_painted_when_the_key_was_pressed_is_decided(
    agent: Agent, open_console: OpenConsole, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(SEED)
    agent.poll_error = Unreachable("the test brings the items")
    async with open_console(waiting=0, hold_s=HOLD_S) as console:
        witness = Witness(console, monkeypatch)
        world = World(console, agent, chance)
        keys = 0
        while witness.decisions < DECISIONS and not witness.wrong:
            await hit(console, next_key(console, chance), world, chance)
            keys += 1
        acted = dict(agent.acted)
        shown = {record.decision.id: record for record in console.desk.log.records()}
        assert all(
            record.item and record.item.revision == record.decision.revision for record in shown.values()
        )
    print(
        f"seed {SEED}: {witness.decisions} decisions, {witness.many} of them with others, {keys} keys, "
        f"{len(agent.acted)} sent, {dict(witness.verbs)}, {len(witness.wrong)} wrong"
    )
    assert witness.wrong == []
    assert len(acted) == len(agent.acted), "no item was acted on twice"
