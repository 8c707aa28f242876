"""What every connector must do, as tests: subclass ``ConnectorContract`` and give it a ``subject`` fixture.

class TestContract(ConnectorContract):
    verbs = (Verb.APPROVE, Verb.REJECT)

    @pytest.fixture
    async def subject(self) -> AsyncIterator[Subject]:
        async with MyServer() as server, connected(MyKind, server.url, line) as connector:
            yield MySubject(connector, line, server)
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest

from tests.connectors.kit.deliver import NotTaken, decide, deliver, settle
from tests.connectors.kit.faults import Fault, Line
from triage.connectors.base import Connector, Refusal
from triage.connectors.http import EndpointError
from triage.model.decision import Decision, DeliveryState, Receipt, Verdict
from triage.model.item import Context, Gone, Item, Verb

__all__ = ["ConnectorContract", "Subject"]

CONFIRMED, REFUSED, UNKNOWN = DeliveryState.CONFIRMED, DeliveryState.REFUSED, DeliveryState.UNKNOWN
STALE = DeliveryState.STALE

HOSTILE_IDS = ("../../admin", "a/admin", "..", ".", "x?admin=1#admin", "%2e%2e%2fadmin", "\u202e\n", "")
JUNK_ROWS: tuple[Any, ...] = (None, 7, "text", [], {})
JUNK_VALUES: tuple[Any, ...] = (None, 7, -1.5, True, "text", [], {}, [None], [["text"]], {"text": None})
NOT_A_LIST = (
    (200, b"<!doctype html><title>Sign in</title>"),
    (200, b""),
    (200, b"null"),
    (200, b'"text"'),
    (200, b"7"),
    (200, b'{"ta'),
    (302, b""),
    (401, b'{"detail":"no"}'),
    (403, b""),
    (404, b'{"detail":"Not Found"}'),
    (429, b""),
    (500, b"Internal Server Error"),
    (503, b""),
)
STRANGERS = (
    (200, b"<!doctype html><title>Welcome</title>"),
    (200, b"{}"),
    (200, b"[]"),
    (200, b'"text"'),
    (404, b"Not Found"),
    (500, b"Internal Server Error"),
)


class Subject(ABC):
    """One connector before a server that really acts, and what the contract must be able to do to it."""

    many: ClassVar[int] = 30
    """How many items make more than one page."""

    def __init__(self, connector: Connector, line: Line) -> None:
        self.connector = connector
        self.line = line
        """The transport that ``connector`` speaks over."""

    @abstractmethod
    async def ask(self, verb: Verb) -> str:
        """Make the server ask one more thing, that takes ``verb``; what names it at the server."""

    @abstractmethod
    def name(self, item: Item) -> str:
        """What ``ask`` returned for this item."""

    @abstractmethod
    async def effects(self, name: str) -> int:
        """How many answers to it the server has acted on, as the server itself knows it."""

    async def change(self, name: str) -> None:
        """Make the server ask something else in its place."""
        pytest.skip("this endpoint cannot change a question that waits")

    def verdict(self, item: Item, verb: Verb) -> Verdict:
        """A verdict that the server takes."""
        if verb is Verb.EDIT:
            return Verdict(verb, arguments={**item.actions[0].arguments, "note": "edited"})
        if verb is Verb.RESPOND:
            return Verdict(verb, answer="blue")
        return Verdict(verb)

    def proves(self, verb: Verb) -> bool:
        """Whether a read can prove a decision whose reply was lost."""
        return True

    def rows(self, body: Any) -> list[Any] | None:
        """The list of raw items within the JSON of an answer; None when it is no listing."""
        pytest.skip("this subject does not say where the raw items are")

    def rename(self, row: Any, name: str) -> None:
        """Give a raw item another id."""
        raise NotImplementedError

    async def waiting(self) -> list[Item]:
        """What the connector lists; nothing of it may be unreadable."""
        poll = await self.connector.poll()
        assert not poll.problems
        return list(poll.items)

    async def item(self, verb: Verb) -> Item:
        """A new item that takes ``verb``, as polled."""
        name = await self.ask(verb)
        found = [item for item in await self.waiting() if self.name(item) == name]
        assert len(found) == 1, f"{name} is listed {len(found)} times"
        return found[0]


class ConnectorContract:
    """The tests. ``verbs``: those that the subject's server takes."""

    verbs: ClassVar[tuple[Verb, ...]] = (Verb.APPROVE,)

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        if "verb" in metafunc.fixturenames:
            metafunc.parametrize("verb", self.verbs)

    # What it says of itself

    async def test_says_what_it_is(self, subject: Subject) -> None:
        kind = type(subject.connector)
        assert all((kind.kind, kind.tested, kind.proof))
        assert set(kind.verbs) <= {verb.value for verb in Verb}
        assert {verb.value for verb in self.verbs} <= set(kind.verbs)

    async def test_recognises_its_server_by_looking_only(self, subject: Subject) -> None:
        match = await type(subject.connector).recognise(subject.connector.wire)
        assert match is not None
        assert match.kind == subject.connector.kind
        assert {asked.method for asked in subject.line.asked} == {"GET"}

    @pytest.mark.parametrize("answer", STRANGERS, ids=str)
    async def test_does_not_recognise_a_stranger(self, subject: Subject, answer: tuple[int, bytes]) -> None:
        subject.line.outage = answer
        assert await type(subject.connector).recognise(subject.connector.wire) is None

    # Listing

    async def test_lists_everything_that_waits(self, subject: Subject) -> None:
        names = [await subject.ask(self.verbs[0]) for _ in range(subject.many)]
        items = await subject.waiting()
        assert sorted(subject.name(item) for item in items) == sorted(names)
        assert len({item.id for item in items}) == subject.many

    async def test_items_stay_the_same_while_nothing_changes(self, subject: Subject, verb: Verb) -> None:
        first = await subject.item(verb)
        second = {item.id: item for item in await subject.waiting()}[first.id]
        alone = await subject.connector.reread(first)
        assert isinstance(alone, Item)
        assert first.revision == second.revision == alone.revision
        assert first.id == alone.id
        assert subject.connector.lane(first) == subject.connector.lane(alone) != ""

    async def test_an_item_survives_json(self, subject: Subject, verb: Verb) -> None:
        item = await subject.item(verb)
        again = msgspec.json.decode(msgspec.json.encode(item), type=Item)
        assert (again.id, again.revision) == (item.id, item.revision)
        assert again == item
        assert item.title
        assert item.verbs
        assert isinstance(await subject.connector.context(again), Context)

    async def test_a_changed_question_is_another_one(self, subject: Subject) -> None:
        before = await subject.item(self.verbs[0])
        await subject.change(subject.name(before))
        same = [item for item in await subject.waiting() if item.id == before.id]
        assert all(item.revision != before.revision for item in same)
        outcome = await deliver(subject.connector, before, [subject.verdict(before, self.verbs[0])])
        assert outcome.state is STALE
        assert subject.line.sends == 0

    @pytest.mark.parametrize("answer", NOT_A_LIST, ids=str)
    async def test_a_listing_that_fails_is_no_empty_queue(
        self, subject: Subject, answer: tuple[int, bytes]
    ) -> None:
        await subject.item(self.verbs[0])
        subject.line.outage = answer
        with pytest.raises(EndpointError):
            await subject.connector.poll()

    async def test_malformed_items_are_problems_and_hide_no_others(self, subject: Subject) -> None:
        good = await subject.item(self.verbs[0])
        subject.line.tamper = _with_malformed_rows(subject)
        poll = await subject.connector.poll()
        assert good.id in {item.id for item in poll.items}
        assert poll.problems
        for item in poll.items:
            assert msgspec.json.decode(msgspec.json.encode(item), type=Item).revision == item.revision

    @pytest.mark.parametrize("hostile", HOSTILE_IDS, ids=ascii)
    async def test_hostile_ids_reach_no_other_path(self, subject: Subject, hostile: str) -> None:
        good = await subject.item(self.verbs[0])
        decision = decide(good, subject.verdict(good, self.verbs[0]))
        subject.line.tamper = _with_renamed_row(subject, hostile)
        for item in (await subject.connector.poll()).items:
            for step in _every_step(subject.connector, item, decision):
                try:
                    await step()
                except EndpointError:
                    pass  # refusing is as good as asking safely
        for asked in subject.line.asked:
            _check_target(asked.target)

    # Deciding

    async def test_takes_only_the_verbs_it_offers(self, subject: Subject, verb: Verb) -> None:
        item = await subject.item(verb)
        for other in (
            set(Verb) - set(item.verbs) - {own for action in item.actions for own in action.verbs or ()}
        ):
            with pytest.raises(NotTaken):
                await deliver(subject.connector, item, [Verdict(other, answer="a", arguments={"a": 1})])
        assert subject.line.sends == 0

    async def test_a_decision_takes_effect_once(self, subject: Subject, verb: Verb) -> None:
        item = await subject.item(verb)
        outcome = await deliver(subject.connector, item, [subject.verdict(item, verb)])
        assert outcome.state is CONFIRMED, outcome
        assert await subject.effects(subject.name(item)) == 1
        assert subject.line.sends == 1
        assert item.id not in {waiting.id for waiting in await subject.waiting()}
        gone = await subject.connector.reread(item)
        assert isinstance(gone, Gone)

    async def test_a_second_decision_is_not_taken(self, subject: Subject, verb: Verb) -> None:
        """Neither the careful way, nor when the first slips in between reading and sending."""
        item = await subject.item(verb)
        first = await deliver(subject.connector, item, [subject.verdict(item, verb)])
        second = decide(item, subject.verdict(item, verb))
        assert first.state is CONFIRMED, first
        assert (await deliver(subject.connector, item, second)).state is STALE
        try:
            receipt = await _sent(subject.connector, item, second)
        except Refusal:
            pass
        else:
            outcome = await settle(subject.connector, item, second, receipt, unknown_looks=1)
            assert outcome.state in (REFUSED, UNKNOWN), outcome
        assert await subject.effects(subject.name(item)) == 1

    @pytest.mark.parametrize(
        "fault", [fault for fault in Fault if fault is not Fault.NONE], ids=lambda f: f.name
    )
    async def test_whatever_breaks_it_ends_as_it_was(
        self, subject: Subject, verb: Verb, fault: Fault
    ) -> None:
        item = await subject.item(verb)
        decision = decide(item, subject.verdict(item, verb))
        subject.line.fault = fault
        outcome = await deliver(subject.connector, item, decision)
        effects = await subject.effects(subject.name(item))
        assert subject.line.sends == 1, "a decision is sent once, whatever happens"
        if fault is Fault.UNREACHED:
            assert (outcome.state, effects) == (REFUSED, 0)
        elif fault in (Fault.SLOW, Fault.LOST, Fault.FAILED):
            assert (outcome.state, effects) == (UNKNOWN, 0), "it may still arrive: nobody can know"
        elif fault is Fault.TWICE:
            assert effects >= 1
            assert outcome.state in (CONFIRMED, UNKNOWN), outcome
        else:
            assert effects == 1
            assert outcome.state is CONFIRMED or (outcome.state is UNKNOWN and not subject.proves(verb)), (
                outcome
            )
        if fault is Fault.SLOW:
            await self._arrives_after_all(subject, item, decision)

    async def _arrives_after_all(self, subject: Subject, item: Item, decision: Decision) -> None:
        await subject.line.release()
        outcome = await settle(subject.connector, item, decision, None)
        assert await subject.effects(subject.name(item)) == 1
        may_end = (CONFIRMED,) if subject.proves(decision.verb) else (CONFIRMED, UNKNOWN)
        assert outcome.state in may_end, outcome


async def _sent(connector: Connector, item: Item, decision: Decision) -> Receipt | None:
    """The receipt; None when nobody knows whether it was taken. Raises Refusal."""
    try:
        return await connector.send(item, decision)
    except Refusal:
        raise
    except EndpointError:
        return None


def _every_step(connector: Connector, item: Item, decision: Decision) -> list[Callable[[], Any]]:
    return [
        lambda: connector.reread(item),
        lambda: connector.context(item),
        lambda: connector.send(item, decision),
        lambda: connector.settle(item, decision, None),
    ]


def _check_target(target: str) -> None:
    parts = urlsplit(target)
    segments = parts.path.split("/")
    assert not {".", "..", "admin"} & set(segments), target
    assert "admin" not in dict(parse_qsl(parts.query, True)), target


def _with_renamed_row(subject: Subject, hostile: str) -> Callable[[Any], Any]:
    def change(body: Any) -> Any:
        for row in subject.rows(body) or ():
            subject.rename(row, hostile)
        return body

    return change


def _with_malformed_rows(subject: Subject) -> Callable[[Any], Any]:
    """Adds to every listing rows that are no items at all, and copies of one with each value spoilt."""

    def change(body: Any) -> Any:
        rows = subject.rows(body)
        if rows:
            rows.extend([*JUNK_ROWS, *_spoilt(subject, rows[0])])
        return body

    return change


def _spoilt(subject: Subject, row: Any) -> Iterator[Any]:
    for path in list(_paths(row)):
        for junk in JUNK_VALUES:
            spoilt = copy.deepcopy(row)
            subject.rename(spoilt, f"{'.'.join(map(str, path))}-{JUNK_VALUES.index(junk)}")
            place = spoilt
            for key in path[:-1]:
                place = place[key]
            place[path[-1]] = junk
            yield spoilt


def _paths(value: Any, depth: int = 5) -> Iterator[tuple[Any, ...]]:
    """Every place within a JSON value, down to ``depth``."""
    if depth == 0:
        return
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in pairs:
        yield (key,)
        for path in _paths(below, depth - 1):
            yield (key, *path)
