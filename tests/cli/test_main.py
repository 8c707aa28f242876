"""The program as a whole: what it imports, how it ends, and what it says without a terminal."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from tests.cli.agents import Agents
from tests.cli.conftest import Run, ended, process
from tests.terminal import Terminal
from triage import __version__
from triage.cli import listing
from triage.cli.exits import Exit, exit_of, stop_for
from triage.config import ConfigError, Fault
from triage.connectors.credentials import CredentialError
from triage.connectors.http import Unreachable
from triage.desk.desk import ItemChanged, ItemGone, Refused
from triage.model.decision import DeliveryState
from triage.paths import PathProblem
from triage.store.errors import SharedDirectory, StoreUnavailable

HEAVY = ("textual", "httpx", "tinydb", "rich", "asyncio", "triage.desk.desk", "triage.tui.app")

IMPORTS = """
import sys
from triage.cli.main import main
try:
    main({arguments!r}, prog_name="triage")
except SystemExit as end:
    assert end.code == 0, end.code
print("loaded:", *[name for name in {heavy!r} if name in sys.modules])
"""


@pytest.mark.parametrize("arguments", [["--help"], ["status"], ["--version"], ["completion", "fish"]])
def test_little_is_imported_for_little(arguments: list[str], home: Path) -> None:
    script = IMPORTS.format(arguments=arguments, heavy=HEAVY)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "loaded:"


def test_it_tells_its_version_and_runs_as_a_module() -> None:
    code, printed, said = ended(process("--version"))
    assert (code, printed, said) == (0, f"triage {__version__}\n", "")


def test_every_command_of_the_design_is_there_and_says_what_it_does(triage: Run) -> None:
    names = (
        "demo add endpoints list show approve edit reject respond ignore close decide wait undo pause resume "
        "log status doctor completion"
    ).split()
    printed = triage("--help").stdout
    for name in names:
        assert f"\n  {name} " in printed
        result = triage(name, "--help")
        assert result.exit_code == 0
        assert result.stdout.startswith(f"Usage: triage {name}")
    assert "..." not in printed.partition("Commands:")[2]


@pytest.mark.parametrize("arguments", [["lst"], ["list", "--jsn"], ["show"], ["approve"], ["log", "vrify"]])
def test_wrong_usage_ends_with_2(arguments: list[str], triage: Run) -> None:
    result = triage(*arguments)
    assert result.exit_code == 2
    assert "Usage: triage" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("state", "code"),
    [
        (DeliveryState.CONFIRMED, 0),
        (DeliveryState.WITHDRAWN, 1),
        (DeliveryState.REFUSED, 3),
        (DeliveryState.UNKNOWN, 4),
        (DeliveryState.SENDING, 4),
        (DeliveryState.SENT, 4),
        (DeliveryState.HELD, 4),
        (DeliveryState.CLOSED, 4),
        (DeliveryState.STALE, 5),
    ],
)
def test_each_state_has_its_exit_code(state: DeliveryState, code: int) -> None:
    assert exit_of(state) == code


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError(Path("c"), [Fault(3, "no")]), 2),
        (PathProblem("no"), 2),
        (CredentialError("no"), 2),
        (SharedDirectory("no"), 2),
        (StoreUnavailable("no"), 1),
        (Unreachable("no"), 1),
        (Refused("no"), 3),
        (ItemGone("no"), 3),
        (ItemChanged("no"), 5),
        (PermissionError(13, "Permission denied", "f"), 1),
        (RecursionError("no"), 1),
    ],
)
def test_each_error_has_its_exit_code_and_a_sentence(error: Exception, code: int) -> None:
    stop = stop_for(error)
    assert stop.exit_code == code
    assert stop.message
    assert "fault in triage itself" not in stop.message


def test_a_fault_of_ours_is_a_sentence_and_no_traceback(triage: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise TypeError("no such thing")

    monkeypatch.setattr(listing, "list_items", click.command("list")(broken))
    result = triage("list")
    assert result.exit_code == Exit.FAILED
    assert "a fault in triage itself, at test_main.py:" in result.stderr
    assert "Traceback" not in result.stderr
    monkeypatch.setenv("TRIAGE_DEBUG", "1")
    assert "Traceback" in triage("list").stderr


@pytest.mark.parametrize("read", [0, 1])
def test_a_pipe_that_closes_early_is_no_fault(read: int, place: Path, agents: Agents) -> None:
    for _ in range(50):
        agents.ask(title="x" * 3000)
    running = process("list", "--json")
    assert running.stdout
    running.stdout.read(read)
    running.stdout.close()
    assert running.wait(30) in (0, 1)
    assert running.stderr
    assert running.stderr.read() == ""
    running.stderr.close()


def test_without_a_terminal_the_console_names_the_commands_that_do_the_same(place: Path) -> None:
    for arguments in ([], ["demo"]):
        code, printed, said = ended(process(*arguments))
        assert (code, printed) == (2, "")
        assert all(f"triage {name}" in said for name in ("list", "show", "approve", "log", "status"))


@pytest.mark.parametrize("name", ["dumb", ""])
def test_a_dumb_terminal_gets_the_same_answer(name: str, place: Path) -> None:
    environment = {**os.environ, "TERM": name}
    with Terminal([sys.executable, "-m", "triage"], environment) as terminal:
        assert terminal.wait_ended() == 2
        assert "triage list" in terminal.wait_for("TERM is")


def test_without_endpoints_the_demo_is_offered(home: Path) -> None:
    environment = {**os.environ, "TERM": "xterm-256color"}
    with Terminal([sys.executable, "-m", "triage"], environment) as terminal:
        assert "triage add URL" in terminal.wait_for("Open the demo now? [y/N]")
        terminal.press("n", "enter")
        assert terminal.wait_ended() == 0


def test_a_terminal_that_lacks_characters_gets_them_escaped(place: Path, agents: Agents) -> None:
    agents.ask(title="Give 5 € to Kim")
    code, printed, said = ended(process("list", PYTHONIOENCODING="latin-1"))
    assert (code, said) == (0, "")
    assert "Give 5 \\u20ac to Kim" in printed


def test_a_data_directory_others_may_write_is_refused(triage: Run, place: Path) -> None:
    data = place / "data"
    data.mkdir()
    data.chmod(0o777)
    result = triage("list")
    assert result.exit_code == 2
    assert f"chmod 700 {data}" in result.stderr


def test_a_foreign_queue_is_said(triage: Run, place: Path) -> None:
    (place / "data").mkdir(mode=0o700)
    (place / "data" / "queue.jsonl").write_text("not ours\n")
    result = triage("list")
    assert result.exit_code == 1
    assert "queue.jsonl" in result.stderr
