"""``triage completion``: the scripts, and what they are told."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.cli.agents import Agents
from tests.cli.conftest import Run, ended, process


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_script(shell: str, triage: Run) -> None:
    result = triage("completion", shell)
    assert result.exit_code == 0
    assert "_TRIAGE_COMPLETE" in result.stdout
    assert "triage" in result.stdout


def test_bash_takes_the_script(triage: Run) -> None:
    script = triage("completion", "bash").stdout
    assert subprocess.run(["bash", "-n"], input=script, text=True, check=False).returncode == 0


def completed(*words: str) -> list[str]:
    """What bash is offered for the last of ``words``."""
    code, printed, said = ended(
        process(
            _TRIAGE_COMPLETE="bash_complete",
            COMP_WORDS=" ".join(("triage", *words)),
            COMP_CWORD=str(len(words)),
        )
    )
    assert (code, said) == (0, "")
    return [line.partition(",")[2] for line in printed.splitlines() if line]


def test_commands_options_and_values(home: Path) -> None:
    assert completed("appr") == ["approve"]
    assert completed("log", "ver") == ["verify"]
    assert "--no-wait" in completed("approve", "--")
    assert completed("list", "--sort", "de") == ["deadline"]
    assert completed("show", "") == []


def test_ids_endpoints_and_filters_come_from_what_is_known(triage: Run, place: Path, agents: Agents) -> None:
    items = sorted([agents.ask(), agents.ask(title="a\x1b[2Jb")])
    triage("list")
    agents.ask()
    assert sorted(completed("show", "")) == items
    assert completed("approve", items[0][:11]) == [items[0]]
    assert completed("pause", "he") == ["helpdesk"]
    assert "endpoint:payments" in completed("list", "--filter", "endpoint:pay")


def test_titles_in_completions_are_harmless(triage: Run, place: Path, agents: Agents) -> None:
    agents.ask(title="a\x1b[2Jb")
    triage("list")
    code, printed, _ = ended(
        process(_TRIAGE_COMPLETE="fish_complete", COMP_WORDS="triage show ", COMP_CWORD="")
    )
    assert code == 0
    assert "a‹ESC›[2Jb" in printed


def test_a_damaged_queue_completes_to_nothing(home: Path) -> None:
    (home / "data").mkdir(mode=0o700)
    (home / "data" / "queue.jsonl").write_text("not ours\n")
    assert completed("show", "") == []
