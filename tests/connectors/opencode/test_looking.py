"""What is listed, from where, at what cost, and what a server is recognised by."""

from __future__ import annotations

import base64

import httpx
import pytest

from tests.connectors.kit.deliver import connected
from tests.connectors.kit.faults import Line
from tests.connectors.kit.server import Request, Response, Server
from tests.connectors.opencode.conftest import answers, polled
from tests.connectors.opencode.serving import HOME, PAGE, WEB_PAGE, OpencodeServer
from triage.connectors.http import Denied, EndpointError, Interrupted
from triage.connectors.opencode import Opencode
from triage.model.item import Item


def asked(server: OpencodeServer, path: str) -> list[Request]:
    return [request for request in server.asked if request.path == path]


async def test_every_directory_is_looked_at(server: OpencodeServer, connector: Opencode) -> None:
    where = {f"/srv/project {number}": "" for number in range(3)}
    for directory in where:
        where[directory] = server.ask_permission(server.session(directory))
    poll = await connector.poll()
    assert {item.locator["directory"]: item.locator["request_id"] for item in poll.items} == where
    assert {item.agent for item in poll.items} == {"project 0", "project 1", "project 2"}


async def test_sessions_are_read_over_all_pages_once_and_then_only_what_changed(
    server: OpencodeServer, connector: Opencode
) -> None:
    oldest = server.ask_permission(server.session("/srv/oldest"))
    for number in range(3 * PAGE):
        server.session(f"/srv/{number % 2}")
    for number, session in enumerate(server.sessions.values()):
        session["time"]["updated"] += number
    assert await polled(connector, oldest)
    assert len(asked(server, "/experimental/session")) == 4
    newest_ms = max(session["time"]["updated"] for session in server.sessions.values())
    server.asked.clear()
    server.sessions[server.session("/srv/newest")]["time"]["updated"] = newest_ms + 100
    await connector.poll()
    (only,) = asked(server, "/experimental/session")
    assert only.query["start"] == str(newest_ms)
    assert {request.query["directory"] for request in asked(server, "/permission")} == {
        "/srv/oldest",
        "/srv/0",
        "/srv/1",
        "/srv/newest",
    }


async def test_directories_long_at_rest_are_not_opened(server: OpencodeServer, connector: Opencode) -> None:
    server.ask_permission(server.session())
    old = server.session("/srv/last-year")
    server.sessions[old]["time"]["updated"] -= 40 * 86_400_000
    server.ask_permission(old)
    assert [item.locator["directory"] for item in (await connector.poll()).items] == [HOME]
    async with connected(Opencode, server.url, Line(answers), recent_days=0) as all_of_them:
        assert len((await all_of_them.poll()).items) == 2


async def test_only_the_directories_of_the_settings(server: OpencodeServer) -> None:
    server.ask_permission(server.session("/srv/a"))
    server.ask_permission(server.session("/srv/b"))
    async with connected(Opencode, server.url, Line(answers), directories=["/srv/b"]) as connector:
        (item,) = (await connector.poll()).items
    assert item.key.startswith("/srv/b|per_")
    assert not asked(server, "/experimental/session")


async def test_a_server_that_tells_no_directories_apart_lists_nothing_twice(line: Line) -> None:
    class Careless(OpencodeServer):
        def _is_here(self, request: Request, session_id: str) -> bool:
            return True

    async with Careless() as server, connected(Opencode, server.url, line) as connector:
        for directory in ("/srv/a", "/srv/b"):
            server.ask_permission(server.session(directory))
        items = (await connector.poll()).items
    assert {item.locator["directory"] for item in items} == {"/srv/a", "/srv/b"}
    assert len(items) == 2


async def test_without_a_list_of_sessions_the_own_directory_is_looked_at(line: Line) -> None:
    server = OpencodeServer()

    async def web_page(request: Request) -> Response:
        return WEB_PAGE

    server.route("GET", "/experimental/session")(web_page)
    server._routes.insert(0, server._routes.pop())
    async with server, connected(Opencode, server.url, line) as connector:
        server.ask_permission(server.session())
        poll = await connector.poll()
    assert len(poll.items) == 1
    assert "only the server's own directory is looked at" in poll.problems[0]


async def test_one_broken_directory_hides_no_other(server: OpencodeServer, connector: Opencode) -> None:
    server.ask_permission(server.session("/srv/good"))
    server.session("/srv/broken")

    async def list_permissions(request: Request) -> Response:
        if request.query["directory"] == "/srv/broken":
            return Response({"name": "UnknownError", "data": {"message": "no git"}}, 500)
        return server._list(request, "per")

    server.route("GET", "/permission")(list_permissions)
    server._routes.insert(0, server._routes.pop())
    poll = await connector.poll()
    assert [item.locator["directory"] for item in poll.items] == ["/srv/good"]
    assert "/srv/broken cannot be looked at" in poll.problems[0]
    server.sessions = {name: one for name, one in server.sessions.items() if "broken" in one["directory"]}
    async with connected(Opencode, server.url, Line(answers)) as anew:
        with pytest.raises(EndpointError):
            await anew.poll()


async def test_a_thousand_items_cost_a_dozen_requests(server: OpencodeServer, connector: Opencode) -> None:
    sessions = [server.session(f"/srv/{number}") for number in range(4)]
    for number in range(1000):
        if number % 5:
            server.ask_permission(sessions[number % 4], f"touch e{number}")
        else:
            server.ask_question(sessions[number % 4])
    assert len((await connector.poll()).items) == 1000
    assert len(server.asked) == 1 + 4 * 3
    server.asked.clear()
    assert len((await connector.poll()).items) == 1000
    assert len(server.asked) == 1 + 4 * 3


async def test_the_dead_are_looked_at_once_and_left_out(server: OpencodeServer, connector: Opencode) -> None:
    aborted, deleted, alive = (server.session() for _ in range(3))
    for session_id in (aborted, deleted, alive):
        server.ask_permission(session_id)
    assert len((await connector.poll()).items) == 3
    server.abort(aborted)
    server.delete(deleted)
    assert [item.locator["session_id"] for item in (await connector.poll()).items] == [alive]
    server.asked.clear()
    assert len((await connector.poll()).items) == 1
    assert not [request for request in server.asked if "/message" in request.path]


async def test_without_a_status_everything_listed_is_shown(line: Line) -> None:
    class Silent(OpencodeServer):
        def _status(self, request: Request) -> Response:
            return WEB_PAGE

    async with Silent() as server, connected(Opencode, server.url, line) as connector:
        session_id = server.session()
        server.ask_permission(session_id)
        server.abort(session_id)
        assert len((await connector.poll()).items) == 1


async def test_a_request_that_is_never_answered_is_asked_again(server: OpencodeServer) -> None:
    class Starting(httpx.AsyncHTTPTransport):
        unanswered = 2

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if self.unanswered:
                self.unanswered -= 1
                raise httpx.ReadTimeout("no answer", request=request)
            return await super().handle_async_request(request)

    server.ask_permission(server.session())
    async with connected(Opencode, server.url, Starting()) as connector:
        with pytest.raises(Interrupted):
            await connector.poll()
        assert len((await connector.poll()).items) == 1
        Starting.unanswered = 1
    async with connected(Opencode, server.url, Starting()) as connector:
        assert len((await connector.poll()).items) == 1


async def test_the_bridge_to_version_2_is_left_alone(server: OpencodeServer, connector: Opencode) -> None:
    item = await polled(connector, server.ask_permission(server.session()))
    await connector.reread(item)
    await connector.context(item)
    assert not [request.path for request in server.asked if request.path.startswith("/api")]


async def test_context_tells_what_led_to_it(server: OpencodeServer, connector: Opencode) -> None:
    session_id = server.session(title="Tidy up")
    server.sessions[session_id]["parentID"] = "ses_parent"
    request_id = server.ask_permission(session_id)
    server.turns[session_id].insert(
        0,
        {
            "info": {"id": "msg_0", "role": "user", "time": {"created": 1795327776000}},
            "parts": [{"type": "text", "text": "Please tidy up."}, {"type": "step-start"}],
        },
    )
    context = await connector.context(await polled(connector, request_id))
    assert [(message.role, message.text) for message in context.messages] == [
        ("user", "Please tidy up."),
        ("assistant", '→ bash({"command":"touch e1","description":"d"}) running'),
    ]
    assert context.messages[0].at is not None
    assert context.state == {
        "session": "Tidy up",
        "directory": HOME,
        "parent session": "ses_parent",
        "tool input": {"command": "touch e1", "description": "d"},
    }


async def test_credentials_go_with_every_request(line: Line) -> None:
    basic = "Basic " + base64.b64encode(b"opencode:secret").decode()
    async with OpencodeServer(basic) as server:
        async with connected(Opencode, server.url, line, headers={"authorization": basic}) as connector:
            match = await Opencode.recognise(connector.wire)
            assert match is not None
            assert (match.version, match.warning) == ("1.18.33", "")
            item = await polled(connector, server.ask_permission(server.session()))
            assert isinstance(await connector.reread(item), Item)
        async with connected(Opencode, server.url, line) as connector:
            with pytest.raises(Denied, match="check this endpoint's credentials"):
                await Opencode.recognise(connector.wire)
            with pytest.raises(Denied):
                await connector.poll()


@pytest.mark.parametrize(
    ("reply", "warning"),
    [
        (Response({"healthy": True, "version": "1.18.40"}), ""),
        (Response({"healthy": True, "version": "1.19.0"}), "tested with 1.18.33; this is 1.19.0"),
        (Response({"healthy": True}), None),
        (Response({"version": "1.18.33"}), None),
        (Response({"healthy": True, "version": "1.18.33"}, headers={"content-type": "text/html"}), None),
        (WEB_PAGE, None),
    ],
    ids=["tested", "newer", "no version", "no health", "not json", "web page"],
)
async def test_recognises_by_health_and_version(reply: Response, warning: str | None, line: Line) -> None:
    server = Server()

    async def health(request: Request) -> Response:
        return reply

    server.route("GET", "/global/health")(health)
    async with server, connected(Opencode, server.url, line) as connector:
        match = await Opencode.recognise(connector.wire)
        assert (match.warning if match else None) == warning
