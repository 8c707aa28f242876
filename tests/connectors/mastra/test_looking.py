"""What is listed, at what cost, and what a server is recognised by."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.connectors.kit.deliver import connected
from tests.connectors.kit.faults import Line
from tests.connectors.kit.server import Request, Response
from tests.connectors.mastra.conftest import answers, polled
from tests.connectors.mastra.serving import REVIEW, MastraServer
from triage.connectors.http import Denied, Garbled
from triage.connectors.mastra import Mastra
from triage.model.item import Item, ItemKind, Verb


async def test_a_thousand_items_cost_a_request_a_page(server: MastraServer, connector: Mastra) -> None:
    for number in range(500):
        server.suspend(("publish", "deploy now")[number % 2])
        server.propose(("ops", "sales team")[number % 2])
    assert len((await connector.poll()).items) == 1000
    # Descriptions and counts, then three pages of 100 for each workflow and agent.
    assert len(server.asked) == 3 + 4 * 3


async def test_workflows_with_nothing_suspended_are_not_listed(
    server: MastraServer, connector: Mastra
) -> None:
    server.suspend("publish")
    await connector.poll()
    assert not [request for request in server.asked if request.path.startswith("/api/workflows/deploy")]


async def test_without_counts_every_workflow_is_listed(server: MastraServer, connector: Mastra) -> None:
    server.counts = False
    server.suspend("deploy now")
    assert len((await connector.poll()).items) == 1


async def test_small_pages_are_read_to_the_end(server: MastraServer, connector: Mastra) -> None:
    server.page = 7
    for _ in range(30):
        server.propose()
    assert len((await connector.poll()).items) == 30


async def test_rows_that_move_while_they_are_read_are_not_missed(
    server: MastraServer, connector: Mastra
) -> None:
    server.page = 10
    names = [server.propose() for _ in range(35)]
    listed = server._agent_runs

    def moving(request: Request) -> Response:
        reply = listed(request)
        if request.query["page"] == "0" and names[-1] in {
            c["calls"][0]["toolCallId"] for c in server.calls.values()
        }:
            del server.calls[server.run_of(names[-1])["runId"]]
        return reply

    server.instead("GET", "/api/agents/{id}/suspended-runs", moving)
    items = (await connector.poll()).items
    assert {item.locator["tool_call_id"] for item in items} >= set(names[:-1])


async def test_a_total_that_is_never_reached_is_believed_no_longer(
    server: MastraServer, connector: Mastra
) -> None:
    server.propose()
    listed = server._agent_runs

    def boasting(request: Request) -> Response:
        reply = listed(request)
        return Response({**reply.body, "total": 99})

    server.instead("GET", "/api/agents/{id}/suspended-runs", boasting)
    assert len((await connector.poll()).items) == 1


async def test_a_list_that_never_rests_is_an_error_told(server: MastraServer, connector: Mastra) -> None:
    def restless(request: Request) -> Response:
        server.propose()
        return Response({**server._agent_runs(request).body, "total": 10_000})

    server.instead("GET", "/api/agents/{id}/suspended-runs", restless)
    poll = await connector.poll()
    assert "changes faster than it can be read" in poll.problems[0]


async def test_one_that_cannot_be_listed_hides_no_other(server: MastraServer, connector: Mastra) -> None:
    server.suspend()
    server.propose("sales team")

    def missing(request: Request) -> Response:
        return Response(b"404 Not Found", 404)

    server.instead("GET", "/api/agents/ops/suspended-runs", missing)
    poll = await connector.poll()
    assert len(poll.items) == 2
    assert poll.problems[0].startswith("what waits of agent ops cannot be listed: ")


async def test_what_the_servers_filter_lets_through_is_left_out(
    server: MastraServer, connector: Mastra
) -> None:
    ended, waits = server.suspend(), server.suspend()
    server.runs[ended].update(status="success")

    def everything(request: Request) -> Response:
        return server._page(request, [server._listed(run) for run in server.runs.values()])

    server.instead("GET", "/api/workflows/publish/runs", everything)
    assert [item.locator["run_id"] for item in (await connector.poll()).items] == [waits]


async def test_a_run_suspended_at_no_step_is_a_problem(server: MastraServer, connector: Mastra) -> None:
    first, second = server.suspend(), server.suspend()
    server.runs[first]["suspendedPaths"] = {}
    server.runs[second]["suspendedPaths"] = {"nowhere": [1]}
    poll = await connector.poll()
    assert poll.items == ()
    assert "is suspended at no step that it names" in poll.problems[0]
    assert "suspended at nowhere, which is none of its steps" in poll.problems[1]


async def test_a_snapshot_may_be_json_within_a_string(server: MastraServer, connector: Mastra) -> None:
    server.suspend()
    listed = server._workflow_runs

    def stringly(request: Request) -> Response:
        body = listed(request).body
        for row in body["runs"]:
            row["snapshot"] = msgspec.json.encode(row["snapshot"]).decode()
        return Response(body)

    server.instead("GET", "/api/workflows/{id}/runs", stringly)
    (item,) = (await connector.poll()).items
    assert isinstance(await connector.reread(item), Item)


@pytest.mark.parametrize(
    "schema", [None, 7, "not json", '{"json":7}', '{"json":{"type":"string"}}', "[]"], ids=str
)
async def test_a_schema_that_cannot_be_read_leaves_the_answer_free(
    server: MastraServer, connector: Mastra, schema: Any
) -> None:
    server.workflows["publish"]["steps"]["review"]["resumeSchema"] = schema
    item = await polled(connector, server.suspend())
    assert item.options == ()
    assert item.answer_schema == ({"type": "string"} if schema == '{"json":{"type":"string"}}' else None)


async def test_a_workflow_described_badly_is_told(server: MastraServer, connector: Mastra) -> None:
    server.workflows["publish"] = {"steps": 7}
    server.suspend()
    poll = await connector.poll()
    assert len(poll.items) == 1
    assert "not described in a way that can be read" in poll.problems[0]


async def test_one_of_a_few_is_offered_by_number(server: MastraServer, connector: Mastra) -> None:
    schema = {"properties": {"size": {"enum": ["S", "L"]}}, "required": ["size"]}
    told = msgspec.json.encode({"json": schema}).decode()
    server.workflows["publish"]["steps"]["review"]["resumeSchema"] = told
    item = await polled(connector, server.suspend())
    assert [option.value for option in item.options] == [{"size": "S"}, {"size": "L"}]


async def test_a_step_of_a_workflow_within_is_named_by_its_path(
    server: MastraServer, connector: Mastra
) -> None:
    described = {"outer.review": {"resumeSchema": msgspec.json.encode({"json": REVIEW}).decode()}}
    server.workflows["publish"].update(steps={}, allSteps=described)
    run_id = server.suspend(question="Within?", __workflow_meta={"path": ["review"], "runId": "r"})
    run = server.runs[run_id]
    run["steps"]["outer"] = run["steps"].pop("review")
    run["suspendedPaths"] = {"outer": [1]}
    item = await polled(connector, run_id)
    assert item.locator["path"] == "outer.review"
    assert item.answer_schema == REVIEW
    assert item.description == "Within?"


async def test_a_step_that_asks_for_each_of_many_is_not_answered_here(
    server: MastraServer, connector: Mastra
) -> None:
    run_id = server.suspend(question="This one?", __workflow_meta={"foreachIndex": 1, "path": ["review"]})
    item = await polled(connector, run_id)
    assert (item.kind, item.verbs, item.options) == (ItemKind.EXTERNAL, (Verb.CLOSE,), ())
    assert "an answer would go to all of them" in item.refusals["respond"]
    assert item.locator["path"] == "review"


async def test_a_question_in_no_words_says_who_asks(server: MastraServer, connector: Mastra) -> None:
    run_id = server.suspend(amount=12)
    assert (await polled(connector, run_id)).title == "publish: review waits for an answer"
    call = {"requiresApproval": False, "toolName": "ask", "suspendPayload": None}
    assert (await polled(connector, server.propose("ops", call))).title == "ask waits for an answer"


async def test_context_of_a_tool_call_names_its_thread(server: MastraServer, connector: Mastra) -> None:
    item = await polled(connector, server.propose())
    assert (await connector.context(item)).state["thread_id"] == "thread-1"


async def test_an_url_that_ends_in_api_is_understood(server: MastraServer, line: Line) -> None:
    server.suspend()
    async with connected(Mastra, f"{server.url}/api", line) as connector:
        assert await Mastra.recognise(connector.wire)
        assert len((await connector.poll()).items) == 1


async def test_the_token_goes_with_every_request(line: Line) -> None:
    bearer = {"authorization": "Bearer secret"}
    async with MastraServer("secret") as server:
        async with connected(Mastra, server.url, line, headers=bearer) as connector:
            assert await Mastra.recognise(connector.wire)
            item = await polled(connector, server.propose())
            assert isinstance(await connector.reread(item), Item)
        async with connected(Mastra, server.url, Line(answers)) as connector:
            with pytest.raises(Denied, match="check this endpoint's credentials"):
                await Mastra.recognise(connector.wire)
            with pytest.raises(Denied):
                await connector.poll()


@pytest.mark.parametrize(
    ("version", "warning"),
    [
        ("1.71.0", ""),
        ("1.80.1", "tested with @mastra/core 1.71; this is 1.80.1"),
        (None, ""),
    ],
)
async def test_recognises_by_what_it_describes_and_tells_the_version(
    server: MastraServer, connector: Mastra, version: str | None, warning: str
) -> None:
    server.version = version
    match = await Mastra.recognise(connector.wire)
    assert match is not None
    assert (match.version, match.warning) == (version or "", warning)
    assert "2 workflows and 2 agents" in match.detail
    assert (await connector.about()).version == (version or "")


@pytest.mark.parametrize(
    ("workflows", "agents"),
    [({}, {}), ({"a": {}}, {}), ({}, {"a": {"name": "a"}}), ({"a": 7}, {}), ({"a": {"steps": {}}}, {})],
    ids=str,
)
async def test_other_objects_by_the_same_names_are_not_mastra_s(
    server: MastraServer, connector: Mastra, workflows: Any, agents: Any
) -> None:
    server.workflows, server.agents = workflows, agents
    assert await Mastra.recognise(connector.wire) is None


async def test_agents_that_cannot_be_told_are_an_error(server: MastraServer, connector: Mastra) -> None:
    def broken(request: Request) -> Response:
        return Response([])

    server.instead("GET", "/api/agents", broken)
    with pytest.raises(Garbled):
        await connector.poll()
