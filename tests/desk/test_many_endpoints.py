"""Many endpoints at once: none waits so long for its turn that its own time runs out."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.connectors.kit.server import Request, Response, Server
from tests.desk.conftest import until
from triage.config import Config
from triage.connectors import http
from triage.connectors.rest import RestConfig
from triage.desk import desk as desk_module
from triage.desk.desk import Desk
from triage.model.endpoint import EndpointConfig, HealthState

COUNT = 30


async def test_so_many_are_asked_at_a_time_and_their_time_begins_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk_module, "POLLS_AT_ONCE", 3)
    defaults = {**(http.Wire.request.__kwdefaults__ or {}), "timeout_s": 0.5}
    monkeypatch.setattr(http.Wire.request, "__kwdefaults__", defaults)
    under_way, most = 0, 0
    async with Server() as server:

        @server.route("GET", "/{agent}/items")
        async def items(request: Request) -> Response:
            nonlocal under_way, most
            under_way += 1
            most = max(most, under_way)
            await asyncio.sleep(0.1)  # all of them, one after the other, take longer than one may
            under_way -= 1
            return Response({"items": [], "next": None})

        endpoints: dict[str, EndpointConfig] = {
            name: RestConfig(name=name, kind="rest", url=f"{server.url}/{name}", poll_s=600)
            for name in (f"e{number}" for number in range(COUNT))
        }
        desk = Desk(Config(endpoints=endpoints), tmp_path / "data")
        await desk.start()
        await until(lambda: all(each.state is not HealthState.NEW for each in desk.health()))
        assert {each.state for each in desk.health()} == {HealthState.OK}
        assert most == 3
        await desk.stop()
