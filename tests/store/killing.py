"""Kills writers of a database at random moments, and checks each time what they left.

    python -m tests.store.killing DATABASE KILLS [SEED]

prints as JSON how many were killed, how many changes they had acknowledged, and how often a change stood
in the file that its writer did not live to acknowledge. Ends with a traceback when something was lost.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

from tinydb.table import Document

from triage.store import storage as storage_module
from triage.store.database import Database

MOST_S = 0.03
COUNTER = 1
PADDING = "x" * 300


def state_after(count: int) -> dict[int, int]:
    """Id → number of each document after so many changes."""
    state = {}
    for number in range(max(count - 12, 0) + 1, count + 1):
        kind, where = number % 3, 100 + number % 12
        if kind == 0:
            state[COUNTER] = number
        elif kind == 1:
            state[where] = number
        else:
            state.pop(where - 1, None)
    return state


def make_change(database: Database, number: int) -> None:
    """The change that has this number."""
    kind, where = number % 3, 100 + number % 12
    if kind == 2:
        database.remove(doc_ids=[where - 1])
    else:
        doc_id = COUNTER if kind == 0 else where
        database.upsert(Document({"number": number, "padding": PADDING}, doc_id))


def write_on(path: Path, done: int, acknowledge: int) -> None:
    """Make changes for ever, and say the number of each once it is acknowledged."""
    database = Database(path)
    while True:
        done += 1
        make_change(database, done)
        os.write(acknowledge, b"%d\n" % done)


def killed_writer(path: Path, done: int, after_s: float) -> int:
    """Have a writer begin after ``done`` changes and kill it; the last change it acknowledged."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        write_on(path, done, writing)
    os.close(writing)
    time.sleep(after_s)
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    assert os.WIFSIGNALED(status), "the writer ended by itself"
    with os.fdopen(reading, "rb") as pipe:
        numbers = pipe.read().split(b"\n")[:-1]
    return int(numbers[-1]) if numbers else done


def found(path: Path) -> dict[int, int]:
    """What a new process finds."""
    return {document.doc_id: document["number"] for document in Database(path)}


def main(path: Path, kills: int, seed: int) -> None:
    storage_module.SPARE_BYTES = 2_000  # compaction is among what is interrupted
    moments = random.Random(seed)
    done = unacknowledged = 0
    for _ in range(kills):
        acknowledged = killed_writer(path, done, moments.uniform(0, MOST_S))
        there = found(path)
        counts = [count for count in (acknowledged, acknowledged + 1) if there == state_after(count)]
        assert counts, f"{there} is neither {state_after(acknowledged)} nor what the next change makes of it"
        done = counts[0]
        unacknowledged += done > acknowledged
    print(json.dumps({"kills": kills, "changes": done, "unacknowledged": unacknowledged}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else time.time_ns())
