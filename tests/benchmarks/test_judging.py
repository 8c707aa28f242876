"""The scripted operator judges by what it reads, and what waits for it is what the benchmark says."""

from __future__ import annotations

from collections import Counter

import pytest

from benchmarks.judge import Judgment, judged
from benchmarks.judged import TELL_MORE, TOO_LARGE, WRONG_TARGET, Mix, cases
from triage.demo.decisions import Verdict, faults

WHOLE = Mix(alike=120, looked=60, worded=20)
REFUND = """Refund AF-1
 payments wants your approval
 issue_refund
   order     "AF-1"
   customer  "{customer}"
   amount    {amount}
   reason    "{reason}"
"""
SOUND = {"customer": "mara@mail.example", "amount": 20, "reason": "The parcel arrived damaged"}


def test_two_hundred_items_of_three_sorts_that_can_be_told_apart() -> None:
    found = list(cases(WHOLE))
    assert len({case.proposal.title for case in found}) == WHOLE.total == 200
    verbs = Counter(case.verb for case in found)
    assert verbs == {"approve": 154, "reject": 26, "respond": 14, "edit": 6}


def test_what_is_right_is_taken_by_the_agents() -> None:
    for case in cases(WHOLE):
        verdict = Verdict(case.verb, case.reason, case.arguments, case.answer)
        assert faults(case.proposal, [verdict]) == [], case.proposal.title


@pytest.mark.parametrize(
    ("shown", "right"),
    [
        ({}, Judgment("approve")),
        ({"amount": 1820}, Judgment("reject", TOO_LARGE)),
        ({"customer": "mara@parcels.example"}, Judgment("reject", WRONG_TARGET)),
        ({"reason": "Asked for it, politely"}, Judgment("reject", TELL_MORE)),
    ],
)
def test_a_refund_is_judged_by_what_the_pane_shows(shown: dict[str, object], right: Judgment) -> None:
    pane = REFUND.format(**{**SOUND, **shown}).split("\n")
    assert judged([line[1:] for line in pane]) == right


def test_an_answer_is_found_among_those_offered_or_written() -> None:
    said = ["Which size?", "helpdesk asks you", "The chart says: 56 cm."]
    assert judged([*said, "Answers it offers", "  1  54 cm", "  2  56 cm"]).option == "56 cm"
    assert judged(said).words == "56 cm"


def test_a_screen_that_shows_nothing_is_not_judged() -> None:
    with pytest.raises(AssertionError, match="no rule"):
        judged(["Refund AF-1", "payments wants your approval"])
