"""The connector over recorded exchanges, and over answers that a healthy server does not give."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from tests.connectors.kit.deliver import connected, decide
from tests.connectors.kit.replay import URL, Exchange, Replay, read_sample
from triage.connectors.agno import Agno, settling
from triage.connectors.base import Refusal
from triage.connectors.http import Busy, Garbled
from triage.model.decision import Decision, DeliveryState, Receipt, Verdict
from triage.model.item import Item, ItemKind, Verb

SAMPLES = Path(__file__).parent / "samples"
LIST = "/approvals?status={}&approval_type=required&limit={}&page=1"
REJECT = Verdict(Verb.REJECT, reason="limit is 100")


def sample(name: str, **changed: Any) -> Exchange:
    return msgspec.structs.replace(read_sample(SAMPLES / f"{name}.json"), **changed)


def empty(status: str, limit: int = 100) -> Exchange:
    meta = {"page": 1, "limit": limit, "total_pages": 0, "total_count": 0}
    return Exchange("GET", LIST.format(status, limit), None, 200, {}, {"data": [], "meta": meta})


def listing() -> list[Exchange]:
    return [sample("list_pending", path=LIST.format("pending", 250)), empty("approved"), empty("rejected")]


def alone(row: dict[str, Any]) -> Exchange:
    return sample("after_reject_and_continue", body=row)


def others_wait(row: dict[str, Any], *waiting: Any) -> Exchange:
    path = f"{LIST.format('pending', 100)}&run_id={row['run_id']}"
    return Exchange("GET", path, None, 200, {}, {"data": list(waiting), "meta": {}})


async def refund(*more: Exchange) -> tuple[Item, Replay]:
    """The recorded approval as polled, and a line that has it and ``more``."""
    line = Replay(*listing(), *more)
    async with connected(Agno, URL, line) as connector:
        (item,) = (await connector.poll()).items
    return item, line


def decided(item: Item, **more: Any) -> tuple[dict[str, Any], Decision]:
    """The recorded row after the recorded rejection, as if it had been by a decision of ours."""
    decision = decide(item, REJECT)
    row = sample("after_reject_and_continue").body
    return {**row, "resolution_data": settling.decision_data(decision), **more}, decision


async def test_lists_what_waits() -> None:
    item, line = await refund()
    assert [path for _, path, _ in line.asked] == [
        LIST.format("pending", 250), LIST.format("approved", 100), LIST.format("rejected", 100),
    ]  # fmt: skip
    assert item.key == "6db60849-2acb-47dc-a7ce-b32a1281d2fa"
    assert (item.kind, item.agent) == (ItemKind.APPROVAL, "Refunder")
    assert item.title == "refund(order_id=77, amount=120)"
    assert item.actions[0].arguments == {"order_id": "77", "amount": 120}
    assert item.verbs == (Verb.APPROVE, Verb.REJECT)
    assert set(item.refusals) == {"edit", "respond", "ignore", "close"}
    assert "reject it; the change you want can stand in the reason" in item.refusals["edit"]
    assert item.description == "For user u1."
    assert item.created_at == datetime(2026, 11, 22, 6, 28, 7, tzinfo=UTC)
    assert item.expires_at is None


async def test_an_older_server_is_recognised_by_its_count() -> None:
    async with connected(Agno, URL, Replay(sample("count_pending"))) as connector:
        match = await Agno.recognise(connector.wire)
    assert match is not None
    assert (match.kind, match.version, match.warning) == ("agno", "", "tested with agno 3.1")


@pytest.mark.parametrize(("version", "warns"), [("3.1.0", False), ("3.2.0", True), ("2.9.9", True)])
async def test_a_version_outside_what_was_tested_warns(version: str, warns: bool) -> None:
    info = Exchange("GET", "/info", None, 200, {}, {"agno_version": version, "agent_count": 2})
    async with connected(Agno, URL, Replay(info)) as connector:
        match = await Agno.recognise(connector.wire)
    assert match is not None
    assert match.detail == f"AgentOS of agno {version}: 2 agents"
    assert match.warning == (f"tested with agno 3.1; this is {version}" if warns else "")


@pytest.mark.parametrize("body", [{"count": "1"}, {"count": True}, {"agno_version": 3}, {}, [], None])
async def test_a_stranger_is_not_recognised(body: Any) -> None:
    line = Replay(
        Exchange("GET", "/info", None, 200, {}, body),
        Exchange("GET", "/approvals/count", None, 200, {}, body),
    )
    async with connected(Agno, URL, line) as connector:
        assert await Agno.recognise(connector.wire) is None


@pytest.mark.parametrize(
    ("name", "why"),
    [("unknown_id", "Approval not found"), ("bad_payload", "String should match pattern")],
)
async def test_a_clear_no_is_a_refusal(name: str, why: str) -> None:
    item, _ = await refund()
    answer = sample(name, path=f"/approvals/{item.key}/resolve")
    async with connected(Agno, URL, Replay(answer)) as connector:
        with pytest.raises(Refusal, match=why):
            await connector.send(item, decide(item, REJECT))


async def test_a_second_decision_is_refused_with_the_one_that_stands() -> None:
    item, _ = await refund()
    line = Replay(sample("double_answer"), sample("after_reject_and_continue"))
    async with connected(Agno, URL, line) as connector:
        with pytest.raises(Refusal, match="it is rejected by alice already"):
            await connector.send(item, decide(item, REJECT))
    assert [method for method, _, _ in line.asked] == ["GET", "POST", "GET"]


async def test_a_second_decision_that_is_our_own_goes_on() -> None:
    """Something on the way delivered the first call twice."""
    item, _ = await refund()
    row, decision = decided(item, run_status="PAUSED")
    line = Replay(
        sample("double_answer"), alone(row), others_wait(row), sample("continue_before_resolve", status=200)
    )
    async with connected(Agno, URL, JsonOrForm(line)) as connector:
        receipt = await connector.send(item, decision)
    assert receipt.detail == {
        "run": f"agents/refunder/{row['run_id']}", "continued": settling.YES, "why": "",
    }  # fmt: skip


async def test_a_refused_continuation_is_told_with_its_reason() -> None:
    item, _ = await refund()
    row, decision = decided(item, run_status="PAUSED")
    resolved = Exchange("POST", f"/approvals/{item.key}/resolve", None, 200, {}, row)
    line = JsonOrForm(Replay(resolved, alone(row), others_wait(row), sample("continue_before_resolve")))
    async with connected(Agno, URL, line) as connector:
        receipt = await connector.send(item, decision)
        outcome = await connector.settle(item, decision, receipt)
    assert line.forms == [sample("continue_before_resolve").sent]
    assert outcome.state is DeliveryState.UNKNOWN
    assert "could not be continued and is still paused" in outcome.detail
    assert "Run has unresolved HITL requirements" in outcome.detail


async def test_the_recorded_rejection_was_somebody_elses() -> None:
    item, _ = await refund(sample("after_reject_and_continue"))
    async with connected(Agno, URL, Replay(sample("after_reject_and_continue"))) as connector:
        outcome = await connector.settle(item, decide(item, REJECT), Receipt())
    assert (outcome.state, outcome.detail) == (DeliveryState.REFUSED, "it is rejected by alice")


@pytest.mark.parametrize("session", [400, 403, 404])
async def test_where_the_session_is_not_for_us_to_see_the_approval_tells_alone(session: int) -> None:
    item, _ = await refund()
    row, decision = decided(item)
    runs = Exchange("GET", f"/sessions/{row['session_id']}/runs", None, session, {}, {"detail": "no"})
    async with connected(Agno, URL, Replay(alone(row), runs, others_wait(row))) as connector:
        outcome = await connector.settle(item, decision, None)
    assert outcome.state is DeliveryState.CONFIRMED
    assert (outcome.detail, outcome.effect) == (
        "the approval is rejected by alice, and its run went on", "completed",
    )  # fmt: skip


async def test_rows_that_do_not_wait_are_left_out_though_the_filter_let_them_through() -> None:
    row = sample("list_pending").body["data"][0]
    rows = [row, {**row, "id": "b", "approval_type": "audit"}, {**row, "id": "c", "status": "approved"}]
    page = sample("list_pending", path=LIST.format("pending", 250), body={"data": rows, "meta": {}})
    async with connected(Agno, URL, Replay(page, empty("approved"), empty("rejected"))) as connector:
        assert [item.key for item in (await connector.poll()).items] == [row["id"]]


async def test_a_list_that_moves_while_it_is_read_is_read_anew() -> None:
    """A row decided between two pages moves another one past the reader; a new one moves one before it."""
    row = sample("list_pending").body["data"][0]
    rows = [{**row, "id": f"a{number}"} for number in range(501)]
    moved, moved_both_ways = [*rows[251:500]], [rows[0], *rows[251:500]]
    reads = iter([rows[:250], moved, rows[:250], moved_both_ways, rows[1:251], rows[251:501]])

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.params["status"] != "pending":
            return httpx.Response(200, json=empty("").body)
        meta = {"total_pages": 2, "total_count": 500}
        return httpx.Response(200, json={"data": next(reads), "meta": meta})

    async with connected(Agno, URL, httpx.MockTransport(answer)) as connector:
        assert len((await connector.poll()).items) == 500
    assert next(reads, None) is None


async def test_a_list_that_never_rests_is_an_error_and_no_short_queue() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"data": [], "meta": {"total_pages": 1, "total_count": 5}})

    async with connected(Agno, URL, httpx.MockTransport(answer)) as connector:
        with pytest.raises(Garbled, match="change faster than they can be read"):
            await connector.poll()


async def test_a_database_without_approvals_is_said_to_have_none() -> None:
    why = {"detail": "Approvals not supported by the configured database"}

    async with connected(
        Agno, URL, httpx.MockTransport(lambda _: httpx.Response(503, json=why))
    ) as connector:
        with pytest.raises(Busy, match="Approvals not supported by the configured database"):
            await connector.poll()


class JsonOrForm(httpx.AsyncBaseTransport):
    """Keeps forms from a replay, which reads JSON only."""

    def __init__(self, replay: Replay) -> None:
        self.replay = replay
        self.forms: list[str] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.headers.get("content-type") == "application/x-www-form-urlencoded":
            self.forms.append((await request.aread()).decode())
            request = httpx.Request(request.method, request.url)
        return await self.replay.handle_async_request(request)
