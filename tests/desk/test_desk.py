"""The desk decides safely, several at once, and says how its endpoints fare."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx
import msgspec
import pytest

from tests.desk.conftest import MakeDesk, until
from tests.desk.scripted import Agent, make_item
from triage.connectors.http import Busy, Interrupted, Reply, Unreachable
from triage.desk import pace
from triage.desk.desk import Change, ItemChanged, ItemGone, Refused
from triage.desk.summary import SUMMARY_FILE
from triage.model.decision import DeliveryState, Verdict
from triage.model.endpoint import HealthState
from triage.model.item import Action, Gone, ItemKind, Verb
from triage.store import storage
from triage.store.errors import StoreUnavailable
from triage.store.log import AlreadyDecided

APPROVE = (Verdict(Verb.APPROVE),)


async def test_items_come_change_and_vanish(desks: MakeDesk, agent: Agent) -> None:
    item = agent.ask("a")
    desk = desks()
    seen: list[Change] = []
    desk.subscribe(seen.append)
    await desk.start()
    await until(lambda: [entry.item for entry in desk.waiting()] == [item])
    await until(lambda: any(item.id in change.items for change in seen))
    changed = agent.ask("a", title="Refund a, again")
    await until(lambda: desk.entry(item.id).item == changed)  # type: ignore[union-attr]
    assert desk.entry(item.id).previous == item  # type: ignore[union-attr]
    del agent.items["a"]
    agent.answered["a"] = Gone("answered", "on the web page")
    await until(lambda: desk.waiting() == [])
    assert desk.entry(item.id).gone == Gone("answered", "on the web page")  # type: ignore[union-attr]
    assert [(event.type, event.state) for event in desk.log_of(item.id)] == [("gone", "answered")]
    desk.forget([item.id])
    assert desk.entry(item.id) is None


async def test_an_item_missing_from_the_list_but_still_there_stays(desks: MakeDesk, agent: Agent) -> None:
    item = agent.ask("a")
    desk = desks()
    await desk.start()
    await until(desk.waiting)
    agent.reread_error = Unreachable("no route")
    del agent.items["a"]
    polls = agent.polls
    await until(lambda: agent.polls > polls + 3)
    assert [entry.item for entry in desk.waiting()] == [item]


async def test_a_decision_is_bound_to_what_was_shown(desks: MakeDesk, agent: Agent) -> None:
    item = agent.ask("a")
    desk = desks()
    await desk.start()
    await until(desk.waiting)
    with pytest.raises(ItemChanged, match="look at it again"):
        desk.decide(item.id, "0" * 32, APPROVE)
    with pytest.raises(ItemGone):
        desk.decide("nosuchitem00", item.revision, APPROVE)
    assert desk.recent(1) == []


@pytest.mark.parametrize(
    ("verdicts", "words"),
    [
        ((), "at least one"),
        (APPROVE * 2, "asks for 1 verdicts"),
        ((Verdict(Verb.IGNORE),), "does not take ignore; it takes approve, edit, reject"),
        ((Verdict(Verb.EDIT),), "needs the whole edited arguments"),
        ((Verdict(Verb.EDIT, arguments={"order": "a", "amount": 12}),), "are those proposed"),
        ((Verdict(Verb.EDIT, arguments={"order": "a", "amount": 5000}),), "amount: .*maximum of 100"),
        ((Verdict(Verb.EDIT, arguments={"order": "a", "amount": "12"}),), "amount: "),
        ((Verdict(Verb.APPROVE, arguments={}),), "go with edit"),
        ((Verdict(Verb.APPROVE, answer="yes"),), "goes with respond"),
        ((Verdict(Verb.APPROVE, scope="always"),), "not offered"),
    ],
)
async def test_what_may_not_be_decided_says_why(
    desks: MakeDesk, agent: Agent, verdicts: tuple[Verdict, ...], words: str
) -> None:
    item = agent.ask("a")
    desk = desks()
    await desk.start()
    await until(desk.waiting)
    with pytest.raises(Refused, match=words):
        desk.decide(item.id, item.revision, verdicts)
    assert desk.recent(1) == []


async def test_every_action_of_a_batch_takes_its_own_verdict(desks: MakeDesk, agent: Agent) -> None:
    item = agent.ask(
        "a",
        actions=(Action("mail", {"to": "x"}), Action("drop", {"table": "t"}, verbs=(Verb.REJECT,))),
    )
    desk = desks()
    with pytest.raises(LookupError):
        desk.find("zz")
    assert "action 2 (drop)" in desk.check(item, (Verdict(Verb.APPROVE), Verdict(Verb.APPROVE)))[0]
    assert "2 verdicts" in desk.check(item, APPROVE)[0]
    assert desk.check(item, (Verdict(Verb.APPROVE), Verdict(Verb.REJECT))) == []


async def test_answers_are_checked_against_the_schema(desks: MakeDesk, agent: Agent) -> None:
    item = make_item(
        "q", kind=ItemKind.QUESTION, actions=(), verbs=(Verb.RESPOND,), answer_schema={"type": "integer"}
    )
    desk = desks()
    assert desk.check(item, (Verdict(Verb.RESPOND, answer="3"),)) == ['"3" is not of type "integer"']
    assert desk.check(item, (Verdict(Verb.RESPOND, answer=3),)) == []
    assert desk.check(item, (Verdict(Verb.RESPOND),)) == ["respond needs an answer"]
    broken = msgspec.structs.replace(item, answer_schema={"$ref": "http://schemas.invalid/x"})
    assert "never fetched" in desk.check(broken, (Verdict(Verb.RESPOND, answer=3),))[0]


async def test_formats_in_schemas_are_checked(desks: MakeDesk, agent: Agent) -> None:
    schema = {"type": "string", "format": "date"}
    item = make_item("q", kind=ItemKind.QUESTION, actions=(), verbs=(Verb.RESPOND,), answer_schema=schema)
    desk = desks()
    assert desk.check(item, (Verdict(Verb.RESPOND, answer="2026-02-30"),)) != []
    assert desk.check(item, (Verdict(Verb.RESPOND, answer="2026-02-28"),)) == []


async def test_the_connectors_own_check_is_asked(desks: MakeDesk, agent: Agent) -> None:
    item = agent.ask("a", title="Too big")
    assert desks().check(item, APPROVE) == ["too much at once"]


async def test_the_first_decision_wins_and_the_second_is_told(desks: MakeDesk, agent: Agent) -> None:
    item = agent.ask("a")
    ann, bob = desks(hold_s=60), desks(operator="bob", hold_s=60)
    await ann.start()
    await bob.start()
    await until(lambda: ann.waiting() and bob.waiting())
    ann.decide(item.id, item.revision, APPROVE)
    with pytest.raises(AlreadyDecided, match="ann"):
        bob.decide(item.id, item.revision, (Verdict(Verb.REJECT, reason="no"),))
    await until(lambda: bob.record(item.id) is not None)
    with pytest.raises(Refused, match="nothing is held"):
        bob.undo()


async def test_one_desk_polls_and_another_takes_over(desks: MakeDesk, agent: Agent) -> None:
    item = agent.ask("a")
    first, second = desks(), desks(operator="bob")
    await first.start()
    await until(first.waiting)
    await second.start()
    await until(second.waiting)
    assert first.holder("agent") == ""
    assert "process" in second.holder("agent")
    record = second.decide(item.id, item.revision, APPROVE)
    assert (await second.wait(record.decision.id, 10)).state is DeliveryState.CONFIRMED
    await first.stop()
    await until(lambda: second.holder("agent") == "")
    other = agent.ask("b")
    await until(lambda: [entry.item for entry in second.waiting()] == [other])


async def test_a_desk_that_steps_aside_lets_another_work(desks: MakeDesk, agent: Agent) -> None:
    first, second = desks(), desks(operator="bob")
    await first.start()
    await until(lambda: agent.polls)
    await second.start()
    await first.step_aside()
    await until(lambda: second.holder("agent") == "" and first.holder("agent"))
    await second.stop()
    await first.take_up()
    await until(lambda: first.holder("agent") == "")


async def test_health_says_what_is_wrong_and_polls_back_off(
    desks: MakeDesk, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "MAX_BACKOFF_S", 0.1)
    agent.poll_error = Unreachable("cannot reach agent.invalid: refused")
    desk = desks()
    assert desk.health()[0].state is HealthState.NEW
    await desk.start()
    await until(lambda: desk.health()[0].state is HealthState.FAILING)
    assert desk.health()[0].detail == "cannot reach agent.invalid: refused"
    agent.poll_error = None
    agent.problems = ("row 3 has no title",)
    await until(lambda: desk.health()[0].state is HealthState.DEGRADED)
    assert (desk.health()[0].detail, desk.health()[0].version) == ("row 3 has no title", "7")
    agent.problems = ()
    await until(lambda: desk.health()[0].state is HealthState.OK)


async def test_a_version_that_was_not_tested_is_said_and_polling_goes_on(
    desks: MakeDesk, agent: Agent
) -> None:
    agent.version_warning = "tested with 6; this is 7"
    agent.ask("a")
    desk = desks()
    await desk.start()
    await until(desk.waiting)
    await until(lambda: desk.health()[0].warning == "tested with 6; this is 7")
    assert (desk.health()[0].state, desk.health()[0].version) == (HealthState.OK, "7")


async def test_the_pause_between_polls_grows_to_two_minutes_and_heeds_retry_after(
    desks: MakeDesk, agent: Agent
) -> None:
    desk = desks()
    poller = desk._stations["agent"].poller
    agent.poll_error = Interrupted("slow")
    pauses = [await poller.poll() for _ in range(16)]
    assert 0.9 * 0.04 <= pauses[0] <= 1.1 * 0.04
    assert all(0.9 * 120 <= pause <= 1.1 * 120 for pause in pauses[-2:])
    agent.poll_error = Busy("later", Reply(429, httpx.Headers({"retry-after": "500"}), b"", "GET /"))
    assert await poller.poll() == 500.0
    agent.poll_error = None
    assert await poller.poll() <= 1.1 * 0.02


async def test_items_listed_twice_are_said_so(desks: MakeDesk, agent: Agent) -> None:
    agent.items = {"one": make_item("a"), "two": make_item("a", title="An impostor")}
    desk = desks()
    await desk.start()
    await until(lambda: desk.health()[0].state is HealthState.DEGRADED)
    assert "listed 2 times" in desk.health()[0].detail
    assert [entry.item.title for entry in desk.waiting()] == ["Refund a"]


async def test_a_desk_that_only_looks_decides_nothing(desks: MakeDesk, agent: Agent) -> None:
    item = agent.ask("a")
    looking, working = desks(read_only=True), desks()
    await looking.start()
    await until(looking.waiting)
    with pytest.raises(Refused, match="look only"):
        looking.decide(item.id, item.revision, APPROVE)
    with pytest.raises(Refused, match="look only"):
        looking.pause()
    await working.start()
    await until(working.waiting)
    record = working.decide(item.id, item.revision, APPROVE)
    assert (await working.wait(record.decision.id, 10)).state is DeliveryState.CONFIRMED


async def test_marks_stay_with_the_item(desks: MakeDesk, agent: Agent) -> None:
    item = agent.ask("a")
    desk = desks()
    await desk.start()
    await until(desk.waiting)
    desk.claim(item.id)
    desk.note(item.id, "ask finance")
    desk.draft(item.id, "reject", "too mu")
    marks = desk.entry(item.id).marks  # type: ignore[union-attr]
    assert (marks.claimed_by, marks.note, marks.drafts) == ("ann", "ask finance", {"reject": "too mu"})
    desk.release(item.id)
    desk.draft(item.id, "reject", None)
    marks = desk.entry(item.id).marks  # type: ignore[union-attr]
    assert (marks.claimed_by, marks.drafts) == ("", {})
    assert [event.detail for event in desk.log_of(item.id)] == ["ask finance"]


async def test_a_snoozed_item_comes_back_in_time_or_when_it_changes(desks: MakeDesk, agent: Agent) -> None:
    item = agent.ask("a")
    desk = desks()
    await desk.start()
    await until(desk.waiting)
    desk.snooze(item.id, datetime.now(UTC) + timedelta(milliseconds=150))
    assert desk.waiting() == []
    await until(desk.waiting)
    desk.snooze(item.id, None, until_change=True)
    assert desk.waiting() == []
    agent.ask("a", title="Refund a, but more")
    await until(desk.waiting)


async def test_repair_is_carried_out_and_logged(desks: MakeDesk, agent: Agent) -> None:
    whole, broken = agent.ask("a"), agent.ask("b", repair="ask the agent to ask again")
    desk = desks()
    await desk.start()
    await until(lambda: len(desk.waiting()) == 2)
    with pytest.raises(Refused, match="nothing to repair"):
        await desk.repair(whole.id)
    assert await desk.repair(broken.id) == "asked the agent to ask again"
    assert agent.repaired
    assert [event.type for event in desk.log_of(broken.id)] == ["repaired"]


async def test_ids_are_found_by_any_unique_prefix(desks: MakeDesk, agent: Agent) -> None:
    items = [agent.ask(str(number)) for number in range(40)]
    desk = desks()
    await desk.start()
    await until(lambda: len(desk.waiting()) == 40)
    assert desk.find(items[0].id[:10]).item == items[0]
    letter = max((item.id[0] for item in items), key=[item.id[0] for item in items].count)
    with pytest.raises(LookupError, match="give more of it"):
        desk.find(letter)


async def test_the_summary_file_follows_the_desk(desks: MakeDesk, agent: Agent) -> None:
    agent.ask("a")
    agent.ask("b")
    desk = desks()
    await desk.start()
    await until(lambda: len(desk.waiting()) == 2)
    await desk.stop()
    summary = msgspec.json.decode((desk.data / SUMMARY_FILE).read_bytes())
    assert (summary["waiting"], summary["by_endpoint"], summary["version"]) == (2, {"agent": 2}, 1)


async def test_payloads_are_kept_only_for_the_days_wanted(desks: MakeDesk, agent: Agent) -> None:
    item = agent.ask("a")
    first = desks()
    first.queue.sync("agent", [item], datetime.now(UTC))
    decision = msgspec.structs.replace(
        first._new_decision(item, APPROVE, 0.0), at=datetime.now(UTC) - timedelta(days=31)
    )
    first.log.decide(decision, item)
    first.log.advance(decision.id, DeliveryState.WITHDRAWN, expect=DeliveryState.HELD)
    keeping = desks(payload_days=32)
    await keeping.start()
    assert keeping.record(item.id).item is not None  # type: ignore[union-attr]
    erasing = desks(payload_days=30)
    await erasing.start()
    assert erasing.record(item.id).item is None  # type: ignore[union-attr]
    assert erasing.record(item.id).decision.operator == "ann"  # type: ignore[union-attr]


async def test_a_store_that_cannot_be_written_is_said_and_polling_goes_on(
    desks: MakeDesk, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = desks()
    real = desk.queue.sync_in_steps

    def full(*_: object) -> None:
        raise StoreUnavailable("queue.jsonl cannot be written: the disk is full")

    monkeypatch.setattr(desk.queue, "sync_in_steps", full)
    agent.ask("a")
    await desk.start()
    await until(lambda: "the disk is full" in desk.trouble)
    monkeypatch.setattr(desk.queue, "sync_in_steps", real)
    await until(desk.waiting)
    await until(lambda: desk.trouble == "")


async def test_an_entry_that_cannot_be_read_is_said_and_read_again(
    desks: MakeDesk, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    item, seen = agent.ask("a"), list[Change]()
    desk = desks()
    desk.queue.sync("agent", [item], datetime.now(UTC))
    desk.claim(item.id)

    def unreadable(_: str) -> None:
        raise StoreUnavailable("queue.jsonl cannot be read: the disk reports an error")

    with monkeypatch.context() as patch:
        patch.setattr(desk.queue, "get", unreadable)
        assert desk.entry(item.id) is None
        with pytest.raises(StoreUnavailable):
            desk.decide(item.id, item.revision, APPROVE)
        await desk.start()
        await until(lambda: "the disk reports an error" in desk.trouble)
        desk.subscribe(seen.append)
    await until(lambda: desk.trouble == "")
    await until(lambda: any(item.id in change.items for change in seen))
    assert desk.entry(item.id).item == item  # type: ignore[union-attr]


async def test_a_desk_that_ends_leaves_a_checkpoint_of_its_queue(
    desks: MakeDesk, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "CHECKPOINT_BYTES", 0)
    desk = desks()
    desk.queue.sync("agent", [agent.ask("a")], datetime.now(UTC))
    checkpoint = desk.data / "queue.checkpoint"
    assert not checkpoint.exists()
    await desk.stop()
    assert checkpoint.exists()


async def test_marks_of_two_operators_do_not_undo_each_other(desks: MakeDesk, agent: Agent) -> None:
    item = agent.ask("a")
    ann, bob = desks(), desks(operator="bob")
    ann.queue.sync("agent", [item], datetime.now(UTC))
    bob.queue.refresh()
    ann.claim(item.id)
    bob.note(item.id, "ask finance")
    ann.queue.refresh()
    marks = ann.entry(item.id).marks  # type: ignore[union-attr]
    assert (marks.claimed_by, marks.note) == ("ann", "ask finance")


async def test_what_cannot_be_kept_as_a_mark_is_refused_in_words(desks: MakeDesk, agent: Agent) -> None:
    item = agent.ask("a")
    desk = desks()
    desk.queue.sync("agent", [item], datetime.now(UTC))
    with pytest.raises(Refused, match="cannot be kept"):
        desk.note(item.id, "half a surrogate: \udc80")


async def test_what_speaks_http_not_loading_ends_no_polling(
    desks: MakeDesk, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = desks()

    def broken() -> None:
        raise ImportError("h2 is not what it should be")

    monkeypatch.setattr(desk._clients, "open", broken)
    agent.ask("a")
    await desk.start()
    await until(desk.waiting)
    assert desk.trouble == ""


async def test_work_that_ends_by_a_fault_of_ours_is_said(
    desks: MakeDesk, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = desks()

    async def broken() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(desk._stations["agent"], "run", broken)
    await desk.start()
    await until(lambda: "station agent ended" in desk.trouble)
    assert "ZeroDivisionError" in desk.trouble
