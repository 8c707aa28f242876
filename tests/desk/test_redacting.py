"""Redacted arguments are in memory alone: never in queue, log, JSON or words, and whole where they are sent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.desk.conftest import MakeDesk, until
from tests.desk.scripted import Agent, ScriptedConnector
from triage.connectors.base import Refusal
from triage.connectors.http import Interrupted, Unreachable
from triage.desk.desk import Desk
from triage.desk.documents import shown
from triage.desk.redacting import KEY_FILE
from triage.model.decision import Decision, DeliveryState, Outcome, Receipt, Verdict
from triage.model.item import Action, Context, Item, Message, Verb
from triage.model.redaction import REDACTED

NUMBER = "4111111111111111"
ARGUMENTS: dict[str, Any] = {"card": {"number": NUMBER, "owner": "Kim"}, "amount": 12}
SETTINGS = {
    "endpoints": {
        "agent": {
            "name": "agent",
            "kind": "scripted",
            "url": "http://agent.invalid",
            "poll_s": 0.02,
            "redact": ["args.card.number"],
        }
    }
}
SCHEMA = {
    "type": "object",
    "properties": {"card": {"properties": {"number": {"pattern": "^[0-9]+$"}}}, "amount": {"maximum": 20}},
}
APPROVE = (Verdict(Verb.APPROVE),)


class Bank(ScriptedConnector):
    """Notes what it was sent, and repeats the number wherever it can."""

    sent: list[tuple[Item, Decision]]

    async def send(self, item: Item, decision: Decision) -> Receipt:
        self.sent.append((item, decision))
        receipt = await super().send(item, decision)
        return Receipt(receipt.reference, {"card": NUMBER})

    async def settle(self, item: Item, decision: Decision, receipt: Receipt | None) -> Outcome:
        found = await super().settle(item, decision, receipt)
        return msgspec.structs.replace(found, detail=f"charged {NUMBER}", effect=f"{NUMBER} charged")

    async def context(self, item: Item) -> Context:
        return Context((Message("user", f"pay with {NUMBER}"),), {"number": NUMBER, "deep": [f"of {NUMBER}"]})


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Item, Decision]]:
    found: list[tuple[Item, Decision]] = []
    monkeypatch.setattr(Bank, "sent", found, raising=False)
    monkeypatch.setattr("tests.desk.scripted.ScriptedConnector", Bank)
    return found


def charge(agent: Agent, arguments: Any = ARGUMENTS, key: str = "a") -> Item:
    return agent.ask(
        key,
        title=f"Charge {NUMBER}",
        actions=(Action("charge", arguments, SCHEMA),),
        raw={"args": arguments},
        locator={"run": "7", "words": f"charge {NUMBER}"},
    )


async def started(desks: MakeDesk, **more: Any) -> tuple[Desk, Item]:
    """A desk at work, and the item as it is shown."""
    desk = desks(settings=SETTINGS, **more)
    await desk.start()
    await until(desk.waiting)
    return desk, desk.waiting()[0].item


def assert_nowhere(data: Path) -> None:
    """No file of the data directory has the number."""
    files = [path for path in data.rglob("*") if path.is_file()]
    assert len(files) > 3
    assert [path.name for path in files if NUMBER.encode() in path.read_bytes()] == []


async def test_it_is_shown_and_stored_redacted_and_sent_whole(
    desks: MakeDesk, agent: Agent, sent: list[tuple[Item, Decision]], tmp_path: Path
) -> None:
    real = charge(agent)
    desk, item = await started(desks)
    entry = desk.entry(item.id)
    assert entry is not None
    assert item.actions[0].arguments["card"]["number"].startswith(REDACTED)
    context = await desk.context(item.id)
    documents = msgspec.json.encode([shown(entry, None, context), context]).decode()
    assert NUMBER not in documents
    assert documents.count(REDACTED) > 3

    record = desk.decide(item.id, item.revision, APPROVE)
    done = await desk.wait(record.decision.id, 10)
    assert done.state is DeliveryState.CONFIRMED
    assert NUMBER not in done.detail + done.effect
    assert [(item.actions, item.raw) for item, _ in sent] == [(real.actions, real.raw)]
    await desk.stop()
    assert_nowhere(tmp_path / "data")


async def test_an_edit_leaves_it_whole_or_replaces_it(
    desks: MakeDesk, agent: Agent, sent: list[tuple[Item, Decision]], tmp_path: Path
) -> None:
    charge(agent)
    desk, item = await started(desks)
    shown_arguments = item.actions[0].arguments
    verdict = Verdict(Verb.EDIT, arguments={**shown_arguments, "amount": 15})
    assert desk.check(item, [verdict]) == []
    record = desk.decide(item.id, item.revision, [verdict])
    assert (await desk.wait(record.decision.id, 10)).state is DeliveryState.CONFIRMED
    assert sent[0][1].verdicts[0].arguments == {**ARGUMENTS, "amount": 15}
    assert_nowhere(tmp_path / "data")

    charge(agent, key="b")
    await until(desk.waiting)
    other = desk.waiting()[0].item
    own = Verdict(Verb.EDIT, arguments={**shown_arguments, "card": {"number": "4222", "owner": "Kim"}})
    record = desk.decide(other.id, other.revision, [own])
    await desk.wait(record.decision.id, 10)
    assert sent[1][1].verdicts[0].arguments["card"]["number"] == "4222"  # type: ignore[index]


async def test_a_mark_of_another_item_is_not_taken(
    desks: MakeDesk, agent: Agent, sent: list[tuple[Item, Decision]]
) -> None:
    charge(agent)
    desk, item = await started(desks)
    verdict = Verdict(Verb.EDIT, arguments={"card": {"number": f"{REDACTED} 00000000"}})
    assert desk.check(item, [verdict]) != []
    assert sent == []


async def test_another_number_is_another_revision_and_the_held_decision_is_not_sent(
    desks: MakeDesk, agent: Agent, sent: list[tuple[Item, Decision]]
) -> None:
    charge(agent)
    desk, item = await started(desks, hold_s=0.3)
    record = desk.decide(item.id, item.revision, APPROVE)
    charge(agent, {**ARGUMENTS, "card": {"number": "4222222222222222", "owner": "Kim"}})
    done = await desk.wait(record.decision.id, 10)
    assert done.state is DeliveryState.STALE
    assert "changed" in done.detail
    assert sent == []


@pytest.mark.parametrize("error", [Refusal, Interrupted])
async def test_what_goes_wrong_does_not_tell_it(
    desks: MakeDesk, agent: Agent, sent: list[tuple[Item, Decision]], tmp_path: Path, error: type[Exception]
) -> None:
    charge(agent)
    desk, item = await started(desks)
    agent.before_acting = lambda: error(f"card {NUMBER} is stolen")  # type: ignore[return-value, assignment]
    done = await desk.wait(desk.decide(item.id, item.revision, APPROVE).decision.id, 10)
    assert done.state in (DeliveryState.REFUSED, DeliveryState.UNKNOWN)
    agent.reread_error = Unreachable(f"no {NUMBER}")
    await desk.stop()
    assert_nowhere(tmp_path / "data")


async def test_after_a_crash_an_outcome_that_cannot_be_told_is_unknown_not_refused(
    desks: MakeDesk, agent: Agent, sent: list[tuple[Item, Decision]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was hidden is lost with the process: our own answer would pass for somebody else's."""

    async def compares(self: Bank, item: Item, decision: Decision, receipt: Receipt | None) -> Outcome:
        ours = item.actions[0].arguments == ARGUMENTS
        return Outcome(DeliveryState.CONFIRMED if ours else DeliveryState.REFUSED, "compared")

    charge(agent)
    desk, item = await started(desks)
    agent.working = True
    record = desk.decide(item.id, item.revision, APPROVE)
    await until(lambda: desk.record(item.id).state is DeliveryState.SENT)  # type: ignore[union-attr]
    await desk.stop()
    monkeypatch.setattr(Bank, "settle", compares)
    again = desks(settings=SETTINGS)
    await again.start()
    done = await again.wait(record.decision.id, 10)
    assert done.state is DeliveryState.UNKNOWN
    assert "not known any more" in done.detail
    assert len(sent) == 1


async def test_several_processes_show_the_same_marks(desks: MakeDesk, agent: Agent, tmp_path: Path) -> None:
    charge(agent)
    desk, item = await started(desks)
    await desk.stop()
    other, same = await started(desks)
    assert same.revision == item.revision
    key = tmp_path / "data" / KEY_FILE
    assert key.stat().st_mode & 0o777 == 0o600
    assert len(key.read_bytes()) == 32
    await other.stop()
