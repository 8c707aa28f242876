"""The kit itself: a server over real sockets, the line's faults, recorded samples."""

from __future__ import annotations

from pathlib import Path

import httpx
import msgspec
import pytest

from tests.connectors.kit.faults import Fault, Line
from tests.connectors.kit.replay import URL, Replay, read_sample
from tests.connectors.kit.server import Hangup, Request, Response, Server
from triage.connectors.http import EndpointError, Garbled, Interrupted, Missing, Unreachable, Wire


async def test_server_routes_and_keeps_what_was_asked() -> None:
    server = Server()

    @server.route("POST", "/things/{id}/parts/{part}")
    async def part(request: Request) -> Response:
        return Response({**request.params, "q": request.query["q"], "sent": request.json}, 201)

    async with server, httpx.AsyncClient() as client:
        wire = Wire(client, server.url)
        reply = await wire.post("things/a%2Fb/parts/2", {"n": 1.0}, params={"q": "x y"})
        assert reply.status == 201
        assert reply.json == {"id": "a/b", "part": "2", "q": "x y", "sent": {"n": 1.0}}
        with pytest.raises(Missing):
            await wire.get("elsewhere")
    assert [request.path for request in server.asked] == ["/things/a%2Fb/parts/2", "/elsewhere"]


async def test_server_hangs_up() -> None:
    server = Server()

    @server.route("GET", "/")
    async def hang(request: Request) -> Response:
        raise Hangup

    async with server, httpx.AsyncClient() as client:
        with pytest.raises(Interrupted):
            await Wire(client, server.url).get("/")


async def test_a_handler_that_fails_is_told() -> None:
    server = Server()

    @server.route("GET", "/")
    async def fail(request: Request) -> Response:
        raise ValueError("a mistake in the test")

    async def ask() -> None:
        async with server, httpx.AsyncClient() as client:
            with pytest.raises(Interrupted):
                await Wire(client, server.url).get("/")

    with pytest.raises(ValueError, match="a mistake in the test"):
        await ask()


@pytest.mark.parametrize("fault", Fault, ids=lambda fault: fault.name)
async def test_each_fault_acts_as_it_says(fault: Fault) -> None:
    server, acted = Server(), []

    @server.route("POST", "/act")
    async def act(request: Request) -> Response:
        acted.append(request.json)
        return Response({"ok": True})

    line = Line(lambda request: request.method == "POST")
    line.fault = fault
    async with server, httpx.AsyncClient(transport=line) as client:
        wire = Wire(client, server.url)
        raised: type[EndpointError] | None = None
        try:
            assert (await wire.post("act", 1)).json == {"ok": True}
        except EndpointError as error:
            raised = type(error)
        assert bool(acted) == fault.acts
        await line.release()
    assert (raised is None) == (fault in (Fault.NONE, Fault.TWICE))
    assert (raised is Unreachable) == (fault is Fault.UNREACHED)
    assert (raised is Garbled) == (fault is Fault.GARBLED)
    assert len(acted) == (2 if fault is Fault.TWICE else fault.acts or fault is Fault.SLOW)
    assert line.sends == 1


async def test_samples_answer_in_order_and_the_last_one_stays(tmp_path: Path) -> None:
    exchanges = []
    for number in (1, 2):
        recorded = {
            "request": {"method": "GET", "path": "/x?b=2&a=1", "body": None},
            "response": {"status": 200, "body": {"n": number, "at": "http://127.0.0.1:PORT"}},
        }
        file = tmp_path / f"{number}.json"
        file.write_bytes(msgspec.json.encode(recorded))
        exchanges.append(read_sample(file))
    replay = Replay(*exchanges)
    async with httpx.AsyncClient(transport=replay) as client:
        wire = Wire(client, URL)
        got = [(await wire.get("x", params={"a": "1", "b": "2"})).json for _ in range(3)]
        with pytest.raises(Missing):
            await wire.get("x", params={"a": "1"})
    assert [body["n"] for body in got] == [1, 2, 2]
    assert got[0]["at"] == URL
    assert replay.asked[0] == ("GET", "/x?a=1&b=2", None)
