"""What the documents say of the rest connector is true: their agent and mapping run, their schemas hold."""

from __future__ import annotations

import asyncio
import random
import re
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import msgspec
import pytest
import yaml

from tests.connectors.kit.deliver import connected, decide, deliver
from tests.connectors.kit.faults import Line
from tests.connectors.rest.purchasing import Purchasing
from triage import config
from triage.connectors.detect import detect
from triage.connectors.http import Clients, Unreachable, Wire
from triage.connectors.opening import open_connector
from triage.connectors.rest import Rest
from triage.connectors.rest.mapping import (
    Asking,
    Background,
    Fields,
    Listing,
    Mapping,
    Proof,
    Reading,
    Sending,
)
from triage.demo import Demo, running
from triage.model.decision import DeliveryState, Verdict
from triage.model.item import Item, Verb

DOCS = Path(__file__).parents[3] / "docs"
DEADLINE_S = 20.0


def blocks(document: str, language: str) -> list[str]:
    """The code of one language in a document."""
    return re.findall(rf"```{language}\n(.*?)```", (DOCS / document).read_text(), re.DOTALL)


# The contract's schemas


@pytest.fixture(scope="module")
def openapi() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((DOCS / "openapi.yaml").read_text())
    return loaded


def misfits(openapi: dict[str, Any], name: str, value: Any) -> list[str]:
    """Why ``value`` is not what the schema ``name`` says."""
    schema = {"$ref": f"#/components/schemas/{name}", "components": openapi["components"]}
    validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
    return [f"{error.instance_path}: {error.message}" for error in validator.iter_errors(value)]


def _references(node: Any) -> list[str]:
    if isinstance(node, list):
        return [found for each in node for found in _references(each)]
    if not isinstance(node, dict):
        return []
    own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
    return own + [found for each in node.values() for found in _references(each)]


def test_every_reference_leads_somewhere(openapi: dict[str, Any]) -> None:
    for reference in _references(openapi):
        place: Any = openapi
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]
    for name, schema in openapi["components"]["schemas"].items():
        jsonschema_rs.meta.validate({**schema, "components": openapi["components"]})
        assert schema, name


@pytest.fixture
async def demo() -> AsyncIterator[Demo]:
    async with running(seed=11, pace=0) as opened:
        yield opened


async def test_the_demos_agents_answer_as_the_schemas_say(demo: Demo, openapi: dict[str, Any]) -> None:
    for agent in demo.agents.values():
        for template in agent._templates:
            agent.ask(template(random.Random(5)))
    async with httpx.AsyncClient() as client:
        for name, settings in demo.endpoints.items():
            wire = Wire(client, settings["url"])
            assert misfits(openapi, "Root", (await wire.get("")).json) == []
            page = (await wire.get("items", params={"limit": 100})).json
            assert misfits(openapi, "Page", page) == []
            assert len(page["items"]) == len(demo.agents[name].pending())


async def test_every_step_of_a_decision_fits_the_schemas(demo: Demo, openapi: dict[str, Any]) -> None:
    """Requests as the connector makes them, and all that comes back, refusals included."""
    line = Line(lambda request: request.method == "POST")
    url = demo.endpoints["payments"]["url"]
    async with connected(Rest, url, line) as connector, httpx.AsyncClient() as client:
        wire = Wire(client, url)
        item = next(iter((await connector.poll()).items))
        decision = decide(item, Verdict(Verb.REJECT, reason="no"))
        outcome = await deliver(connector, item, decision)
        assert outcome.state is DeliveryState.CONFIRMED
        (sent,) = (asked.json for asked in line.asked if asked.acted)
        assert misfits(openapi, "Decision", sent) == []
        assert misfits(openapi, "Item", (await wire.get(f"items/{item.key}")).json) == []
        other = {**sent, "decision_id": "other"}
        refusals = {
            409: await _post(wire, item.key, other),
            400: await _post(wire, item.key, {}),
            404: await _post(wire, "nothing", other),
        }
        for status, (answered, body) in refusals.items():
            assert answered == status
            assert misfits(openapi, "Conflict" if status == 409 else "Error", body) == []


async def _post(wire: Wire, key: str, body: dict[str, Any]) -> tuple[int, Any]:
    reply = await wire.request(
        "POST",
        f"items/{key}/decision",
        json=body,
        headers={"idempotency-key": str(body.get("decision_id", ""))},
    )
    return reply.status, reply.json


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Item", {"id": "a", "version": "1", "title": "t"}),
        ("Item", {"id": "", "version": "1", "title": "t", "kind": "approval"}),
        ("Item", {"id": "a", "version": "1", "title": "t", "kind": "wish"}),
        ("Item", {"id": "a", "version": "1", "title": "t", "kind": "approval", "verbs": ["sell"]}),
        ("Item", {"id": "a", "version": "1", "title": "t", "kind": "approval", "created_at": "soon"}),
        ("Decision", {"decision_id": "d", "version": "1", "operator": "kim", "verdicts": []}),
        (
            "Decision",
            {"decision_id": "d", "version": "1", "operator": "kim", "verdicts": [{"verb": "edit"}]},
        ),
        ("Root", {"triage_contract": 2}),
    ],
)
def test_the_schemas_refuse_what_the_contract_does(openapi: dict[str, Any], name: str, value: Any) -> None:
    assert misfits(openapi, name, value) != []


def test_the_documents_decision_fits_its_schema(openapi: dict[str, Any]) -> None:
    (example,) = blocks("contract.md", "json")
    assert misfits(openapi, "Decision", msgspec.json.decode(example)) == []


# The contract's agent


@pytest.fixture
async def agent_url(tmp_path: Path) -> AsyncIterator[str]:
    """The agent in the document, as it stands there but for its port, in a Python of its own."""
    (code,) = blocks("contract.md", "python")
    assert "8787" in code
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = tmp_path / "agent.py"
    program.write_text(code.replace("8787", str(port)))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-I", str(program), stderr=asyncio.subprocess.DEVNULL
    )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        await process.wait()


@pytest.fixture
async def clients() -> AsyncIterator[Clients]:
    opened = Clients()
    yield opened
    await opened.aclose()


async def _listening(wire: Wire) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while True:
            try:
                await wire.get("")
            except Unreachable:
                await asyncio.sleep(0.02)
            else:
                return


async def test_the_documents_agent_acts_on_a_decision(
    agent_url: str, clients: Clients, openapi: dict[str, Any]
) -> None:
    wire = Wire(clients.client(), agent_url)
    await _listening(wire)
    found = await detect(wire, [Rest])
    assert [match.kind for match in found.matches] == ["rest"]

    text = f'[endpoints.refunds]\nkind = "rest"\nurl = "{agent_url}"\n'
    connector = open_connector(config.parse(text, Path("c.toml")).endpoints["refunds"], clients)
    assert misfits(openapi, "Page", (await wire.get("items")).json) == []
    poll = await connector.poll()
    assert poll.problems == ()
    (item,) = poll.items
    assert item.title == "Refund 40 euros to Ada?"
    decision = decide(item, Verdict(Verb.APPROVE))
    outcome = await deliver(connector, item, decision)
    assert (outcome.state, outcome.effect) == (DeliveryState.CONFIRMED, "Refunded 40 euros.")
    assert (await connector.poll()).items == ()
    assert misfits(openapi, "Item", (await wire.get(f"items/{item.key}")).json) == []

    again = await connector.send(item, decision)
    assert again.detail == {"status": 200}
    status, conflict = await _post(wire, item.key, {"decision_id": "x", "version": "1", "verdicts": []})
    assert status == 409
    assert misfits(openapi, "Conflict", conflict) == []
    status, _ = await _post(wire, item.key, {"decision_id": "y", "version": "0", "verdicts": []})
    assert status == 412


# The mapping


def _documented() -> tuple[str, dict[str, Any]]:
    """The mapping's worked example: its configuration, and the order in its list."""
    (settings,) = blocks("mapping.md", "toml")
    (listing,) = blocks("mapping.md", "json")
    (order,) = msgspec.json.decode(listing)["data"]["orders"]
    return settings, order


@pytest.mark.parametrize(
    ("verdict", "outcome"),
    [
        (Verdict(Verb.APPROVE), {"outcome": "granted", "by": "kim"}),
        (Verdict(Verb.EDIT, arguments={"sheets": 5}), {"outcome": "granted", "input": {"sheets": 5}}),
        (Verdict(Verb.REJECT, reason="none"), {"outcome": "refused", "remark": "none"}),
    ],
)
async def test_the_documents_mapping_works(
    verdict: Verdict, outcome: dict[str, Any], clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PURCHASING_TOKEN", "dummy")
    settings, order = _documented()
    async with Purchasing() as api:
        api.orders[order["number"]] = dict(order)
        text = settings.replace("https://purchasing.example", api.url)
        parsed = config.parse(text, DOCS / "mapping.md").endpoints["purchasing"]
        connector = open_connector(parsed, clients)
        (item,) = (await connector.poll()).items
        assert isinstance(item, Item)
        assert (item.key, item.title, item.agent) == ("4711", "Buy 500 sheets of paper?", "buyer")
        decision = decide(item, verdict)
        settled = await deliver(connector, item, decision)
        assert settled.state is DeliveryState.CONFIRMED
        assert settled.effect == f"It is {outcome['outcome']}."
        assert api.rulings == [{"number": 4711, **outcome, "ref": decision.id}]
        assert api.asked[0].headers["authorization"] == "Bearer dummy"


def test_every_setting_of_a_mapping_is_documented() -> None:
    text = (DOCS / "mapping.md").read_text()
    for shape in (Mapping, Asking, Listing, Fields, Reading, Background, Sending, Proof):
        for field in msgspec.structs.fields(shape):
            name = field.encode_name
            assert re.search(rf"`(map\.)?{name}(\.VERB)?`", text), f"{shape.__name__}.{name}"
