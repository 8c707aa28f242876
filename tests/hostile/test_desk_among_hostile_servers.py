"""A desk whose endpoints are hostile but for one: the good one goes on, and of each other it is said what is wrong."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.desk.conftest import until
from tests.hostile.servers import ITEM, GoodAgent, HostileServer, plain_reply
from triage.config import Config
from triage.connectors.http import Wire
from triage.connectors.rest import RestConfig
from triage.desk.desk import Desk
from triage.model.decision import DeliveryState, Verdict
from triage.model.endpoint import EndpointConfig, HealthState
from triage.model.item import Verb

SECRET = "marker-token-0123456789"


def listing(*items: object, **more: object) -> bytes:
    return plain_reply(json.dumps({"items": items, **more}).encode(), "200 OK", "connection: close")


def changed(**members: object) -> dict[str, object]:
    return {**ITEM, **members}


async def _slowly(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.05)


async def _repeats(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(plain_reply(json.dumps({"detail": f"no: Bearer {SECRET}"}).encode(), "401 Unauthorized"))
    await writer.drain()


DEEP = json.loads('[{"name": "a", "arguments": ' + "[" * 500 + "]" * 500 + "}]")
HOSTILE: dict[str, Any] = {
    "redirect": plain_reply(b"", "302 Found", "location: http://evil.test/"),
    "html": plain_reply(b"<html>Log in</html>", "200 OK", "content-type: text/html"),
    "empty": plain_reply(b""),
    "deep": plain_reply(b"[" * 10_000),
    "no-json": plain_reply(b"\x00\x01\x02"),
    "large": plain_reply(b" " * (50 << 20)),
    "bomb": plain_reply(gzip.compress(b" " * (64 << 20)), "200 OK", "content-encoding: gzip"),
    "repeats": _repeats,
    "hangs-up": b"",
    "no-http": b"220 smtp.evil.test ESMTP\r\n",
    "error": plain_reply(b'{"detail": "\\u001b[2J"}', "500 No"),
    "a-number": plain_reply(b"7"),
    "a-list": plain_reply(b"[]"),
    "items-no-list": plain_reply(b'{"items": {}}'),
    "no-objects": listing(1, None, "x", [], True),
    "no-id": listing({key: value for key, value in ITEM.items() if key != "id"}),
    "id-empty": listing(changed(id="")),
    "id-number": listing(changed(id=7)),
    "id-long": listing(changed(id="x" * 5_000)),
    "no-title": listing(changed(title=None)),
    "title-object": listing(changed(title={"a": 1})),
    "kind": listing(changed(kind="\x1b[2J")),
    "verbs": listing(changed(verbs=["sudo"])),
    "verbs-text": listing(changed(verbs="approve")),
    "actions": listing(changed(actions=[{"arguments": {}}])),
    "actions-null": listing(changed(actions=[None])),
    "schema": listing(changed(actions=[{"name": "a", "schema": []}])),
    "options": listing(changed(options=[{"label": 1}])),
    "twice": listing(ITEM, changed(title="another")),
    "future": listing(changed(created_at="2999-01-01T00:00:00Z")),
    "no-zone": listing(changed(expires_at="2031-01-01T00:00:00")),
    "before-time": listing(changed(created_at="0001-01-01T00:00:00+14:00")),
    "after-time": listing(changed(expires_at="9999-12-31T23:59:59-14:00")),
    "risk": listing(changed(risk="apocalyptic")),
    "url": listing(changed(url="javascript:alert(1)")),
    "pages": listing(ITEM, next="again"),
    "deep-item": plain_reply(json.dumps({"items": [changed(actions=DEEP)]}).encode()),
    "infinite": plain_reply(json.dumps({"items": [ITEM]}).replace('"1"', "1e999").encode()),
    "slow": _slowly,
}
"""Name of an endpoint → what it answers, whatever it is asked."""
DENIED = ("repeats",)
SHOWN_ALL_THE_SAME = ("twice", "future", "before-time", "risk", "url")
"""Where the item itself can be told with certainty."""


@pytest.fixture
async def among(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Desk, GoodAgent]]:
    """A desk at work on all of them, once each was asked."""
    monkeypatch.setenv("AGENT_TOKEN", SECRET)
    monkeypatch.setitem(Wire.request.__kwdefaults__ or {}, "timeout_s", 2.0)
    async with AsyncExitStack() as stack:
        good = await stack.enter_async_context(GoodAgent())
        servers = {
            name: await stack.enter_async_context(HostileServer(write)) for name, write in HOSTILE.items()
        }
        urls = {"good": good.url, **{name: server.url for name, server in servers.items()}}
        settings: dict[str, EndpointConfig] = {
            name: RestConfig(name=name, kind="rest", url=url, token_env="AGENT_TOKEN", poll_s=60)
            for name, url in urls.items()
        }
        desk = Desk(Config(hold_s=0, endpoints=settings), tmp_path / "data", operator="ann")
        stack.push_async_callback(desk.stop)
        await desk.start()
        await until(lambda: not [one for one in desk.health() if one.state is HealthState.NEW])
        yield desk, good


async def test_the_good_one_goes_on_and_every_other_is_said(among: tuple[Desk, GoodAgent]) -> None:
    desk, good = among
    health = {one.endpoint: one for one in desk.health()}
    assert health.pop("good").state is HealthState.OK
    wrong = {HealthState.FAILING, HealthState.DEGRADED, HealthState.DENIED}
    assert {name: one.state for name, one in health.items() if one.state not in wrong} == {}
    assert [name for name, one in health.items() if len(one.detail) < 10] == []
    assert [name for name, one in health.items() if one.state is HealthState.DENIED] == list(DENIED)
    assert not [one for one in health.values() if SECRET in one.detail or "a fault in triage" in one.detail]

    waiting = {entry.item.endpoint for entry in desk.waiting()}
    assert waiting == {"good", *SHOWN_ALL_THE_SAME}
    entry = next(entry for entry in desk.waiting() if entry.item.endpoint == "good")
    record = desk.decide(entry.item.id, entry.item.revision, [Verdict(Verb.APPROVE)])
    done = await desk.wait(record.decision.id, 10)
    assert (done.state, done.effect) == (DeliveryState.CONFIRMED, "refunded")
    assert good.decision is not None
    assert good.decision["decision_id"] == record.decision.id


async def test_nothing_of_it_is_kept_on_the_disk_with_our_credentials(
    among: tuple[Desk, GoodAgent], tmp_path: Path
) -> None:
    desk, _ = among
    await desk.stop()
    files = [path for path in (tmp_path / "data").rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if SECRET.encode() in path.read_bytes()]


async def test_an_answer_for_another_item_decides_nothing(tmp_path: Path) -> None:
    """The list shows one item; whoever reads it again is given another. Nothing is sent."""
    sent: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = server.heads[-1]
        if head.startswith(b"POST"):
            sent.append(head)
        body = {"items": [ITEM]} if b"/items?" in head else changed(id="another", state="pending")
        writer.write(plain_reply(json.dumps(body).encode(), "200 OK", "connection: close"))
        await writer.drain()

    async with HostileServer(answer) as server:
        settings: dict[str, EndpointConfig] = {
            "a": RestConfig(name="a", kind="rest", url=server.url, poll_s=0.2)
        }
        desk = Desk(Config(hold_s=0, endpoints=settings), tmp_path / "data", operator="ann")
        await desk.start()
        try:
            await until(desk.waiting)
            item = desk.waiting()[0].item
            record = desk.decide(item.id, item.revision, [Verdict(Verb.APPROVE)])
            await until(lambda: "another item" in desk.wait_reason(record.decision.id))
            held = desk.log.record(record.decision.id)
            assert held is not None
            assert held.state is DeliveryState.HELD
        finally:
            await desk.stop()
    assert sent == []
