"""The session in a few figures, from the log's records and the times they took."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.desk.scripted import make_item
from triage.desk.session import session_of
from triage.desk.summary import Summary
from triage.model.decision import Decision, DeliveryState, Verdict
from triage.model.item import Verb
from triage.store.log import Record
from triage.tui.session_text import session_lines, session_words

AT = datetime(2026, 3, 2, 10, 31, tzinfo=UTC)
S = DeliveryState


def record(key: str, state: DeliveryState, *verbs: Verb, **more: Any) -> Record:
    item = make_item(key, **more)
    verdicts = tuple(Verdict(verb) for verb in verbs or (Verb.APPROVE,))
    decision = Decision(key, item.id, "agent", item.revision, verdicts, "ann", AT)
    return Record(decision, item, state, 1, AT)


def summary(waiting: int = 0, oldest_s: float | None = None) -> Summary:
    oldest = None if oldest_s is None else AT - timedelta(seconds=oldest_s)
    return Summary(AT, waiting, 0, 0, 0, [], [], oldest, {})


def test_what_was_taken_back_counts_for_nothing_else() -> None:
    records = [
        record("a", S.CONFIRMED),
        record("b", S.WITHDRAWN),
        record("c", S.SENT),
        record("d", S.CONFIRMED, Verb.REJECT),
        record("e", S.CONFIRMED, Verb.APPROVE, Verb.REJECT),
    ]
    took_s = {"a": 2.0, "b": 90.0, "c": 4.0, "e": 8.0}
    session = session_of(records, took_s, summary(7, 4000.0))
    assert session.by_verb == {"approve": 2, "reject": 1, "approve, reject": 1}
    assert (session.decided, session.taken_back, session.median_s) == (4, 1, 4.0)
    assert (session.left, session.oldest_s) == (7, 4000.0)
    assert session_words(session) == [
        "4 decided: 2 approved, 1 rejected, 1 approved and rejected; 1 taken back.",
        "Median time on one: 4.0 s.",
        "7 still wait, the oldest for 1 hour.",
    ]


def test_what_did_not_end_well_is_named() -> None:
    records = [
        record("a", S.REFUSED, title="No\x1b[2J"),
        record("b", S.STALE),
        record("c", S.UNKNOWN),
        record("d", S.HELD),
    ]
    words = session_words(session_of(records, {}, summary(1, 30.0)))
    assert words == [
        "4 decided: 4 approved.",
        "1 still waits, the oldest for less than a minute.",
        "1 not sent yet: Refund d.",
        "2 refused or out of date: No‹ESC›[2J; Refund b.",
        "1 of unknown outcome: Refund c.",
    ]


def test_many_that_did_not_end_well_are_counted() -> None:
    records = [record(str(number), S.REFUSED) for number in range(7)]
    words = session_words(session_of(records, {}, summary()))
    assert words[-1].startswith("7 refused or out of date: Refund 0; ")
    assert words[-1].endswith("Refund 4; and 2 more.")
    assert words[-2] == "Nothing is left."


def test_without_a_decision_only_what_is_left_is_told() -> None:
    assert session_words(session_of([], {}, summary())) == ["Nothing decided.", "Nothing is left."]
    taken_back = session_of([record("a", S.WITHDRAWN)], {"a": 1.0}, summary(1))
    assert session_words(taken_back) == ["Nothing decided, 1 taken back.", "1 still waits."]


def test_what_wants_a_look_stands_out_on_the_screen() -> None:
    lines = session_lines(session_of([record("a", S.UNKNOWN)], {}, summary()), 80)
    assert [line[0][1] for line in lines] == ["text", "text", "warning"]
