"""What is listed, at what cost, and what a server is recognised by."""

from __future__ import annotations

from typing import Any

import pytest

from tests.connectors.kit.deliver import connected
from tests.connectors.kit.faults import Line
from tests.connectors.kit.server import Request, Response, Server
from tests.connectors.openhands.conftest import answers, polled
from tests.connectors.openhands.serving import AgentServer
from triage.connectors.credentials import request_headers
from triage.connectors.http import Denied, Garbled
from triage.connectors.openhands import OpenHands, OpenHandsConfig
from triage.model.item import Item, Risk


def reads_of_events(server: AgentServer) -> int:
    return sum(request.path.endswith("/events/search") for request in server.asked)


async def test_a_thousand_conversations_cost_a_read_each_once(
    server: AgentServer, connector: OpenHands
) -> None:
    talks = [server.talk([f"touch a{number}"]) for number in range(1000)]
    assert len((await connector.poll()).items) == 1000
    assert len(server.asked) == 10 + 1000
    server.asked.clear()
    assert len((await connector.poll()).items) == 1000
    assert len(server.asked) == 10
    server.asked.clear()
    talks[0].turns.append(["touch b1"])
    talks[0].run()
    talks[1].reject("no")
    items = {item.locator["conversation_id"]: item for item in (await connector.poll()).items}
    assert len(items) == 999
    assert items[talks[0].id].title == "terminal: touch b1"
    assert len(server.asked) == 10 + 1


async def test_a_list_that_starts_anew_is_read_on(server: AgentServer, line: Line) -> None:
    """A page that would begin at a conversation that was answered meanwhile is the first page again."""
    server.page = 10
    talks = [server.talk() for _ in range(35)]
    search = server._search

    def answered_meanwhile(request: Request) -> Response:
        if request.query.get("page_id") == talks[14].id.replace("-", ""):
            talks[14].reject("no")
        return search(request)

    server._on("GET", "/api/conversations/search", answered_meanwhile)
    server._routes.insert(0, server._routes.pop())
    async with connected(OpenHands, server.url, line) as connector:
        items = (await connector.poll()).items
    waiting = {talk.id for talk in talks} - {talks[14].id}
    assert {item.locator["conversation_id"] for item in items} == waiting


async def test_a_list_without_end_is_an_error(server: AgentServer, connector: OpenHands) -> None:
    def endless(request: Request) -> Response:
        return Response({"items": [], "next_page_id": "more"})

    server._on("GET", "/api/conversations/search", endless)
    server._routes.insert(0, server._routes.pop())
    with pytest.raises(Garbled, match="never comes to its last page"):
        await connector.poll()
    assert len(server.asked) < 10


async def test_what_the_servers_filter_lets_through_is_left_out(
    server: AgentServer, connector: OpenHands
) -> None:
    waits, works, rests = server.talk(), server.talk(["sleep 600"]), server.talk()
    works.slow = True
    works.run()
    rests.reject("no")
    server.filters = False
    assert [item.locator["conversation_id"] for item in (await connector.poll()).items] == [waits.id]


async def test_a_turn_is_one_item_with_all_its_actions(server: AgentServer, connector: OpenHands) -> None:
    talk = server.talk(["touch d1", "touch d2"])
    item = await polled(connector, talk)
    assert item.title == "2 actions: terminal: touch d1; terminal: touch d2"
    assert [action.arguments["command"] for action in item.actions] == ["touch d1", "touch d2"]
    assert item.actions[0].description == "run touch d1\n\nIt is needed."
    assert item.warnings["approve"] == "Runs all 2 actions: they are answered together."
    assert item.warnings["reject"].startswith("Rejects all 2 actions")


async def test_a_turn_longer_than_a_page_is_read_whole(server: AgentServer, connector: OpenHands) -> None:
    talk = server.talk([f"touch d{number}" for number in range(60)])
    talk.add("MessageEvent", source="user", llm_message={"content": []})
    assert len((await polled(connector, talk)).actions) == 60


async def test_a_message_meanwhile_changes_nothing(server: AgentServer, connector: OpenHands) -> None:
    talk = server.talk()
    before = await polled(connector, talk)
    for _ in range(30):
        talk.add("MessageEvent", source="user", llm_message={"content": []})
    after = await polled(connector, talk)
    assert (before.id, before.revision) == (after.id, after.revision)
    assert isinstance(await connector.reread(before), Item)


async def test_calls_that_were_not_valid_or_failed_do_not_wait(
    server: AgentServer, connector: OpenHands
) -> None:
    talk = server.talk(["touch a1"])
    talk.add("ActionEvent", tool_name="terminal", tool_call_id="call_x", source="agent")
    failed = talk.add("ActionEvent", tool_name="t", tool_call_id="call_y", action={"command": "x"})
    talk.add("AgentErrorEvent", tool_call_id=failed["tool_call_id"], error="bad")
    assert len((await polled(connector, talk)).actions) == 1


@pytest.mark.parametrize("spoilt", [None, 7, {}, {"kind": 7}, {"kind": "ActionEvent", "action": {}}], ids=str)
async def test_an_event_that_cannot_be_read_hides_its_conversation_only(
    server: AgentServer, connector: OpenHands, line: Line, spoilt: Any
) -> None:
    """It might be an action that nobody would see, and that an acceptance would run."""
    server.talk()
    bad = server.talk()
    bad.events.append({"kind": "MessageEvent", "id": "e"})

    def tamper(body: Any) -> Any:
        if isinstance(body, dict) and any(row.get("id") == "e" for row in body.get("items", [])):
            body["items"][0] = spoilt
        return body

    line.tamper = tamper
    poll = await connector.poll()
    assert len(poll.items) == 1
    assert bad.id in poll.problems[0]


async def test_waiting_for_nothing_is_a_problem(server: AgentServer, connector: OpenHands) -> None:
    talk = server.talk()
    talk.events = talk.events[:1]
    poll = await connector.poll()
    assert poll.items == ()
    assert "no action among its latest events does" in poll.problems[0]


async def test_answered_between_list_and_reading_is_no_problem(
    server: AgentServer, connector: OpenHands
) -> None:
    talk = server.talk()
    events = server._events

    def answered_meanwhile(request: Request) -> Response:
        if talk.status == "waiting_for_confirmation":
            talk.run()
        return events(request)

    server._on("GET", "/api/conversations/{id}/events/search", answered_meanwhile)
    server._routes.insert(0, server._routes.pop())
    poll = await connector.poll()
    assert (poll.items, poll.problems) == ((), ())


async def test_the_risk_the_server_names(server: AgentServer, connector: OpenHands) -> None:
    talk = server.talk(["touch a1", "rm -r b"])
    talk.events[1]["security_risk"], talk.events[2]["security_risk"] = "LOW", "HIGH"
    assert (await polled(connector, talk)).risk is Risk.HIGH


async def test_context_tells_what_led_to_it(server: AgentServer, connector: OpenHands) -> None:
    talk = server.talk(["touch a1"], ["touch a2"])
    talk.run()
    context = await connector.context(await polled(connector, talk))
    assert [(message.role, message.text) for message in context.messages] == [
        ("user", "Go on."),
        ("assistant", '→ terminal({"command":"touch a1","is_input":false,"kind":"TerminalAction"})'),
        ("environment", "← exit code 0: done"),
        ("assistant", '→ terminal({"command":"touch a2","is_input":false,"kind":"TerminalAction"})'),
    ]
    assert context.state["directory"] == "/srv/project"


async def test_the_key_goes_with_every_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENHANDS_KEY", "secret")
    settings = {"token_env": "OPENHANDS_KEY"}
    async with AgentServer("secret") as server:
        config = OpenHandsConfig(name="o", kind="openhands", url=server.url, token_env="OPENHANDS_KEY")
        headers = request_headers(config)
        assert headers == {"X-Session-API-Key": "secret"}
        line = Line(answers)
        async with connected(OpenHands, server.url, line, headers=headers, **settings) as connector:
            match = await OpenHands.recognise(connector.wire)
            assert match is not None
            assert (match.version, match.warning) == ("1.58.2", "")
            item = await polled(connector, server.talk())
            assert isinstance(await connector.reread(item), Item)
        async with connected(OpenHands, server.url, Line(answers)) as connector:
            with pytest.raises(Denied, match="check this endpoint's credentials"):
                await OpenHands.recognise(connector.wire)
            with pytest.raises(Denied):
                await connector.poll()


@pytest.mark.parametrize(
    ("info", "warning"),
    [
        ({"title": "OpenHands Agent Server", "version": "1.57.0"}, ""),
        (
            {"title": "OpenHands Agent Server", "version": "1.60.0"},
            "tested with 1.57 and 1.58; this is 1.60.0",
        ),
        ({"title": "OpenHands Agent Server"}, "tested with 1.57 and 1.58; this is of no told version"),
        ({"title": "Another", "version": "1.58.2"}, None),
    ],
    ids=str,
)
async def test_recognises_by_title_and_version(info: Any, warning: str | None) -> None:
    server = Server()

    async def server_info(request: Request) -> Response:
        return Response(info)

    server.route("GET", "/server_info")(server_info)
    async with server, connected(OpenHands, server.url, Line(answers)) as connector:
        match = await OpenHands.recognise(connector.wire)
        assert (match.warning if match else None) == warning
