"""Against a2a-sdk's own server over real sockets: what is decided is what the agent does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import msgspec
import pytest
from a2a.types.a2a_pb2 import APIKeySecurityScheme, HTTPAuthSecurityScheme, SecurityScheme, TaskState

from tests.connectors.a2a.agent import Clerk, serving
from tests.connectors.a2a.test_contract import JSONRPC, REST, carries_a_decision
from tests.connectors.kit.deliver import connected, decide, deliver, settle
from tests.connectors.kit.faults import Fault, Line
from triage.connectors.a2a import A2A, A2AConfig, settling
from triage.connectors.base import Refusal
from triage.connectors.credentials import request_headers
from triage.connectors.http import Denied, EndpointError, Wire
from triage.model.decision import DeliveryState, Verdict
from triage.model.item import Gone, Item, ItemKind, Verb

CONFIRMED, REFUSED, SENT, UNKNOWN = (
    DeliveryState.CONFIRMED, DeliveryState.REFUSED, DeliveryState.SENT, DeliveryState.UNKNOWN,
)  # fmt: skip
APPROVE = Verdict(Verb.APPROVE)


@pytest.fixture
async def clerk() -> AsyncIterator[Clerk]:
    async with serving() as found:
        yield found


@pytest.fixture(autouse=True)
def no_second_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling, "SECOND_LOOK_S", 0)


@asynccontextmanager
async def speaking(clerk: Clerk, **settings: Any) -> AsyncIterator[tuple[A2A, Line]]:
    line = Line(carries_a_decision)
    async with connected(A2A, clerk.url, line, **settings) as connector:
        yield connector, line


async def waiting(connector: A2A, task_id: str) -> Item:
    return next(item for item in (await connector.poll()).items if item.locator["task_id"] == task_id)


@pytest.mark.parametrize("interface", [REST, JSONRPC], ids=lambda interface: interface[0])
async def test_every_verb_does_what_it_says(interface: tuple[str, str, str]) -> None:
    edited = {"customer": "refund ann", "amount": 5}
    async with serving([interface]) as clerk, speaking(clerk) as (connector, _):
        for verdict, told, state in (
            (APPROVE, {"decision": "approve"}, TaskState.TASK_STATE_COMPLETED),
            (
                Verdict(Verb.EDIT, arguments=edited),
                {"decision": "edit", "args": edited},
                TaskState.TASK_STATE_COMPLETED,
            ),
            (Verdict(Verb.REJECT, reason="no"), {"decision": "reject"}, TaskState.TASK_STATE_REJECTED),
            (Verdict(Verb.CLOSE), "cancel", TaskState.TASK_STATE_CANCELED),
        ):
            task_id = await clerk.ask("refund ann")
            outcome = await deliver(connector, await waiting(connector, task_id), [verdict])
            assert outcome.state is CONFIRMED, outcome
            assert clerk.told[task_id] == [told]
            assert (await clerk.status(task_id)).state == state
        task_id = await clerk.ask("question")
        outcome = await deliver(
            connector, await waiting(connector, task_id), [Verdict(Verb.RESPOND, answer="Ann")]
        )
        assert (outcome.state, clerk.told[task_id]) == (CONFIRMED, ["Ann"])


async def test_the_reason_goes_along_as_metadata(clerk: Clerk) -> None:
    async with speaking(clerk) as (connector, line):
        item = await waiting(connector, await clerk.ask("refund ann"))
        await deliver(connector, item, [Verdict(Verb.REJECT, reason="too much")])
    (sent,) = [asked.json["params"]["message"] for asked in line.asked if asked.acted]
    assert sent["metadata"] == {"operator": "kim", "reason": "too much"}


async def test_a_second_question_is_a_new_item_and_never_takes_the_first_ones_answer(clerk: Clerk) -> None:
    async with speaking(clerk) as (connector, line):
        task_id = await clerk.ask("two questions")
        first = await waiting(connector, task_id)
        held = decide(first, APPROVE)
        await clerk.answer(task_id, "approve")
        second = await waiting(connector, task_id)
        assert second.id != first.id
        assert connector.lane(second) == connector.lane(first)
        assert second.title == "And which date?"
        gone = await connector.reread(first)
        assert gone == Gone("answered", "asks again: And which date?")
        outcome = await deliver(connector, first, held)
        assert outcome.state is DeliveryState.STALE
        assert line.sends == 0
        outcome = await deliver(connector, second, [Verdict(Verb.RESPOND, answer="Monday")])
    assert outcome.state is CONFIRMED
    assert clerk.told[task_id] == [{"decision": "approve"}, "Monday"]


async def test_an_answer_that_slips_in_between_is_seen(clerk: Clerk) -> None:
    """The race that comparing before sending leaves open: our answer is taken for the next question."""
    async with speaking(clerk) as (connector, _):
        task_id = await clerk.ask("two questions")
        item = await waiting(connector, task_id)
        decision = decide(item, APPROVE)
        await clerk.answer(task_id, "approve")
        receipt = await connector.send(item, decision)
        assert "does not bind" in receipt.detail["note"]
        outcome = await settle(connector, item, decision, receipt)
    assert outcome.state is UNKNOWN
    assert "And which date?" in outcome.detail


async def test_an_agent_that_acts_and_then_calls_the_answer_invalid_did_act(clerk: Clerk) -> None:
    """An earlier answer without its context leaves a task that takes the next one and then trips over it."""
    async with speaking(clerk) as (connector, _):
        task_id = await clerk.ask("two questions")
        await clerk.answer(task_id, "approve", context=False)
        item = await waiting(connector, task_id)
        outcome = await deliver(connector, item, [Verdict(Verb.RESPOND, answer="Monday")])
    assert clerk.told[task_id] == [{"decision": "approve"}, "Monday"]
    assert outcome.state is CONFIRMED
    assert outcome.effect.startswith("failed")


async def test_of_two_answers_at_once_neither_is_called_the_only_one(clerk: Clerk) -> None:
    clerk.gate = asyncio.Event()
    async with speaking(clerk) as (connector, _):
        task_id = await clerk.ask("refund ann")
        item = await waiting(connector, task_id)
        ours, theirs = decide(item, APPROVE), decide(item, Verdict(Verb.REJECT))
        first = await connector.send(item, ours)
        second = asyncio.create_task(connector.send(item, theirs))
        assert (await connector.settle(item, ours, first)).state is SENT
        clerk.gate.set()
        won = await settle(connector, item, ours, first)
        try:
            receipt = await second
        except Refusal:
            lost = REFUSED
        else:
            lost = (await settle(connector, item, theirs, receipt)).state
    assert won.state is CONFIRMED
    assert lost in (REFUSED, UNKNOWN)
    assert clerk.told[task_id][0] == {"decision": "approve"}


async def test_a_slow_agent_is_waited_for(clerk: Clerk) -> None:
    clerk.gate = asyncio.Event()
    async with speaking(clerk) as (connector, _):
        item = await waiting(connector, await clerk.ask("refund ann"))
        decision = decide(item, APPROVE)
        receipt = await connector.send(item, decision)
        assert (await connector.settle(item, decision, receipt)).state is SENT
        gone = await connector.reread(item)
        assert gone == Gone("answered", "the agent is at work on it")
        clerk.gate.set()
        assert (await settle(connector, item, decision, receipt)).state is CONFIRMED


async def test_a_decision_is_looked_at_once_more_before_it_is_called_done(
    clerk: Clerk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settling, "SECOND_LOOK_S", 0.2)
    async with speaking(clerk) as (connector, _):
        item = await waiting(connector, await clerk.ask("refund ann"))
        decision = decide(item, APPROVE)
        receipt = await connector.send(item, decision)
        first = await connector.settle(item, decision, receipt)
        assert first.state is SENT
        assert (await settle(connector, item, decision, receipt)).state is CONFIRMED


async def test_an_agent_that_fails_on_an_answer_took_it(clerk: Clerk) -> None:
    async with speaking(clerk) as (connector, _):
        item = await waiting(connector, await clerk.ask("crash"))
        outcome = await deliver(connector, item, [APPROVE])
    assert outcome.state is CONFIRMED
    assert outcome.effect.startswith("failed")


async def test_an_ended_task_refuses_in_words(clerk: Clerk) -> None:
    async with speaking(clerk) as (connector, _):
        task_id = await clerk.ask("refund ann")
        item = await waiting(connector, task_id)
        await clerk.answer(task_id, "reject")
        for verb in (Verb.APPROVE, Verb.CLOSE):
            with pytest.raises(Refusal, match="the task is over: rejected: Left undone"):
                await connector.send(item, decide(item, Verdict(verb)))
    assert clerk.told[task_id] == [{"decision": "reject"}]


async def test_a_cancel_whose_reply_was_lost_is_not_claimed(clerk: Clerk) -> None:
    async with speaking(clerk) as (connector, line):
        item = await waiting(connector, await clerk.ask("refund ann"))
        line.fault = Fault.DROPPED
        outcome = await deliver(connector, item, [Verdict(Verb.CLOSE)])
    assert outcome.state is UNKNOWN
    assert "nothing tells whether by this" in outcome.detail


async def test_a_send_that_never_arrived_is_refused_after_a_while(
    clerk: Clerk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with speaking(clerk) as (connector, line):
        item = await waiting(connector, await clerk.ask("refund ann"))
        decision = decide(item, APPROVE)
        line.fault = Fault.LOST
        assert (await deliver(connector, item, decision)).state is UNKNOWN
        monkeypatch.setattr(settling, "PATIENCE_S", 0)
        outcome = await connector.settle(item, decision, None)
    assert outcome.state is REFUSED


async def test_a_task_that_was_forgotten_leaves_an_unknown(clerk: Clerk) -> None:
    async with speaking(clerk) as (connector, line):
        task_id = await clerk.ask("refund ann")
        item = await waiting(connector, task_id)
        await clerk.forget(task_id)
        gone = await connector.reread(item)
        assert isinstance(gone, Gone)
        assert gone.reason == "not known"
        with pytest.raises(Refusal, match="not found"):
            await connector.send(item, decide(item, APPROVE))
        assert (await connector.settle(item, decide(item, APPROVE), None)).state is UNKNOWN
    assert line.sends == 1


async def test_a_sign_in_shows_where_to_go(clerk: Clerk) -> None:
    async with speaking(clerk) as (connector, _):
        task_id = await clerk.ask("sign in")
        item = await waiting(connector, task_id)
        assert (item.kind, item.url) == (ItemKind.EXTERNAL, "https://bank.test/sign-in")
        assert item.verbs == (Verb.RESPOND, Verb.CLOSE)
        assert "never a password" in item.warnings["respond"]
        outcome = await deliver(connector, item, [Verdict(Verb.RESPOND, answer="done")])
    assert (outcome.state, clerk.told[task_id]) == (CONFIRMED, ["done"])


async def test_an_agent_is_told_in_its_own_words(clerk: Clerk) -> None:
    answers = {"approve": {"text": "yes"}, "reject": {"data": {"decision": "deny", "why": "$reason"}}}
    config = A2AConfig(name="test", kind="a2a", url=clerk.url, answers=answers_of(answers))
    async with httpx.AsyncClient() as client:
        connector = A2A(config, Wire(client, clerk.url))
        first, second = await clerk.ask("question"), await clerk.ask("question")
        item = await waiting(connector, first)
        assert item.kind is ItemKind.APPROVAL
        assert item.verbs == (Verb.APPROVE, Verb.REJECT, Verb.RESPOND, Verb.CLOSE)
        await deliver(connector, item, [APPROVE])
        await deliver(connector, await waiting(connector, second), [Verdict(Verb.REJECT, reason="no name")])
    assert clerk.told == {first: ["yes"], second: [{"decision": "deny", "why": "no name"}]}


def answers_of(answers: dict[str, Any]) -> Any:
    return msgspec.convert({"name": "", "kind": "a2a", "url": "", "answers": answers}, A2AConfig).answers


async def test_a_thousand_take_eleven_requests_and_one_for_the_card() -> None:
    clerk = Clerk("http://clerk.test")
    await clerk.fill(1000)
    line = Line(carries_a_decision, httpx.ASGITransport(clerk))
    async with connected(A2A, clerk.url, line) as connector:
        for card in (1, 0):
            line.asked.clear()
            poll = await connector.poll()
            assert len({item.key for item in poll.items}) == 1000
            assert len(line.asked) == card + 10 + 1
    await clerk.handler.aclose()


def api_key(location: str, name: str) -> SecurityScheme:
    return SecurityScheme(api_key_security_scheme=APIKeySecurityScheme(location=location, name=name))


BEARER = SecurityScheme(http_auth_security_scheme=HTTPAuthSecurityScheme(scheme="Bearer"))


@pytest.mark.parametrize(
    ("scheme", "demand"),
    [
        (BEARER, ("authorization", "Bearer s3cret")),
        (api_key("header", "X-API-Key"), ("x-api-key", "s3cret")),
        (api_key("query", "key"), ("?key", "s3cret")),
        (api_key("cookie", "sid"), ("cookie", "sid=s3cret")),
    ],
    ids=["bearer", "header", "query", "cookie"],
)
@pytest.mark.parametrize("interface", [REST, JSONRPC], ids=lambda interface: interface[0])
async def test_the_token_goes_where_the_card_wants_it(
    interface: tuple[str, str, str],
    scheme: SecurityScheme,
    demand: tuple[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CLERK_TOKEN", "s3cret")
    async with serving([interface], wants={"way": scheme}) as clerk, httpx.AsyncClient() as client:
        task_id = await clerk.ask("refund ann")
        clerk.demands = demand
        config = A2AConfig(name="test", kind="a2a", url=clerk.url, token_env="CLERK_TOKEN")
        connector = A2A(config, Wire(client, clerk.url, request_headers(config)))
        outcome = await deliver(connector, await waiting(connector, task_id), [APPROVE])
    assert outcome.state is CONFIRMED
    assert clerk.told[task_id] == [{"decision": "approve"}]


async def test_missing_credentials_are_asked_for_by_name() -> None:
    async with (
        serving(wants={"way": api_key("header", "X-API-Key")}) as clerk,
        speaking(clerk) as (connector, _),
    ):
        clerk.demands = ("x-api-key", "s3cret")
        with pytest.raises(Denied, match="asks for an API key in the header X-API-Key"):
            await connector.poll()
        match = await A2A.recognise(connector.wire)
    assert match is not None
    assert "asks for an API key in the header X-API-Key" in match.detail


async def test_is_recognised_with_its_version(clerk: Clerk) -> None:
    async with speaking(clerk) as (connector, _):
        match = await A2A.recognise(connector.wire)
        assert match is not None
        assert (match.kind, match.version, match.warning) == ("a2a", "1.0", "")
        assert match.detail == f"the A2A agent Clerk 2.1.0, JSONRPC at {clerk.url}"
        assert (await connector.about()).version == "1.0"


async def test_an_agent_of_0_3_alone_is_told_apart() -> None:
    async with serving([("JSONRPC", "0.3", "")]) as clerk, speaking(clerk) as (connector, line):
        match = await A2A.recognise(connector.wire)
        assert match is not None
        assert match.version == "0.3"
        assert "speaks A2A 0.3" in match.warning
        assert "cannot list what waits" in match.warning
        with pytest.raises(EndpointError, match="cannot list what waits"):
            await connector.poll()
    assert {asked.method for asked in line.asked} == {"GET"}


async def test_the_interface_itself_can_be_the_url(clerk: Clerk) -> None:
    task_id = await clerk.ask("refund ann")
    url = f"{clerk.url}/rest"
    async with connected(A2A, url, Line(carries_a_decision), binding="HTTP+JSON") as connector:
        item = await waiting(connector, task_id)
        assert item.agent == "test"
        assert (await deliver(connector, item, [APPROVE])).state is CONFIRMED
    async with connected(A2A, url, Line(carries_a_decision)) as connector:
        with pytest.raises(EndpointError, match=r"no agent card at .*binding"):
            await connector.poll()
