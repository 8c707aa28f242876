"""Every shape of question × every verb it takes, at a real Agent Server: what the graph itself was told."""

from __future__ import annotations

import asyncio
import json
from typing import Any, NamedTuple

import pytest

from tests.connectors.kit.deliver import deliver
from tests.connectors.langgraph.at_once import at_once
from tests.connectors.langgraph.conftest import Bench
from triage.model.decision import DeliveryState, Verdict
from triage.model.item import Gone, Verb

APPROVE, IGNORE, CLOSE = Verdict(Verb.APPROVE), Verdict(Verb.IGNORE), Verdict(Verb.CLOSE)
REJECT = Verdict(Verb.REJECT, reason="not now")
REJECT_UNSAID = Verdict(Verb.REJECT)


def edit(**arguments: Any) -> Verdict:
    return Verdict(Verb.EDIT, arguments=arguments)


def respond(answer: Any) -> Verdict:
    return Verdict(Verb.RESPOND, answer=answer)


class Case(NamedTuple):
    """A decision, and what must come of it."""

    verdicts: list[Verdict]
    expected: list[Any]
    """What the graph must have been told; of tools, part of each result, and its status."""
    calls: str = ""
    """The tools that the agent wants to call."""


ACCEPTED = {"type": "accept", "args": None}
EDITED = {"type": "edit", "args": {"action": "ship", "args": {"order": "A-2", "weight": 12.0}}}
ANSWERED = {"type": "response", "args": "ask her first"}
IGNORED = {"type": "ignore", "args": None}
EDIT = edit(order="A-2", weight=12.0)

INBOX = [
    Case([APPROVE], [ACCEPTED]),
    Case([EDIT], [EDITED]),
    Case([respond("ask her first")], [ANSWERED]),
    Case([IGNORE], [IGNORED]),
]
ANSWERS: list[Any] = ["Ann", "", None, False, 0, 1.0, [], {}, {"resume": [1, 1.0]}, 2**64 - 1, -(2**63)]
CASES: dict[str, list[Case]] = {
    "inbox": INBOX,
    "bare": INBOX,
    "nested": INBOX,
    "narrow": [Case([APPROVE], [ACCEPTED]), Case([IGNORE], [IGNORED])],
    "javascript": [
        Case([APPROVE, APPROVE], [{"type": "approve"}, {"type": "approve"}]),
        Case([REJECT_UNSAID, APPROVE], [{"type": "reject"}, {"type": "approve"}]),
        Case(
            [edit(to="bob"), REJECT],
            [
                {"type": "edit", "editedAction": {"name": "send_email", "args": {"to": "bob"}}},
                {"type": "reject", "message": "not now"},
            ],
        ),
    ],
    "text": [Case([respond(answer)], [answer]) for answer in ANSWERS],
    "choice": [Case([respond({"rgb": "0f0"})], [{"rgb": "0f0"}]), Case([respond("red")], ["red"])],
    "listed": [Case([respond(["both"])], [["both"]])],
    "typed": [Case([respond({"amount": 5, "approved": True})], [{"amount": 5, "approved": True}])],
    "unchecked": [Case([respond(3)], [3])],
    "picky": [Case([respond("no")], ["no"])],
    "breakpoint": [Case([APPROVE], ["shipped A-1"])],
}

EMAIL, SHORT = ("sent 2 to ann@example.com", "success"), ("sent 1 to bob@example.com", "success")
ROWS, FOUND = ("deleted users", "success"), ("found ann", "success")
BY_HAND, DENIED = ("by hand", "success"), ("not now", "error")
SHORTER = edit(to="bob@example.com", copies=1)
ONE_CALL = [
    Case([APPROVE], [EMAIL], "send_email"),
    Case([SHORTER], [SHORT], "send_email"),
    Case([REJECT], [DENIED], "send_email"),
    Case([respond("by hand")], [BY_HAND], "send_email"),
    Case([APPROVE], [FOUND], "look_up"),
]
TOOL_CASES: dict[str, list[Case]] = {
    "tools": [
        *ONE_CALL,
        Case([APPROVE, APPROVE], [EMAIL, ROWS], "send_email delete_rows"),
        Case([REJECT, APPROVE], [DENIED, ROWS], "send_email delete_rows"),
        Case([APPROVE, REJECT], [EMAIL, DENIED], "send_email delete_rows"),
        Case([SHORTER, REJECT], [SHORT, DENIED], "send_email delete_rows"),
        Case([respond("by hand"), APPROVE], [BY_HAND, ROWS], "send_email delete_rows"),
        Case([REJECT, REJECT, APPROVE], [DENIED, DENIED, FOUND], "send_email delete_rows look_up"),
    ],
    "tools_per_call": ONE_CALL,
}


def asking_for(calls: str) -> dict[str, Any]:
    """Input that makes the agent want these tools."""
    return {"messages": [{"role": "user", "content": calls}]}


async def _decide(bench: Bench, thread_id: str, verdicts: list[Verdict]) -> None:
    """Deliver, and see that it is confirmed and no longer waits."""
    item = await bench.item(thread_id)
    outcome = await deliver(bench.connector, item, verdicts)
    assert outcome.state is DeliveryState.CONFIRMED, (verdicts, outcome)
    assert await bench.items(thread_id) == []
    assert isinstance(await bench.connector.reread(item), Gone)
    assert await bench.agents.rest(thread_id) == "idle"


@at_once
@pytest.mark.parametrize("graph", CASES)
async def test_the_graph_is_told_what_was_decided(bench: Bench, graph: str) -> None:
    async def check(case: Case) -> None:
        thread_id = await bench.agents.ask(graph)
        await _decide(bench, thread_id, case.verdicts)
        told = await bench.agents.outcome(thread_id)
        assert json.dumps(told) == json.dumps(case.expected), case

    await asyncio.gather(*map(check, CASES[graph]))
    assert bench.line.sends == len(CASES[graph])


@at_once
@pytest.mark.parametrize("graph", TOOL_CASES)
async def test_the_tools_do_what_was_decided(bench: Bench, graph: str) -> None:
    async def check(case: Case) -> None:
        thread_id = await bench.agents.ask(graph, **asking_for(case.calls))
        await _decide(bench, thread_id, case.verdicts)
        given = await bench.agents.tool_results(thread_id)
        for part, status in case.expected:
            found = [one for one in given if part in one[0] and one[1] == status]
            assert found, (case, given)
            given.remove(found[0])
        assert given == [], case

    await asyncio.gather(*map(check, TOOL_CASES[graph]))
    assert bench.line.sends == len(TOOL_CASES[graph])


@at_once
async def test_close_ends_it_with_no_answer(bench: Bench) -> None:
    async def check(graph: str, **values: Any) -> None:
        thread_id = await bench.agents.ask(graph, **values)
        await _decide(bench, thread_id, [CLOSE])
        state = await bench.agents.state(thread_id)
        assert (state["next"], state["tasks"]) == ([], []), graph
        assert not state["values"].get("outcome"), graph
        assert not [one for one in state["values"].get("messages", ()) if one["type"] == "tool"], graph

    graphs = ["inbox", "javascript", "text", "typed", "nested", "breakpoint"]
    agents = ["tools", "tools_per_call"]
    await asyncio.gather(
        *(check(graph) for graph in graphs), *(check(graph, **asking_for("send_email")) for graph in agents)
    )
    assert bench.line.sends == len(graphs) + len(agents)
