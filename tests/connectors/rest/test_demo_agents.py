"""The connector against the demo's agents, over real HTTP: every verb, and every way to be refused."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime, timedelta

import pytest

from tests.connectors.rest.conftest import Connect, decide, settled
from triage.connectors.base import Refusal
from triage.demo import Demo
from triage.demo.content import deploys, helpdesk, mail, payments
from triage.demo.proposal import Proposal, Template
from triage.model.decision import DeliveryState, Verdict
from triage.model.item import Gone, Item, ItemKind, Risk, Verb

APPROVE = Verdict(Verb.APPROVE)


def ask(demo: Demo, agent: str, template: Template) -> str:
    """Let an agent ask what ``template`` says; the item's id."""
    return demo.agents[agent].ask(template(random.Random(1))).id


async def polled(connect: Connect, agent: str, key: str) -> Item:
    return next(item for item in (await connect(agent).poll()).items if item.key == key)


async def test_polls_everything_that_waits_at_every_agent(demo: Demo, connect: Connect) -> None:
    for name, agent in demo.agents.items():
        poll = await connect(name).poll()
        assert poll.problems == ()
        assert [item.key for item in poll.items] == [asked.id for asked in agent.pending()]
        assert all(item.agent == name and item.endpoint == name for item in poll.items)


async def test_reads_pages_to_the_end(demo: Demo, connect: Connect) -> None:
    for _ in range(7):
        ask(demo, "payments", payments.late_parcel)
    at = connect("payments")
    at._speaking.page_size = 2
    assert len((await at.poll()).items) == len(demo.agents["payments"].pending()) > 7


async def test_carries_what_an_item_says(demo: Demo, connect: Connect) -> None:
    key = ask(demo, "payments", payments.late_parcel)
    item = await polled(connect, "payments", key)
    assert item.kind is ItemKind.APPROVAL
    assert item.risk is Risk.LOW
    assert item.verbs == (Verb.APPROVE, Verb.EDIT, Verb.REJECT)
    assert item.actions[0].name == "issue_refund"
    assert item.actions[0].arguments["amount"] == 6.9
    assert item.actions[0].schema is not None
    assert item.scopes[0].name == "late-postage"
    assert item.created_at is not None
    assert item.locator == {"version": "1"}


async def test_approve_takes_effect_and_is_confirmed(demo: Demo, connect: Connect) -> None:
    key = ask(demo, "payments", payments.supplier_invoice)
    item = await polled(connect, "payments", key)
    at, decision = connect("payments"), decide(item, APPROVE)
    receipt = await at.send(item, decision)
    assert receipt.reference == decision.id
    outcome = await settled(at, item, decision, receipt)
    assert outcome.state is DeliveryState.CONFIRMED
    assert outcome.effect.startswith("Paid €")
    assert item.actions[0].arguments["invoice"] in demo.agents["payments"].world["invoices"]
    assert key not in {found.key for found in (await at.poll()).items}
    assert isinstance(await at.reread(item), Gone)


async def test_edit_acts_with_the_edited_arguments(demo: Demo, connect: Connect) -> None:
    item = await polled(connect, "mail", ask(demo, "mail", mail.apology))
    edited = item.actions[0].arguments | {"subject": "Sorry!"}
    at, decision = connect("mail"), decide(item, Verdict(Verb.EDIT, arguments=edited))
    outcome = await settled(at, item, decision, await at.send(item, decision))
    assert outcome.state is DeliveryState.CONFIRMED
    assert demo.agents["mail"].world["sent"] == [edited]


async def test_reject_is_recorded_with_its_reason_and_asked_in_another_way(
    demo: Demo, connect: Connect
) -> None:
    item = await polled(connect, "payments", ask(demo, "payments", payments.damaged_goods))
    at, decision = connect("payments"), decide(item, Verdict(Verb.REJECT, reason="too much"))
    outcome = await settled(at, item, decision, await at.send(item, decision))
    assert outcome.effect == "Not done: too much"
    assert demo.agents["payments"].world["refunds"] == {}
    before = set(demo.agents["payments"].items)
    demo.agents["payments"].ask_returning()
    (again,) = set(demo.agents["payments"].items) - before
    assert "keeps the goods" in demo.agents["payments"].items[again].proposal.title


async def test_respond_with_an_option_many_options_and_a_form(demo: Demo, connect: Connect) -> None:
    at = connect("helpdesk")
    answers = {
        helpdesk.which_size: "56",
        helpdesk.warranty: {"do": "repair", "charge": 0},
        helpdesk.opening_hours: ["station", "harbour"],
        helpdesk.workshop_slot: {"day": "Monday", "minutes": 90, "mechanic": "Ada"},
        helpdesk.delivery_window: 3,
        helpdesk.unsure_language: False,
    }
    for template, answer in answers.items():
        item = await polled(connect, "helpdesk", ask(demo, "helpdesk", template))
        assert item.kind is ItemKind.QUESTION
        decision = decide(item, Verdict(Verb.RESPOND, answer=answer))
        outcome = await settled(at, item, decision, await at.send(item, decision))
        assert outcome.state is DeliveryState.CONFIRMED
        assert demo.agents["helpdesk"].world["answers"][item.key] == answer


async def test_ignore_and_close(demo: Demo, connect: Connect) -> None:
    at = connect("deploys")
    for verb in (Verb.CLOSE, Verb.IGNORE):
        item = await polled(connect, "deploys", ask(demo, "deploys", deploys.registry_sign_in))
        assert item.kind is ItemKind.EXTERNAL
        decision = decide(item, Verdict(verb))
        outcome = await settled(at, item, decision, await at.send(item, decision))
        assert outcome.state is DeliveryState.CONFIRMED


async def test_several_actions_take_a_verdict_each(demo: Demo, connect: Connect) -> None:
    item = await polled(connect, "deploys", ask(demo, "deploys", deploys.remove_snapshots))
    at = connect("deploys")
    decision = decide(item, APPROVE, Verdict(Verb.REJECT, reason="the only copy"), APPROVE)
    outcome = await settled(at, item, decision, await at.send(item, decision))
    assert outcome.state is DeliveryState.CONFIRMED
    first, _, third = (action.arguments["name"] for action in item.actions)
    assert demo.agents["deploys"].world["removed"] == [first, third]
    short = await polled(connect, "deploys", ask(demo, "deploys", deploys.remove_snapshots))
    with pytest.raises(Refusal, match="3 verdicts are wanted"):
        await at.send(short, decide(short, APPROVE))


async def test_a_wider_scope_is_carried(demo: Demo, connect: Connect) -> None:
    item = await polled(connect, "payments", ask(demo, "payments", payments.late_parcel))
    at, decision = connect("payments"), decide(item, Verdict(Verb.APPROVE, scope="late-postage"))
    outcome = await settled(at, item, decision, await at.send(item, decision))
    assert outcome.effect.endswith("Allowed from now on: late-postage.")


async def test_what_the_agent_cannot_do_is_refused_with_its_words(demo: Demo, connect: Connect) -> None:
    item = await polled(connect, "payments", ask(demo, "payments", payments.expired_card))
    at, decision = connect("payments"), decide(item, APPROVE)
    outcome = await settled(at, item, decision, await at.send(item, decision))
    assert outcome.state is DeliveryState.REFUSED
    assert "card expired" in outcome.detail


async def test_acting_that_takes_a_while_is_seen_as_sent(demo: Demo, connect: Connect) -> None:
    item = await polled(connect, "payments", ask(demo, "payments", payments.charged_twice))
    at, decision = connect("payments"), decide(item, APPROVE)
    receipt = await at.send(item, decision)
    assert (await at.settle(item, decision, receipt)).state is DeliveryState.SENT
    assert (await settled(at, item, decision, receipt)).state is DeliveryState.CONFIRMED


async def test_sending_the_same_decision_twice_acts_once(demo: Demo, connect: Connect) -> None:
    item = await polled(connect, "payments", ask(demo, "payments", payments.supplier_invoice))
    at, decision = connect("payments"), decide(item, APPROVE)
    await at.send(item, decision)
    await at.send(item, decision)
    await settled(at, item, decision, None)
    assert [effect["item"] for effect in demo.effects()] == [item.key]


async def test_of_two_at_once_one_is_taken_and_the_other_learns_whose(demo: Demo, connect: Connect) -> None:
    item = await polled(connect, "payments", ask(demo, "payments", payments.raise_limit))
    at = connect("payments")
    decisions = [decide(item, APPROVE, operator="kim"), decide(item, Verdict(Verb.REJECT), operator="lou")]
    replies = await asyncio.gather(*(at.send(item, each) for each in decisions), return_exceptions=True)
    (lost,) = (index for index, reply in enumerate(replies) if isinstance(reply, Refusal))
    winner = decisions[1 - lost]
    assert f"decided already by {winner.operator} ({winner.words})" in str(replies[lost])
    outcome = await settled(at, item, decisions[lost], None)
    assert outcome.state is DeliveryState.REFUSED
    assert (await settled(at, item, winner, None)).state is DeliveryState.CONFIRMED
    assert len(demo.effects()) == 1


async def test_a_changed_version_is_refused_and_seen_on_rereading(demo: Demo, connect: Connect) -> None:
    key = ask(demo, "payments", payments.raise_limit)
    item = await polled(connect, "payments", key)
    at = connect("payments")
    demo.agents["payments"].change(key, title="Raise it to €50,000")
    with pytest.raises(Refusal, match=r"has changed since it was shown.*version 2"):
        await at.send(item, decide(item, APPROVE))
    again = await at.reread(item)
    assert isinstance(again, Item)
    assert again.id == item.id
    assert again.revision != item.revision
    assert again.locator == {"version": "2"}


@pytest.mark.parametrize(
    ("verdict", "why"),
    [
        (Verdict(Verb.CLOSE), "close is not offered"),
        (Verdict(Verb.EDIT, arguments={"account": "x"}), '"limit" is a required property'),
        (Verdict(Verb.APPROVE, scope="everything"), "no scope everything"),
    ],
)
async def test_what_the_agent_does_not_take_is_refused_in_its_words(
    demo: Demo, connect: Connect, verdict: Verdict, why: str
) -> None:
    item = await polled(connect, "payments", ask(demo, "payments", payments.raise_limit))
    with pytest.raises(Refusal, match=why):
        await connect("payments").send(item, decide(item, verdict))
    assert demo.effects() == []


async def test_what_is_withdrawn_or_expired_is_gone(demo: Demo, connect: Connect) -> None:
    at, agent = connect("payments"), demo.agents["payments"]
    key = ask(demo, "payments", payments.raise_limit)
    item = await polled(connect, "payments", key)
    agent.withdraw(key, "the club paid in advance")
    assert await at.reread(item) == Gone("deleted", "the club paid in advance")
    with pytest.raises(Refusal, match="no longer asked"):
        await at.send(item, decide(item, APPROVE))
    late = agent.ask(Proposal(title="Too late", deadline_s=60), datetime.now(UTC) - timedelta(seconds=61))
    gone = await at.reread(Item("payments", late.id, ItemKind.APPROVAL, "", ()))
    assert isinstance(gone, Gone)
    assert gone.reason == "expired"
    unknown = await at.reread(Item("payments", "never-was", ItemKind.APPROVAL, "", ()))
    assert isinstance(unknown, Gone)
    assert unknown.reason == "not known"


async def test_context_is_read_when_asked(demo: Demo, connect: Connect) -> None:
    item = await polled(connect, "payments", ask(demo, "payments", payments.damaged_goods))
    context = await connect("payments").context(item)
    assert [message.role for message in context.messages] == ["customer", "agent", "customer"]
    assert "context" not in item.raw


async def test_recognises_an_agent_and_its_version(connect: Connect) -> None:
    at = connect("payments")
    match = await at.recognise(at.wire)
    assert match is not None
    assert (match.kind, match.version, match.warning) == ("rest", "1.0", "")
    assert "payments (demo)" in match.detail
    assert (await at.about()).version == "1.0"
