"""What is peculiar to Airflow, before a server that acts as it does: listing, reading again, settling."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.connectors.airflow.fake import USER, FakeAirflow, param
from tests.connectors.airflow.test_contract import NOTE, decides
from tests.connectors.kit.deliver import NotTaken, connected, decide, deliver, settle
from tests.connectors.kit.faults import Line
from triage.connectors.airflow import Airflow, settling
from triage.connectors.base import Refusal
from triage.connectors.http import Garbled
from triage.model.decision import DeliveryState, Verdict
from triage.model.item import Gone, Item, Verb

CONFIRMED, REFUSED = DeliveryState.CONFIRMED, DeliveryState.REFUSED
SENT, UNKNOWN, STALE = DeliveryState.SENT, DeliveryState.UNKNOWN, DeliveryState.STALE
APPROVE, REJECT, CLOSE = Verdict(Verb.APPROVE), Verdict(Verb.REJECT), Verdict(Verb.CLOSE)
PATH = "/api/v2/dags/~/dagRuns/~/hitlDetails"


class World:
    """One server, one connector to it, and the line between."""

    def __init__(self, server: FakeAirflow, connector: Airflow, line: Line) -> None:
        self.server = server
        self.connector = connector
        self.line = line

    async def items(self) -> list[Item]:
        return list((await self.connector.poll()).items)

    async def runs(self) -> list[str]:
        return [item.locator["dag_run_id"] for item in await self.items()]

    async def asked(self, **detail: Any) -> tuple[str, Item]:
        """One more run that waits: its id and its item."""
        run = self.server.ask(**detail)
        return run, next(item for item in await self.items() if item.locator["dag_run_id"] == run)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    line = Line(decides)
    async with FakeAirflow() as server, connected(Airflow, server.url, line) as connector:
        yield World(server, connector, line)


# -- listing


async def test_a_thousand_questions_take_a_request_a_page(world: World) -> None:
    for _ in range(1000):
        world.server.ask(params=NOTE)
    assert len(await world.items()) == 1000
    assert [asked.target.split("?")[0] for asked in world.line.asked] == [PATH] * 12


async def test_only_what_waits_is_asked_for(world: World) -> None:
    await world.items()
    assert world.line.asked[0].target == (
        f"{PATH}?response_received=false&state=deferred&state=awaiting_input"
        "&order_by=created_at&limit=100&offset=0"
    )


async def test_tasks_that_are_over_are_not_shown(world: World) -> None:
    """Whatever the server lists: unanswered stays unanswered for a task that failed or was ended by hand."""
    waiting, failed, ended, answered = (world.server.ask() for _ in range(4))
    world.server.end(failed, "failed")
    world.server.end(ended, "success")
    world.server.respond(answered, ["Approve"], {})

    def everything(body: Any) -> Any:
        return {"hitl_details": list(world.server.questions.values()), "total_entries": 4}

    world.line.tamper = everything
    assert await world.runs() == [waiting]


async def test_servers_before_3_3_wait_in_another_state(world: World) -> None:
    world.server.knows_awaiting_input = False
    world.server.version = "3.1.8"
    run, item = await world.asked()
    assert [asked.target.count("awaiting_input") for asked in world.line.asked] == [1, 0]
    assert (await deliver(world.connector, item, [APPROVE])).state is CONFIRMED
    assert len(world.server.answers[run]) == 1


async def test_rows_that_move_up_between_two_pages_are_not_missed(world: World) -> None:
    runs = [world.server.ask() for _ in range(250)]

    def answer_some(body: Any) -> Any:
        world.line.tamper = None
        for run in runs[:60]:
            world.server.end(run, "success")
        return body

    world.line.tamper = answer_some
    assert set(await world.runs()) >= set(runs[60:])


async def test_mapped_tasks_are_items_of_their_own(world: World) -> None:
    run, _ = await world.asked()
    world.server.task(run).update(map_index=2, rendered_map_index="Oslo")
    item = (await world.items())[0]
    assert "mapped Oslo" in item.description
    assert (await deliver(world.connector, item, [APPROVE])).state is CONFIRMED
    assert {asked.target for asked in world.line.asked if asked.acted} == {
        "/api/v2/dags/ship/dagRuns/manual%2B0000%3Ax/taskInstances/ask/2/hitlDetails"
    }


async def test_who_may_answer_is_said(world: World) -> None:
    """Not even an administrator may answer for someone else."""
    run, item = await world.asked(assigned_users=[{"id": "7", "name": "ann"}])
    assert "Only ann may answer." in item.description
    assert "Only ann" in item.warnings["approve"]
    outcome = await deliver(world.connector, item, [APPROVE])
    assert outcome.state is REFUSED
    assert "not a respondent" in outcome.detail
    assert world.server.answers[run] == []


async def test_the_context_tells_what_the_run_was_started_with(world: World) -> None:
    run, item = await world.asked()
    world.server.respond(run, ["Reject"], {})
    world.server.clear(run)
    item = (await world.items())[0]
    context = await world.connector.context(item)
    assert context.state == {"state": "running", "conf": {"order": "A-7"}}
    assert [one.text for one in context.messages if one.role == "task"] == ["ask: awaiting_input"]
    assert "Reject" in next(one.text for one in context.messages if one.role == "earlier try")


# -- another question


async def test_a_cleared_task_does_not_take_the_answer_made_for_its_first_try(world: World) -> None:
    run, first = await world.asked()
    world.server.clear(run)
    (second,) = await world.items()
    assert second.id != first.id
    assert second.created_at != first.created_at
    assert (await deliver(world.connector, first, [APPROVE])).state is STALE
    gone = await world.connector.reread(first)
    assert isinstance(gone, Gone)
    assert "cleared" in gone.detail
    assert world.server.answers[run] == []


async def test_an_answer_that_the_next_try_took_is_no_success(world: World) -> None:
    """What slips in between reading and sending."""
    run, first = await world.asked()
    decision = decide(first, APPROVE)
    world.server.clear(run)
    receipt = await world.connector.send(first, decision)
    outcome = await settle(world.connector, first, decision, receipt, unknown_looks=1)
    assert outcome.state is UNKNOWN
    assert "next try" in outcome.detail


async def test_an_answer_to_a_try_that_was_cleared_since(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, first = await world.asked()
    ours, theirs = decide(first, APPROVE), decide(first, REJECT)
    receipt = await world.connector.send(first, ours)
    world.server.clear(run)
    outcome = await world.connector.settle(first, ours, receipt)
    assert outcome.state is UNKNOWN
    assert "was taken, then" in outcome.detail
    outcome = await world.connector.settle(first, theirs, None)
    assert outcome.state is REFUSED
    world.server.earlier[run].clear()
    assert (await world.connector.settle(first, theirs, None)).state is UNKNOWN
    monkeypatch.setattr(settling, "NEVER_ARRIVED_S", 0.0)
    assert (await world.connector.settle(first, theirs, None)).state is REFUSED


# -- 200 is not done


async def test_parameters_that_do_not_fit_are_never_sent(world: World) -> None:
    """Airflow would take them with 200, fail the task and forbid a correction."""
    budget = {"budget": param(100, type="integer", minimum=0, maximum=1000)}
    run, item = await world.asked(options=["OK"], params=budget)
    for given in ({"budget": 5000}, {"budget": "100"}, {}, {"budget": 1, "more": 1}):
        for verdict in (Verdict(Verb.EDIT, arguments=given), Verdict(Verb.RESPOND, answer=given)):
            with pytest.raises(NotTaken):
                await deliver(world.connector, item, [verdict])
    assert world.line.sends == 0
    assert world.server.answers[run] == []


async def test_a_task_that_fails_over_its_answer_is_an_alarm(world: World) -> None:
    """Its form may have been stricter than it told."""
    run, item = await world.asked(options=["OK"], params={"budget": param(100, type="integer")})
    world.server.questions[run]["params"]["budget"]["schema"]["maximum"] = 10
    decision = decide(item, APPROVE)
    receipt = await world.connector.send(item, decision)
    outcome = await settle(world.connector, item, decision, receipt)
    assert outcome.state is REFUSED
    assert "failed over it" in outcome.detail


async def test_a_rejection_may_fail_its_task(world: World) -> None:
    world.server.fail_on_reject = True
    _, item = await world.asked()
    outcome = await deliver(world.connector, item, [REJECT])
    assert (outcome.state, outcome.effect) == (CONFIRMED, "the task failed")


@pytest.mark.parametrize("state", ["failed", "success"])
async def test_an_answer_for_a_task_that_is_over_has_no_effect(world: World, state: str) -> None:
    """The server takes it with 200 all the same."""
    run, item = await world.asked()
    world.server.end(run, state)
    assert (await deliver(world.connector, item, [APPROVE])).state is STALE
    decision = decide(item, APPROVE)
    receipt = await world.connector.send(item, decision)
    assert receipt.detail["status"] == 200
    outcome = await world.connector.settle(item, decision, receipt)
    assert outcome.state is REFUSED
    assert "over before" in outcome.detail


async def test_a_task_that_succeeds_with_another_answer_is_not_ours(world: World) -> None:
    run, item = await world.asked()
    decision = decide(item, APPROVE)
    receipt = await world.connector.send(item, decision)
    while world.server.task(run)["state"] != "success":
        await asyncio.sleep(0.01)
    world.server.values[run]["chosen_options"] = ["Reject"]
    outcome = await world.connector.settle(item, decision, receipt)
    assert outcome.state is UNKNOWN
    assert "another answer" in outcome.detail
    del world.server.values[run]
    assert (await world.connector.settle(item, decision, receipt)).state is CONFIRMED


async def test_a_busy_scheduler_is_waited_for(world: World) -> None:
    run, item = await world.asked()
    decision = decide(item, APPROVE)
    receipt = await world.connector.send(item, decision)
    for state in ("scheduled", "queued", "running"):
        world.server.task(run)["state"] = state
        assert (await world.connector.settle(item, decision, receipt)).state is SENT
    world.server.task(run)["state"] = "up_for_retry"
    assert (await world.connector.settle(item, decision, receipt)).state is UNKNOWN


# -- whose answer


async def test_409_says_not_whose_answer_stands(world: World) -> None:
    run, item = await world.asked()
    await deliver(world.connector, item, [APPROVE])
    for verdict, state in ((REJECT, REFUSED), (APPROVE, UNKNOWN)):
        decision = decide(item, verdict)
        receipt = await world.connector.send(item, decision)
        assert receipt.detail["status"] == 409
        outcome = await world.connector.settle(item, decision, receipt)
        assert outcome.state is state
        assert "admin at" in outcome.detail
    assert len(world.server.answers[run]) == 1


async def test_two_answers_at_once(world: World) -> None:
    run, item = await world.asked()
    outcomes = await asyncio.gather(
        deliver(world.connector, item, [APPROVE]), deliver(world.connector, item, [REJECT])
    )
    assert sorted(one.state for one in outcomes) in ([CONFIRMED, REFUSED], [CONFIRMED, STALE])
    assert len(world.server.answers[run]) == 1


async def test_an_equal_answer_of_another_user_may_not_be_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_PASSWORD", "secret")
    line = Line(decides)
    settings: dict[str, Any] = {"user": "admin", "token_env": "AIRFLOW_PASSWORD"}
    async with FakeAirflow() as server, connected(Airflow, server.url, line, **settings) as connector:
        server.password = "secret"
        run = server.ask()
        (item,) = (await connector.poll()).items
        server.respond(run, ["Approve"], {}, user={"id": "7", "name": "ann"})
        outcome = await connector.settle(item, decide(item, APPROVE), None)
        other = await connector.settle(item, decide(item, REJECT), None)
    assert outcome.state is UNKNOWN
    assert "ann at" in outcome.detail
    assert other.state is REFUSED


async def test_defaults_taken_when_time_ran_out_are_nobodys_answer(world: World) -> None:
    run, item = await world.asked(defaults=["Approve"])
    assert "Without an answer in time: Approve." in item.description
    world.server.respond(run, ["Approve"], {}, user=None)
    outcome = await world.connector.settle(item, decide(item, APPROVE), None)
    assert outcome.state is REFUSED
    gone = await world.connector.reread(item)
    assert isinstance(gone, Gone)
    assert gone.reason == "expired"


async def test_what_was_answered_elsewhere_is_told(world: World) -> None:
    run, item = await world.asked(params=NOTE)
    world.server.respond(run, ["Reject"], {"note": "late"}, user=USER)
    gone = await world.connector.reread(item)
    assert isinstance(gone, Gone)
    assert gone.reason == "answered"
    assert 'Reject {"note":"late"}' in gone.detail


async def test_a_lost_answer_is_unknown_until_it_can_no_longer_arrive(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, item = await world.asked()
    decision = decide(item, APPROVE)
    assert (await world.connector.settle(item, decision, None)).state is UNKNOWN
    monkeypatch.setattr(settling, "NEVER_ARRIVED_S", 0.0)
    assert (await world.connector.settle(item, decision, None)).state is REFUSED
    world.server.end(run, "failed")
    monkeypatch.undo()
    other = decide(item, APPROVE)
    assert (await world.connector.settle(item, other, None)).state is REFUSED


# -- closing, and what is gone


async def test_a_run_that_is_over_is_not_failed_again(world: World) -> None:
    run, item = await world.asked()
    world.server.runs[run]["state"] = "success"
    with pytest.raises(Refusal, match="success already"):
        await world.connector.send(item, decide(item, CLOSE))
    assert world.line.sends == 0


async def test_a_run_that_someone_else_failed_was_not_closed_by_us(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, item = await world.asked()
    world.server.runs[run]["state"] = "failed"
    decision = decide(item, CLOSE)
    assert (await world.connector.settle(item, decision, None)).state is UNKNOWN
    monkeypatch.setattr(settling, "NEVER_ARRIVED_S", 0.0)
    assert (await world.connector.settle(item, decision, None)).state is REFUSED


async def test_a_long_note_leaves_room_for_ours(world: World) -> None:
    run, item = await world.asked()
    world.server.runs[run]["note"] = "x" * 1000
    decision = decide(item, Verdict(Verb.CLOSE, reason="y" * 2000))
    assert (await deliver(world.connector, item, decision)).state is CONFIRMED
    assert len(world.server.runs[run]["note"]) == 1000


async def test_a_deleted_task_is_gone(world: World) -> None:
    run, item = await world.asked()
    del world.server.questions[run]
    assert await world.connector.reread(item) == Gone("deleted", "the task, or its DAG run, is deleted")
    assert (await world.connector.settle(item, decide(item, APPROVE), None)).state is UNKNOWN
    with pytest.raises(Refusal):
        await world.connector.send(item, decide(item, APPROVE))


async def test_a_404_that_is_not_the_servers_own_proves_nothing(world: World) -> None:
    _, item = await world.asked()
    world.line.outage = (404, b"<!doctype html><title>Not here</title>")
    with pytest.raises(Garbled):
        await world.connector.reread(item)


# -- recognising


@pytest.mark.parametrize(
    ("version", "warning"),
    [("3.3.2", ""), ("3.1.8", "tested with Airflow 3.3"), ("3.0.6", "no human-in-the-loop")],
)
async def test_versions_outside_what_was_tested_warn(world: World, version: str, warning: str) -> None:
    world.server.version = version
    match = await Airflow.recognise(world.connector.wire)
    assert match is not None
    assert match.version == version
    assert warning in match.warning
    assert bool(match.warning) == bool(warning)


async def test_the_url_may_say_where_the_api_lies(world: World) -> None:
    world.server.ask()
    async with connected(Airflow, f"{world.server.url}/api/v2", Line(decides)) as connector:
        (item,) = (await connector.poll()).items
        assert await Airflow.recognise(connector.wire)
    assert str(item.url).startswith(f"{world.server.url}/dags/ship/")
