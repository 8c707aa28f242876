"""Risk: the first rule that matches counts, a rule that fails makes an item high, and high asks for more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from tests.desk.conftest import MakeDesk, until
from tests.desk.scripted import Agent, make_item
from triage.config.judging import RiskRule
from triage.desk.desk import Refused
from triage.desk.rating import Rated, Rater
from triage.model.decision import Verdict
from triage.model.filtering import Filter, Subject
from triage.model.item import Action, Risk, Verb
from triage.store.queue import Entry

NOW = datetime.now(UTC)
BIG: list[dict[str, str]] = [
    {"when": "amount<5 action:refund", "risk": "low"},
    {"when": "amount>10 (agent:bot or not title:buy)", "risk": "high"},
]


def entry(**more: Any) -> Entry:
    return Entry(make_item("a", **more), NOW)


def rater(*rules: tuple[str, str], **saved: str) -> Rater:
    return Rater([RiskRule(when=when, risk=Risk(risk)) for when, risk in rules], saved)


def test_without_rules_the_agents_hint_counts() -> None:
    assert rater().rate(entry(risk=Risk.MEDIUM)) == Rated(Risk.MEDIUM)
    assert rater().rate(entry()) == Rated(None)


def test_the_first_rule_that_matches_counts_and_is_named() -> None:
    one = rater(("amount>1000", "high"), ("amount>10", "medium"), ("refund", "high"))
    assert one.rate(entry()) == Rated(Risk.MEDIUM, "rule 2, amount>10")


def test_where_no_rule_matches_the_hint_counts() -> None:
    assert rater(("amount>1000", "high")).rate(entry(risk=Risk.LOW)) == Rated(Risk.LOW)


def test_a_rule_may_lower_the_agents_hint_and_look_at_it() -> None:
    one = rater(("risk:high amount<20", "low"))
    assert one.rate(entry(risk=Risk.HIGH)).risk is Risk.LOW
    assert one.rate(entry(risk=Risk.MEDIUM)) == Rated(Risk.MEDIUM)


def test_rules_use_saved_filters() -> None:
    assert rater(("filter:big", "high"), big="amount>10").rate(entry()).is_high


def test_a_rule_that_means_nothing_makes_every_item_high() -> None:
    rated = rater(("amount>", "low")).rate(entry(risk=Risk.LOW))
    assert rated.is_high
    assert rated.why.startswith("rule 1 means nothing: nothing stands after amount>")


def test_a_rule_that_fails_makes_the_item_high_and_says_so() -> None:
    one = rater(("title:x", "low"), ("amount>1", "low"))

    def fail(subject: object) -> bool:
        raise ArithmeticError("too large to tell")

    rule, made = one._rules[1]
    one._rules[1] = (rule, msgspec.structs.replace(made, test=fail))
    rated = one.rate(entry(risk=Risk.LOW))
    assert rated == Rated(Risk.HIGH, "rule 2 failed (ArithmeticError: too large to tell)")


def test_a_risk_is_worked_out_once_an_item() -> None:
    one, asked = rater(("amount>1", "high")), []
    rule, made = one._rules[0]
    assert isinstance(made, Filter)

    def counted(subject: Subject) -> bool:
        asked.append(subject.item.id)
        return made.matches(subject)

    one._rules[0] = (rule, msgspec.structs.replace(made, test=counted))
    item = entry()
    assert [one.rate(item).is_high for _ in range(3)] == [True] * 3
    assert len(asked) == 1
    changed = msgspec.structs.replace(item.item, actions=(Action("refund", {"amount": 0}),))
    assert not one.rate(msgspec.structs.replace(item, item=changed)).is_high
    assert rater(("amount>1", "low")).rate(item).risk is Risk.LOW


def test_a_risk_that_time_changes_is_worked_out_anew() -> None:
    one = rater(("due<1h", "high"))
    assert one.timed
    assert one.rate(entry(expires_at=NOW + timedelta(minutes=5))).is_high
    assert not rater(("amount>1", "high")).timed


# -- at the desk ----------------------------------------------------------------------------------


def rules(policy: str) -> dict[str, Any]:
    return {"risk": BIG, "high_risk": policy}


async def test_the_desk_rates_and_filters_by_risk(desks: MakeDesk, agent: Agent) -> None:
    item = agent.ask("a")
    desk = desks(settings=rules("none"))
    await desk.start()
    await until(desk.waiting)
    (found,) = desk.waiting()
    assert desk.risk_of(found) == Rated(Risk.HIGH, "rule 2, amount>10 (agent:bot or not title:buy)")
    assert desk.subject(found).risk is Risk.HIGH
    desk.decide(item.id, item.revision, [Verdict(Verb.APPROVE)])


async def test_high_risk_needs_a_reason_where_that_is_the_policy(desks: MakeDesk, agent: Agent) -> None:
    item = agent.ask("a")
    desk = desks(settings=rules("reason"))
    await desk.start()
    await until(desk.waiting)
    with pytest.raises(Refused, match=r"high risk \(rule 2, amount>10 .*\) and needs a reason"):
        desk.decide(item.id, item.revision, [Verdict(Verb.APPROVE)])
    with pytest.raises(Refused, match="needs a reason"):
        desk.decide(item.id, item.revision, [Verdict(Verb.REJECT, reason="  ")])
    assert desk.recent(1) == []
    desk.decide(item.id, item.revision, [Verdict(Verb.APPROVE, reason="asked Ann")])


async def test_every_verdict_of_a_high_risk_item_needs_its_reason(desks: MakeDesk, agent: Agent) -> None:
    item = agent.ask("a", actions=(Action("refund", {"amount": 12}), Action("mail", {})))
    desk = desks(settings=rules("reason"))
    await desk.start()
    await until(desk.waiting)
    with pytest.raises(Refused, match="needs a reason"):
        desk.decide(item.id, item.revision, [Verdict(Verb.APPROVE), Verdict(Verb.REJECT, reason="no")])


@pytest.mark.parametrize(("policy", "amount"), [("none", 12), ("confirm", 12), ("reason", 4)])
async def test_otherwise_the_desk_asks_for_no_reason(
    desks: MakeDesk, agent: Agent, policy: str, amount: int
) -> None:
    item = agent.ask("a", actions=(Action("refund", {"amount": amount}),))
    desk = desks(settings=rules(policy))
    await desk.start()
    await until(desk.waiting)
    desk.decide(item.id, item.revision, [Verdict(Verb.APPROVE)])
