"""Processes that decide on the same items of one log while some of them are killed.

    python -m tests.store.log_crowd DATA SECONDS [PROCESSES] [KILL_EVERY_S] [SEED]

prints as JSON how many there were, how many were killed, how many items were decided and by how many of
them, how often somebody was second, and the longest that anybody waited. Ends with a traceback when an item
had two winners, a promise was lost, the log does not verify or somebody gave up waiting.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

from tests.store.log_making import WAY, make_decision, make_item
from triage.store import appending, reader
from triage.store.log import AlreadyDecided, Log
from triage.store.verifying import verify

__all__ = ["Crowd", "Member"]


class Member:
    """One of the processes: decides one item after the other, and writes down what it was promised."""

    def __init__(self, data: Path, notes: Path) -> None:
        self._log = Log(data)
        self._notes = os.open(notes, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._longest_s = 0.0

    def work(self) -> None:
        first = len(list(self._log.records()))
        for number in itertools.count(max(0, first - 3)):
            item = make_item(f"order-{number}")
            decision = make_decision(item, operator=str(os.getpid()))
            began = time.monotonic()
            try:
                self._log.decide(decision, item)
            except AlreadyDecided as first_one:
                self._note("second", item.id, first_one.record.decision.id)
            else:
                self._note("won", item.id, decision.id)
                self._deliver(decision.id)
            self._log.refresh()
            self._took(began)

    def _deliver(self, decision_id: str) -> None:
        for expect, to in WAY:
            self._log.advance(decision_id, to, expect=expect)

    def _took(self, began: float) -> None:
        took_s = time.monotonic() - began
        if took_s > self._longest_s:
            self._longest_s = took_s
            self._note("took", f"{took_s:.4f}", "-")

    def _note(self, *words: str) -> None:
        os.write(self._notes, (" ".join(words) + "\n").encode())


class Crowd:
    """So many of them; who is killed is followed by another."""

    def __init__(self, data: Path, size: int) -> None:
        self._data = data
        self._notes = data.with_name("notes")
        self._notes.mkdir()
        self._count = itertools.count()
        self._living = [self._born() for _ in range(size)]
        self.killed = self.ended_by_themselves = 0

    def _born(self) -> int:
        notes = self._notes / f"{next(self._count)}"
        pid = os.fork()
        if pid:
            return pid
        try:
            Member(self._data, notes).work()
        finally:
            traceback.print_exc()
            os._exit(1)

    def run(self, seconds: float, kill_every_s: float, seed: int) -> None:
        """Kill one now and then, and in the end all."""
        try:
            self._run(seconds, kill_every_s, seed)
        finally:
            for pid in self._living:
                self._kill(pid)

    def _run(self, seconds: float, kill_every_s: float, seed: int) -> None:
        moments = random.Random(seed)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(moments.uniform(0, 2 * kill_every_s))
            victim = moments.randrange(len(self._living))
            self._kill(self._living[victim])
            self._living[victim] = self._born()
            self.killed += 1

    def _kill(self, pid: int) -> None:
        os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        self.ended_by_themselves += not os.WIFSIGNALED(status)

    def noted(self, what: str) -> Iterator[list[str]]:
        """What they noted of one kind."""
        for path in sorted(self._notes.iterdir()):
            for line in path.read_text().splitlines():
                kind, *words = line.split()
                if kind == what:
                    yield words


def check(data: Path, crowd: Crowd) -> dict[str, object]:
    """One winner an item, and one unbroken chain; what the crowd did, in numbers."""
    assert not crowd.ended_by_themselves
    found = verify(data)
    assert found.ok, found.findings
    log = Log(data)
    stands = {record.decision.item_id: record for record in log.records()}
    assert len(stands) == len(list(log.records())), "an item was decided twice"
    won = [(item, decision) for item, decision in crowd.noted("won")]
    assert len({item for item, _ in won}) == len(won), "two were told that they decided an item"
    for item, decision in (*won, *crowd.noted("second")):
        assert stands[item].decision.id == decision, "another decision stands than they were told"
    assert [event.seq for event in log.events()] == list(range(1, found.events + 1))
    return {
        "killed": crowd.killed,
        "decided": len(stands),
        "winners": len({record.decision.operator for record in stands.values()}),
        "second": len(list(crowd.noted("second"))),
        "longest_s": max(float(took) for took, _ in crowd.noted("took")),
    }


def main(words: list[str]) -> None:
    data, seconds = Path(words[0]), float(words[1])
    size, kill_every_s, seed = (*words[2:], *("8", "0.3", "1")[len(words) - 2 :])
    appending.SEGMENT_BYTES = 60_000
    reader.SAVE_EVERY = int(os.environ.get("SAVE_EVERY", reader.SAVE_EVERY))
    crowd = Crowd(data, int(size))
    crowd.run(seconds, float(kill_every_s), int(seed))
    print(json.dumps(check(data, crowd)))


if __name__ == "__main__":
    main(sys.argv[1:])
