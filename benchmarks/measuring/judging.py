"""Judging: an operator clears a queue of real agents' items, by what is painted and the keys that are taught."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from benchmarks.figures import Figure, Row, percentile
from benchmarks.judge import Judge
from benchmarks.judged import Case, Judged, Mix, cases
from benchmarks.making import Place
from benchmarks.part import Part, Setting
from benchmarks.terminal import Terminal
from triage.model.decision import DeliveryState
from triage.store.log import Log, Record
from triage.store.verifying import verify

__all__ = ["PARTS"]

_WHOLE = Mix(alike=120, looked=60, worded=20)
_SHORT = Mix(alike=24, looked=12, worded=4)


def _judging(setting: Setting) -> Mapping[str, Figure]:
    mix = _SHORT if setting.short else _WHOLE
    with Judged(mix) as agents, setting.directory() as directory:
        place = Place(directory / "desk", agents.config)
        with Terminal(place.command, place.env) as terminal:
            terminal.wait_until(lambda shown: f"/{mix.total} " in shown, "all that wait")
            terminal.settle(1.0)
            size, cpu_s, judge = terminal.size, terminal.cpu_s(), Judge(terminal)
            judge.approve_alike()
            while not judge.done:
                judge.judge_next()
            terminal.wait_until(_all_delivered, "all delivered")
            size, cpu_s = terminal.size - size, terminal.cpu_s() - cpu_s
            terminal.press("q")
            terminal.wait_ended()
        records = {record.item.title: record for record in Log(place.data).records() if record.item}
        _check(mix, records, place.data)
        _check_done(records, agents)
    keys, spent_ms = len(judge.pressed), sum(each.ms for each in judge.pressed)
    slowest = percentile((each.ms for each in judge.pressed), 0.95)
    spent = (
        f"{spent_ms / 1000:.1f} s over {keys} keys, p95 of a key {slowest:.0f} ms; "
        f"{cpu_s * 1000 / mix.total:.0f} ms of processor time each, polls and deliveries included"
    )
    return {
        "judging-keys": Figure(
            keys / mix.total, f"{keys} keys; {mix.total} decisions, all as intended and confirmed"
        ),
        "judging-ms": Figure(spent_ms / mix.total, spent),
        "judging-bytes": Figure(size / mix.total, f"{size:,} bytes in all, until all were delivered"),
    }


def _all_delivered(shown: str) -> bool:
    """The strip of deliveries counts some that are confirmed, and none that are on their way."""
    return re.search(r"─ Deliveries  ✓ \d+ confirmed ─", shown) is not None


def _check(mix: Mix, records: Mapping[str, Record], data: Path) -> None:
    """Every item was decided as is right, and delivered; the log is whole."""
    intended = {case.proposal.title: case for case in cases(mix)}
    assert records.keys() == intended.keys(), records.keys() ^ intended.keys()
    wrong = [title for title, case in intended.items() if not _is_right(records[title], case)]
    assert not wrong, [(title, records[title].decision.verdicts, records[title].state) for title in wrong]
    found = verify(data)
    assert found.ok, found


def _is_right(record: Record, case: Case) -> bool:
    verdicts = record.decision.verdicts
    return record.state is DeliveryState.CONFIRMED and [
        (one.verb, one.reason, one.arguments, one.answer) for one in verdicts
    ] == [(case.verb, case.reason, case.arguments, case.answer)]


def _check_done(records: Mapping[str, Record], agents: Judged) -> None:
    """The agents did what the log says, each once."""
    logged = sorted((record.item.key, record.decision.words) for record in records.values() if record.item)
    done = sorted((effect["item"], effect["verb"]) for effect in agents.effects())
    assert done == logged, f"the log says {logged}, the agents did {done}"


PARTS = (
    Part(
        "judging",
        (
            Row("judging-keys", "keys a decision: 200 items, 120 of them alike", 1.3, "keys"),
            Row("judging-ms", "time the program takes for it", 50, "ms"),
            # Of 200 decisions 80 are taken one by one: each may send twice what a `j` may, 2 × 2,500 bytes, for
            # it moves the list up, shows the next item, opens dialogs, and counts down until it is sent.
            Row("judging-bytes", "bytes sent for it", 2000, "bytes"),
        ),
        _judging,
    ),
)
