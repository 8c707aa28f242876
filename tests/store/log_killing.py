"""Kills writers of a log at random moments, and checks each time what they left.

    python -m tests.store.log_killing DATA KILLS [SEED]

prints as JSON how many were killed, how many events they had been promised, and how many decisions were
sent. Ends with a traceback when a promise was lost, a decision was sent twice or the log does not verify.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.store.log_making import CONFIRMED, HELD, S, make_decision, make_item
from triage.model.decision import DeliveryState
from triage.store import appending, reader
from triage.store.log import Log, Record
from triage.store.verifying import verify

MOST_S = 0.04
ERASE_EVERY = 7
TO_ENDPOINT = "request"


class Writer:
    """A process that decides and delivers for ever, and says what it was promised, and what it sent."""

    def __init__(self, data: Path, says: int) -> None:
        self._log = Log(data)
        self._says = says

    def work(self) -> None:
        for record in self._log.open_records():
            self._deliver(record)
        for number in itertools.count(len(list(self._log.records()))):
            item = make_item(f"order-{number}")
            record = self._log.decide(make_decision(item), item)
            self._promised(record)
            self._deliver(record)
            if number % ERASE_EVERY == 0:
                self._log.erase_payloads(datetime.now(UTC) - timedelta(milliseconds=30))

    def _deliver(self, record: Record) -> None:
        if record.state is HELD:
            record = self._advance(record, S.SENDING)
            self._say(TO_ENDPOINT, record.decision.id)
            record = self._advance(record, S.SENT)
        self._advance(record, CONFIRMED)

    def _advance(self, record: Record, to: DeliveryState) -> Record:
        record = self._log.advance(record.decision.id, to, expect=record.state)
        self._promised(record)
        return record

    def _promised(self, record: Record) -> None:
        self._say(record.state, record.decision.id)

    def _say(self, what: str, decision_id: str) -> None:
        os.write(self._says, f"{what} {decision_id}\n".encode())


def killed_writer(data: Path, after_s: float) -> Iterator[tuple[str, str]]:
    """Have a writer begin and kill it; what it said."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        with contextlib.suppress(BrokenPipeError):
            Writer(data, writing).work()
        os._exit(1)
    os.close(writing)
    time.sleep(after_s)
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    assert os.WIFSIGNALED(status), "the writer ended by itself"
    with os.fdopen(reading) as pipe:
        for line in pipe:
            what, decision_id = line.split()
            yield what, decision_id


def main(data: Path, kills: int, seed: int) -> None:
    appending.SEGMENT_BYTES = 6_000  # beginning a segment is among what is interrupted
    reader.SAVE_EVERY = int(os.environ.get("SAVE_EVERY", reader.SAVE_EVERY))
    moments = random.Random(seed)
    promised: set[tuple[str, str]] = set()
    sends: Counter[str] = Counter()
    for _ in range(kills):
        for what, decision_id in killed_writer(data, moments.uniform(0, MOST_S)):
            if what == TO_ENDPOINT:
                sends[decision_id] += 1
            else:
                promised.add((what, decision_id))
        check(data, promised, sends)
    print(json.dumps({"kills": kills, "promises": len(promised), "sends": sends.total()}))


def check(data: Path, promised: set[tuple[str, str]], sends: Counter[str]) -> None:
    """All that was promised stands, and nothing was sent twice or before it was logged."""
    found = verify(data)
    assert found.ok, found.findings
    reached = {
        (event.state or "held", event.decision_id) for event in Log(data).events() if event.decision_id
    }
    assert promised <= reached, f"lost: {promised - reached}"
    assert max(sends.values(), default=0) <= 1, "sent twice"
    assert {("sending", decision_id) for decision_id in sends} <= promised


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else time.time_ns())
