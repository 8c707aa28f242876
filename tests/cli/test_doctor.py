"""``triage doctor``: what it looks at, and that it names the mend."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

from tests.cli.agents import Agents, beside
from tests.cli.conftest import Run, output_of
from tests.connectors.kit.server import Request, Response, Server
from triage.store.log import log_directory


def checks(triage: Run) -> dict[str, tuple[str, str]]:
    """Name of a check → what it found last."""
    return {each["check"]: (each["state"], each["detail"]) for each in output_of(triage("doctor", "--json"))}


def test_a_good_set_up(triage: Run, place: Path, agents: Agents) -> None:
    agents.ask()
    result = triage("doctor")
    assert result.exit_code == 0, result.stdout
    assert "WRONG" not in result.stdout
    assert "ok     endpoint payments: rest 1.0 at" in result.stdout
    assert "1 items wait" in result.stdout
    found = checks(triage)
    assert {"versions", "configuration", "data", "log", "terminal", "endpoint mail"} <= set(found)
    assert list(output_of(triage("doctor", "--json"))[0]) == ["check", "state", "detail"]


def test_a_fresh_machine(triage: Run, home: Path) -> None:
    result = triage("doctor")
    assert result.exit_code == 0
    assert "`triage add URL` adds one" in result.stdout


def test_what_is_wrong_is_named_with_its_mend(triage: Run, place: Path, agents: Agents) -> None:
    item = agents.ask()
    triage("approve", item)
    config = place / "config.toml"
    config.write_text(config.read_text() + '\n[endpoints.down]\nkind = "rest"\nurl = "http://127.0.0.1:9"\n')
    config.chmod(0o644)
    (place / "data").chmod(0o755)
    [segment] = log_directory(place / "data").glob("0*1.jsonl")
    segment.write_bytes(segment.read_bytes().replace(b'"operator":"ann"', b'"operator":"eve"', 1))
    result = triage("doctor")
    assert result.exit_code == 1
    assert f"chmod 600 {config}" in result.stdout
    assert f"chmod 700 {place / 'data'}" in result.stdout
    assert "WRONG  endpoint down: cannot reach 127.0.0.1:9" in result.stdout
    assert f"WRONG  log: {segment.name}, line" in result.stdout


def test_what_hangs_in_the_air_is_told(triage: Run, place: Path) -> None:
    triage("pause", "mail")
    result = triage("doctor")
    assert result.exit_code == 0
    assert "note   log: nothing is sent to mail: `triage resume` lifts that" in result.stdout


def test_a_wrong_configuration_does_not_end_the_checks(triage: Run, home: Path) -> None:
    (home / "config.toml").write_text("hold_s = -1\n")
    result = triage("doctor")
    assert result.exit_code == 1
    assert f"WRONG  configuration: {home / 'config.toml'}:1: " in result.stdout
    assert "ok     data" in result.stdout


def test_a_data_directory_that_cannot_be_used(triage: Run, place: Path) -> None:
    (place / "data").write_text("")
    result = triage("doctor")
    assert result.exit_code == 1
    assert "WRONG  data: " in result.stdout
    assert "TRIAGE_DATA" in result.stdout


def test_a_clock_that_is_off(triage: Run, home: Path) -> None:
    server = Server()
    ahead = format_datetime(datetime.now(UTC) + timedelta(minutes=10), usegmt=True)

    @server.route("GET", "/items")
    async def items(request: Request) -> Response:
        return Response({"items": [], "next": None}, headers={"date": ahead})

    with beside(server) as (running, _):
        (home / "config.toml").write_text(f'[endpoints.far]\nkind = "rest"\nurl = "{running.url}"\n')
        result = triage("doctor")
    assert result.exit_code == 0
    assert "s ahead of this machine's" in result.stdout
