"""The filter language: what each term means, what is wrong with a bad one, and how fast it is."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.model.decision import DeliveryState
from triage.model.filtering import ORDERS, Filter, FilterError, Subject, compile, complete, haystack
from triage.model.item import Action, Item, ItemKind, Risk, Verb

NOW = datetime(2025, 5, 1, 12, tzinfo=UTC)


def item(key: str = "k", **changes: Any) -> Item:
    fields: dict[str, Any] = {
        "endpoint": "support",
        "key": key,
        "kind": ItemKind.APPROVAL,
        "title": "Refund order 4711",
        "verbs": (Verb.APPROVE, Verb.REJECT),
        "agent": "Billing Bot",
        "actions": (
            Action(
                "refund_order",
                {
                    "amount": 150,
                    "currency": "EUR",
                    "force": True,
                    "note": None,
                    "customer": {"name": "Ann Lee", "tags": ["vip", "old"]},
                    "lines": [{"sku": "A1", "price": 99.5}, {"sku": "B2", "price": 50.5}],
                    "big": 12345678901234567890123,
                    "text-amount": "200",
                },
            ),
            Action("send_mail", {"to": "ann@example.org"}),
        ),
        "created_at": NOW - timedelta(hours=2),
        "expires_at": NOW + timedelta(minutes=5),
        "risk": Risk.MEDIUM,
    }
    return Item(**{**fields, **changes})


def subject(one: Item | None = None, **changes: Any) -> Subject:
    return Subject(**{"item": one or item(), "now": NOW, "operator": "ann", **changes})


def matches(text: str, one: Subject | None = None) -> bool:
    found = compile(text)
    assert isinstance(found, Filter), found
    return found.matches(one or subject())


def error(text: str, **saved: str) -> FilterError:
    found = compile(text, saved)
    assert isinstance(found, FilterError), f"{text} was taken"
    return found


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "refund",
        "REFUND 4711",
        '"refund order"',
        "'order 4711'",
        "billing",
        "send_mail",
        "ann@example",
        "vip",
        "12345678901234567890123",
        "-missing",
        "not missing",
        "not not refund",
        "missing or refund",
        "refund and order",
        "(missing or refund) order",
        "-(missing or absent)",
        "missing or refund order",
        "endpoint:supp",
        "endpoint=support",
        "endpoint:other,supp",
        "endpoint!=other",
        'agent:"billing bot"',
        "agent:billing*",
        "agent!=other",
        "action:mail",
        "action:send_*",
        "action=send_mail",
        "action!=delete",
        "title:refund",
        "kind:approval",
        "kind:question,approval",
        "kind!=question",
        "verb:reject",
        "verb!=edit",
        "risk:medium",
        "risk:high,medium",
        "risk>=medium",
        "risk>low",
        "risk<high",
        "risk!=high",
        "state:none",
        "age>1h",
        "age>1h30m",
        "age<2.5h",
        "age>=2h",
        "due<10m",
        "due>4min",
        "is:waiting",
        "-is:gone",
        "is:gone,waiting",
        "is!=claimed",
        "amount>100",
        "amount>=150",
        "amount=150",
        "amount=150.0",
        "AMOUNT<1e3",
        "amount!=151",
        "absent!=1",
        "text-amount>100",
        "currency=eur",
        "currency>ABC",
        "args.customer.name:ann",
        'args.customer.name="ann lee"',
        "args.customer.tags=vip",
        "args.lines.price>99",
        "args.lines.0.sku=a1",
        "args.lines.1.price<99",
        "args.force:true",
        "args.note=null",
        "args.big>12345678901234567890122",
        "args.big=12345678901234567890123",
        "args.to:*@example.org",
        "args.amount:150",
        "Endpoint:support",
        "f(x) or refund",
    ],
)
def test_a_filter_that_matches(text: str) -> None:
    assert matches(text)


@pytest.mark.parametrize(
    "text",
    [
        "missing",
        "-refund",
        "not refund",
        "refund missing",
        "-(missing or refund)",
        '"order refund"',
        "endpoint=supp",
        "endpoint!=support",
        "agent:other",
        "action:delete*",
        "action:mail*",
        "action!=send_mail",
        "kind:question",
        "verb:edit",
        "verb!=reject",
        "risk:high",
        "risk>medium",
        "risk:none",
        "state:confirmed",
        "age<1h",
        "due>10m",
        "is:claimed",
        "is:mine",
        "amount>150",
        "amount<abc",
        "args.amount:15",
        "currency>100",
        "force>0",
        "force=1",
        "absent=1",
        "absent>1",
        "args.name:ann",
        "args.lines.7.sku:a",
        "args.big=12345678901234567890124",
        "args.note=none",
    ],
)
def test_a_filter_that_does_not_match(text: str) -> None:
    assert not matches(text)


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("is:claimed", {"claimed_by": "bo"}),
        ("is:mine", {"claimed_by": "ann"}),
        ("-is:mine", {"claimed_by": "bo"}),
        ("is:snoozed", {"snoozed": True}),
        ("-is:waiting", {"snoozed": True}),
        ("is:escalated", {"escalated": True}),
        ("is:new", {"new": True}),
        ("is:changed", {"changed": True}),
        ("is:gone -is:waiting", {"gone": True}),
        ("is:decided -is:waiting state:held", {"state": DeliveryState.HELD}),
        ("-is:decided is:waiting state:refused", {"state": DeliveryState.REFUSED}),
        ("risk:high", {"risk": Risk.HIGH}),
    ],
)
def test_what_queue_and_log_say_counts(text: str, changes: dict[str, Any]) -> None:
    assert matches(text, subject(**changes))


def test_age_is_taken_from_the_first_poll_where_the_agent_says_no_time() -> None:
    one = subject(item(created_at=None), seen_at=NOW - timedelta(minutes=30))
    assert matches("age>29m age<31m", one)


def test_no_deadline_is_never_due() -> None:
    one = subject(item(expires_at=None))
    assert not matches("due<1000d", one)
    assert not matches("due>0s", one)


def test_a_deadline_that_is_over_is_due() -> None:
    assert matches("due<0s", subject(item(expires_at=NOW - timedelta(seconds=1))))


def test_an_id_is_matched_by_its_beginning() -> None:
    one = subject()
    assert matches(f"id:{one.item.id[:4]}", one)
    assert not matches(f"id:{one.item.id[1:]}", one)


def test_quotes_may_hold_quotes_and_keywords() -> None:
    one = subject(item(title='say "or" twice'))
    assert matches(r'"say \"or\""', one)
    assert matches("'\"or\"'", one)
    assert matches('"or"', one)


@pytest.mark.parametrize(
    ("text", "position", "message", "hint"),
    [
        ('a "b', 2, "this quote is not closed", 'end it with "'),
        ("(a", 0, "this ( is not closed", "end it with )"),
        ("a )", 2, "nothing was opened that this ) closes", "take it out"),
        (")", 0, "nothing was opened that this ) closes", "take it out"),
        ("()", 0, "nothing stands in these brackets", ""),
        ("a or", 2, "nothing stands after or", ""),
        ("or a", 0, "nothing stands before or", 'to look for the word, write "or"'),
        ("a not", 2, "nothing stands after not", ""),
        ("a and", 2, "nothing stands after and", ""),
        ("amount > 100", 7, "nothing is compared here", "write it without spaces, as in amount>100"),
        ("amount >100", 7, "nothing is compared here", "write it without spaces"),
        ("kind:", 0, "nothing stands after kind:", "for instance kind:approval"),
        ("amount>", 0, "nothing stands after amount>", "for instance amount:text"),
        ("a kind:approvl", 7, "`approvl` is nothing that kind can be", "did you mean kind:approval?"),
        ("is:x", 3, "`x` is nothing that is can be", "there are claimed, mine, snoozed"),
        ("kind>approval", 0, "kind cannot be compared with >", "write kind:approval"),
        ("agent>b", 0, "agent cannot be compared with >", "write agent:text or agent=text"),
        ("age:1h", 0, "age cannot be compared with :", "write age>1h or age<10m"),
        ("age>soon", 4, "`soon` is no length of time", "write age>1h or age<10m; units are"),
        ("age>1h!", 4, "`1h!` is no length of time", "write age>1h"),
        ("risk>vast", 5, "`vast` is nothing that risk can be", "there are none, low, medium, high"),
        ("agnet:x", 0, "`agnet` is no field", "did you mean agent:x?"),
        ("colour:red", 0, "`colour` is no field", "for an argument write args.colour:red"),
        ("https://x", 0, "`https` is no field", "for an argument write args.https://x, for the text itself"),
        ("filter:x", 0, "there is no filter `x`", "there are none yet"),
        ("(" * 60 + "a" + ")" * 60, 50, "nested more than 50 deep", "use fewer brackets"),
        ("a" * 5000, 4000, "a filter has at most 4000 characters", ""),
    ],
)
def test_a_fault_says_where_it_is_and_what_to_write(
    text: str, position: int, message: str, hint: str
) -> None:
    found = error(text)
    assert (found.position, found.message) == (position, message)
    assert found.hint.startswith(hint)
    assert found.length >= 1
    assert found.text.startswith(message)


def test_saved_filters_are_called_by_name() -> None:
    saved = {"big": "amount>100", "mine": "filter:big agent:billing", "soon": "due<10m"}
    found = compile("filter:mine filter:soon", saved)
    assert isinstance(found, Filter)
    assert found.matches(subject())
    assert found.timed


def test_a_saved_filter_that_calls_itself_is_a_fault() -> None:
    assert "calls itself" in error("filter:a", a="filter:b", b="x or filter:a").message
    assert "the filter `a` is wrong: nothing stands after kind:" in error("filter:a", a="kind:").message


def test_only_filters_that_look_at_the_clock_are_timed() -> None:
    for text, timed in {"refund": False, "-age>1h": True, "(a or due<1h)": True}.items():
        found = compile(text)
        assert isinstance(found, Filter)
        assert found.timed is timed


def test_the_empty_filter_is_false() -> None:
    assert not compile("  ")
    assert compile("a")


def test_the_haystack_leaves_the_item_as_it_was() -> None:
    one, other = item(), item()
    assert "ann lee" in haystack(one)
    assert one == other
    assert msgspec.json.encode(one) == msgspec.json.encode(other)


def test_arguments_of_any_shape_and_depth_are_looked_through() -> None:
    deep: Any = "needle"
    for _ in range(5000):
        deep = [deep]
    assert matches("needle -args.x:1", subject(item(actions=(Action("a", deep),))))
    assert matches("plain", subject(item(actions=(Action("a", "plain text"),))))
    assert not matches("args.x:1", subject(item(actions=(Action("a", "plain text"), Action("b")))))


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("age", ["old", "new", "unknown"]),
        ("newest", ["unknown", "new", "old"]),
        ("deadline", ["new", "old", "unknown"]),
        ("risk", ["unknown", "old", "new"]),
        ("agent", ["new", "old", "unknown"]),
        ("endpoint", ["old", "new", "unknown"]),
    ],
)
def test_orders(order: str, expected: list[str]) -> None:
    subjects = [
        subject(item("new", created_at=NOW - timedelta(hours=1), risk=None, agent="a")),
        subject(item("old", created_at=NOW - timedelta(hours=3), expires_at=NOW + timedelta(hours=1))),
        subject(item("unknown", created_at=None, expires_at=None, agent="C"), risk=Risk.HIGH),
    ]
    ranked = sorted(subjects, key=ORDERS[order].key)
    assert [one.item.key for one in ranked] == expected


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("end", "endpoint:"),
        ("ag", "agent:"),
        ("due", "due<"),
        ("age>", "age>10m"),
        ("kind:q", "kind:question"),
        ("refund kind:", "kind:approval"),
        ("-is:m", "is:mine"),
        ("(agent:b", 'agent:"Billing Bot"'),
        ("action:s", "action:send_mail"),
        ("endpoint=s", "endpoint=support"),
        ("args.cu", "args.currency"),
    ],
)
def test_completion_offers_what_fits(text: str, first: str) -> None:
    found = complete(text, len(text), [item()])
    assert found[0].text == first
    assert text[: found[0].start] + found[0].text == text[: found[0].start] + first


def test_completion_replaces_only_the_word_at_the_cursor() -> None:
    (found,) = complete("refund kin rest", 10, [])
    assert (found.start, found.end, found.text) == (7, 10, "kind:")


@given(st.text(alphabet="ab \"'():-=<>.*or\\é", max_size=40))
def test_any_text_is_a_filter_or_a_fault_inside_it(text: str) -> None:
    found = compile(text)
    if isinstance(found, FilterError):
        assert 0 <= found.position <= len(text)
        assert found.message
    else:
        assert found.matches(subject()) in (True, False)


def test_ten_thousand_items_are_filtered_at_once() -> None:
    subjects = [subject(item(str(number), title=f"Refund order {number}")) for number in range(10_000)]
    found = compile("order 77 -missing")
    assert isinstance(found, Filter)
    for one in subjects:
        haystack(one.item)
    fastest = min(_seconds(found, subjects) for _ in range(5))
    assert fastest < 0.05


def _seconds(found: Filter, subjects: list[Subject]) -> float:
    started = time.process_time()
    count = sum(found.matches(one) for one in subjects)
    assert count > 100
    return time.process_time() - started
