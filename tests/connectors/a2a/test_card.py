"""Which interface of an agent is spoken to, with which credentials, and what is said of those that cannot be."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.connectors.kit.deliver import connected
from tests.connectors.kit.replay import URL, Exchange, Replay
from triage.connectors.a2a import A2A, A2AConfig
from triage.connectors.a2a.card import NotSpoken, credentials, read_card, spoken, wanted_words
from triage.connectors.http import EndpointError, Garbled, Wire

BASE = "https://agents.test/clerk"
OLD = {
    "name": "Clerk", "description": "asks", "url": BASE, "version": "1.2", "protocolVersion": "0.3.0",
    "capabilities": {}, "skills": [], "preferredTransport": "JSONRPC",
}  # fmt: skip
BEARER = {"httpAuthSecurityScheme": {"scheme": "bearer"}}
KEY = {"apiKeySecurityScheme": {"location": "header", "name": "X-Key"}}
OLD_KEY = {"type": "apiKey", "in": "header", "name": "X-Key"}
OAUTH: dict[str, Any] = {"oauth2SecurityScheme": {"flows": {}}}


def card(*interfaces: tuple[str, str, str], **more: Any) -> dict[str, Any]:
    named = [
        {"protocolBinding": binding, "protocolVersion": version, "url": url}
        for binding, version, url in interfaces
    ]
    return {"name": "Clerk", "version": "1.2", "supportedInterfaces": named, **more}


def exchange(path: str, status: int, body: Any, method: str = "GET") -> Exchange:
    return Exchange(method, path, None, status, {}, body)


def test_the_first_interface_that_is_spoken_is_chosen() -> None:
    offered = card(
        ("GRPC", "1.0", "https://agents.test:50051"),
        ("JSONRPC", "0.3", BASE),
        ("HTTP+JSON", "1.0", f"{BASE}/v1"),
        ("JSONRPC", "1.0", BASE),
    )
    assert spoken(read_card(offered), BASE).url == f"{BASE}/v1"


@pytest.mark.parametrize("version", ["0.2.6", "0.3", "0.3.0"])
def test_an_old_agent_is_refused_in_words(version: str) -> None:
    with pytest.raises(NotSpoken, match=f"speaks A2A {version} only, which cannot list what waits"):
        spoken(read_card({**OLD, "protocolVersion": version}), BASE)


@pytest.mark.parametrize("interface", [("GRPC", "1.0", BASE), ("JSONRPC", "2.0", BASE)])
def test_what_an_agent_offers_instead_is_said(interface: tuple[str, str, str]) -> None:
    with pytest.raises(NotSpoken, match=f"Clerk offers {interface[0]} {interface[1]}; spoken here are"):
        spoken(read_card(card(interface)), BASE)


@pytest.mark.parametrize("own", ["http://0.0.0.0:9999/a2a", "http://localhost:9999/a2a", "http://[::1]/a2a"])
def test_a_card_that_names_only_the_server_itself_is_reached_where_it_came_from(own: str) -> None:
    assert spoken(read_card(card(("JSONRPC", "1.0", own))), BASE).url == "https://agents.test/a2a"


@pytest.mark.parametrize(
    "other", ["https://evil.test/a2a", "http://agents.test/a2a", "https://agents.test:444/a"]
)
def test_credentials_go_to_no_other_host(other: str) -> None:
    with pytest.raises(NotSpoken, match="names another host") as raised:
        spoken(read_card(card(("JSONRPC", "1.0", other))), BASE)
    assert f'set url = "{other}" and binding = "JSONRPC"' in str(raised.value)


def test_a_default_port_is_the_same_host() -> None:
    url = "https://agents.test:443/a2a"
    assert spoken(read_card(card(("JSONRPC", "1.0", url))), BASE).url == url


@pytest.mark.parametrize(
    "raw",
    [None, [], {}, {"name": "x"}, {"url": 3, "name": "x"}, card(("JSONRPC", "1.0", BASE)) | {"name": 7}],
    ids=str,
)
def test_what_is_no_card_is_said_to_be_none(raw: Any) -> None:
    with pytest.raises(Garbled, match="agent card"):
        read_card(raw)


def settings(**more: Any) -> A2AConfig:
    return A2AConfig(name="clerk", kind="a2a", url=BASE, **{"token_env": "CLERK_TOKEN", **more})


def shown(schemes: dict[str, Any], config: A2AConfig, headers: dict[str, str], **more: Any) -> Any:
    wire = Wire(httpx.AsyncClient(), BASE, headers)
    return credentials(
        read_card(card(("JSONRPC", "1.0", BASE), securitySchemes=schemes, **more)), wire, config
    )


@pytest.mark.parametrize(
    ("schemes", "more", "expected"),
    [
        ({}, {}, {"Authorization": "Bearer t"}),
        ({"a": BEARER, "b": KEY}, {}, {"Authorization": "Bearer t"}),
        ({"a": OAUTH}, {}, {"Authorization": "Bearer t"}),
        ({"a": KEY}, {}, {"X-Key": "t"}),
        ({"a": OLD_KEY}, {"security": [{"a": []}]}, {"X-Key": "t"}),
        ({"a": BEARER, "b": KEY}, {"securityRequirements": [{"schemes": {"b": {}}}]}, {"X-Key": "t"}),
        (
            {"a": BEARER, "b": KEY},
            {"securityRequirements": [{"schemes": {"a": {}, "b": {}}}]},
            {"Authorization": "Bearer t"},
        ),
        ({"a": {"mtlsSecurityScheme": {}}}, {}, {"Authorization": "Bearer t"}),
        ({"a": None, "b": 7}, {"securityRequirements": [None, 7]}, {"Authorization": "Bearer t"}),
    ],
)
def test_a_token_goes_where_the_card_wants_it(
    schemes: dict[str, Any], more: dict[str, Any], expected: dict[str, str]
) -> None:
    assert shown(schemes, settings(), {"Authorization": "Bearer t"}, **more) == (expected, {})


@pytest.mark.parametrize(
    ("config", "headers"),
    [
        ({"token_header": "X-Other"}, {"X-Other": "t"}),
        ({"basic_user": "kim"}, {"Authorization": "Basic a2ltOnQ="}),
        ({"token_env": None}, {"authorization": "Bearer by hand"}),
        ({}, {"Authorization": "Bearer t", "x-key": "by hand"}),
        ({"token_env": None}, {}),
    ],
)
def test_what_the_operator_set_is_left_as_it_is(config: dict[str, Any], headers: dict[str, str]) -> None:
    assert shown({"a": KEY}, settings(**config), headers) == (headers, {})


def test_what_an_agent_asks_for_is_said_with_how_to_set_it() -> None:
    schemes = {
        "bearer": BEARER,
        "basic": {"httpAuthSecurityScheme": {"scheme": "Basic"}},
        "digest": {"type": "http", "scheme": "digest"},
        "key": KEY,
        "oidc": {"openIdConnectSecurityScheme": {}},
        "cert": {"mtlsSecurityScheme": {}},
        "odd": {"type": "smoke signals"},
    }
    needs: list[Any] = [{"schemes": {name: {}}} for name in schemes] + [{"schemes": {"key": {}, "cert": {}}}]
    words = wanted_words(
        read_card(card(("JSONRPC", "1.0", BASE), securitySchemes=schemes, securityRequirements=needs))
    )
    assert words.split(", or ") == [
        "a bearer token (token_env)",
        "a user name and password (basic_user)",
        "HTTP authentication digest (headers)",
        "an API key in the header X-Key (token_env)",
        "an OAuth access token (token_command prints one)",
        "a client certificate (client_cert)",
        "credentials of a kind not known here (smoke signals; headers)",
        "an API key in the header X-Key (token_env) and a client certificate (client_cert)",
    ]
    assert wanted_words(read_card(card(("JSONRPC", "1.0", BASE)))) == ""


WELL_KNOWN = "/.well-known/agent-card.json"


async def test_a_version_beyond_what_was_tested_warns_and_goes_on() -> None:
    newer = exchange(WELL_KNOWN, 200, card(("JSONRPC", "1.1", URL)))
    async with connected(A2A, URL, Replay(newer)) as connector:
        match = await A2A.recognise(connector.wire)
    assert match is not None
    assert match.version == "1.1"
    assert match.warning == "tested with A2A 1.0 (a2a-sdk 1.3); this is 1.1"


async def test_an_agent_elsewhere_or_without_a_spoken_binding_is_recognised_with_a_warning() -> None:
    for offered, version, why in (
        (card(("GRPC", "1.0", URL)), "1.0", "offers GRPC 1.0"),
        (card(("JSONRPC", "1.0", "https://other.test")), "1.0", "names another host"),
        (OLD, "0.3.0", "cannot list what waits"),
    ):
        async with connected(A2A, URL, Replay(exchange(WELL_KNOWN, 200, offered))) as connector:
            match = await A2A.recognise(connector.wire)
            assert match is not None
            assert match.version == version
            assert why in match.warning
            with pytest.raises(EndpointError, match=why):
                await connector.poll()


@pytest.mark.parametrize(
    ("binding", "answer"),
    [
        ("HTTP+JSON", exchange("/tasks?status=TASK_STATE_INPUT_REQUIRED&pageSize=100&historyLength=0", status, {}))
        for status in (404, 405, 501)
    ]
    + [
        (
            "JSONRPC",
            exchange("/", 200, {"jsonrpc": "2.0", "id": 1, "error": {"code": code, "message": "no"}}, "POST"),
        )
        for code in (-32601, -32004)
    ],
)  # fmt: skip
async def test_an_agent_that_does_not_list_is_said_not_to(binding: str, answer: Exchange) -> None:
    line = Replay(exchange(WELL_KNOWN, 200, card((binding, "1.0", URL))), answer)
    async with connected(A2A, URL, line) as connector:
        with pytest.raises(EndpointError, match="the agent does not list its tasks"):
            await connector.poll()


async def test_every_call_says_which_version_it_speaks() -> None:
    """Without it an agent takes us for 0.3 and looks broken."""
    seen = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == WELL_KNOWN:
            return httpx.Response(200, json=card(("HTTP+JSON", "1.0", f"{URL}/rest/")))
        seen.append((request.headers.get("a2a-version"), request.url.path))
        return httpx.Response(200, json={"tasks": []})

    async with connected(A2A, URL, httpx.MockTransport(answer)) as connector:
        await connector.poll()
    assert seen == [("1.0", "/rest/tasks")] * 2


async def test_a_tenant_is_named_in_every_call() -> None:
    asked: list[tuple[bytes, bytes]] = []
    bindings = iter(("HTTP+JSON", "JSONRPC"))

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == WELL_KNOWN:
            offered = card((next(bindings), "1.0", URL))
            offered["supportedInterfaces"][0]["tenant"] = "a/b"
            return httpx.Response(200, json=offered)
        asked.append((request.url.raw_path.split(b"?")[0], request.content))
        return httpx.Response(200, json={"tasks": [], "result": {"tasks": []}})

    for _ in range(2):
        async with connected(A2A, URL, httpx.MockTransport(answer)) as connector:
            await connector.poll()
    assert asked[0][0] == b"/a%2Fb/tasks"
    assert b'"tenant":"a/b"' in asked[2][1]


async def test_pages_that_go_in_circles_are_an_error() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == WELL_KNOWN:
            return httpx.Response(200, json=card(("HTTP+JSON", "1.0", URL)))
        return httpx.Response(200, json={"tasks": [], "nextPageToken": "again"})

    async with connected(A2A, URL, httpx.MockTransport(answer)) as connector:
        with pytest.raises(Garbled, match="the same next page twice"):
            await connector.poll()


async def test_the_card_is_read_anew_after_a_poll_that_failed() -> None:
    moved = iter([f"{URL}/old", f"{URL}/new"])

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == WELL_KNOWN:
            return httpx.Response(200, json=card(("HTTP+JSON", "1.0", next(moved))))
        return httpx.Response(200 if request.url.path == "/new/tasks" else 503, json={"tasks": []})

    async with connected(A2A, URL, httpx.MockTransport(answer)) as connector:
        with pytest.raises(EndpointError):
            await connector.poll()
        assert (await connector.poll()).items == ()
