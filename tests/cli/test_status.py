"""``triage status``: one line, its placeholders, and how little it takes."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.cli.agents import Agents
from tests.cli.conftest import Run, output_of

KEYS = "at waiting held sending unknown failing paused oldest by_endpoint version".split()


def write(home: Path, **more: Any) -> None:
    now = datetime.now(UTC)
    summary = {
        "at": now.isoformat(),
        "waiting": 3,
        "held": 1,
        "sending": 0,
        "unknown": 2,
        "failing": ["mail"],
        "paused": [],
        "oldest": (now - timedelta(minutes=4, seconds=9)).isoformat(),
        "by_endpoint": {"payments": 2, "mail": 1},
        "version": 1,
    }
    (home / "data").mkdir(exist_ok=True)
    (home / "data" / "status.json").write_text(json.dumps(summary | more))


def test_it_is_as_the_last_command_left_it(triage: Run, place: Path, agents: Agents) -> None:
    assert triage("status").stdout == "0 waiting\n"
    agents.ask()
    assert triage("list").exit_code == 0
    assert triage("status").stdout == "1 waiting\n"
    found = output_of(triage("status", "--json"))
    assert list(found) == KEYS
    assert found["by_endpoint"] == {"payments": 1}
    triage("pause", "mail")
    triage("list")
    assert triage("status").stdout == "1 waiting, paused: mail\n"


def test_what_is_not_well_is_in_the_line(triage: Run, home: Path) -> None:
    write(home, paused=["*"])
    assert triage("status").stdout == "3 waiting, 1 held, 2 unknown, not answering: mail, paused: all\n"
    write(home, at=(datetime.now(UTC) - timedelta(hours=2)).isoformat(), failing=[], held=0, unknown=0)
    assert triage("status").stdout == "3 waiting, 2h ago\n"
    write(home, at=(datetime.now(UTC) + timedelta(hours=2)).isoformat(), failing=[], held=0, unknown=0)
    assert triage("status").stdout == "3 waiting, from before the clock was set back\n"


@pytest.mark.parametrize(
    ("template", "line"),
    [
        ("{waiting}", "3"),
        ("{waiting.payments}+{waiting.mail}+{waiting.other}", "2+1+0"),
        ("{held}/{sending}/{unknown}", "1/0/2"),
        ("{failing} {paused}|", "mail |"),
        ("{oldest} {age}", "4m now"),
        ("{{{waiting}}}", "{3}"),
        ("plain", "plain"),
    ],
)
def test_placeholders(template: str, line: str, triage: Run, home: Path) -> None:
    write(home)
    assert triage("status", "--format", template).stdout == line + "\n"


def test_an_unknown_placeholder_names_those_there_are(triage: Run, home: Path) -> None:
    result = triage("status", "--format", "{wating}")
    assert result.exit_code == 2
    assert "{wating} stands for nothing" in result.stderr
    assert "{waiting}" in result.stderr


def test_a_damaged_file_is_said(triage: Run, home: Path) -> None:
    (home / "data").mkdir()
    (home / "data" / "status.json").write_text("{")
    result = triage("status")
    assert result.exit_code == 1
    assert "status.json cannot be read" in result.stderr


def test_figures_of_a_newer_triage_are_refused(triage: Run, home: Path) -> None:
    write(home, version=2)
    done = triage("status")
    assert done.exit_code == 1
    assert "newer triage (format 2)" in done.stderr
