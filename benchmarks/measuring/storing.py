"""The store: durable decisions, the wait for its lock, and what a large log or queue makes dearer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tinydb import TinyDB

from benchmarks.figures import Figure, Row, median
from benchmarks.making import item, make_log
from benchmarks.part import Part, Setting
from benchmarks.writing import decision_on, my_turn
from triage.desk.precedents import CANDIDATES, precedents_among
from triage.store.database import Database
from triage.store.log import Log

__all__ = ["PARTS"]


def _raw_rate(directory: Path, seconds: float, size: int = 700) -> float:
    """How often a second the machine appends ``size`` bytes to a file and has them on its disk, by turns."""
    descriptor = os.open(directory / "raw", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    data, count, spent = b"x" * size, 0, 0.0
    while spent < seconds:
        my_turn(odd=True)
        began = time.perf_counter()
        os.write(descriptor, data)
        os.fdatasync(descriptor)
        count, spent = count + 1, spent + time.perf_counter() - began
    os.close(descriptor)
    return count / spent


def _decide_together(data: Path, processes: int, seconds: float, sharing: str = "") -> _Deciding:
    """Processes that begin to decide on one log at the same time."""
    return _Deciding(
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.writing", str(data), str(seconds), str(number), sharing],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(processes)
    )


class _Deciding:
    """Processes that decide."""

    def __init__(self, started: Iterable[subprocess.Popen[str]]) -> None:
        self._started = list(started)
        time.sleep(1.5)  # all have opened the log
        for process in self._started:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()

    def told(self) -> list[dict[str, float]]:
        """What they say of it, when they have ended."""
        return [json.loads(process.communicate()[0]) for process in self._started]


def _durable(setting: Setting) -> Mapping[str, Figure]:
    seconds = 1.0 if setting.short else 4.0
    figures = {}
    with setting.directory() as directory:
        for processes, name in ((1, "durable-1"), (4, "durable-4")):
            deciding = _decide_together(directory / f"data{processes}", processes, seconds, "by-turns")
            raw = _raw_rate(directory, seconds)
            told = deciding.told()
            rate = sum(each["count"] / each["seconds"] for each in told)
            note = f"{rate:,.0f} decisions a second, {raw:,.0f} appends"
            figures[name] = Figure(rate / raw * 100, note)
    return figures


def _lock(setting: Setting) -> Mapping[str, Figure]:
    with setting.directory() as directory:
        told = _decide_together(directory / "data", 8, 1.5 if setting.short else 6.0).told()
    longest = max(each["longest_s"] for each in told) * 1000
    count = sum(each["count"] for each in told)
    return {"lock": Figure(longest, f"{count:,.0f} decisions by 8 processes, the writing itself included")}


def _decision_ms(data: Path, times: int, first: int) -> float:
    """One decision, logged, on items numbered from ``first``."""
    log, took = Log(data), []
    for number in range(first, first + times):
        one = item(number)
        decision = decision_on(one)
        began = time.perf_counter()
        log.decide(decision, one)
        took.append((time.perf_counter() - began) * 1000)
    return median(took)


def _growth(setting: Setting) -> Mapping[str, Figure]:
    many = 20_000 if setting.short else 1_000_000
    times = setting.times(200)
    with setting.directory() as directory:
        small, large = directory / "small", directory / "large"
        make_log(small, 1000)
        make_log(large, many)
        firsts = range(10_000_000, 10_000_000 + times * (1 if setting.short else 3), times)
        costs = [(_decision_ms(small, times, first), _decision_ms(large, times, first)) for first in firsts]
        at_small, at_large = (median(each) for each in zip(*costs, strict=True))
        log, one = Log(large), item(7)
        found = _median_ms(lambda: precedents_among(one, log.alike(one, CANDIDATES), datetime.now(UTC)), 5)
        first = _median_ms(lambda: Log(large), 1)
    note = f"{at_large:.2f} ms at {many:,}, {at_small:.2f} ms at 1,000"
    return {
        "decision-growth": Figure(at_large / at_small, note),
        "precedents": Figure(found, f"among {many:,} decisions; opening that log {first:,.0f} ms"),
    }


def _median_ms(work: Callable[[], object], times: int) -> float:
    took = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        took.append((time.perf_counter() - began) * 1000)
    return median(took)


def _queue(setting: Setting) -> Mapping[str, Figure]:
    many = 10_000 if setting.short else 100_000
    with setting.directory() as directory:
        costs = {}
        for size in (100, many):
            database = Database(directory / f"{size}.jsonl", sync=False)
            database.insert_multiple(_documents(size))
            costs[size] = _by_id_ms(database, 300)
        peer = 2000 if setting.short else 10_000
        with TinyDB(directory / "peer.json") as other:
            other.insert_multiple(_documents(peer))
            other_ms = _by_id_ms(other, 5)
    note = f"{costs[many] * 1000:,.0f} µs a read and a change at {many:,}, {costs[100] * 1000:,.0f} µs at 100"
    beside = f"{other_ms:,.0f} ms in JSONStorage at {peer:,}"
    return {
        "queue-growth": Figure(costs[many] / costs[100], note),
        "queue-peer": Figure(other_ms / costs[many], beside),
    }


def _documents(count: int) -> list[dict[str, Any]]:
    return [{"n": number, "title": f"Refund {number}", "text": "x" * 900} for number in range(count)]


def _by_id_ms(database: TinyDB, times: int) -> float:
    """A read and a change of one document by its id."""
    numbers = iter(range(times))

    def work() -> None:
        number = next(numbers)
        database.get(doc_id=1 + number % 90)
        database.update({"n": -number}, doc_ids=[1 + number % 90])

    return _median_ms(work, times)


PARTS = (
    Part(
        "durable",
        (
            Row("durable-1", "durable decisions, of the machine's appends", 40, "%", at_least=True),
            Row("durable-4", "the same, four processes together", 40, "%", at_least=True),
        ),
        _durable,
    ),
    Part("lock", (Row("lock", "longest a decision takes among eight busy processes", 200, "ms"),), _lock),
    Part(
        "growth",
        (
            Row("decision-growth", "a decision at 1,000,000 logged against at 1,000", 1.1, "x"),
            Row("precedents", "precedents for one item among them", 20, "ms"),
        ),
        _growth,
    ),
    Part(
        "queue",
        (
            Row("queue-growth", "queue by id at 100,000 against at 100", 1.2, "x"),
            Row("queue-peer", "JSONStorage at 10,000 against that", 100, "x", at_least=True),
        ),
        _queue,
    ),
)
