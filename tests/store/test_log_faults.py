"""Whatever fails on a decision's way, and whenever: no promise is lost, nothing is sent twice.

Every call of the operating system from a decision to its proof fails in turn, in every way; the process is
killed at each of them, and the power goes at each of them.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.store.disk import Fault, PowerCut
from tests.store.log_faults import QUICK, LogDisk, Named, Scene, World, powered_off
from tests.store.log_making import HELD, S, deliver, log_files, make_decision, make_item
from triage.store import appending, head
from triage.store.errors import StoreUnavailable
from triage.store.log import Log, log_directory
from triage.store.verifying import verify

ROOT = Path(__file__).parents[2]


def nothing(disk: LogDisk, data: Path, world: World) -> None:
    """The first decision ever."""


def one_delivered(disk: LogDisk, data: Path, world: World) -> None:
    world.work(Log(data, files=disk))


def killed_in(call: str) -> Scene:
    """Another process was killed while it logged that it is about to send."""

    def before(disk: LogDisk, data: Path, world: World) -> None:
        log = Log(data, files=disk)
        world.work(log)
        item = make_item("left")
        log.decide(make_decision(item, id="left"), item)
        world.promised.append(("left", HELD))
        world.interrupted.add("left")
        disk.kill_in = call
        with pytest.raises(PowerCut):
            log.advance("left", S.SENDING, expect=HELD)

    return Scene(f"killed in {call}", before)


def mistrusted(disk: LogDisk, data: Path, world: World) -> None:
    """An fsync failed, and no new segment could be begun."""
    one_delivered(disk, data, world)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LogDisk, "sync", failing_sync)
        world.work(Log(data, files=disk))
    assert (log_directory(data) / "unsynced").exists()


def failing_sync(disk: LogDisk, descriptor: int) -> None:
    disk._record.sync_failed(descriptor)
    raise OSError(errno.EIO, os.strerror(errno.EIO))


SCENES = [
    Scene("the first", nothing),
    Scene("going on", one_delivered),
    Scene("after a failed fsync", mistrusted),
    killed_in("write"),
    killed_in("sync"),
]
every_scene = pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)

WRITING = {"write", "overwrite", "sync", "rename", "truncate", "remove"}
FAULTS = [
    (Fault.UNDONE, errno.EIO, False, {*WRITING, "open"}),
    (Fault.DONE, errno.EIO, False, {*WRITING, "open"}),
    (Fault.HALF, errno.ENOSPC, False, {"write", "overwrite"}),
    (Fault.UNDONE, errno.ENOSPC, True, WRITING),
]
"""How a call fails, with what, whether all that write after it fail too, and which calls can fail so."""


def calls_of(scene: Scene, tmp_path: Path, kinds: set[str]) -> Iterator[int]:
    """The numbers of the calls of these kinds that the scene makes after what was before."""
    disk, data, world = LogDisk(), tmp_path / "dry", World()
    scene.before(disk, data, world)
    before = len(disk.calls)
    world.work(Log(data, files=disk))
    for number, kind in enumerate(disk.calls, 1):
        if number > before and kind in kinds:
            yield number


@pytest.fixture(autouse=True)
def short_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a segment is begun in the middle of what is done."""
    monkeypatch.setattr(appending, "SEGMENT_BYTES", 3000)


@every_scene
@pytest.mark.parametrize(("fault", "code", "lasting", "kinds"), FAULTS)
def test_no_error_loses_a_promise_or_lets_a_refused_decision_stand(
    scene: Scene, fault: Fault, code: int, lasting: bool, kinds: set[str], tmp_path: Path
) -> None:
    check_faults(scene, fault, code, lasting, kinds, tmp_path)


@pytest.mark.parametrize("scene", [SCENES[1], SCENES[3]], ids=lambda scene: scene.name)
def test_no_error_in_reading_loses_a_promise_or_lets_a_refused_decision_stand(
    scene: Scene, tmp_path: Path
) -> None:
    check_faults(scene, Fault.UNDONE, errno.EIO, False, {"read", "stat", "size", "close"}, tmp_path)


def check_faults(
    scene: Scene, fault: Fault, code: int, lasting: bool, kinds: set[str], tmp_path: Path
) -> None:
    """Have each call of these kinds fail in turn."""
    for call in calls_of(scene, tmp_path, kinds):
        data, world, disk = tmp_path / str(call), World(), LogDisk(call, fault, code, lasting=lasting)
        scene.before(disk, data, world)
        logs = [Log(data)]
        with contextlib.suppress(StoreUnavailable):
            logs.append(Log(data, files=disk))
            world.work(logs[-1])
        assert disk.failed, f"call {call} was never made"
        disk.heal()
        world.check(data)
        for log in logs:
            assert_same(log, data)


def assert_same(log: Log, data: Path) -> None:
    """An open log comes to know what a new one reads."""
    log.refresh()
    new = Log(data)
    assert list(log.records()) == list(new.records())
    assert list(log.events()) == list(new.events())


@every_scene
def test_a_kill_at_any_call_loses_no_promise(scene: Scene, tmp_path: Path) -> None:
    for data, world, _ in power_cuts(scene, tmp_path):
        world.check(data)


@every_scene
@pytest.mark.parametrize("kept", [0.0, 0.5, 1.0])
def test_a_power_cut_at_any_call_loses_no_promise(
    scene: Scene, kept: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for data, world, disk in power_cuts(scene, tmp_path):
        left = data.with_name(f"{data.name} after")
        with monkeypatch.context() as patch:
            powered_off(disk, left, kept, patch)
            world.check(left)


def power_cuts(scene: Scene, tmp_path: Path) -> Iterator[tuple[Path, World, LogDisk]]:
    """The scene ended before each call that changes anything."""
    for call in calls_of(scene, tmp_path, WRITING):
        data, world, disk = tmp_path / str(call), World(), LogDisk(call, Fault.POWER)
        scene.before(disk, data, world)
        with pytest.raises(PowerCut):
            world.work(Log(data, files=disk))
        world.interrupted.update(id for id, _ in world.promised)
        yield data, world, disk


# a kill in the middle of a line


@pytest.fixture
def halves(tmp_path: Path) -> tuple[dict[str, bytes], bytes]:
    """The log's files as a writer leaves them that is killed before its last line, and that line."""
    log = Log(tmp_path / "before", files=QUICK)
    item = make_item()
    log.decide(make_decision(item, id="left"), item)
    before = log_files(tmp_path / "before")
    log.advance("left", S.SENDING, expect=HELD, detail="naïve ☃")
    after = log_files(tmp_path / "before")
    segment, head = "00000001.jsonl", "head.json"
    line = after[segment][len(before[segment]) :]
    return {**before, head: before[head][:512] + after[head][512:]}, line


def test_half_a_payload_that_a_killed_writer_left_is_blanked(tmp_path: Path) -> None:
    """Nobody could ever erase it: no event names it."""
    data, whole = tmp_path / "data", tmp_path / "whole"
    for each in (data, whole):
        deliver(Log(each, files=QUICK), "a")
    segment = log_directory(data) / "00000001.jsonl"
    shutil.copytree(log_directory(data), log_directory(whole), dirs_exist_ok=True)
    item = make_item("b")
    Log(whole, files=QUICK).decide(make_decision(item), item)
    head_file = log_directory(data) / "head.json"
    announced = log_files(whole)["head.json"]
    line = log_files(whole)["00000001.jsonl"][segment.stat().st_size :]
    head_file.write_bytes(log_files(data)["head.json"][:512] + announced[512:])
    assert b"as asked" not in announced, "the head has no payload, that it need not be erased there"
    with segment.open("ab") as file:
        file.write(line[: line.index(b"as asked") + 20])
    assert verify(data).ok
    other = Log(data, files=QUICK)
    deliver(Log(data, files=QUICK), "c")
    assert segment.read_bytes().count(b"as asked") == 2, "those of a and c"
    found = verify(data)
    assert (found.ok, found.payloads) == (True, 2)
    assert [event.type for event in Log(data).events()][4] == "recovered"
    deliver(other, "d")
    assert [event.seq for event in other.events()] == list(range(1, 14))


@pytest.mark.parametrize("powered", [True, False], ids=["killed", "after a power cut"])
def test_a_line_cut_at_any_byte_is_ended_and_the_log_goes_on(
    halves: tuple[dict[str, bytes], bytes], powered: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files, line = halves
    every = 1 if powered else 5
    if not powered:
        monkeypatch.setattr(head, "boot_id", lambda: "another start")
    for size in (*range(0, len(line), every), len(line)):
        data = tmp_path / str(size)
        log_directory(data).mkdir(parents=True)
        for name, content in files.items():
            (log_directory(data) / name).write_bytes(content)
        with (log_directory(data) / "00000001.jsonl").open("ab") as segment:
            segment.write(line[:size])
        assert verify(data).ok
        log = Log(data, files=QUICK)
        stands = size == len(line)
        assert [record.state for record in log.records()] == [S.SENDING if stands else HELD]
        log.advance("left", S.UNKNOWN if stands else S.SENDING, expect=S.SENDING if stands else HELD)
        types = [event.type for event in log.events()]
        assert types == [
            "decided",
            *(["recovered"] if 0 < size < len(line) else ["delivery"] * stands),
            "delivery",
        ]
        assert verify(data).ok
        shutil.rmtree(data)


def test_killed_writers_lose_no_promise_and_send_nothing_twice(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.store.log_killing", str(tmp_path / "data"), "60", "5"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    counts = json.loads(done.stdout)
    assert counts["kills"] == 60
    assert counts["promises"] > counts["sends"] > 0


# failed fsyncs


class BadSync(Named):
    """The next fsyncs of files whose name ends so fail."""

    def __init__(self) -> None:
        super().__init__()
        self.fails: list[str] = []
        self.synced: list[str] = []

    def sync(self, descriptor: int) -> None:
        name = self.name(descriptor)
        if self.fails and name.endswith(self.fails[0]):
            self.fails.pop(0)
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        self.synced.append(name)


def test_after_a_failed_fsync_the_event_stands_fsynced_in_a_new_segment(tmp_path: Path) -> None:
    files, data = BadSync(), tmp_path / "data"
    log, other = Log(data, files=files), Log(data)
    item = make_item()
    log.decide(make_decision(item, id="one"), item)
    before = log_files(data)
    files.fails, files.synced = ["0001.jsonl"], []
    assert log.advance("one", S.SENDING, expect=HELD).state is S.SENDING
    assert log_files(data)["00000001.jsonl"] == before["00000001.jsonl"]
    second = log_files(data)["00000002.jsonl"].splitlines()
    assert (b'"dropped":"{' in second[0], b'"state":"sending"' in second[1], len(second)) == (True, True, 2)
    assert files.synced[-1] == "00000002.jsonl"
    assert not (log_directory(data) / "unsynced").exists()
    assert [event.state for event in other.refresh()] == ["", "sending"]
    assert verify(data).ok


def test_nothing_is_accepted_until_a_new_segment_stands(tmp_path: Path) -> None:
    files, data = BadSync(), tmp_path / "data"
    log = Log(data, files=files)
    deliver(log, "before")
    files.fails = ["0001.jsonl", *[".new"] * 3]
    for key in ("a", "b", "c"):
        with pytest.raises(StoreUnavailable, match="the disk reports an error; look at the system's log"):
            log.decide(make_decision(make_item(key)), make_item(key))
    assert not files.fails
    other = Log(data, files=QUICK)
    assert len(other.recent(9)) == 1
    deliver(other, "a")
    assert b'"sent"' in log_files(data)["00000002.jsonl"]
    assert b'"decided"' not in log_files(data)["00000001.jsonl"].splitlines()[-1]
    deliver(log, "b")
    assert len(log.recent(9)) == 3
    assert verify(data).ok


class NotTakenBack(BadSync):
    def truncate(self, descriptor: int, size: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_a_refused_decision_does_not_stand_even_where_it_cannot_be_cut_off(tmp_path: Path) -> None:
    files, data = NotTakenBack(), tmp_path / "data"
    log, other = Log(data, files=files), Log(data, files=QUICK)
    deliver(log, "before")
    item = make_item()
    files.fails = ["0001.jsonl", ".new"]
    with pytest.raises(StoreUnavailable):
        log.decide(make_decision(item), item)
    assert "unsynced" in log_files(data)
    other.refresh()
    other.append("noted", item_id="x")
    for each in (other, Log(data)):
        assert each.standing(item.id) is None
        assert [event.seq for event in each.events()] == [1, 2, 3, 4, 5]
    other.decide(make_decision(item, operator="bob"), item)
    assert verify(data).ok


def test_a_decision_that_may_not_be_on_the_disk_is_written_again_with_its_payload(tmp_path: Path) -> None:
    files, data = BadSync(), tmp_path / "data"
    log, item = Log(data, files=files), make_item()
    deliver(log, "before")
    before = log_files(data)
    files.fails = ["0001.jsonl"]
    record = log.decide(make_decision(item), item)
    assert Log(data).record(record.decision.id) == record
    assert log_files(data)["00000001.jsonl"] == before["00000001.jsonl"]
    lines = log_files(data)["00000002.jsonl"].splitlines()
    assert (len(lines), b"as asked" in lines[0], b"as asked" in lines[1]) == (2, False, True)
    assert verify(data).ok
    assert not verify(data).notes


class BadBlanks(BadSync):
    """What is written over in a segment does not reach the disk."""

    def overwrite(self, descriptor: int, data: bytes, offset: int) -> int:
        if self.name(descriptor).endswith("0001.jsonl"):
            self.fails = ["0001.jsonl"]
        return super().overwrite(descriptor, data, offset)


def test_after_blanks_that_may_not_be_on_the_disk_the_log_goes_on_in_a_new_segment(tmp_path: Path) -> None:
    data = tmp_path / "data"
    log = Log(data, files=BadBlanks())
    deliver(log, "a")
    with pytest.raises(StoreUnavailable, match="Some payloads are not erased yet"):
        log.erase_payloads(datetime.now(UTC) + timedelta(hours=1))
    deliver(log, "b")
    assert b"recovered" not in log_files(data)["00000002.jsonl"]
    assert log_files(data)["00000002.jsonl"].count(b"\n") == 5
    found = verify(data)
    assert (found.ok, found.payloads, found.erased) == (True, 1, 1)


def test_what_another_process_did_not_fsync_is_fsynced_before_it_is_built_upon(tmp_path: Path) -> None:
    disk, data, world = LogDisk(), tmp_path / "data", World()
    killed_in("sync").before(disk, data, world)
    files = BadSync()
    log = Log(data, files=files)
    log.advance("left", S.UNKNOWN, expect=S.SENDING)
    assert files.synced.count("00000001.jsonl") == 2


def test_what_another_process_did_not_fsync_is_written_again_where_that_fails(tmp_path: Path) -> None:
    disk, data, world = LogDisk(), tmp_path / "data", World()
    killed_in("sync").before(disk, data, world)
    files = NotTakenBack()
    log, other = Log(data, files=files), Log(data, files=QUICK)
    events = [(event.seq, event.type, event.state) for event in log.events()]
    files.fails = ["0001.jsonl"]
    with pytest.raises(StoreUnavailable):
        log.advance("left", S.UNKNOWN, expect=S.SENDING)
    for each in (log, other):
        each.append("noted", item_id="x")
        assert [(event.seq, event.type, event.state) for event in each.events()][: len(events)] == events
    assert log_files(data)["00000002.jsonl"].splitlines()[1].count(b'"sending"') == 1
    assert [event.type for event in other.refresh()] == ["noted", "noted"]
    assert verify(data).ok
    assert any("do not count" in note for note in verify(data).notes)
