"""Against a real AgentOS: what is decided is what its tools do, once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from tests.connectors.agno.test_contract import decides
from tests.connectors.agno.till import KEY, Call, Till, serving
from tests.connectors.kit.deliver import NotTaken, connected, decide, deliver, settle
from tests.connectors.kit.faults import Fault, Line
from triage.connectors import agno
from triage.connectors.agno import Agno, settling
from triage.connectors.agno.api import read_row
from triage.connectors.base import Refusal
from triage.connectors.credentials import request_headers
from triage.connectors.http import Denied, Wire
from triage.model.decision import DeliveryState, Verdict
from triage.model.endpoint import EndpointConfig
from triage.model.item import Gone, Item, ItemKind, Verb

CONFIRMED, REFUSED, SENT, UNKNOWN = (
    DeliveryState.CONFIRMED, DeliveryState.REFUSED, DeliveryState.SENT, DeliveryState.UNKNOWN,
)  # fmt: skip
APPROVE, REJECT = Verdict(Verb.APPROVE), Verdict(Verb.REJECT, reason="limit is 100")
PAY: Call = ("pay", {"order": "77", "amount": 120})
BOOK: Call = ("book", {"room": "blue"})


def continues(request: httpx.Request) -> bool:
    return request.method == "POST" and request.url.path.endswith("/continue")


@asynccontextmanager
async def speaking(till: Till, acts: Any = decides) -> AsyncIterator[tuple[Agno, Line]]:
    line = Line(acts, httpx.ASGITransport(till.app))
    async with connected(Agno, till.url, line) as connector:
        yield connector, line


async def waiting(connector: Agno, row: dict[str, Any]) -> Item:
    return next(item for item in (await connector.poll()).items if item.locator["approval_id"] == row["id"])


# what is decided is what is done


async def test_an_approved_call_is_made_once(till: Till) -> None:
    (row,) = await till.ask([PAY])
    line = Line(decides)
    async with serving(till) as url, connected(Agno, url, line) as connector:
        item = await waiting(connector, row)
        assert (item.kind, item.title, item.agent) == (
            ItemKind.APPROVAL,
            "pay(order=77, amount=120)",
            "Payer",
        )
        assert item.verbs == (Verb.APPROVE, Verb.REJECT)
        outcome = await deliver(connector, item, [APPROVE])
    assert till.did == [("pay", {"order": "77", "amount": 120})]
    assert (outcome.state, outcome.effect) == (CONFIRMED, "completed: then: pay done")
    kept = await till.row(row["id"])
    assert (kept["status"], kept["resolved_by"], kept["run_status"]) == ("approved", "kim", "COMPLETED")
    assert [asked.target for asked in line.asked if asked.method == "POST"] == [
        f"/approvals/{row['id']}/resolve",
        f"/agents/payer/runs/{row['run_id']}/continue",
    ]


async def test_a_rejected_call_is_not_made_and_the_reason_stays_in_the_record(till: Till) -> None:
    (row,) = await till.ask([PAY])
    async with speaking(till) as (connector, _):
        item = await waiting(connector, row)
        assert "told only that the call was rejected" in item.warnings["reject"]
        outcome = await deliver(connector, item, [REJECT])
    assert till.did == []
    assert outcome.state is CONFIRMED
    assert outcome.effect == "completed: then: Function call was rejected by the user"
    assert (await till.row(row["id"]))["resolution_data"]["note"] == "limit is 100"


async def test_one_decision_covers_all_calls_of_a_pause(till: Till) -> None:
    other: Call = ("pay", {"order": "78", "amount": 1})
    (row,) = await till.ask([PAY, other])
    async with speaking(till) as (connector, _):
        item = await waiting(connector, row)
        assert [action.arguments for action in item.actions] == [PAY[1], other[1]]
        assert item.title == "2 calls: pay, pay"
        with pytest.raises(NotTaken, match="give every call the same verdict"):
            await deliver(connector, item, [APPROVE, REJECT])
        outcome = await deliver(connector, item, [APPROVE, APPROVE])
    assert outcome.state is CONFIRMED
    assert till.did == [PAY, other]


async def test_a_later_pause_of_the_same_run_is_another_item(till: Till) -> None:
    (row,) = await till.ask([PAY], [("pay", {"order": "78", "amount": 1})])
    async with speaking(till) as (connector, _):
        first = await waiting(connector, row)
        outcome = await deliver(connector, first, [APPROVE])
        assert outcome.state is CONFIRMED
        assert outcome.effect.startswith("paused again")
        (second,) = (await connector.poll()).items
        assert second.id != first.id
        assert connector.lane(second) == connector.lane(first)
        assert isinstance(await connector.reread(first), Gone)
        assert (await deliver(connector, second, [APPROVE])).state is CONFIRMED
    assert [arguments["order"] for _, arguments in till.did] == ["77", "78"]


async def test_a_form_is_filled_in(till: Till) -> None:
    (row,) = await till.ask([BOOK])
    async with speaking(till) as (connector, _):
        item = await waiting(connector, row)
        assert (item.kind, item.title) == (ItemKind.QUESTION, "Fill in book(room=blue)")
        assert item.verbs == (Verb.RESPOND,)
        assert item.answer_schema is not None
        assert item.answer_schema["properties"]["nights"]["type"] == "integer"
        assert item.answer_schema["properties"]["room"]["default"] == "blue"
        assert sorted(item.answer_schema["required"]) == ["guest", "nights"]
        for short in ({"guest": "ann"}, {"guest": "ann", "nights": None}, {"guest": "ann", "nights": "two"}):
            with pytest.raises(NotTaken):
                await deliver(connector, item, [Verdict(Verb.RESPOND, answer=short)])
        answer = {"guest": "ann", "nights": 2, "room": "red"}
        outcome = await deliver(connector, item, [Verdict(Verb.RESPOND, answer=answer)])
    assert outcome.state is CONFIRMED
    assert till.did == [("book", answer)]


async def test_a_form_is_not_rejected_since_its_call_would_be_made_all_the_same(till: Till) -> None:
    (row,) = await till.ask([("remind", {})])
    async with speaking(till) as (connector, _):
        item = await waiting(connector, row)
        with pytest.raises(NotTaken, match="would run the call all the same, with its fields empty"):
            await deliver(connector, item, [REJECT])
    await till.resolve(row["id"], "rejected")
    await carried_on(till, row)
    assert till.did == [("remind", {"text": None})]


async def test_a_call_by_hand_takes_its_result(till: Till) -> None:
    (row,) = await till.ask([("deploy", {"host": "h1"})])
    async with speaking(till) as (connector, _):
        item = await waiting(connector, row)
        assert (item.kind, item.title) == (ItemKind.EXTERNAL, "To be done by hand: deploy(host=h1)")
        assert item.verbs == (Verb.RESPOND,)
        outcome = await deliver(connector, item, [Verdict(Verb.RESPOND, answer="up since noon")])
    assert (outcome.state, outcome.effect) == (CONFIRMED, "completed: then: up since noon")
    assert till.did == []


async def test_a_call_by_hand_is_not_rejected_since_its_run_would_be_stuck(till: Till) -> None:
    (row,) = await till.ask([("deploy", {"host": "h1"})])
    async with speaking(till) as (connector, _):
        with pytest.raises(NotTaken, match="does not go on with a run whose call by hand was rejected"):
            await deliver(connector, await waiting(connector, row), [REJECT])
    await till.resolve(row["id"], "rejected")
    assert (await carried_on(till, row)).status_code == 400


async def test_what_pauses_beside_an_approval_counts_as_rejected_and_is_said_to(till: Till) -> None:
    (row,) = await till.ask([PAY, ("ring", {"bell": "door"})])
    async with speaking(till) as (connector, _):
        item = await waiting(connector, row)
        assert [action.name for action in item.actions] == ["pay"]
        assert "ring(bell=door) paused beside it; no approval covers it" in item.description
        assert (await deliver(connector, item, [APPROVE])).state is CONFIRMED
    assert till.did == [PAY]


async def test_a_form_beside_a_call_approves_both_and_says_so(till: Till) -> None:
    (row,) = await till.ask([PAY, BOOK])
    async with speaking(till) as (connector, _):
        item = await waiting(connector, row)
        assert item.verbs == (Verb.RESPOND,)
        assert item.warnings["respond"] == "This also approves pay(order=77, amount=120)."
        answer = {"guest": "ann", "nights": 2}
        outcome = await deliver(connector, item, [Verdict(Verb.RESPOND, answer=answer)])
    assert outcome.state is CONFIRMED
    assert sorted(name for name, _ in till.did) == ["book", "pay"]


async def test_what_one_answer_cannot_serve_is_only_shown(till: Till) -> None:
    (row,) = await till.ask([("deploy", {"host": "h1"}), ("deploy", {"host": "h2"})])
    async with speaking(till) as (connector, _):
        item = await waiting(connector, row)
    assert (item.kind, item.verbs, len(item.actions)) == (ItemKind.EXTERNAL, (), 2)
    assert "would give one to all of them" in item.refusals["respond"]


# teams and workflows


async def test_a_teams_own_call_and_that_of_a_member(till: Till) -> None:
    (own,) = await till.ask([PAY], of="teams/crew")
    (members,) = await till.delegate([[PAY]])
    async with speaking(till) as (connector, line):
        for row in (own, members):
            outcome = await deliver(connector, await waiting(connector, row), [APPROVE])
            assert outcome.state is CONFIRMED
            assert outcome.effect.startswith("completed: ")
    assert till.did == [PAY, PAY]
    carried = [asked.target for asked in line.asked if asked.target.endswith("/continue")]
    assert all(target.startswith("/teams/crew/runs/") for target in carried)
    assert members["run_id"] not in carried[1]


async def test_two_members_are_carried_on_by_the_one_decided_last(till: Till) -> None:
    rows = await till.delegate([[PAY]], [[("pay", {"order": "78", "amount": 1})]])
    assert len(rows) == 2
    async with speaking(till) as (connector, line):
        first, second = [await waiting(connector, row) for row in rows]
        assert connector.lane(first) == connector.lane(second)
        outcome = await deliver(connector, first, [APPROVE])
        assert (outcome.state, outcome.effect) == (CONFIRMED, "its run waits for 1 other approval")
        assert till.did == []
        outcome = await deliver(connector, second, [APPROVE])
        assert outcome.state is CONFIRMED
    assert sorted(arguments["order"] for _, arguments in till.did) == ["77", "78"]
    assert sum(asked.target.endswith("/continue") for asked in line.asked) == 1


@pytest.mark.parametrize(
    ("call", "verdict", "done", "effect"),
    [
        (PAY, APPROVE, [PAY], "completed: then: pay done"),
        (PAY, REJECT, [], "completed: then: limit is 100"),
        (BOOK, Verdict(Verb.RESPOND, answer={"guest": "ann", "nights": 2}),
         [("book", {"room": "blue", "guest": "ann", "nights": 2})], "completed: then: book done"),
        (("deploy", {"host": "h1"}), Verdict(Verb.RESPOND, answer="up"), [], "completed: then: up"),
    ],
    ids=["approve", "reject", "fill", "result"],
)  # fmt: skip
async def test_a_workflow_is_told_of_each_call(
    till: Till, call: Call, verdict: Verdict, done: list[Call], effect: str
) -> None:
    """It does not look at the approval: what it is not told of counts as rejected."""
    (row,) = await till.ask([call], of="workflows/flow")
    async with speaking(till) as (connector, _):
        outcome = await deliver(connector, await waiting(connector, row), [verdict])
    assert till.did == done
    assert outcome.state is CONFIRMED
    assert outcome.effect == effect


async def test_a_workflow_is_told_of_all_that_was_decided(till: Till) -> None:
    """Two members of a team that does a step: the one decided last carries on for both."""
    rows = await till.delegate([[PAY]], [[("pay", {"order": "78", "amount": 1})]], of="workflows/march")
    assert len(rows) == 2
    async with speaking(till) as (connector, _):
        first, second = [await waiting(connector, row) for row in rows]
        outcome = await deliver(connector, first, [APPROVE])
        assert (outcome.state, outcome.effect) == (CONFIRMED, "its run waits for 1 other approval")
        outcome = await deliver(connector, second, [REJECT])
    approved = [arguments["order"] for _, arguments in till.did]
    assert approved == [first.actions[0].arguments["order"]]
    assert outcome.state is CONFIRMED


async def test_a_workflow_that_took_a_yes_for_a_no_is_not_called_done(till: Till) -> None:
    (row,) = await till.ask([PAY], of="workflows/flow")
    async with speaking(till) as (connector, line):
        item = await waiting(connector, row)
        decision = decide(item, APPROVE)
        await decided_only(connector, line, item, decision)
        async with till.client() as client:
            run = (await connector.api.leg(read_row(item.raw))).run_id
            form = {"stream": "false", "session_id": row["session_id"]}
            (await client.post(f"/workflows/flow/runs/{run}/continue", data=form)).raise_for_status()
        outcome = await connector.settle(item, decision, None)
    assert till.did == []
    assert outcome.state is UNKNOWN
    assert "its calls were not treated as was decided" in outcome.detail


# the second call


async def decided_only(connector: Agno, line: Line, item: Item, decision: Any) -> Any:
    """Decide the approval while nothing that would carry its run on gets through."""
    line._acts, line.fault = continues, Fault.UNREACHED
    receipt = await connector.send(item, decision)
    line._acts, line.fault = decides, Fault.NONE
    return receipt


async def carried_on(till: Till, row: dict[str, Any]) -> httpx.Response:
    async with till.client() as client:
        form = {"stream": "false", "session_id": row["session_id"]}
        return await client.post(f"/agents/payer/runs/{row['run_id']}/continue", data=form)


@pytest.mark.parametrize("fault", [fault for fault in Fault if fault.acts], ids=lambda fault: fault.name)
async def test_a_run_whose_reply_is_lost_is_carried_on_once(till: Till, fault: Fault) -> None:
    (row,) = await till.ask([PAY])
    async with speaking(till, continues) as (connector, line):
        item = await waiting(connector, row)
        line.fault = fault
        outcome = await deliver(connector, item, [APPROVE])
    assert till.did == [PAY]
    assert outcome.state is CONFIRMED
    assert line.sends == 1


@pytest.mark.parametrize("fault", [Fault.SLOW, Fault.LOST, Fault.FAILED], ids=lambda fault: fault.name)
async def test_a_run_that_may_not_have_been_carried_on_is_not_called_done(
    till: Till, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    (row,) = await till.ask([PAY])
    async with speaking(till, continues) as (connector, line):
        item = await waiting(connector, row)
        decision = decide(item, APPROVE)
        line.fault = fault
        receipt = await connector.send(item, decision)
        assert receipt.detail["continued"] == settling.LOST
        assert (await connector.settle(item, decision, receipt)).state is SENT
        monkeypatch.setattr(settling, "AT_WORK_S", 0)
        outcome = await connector.settle(item, decision, receipt)
        assert outcome.state is UNKNOWN
        assert "it may be at work, or never have been continued" in outcome.detail
        assert till.did == []
        await line.release()
        outcome = await connector.settle(item, decision, receipt)
    assert line.sends == 1
    assert (outcome.state, till.did) == ((CONFIRMED, [PAY]) if fault is Fault.SLOW else (UNKNOWN, []))


async def test_a_run_that_is_refused_to_go_on_says_why(till: Till) -> None:
    (row,) = await till.ask([PAY])
    async with speaking(till) as (connector, line):
        item = await waiting(connector, row)
        decision = decide(item, APPROVE)
        receipt = await decided_only(connector, line, item, decision)
        outcome = await connector.settle(item, decision, receipt)
    assert outcome.state is UNKNOWN
    assert "its run could not be continued and is still paused: cannot reach" in outcome.detail


async def test_a_run_at_work_is_waited_for(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    """Agno shows it as paused all the while."""
    monkeypatch.setattr(agno.api, "SEND_TIMEOUT_S", 0.3)
    till.gate = asyncio.Event()
    (row,) = await till.ask([("wire", {"order": "77"})])
    async with serving(till) as url, connected(Agno, url, Line(decides)) as connector:
        item = await waiting(connector, row)
        decision = decide(item, APPROVE)
        receipt = await connector.send(item, decision)
        assert receipt.detail["continued"] == settling.LOST
        assert (await till.row(row["id"]))["run_status"] == "PAUSED"
        assert (await connector.settle(item, decision, receipt)).state is SENT
        till.gate.set()
        assert (await settle(connector, item, decision, receipt)).state is CONFIRMED
    assert till.did == [("wire", {"order": "77"})]


# runs that were left paused


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look for left runs at every poll, however short ago they were decided."""
    monkeypatch.setattr(agno, "STUCK_S", -1)
    monkeypatch.setattr(agno, "STUCK_EVERY_S", 0)


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("status", ["approved", "rejected"])
async def test_a_run_left_paused_is_shown_and_can_be_carried_on(till: Till, status: str) -> None:
    (row,) = await till.ask([PAY])
    await till.resolve(row["id"], status)
    async with speaking(till) as (connector, _):
        (item,) = (await connector.poll()).items
        assert item.title == f"{status.capitalize()}, but not carried on: pay(order=77, amount=120)"
        assert (item.kind, item.verbs) == (ItemKind.EXTERNAL, ())
        assert item.repair is not None
        assert "would run a second time" in item.repair
        assert await connector.reread(item) == item
        assert await connector.repair(item) == "its run was continued"
        assert (await connector.poll()).items == ()
        assert await connector.reread(item) == Gone("answered", "its run went on")
        with pytest.raises(Refusal, match="nothing is to be done: its run went on"):
            await connector.repair(item)
    assert till.did == ([PAY] if status == "approved" else [])


@pytest.mark.usefixtures("at_once")
async def test_our_own_decision_left_half_done_ends_well_once_it_is_carried_on(till: Till) -> None:
    (row,) = await till.ask([PAY])
    async with speaking(till) as (connector, line):
        item = await waiting(connector, row)
        decision = decide(item, APPROVE)
        await decided_only(connector, line, item, decision)
        assert (await connector.settle(item, decision, None)).state is UNKNOWN
        left = await waiting(connector, row)
        assert left.id != item.id
        await connector.repair(left)
        assert (await connector.settle(item, decision, None)).state is CONFIRMED
    assert till.did == [PAY]


@pytest.mark.usefixtures("at_once")
async def test_a_workflow_left_paused_is_carried_on_by_what_was_decided(till: Till) -> None:
    (row,) = await till.ask([BOOK], of="workflows/flow")
    async with speaking(till) as (connector, line):
        item = await waiting(connector, row)
        answer = {"guest": "ann", "nights": 2}
        await decided_only(connector, line, item, decide(item, Verdict(Verb.RESPOND, answer=answer)))
        await connector.repair(await waiting(connector, row))
    assert till.did == [("book", {"room": "blue", **answer})]


@pytest.mark.usefixtures("at_once")
async def test_what_is_not_left_paused_is_not_shown_as_such(till: Till) -> None:
    (again,) = await till.ask([PAY], [("pay", {"order": "78", "amount": 1})])
    await till.resolve(again["id"])
    await carried_on(till, again)
    waits, _ = await till.delegate([[PAY]], [[PAY]])
    await till.resolve(waits["id"])
    (by_hand,) = await till.ask([("deploy", {"host": "h1"})])
    await till.resolve(by_hand["id"], "rejected")
    (done,) = await till.ask([PAY])
    await till.resolve(done["id"])
    await carried_on(till, done)
    async with speaking(till) as (connector, _):
        items = (await connector.poll()).items
    assert [item.repair for item in items] == [None, None]
    assert not {item.key for item in items} & {again["id"], waits["id"], by_hand["id"], done["id"]}


async def test_a_run_decided_just_now_may_be_at_work_and_is_not_shown(till: Till) -> None:
    (row,) = await till.ask([PAY])
    await till.resolve(row["id"])
    async with speaking(till) as (connector, _):
        assert (await connector.poll()).items == ()


# others, and what is not there


async def test_somebody_elses_decision_stands(till: Till) -> None:
    (row,) = await till.ask([PAY])
    async with speaking(till) as (connector, line):
        item = await waiting(connector, row)
        decision = decide(item, APPROVE)
        await till.resolve(row["id"], "rejected", by="lou")
        assert await connector.reread(item) == Gone("answered", "rejected by lou")
        with pytest.raises(Refusal, match="it is rejected by lou already"):
            await connector.send(item, decision)
        outcome = await connector.settle(item, decision, None)
    assert (outcome.state, outcome.detail) == (REFUSED, "it is rejected by lou")
    assert till.did == []
    assert not any(asked.target.endswith("/continue") for asked in line.asked)


async def test_a_decision_that_never_arrived_is_refused_after_a_while(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    (row,) = await till.ask([PAY])
    async with speaking(till) as (connector, line):
        item = await waiting(connector, row)
        decision = decide(item, APPROVE)
        line.fault = Fault.LOST
        assert (await deliver(connector, item, decision)).state is UNKNOWN
        monkeypatch.setattr(settling, "NEVER_ARRIVED_S", 0)
        assert (await connector.settle(item, decision, None)).state is REFUSED


async def test_a_deleted_approval_leaves_an_unknown(till: Till) -> None:
    (row,) = await till.ask([PAY])
    async with speaking(till) as (connector, _):
        item = await waiting(connector, row)
        till.write("delete from approvals where id = ?", (row["id"],))
        gone = await connector.reread(item)
        assert isinstance(gone, Gone)
        assert gone.reason == "not known"
        with pytest.raises(Refusal, match="Approval not found"):
            await connector.send(item, decide(item, APPROVE))
        assert (await connector.settle(item, decide(item, APPROVE), None)).state is UNKNOWN


@pytest.mark.parametrize(("status", "reason"), [("expired", "expired"), ("cancelled", "deleted")])
async def test_what_ran_out_is_gone(till: Till, status: str, reason: str) -> None:
    (row,) = await till.ask([PAY])
    async with speaking(till) as (connector, _):
        item = await waiting(connector, row)
        till.write("update approvals set status = ? where id = ?", (status, row["id"]))
        gone = await connector.reread(item)
        assert isinstance(gone, Gone)
        assert gone.reason == reason
        assert (await connector.poll()).items == ()


async def test_context_is_what_was_said_in_the_run(till: Till) -> None:
    (row,) = await till.delegate([[PAY]])
    async with speaking(till) as (connector, _):
        context = await connector.context(await waiting(connector, row))
    assert [message.role for message in context.messages][-2:] == ["user", "assistant"]
    assert context.messages[-1].text == "→ pay(order=77, amount=120)"


async def test_a_thousand_take_four_requests_and_two_for_left_runs(till: Till) -> None:
    (row,) = await till.ask([PAY])
    till.write(
        "insert into approvals (id, run_id, session_id, status, source_type, approval_type, pause_type, tool_name, "
        "created_at) values (?, 'r', 's', 'pending', 'agent', 'required', 'confirmation', 'pay', ?)",
        *((f"approval-{number}", number) for number in range(999)),
    )
    line = Line(decides, httpx.ASGITransport(till.app))
    async with connected(Agno, till.url, line) as connector:
        for extra in (2, 0):
            line.asked.clear()
            poll = await connector.poll()
            assert len({item.key for item in poll.items}) == 1000
            assert len(line.asked) == 4 + extra
    assert row["id"] in {item.key for item in poll.items}


# who is there


async def test_is_recognised_with_its_version(till: Till) -> None:
    async with speaking(till) as (connector, _):
        match = await Agno.recognise(connector.wire)
        assert match is not None
        assert (match.kind, match.warning) == ("agno", "")
        assert match.version.startswith("3.1.")
        assert match.detail == f"AgentOS of agno {match.version}: 1 agent, 1 team, 2 workflows"
        assert (await connector.about()).version == match.version


async def test_a_security_key_is_sent_as_a_bearer_token(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TILL_TOKEN", KEY)
    till = Till(tmp_path_factory.mktemp("locked"), KEY)
    (row,) = await till.ask([PAY])
    async with serving(till) as url, httpx.AsyncClient() as client:
        config = EndpointConfig(name="test", kind="agno", url=url, token_env="TILL_TOKEN")
        with pytest.raises(Denied, match="Authorization"):
            await Agno(config, Wire(client, url)).poll()
        connector = Agno(config, Wire(client, url, request_headers(config)))
        outcome = await deliver(connector, await waiting(connector, row), [APPROVE])
    assert (outcome.state, till.did) == (CONFIRMED, [PAY])
