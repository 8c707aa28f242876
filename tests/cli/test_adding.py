"""``triage add``: what it finds, what it writes, and what it leaves alone."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tests.cli.agents import Agents, beside
from tests.cli.conftest import Run, output_of
from tests.connectors.kit.server import Request, Response, Server
from triage import config
from triage.connectors import detect as detecting
from triage.connectors.base import Match


@pytest.fixture
def url(agents: Agents) -> str:
    return f"{agents.demo.url}/payments"


def test_it_finds_out_tries_and_lists(triage: Run, home: Path, agents: Agents, url: str) -> None:
    item = agents.ask()
    result = triage("add", f"{url}/?token=x#top")
    assert result.exit_code == 0, result.stderr
    assert "is rest 1.0 (payments (demo), serving the contract 1)" in result.stderr
    assert f"Added payments to {home / 'config.toml'}" in result.stderr
    assert item in result.stdout
    assert "Give 5 to Kim" in result.stdout
    [found] = config.load().endpoints.values()
    assert (found.name, found.kind, found.url) == ("payments", "rest", url)
    assert stat.S_IMODE((home / "config.toml").stat().st_mode) == 0o600
    assert output_of(triage("list", "--json"))[0]["id"] == item


def test_comments_and_order_of_the_file_stay(triage: Run, home: Path, url: str) -> None:
    path = home / "config.toml"
    before = '# mine\ntheme = "light"  # for the balcony\n\n[endpoints.old]\nkind = "rest"\nurl = "http://a.example"\n'
    path.write_text(before)
    assert triage("add", url, "--name", "money").exit_code == 0
    assert path.read_text().startswith(before)
    assert list(config.load().endpoints) == ["old", "money"]


def test_the_same_url_is_not_added_twice_unless_named(triage: Run, home: Path, url: str) -> None:
    assert triage("add", url).exit_code == 0
    result = triage("add", url)
    assert (result.exit_code, "as payments" in result.stderr) == (2, True)
    result = triage("add", url, "--name", "payments")
    assert (result.exit_code, "there is an endpoint `payments` already" in result.stderr) == (2, True)
    assert triage("add", url, "--name", "again").exit_code == 0
    result = triage("add", url, "--name", "no spaces")
    assert (result.exit_code, "cannot name an endpoint" in result.stderr) == (2, True)


def test_a_name_that_is_taken_gets_a_number(triage: Run, home: Path, agents: Agents) -> None:
    (home / "config.toml").write_text('[endpoints.mail]\nkind = "rest"\nurl = "http://a.example"\n')
    assert triage("add", f"{agents.demo.url}/mail").exit_code == 0
    assert list(config.load().endpoints) == ["mail", "mail-2"]


@pytest.mark.parametrize(
    ("url", "code", "words"),
    [
        ("localhost:2024", 2, "http://localhost:2024"),
        ("ftp://a.example", 2, "must begin with http"),
        ("http://ann:secret@a.example", 2, "holds credentials"),
        ("http://[bad", 2, "no URL"),
        ("http://127.0.0.1:9", 1, "whether the server runs"),
    ],
)
def test_urls_that_cannot_be_added(url: str, code: int, words: str, triage: Run, home: Path) -> None:
    result = triage("add", url)
    assert result.exit_code == code
    assert words in result.stderr
    assert "secret" not in result.stderr
    assert not (home / "config.toml").exists()


def contract(server: Server, token: str = "") -> Server:
    """Have ``server`` serve the contract, to those who have ``token``."""

    def allowed(request: Request) -> bool:
        return not token or request.headers.get("authorization") == f"Bearer {token}"

    @server.route("GET", "/")
    async def root(request: Request) -> Response:
        body = {"triage_contract": 1, "name": "guarded", "version": "3"}
        return Response(body) if allowed(request) else Response({"detail": "no"}, 401)

    @server.route("GET", "/items")
    async def items(request: Request) -> Response:
        return Response({"items": [], "next": None}) if allowed(request) else Response({"detail": "no"}, 403)

    return server


def test_credentials_are_asked_for_and_never_shown(
    triage: Run, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OUR_TOKEN", "s3cret-token")
    with beside(contract(Server(), "s3cret-token")) as (server, _):
        refused = triage("add", server.url)
        assert refused.exit_code == 2
        assert "--token-env" in refused.stderr
        assert triage("add", server.url, "--kind", "rest").exit_code == 2
        assert not (home / "config.toml").exists()
        result = triage("add", server.url, "--token-env", "OUR_TOKEN")
        assert result.exit_code == 0, result.stderr
        assert "Nothing waits there now." in result.stderr
        header = "Authorization: Bearer ${OUR_TOKEN}"
        by_header = triage("add", server.url, "--header", header, "--name", "two")
        assert by_header.exit_code == 0, by_header.stderr
        missing = triage("add", server.url, "--token-env", "NOT_SET", "--name", "three")
        assert (missing.exit_code, "NOT_SET" in missing.stderr) == (2, True)
        printed = [
            result,
            by_header,
            refused,
            triage("list"),
            triage("endpoints", "--json"),
            triage("doctor"),
        ]
    assert (home / "config.toml").read_text().count("OUR_TOKEN") == 2
    assert all("s3cret" not in each.output for each in printed)
    assert "s3cret" not in (home / "config.toml").read_text()
    assert not any(b"s3cret" in path.read_bytes() for path in (home / "data").rglob("*") if path.is_file())


def test_a_secret_written_as_it_stands_is_warned_of(triage: Run, home: Path, url: str) -> None:
    result = triage("add", url, "--header", "X-Api-Key: abc", "--header", "X-Team: blue")
    assert result.exit_code == 0
    assert "the header X-Api-Key is written as it stands" in result.stderr
    assert "X-Team" not in result.stderr
    assert "abc" not in result.stderr
    result = triage("add", url, "--header", "nonsense")
    assert (result.exit_code, "Name: value" in result.stderr) == (2, True)
    result = triage("add", url, "--header", "Authorization: Bearer $OUR_TOKEN")
    assert (result.exit_code, "${VAR}" in result.stderr) == (2, True)


def test_a_server_of_no_known_kind(triage: Run, home: Path) -> None:
    server = Server()

    @server.route("GET", "/")
    async def root(request: Request) -> Response:
        return Response(b"<html>hello</html>", headers={"content-type": "text/html"})

    with beside(server) as (running, _):
        result = triage("add", running.url)
        assert result.exit_code == 1
        assert "nothing known answers" in result.stderr
        result = triage("add", running.url, "--kind", "rest")
        assert result.exit_code == 1
        assert "Trying all the same" in result.stderr
        assert "cannot be listed, so nothing was written" in result.stderr
    assert not (home / "config.toml").exists()


def test_a_kind_nobody_has_heard_of(triage: Run, home: Path, url: str) -> None:
    result = triage("add", url, "--kind", "langraph")
    assert result.exit_code == 2
    assert "did you mean `langgraph`?" in result.stderr


def test_several_kinds_at_one_url_are_left_to_the_operator(
    triage: Run, home: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def both(*_: object) -> detecting.Detection:
        matches = (Match("rest", "1", url=url), Match("a2a", "2", url=url))
        return detecting.Detection(
            matches, "it is rest; it is a2a. Choose one, for instance with --kind rest"
        )

    monkeypatch.setattr(detecting, "detect", both)
    result = triage("add", url)
    assert result.exit_code == 2
    assert "Choose one" in result.stderr
    assert not (home / "config.toml").exists()
