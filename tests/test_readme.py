"""README says what is so: its example is the contract's, its links lead somewhere, its commands exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from triage.cli.main import main

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def test_the_example_agent_is_the_contracts() -> None:
    assert blocks(README, "python") == blocks((ROOT / "docs" / "contract.md").read_text(), "python")[:1]


@pytest.mark.parametrize(
    "page", ["README.md", "SECURITY.md", *(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]
)
def test_links_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text()
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", text)
    missing = [
        target for target in targets if "://" not in target and not ((ROOT / page).parent / target).exists()
    ]
    assert missing == []


def test_every_command_it_names_exists() -> None:
    named = set(re.findall(r"^triage ([a-z]+)", "\n".join(blocks(README, "sh")), re.MULTILINE))
    known = CliRunner().invoke(main, ["--help"]).output
    assert named
    for command in named:
        assert re.search(rf"^  {command} ", known, re.MULTILINE), f"there is no triage {command}"


def test_the_tests_that_security_names_exist() -> None:
    named = set(re.findall(r"`(?:tests/[\w/]+/)?(test_\w+\.py)`", (ROOT / "SECURITY.md").read_text()))
    assert named
    assert named <= {path.name for path in (ROOT / "tests").rglob("test_*.py")}
