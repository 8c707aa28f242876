"""The lock between processes: one at a time, its holder named, freed by the kernel."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.store.worker import ROOT, Worker
from triage.store import lock as lock_module
from triage.store.errors import StoreLocked, StoreUnavailable
from triage.store.lock import PATIENCE_S, Holder, StoreLock, process_state


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "database.jsonl"


@pytest.fixture
def lock(path: Path) -> StoreLock:
    return StoreLock(path.with_name(path.name + ".lock"))


@pytest.fixture
def worker(path: Path) -> Iterator[Worker]:
    with Worker(path) as worker:
        yield worker


def test_it_is_taken_again_inside_and_freed_at_the_end(lock: StoreLock) -> None:
    other = StoreLock(lock.path, patience_s=0.01)
    with lock, lock, pytest.raises(StoreLocked), other:
        pass
    assert not lock.held
    with other:
        assert other.held


def test_it_is_freed_when_the_work_inside_fails(lock: StoreLock) -> None:
    with pytest.raises(ZeroDivisionError), lock:
        raise ZeroDivisionError
    assert not lock.held
    with StoreLock(lock.path, patience_s=0.01):
        pass


def test_it_is_freed_when_taking_it_is_interrupted(lock: StoreLock, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> str:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(lock_module, "_command", interrupted)
        with pytest.raises(KeyboardInterrupt), lock:
            pass
    with lock:
        assert lock.held


def test_failing_to_get_it_leaves_nothing_held(lock: StoreLock) -> None:
    other = StoreLock(lock.path, patience_s=0.01)
    with lock, pytest.raises(StoreLocked), other:
        pass
    assert not other.held
    with other, lock.__class__(lock.path.with_name("second.lock")):
        assert other.held


def test_two_threads_of_one_process_take_turns(lock: StoreLock) -> None:
    inside: list[int] = []
    most: list[int] = []

    def work() -> None:
        for _ in range(50):
            with lock:
                inside.append(1)
                most.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 150


def test_its_file_and_directory_are_for_the_owner_alone(tmp_path: Path) -> None:
    lock = StoreLock(tmp_path / "new" / "x.lock")
    with lock:
        pass
    assert stat.S_IMODE(lock.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(lock.path.parent.stat().st_mode) == 0o700


def test_the_holder_is_named_within_a_second(lock: StoreLock, worker: Worker) -> None:
    worker.ask("hold")
    began = time.monotonic()
    with pytest.raises(StoreLocked) as caught, lock:
        pass
    assert PATIENCE_S < 1.0
    assert time.monotonic() - began < 2.0  # a busy machine included
    text = str(caught.value)
    assert f"is held by pid {worker.pid} on {socket.gethostname()} (worker.py)" in text
    assert "stopped" not in text
    assert text.endswith("Wait for it or end it, then try again.")
    worker.ask("free")
    with lock:
        assert lock.held


def test_a_stopped_holder_is_said_to_be_stopped_and_how_to_wake_it(lock: StoreLock, worker: Worker) -> None:
    worker.ask("hold")
    worker.stop()
    with pytest.raises(StoreLocked) as caught, lock:
        pass
    assert f"which is stopped (continue it with fg in its terminal, or with kill -CONT {worker.pid})" in str(
        caught.value
    )
    worker.go_on()
    worker.ask("free")
    with lock:
        assert lock.held


def test_kill_9_frees_it_at_once(lock: StoreLock, worker: Worker) -> None:
    worker.ask("hold")
    worker.stop()
    worker.kill()
    with StoreLock(lock.path, patience_s=0.1) as freed:
        assert freed.held


def test_who_waits_is_told_and_may_wait_on(path: Path, worker: Worker) -> None:
    told: list[str] = []

    def waiting(holder: str) -> bool:
        told.append(holder)
        if len(told) == 2:
            worker.ask("free")
        return True

    worker.ask("hold")
    with StoreLock(path.with_name(path.name + ".lock"), patience_s=0.02, waiting=waiting) as lock:
        assert lock.held
    assert len(told) == 2
    assert all(f"pid {worker.pid}" in each for each in told)


def test_who_does_not_want_to_wait_gets_the_error(lock: StoreLock, worker: Worker) -> None:
    worker.ask("hold")
    with pytest.raises(StoreLocked), StoreLock(lock.path, patience_s=0.01, waiting=lambda holder: False):
        pass


def test_asking_does_not_wipe_out_the_holders_name(lock: StoreLock, worker: Worker) -> None:
    worker.ask("hold")
    for _ in range(5):
        with pytest.raises(StoreLocked, match=f"pid {worker.pid} "), StoreLock(lock.path, patience_s=0.01):
            pass


def test_a_holder_that_has_ended_is_not_named(lock: StoreLock, worker: Worker) -> None:
    worker.ask("hold")
    worker.kill()
    assert lock.holder() is None


def test_a_holder_on_another_machine_is_named_as_it_signed(lock: StoreLock) -> None:
    lock.path.write_text('{"pid":1234567,"host":"elsewhere","command":"triage"}\n')
    holder = lock.holder()
    assert holder == Holder(1234567, "elsewhere", "triage")
    assert holder.words() == "pid 1234567 on elsewhere (triage)"


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xff", b'{"pid":"x"}', b"[" * 5000])
def test_a_lock_file_that_says_nothing_is_no_obstacle(lock: StoreLock, content: bytes) -> None:
    lock.path.write_bytes(content)
    assert lock.holder() is None
    with lock:
        held = lock.holder()
        assert held is not None
        assert held.pid == os.getpid()


def test_a_lock_file_that_is_removed_meanwhile_is_not_held(
    lock: StoreLock, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked, first = lock_module._locked, [StoreLock(lock.path)]

    def removed(descriptor: int) -> bool:
        got = locked(descriptor)
        if first:
            lock.path.unlink()
            held.enter_context(first.pop())
        return got

    monkeypatch.setattr(lock_module, "_locked", removed)
    with ExitStack() as held, pytest.raises(StoreLocked), StoreLock(lock.path, patience_s=0.01):
        pass
    with lock:
        assert lock.held


def test_it_leaves_no_descriptor_open(lock: StoreLock) -> None:
    before = len(os.listdir("/dev/fd"))
    for _ in range(3):
        with lock, pytest.raises(StoreLocked), StoreLock(lock.path, patience_s=0.0):
            pass
    until = time.monotonic() + 20  # who gave up closes its own as soon as it gets its turn
    while len(os.listdir("/dev/fd")) > before:
        assert time.monotonic() < until
        time.sleep(0.01)


def test_an_interruption_while_waiting_leaves_nothing_held(
    lock: StoreLock, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, event = StoreLock(lock.path), threading.Event

    class Interrupted(event):  # type: ignore[valid-type, misc]
        def wait(self, timeout: float | None = None) -> bool:
            raise KeyboardInterrupt

    with lock:
        monkeypatch.setattr(threading, "Event", Interrupted)
        with pytest.raises(KeyboardInterrupt), other:
            pass
        monkeypatch.undo()
    assert not other.held
    with StoreLock(lock.path, patience_s=20):
        pass


def test_who_waits_gets_it_though_others_come_all_the_time(lock: StoreLock) -> None:
    """With a lock that is asked for now and then, whoever asks at the wrong moments waits for ever."""
    over, turns = threading.Event(), [0, 0, 0]

    def work(number: int) -> None:
        own = StoreLock(lock.path, patience_s=20)
        while not over.is_set():
            with own:
                turns[number] += 1
                time.sleep(0.002)  # an fsync

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    while sum(turns) < 150:
        time.sleep(0.01)
    over.set()
    for thread in threads:
        thread.join()
    assert min(turns) * 3 > max(turns), turns


def test_options_on_the_command_line_are_not_told(lock: StoreLock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/usr/bin/triage", "approve", "--token=hunter2", "hunter2"])
    with lock:
        holder = lock.holder()
        assert holder is not None
        assert holder.command == "triage approve"
        assert b"hunter2" not in lock.path.read_bytes()


def test_a_place_where_no_lock_can_be_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(StoreUnavailable, match=r"file/x\.lock cannot be locked: "),
        StoreLock(tmp_path / "file" / "x.lock"),
    ):
        pass


def test_the_state_of_a_process() -> None:
    assert process_state(os.getpid()) == "R"
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert process_state(child.pid) not in ("", "T")
    child.send_signal(signal.SIGSTOP)
    os.waitpid(child.pid, os.WUNTRACED)
    assert process_state(child.pid) == "T"
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert process_state(child.pid) == ""  # a zombie is no process
    child.communicate()
    assert process_state(child.pid) == ""


_ADDER = """
import sys
from pathlib import Path
from triage.store.lock import StoreLock
total = Path(sys.argv[1])
lock = StoreLock(total.with_suffix(".lock"), patience_s=20)
for _ in range(60):
    with lock:
        before = int(total.read_text())
        total.write_text(str(before + 1))
"""


def test_several_processes_never_hold_it_together(tmp_path: Path) -> None:
    total = tmp_path / "total"
    total.write_text("0")
    adders = [subprocess.Popen([sys.executable, "-c", _ADDER, str(total)], cwd=ROOT) for _ in range(3)]
    assert [adder.wait() for adder in adders] == [0, 0, 0]
    assert total.read_text() == "180"
