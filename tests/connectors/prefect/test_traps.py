"""What is peculiar to Prefect, before a server that acts as it does: listing, reading again, settling."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.connectors.kit.deliver import NotTaken, connected, decide, deliver
from tests.connectors.kit.faults import Fault, Line
from tests.connectors.kit.server import Request, Response
from tests.connectors.prefect.fake import DECIDE, FakePrefect
from tests.connectors.prefect.test_contract import decides
from triage.connectors.base import Refusal
from triage.connectors.http import Broken, Denied, Garbled
from triage.connectors.prefect import Prefect, reading, settling
from triage.model.decision import DeliveryState, Receipt, Verdict
from triage.model.item import Gone, Item, Verb

CONFIRMED, REFUSED = DeliveryState.CONFIRMED, DeliveryState.REFUSED
SENT, UNKNOWN, STALE = DeliveryState.SENT, DeliveryState.UNKNOWN, DeliveryState.STALE
APPROVE, REJECT, CLOSE = Verdict(Verb.APPROVE), Verdict(Verb.REJECT), Verdict(Verb.CLOSE)
TEXT = {"type": "object", "properties": {"value": {"type": "string"}}, "required": ["value"]}


class World:
    """One server, one connector to it, and the line between."""

    def __init__(self, server: FakePrefect, connector: Prefect, line: Line) -> None:
        self.server = server
        self.connector = connector
        self.line = line

    async def items(self) -> list[Item]:
        return list((await self.connector.poll()).items)

    async def asked(self, form: dict[str, Any] | None = DECIDE, **more: Any) -> tuple[str, Item]:
        """One more run that waits: its id and its item."""
        run_id = self.server.pause(form, **more)
        return run_id, next(item for item in await self.items() if item.locator["run_id"] == run_id)

    def requests(self) -> list[str]:
        """The routes asked for, without ids."""
        return [f"{one.method} {one.target.split('?')[0]}" for one in self.line.asked]


@pytest.fixture
async def world() -> AsyncIterator[World]:
    line = Line(decides)
    async with FakePrefect() as server, connected(Prefect, server.url, line) as connector:
        yield World(server, connector, line)


# -- listing


async def test_a_thousand_pauses_take_a_request_a_page(world: World) -> None:
    for _ in range(1000):
        world.server.pause(None)
    assert len(await world.items()) == 1000
    assert world.requests() == ["POST /api/flow_runs/filter"] * 6 + ["POST /api/flows/filter"]


async def test_a_thousand_forms_are_read_once(world: World) -> None:
    for _ in range(1000):
        world.server.pause(DECIDE, "Ship?")
    assert len(await world.items()) == 1000
    assert len(world.line.asked) == 6 + 1 + 1000
    world.line.asked.clear()
    assert len(await world.items()) == 1000
    assert world.requests() == ["POST /api/flow_runs/filter"] * 6


async def test_rows_that_move_up_between_two_pages_are_not_missed(world: World) -> None:
    runs = sorted((world.server.pause(None) for _ in range(450)), reverse=True)
    answered = runs[:100]

    def answer_some(body: Any) -> Any:
        world.line.tamper = None
        for run_id in answered:
            world.server.enter(run_id, "COMPLETED")
        return body

    world.line.tamper = answer_some
    listed = {item.locator["run_id"] for item in await world.items()}
    assert listed >= set(runs) - set(answered)


async def test_a_server_that_ignores_the_filter_gives_no_wrong_items(world: World) -> None:
    waiting, done = world.server.pause(None), world.server.pause(None)
    world.server.enter(done, "COMPLETED")

    def all_runs(body: Any) -> Any:
        return list(world.server.runs.values()) if isinstance(body, list) else body

    world.line.tamper = all_runs
    assert [item.locator["run_id"] for item in await world.items()] == [waiting]


async def test_only_runs_with_the_wanted_tags(world: World) -> None:
    wanted = world.server.pause(None, tags=("eu", "orders"))
    world.server.pause(None, tags=("us",))
    async with connected(Prefect, world.server.url, httpx.AsyncHTTPTransport(), tags=["eu"]) as connector:
        assert [item.locator["run_id"] for item in (await connector.poll()).items] == [wanted]


async def test_a_run_is_shown_once_its_form_is_stored(world: World) -> None:
    run_id = world.server.pause(None)
    keyset = {part: f"paused-1-{part}" for part in ("schema", "description", "response")}
    world.server.enter(run_id, "PAUSED", run_input_keyset=keyset)
    poll = await world.connector.poll()
    assert (poll.items, poll.problems) == ((), ())
    world.server.store(run_id, "paused-1-schema", DECIDE)
    assert (await world.items())[0].title == "ship (run-0) asks for your decision"
    world.server.store(run_id, "paused-1-description", "Ship?")
    assert (await world.items())[0].title == "Ship?"


async def test_a_form_that_never_comes_is_a_problem(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_FORM_COMES_S", 0.0)
    run_id = world.server.pause(DECIDE)
    world.server.inputs[run_id].clear()
    poll = await world.connector.poll()
    assert poll.items == ()
    assert "stores no form" in poll.problems[0]


@pytest.mark.parametrize("stored", ["[]", "7", '{"type"', "null"])
async def test_a_form_that_cannot_be_read_is_a_problem(world: World, stored: str) -> None:
    good, _ = await world.asked()
    run_id = world.server.pause(DECIDE)
    world.server.inputs[run_id]["paused-1-schema"] = stored
    poll = await world.connector.poll()
    assert [item.locator["run_id"] for item in poll.items] == [good]
    assert len(poll.problems) == 1


async def test_forms_are_found_by_the_names_their_state_gives(world: World) -> None:
    run_id = world.server.pause(None)
    keyset = {"schema": "a-schema", "description": "b-text", "response": "c-answer"}
    world.server.enter(run_id, "PAUSED", run_input_keyset=keyset, pause_timeout="2099-01-01T00:00:00Z")
    world.server.store(run_id, "paused-1-schema", TEXT)
    world.server.store(run_id, "a-schema", DECIDE)
    world.server.store(run_id, "b-text", "Ship?")
    item = (await world.items())[0]
    assert item.title == "Ship?"
    assert (await deliver(world.connector, item, [APPROVE])).state is CONFIRMED
    assert "c-answer" in world.server.inputs[run_id]


async def test_the_context_tells_states_logs_and_earlier_answers(world: World) -> None:
    run_id, first = await world.asked(TEXT, order="A-7")
    world.server.next_questions[run_id] = [DECIDE]
    await deliver(world.connector, first, [Verdict(Verb.RESPOND, answer="ann")])
    context = await world.connector.context((await world.items())[0])
    assert {(one.role, one.text) for one in context.messages} == {
        ("state", "Running"), ("state", "Paused"), ("log", "Pausing flow"),
    }  # fmt: skip
    assert context.state["parameters"] == {"order": "A-7"}
    assert context.state["input"]["paused-1-response"] == '{"value":"ann"}'


# -- another question


async def test_the_next_question_of_a_run_is_another_item(world: World) -> None:
    """Even when it asks the same, an answer made for the first is not given to it."""
    run_id, first = await world.asked()
    world.server.next_questions[run_id] = [DECIDE]
    outcome = await deliver(world.connector, first, [APPROVE])
    assert (outcome.state, outcome.effect) == (CONFIRMED, "the run asks again")
    second = (await world.items())[0]
    assert second.id != first.id
    assert world.connector.lane(second) == world.connector.lane(first)
    assert (await deliver(world.connector, first, [REJECT])).state is STALE
    assert len(world.server.answers[run_id]) == 1


async def test_an_answer_that_the_next_question_took_is_no_success(world: World) -> None:
    """What slips in between reading and sending: Prefect gives ours to the question that is open by then."""
    run_id, first = await world.asked()
    now = await world.connector.reread(first)
    assert isinstance(now, Item)
    world.server.store(run_id, "paused-1-response", {"decision": "reject", "quantity": 2})
    world.server.enter(run_id, "RUNNING")
    world.server.ask(run_id, DECIDE)
    decision = decide(now, APPROVE)
    receipt = await world.connector.send(now, decision)
    assert receipt.detail["status"] == "ACCEPT"
    outcome = await world.connector.settle(now, decision, receipt)
    assert outcome.state is UNKNOWN
    assert "next one" in outcome.detail


async def test_a_late_answer_that_the_next_question_refused_is_refused(world: World) -> None:
    run_id, first = await world.asked(TEXT)
    decision = decide(first, Verdict(Verb.RESPOND, answer="ann"))
    world.server.store(run_id, "paused-1-response", {"value": "bob"})
    world.server.enter(run_id, "RUNNING")
    world.server.ask(run_id, DECIDE)
    receipt = await world.connector.send(first, decision)
    outcome = await world.connector.settle(first, decision, receipt)
    assert outcome.state is REFUSED
    assert '{"value":"bob"}' in outcome.detail


# -- no, and nobody knows


async def test_an_answer_the_form_does_not_allow_is_not_sent(world: World) -> None:
    _, item = await world.asked()
    for given in ({"quantity": "3"}, {"quantity": 11}, {"colour": "red"}):
        with pytest.raises(NotTaken):
            await deliver(world.connector, item, [Verdict(Verb.EDIT, arguments=given)])
    assert world.line.sends == 0


async def test_an_empty_answer_is_never_sent_for_a_form(world: World) -> None:
    """``{}`` is an approval wherever every field has a default."""
    defaults = {"type": "object", "properties": {"decision": {"enum": ["yes", "no"], "default": "yes"}}}
    run_id, item = await world.asked(defaults)
    await deliver(world.connector, item, [APPROVE])
    assert world.server.answers[run_id] == [{"decision": "yes"}]


async def test_200_reject_leaves_the_question_standing(world: World) -> None:
    """The form can be stricter than what was shown of it: Prefect says so with 200."""
    run_id, item = await world.asked()
    world.server.store(run_id, "paused-1-schema", TEXT)
    decision = decide(item, APPROVE)
    with pytest.raises(Refusal, match="the question still stands"):
        await world.connector.send(item, decision)
    assert world.server.answers[run_id] == []
    assert len(await world.items()) == 1


async def test_200_abort_is_no_success(world: World) -> None:
    run_id, item = await world.asked()
    await deliver(world.connector, item, [APPROVE])
    decision = decide(item, REJECT)
    receipt = await world.connector.send(item, decision)
    assert receipt.detail["status"] == "ABORT"
    outcome = await world.connector.settle(item, decision, receipt)
    assert outcome.state is REFUSED
    assert "answered elsewhere" in outcome.detail
    assert len(world.server.answers[run_id]) == 1


async def test_two_answers_at_once(world: World) -> None:
    run_id, item = await world.asked()
    outcomes = await asyncio.gather(
        deliver(world.connector, item, [APPROVE]), deliver(world.connector, item, [REJECT])
    )
    assert sorted(one.state for one in outcomes) in (
        [CONFIRMED, REFUSED],
        [CONFIRMED, STALE],
    )
    assert len(world.server.answers[run_id]) == 1


async def test_what_a_busy_server_gave_up_on_may_be_decided_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id, item = await world.asked()
    decision = decide(item, APPROVE)
    world.server.busy = True
    receipt = await world.connector.send(item, decision)
    outcome = await world.connector.settle(item, decision, receipt)
    assert outcome.state is UNKNOWN
    monkeypatch.setattr(settling, "BUSY_S", 0.0)
    outcome = await world.connector.settle(item, decision, receipt)
    assert outcome.state is REFUSED
    assert "decide again" in outcome.detail
    assert world.server.answers[run_id] == []
    world.server.busy = False
    assert (await deliver(world.connector, item, [APPROVE])).state is CONFIRMED


async def test_two_at_once_at_a_busy_server(world: World) -> None:
    """Recorded: the one gets 201, the other 503."""
    _, item = await world.asked()
    await deliver(world.connector, item, [APPROVE])
    world.server.busy = True
    for verdict, state in ((REJECT, REFUSED), (CLOSE, REFUSED), (APPROVE, CONFIRMED)):
        decision = decide(item, verdict)
        receipt = Receipt(detail={"status": "BUSY"})
        assert (await world.connector.settle(item, decision, receipt)).state is state


async def test_a_lost_answer_is_unknown_until_it_can_no_longer_arrive(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, item = await world.asked()
    decision = decide(item, APPROVE)
    world.line.fault = Fault.LOST
    assert (await deliver(world.connector, item, decision)).state is UNKNOWN
    monkeypatch.setattr(settling, "NEVER_ARRIVED_S", 0.0)
    outcome = await world.connector.settle(item, decision, None)
    assert outcome.state is REFUSED
    assert "never arrived" in outcome.detail


async def test_an_unknown_run_breaks_the_next_request_which_is_asked_again(world: World) -> None:
    run_id, item = await world.asked()
    del world.server.runs[run_id]
    with pytest.raises(Broken):
        await world.connector.send(item, decide(item, APPROVE))
    gone = await world.connector.reread(item)
    assert gone == Gone("deleted", "the flow run is deleted")
    outcome = await world.connector.settle(item, decide(item, APPROVE), None)
    assert outcome.state is UNKNOWN


async def test_a_404_that_is_not_the_servers_own_proves_nothing(world: World) -> None:
    _, item = await world.asked()
    world.line.outage = (404, b"<!doctype html><title>Not here</title>")
    with pytest.raises(Garbled):
        await world.connector.reread(item)


async def test_a_run_whose_process_died_is_said_to_be_running(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.server.process_lives = False
    _, item = await world.asked()
    decision = decide(item, APPROVE)
    receipt = await world.connector.send(item, decision)
    outcome = await world.connector.settle(item, decision, receipt)
    assert outcome.state is SENT
    monkeypatch.setattr(settling, "TAKEN_UP_S", 0.0)
    outcome = await world.connector.settle(item, decision, receipt)
    assert (outcome.state, outcome.effect) == (CONFIRMED, "Running")
    assert "whether its process lives" in outcome.detail


async def test_a_pause_that_timed_out_takes_no_answer(world: World) -> None:
    """It is still listed: only our answer makes the server notice."""
    run_id, item = await world.asked(timeout=timedelta(seconds=-1))
    outcome = await deliver(world.connector, item, [APPROVE])
    assert outcome.state is REFUSED
    assert "never resumed" in outcome.detail
    assert world.server.answers[run_id] == []
    gone = await world.connector.reread(item)
    assert isinstance(gone, Gone)
    assert gone.reason == "expired"


async def test_a_plain_pause_that_ended_otherwise_was_not_resumed(world: World) -> None:
    run_id, item = await world.asked(None)
    world.server.enter(run_id, "CANCELLED", "by hand")
    decision = decide(item, APPROVE)
    receipt = await world.connector.send(item, decision)
    outcome = await world.connector.settle(item, decision, receipt)
    assert outcome.state is REFUSED
    assert "Cancelled: by hand" in outcome.detail
    gone = await world.connector.reread(item)
    assert isinstance(gone, Gone)
    assert gone.reason == "deleted"


async def test_what_was_answered_elsewhere_is_told(world: World) -> None:
    run_id, item = await world.asked()
    world.server.store(run_id, "paused-1-response", {"decision": "reject"})
    world.server.enter(run_id, "RUNNING")
    gone = await world.connector.reread(item)
    assert isinstance(gone, Gone)
    assert gone.reason == "answered"
    assert '{"decision":"reject"}' in gone.detail


async def test_closing_twice_cancels_once(world: World) -> None:
    run_id, item = await world.asked()
    first, second = decide(item, CLOSE), decide(item, CLOSE)
    await world.connector.send(item, first)
    receipt = await world.connector.send(item, second)
    assert world.server.answers[run_id] == ["CANCELLED"]
    assert (await world.connector.settle(item, first, None)).state is CONFIRMED
    assert (await world.connector.settle(item, second, receipt)).state is REFUSED


async def test_a_run_that_ended_is_not_cancelled_after_all(world: World) -> None:
    run_id, item = await world.asked()
    world.server.enter(run_id, "COMPLETED")
    decision = decide(item, CLOSE)
    receipt = await world.connector.send(item, decision)
    assert world.server.runs[run_id]["state_type"] == "COMPLETED"
    outcome = await world.connector.settle(item, decision, receipt)
    assert outcome.state is REFUSED


# -- recognising


async def test_versions_outside_what_was_tested_warn(world: World) -> None:
    match = await Prefect.recognise(world.connector.wire)
    assert match is not None
    assert (match.version, match.warning) == ("3.9.1", "")
    world.server.version = "3.4.0"
    match = await Prefect.recognise(world.connector.wire)
    assert match is not None
    assert "tested with Prefect 3.9" in match.warning
    world.server.version = {"version": "3.9.1"}
    assert await Prefect.recognise(world.connector.wire) is None


async def test_missing_credentials_are_said(world: World) -> None:
    world.server._routes.clear()

    @world.server.route("GET", "/api/health")
    async def health(request: Request) -> Response:
        return Response(True)

    @world.server.route("GET", "/api/admin/version")
    async def version(request: Request) -> Response:
        if request.headers.get("authorization") == "Basic dXNlcjpwYXNz":
            return Response("3.9.1")
        return Response({"exception_message": "Unauthorized"}, 401)

    with pytest.raises(Denied):
        await Prefect.recognise(world.connector.wire)
    world.connector.wire.headers["authorization"] = "Basic dXNlcjpwYXNz"
    assert await Prefect.recognise(world.connector.wire)


@pytest.mark.parametrize("path", ["", "/api", "/api/accounts/a/workspaces/w"])
async def test_the_url_may_say_where_the_api_lies(path: str) -> None:
    line = Line(decides)
    line.outage = (200, b"[]")
    async with connected(Prefect, f"http://127.0.0.1:4200{path}", line) as connector:
        await connector.poll()
    assert line.asked[0].target == f"{path or '/api'}/flow_runs/filter"
