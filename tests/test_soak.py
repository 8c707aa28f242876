"""The soak's short form, so that the long one cannot rot."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.soak.__main__ import main, run_part
from tests.soak.parts import PARTS
from tests.soak.report import Counts, Part, Size, table

ROOT = Path(__file__).parents[1]


@pytest.mark.timeout(300)
def test_the_short_form_loses_nothing_and_says_what_it_did(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    command = [sys.executable, "-m", "tests.soak", "--short", "--seed", "1", "--json", str(report)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=290, check=False)
    assert done.returncode == 0, done.stdout + done.stderr[-4000:]
    told = json.loads(report.read_text())
    assert told["lost"] == []
    counts = {part["name"]: part["counts"] for part in told["parts"]}
    assert set(counts) == {part.name for part in PARTS}
    assert counts["kills"]["kills"] >= 10
    assert counts["kills"]["promised"] > 0
    assert counts["store"]["kills (log)"] >= 10
    assert counts["faults"]["calls that failed"] > 50
    killed = sum(counts["processes"].get(what, 0) for what in ("consoles killed", "command lines killed"))
    assert killed >= 3
    assert counts["processes"]["longest wait in s"] < 1
    assert counts["tampering"]["tampered logs"] > 100
    assert counts["texts"]["texts on a console"] > 10
    assert counts["servers"]["tests"] > 50
    assert counts["keys"]["keys"] >= 300
    assert counts["files"]["spoiled files"] > 20
    assert "lost: nothing" in done.stdout


def losing(size: Size, directory: Path) -> Counts:
    raise AssertionError(f"one decision of {size.of(100)}")


def test_what_is_lost_is_said_and_is_no_success(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    part = Part("kills", "kills", losing)
    outcome = run_part(part, Size(0.5, 1), Path("nowhere"))
    assert outcome.lost == "AssertionError: one decision of 50"
    assert "lost: AssertionError: one decision of 50" in table([outcome])
    monkeypatch.setattr("tests.soak.__main__.PARTS", (part,))
    assert main(["--short", "--seed", "1"]) == 1
    assert "lost: AssertionError: one decision of 1" in capsys.readouterr().out
