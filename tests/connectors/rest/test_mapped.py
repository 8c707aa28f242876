"""A mapped API keeps what every connector must, and its mapping says all that is asked and sent."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, ClassVar

import httpx
import pytest

from tests.connectors.kit.contract import ConnectorContract, Subject
from tests.connectors.kit.deliver import connected, decide, deliver
from tests.connectors.kit.faults import Fault, Line
from tests.connectors.rest.purchasing import LIST, MAPPING, PROOF, READ, VERBS, Purchasing, configured
from triage.connectors.base import Refusal
from triage.connectors.http import Declined, Garbled
from triage.connectors.rest import Rest
from triage.model.decision import DeliveryState, Verdict
from triage.model.item import Context, Gone, Item, ItemKind, Message, Option, Risk, Verb

WITHOUT_DECISION = MAPPING.replace('decision = "order.ruling.ref"\n', "")
WITHOUT_READ = LIST + VERBS + PROOF + 'path = "v2/orders/{item.id}"\n'


class PurchasingSubject(Subject):
    keeps_decisions = True

    def __init__(self, connector: Rest, line: Line, api: Purchasing) -> None:
        super().__init__(connector, line)
        self.api = api

    async def ask(self, verb: Verb) -> str:
        return str(self.api.inquiry() if verb is Verb.RESPOND else self.api.order())

    def name(self, item: Item) -> str:
        return item.key

    async def effects(self, name: str) -> int:
        return sum(ruling["number"] == int(name) for ruling in self.api.rulings)

    async def change(self, name: str) -> None:
        self.api.orders[int(name)]["subject"] = "Buy much more paper?"

    def proves(self, verb: Verb) -> bool:
        return self.keeps_decisions

    def rows(self, body: Any) -> list[Any] | None:
        data = body.get("data") if isinstance(body, dict) else None
        return data["orders"] if isinstance(data, dict) else None

    def rename(self, row: Any, name: str) -> None:
        row["number"] = name


class ForgetfulSubject(PurchasingSubject):
    keeps_decisions = False


def rules(request: httpx.Request) -> bool:
    return request.method in ("POST", "PUT", "DELETE")


class MappedContract(ConnectorContract):
    verbs: ClassVar[tuple[Verb, ...]] = (Verb.APPROVE, Verb.REJECT)
    mapping: ClassVar[str] = MAPPING
    subject_kind: ClassVar[type[PurchasingSubject]] = PurchasingSubject

    @pytest.fixture
    async def subject(self) -> AsyncIterator[Subject]:
        line = Line(rules)
        async with Purchasing() as api:
            settings = configured(api.url, self.mapping)
            async with connected(Rest, api.url, line, map=settings.map, page_size=12) as connector:
                yield self.subject_kind(connector, line, api)

    async def test_recognises_its_server_by_looking_only(self, subject: Subject) -> None:
        """An API that must be mapped is not known by itself: its kind is named."""
        assert await Rest.recognise(subject.connector.wire) is None
        assert (await subject.connector.about()).version == ""


class TestMapped(MappedContract):
    verbs = (Verb.APPROVE, Verb.EDIT, Verb.REJECT, Verb.RESPOND, Verb.IGNORE)


class TestMappedWithoutDecisions(MappedContract):
    """The API does not show whose decision stands: what a lost reply leaves open stays unknown."""

    mapping = WITHOUT_DECISION
    subject_kind = ForgetfulSubject


class TestMappedWithoutReading(MappedContract):
    """There is no request for one item: it is found in the list."""

    mapping = WITHOUT_READ


@pytest.fixture
async def subject() -> AsyncIterator[PurchasingSubject]:
    line = Line(rules)
    async with (
        Purchasing() as api,
        connected(Rest, api.url, line, map=configured(api.url).map) as connector,
    ):
        yield PurchasingSubject(connector, line, api)


async def the_item(subject: PurchasingSubject) -> Item:
    (item,) = await subject.waiting()
    return item


async def test_every_part_is_where_its_expression_says(subject: PurchasingSubject) -> None:
    subject.api.order()
    item = await the_item(subject)
    assert (item.key, item.kind, item.title, item.agent) == (
        "100", ItemKind.APPROVAL, "Buy paper?", "buyer",
    )  # fmt: skip
    assert (item.description, item.risk) == ("None is left.", Risk.LOW)
    assert item.url == "https://purchasing.example/orders/100"
    assert item.created_at == datetime.fromtimestamp(1_760_000_000, UTC)
    assert item.expires_at == datetime(2100, 1, 1, tzinfo=UTC)
    (action,) = item.actions
    assert (action.name, action.arguments) == ("buy", {"sheets": 500, "note": ""})
    assert action.schema == {"type": "object"}
    assert item.verbs == (Verb.APPROVE, Verb.EDIT, Verb.REJECT, Verb.IGNORE)
    assert item.locator == {"id": 100, "version": "1"}
    assert item.raw == subject.api.orders[100]


async def test_a_question_has_its_options(subject: PurchasingSubject) -> None:
    subject.api.inquiry()
    item = await the_item(subject)
    assert item.kind is ItemKind.QUESTION
    assert item.options == (Option("Blue", "blue"), Option("Red", "red"))
    assert item.verbs == (Verb.REJECT, Verb.RESPOND, Verb.IGNORE)


async def test_context_is_read_by_its_own_request(subject: PurchasingSubject) -> None:
    subject.api.order()
    context = await subject.connector.context(await the_item(subject))
    assert context == Context((Message("agent", "The shelf is empty."),), {"paper": 0})


@pytest.mark.parametrize(
    ("verdict", "sent"),
    [
        (Verdict(Verb.APPROVE), {"outcome": "granted", "order": 100, "by": "kim"}),
        (
            Verdict(Verb.APPROVE, reason='say "{x}"'),
            {"outcome": "granted", "order": 100, "by": "kim", "remark": 'say "{x}"'},
        ),
        (
            Verdict(Verb.EDIT, arguments={"sheets": 2**60, "half": 1.0}),
            {"outcome": "granted", "input": {"sheets": 2**60, "half": 1.0}, "by": "kim"},
        ),
        (Verdict(Verb.REJECT, reason="no money"), {"outcome": "refused", "remark": "rev 1: no money"}),
        (Verdict(Verb.REJECT), {"outcome": "refused", "remark": "rev 1: "}),
    ],
)
async def test_requests_are_sent_as_mapped(
    subject: PurchasingSubject, verdict: Verdict, sent: dict[str, Any]
) -> None:
    subject.api.order()
    item = await the_item(subject)
    decision = decide(item, verdict)
    outcome = await deliver(subject.connector, item, decision)
    assert outcome.state is DeliveryState.CONFIRMED
    assert outcome.effect == f"It is {sent['outcome']}."
    assert subject.api.rulings == [{"number": 100, **sent, "ref": decision.id}]


@pytest.mark.parametrize("answer", ["blue", 7, 1.0, None, True, ["a"], {"b": None}])
async def test_an_answer_keeps_its_json_type(subject: PurchasingSubject, answer: Any) -> None:
    subject.api.order(type="inquiry", request=None)
    item = await the_item(subject)
    outcome = await deliver(subject.connector, item, [Verdict(Verb.RESPOND, answer=answer)])
    assert outcome.state is DeliveryState.CONFIRMED
    assert [repr(ruling["input"]) for ruling in subject.api.rulings] == [repr(answer)]


async def test_what_the_api_refuses_is_refused_in_its_words(subject: PurchasingSubject) -> None:
    subject.api.order()
    item = await the_item(subject)
    decision = decide(item, Verdict(Verb.APPROVE, reason="forbidden"))
    with pytest.raises(Refusal, match="no such remark"):
        await subject.connector.send(item, decision)


async def test_what_failed_is_refused(subject: PurchasingSubject) -> None:
    subject.api.fails = True
    subject.api.order()
    outcome = await deliver(subject.connector, await the_item(subject), [Verdict(Verb.APPROVE)])
    assert outcome.state is DeliveryState.REFUSED
    assert outcome.detail == "test shows failed for 100"


async def test_a_decision_of_somebody_else_is_told(subject: PurchasingSubject) -> None:
    subject.api.order()
    item = await the_item(subject)
    subject.api.orders[100] |= {"status": "refused", "ruling": {"ref": "by-phone", "outcome": "refused"}}
    with pytest.raises(Refusal, match="100 was decided already: by by-phone"):
        await subject.connector.send(item, decide(item, Verdict(Verb.APPROVE)))
    gone = await subject.connector.reread(item)
    assert gone == Gone("answered", "it is refused")


async def test_another_outcome_refutes_ours_even_where_decisions_are_not_kept() -> None:
    async with Purchasing() as api, speaking(WITHOUT_DECISION, api) as (connector, _):
        api.order()
        (item,) = (await connector.poll()).items
        api.orders[100] |= {"status": "refused", "ruling": {"outcome": "refused"}}
        with pytest.raises(Refusal, match="100 was decided already: it is refused"):
            await connector.send(item, decide(item, Verdict(Verb.APPROVE)))
        with pytest.raises(Declined, match="409"):
            await connector.send(item, decide(item, Verdict(Verb.REJECT)))


async def test_a_lost_reply_stays_unknown_where_decisions_are_not_kept() -> None:
    async with Purchasing() as api, speaking(WITHOUT_DECISION, api) as (connector, line):
        api.order()
        (item,) = (await connector.poll()).items
        line.fault = Fault.DROPPED
        outcome = await deliver(connector, item, [Verdict(Verb.APPROVE)])
        assert outcome.state is DeliveryState.UNKNOWN
        assert "shows granted for 100, but not whose doing that is" in outcome.detail


@asynccontextmanager
async def speaking(mapping: str, api: Purchasing) -> AsyncIterator[tuple[Rest, Line]]:
    """A connector to ``api`` by another mapping."""
    line = Line(rules)
    async with connected(Rest, api.url, line, map=configured(api.url, mapping).map) as connector:
        yield connector, line


async def test_a_proof_by_reference_asks_for_what_the_reply_named() -> None:
    proof = """
[endpoints.test.map.proof]
path = "v2/runs/{receipt.reference}"
state = "state"
done.approve = ["processing"]
"""
    verbs, _, _ = VERBS.partition("[endpoints.test.map.verbs.edit]")
    async with Purchasing() as api, speaking(LIST + READ + verbs + proof, api) as (connector, line):
        api.order()
        api.order()
        first, second = (await connector.poll()).items
        outcome = await deliver(connector, first, [Verdict(Verb.APPROVE)])
        assert outcome.state is DeliveryState.CONFIRMED
        assert line.asked[-1].target == "/v2/runs/run-100"
        line.fault = Fault.DROPPED
        outcome = await deliver(connector, second, [Verdict(Verb.APPROVE)])
        assert outcome.state is DeliveryState.UNKNOWN
        assert "it cannot be asked what came of 101" in outcome.detail


@pytest.mark.parametrize("missing", [True, False])
async def test_an_item_that_is_deleted_once_decided_proves_what_the_mapping_says(missing: bool) -> None:
    proof = """
[endpoints.test.map.proof]
path = "v2/nowhere/{item.id}"
state = "state"
done.ignore = ["gone"]
"""
    proof += 'missing = "gone"\n' if missing else ""
    verbs = "".join(VERBS.partition("[endpoints.test.map.verbs.ignore]")[1:])
    async with Purchasing() as api, speaking(LIST + READ + verbs + proof, api) as (connector, _):
        api.order()
        (item,) = (await connector.poll()).items
        assert item.verbs == (Verb.IGNORE,)
        outcome = await deliver(connector, item, [Verdict(Verb.IGNORE)])
        assert outcome.state is (DeliveryState.CONFIRMED if missing else DeliveryState.UNKNOWN)


async def test_several_actions_go_out_together_where_the_request_holds_them_all() -> None:
    mapping = MAPPING.replace('action = "request.tool"', 'actions = "request.calls"\naction = "tool"')
    mapping = mapping.replace('"request.input"', '"input"').replace('"request.schema"', '"schema"')
    mapping = mapping.replace('input = "{verdict.arguments}"', 'input = "{verdicts}"')
    calls = [{"tool": "buy", "input": {"sheets": 1}}, {"tool": "ship", "input": {"to": "us"}}]
    async with Purchasing() as api, speaking(mapping, api) as (connector, _):
        api.order(request={"calls": calls})
        (item,) = (await connector.poll()).items
        assert [action.name for action in item.actions] == ["buy", "ship"]
        edits = [Verdict(Verb.EDIT, arguments={"n": 1}), Verdict(Verb.EDIT, arguments={"n": 2})]
        mixed = decide(item, Verdict(Verb.APPROVE), Verdict(Verb.REJECT))
        unlike = decide(item, Verdict(Verb.REJECT, reason="a"), Verdict(Verb.REJECT, reason="b"))
        assert connector.check(item, mixed) == ["test takes one verb for all actions of an item"]
        assert connector.check(item, unlike) == ["test takes the same verdict for all actions of an item"]
        assert (await deliver(connector, item, edits)).state is DeliveryState.CONFIRMED
        assert api.rulings[0]["input"] == [
            {"verb": "edit", "arguments": {"n": 1}},
            {"verb": "edit", "arguments": {"n": 2}},
        ]


async def test_an_approval_whose_action_cannot_be_seen_is_not_shown(subject: PurchasingSubject) -> None:
    subject.api.order(request={"input": {"sheets": 500}})
    poll = await subject.connector.poll()
    assert poll.items == ()
    assert poll.problems == ("item 100 cannot be shown: fields.action (`request.tool`) gives nothing",)


async def test_an_item_without_a_title_is_a_problem_that_names_it(subject: PurchasingSubject) -> None:
    subject.api.order()
    subject.api.order(subject=None)
    subject.api.order(number=None)
    subject.api.order(due="soon")
    subject.api.order(risk="huge")
    poll = await subject.connector.poll()
    assert [item.key for item in poll.items] == ["100", "104"]
    assert poll.problems[:2] == (
        "item 101 cannot be shown: fields.title (`subject`) gives nothing",
        "item number 3 cannot be shown: fields.id (`number`) gives nothing",
    )
    assert poll.problems[2].startswith("item 103 cannot be shown: Invalid RFC3339 encoded datetime")
    assert poll.problems[2].endswith("(fields.expires_at is `due`)")
    assert "its risk is left out" in poll.problems[3]


async def test_a_list_elsewhere_than_mapped_is_an_error() -> None:
    mapping = MAPPING.replace("data.orders", "data.purchases")
    async with Purchasing() as api, speaking(mapping, api) as (connector, _):
        with pytest.raises(Garbled, match=r"map\.list\.items \(`data\.purchases`\) gives no list"):
            await connector.poll()
