"""Asking a URL what it is: by GETs alone, each once, in bounded time, with an answer in words."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.connectors.kit.server import Hangup, Request, Response, Server
from triage.connectors import detect as detecting
from triage.connectors.base import Connector, Match, Poll
from triage.connectors.detect import base_urls, detect
from triage.connectors.http import Declined, Garbled, Wire
from triage.model.decision import Decision, Outcome, Receipt
from triage.model.item import Gone, Item


class _Kind(Connector):
    """What a connector must have beside ``recognise``, which is all that is asked for here."""

    async def poll(self) -> Poll:
        raise AssertionError

    async def reread(self, item: Item) -> Item | Gone:
        raise AssertionError

    async def send(self, item: Item, decision: Decision) -> Receipt:
        raise AssertionError

    async def settle(self, item: Item, decision: Decision, receipt: Receipt | None) -> Outcome:
        raise AssertionError


class Red(_Kind):
    kind = "red"

    @classmethod
    async def recognise(cls, wire: Wire) -> Match | None:
        try:
            body = (await wire.get("info")).json
        except (Declined, Garbled):
            return None
        return Match(cls.kind, str(body["version"]), "a red server") if body.get("red") else None


class Blue(_Kind):
    kind = "blue"

    @classmethod
    async def recognise(cls, wire: Wire) -> Match | None:
        body = (await wire.get("info")).json
        return Match(cls.kind, "", warning="not tested") if body.get("blue") else None


class Writes(_Kind):
    kind = "writes"

    @classmethod
    async def recognise(cls, wire: Wire) -> Match | None:
        await wire.post("threads", {})
        return Match(cls.kind, "")


class Stumbles(_Kind):
    kind = "stumbles"

    @classmethod
    async def recognise(cls, wire: Wire) -> Match | None:
        raise TypeError("no such thing")


class Site(Server):
    """Answers ``/base/info`` with ``info``."""

    def __init__(self) -> None:
        super().__init__()
        self.info: Response | None = Response({"red": True, "version": 7})
        self.silent = asyncio.Event()
        self.route("GET", "/base/info")(self._info)

    async def _info(self, request: Request) -> Response:
        if self.info is None:
            await self.silent.wait()
            raise Hangup
        return self.info


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with Site() as server:
        yield server


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient() as opened:
        yield opened


def wire(client: httpx.AsyncClient, site: Site, path: str = "/base") -> Wire:
    return Wire(client, site.url + path, {"x-key": "dummy"})


async def test_one_kind_is_found_and_each_get_is_sent_once(client: httpx.AsyncClient, site: Site) -> None:
    found = await detect(wire(client, site), [Red, Blue])
    assert [(match.kind, match.version, match.url) for match in found.matches] == [
        ("red", "7", f"{site.url}/base")
    ]
    assert found.words == f"{site.url}/base is red 7 (a red server)"
    assert [(asked.path, asked.headers["x-key"]) for asked in site.asked] == [("/base/info", "dummy")]
    assert (found.denied, found.faults) == (False, ())


async def test_several_kinds_are_all_told(client: httpx.AsyncClient, site: Site) -> None:
    site.info = Response({"red": True, "blue": True, "version": 7})
    found = await detect(wire(client, site), [Red, Blue])
    assert [match.kind for match in found.matches] == ["red", "blue"]
    assert "is blue; not tested" in found.words
    assert "Choose one, for instance with --kind red" in found.words


@pytest.mark.parametrize("path", ["/base/docs", "/base/a/b/c/?x=1", "/base/info#top", "/base/"])
async def test_a_url_below_the_base_is_traced_back(client: httpx.AsyncClient, site: Site, path: str) -> None:
    found = await detect(wire(client, site, path), [Red])
    assert [match.url for match in found.matches] == [f"{site.url}/base"]


def test_the_bases_are_the_parents_of_the_path() -> None:
    assert list(base_urls("http://h:1/a/b/?q#f")) == ["http://h:1/a/b", "http://h:1/a", "http://h:1"]
    assert list(base_urls("http://h")) == ["http://h"]
    assert len(list(base_urls("http://h/1/2/3/4/5/6/7"))) == 5


async def test_nothing_is_written_to_find_out(client: httpx.AsyncClient, site: Site) -> None:
    found = await detect(wire(client, site), [Writes])
    assert found.matches == ()
    assert "POST threads was not sent" in found.faults[0]
    assert site.asked == []


async def test_a_connector_that_fails_hides_no_other(client: httpx.AsyncClient, site: Site) -> None:
    found = await detect(wire(client, site), [Stumbles, Red])
    assert [match.kind for match in found.matches] == ["red"]
    assert found.faults == ("stumbles: TypeError: no such thing",)


@pytest.mark.parametrize("status", [401, 403])
async def test_a_server_that_wants_credentials_is_told_apart(
    client: httpx.AsyncClient, site: Site, status: int
) -> None:
    site.info = Response({"detail": "who are you?"}, status)
    found = await detect(wire(client, site), [Red, Blue])
    assert found.denied
    assert "--token-env" in found.words


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Response(b"<!doctype html><title>Welcome</title>"), "only web pages came back"),
        (Response({"green": True}), "what came back is of no known kind"),
        (Response({}, 500), "it answered 404, 500 to everything"),
        (
            Response(b"", 302, {"location": "https://elsewhere.example/"}),
            "redirects to https://elsewhere.example/",
        ),
    ],
    ids=str,
)
async def test_a_stranger_is_described(
    client: httpx.AsyncClient, site: Site, answer: Response, words: str
) -> None:
    site.info = answer
    found = await detect(wire(client, site), [Red])
    assert found.matches == ()
    assert not found.denied
    assert words in found.words
    assert "name it with --kind" in found.words


async def test_nobody_there_is_said_at_once(client: httpx.AsyncClient, unused_port: int) -> None:
    found = await detect(Wire(client, f"http://127.0.0.1:{unused_port}/a/b"), [Red])
    assert found.words.startswith(f"cannot reach 127.0.0.1:{unused_port}")
    assert found.words.endswith("check the URL and whether the server runs")


@pytest.fixture
async def unused_port() -> int:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port: int = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    return port


async def test_a_server_that_says_nothing_ends_in_time(
    client: httpx.AsyncClient, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.info = None
    monkeypatch.setattr(detecting, "DETECTION_S", 0.3)
    found = await detect(wire(client, site), [Red, Blue])
    assert "did not answer within 0.3 s" in found.words
    assert found.faults == tuple(
        f"{kind}: no answer from {site.url}/base in time" for kind in ("red", "blue")
    )
    assert len(site.asked) == 1


@pytest.mark.parametrize("body", [b"<!doctype html>", b"{}", b"[]", b"null", b""])
async def test_every_kind_leaves_a_stranger_alone(client: httpx.AsyncClient, body: bytes) -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        assert request.method == "GET"
        return httpx.Response(200, content=body)

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as stranger:
        found = await detect(Wire(stranger, "http://127.0.0.1/a"))
    assert found.matches == ()
    assert not [fault for fault in found.faults if "Error:" in fault]
