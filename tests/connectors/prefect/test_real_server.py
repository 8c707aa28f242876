"""The connector against a real Prefect server and real flows: what the flows themselves made of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from tests.connectors.kit.deliver import connected, decide, deliver
from tests.connectors.kit.faults import Fault, Line
from tests.connectors.prefect.live.processes import Flows, running_prefect
from tests.connectors.prefect.test_contract import decides
from triage.connectors.base import Refusal
from triage.connectors.prefect import Prefect
from triage.model.decision import DeliveryState, Outcome, Verdict
from triage.model.item import Gone, Item, ItemKind, Verb

pytestmark = pytest.mark.timeout(180)

CONFIRMED, REFUSED, UNKNOWN = DeliveryState.CONFIRMED, DeliveryState.REFUSED, DeliveryState.UNKNOWN
PAUSES_WITHIN_S = 20.0


class World:
    """A real server with real flows, a connector to it, and the line between."""

    def __init__(self, connector: Prefect, line: Line, flows: Flows, statuses: list[int]) -> None:
        self.connector = connector
        self.line = line
        self.flows = flows
        self.statuses = statuses
        """What the server answered to what carried a decision."""

    async def asked(self, flow: str, order: str) -> Item:
        """A flow that is started and pauses, as an item."""
        self.flows.start(flow, order)
        return await self.waiting(order)

    async def waiting(self, order: str, other_than: str = "") -> Item:
        """What a flow waits for; once more than the item ``other_than``."""
        deadline = time.monotonic() + PAUSES_WITHIN_S
        while time.monotonic() < deadline:
            poll = await self.connector.poll()
            assert not poll.problems
            for item in poll.items:
                row = item.raw["flow_run"]
                if row["parameters"] == {"order": order} and item.id != other_than:
                    return item
            await asyncio.sleep(0.1)
        raise AssertionError(f"{order} does not wait")

    async def deliver(self, item: Item, verdict: Verdict) -> Outcome:
        """As an operator would: what a busy database gave up on is decided again."""
        while True:
            outcome = await deliver(self.connector, item, [verdict])
            if outcome.state is not UNKNOWN or self.statuses[-1:] != [503]:
                return outcome

    async def result(self, order: str) -> str:
        return await asyncio.to_thread(self.flows.result, order)


class Watched(httpx.AsyncHTTPTransport):
    """Keeps the statuses of decisions, as the server gave them, whatever breaks on the way back."""

    def __init__(self) -> None:
        super().__init__()
        self.statuses: list[int] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await super().handle_async_request(request)
        if decides(request):
            self.statuses.append(response.status_code)
        return response


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Flows]]:
    home = tmp_path_factory.mktemp("prefect")
    with running_prefect(home) as running:
        yield running


@pytest.fixture
async def world(server: tuple[str, Flows]) -> AsyncIterator[World]:
    url, flows = server
    watched = Watched()
    line = Line(decides, watched)
    async with connected(Prefect, url, line) as connector:
        yield World(connector, line, flows, watched.statuses)


async def test_it_is_recognised(world: World) -> None:
    match = await Prefect.recognise(world.connector.wire)
    assert match is not None
    assert match.version.startswith("3.9.")
    assert not match.warning


async def test_approve(world: World) -> None:
    item = await world.asked("described", "approve")
    async with asyncio.timeout(PAUSES_WITHIN_S):
        while not item.title.startswith("Ship"):  # the description is stored after the form
            item = await world.waiting("approve")
    assert item.title == "Ship **approve**?"
    assert item.actions[0].arguments == {"quantity": 5, "note": None}
    assert item.expires_at is not None
    outcome = await world.deliver(item, Verdict(Verb.APPROVE))
    assert (outcome.state, outcome.effect) == (CONFIRMED, "the run is Completed")
    assert await world.result("approve") == "approve 5"
    gone = await world.connector.reread(item)
    assert isinstance(gone, Gone)
    assert gone.reason == "answered"


async def test_edit_and_reject(world: World) -> None:
    item = await world.asked("ship", "edit")
    arguments = {"quantity": 7, "note": "by kim"}
    assert (await world.deliver(item, Verdict(Verb.EDIT, arguments=arguments))).state is CONFIRMED
    assert await world.result("edit") == "approve 7 by kim"
    item = await world.asked("ship", "reject")
    assert (await world.deliver(item, Verdict(Verb.REJECT, reason="too dear"))).state is CONFIRMED
    assert await world.result("reject") == "reject 1 too dear"


async def test_a_plain_pause(world: World) -> None:
    item = await world.asked("plain", "plain")
    assert item.verbs == (Verb.APPROVE, Verb.CLOSE)
    assert (await world.deliver(item, Verdict(Verb.APPROVE))).state is CONFIRMED
    assert await world.result("plain") == "went on"


async def test_two_questions_of_one_run(world: World) -> None:
    first = await world.asked("two_steps", "steps")
    assert first.kind is ItemKind.QUESTION
    outcome = await world.deliver(first, Verdict(Verb.RESPOND, answer="one"))
    assert (outcome.state, outcome.effect) == (CONFIRMED, "the run asks again")
    second = await world.waiting("steps", other_than=first.id)
    assert second.revision == first.revision or second.expires_at != first.expires_at
    stale = await world.deliver(first, Verdict(Verb.RESPOND, answer="one again"))
    assert stale.state is DeliveryState.STALE
    assert (await world.deliver(second, Verdict(Verb.RESPOND, answer="two"))).state is CONFIRMED
    assert await world.result("steps") == "one, then two"


async def test_an_answer_the_form_forbids_is_refused_with_200_and_still_waits(world: World) -> None:
    item = await world.asked("ship", "forbidden")
    decision = decide(item, Verdict(Verb.EDIT, arguments={"quantity": 99}))
    with pytest.raises(Refusal, match="99 is greater than the maximum of 10"):
        await world.connector.send(item, decision)
    assert (await world.connector.reread(item)) == await world.waiting("forbidden")
    assert (await world.deliver(item, Verdict(Verb.APPROVE))).state is CONFIRMED


async def test_the_second_of_two_answers_is_refused(world: World) -> None:
    item = await world.asked("ship", "twice")
    second = decide(item, Verdict(Verb.REJECT))
    await world.deliver(item, Verdict(Verb.APPROVE))
    receipt = await world.connector.send(item, second)
    assert receipt.detail["status"] == "ABORT"
    assert (await world.connector.settle(item, second, receipt)).state is REFUSED
    assert await world.result("twice") == "approve 1 None"


async def test_close_cancels_the_run(world: World) -> None:
    item = await world.asked("ship", "close")
    assert (await world.deliver(item, Verdict(Verb.CLOSE, reason="not needed"))).state is CONFIRMED
    again = decide(item, Verdict(Verb.CLOSE))
    receipt = await world.connector.send(item, again)
    assert receipt.detail["status"] == "REJECT"
    assert (await world.connector.settle(item, again, receipt)).state is REFUSED
    states = await world.connector.api.states(item.locator["run_id"])
    assert [state.type for state in states].count("CANCELLED") == 1
    assert "closed by kim: not needed (decision " in str(states[-1].message)
    assert not world.flows.has_ended("close")


@pytest.mark.parametrize("fault", [Fault.DROPPED, Fault.CUT, Fault.TWICE, Fault.LOST], ids=lambda f: f.name)
async def test_what_breaks_on_the_way(world: World, fault: Fault) -> None:
    item = await world.asked("ship", fault.name)
    world.line.fault = fault
    outcome = await world.deliver(item, Verdict(Verb.EDIT, arguments={"quantity": 2}))
    if fault is Fault.LOST:
        assert outcome.state is UNKNOWN
        assert not world.flows.has_ended(fault.name)
        return
    assert outcome.state is CONFIRMED or (fault is Fault.TWICE and outcome.state is UNKNOWN)
    assert await world.result(fault.name) == "approve 2 None"


async def test_an_unknown_run_is_gone(world: World) -> None:
    item = await world.asked("plain", "deleted")
    url = f"{world.connector.wire.url}/api/flow_runs/{item.locator['run_id']}"
    async with httpx.AsyncClient() as client:
        assert (await client.delete(url)).status_code == 204
    decision = decide(item, Verdict(Verb.APPROVE))
    assert (await deliver(world.connector, item, decision)).state is DeliveryState.STALE
    assert await world.connector.reread(item) == Gone("deleted", "the flow run is deleted")


async def test_the_context_has_what_the_run_logged(world: World) -> None:
    item = await world.asked("ship", "context")
    deadline = time.monotonic() + PAUSES_WITHIN_S
    while time.monotonic() < deadline:
        context = await world.connector.context(item)
        if any(message.role == "log" for message in context.messages):
            break
        await asyncio.sleep(0.2)
    assert {"state", "log"} == {message.role for message in context.messages}
    assert context.state["parameters"] == {"order": "context"}
