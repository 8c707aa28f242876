"""Verifying finds whatever was done to the log, and names the first line that is not as it was written."""

from __future__ import annotations

import random
import shutil
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from tests.store.log_faults import QUICK
from tests.store.log_making import HELD, S, deliver, log_files, make_decision, make_item
from tests.store.log_tampering import SEGMENTS, Tampered, make_log, places
from triage.store import chain, head, lock
from triage.store.errors import StoreUnavailable
from triage.store.events import Event
from triage.store.log import Log
from triage.store.segments import line_hash, text_of
from triage.store.verifying import Finding, Verification, findings_in_words, verify


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of a log as it was written."""
    data = tmp_path_factory.mktemp("whole") / "data"
    make_log(data)
    files = log_files(data)
    assert set(SEGMENTS) < set(files)
    assert verify(data).ok
    return files


@pytest.fixture
def tampered(tmp_path: Path, whole: dict[str, bytes]) -> Tampered:
    return Tampered(tmp_path / "data", dict(whole))


def test_what_was_written_is_whole(tampered: Tampered) -> None:
    found = tampered.verify({})
    assert (found.ok, found.segments, found.payloads, found.erased) == (True, 3, 1, 1)
    assert found.notes == ()
    last = text_of(tampered.files["00000003.jsonl"].splitlines()[-1])
    assert found.head == line_hash(last)
    assert found.events == msgspec.json.decode(last)["seq"]


def test_any_changed_byte_is_found_and_its_line_named(tampered: Tampered) -> None:
    values = random.Random(7)
    for name in SEGMENTS:
        content, line = tampered.files[name], 1
        for index, byte in enumerate(content):
            other = (byte + values.randrange(1, 256)) % 256
            changed = content[:index] + bytes([other]) + content[index + 1 :]
            assert tampered.first({name: changed}) == (name, line), (index, byte, other)
            line += byte == ord("\n")


@pytest.mark.parametrize("value", [0, ord("\n"), ord(" "), 0xFF])
def test_bytes_that_mean_something_are_found_as_well(tampered: Tampered, value: int) -> None:
    for name in SEGMENTS:
        content = tampered.files[name]
        for index in range(3, len(content), 31):
            if content[index] != value:
                changed = content[:index] + bytes([value]) + content[index + 1 :]
                assert tampered.first({name: changed}) == (name, content[:index].count(b"\n") + 1)


def test_any_removed_line_is_found(tampered: Tampered) -> None:
    for name, index, lines in places(tampered.files):
        changed = b"".join(lines[:index] + lines[index + 1 :])
        file, line = tampered.first({name: changed})
        assert file == name
        recovered = b'"recovered"' in lines[index]
        assert line in (index + 1, index + 1 - recovered), (name, index)


def test_any_doubled_line_is_found(tampered: Tampered) -> None:
    for name, index, lines in places(tampered.files):
        changed = b"".join(lines[: index + 1] + lines[index:])
        assert tampered.first({name: changed}) == (name, index + 2)


def test_any_two_swapped_lines_are_found(tampered: Tampered) -> None:
    for name, index, lines in places(tampered.files):
        for other in range(index + 1, len(lines)):
            swapped = list(lines)
            swapped[index], swapped[other] = lines[other], lines[index]
            file, line = tampered.first({name: b"".join(swapped)})
            assert (file, line) == (name, index + 1)


def test_any_shortened_line_is_found(tampered: Tampered) -> None:
    for name, index, lines in places(tampered.files):
        for cut in {1, len(lines[index]) // 2, len(lines[index]) - 2}:
            short = [*lines[:index], lines[index][:cut] + b"\n", *lines[index + 1 :]]
            assert tampered.first({name: b"".join(short)}) == (name, index + 1)


def test_a_log_cut_off_anywhere_is_found(tampered: Tampered) -> None:
    for number, name in enumerate(SEGMENTS):
        content = tampered.files[name]
        for size in range(0, len(content), 9):
            changed: dict[str, bytes | None] = {name: content[:size]}
            changed |= dict.fromkeys(SEGMENTS[number + 1 :])
            file, line = tampered.first(changed)
            assert (file, line) == (name, content[:size].count(b"\n") + 1), size


def test_a_line_cut_out_of_the_middle_is_found(tampered: Tampered) -> None:
    for name in SEGMENTS:
        content = tampered.files[name]
        for start in range(0, len(content) - 20, 7):
            changed = content[:start] + content[start + 20 :]
            assert tampered.first({name: changed}) == (name, content[:start].count(b"\n") + 1)


@pytest.mark.parametrize("name", SEGMENTS)
def test_a_missing_segment_is_found(tampered: Tampered, name: str) -> None:
    file, line = tampered.first({name: None})
    last = SEGMENTS[1], len(tampered.files[SEGMENTS[1]].splitlines()) + 1
    assert (file, line) == (last if name == SEGMENTS[2] else (name, 0))


@pytest.mark.parametrize("added", [b"x", b"\n", b"\0", b"rubbish\n", b"half!torn\n", b'{"seq":', b"{}\n"])
def test_anything_appended_to_any_segment_is_found(tampered: Tampered, added: bytes) -> None:
    for name in SEGMENTS:
        content = tampered.files[name]
        assert tampered.first({name: content + added}) == (name, content.count(b"\n") + 1)


def forged(files: dict[str, bytes], name: str, type: str = "paused") -> bytes:
    """A well-formed event that follows the last line of a segment."""
    last = text_of(files[name].splitlines()[-1])
    seq = msgspec.json.decode(last)["seq"]
    event = Event(seq + 1, line_hash(last), type, datetime.now(UTC), endpoint="*")
    return msgspec.json.encode(event) + b"\n"


@pytest.mark.parametrize("type", ["paused", "recovered"])
def test_a_well_formed_forged_event_is_found(tampered: Tampered, type: str) -> None:
    for name in SEGMENTS:
        content = tampered.files[name]
        changed: dict[str, bytes | None] = {name: content + forged(tampered.files, name, type)}
        assert tampered.first(changed) == (name, content.count(b"\n") + 1)


def test_a_forged_event_between_others_is_found(tampered: Tampered) -> None:
    for name in SEGMENTS:
        lines = tampered.files[name].splitlines(keepends=True)
        for index in range(2, len(lines)):
            before = {name: b"".join(lines[:index])}
            if b"!torn" in lines[index - 1] or b"!torn" in lines[index]:
                continue
            event = forged(tampered.files | before, name)
            changed = b"".join([*lines[:index], event, *lines[index:]])
            assert tampered.first({name: changed}) == (name, index + 1)


def test_a_forged_segment_is_found(tampered: Tampered) -> None:
    last = tampered.files["00000003.jsonl"]
    header = msgspec.json.decode(tampered.files["00000003.jsonl"].splitlines()[0])
    header |= {
        "segment": 4,
        "previous": line_hash(text_of(last.splitlines()[-1])),
        "previous_bytes": len(last),
    }
    first = msgspec.json.encode(header) + b"\n"
    assert tampered.first({"00000004.jsonl": first}) == ("00000004.jsonl", 1)
    event = forged(
        tampered.files | {"00000004.jsonl": first.replace(b"}\n", b',"seq":9}\n')}, "00000004.jsonl"
    )
    assert tampered.first({"00000004.jsonl": first + event})[0] == "00000004.jsonl"
    assert tampered.first({"99999999.jsonl": first})[0] == "00000004.jsonl"


def test_a_log_forged_from_a_line_on_is_found_by_its_head(tampered: Tampered) -> None:
    """Every hash after a changed line made anew, as somebody would who knows the format."""
    name = "00000003.jsonl"
    lines = tampered.files[name].splitlines()
    forged_lines, text = [lines[0]], lines[0]
    for line in lines[1:]:
        before, tab, payload = line.partition(b"\t")
        event = msgspec.json.decode(before, type=Event)
        changed = msgspec.structs.replace(event, previous=line_hash(text), operator="mallory")
        text = msgspec.json.encode(changed)
        forged_lines.append(text + tab + payload)
    found = tampered.verify({name: b"\n".join(forged_lines) + b"\n"})
    assert found.findings == (Finding(name, len(lines), "it was changed: head.json knows another"),)


# payloads


ERASED, KEPT = (SEGMENTS[0], 2, 1), (SEGMENTS[2], 3, 7)
"""Where the payload stands that was erased, and the one that is whole: segment, line, and the event's number."""


def payload_in(content: bytes) -> range:
    """The places of the payload in a segment that has one."""
    start = content.index(b"\t") + 1
    return range(start, content.index(b"\n", start))


@pytest.mark.parametrize(("name", "line", "seq"), [ERASED, KEPT])
def test_a_changed_payload_is_named_with_its_event(
    tampered: Tampered, name: str, line: int, seq: int
) -> None:
    content = tampered.files[name]
    for index in payload_in(content)[::7]:
        changed = content[:index] + bytes([content[index] ^ 1]) + content[index + 1 :]
        found = tampered.verify({name: changed})
        assert found.findings == (
            Finding(name, line, f"the payload of event {seq} was changed or taken away"),
        )


def test_an_erased_payload_is_told_from_one_that_somebody_blanked(tampered: Tampered) -> None:
    name, line, seq = KEPT
    content = tampered.files[name]
    place = payload_in(content)
    found = tampered.verify({name: content[: place.start] + b" " * len(place) + content[place.stop :]})
    why = f"the payload of event {seq} was erased, and no event says so"
    assert found.findings == (Finding(name, line, why),)
    assert (found.payloads, found.erased) == (0, 1)


@pytest.mark.parametrize(("name", "line", "seq"), [ERASED, KEPT])
@pytest.mark.parametrize("tab", [True, False])
def test_a_payload_that_was_taken_away_is_found(
    tampered: Tampered, name: str, line: int, seq: int, tab: bool
) -> None:
    content = tampered.files[name]
    place = payload_in(content)
    changed = content[: place.start - tab] + content[place.stop :]
    assert tampered.first({name: changed}) == (name, line)


@pytest.mark.parametrize("added", [b"\t", b"\t{}", b"\t   "])
def test_a_payload_that_no_event_names_is_found(tampered: Tampered, added: bytes) -> None:
    """The chain passes over what stands behind a tab."""
    for name, index, lines in places(tampered.files):
        if b"\t" not in lines[index]:
            changed = [*lines[:index], lines[index][:-1] + added + b"\n", *lines[index + 1 :]]
            assert tampered.first({name: b"".join(changed)}) == (name, index + 1)


# the head


def test_a_missing_head_is_found_and_said_in_the_log_by_the_next_write(tampered: Tampered) -> None:
    for content in (None, b"", b"rubbish"):
        found = tampered.verify({"head.json": content})
        assert [finding.file for finding in found.findings] == ["head.json"]
        assert "whether the end was cut off cannot be told" in found.findings[0].why
    log = Log(tampered.data, files=QUICK)
    log.append("noted", item_id="x")
    assert [event.type for event in log.events()][-2:] == ["recovered", "noted"]
    found = verify(tampered.data)
    assert found.ok
    assert "head.json was missing" in found.notes[0]


def test_a_head_of_which_any_byte_is_changed_never_hides_a_cut_off_end(tampered: Tampered) -> None:
    content = tampered.files["head.json"]
    cut = tampered.files["00000003.jsonl"].splitlines(keepends=True)[:-2]
    for index in range(0, len(content), 3):
        changed = content[:index] + bytes([content[index] ^ 1]) + content[index + 1 :]
        assert isinstance(tampered.verify({"head.json": changed}), Verification)
        tampered.first({"head.json": changed, "00000003.jsonl": b"".join(cut)})


def test_after_a_start_of_the_machine_a_longer_log_is_noted(
    tampered: Tampered, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "00000003.jsonl"
    monkeypatch.setattr(head, "boot_id", lambda: "another start")
    found = tampered.verify({name: tampered.files[name] + forged(tampered.files, name)})
    assert found.ok
    assert "1 lines behind it, their chain alone tells" in found.notes[0]
    assert tampered.first({name: tampered.files[name] + b"{}\n"}) == (name, 4)
    cut = tampered.files[name].splitlines(keepends=True)[:-1]
    assert tampered.first({name: b"".join(cut)}) == (name, len(cut) + 1)


def test_a_log_whose_last_line_was_announced_but_not_confirmed_is_whole(tampered: Tampered) -> None:
    content = tampered.files["head.json"]
    assert tampered.verify({"head.json": b" " * 511 + b"\n" + content[512:]}).ok


def test_rubbish_at_the_end_that_triage_ended_stays_found(tampered: Tampered) -> None:
    name = "00000003.jsonl"
    tampered.verify({name: tampered.files[name] + b"rubbish"})
    log = Log(tampered.data, files=QUICK)
    log.append("noted", item_id="x")
    found = verify(tampered.data)
    assert [(finding.file, finding.line) for finding in found.findings] == [(name, 4)]
    assert list(findings_in_words(found)) == [f"{name}, line 4: this was not written by triage"]


# verifying itself


def test_no_log_is_no_fault(tmp_path: Path) -> None:
    assert verify(tmp_path / "data") == Verification(0, 0, 0, 0, head.NOTHING, (), ("there is no log yet",))
    assert not (tmp_path / "data").exists()


def test_verifying_changes_nothing(tampered: Tampered) -> None:
    tampered.verify({"00000003.jsonl": tampered.files["00000003.jsonl"] + b"half"})
    before = log_files(tampered.data)
    verify(tampered.data)
    assert log_files(tampered.data) == before


def test_all_faults_are_told_in_the_order_of_the_log(tampered: Tampered) -> None:
    first, third = tampered.files[SEGMENTS[0]], tampered.files[SEGMENTS[2]]
    found = tampered.verify(
        {
            SEGMENTS[0]: first.replace(b'"sending"', b'"SENDING"'),
            SEGMENTS[2]: third.replace(b'"ada"', b'"eve"', 1),
            "head.json": None,
        }
    )
    assert [(finding.file, finding.line) for finding in found.findings] == [
        (SEGMENTS[0], 3),
        (SEGMENTS[2], 2),
        ("head.json", 0),
    ]


def test_writers_go_on_while_a_log_is_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the end is looked at under the lock."""
    data = tmp_path / "data"
    log = Log(data, files=QUICK)
    deliver(log, "before")
    judged = threading.Event()
    written = threading.Event()
    judge = chain.Chain.judge

    def slow_judge(*arguments: object) -> None:
        judge(*arguments)  # type: ignore[arg-type]
        judged.set()
        assert written.wait(10), "a writer waited for the verifying to end"

    def write() -> None:
        judged.wait(10)
        deliver(log, "meanwhile")
        log.erase_payloads(datetime.now(UTC) + timedelta(hours=1))
        written.set()

    monkeypatch.setattr(chain.Chain, "judge", slow_judge)
    writer = threading.Thread(target=write)
    writer.start()
    found = verify(data)
    writer.join()
    assert (found.ok, found.events, found.notes) == (True, 9, ())


def test_a_copy_that_cannot_be_locked_is_verified_all_the_same(
    tampered: Tampered, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(lock: object) -> None:
        raise StoreUnavailable("log.lock cannot be locked: the file system is read-only.")

    monkeypatch.setattr(lock.StoreLock, "__enter__", refuse)
    found = tampered.verify({})
    assert found.ok
    assert found.notes[0].startswith("log.lock cannot be locked: the file system is read-only.")


def test_a_newer_format_is_named(tampered: Tampered) -> None:
    newer = tampered.files["00000001.jsonl"].replace(b'"version":2', b'"version":3', 1)
    found = tampered.verify({"00000001.jsonl": newer})
    assert found.findings[0].why == "written in format 3; this triage reads up to 2"


def test_the_state_left_by_each_step_of_a_decision_is_whole(tmp_path: Path) -> None:
    log = Log(tmp_path / "data", files=QUICK)
    item = make_item()
    id = log.decide(make_decision(item), item).decision.id
    for expect, to in ((HELD, S.SENDING), (S.SENDING, S.UNKNOWN), (S.UNKNOWN, S.CLOSED)):
        log.advance(id, to, expect=expect)
        assert verify(tmp_path / "data").ok
    shutil.rmtree(tmp_path / "data")
