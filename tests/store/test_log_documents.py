"""docs/log.md is right: its example verifies, and its verifier, which knows nothing of triage, finds the same."""

from __future__ import annotations

import contextlib
import io
import json
import random
import re
import subprocess
import sys
from pathlib import Path
from types import CodeType

import pytest

from tests.store.log_faults import QUICK
from tests.store.log_making import deliver, log_files
from tests.store.log_tampering import SEGMENTS, Tampered, make_log
from tests.store.test_log_faults import NotTakenBack
from triage.store.log import Log, log_directory
from triage.store.verifying import verify

DOCUMENT = (Path(__file__).parents[2] / "docs" / "log.md").read_text()


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def verifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program in the document, as a file."""
    (code,) = blocks("python")
    path = tmp_path_factory.mktemp("verifier") / "verify.py"
    path.write_text(code)
    return path


@pytest.fixture(scope="module")
def compiled(verifier: Path) -> CodeType:
    return compile(verifier.read_text(), str(verifier), "exec")


@pytest.fixture
def tampered(tmp_path: Path) -> Tampered:
    make_log(tmp_path / "whole")
    return Tampered(tmp_path / "data", log_files(tmp_path / "whole"))


def run(verifier: Path, data: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", "-W", "error", str(verifier), str(log_directory(data))]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


def refuses(compiled: CodeType, data: Path, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether the program finds a fault; without a process of its own."""
    monkeypatch.setattr(sys, "argv", ["verify.py", str(log_directory(data))])
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            exec(compiled, {})
        except (SystemExit, ValueError, TypeError, LookupError, AttributeError):
            return True
    return False


def test_the_example_is_a_log(verifier: Path, tmp_path: Path) -> None:
    (segment,) = blocks("jsonl")
    directory = log_directory(tmp_path)
    directory.mkdir()
    (directory / "00000001.jsonl").write_text(segment)
    (directory / "head.json").write_text(blocks("json")[0])
    found = verify(tmp_path)
    assert (found.ok, found.events, found.payloads, found.notes) == (True, 3, 1, ())
    done = run(verifier, tmp_path)
    assert done.stdout.startswith("3 events, 0 of them behind the head, as they were written"), done.stderr
    assert json.loads(blocks("json")[0])["stands"]["hash"] in done.stdout
    assert f"\n    {json.loads(segment.splitlines()[3])['previous']}\n" in DOCUMENT


def test_the_verifier_is_thirty_lines_and_knows_nothing_of_triage(verifier: Path) -> None:
    lines = verifier.read_text().splitlines()
    assert len(lines) <= 30
    assert [line for line in lines if "import" in line] == ["import hashlib, json, pathlib, sys"]


def test_the_verifier_takes_a_log_as_it_was_written(verifier: Path, tampered: Tampered) -> None:
    found = tampered.verify({})
    done = run(verifier, tampered.data)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{found.events} events" in done.stdout
    assert found.head in done.stdout


def test_the_verifier_takes_a_log_that_goes_on_after_a_disk_error(verifier: Path, tmp_path: Path) -> None:
    files = NotTakenBack()
    log = Log(tmp_path, files=files)
    deliver(log, "a")
    files.fails = ["0001.jsonl"]
    deliver(log, "b")
    assert verify(tmp_path).ok
    assert b'"dropped":"{' in log_files(tmp_path)["00000002.jsonl"]
    assert run(verifier, tmp_path).returncode == 0, run(verifier, tmp_path).stderr


def test_the_verifier_names_a_tampered_line(verifier: Path, tampered: Tampered) -> None:
    second = tampered.files[SEGMENTS[1]].splitlines(keepends=True)
    cases: dict[str, dict[str, bytes | None]] = {
        "segment 2, line 3": {SEGMENTS[1]: b"".join(second).replace(b"un-erased", b"un-eRased")},
        "segment 2, line 2": {SEGMENTS[1]: second[0] + b"".join(second[2:])},
        "segment 2, line 4": {SEGMENTS[1]: b"".join([*second[:3], second[2], *second[3:]])},
        "segment 2, line 6": {SEGMENTS[1]: b"".join(second) + b"x"},
        "segment 3, line 2": {
            SEGMENTS[2]: b"".join(tampered.files[SEGMENTS[2]].splitlines(keepends=True)[:2])
        },
        "segment 3, line 3": {SEGMENTS[2]: tampered.files[SEGMENTS[2]].replace(b"as asked", b"as Asked")},
        "segment 3, line 1": {SEGMENTS[2]: tampered.files[SEGMENTS[2]].replace(b"\n", b"\t\n", 1)},
        "segment 1, line 2": {SEGMENTS[0]: tampered.files[SEGMENTS[0]].replace(b"\t ", b"\tx")},
    }
    for where, changed in cases.items():
        assert not tampered.verify(changed).ok
        done = run(verifier, tampered.data)
        assert done.returncode == 1
        assert done.stderr.startswith(where), (where, done.stderr)


def test_the_verifier_counts_what_is_behind_the_head(verifier: Path, tampered: Tampered) -> None:
    before = tampered.files["head.json"]
    tampered.verify({})
    Log(tampered.data, files=QUICK).append("noted", item_id="x")
    (log_directory(tampered.data) / "head.json").write_bytes(before)
    assert "1 of them behind the head" in run(verifier, tampered.data).stdout


def test_both_find_the_same(compiled: CodeType, tampered: Tampered, monkeypatch: pytest.MonkeyPatch) -> None:
    values = random.Random(11)
    for name in SEGMENTS:
        content = tampered.files[name]
        for index in range(0, len(content), 5):
            changed = (
                content[:index] + bytes([content[index] ^ values.randrange(1, 128)]) + content[index + 1 :]
            )
            assert not tampered.verify({name: changed}).ok
            assert refuses(compiled, tampered.data, monkeypatch), (name, index)
    assert tampered.verify({}).ok
    assert not refuses(compiled, tampered.data, monkeypatch)
