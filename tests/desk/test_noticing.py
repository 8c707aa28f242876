"""What is told of new items: by rule, once for many, never in quiet hours."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import Any

import pytest

from tests.desk.conftest import MakeDesk, until
from tests.desk.scripted import Agent, make_item
from triage.config.judging import NoticeRule
from triage.desk.noticing import GATHER_S, Gathering, Noticing, notice_words
from triage.model.filtering import Subject
from triage.model.item import Action, Risk

NOON = time(12)
NOW = datetime.now(UTC)


def subject(key: str, *, risk: Risk | None = None, **more: Any) -> Subject:
    return Subject(make_item(key, **more), NOW, risk=risk)


def noticing(*rules: dict[str, Any], **saved: str) -> Noticing:
    return Noticing([NoticeRule(**rule) for rule in rules], saved)


def test_without_rules_nothing_is_told() -> None:
    assert not noticing()
    assert noticing().notice([subject("a")], NOON) is None


def test_a_rule_without_a_filter_is_about_all() -> None:
    notice = noticing({}).notice([subject("a"), subject("b")], NOON)
    assert notice is not None
    assert notice.how == {"bell"}
    assert [one.item.key for one in notice.subjects] == ["a", "b"]


def test_what_matches_no_rule_is_not_told() -> None:
    one = noticing({"when": "risk:high"})
    assert one.notice([subject("a")], NOON) is None
    notice = one.notice([subject("a"), subject("b", risk=Risk.HIGH)], NOON)
    assert notice is not None
    assert [each.item.key for each in notice.subjects] == ["b"]


def test_several_rules_are_one_notice_and_each_command_gets_its_items() -> None:
    rules = (
        {"when": "filter:big", "how": ["bell", "command"], "command": "page"},
        {"how": ["osc9"]},
        {"when": "amount>50", "how": ["command"], "command": "page"},
        {"when": "amount>50", "how": ["command"], "command": "call"},
    )
    items = [subject(key, actions=(Action("pay", {"amount": cost}),)) for key, cost in (("a", 5), ("b", 90))]
    notice = noticing(*rules, big="amount>10").notice(items, NOON)
    assert notice is not None
    assert notice.how == {"bell", "osc9", "command"}
    assert [each.item.key for each in notice.subjects] == ["a", "b"]
    given = {command: [each.item.key for each in found] for command, found in notice.commands.items()}
    assert given == {"page": ["b"], "call": ["b"]}


def test_in_quiet_hours_a_rule_tells_nothing() -> None:
    one = noticing({"quiet": ["11:00-13:00"]}, {"when": "risk:high", "how": ["osc9"]})
    assert one.notice([subject("a")], NOON) is None
    notice = one.notice([subject("a", risk=Risk.HIGH)], NOON)
    assert notice is not None
    assert notice.how == {"osc9"}
    assert one.notice([subject("a")], time(14)) is not None


def test_a_filter_that_means_nothing_hides_nothing() -> None:
    assert noticing({"when": "amount>"}).notice([subject("a")], NOON) is not None


def test_what_comes_within_a_while_is_gathered_once() -> None:
    gathering = Gathering()
    assert gathering.due(100.0) == []
    gathering.add("a", 100.0)
    gathering.add("b", 101.0)
    gathering.add("a", 102.0)
    assert gathering.due(100.0 + GATHER_S - 0.1) == []
    assert gathering.due(100.0 + GATHER_S) == ["a", "b"]
    assert gathering.due(200.0) == []
    gathering.add("c", 200.0)
    assert gathering.due(201.0) == []
    assert gathering.due(200.0 + GATHER_S) == ["c"]


def test_the_words_are_short_and_safe() -> None:
    titles = ["One", "Two\x1b]0;owned\x07", "", "x" * 500, "Five"]
    said = notice_words([subject(str(at), title=title) for at, title in enumerate(titles)])
    assert said == "5 new: One; Two‹ESC›]0;owned‹BEL›; (no title); and 2 more"
    assert len(notice_words([subject("a", title="x" * 500)])) < 80
    assert said.isprintable()


# -- from when on what comes is new ---------------------------------------------------------------


async def test_what_the_first_poll_brings_was_there_already(desks: MakeDesk, agent: Agent) -> None:
    first = agent.ask("a")
    desk = desks()
    assert desk.watched_since("agent") is None
    assert desk.watched_since("none") is None
    await desk.start()
    await until(lambda: desk.watched_since("agent"))
    later = agent.ask("b")
    await until(lambda: desk.entry(later.id))
    since = desk.watched_since("agent")
    entries = [desk.entry(item.id) for item in (first, later)]
    assert [entry.seen_at > since for entry in entries if entry and since] == [False, True]


async def test_where_another_process_polls_what_comes_from_now_on_is_new(
    desks: MakeDesk, agent: Agent
) -> None:
    agent.ask("a")
    holder = desks()
    await holder.start()
    await until(holder.waiting)
    other = desks()
    await other.start()
    await until(lambda: other.watched_since("agent"))
    later = agent.ask("b")
    await until(lambda: other.entry(later.id))
    entry, since = other.entry(later.id), other.watched_since("agent")
    assert entry is not None
    assert since is not None
    assert entry.seen_at > since


@pytest.mark.parametrize("policy", [[], ["bell"]])
def test_how_defaults_to_the_bell_and_may_be_given(policy: list[str]) -> None:
    notice = noticing({"how": policy} if policy else {}).notice([subject("a")], NOON)
    assert notice is not None
    assert notice.how == {"bell"}
