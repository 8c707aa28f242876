"""A JSON API that knows nothing of triage: a purchasing department whose agent asks before it buys."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.connectors.kit.server import Request, Response, Server
from triage import config
from triage.connectors.rest import RestConfig

LIST = """\
[endpoints.test.map.list]
path = "v2/orders"
query = { status = "open", from = "{page.offset}", size = "{page.size}" }
items = "data.orders"
paging = "offset"
total = "data.count"

[endpoints.test.map]
waiting = ["open"]

[endpoints.test.map.fields]
id = "number"
version = "rev"
title = "subject"
kind = "type == 'inquiry' && 'question' || 'approval'"
agent = "bot"
description = "why"
action = "request.tool"
arguments = "request.input"
schema = "request.schema"
options = "choices[].{label: text, value: code}"
risk = "risk"
url = "links.page"
created_at = "opened"
expires_at = "due"
state = "status"
"""
READ = """
[endpoints.test.map.read]
path = "v2/orders/{item.id}"
item = "order"
"""
CONTEXT = """
[endpoints.test.map.context]
path = "v2/orders/{item.id}"
value = "{messages: order.thread[].{role: who, text: words}, state: order.stock}"
"""
VERBS = """
[endpoints.test.map.verbs.approve]
path = "v2/orders/{item.id}/ruling"
reference = "ruling.run"
[endpoints.test.map.verbs.approve.body]
outcome = "granted"
order = "{item.id}"
by = "{decision.operator}"
ref = "{decision.id}"
remark = "{verdict.reason}"

[endpoints.test.map.verbs.edit]
path = "v2/orders/{item.id}/ruling"
body = { outcome = "granted", input = "{verdict.arguments}", by = "kim", ref = "{decision.id}" }

[endpoints.test.map.verbs.reject]
method = "PUT"
path = "v2/orders/{item.id}/ruling"
body = { outcome = "refused", remark = "rev {item.version}: {verdict.reason}", ref = "{decision.id}" }

[endpoints.test.map.verbs.respond]
path = "v2/orders/{item.id}/ruling"
body = { outcome = "answered", input = "{verdict.answer}", ref = "{decision.id}" }

[endpoints.test.map.verbs.ignore]
method = "DELETE"
path = "v2/orders/{item.id}"
query = { ref = "{decision.id}" }
"""
PROOF = """
[endpoints.test.map.proof]
state = "order.status"
done.approve = ["granted"]
done.edit = ["granted"]
done.reject = ["refused"]
done.respond = ["answered"]
done.ignore = ["dropped"]
pending = ["processing"]
refused = ["failed"]
decision = "order.ruling.ref"
effect = "order.ruling.said"
"""
MAPPING = LIST + READ + CONTEXT + VERBS + PROOF


class Purchasing(Server):
    """Orders by number; a ruling is processed when it is looked at for the second time."""

    def __init__(self) -> None:
        super().__init__()
        self.orders: dict[int, dict[str, Any]] = {}
        self.rulings: list[dict[str, Any]] = []
        self.fails = False
        self.route("GET", "/v2/orders")(self._list)
        self.route("GET", "/v2/orders/{number}")(self._one)
        self.route("POST", "/v2/orders/{number}/ruling")(self._rule)
        self.route("PUT", "/v2/orders/{number}/ruling")(self._rule)
        self.route("DELETE", "/v2/orders/{number}")(self._drop)
        self.route("GET", "/v2/runs/{run}")(self._run)

    def order(self, **parts: Any) -> int:
        """Open an order that waits; its number."""
        number = 100 + len(self.orders)
        self.orders[number] = {
            "number": number,
            "rev": 1,
            "subject": "Buy paper?",
            "status": "open",
            "type": "purchase",
            "bot": "buyer",
            "why": "None is left.",
            "request": {"tool": "buy", "input": {"sheets": 500, "note": ""}, "schema": {"type": "object"}},
            "risk": "low",
            "links": {"page": "https://purchasing.example/orders/100"},
            "opened": 1_760_000_000,
            "due": "2100-01-01T00:00:00",
            "thread": [{"who": "agent", "words": "The shelf is empty."}],
            "stock": {"paper": 0},
            "ruling": None,
            **parts,
        }
        return number

    def inquiry(self) -> int:
        return self.order(
            subject="Which colour?",
            type="inquiry",
            request=None,
            choices=[{"text": "Blue", "code": "blue"}, {"text": "Red", "code": "red"}],
        )

    async def _list(self, request: Request) -> Response:
        status = request.query.get("status")
        rows = [order for order in self.orders.values() if status in (None, order["status"])]
        start, size = int(request.query.get("from", 0)), int(request.query.get("size", 100))
        return Response({"data": {"orders": rows[start : start + size], "count": len(rows)}})

    async def _one(self, request: Request) -> Response:
        order = self._found(request)
        if order is None:
            return Response({"message": "no such order"}, 404)
        shown = Response({"order": dict(order)})
        if order["status"] == "processing":
            self._finish(order)
        return shown

    async def _run(self, request: Request) -> Response:
        order = self.orders[int(request.params["run"].removeprefix("run-"))]
        return Response({"state": order["status"]})

    async def _rule(self, request: Request) -> Response:
        return self._take(request, request.json)

    async def _drop(self, request: Request) -> Response:
        return self._take(request, {"outcome": "dropped", "ref": request.query["ref"]})

    def _take(self, request: Request, ruling: dict[str, Any]) -> Response:
        order = self._found(request)
        if order is None:
            return Response({"message": "no such order"}, 404)
        if order["ruling"]:
            return Response({"message": "ruled already"}, 409)
        if ruling.get("remark") == "forbidden":
            return Response({"message": "no such remark"}, 422)
        order["ruling"] = {**ruling, "run": f"run-{order['number']}"}
        order["status"] = "processing"
        self.rulings.append({"number": order["number"], **ruling})
        return Response({"ruling": order["ruling"]}, 201)

    def _finish(self, order: dict[str, Any]) -> None:
        order["status"] = "failed" if self.fails else order["ruling"]["outcome"]
        order["ruling"]["said"] = f"It is {order['status']}."

    def _found(self, request: Request) -> dict[str, Any] | None:
        number = request.params["number"]
        return self.orders.get(int(number)) if number.isdecimal() else None


def configured(url: str, mapping: str = MAPPING, **settings: Any) -> RestConfig:
    """The endpoint ``test`` as a configuration file with ``mapping`` in it gives it."""
    rows = "".join(f"{key} = {value!r}\n" for key, value in settings.items())
    text = f'[endpoints.test]\nkind = "rest"\nurl = "{url}"\n{rows}\n{mapping}'
    found = config.parse(text, Path("config.toml")).endpoints["test"]
    assert isinstance(found, RestConfig)
    return found
