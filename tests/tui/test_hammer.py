"""Keys hammered while items come, change and vanish under the cursor: only what was painted is decided.

``TRIAGE_HAMMER=10000`` runs until that many decisions were made; ``TRIAGE_HAMMER_SEED`` chooses another run.
"""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.desk.scripted import Agent
from tests.tui.conftest import Console, OpenConsole
from triage.connectors.http import Unreachable
from triage.model.decision import Verdict
from triage.model.item import Action
from triage.store.log import Record
from triage.tui.guard import Subject

DECISIONS = int(os.environ.get("TRIAGE_HAMMER", "100"))
SEED = int(os.environ.get("TRIAGE_HAMMER_SEED", "7"))
KEYS = "aaaaaa...jjkkgGx1x2uoO"


class World:
    """Items that come, change and vanish at the queue, as polls of another process would bring them."""

    def __init__(self, console: Console, agent: Agent, chance: random.Random) -> None:
        self._console, self._agent, self._chance = console, agent, chance
        self._next = 0
        self.shake()

    def shake(self) -> None:
        """A few items come, one changes, one vanishes; then the queue is told."""
        for _ in range(self._chance.randint(1, 4)):
            self._next += 1
            self._agent.ask(f"n{self._next}")
        waiting = list(self._agent.items)
        for key in self._chance.sample(waiting, min(2, len(waiting))):
            amount = self._chance.randint(1, 99)
            self._agent.ask(key, actions=(Action("refund", {"order": key, "amount": amount}),))
        if len(waiting) > 12:
            del self._agent.items[self._chance.choice(waiting)]
        decided = {record.decision.item_id for record in self._console.desk.log.records()}
        items = [item for item in self._agent.items.values() if item.id not in decided]
        self._console.desk.queue.sync("agent", items, datetime.now(UTC))
        self._console.desk._publish(items=[item.id for item in items])
        self._console.desk._tell()


@pytest.mark.timeout(max(120, DECISIONS))
@pytest.mark.usefixtures("patient")
async def test_only_what_was_painted_when_the_key_was_pressed_is_decided(
    agent: Agent, open_console: OpenConsole, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(SEED)
    agent.poll_error = Unreachable("the test brings the items")
    wrong: list[str] = []
    async with open_console(waiting=0, hold_s=600.0) as console:
        screen, desk = console.screen, console.desk
        painted: dict[str, Any] = {"at_key": None}
        real_take, real_decide = screen.take_key, desk.decide

        def take_key(event: Any) -> bool:
            painted["at_key"] = screen.guard.painted
            return real_take(event)

        def decide(item_id: str, revision: str, verdicts: Sequence[Verdict], **more: Any) -> Record:
            if painted["at_key"] != Subject(
                item_id, revision
            ):  # of the verb's key, where a dialog came between
                wrong.append(f"{item_id} {revision} decided, {painted['at_key']} painted")
            record = real_decide(item_id, revision, verdicts, **more)
            if record.item is None or record.item.revision != revision:
                wrong.append(f"{item_id}: logged with another revision")
            return record

        monkeypatch.setattr(screen, "take_key", take_key)
        monkeypatch.setattr(desk, "decide", decide)
        world = World(console, agent, chance)
        while len(desk.recent(DECISIONS)) < DECISIONS:
            if chance.random() < 0.5:
                world.shake()
            await console.press(chance.choice(KEYS))
            if console.app.screen is not screen and chance.random() < 0.3:
                await console.press("escape")
        shown = {record.decision.id: record for record in desk.log.records()}
        assert all(
            record.item and record.item.revision == record.decision.revision for record in shown.values()
        )
    assert wrong == []
