"""Rules of risk at the command line: listed, shown, filtered by, and asked a reason for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.agents import Agents, credit
from tests.cli.conftest import Run, output_of

RULES = """
high_risk = "reason"

[[risk]]
when = "args.amount>100"
risk = "high"
"""


@pytest.fixture
def dear(place: Path, agents: Agents) -> str:
    """The id of an item that a rule calls high, beside one that it does not."""
    path = place / "config.toml"
    path.write_text(RULES + path.read_text())
    agents.ask(actions=[credit("Lee", 5)], risk="low")
    return agents.ask(actions=[credit("Kim", 500)], risk="low")


def test_items_are_listed_filtered_and_shown_by_their_rated_risk(triage: Run, dear: str) -> None:
    [found] = output_of(triage("list", "--json", "--filter", "risk:high"))
    assert (found["id"], found["risk"], found["risk_why"]) == (dear, "high", "rule 1, args.amount>100")
    assert [one["risk"] for one in output_of(triage("list", "--json", "--sort", "risk"))] == ["high", "low"]
    assert "high risk: rule 1, args.amount>100" in triage("show", dear).stdout


def test_high_risk_is_not_decided_without_a_reason(triage: Run, dear: str) -> None:
    refused = triage("approve", dear, "--json")
    assert refused.exit_code == 3
    assert "high risk (rule 1, args.amount>100) and needs a reason" in refused.stderr
    assert output_of(triage("approve", dear, "--reason", "asked Kim", "--json"))["state"] == "confirmed"


def test_a_rule_that_means_nothing_stops_every_command_with_its_place(triage: Run, place: Path) -> None:
    path = place / "config.toml"
    path.write_text(RULES.replace("amount>100", "amount>") + path.read_text())
    result = triage("list")
    assert result.exit_code == 2
    assert "config.toml:5: `risk.1.when` means nothing at its character 1" in result.stderr


def test_the_doctor_names_keys_that_are_taken(triage: Run, place: Path) -> None:
    path = place / "config.toml"
    path.write_text(path.read_text() + '\n[commands.ticket]\nkey = "a"\nrun = "true"\n')
    result = triage("doctor")
    assert result.exit_code == 1
    assert "WRONG  keys: commands.ticket: 'a' belongs to approve already" in result.stdout
