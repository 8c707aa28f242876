"""A log in the format before: read, verified, erased from, and gone on with in the format of today."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.store.log_faults import QUICK
from tests.store.log_making import deliver, log_files
from triage.store import reader
from triage.store.log import Log, log_directory
from triage.store.verifying import Finding, verify

BEFORE = Path(__file__).with_name("format_1")
PAYLOADS = "00000001.payload.jsonl"
DECISION = "01c2b5a0e1f8a1b2c3d4e5f60718"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data directory with a log of three events."""
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    shutil.copytree(BEFORE, log_directory(data))
    return data


def test_it_is_read_as_it_was(data: Path) -> None:
    log = Log(data, files=QUICK)
    record = log.record(DECISION)
    assert record is not None
    assert record.item is not None
    assert (record.item.title, record.state, record.detail) == (
        "Refund order 17",
        "confirmed",
        "the order shows it as paid back",
    )
    assert (verify(data).ok, verify(data).payloads) == (True, 1)


@pytest.mark.parametrize("every", [1, 4000], ids=["with an index", "without"])
def test_it_goes_on_in_a_segment_of_todays_format(
    data: Path, every: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "SAVE_EVERY", every)
    before = log_files(data)
    log = Log(data, files=QUICK)
    deliver(log, "new")
    deliver(log, "newer")
    files = log_files(data)
    assert files["00000001.jsonl"] == before["00000001.jsonl"]
    assert files["00000002.jsonl"].startswith(b'{"format":"triage-log","version":2,"segment":2,')
    assert not any(number in name for name in files for number in ("00000003", "00000002.payload"))
    titles = [record.item.title for record in Log(data).records() if record.item]
    assert titles == ["Pay newer back", "Pay new back", "Refund order 17"]
    assert (verify(data).ok, verify(data).payloads, verify(data).notes) == (True, 3, ())


def test_its_payloads_are_erased_with_those_of_today(data: Path) -> None:
    log = Log(data, files=QUICK)
    deliver(log, "new")
    assert log.erase_payloads(datetime(2032, 1, 1, tzinfo=UTC)) == 2
    files = log_files(data)
    assert not files[PAYLOADS].strip(b" \n")
    assert not any(b"Refund order" in content or b"as asked" in content for content in files.values())
    assert (verify(data).ok, verify(data).payloads, verify(data).erased) == (True, 0, 2)
    assert all(record.item is None for record in Log(data).records())


@pytest.mark.parametrize("first", [None, b"", b"x", b" "])
def test_a_payload_that_was_changed_is_found(data: Path, first: bytes | None) -> None:
    path = log_directory(data) / PAYLOADS
    whole = path.read_bytes()
    if first is None:
        path.unlink()
    else:
        path.write_bytes(first + whole[1:])
    assert verify(data).findings == (
        Finding(PAYLOADS, 0, "the payload of event 1 was changed or taken away"),
    )


def test_one_that_was_blanked_by_somebody_is_found(data: Path) -> None:
    path = log_directory(data) / PAYLOADS
    path.write_bytes(b" " * (path.stat().st_size - 1) + b"\n")
    why = "the payload of event 1 was erased, and no event says so"
    assert verify(data).findings == (Finding(PAYLOADS, 0, why),)


def test_bytes_behind_its_payloads_that_no_event_names_are_noted(data: Path) -> None:
    with (log_directory(data) / PAYLOADS).open("ab") as file:
        file.write(b"more")
    assert verify(data).ok
    assert verify(data).notes == (f"{PAYLOADS}: 4 bytes at its end that no event names, as after a crash",)
