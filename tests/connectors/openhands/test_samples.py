"""What was recorded of a real server (1.58.2), read back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.connectors.kit.deliver import connected, decide
from tests.connectors.kit.replay import URL, Exchange, Replay, read_sample
from triage.connectors.base import Refusal
from triage.connectors.openhands import OpenHands
from triage.connectors.openhands.api import Conversation, Event
from triage.connectors.openhands.asking import to_item, waiting_among
from triage.connectors.openhands.settling import Settling, gone
from triage.model.decision import Decision, DeliveryState, Outcome, Receipt, Verdict
from triage.model.item import Action, Gone, Item, ItemKind, Verb

SAMPLES = Path(__file__).parent / "samples"
SEARCH = "/api/conversations/search?status=waiting_for_confirmation&limit=100"
NEWEST = "sort_order=TIMESTAMP_DESC&limit=25"
CONFIRMED, REFUSED, UNKNOWN = DeliveryState.CONFIRMED, DeliveryState.REFUSED, DeliveryState.UNKNOWN
APPROVE = Verdict(Verb.APPROVE)


def sample(name: str, path: str | None = None) -> Exchange:
    found = read_sample(SAMPLES / f"{name}.json")
    return msgspec.structs.replace(found, path=path) if path else found


def events(name: str) -> list[Event]:
    """A recorded page of events, newest first."""
    return msgspec.convert(sample(name).body["items"], list[Event])[::-1]


def conversation(status: str, name: str = "dac635d7-0c11-40b1-b83a-faa8ab14a687") -> Conversation:
    return Conversation(id=name, execution_status=status)


def shown(*waiting: Event) -> Item:
    """The item of these actions while they waited."""
    return to_item("test", conversation("waiting_for_confirmation"), waiting)


def action_of(name: str, number: int = 0) -> Event:
    return [event for event in events(name)[::-1] if event.kind == "ActionEvent"][number]


@asynccontextmanager
async def replaying(*more: Exchange) -> AsyncIterator[tuple[OpenHands, Replay]]:
    """A server where the recorded conversation waits for its recorded action."""
    listing = sample("list_waiting", SEARCH)
    row = listing.body["items"][0]
    one = f"/api/conversations/{row['id']}"
    replay = Replay(
        listing,
        Exchange("GET", one, None, 200, {}, row),
        sample("read_waiting_action", f"{one}/events/search?{NEWEST}"),
        *more,
    )
    async with connected(OpenHands, URL, replay) as connector:
        yield connector, replay


async def recorded() -> Item:
    async with replaying() as (connector, _):
        poll = await connector.poll()
    assert poll.problems == ()
    (item,) = poll.items
    return item


async def test_a_waiting_action() -> None:
    item = await recorded()
    assert (item.title, item.kind, item.agent) == ("terminal: touch a1", ItemKind.APPROVAL, "project")
    assert item.key == "dac635d7-0c11-40b1-b83a-faa8ab14a687|842f1189-c5eb-4fc7-8d0b-5df3925ce2ac"
    assert item.actions == (Action("terminal", {"command": "touch a1", "is_input": False, "reset": False}),)
    assert item.description == "make a1"
    assert item.risk is None
    assert item.verbs == (Verb.APPROVE, Verb.REJECT)
    assert item.created_at is not None
    assert item.created_at.isoformat() == "2026-11-22T06:38:30.267660+00:00"
    assert "reject it with the change you want" in item.refusals["edit"]


async def test_nothing_waits() -> None:
    async with connected(OpenHands, URL, Replay(sample("list_empty", SEARCH))) as connector:
        poll = await connector.poll()
    assert (poll.items, poll.problems) == ((), ())


@pytest.mark.parametrize(
    ("name", "verdict", "sent"),
    [
        ("accept", APPROVE, {"accept": True}),
        ("double_answer_when_nothing_waits", Verdict(Verb.APPROVE, reason="fine"), {"accept": True}),
        ("reject", Verdict(Verb.REJECT, reason="Use b2 instead"), "Use b2 instead [ref "),
        ("reject", Verdict(Verb.REJECT), "Rejected by the operator. [ref "),
    ],
)
async def test_answers_are_sent_as_recorded(name: str, verdict: Verdict, sent: Any) -> None:
    item = await recorded()
    path = f"/api/conversations/{item.locator['conversation_id']}/events/respond_to_confirmation"
    async with replaying(sample(name, path)) as (connector, replay):
        await connector.send(item, decide(item, verdict))
    posted = [body for method, where, body in replay.asked if method == "POST" and where == path]
    if isinstance(sent, dict):
        assert posted == [sent]
    else:
        (body,) = posted
        assert body["accept"] is False
        assert body["reason"].startswith(sent)


@pytest.mark.parametrize(("name", "why"), [("unknown_id", "Conversation not found"), ("bad_payload", "422")])
async def test_refusals(name: str, why: str) -> None:
    item = await recorded()
    path = f"/api/conversations/{item.locator['conversation_id']}/events/respond_to_confirmation"
    async with replaying(sample(name, path)) as (connector, _):
        with pytest.raises(Refusal, match=why):
            await connector.send(item, decide(item, APPROVE))


def outcome(
    name: str, verdict: Verdict, *waiting: Event, status: str = "finished", received: bool = True
) -> Outcome:
    item = shown(*waiting)
    decision: Decision = decide(item, *[verdict] * len(waiting))
    receipt = Receipt("c") if received else None
    return Settling(item, decision, receipt, conversation(status), events(name)).outcome()


def test_an_accepted_action_ran() -> None:
    action = action_of("after_accept_events")
    found = outcome("after_accept_events", APPROVE, action)
    assert (found.state, found.detail) == (CONFIRMED, "it ran")
    assert found.effect == "exit code 0; the conversation is finished"
    assert outcome("after_accept_events", APPROVE, action, received=False).state is UNKNOWN
    assert outcome("after_accept_events", Verdict(Verb.REJECT), action).state is REFUSED


def test_a_rejection_of_two_without_our_mark_is_another_s() -> None:
    actions = [action_of("after_reject_of_two_events", number) for number in (0, 1)]
    found = outcome("after_reject_of_two_events", Verdict(Verb.REJECT, reason="no"), *actions, status="idle")
    assert (found.state, found.detail) == (REFUSED, "rejected elsewhere first: no")
    found = outcome("after_reject_of_two_events", APPROVE, *actions, status="idle")
    assert found.state is REFUSED


def test_a_stale_acceptance_ran_what_came_next() -> None:
    """Recorded: an acceptance that was sent twice approved the next action, unseen."""
    assert sample("stale_answer_approves_next").body == {"success": True}
    first, second = (action_of("after_stale_answer_events", number) for number in (0, 1))
    assert gone(shown(first), conversation("finished"), events("after_stale_answer_events")) == Gone(
        "answered", "accepted: it ran"
    )
    late = events("after_stale_answer_events")[1:]
    assert [event.id for event in waiting_among(late)] == [second.id]
    assert shown(*waiting_among(late)).key != shown(first).key


def test_four_answers_at_once_are_told_as_conflicting() -> None:
    first = action_of("after_concurrent_events", 0)
    waiting = waiting_among(events("after_concurrent_events"))
    assert [event.action and event.action["command"] for event in waiting] == ["touch e2"]
    found = outcome("after_concurrent_events", APPROVE, first, status="waiting_for_confirmation")
    assert (found.state, found.detail) == (CONFIRMED, "it ran; a rejection is recorded beside it: race")
    assert found.effect.endswith("the conversation waits for the next answer (terminal)")
    rejected = outcome("after_concurrent_events", Verdict(Verb.REJECT), first)
    assert rejected.state is REFUSED
