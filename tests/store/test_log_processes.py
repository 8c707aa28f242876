"""Several processes on one log: one winner an item, one chain, and a holder of the lock who sleeps is named."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.store.log_making import HELD, S, deliver, make_decision, make_item
from triage.store.errors import StoreLocked
from triage.store.log import AlreadyDecided, Log
from triage.store.verifying import verify

ROOT = Path(__file__).parents[2]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


def test_eight_processes_of_which_some_are_killed_keep_one_chain_and_one_winner(data: Path) -> None:
    command = [sys.executable, "-m", "tests.store.log_crowd", str(data), "8"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    counts = json.loads(done.stdout)
    assert counts["killed"] > 10
    assert counts["decided"] > 20
    assert counts["winners"] > 1
    assert counts["second"] > counts["decided"]
    assert counts["longest_s"] < 1


@pytest.fixture
def sleeper(data: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that is stopped in the middle of a decision, after the line and before its fsync."""
    deliver(Log(data), "before")
    command = [sys.executable, "-m", "tests.store.log_sleeping", str(data)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        _, status = os.waitpid(process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def test_who_holds_the_lock_and_sleeps_is_named_within_a_second(
    data: Path, sleeper: subprocess.Popen[str]
) -> None:
    item = make_item("other")
    began = time.monotonic()
    with pytest.raises(StoreLocked) as locked:
        Log(data).decide(make_decision(item), item)
    assert time.monotonic() - began < 1.5
    words = str(locked.value)
    assert f"is held by pid {sleeper.pid} on " in words
    assert f"stopped (continue it with fg in its terminal, or with kill -CONT {sleeper.pid})" in words
    assert "Wait for it or end it, then try again." in words


def test_meanwhile_the_log_can_be_read(data: Path, sleeper: subprocess.Popen[str]) -> None:
    log = Log(data)
    assert [record.decision.operator for record in log.records()] == ["sleeper", "ada"]
    assert log.refresh() == []


def test_a_holder_that_wakes_ends_what_it_began_and_its_decision_stands(
    data: Path, sleeper: subprocess.Popen[str]
) -> None:
    item = make_item()
    asked: list[str] = []

    def wake(words: str) -> bool:
        asked.append(words)
        os.kill(sleeper.pid, signal.SIGCONT)
        return True

    with pytest.raises(AlreadyDecided, match="sleeper decided it first"):
        Log(data, waiting=wake).decide(make_decision(item), item)
    assert str(sleeper.pid) in asked[0]
    assert sleeper.wait(30) == 0
    assert sleeper.stdout is not None
    assert sleeper.stdout.read() == "held\n"
    assert verify(data).ok


def test_a_holder_that_is_killed_frees_the_lock_and_nothing_is_lost(
    data: Path, sleeper: subprocess.Popen[str]
) -> None:
    sleeper.send_signal(signal.SIGKILL)
    sleeper.wait()
    log = Log(data)
    standing = log.standing(make_item().id)
    assert standing is not None
    log.advance(standing.decision.id, S.WITHDRAWN, expect=HELD)
    deliver(log, "after")
    assert verify(data).ok
    assert len(list(log.events())) == 10


def test_a_log_that_slept_knows_what_was_decided_meanwhile(data: Path) -> None:
    """As on a laptop that was closed for a day: nothing is decided on what was known before."""
    slept, item = Log(data), make_item()
    held = slept.decide(make_decision(item), item)
    other = Log(data)
    other.advance(held.decision.id, S.WITHDRAWN, expect=HELD, operator="bob")
    other.decide(make_decision(item, operator="bob"), item)
    with pytest.raises(Exception, match="withdrawn already"):
        slept.advance(held.decision.id, S.SENDING, expect=HELD)
    with pytest.raises(AlreadyDecided, match="bob decided it first"):
        slept.decide(make_decision(item), item)
