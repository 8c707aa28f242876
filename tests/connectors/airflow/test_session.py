"""Tokens: got with a user name and password, renewed, and never the reason to send a decision twice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.connectors.airflow.fake import FakeAirflow
from tests.connectors.airflow.test_contract import decides
from tests.connectors.kit.deliver import connected, decide, deliver
from tests.connectors.kit.faults import Line
from tests.connectors.kit.server import Response
from triage.connectors.airflow import Airflow, AirflowConfig
from triage.connectors.base import Refusal
from triage.connectors.credentials import request_headers
from triage.connectors.http import Denied, EndpointError, Garbled
from triage.model.decision import DeliveryState, Verdict
from triage.model.item import Verb

APPROVE = Verdict(Verb.APPROVE)
LOGIN = "/auth/token"


class World:
    """A server that asks for a token, and a connector that logs in."""

    def __init__(self, server: FakeAirflow, connector: Airflow, line: Line) -> None:
        self.server = server
        self.connector = connector
        self.line = line

    @property
    def logins(self) -> int:
        return sum(asked.target == LOGIN for asked in self.line.asked)


@pytest.fixture
async def world(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    monkeypatch.setenv("AIRFLOW_PASSWORD", "secret")
    line = Line(decides)
    settings: dict[str, Any] = {"user": "admin", "token_env": "AIRFLOW_PASSWORD"}
    config = AirflowConfig(name="test", kind="airflow", url="http://127.0.0.1", **settings)
    headers = request_headers(config)
    assert headers == {"Authorization": "Bearer secret"}
    async with (
        FakeAirflow() as server,
        connected(Airflow, server.url, line, headers=headers, **settings) as connector,
    ):
        server.password = "secret"
        yield World(server, connector, line)


async def test_it_logs_in_once_and_the_password_goes_nowhere_else(world: World) -> None:
    for _ in range(2):
        await world.connector.poll()
    await world.connector.about()
    assert world.logins == 1
    for request in world.server.asked:
        assert "secret" not in str(request.headers)
        assert (b"secret" in request.body) == (request.path == LOGIN)


async def test_a_token_is_renewed_before_it_ends(world: World) -> None:
    world.server.token_life_s = 0
    await world.connector.poll()
    await world.connector.poll()
    assert world.logins == 2


@pytest.mark.parametrize("status", [401, 403])
async def test_a_read_whose_token_is_refused_is_asked_again_once(world: World, status: int) -> None:
    world.server.invalid_token = Response({"detail": "Invalid JWT token"}, status)
    await world.connector.poll()
    world.server.tokens.clear()
    await world.connector.poll()
    assert [asked.target == LOGIN for asked in world.line.asked] == [True, False, False, True, False]


async def test_a_real_no_is_no_reason_to_log_in_again(world: World) -> None:
    world.server.invalid_token = Response({"detail": "Forbidden"}, 403)
    await world.connector.poll()
    world.server.tokens.clear()
    with pytest.raises(Denied, match="Forbidden"):
        await world.connector.poll()
    assert world.logins == 1


async def test_a_decision_whose_token_is_refused_is_not_sent_again(world: World) -> None:
    run = world.server.ask()
    (item,) = (await world.connector.poll()).items
    world.server.tokens.clear()
    with pytest.raises(Refusal, match="Invalid JWT token"):
        await world.connector.send(item, decide(item, APPROVE))
    assert world.line.sends == 1
    assert world.server.answers[run] == []
    assert (await deliver(world.connector, item, [APPROVE])).state is DeliveryState.CONFIRMED
    assert len(world.server.answers[run]) == 1


async def test_a_decision_for_which_nobody_can_log_in_is_not_sent(world: World) -> None:
    world.server.ask()
    world.server.token_life_s = 0
    (item,) = (await world.connector.poll()).items
    world.server.password = "changed"
    with pytest.raises(Refusal, match="logging in failed"):
        await world.connector.send(item, decide(item, APPROVE))
    with pytest.raises(Refusal, match="cannot be read"):
        await world.connector.send(item, decide(item, Verdict(Verb.CLOSE)))
    assert world.line.sends == 0


async def test_a_wrong_password_is_denied(world: World) -> None:
    world.server.password = "changed"
    with pytest.raises(Denied, match="Invalid credentials"):
        await world.connector.poll()


async def test_a_password_that_is_nowhere_is_said(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIRFLOW_PASSWORD")
    with pytest.raises(EndpointError, match="AIRFLOW_PASSWORD"):
        await world.connector.poll()


async def test_a_token_of_ones_own_is_used_as_it_is(world: World) -> None:
    world.server.ask()
    world.server.tokens.add("mine")
    headers = {"Authorization": "Bearer mine"}
    async with connected(Airflow, world.server.url, world.line, headers=headers) as connector:
        (item,) = (await connector.poll()).items
        assert (await deliver(connector, item, [APPROVE])).state is DeliveryState.CONFIRMED
    async with connected(Airflow, world.server.url, Line(decides)) as connector:
        with pytest.raises(Denied):
            await connector.poll()
    assert world.logins == 0


@pytest.mark.parametrize("token", ["", "a b", "a\r\nX-Admin: 1", "é"], ids=ascii)
async def test_what_is_no_token_is_not_used(world: World, token: str) -> None:
    world.line.tamper = lambda body: {"access_token": token}
    with pytest.raises(Garbled, match="no token"):
        await world.connector.poll()
    assert [asked.target for asked in world.line.asked] == [LOGIN]


@pytest.mark.parametrize("token", ["x", "a.b.c", "a.W10.c", "a.eyJleHAiOiJzb29uIn0.c"])
async def test_a_token_that_does_not_say_when_it_ends_is_used_until_it_is_refused(
    world: World, token: str
) -> None:
    def other_token(body: Any) -> Any:
        return {"access_token": token} if isinstance(body, dict) and "access_token" in body else body

    world.server.tokens.add(token)
    world.line.tamper = other_token
    await world.connector.poll()
    await world.connector.poll()
    assert world.logins == 1


def test_settings_that_cannot_be() -> None:
    plain: dict[str, Any] = {"name": "etl", "kind": "airflow", "url": "http://127.0.0.1"}
    assert list(AirflowConfig(**plain).faults()) == []
    assert list(AirflowConfig(**plain, user="ann", token_env="X").faults()) == []
    (keys, why) = AirflowConfig(**plain, user="ann").faults()[0]
    assert keys == ("user",)
    assert "password" in why
    both = AirflowConfig(**plain, user="ann", basic_user="ann", token_env="X")
    assert both.faults()[0][0] == ("basic_user",)
