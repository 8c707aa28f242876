"""Planted secrets reach their servers and nothing else: no file, output, traceback, screen or process title."""

from __future__ import annotations

import base64
import json
import os
import stat
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.connectors.kit.server import Request, Response, Server
from tests.hostile.servers import GoodAgent, in_thread
from tests.hostile.touring import press, settle
from tests.terminal import Terminal
from triage import config
from triage.desk.desk import Desk
from triage.tui.app import TriageApp

SECRETS = {
    "AGENT_TOKEN": "marker-env-token-5c1b",
    "AGENT_PASSWORD": "marker-password-77aa",
    "AGENT_HEADER": "marker-header-e0e0",
}
COMMAND_SECRET = "marker-command-token-9d2f"
ALL = (
    *SECRETS.values(),
    COMMAND_SECRET,
    base64.b64encode(f"ann:{SECRETS['AGENT_PASSWORD']}".encode()).decode(),
)
PROGRAM = (sys.executable, "-m", "triage")
CARD = "4111111111111111"
LOOK_S = 0.35


class Refusing(Server):
    """Repeats what it was sent while it refuses it."""

    def __init__(self) -> None:
        super().__init__()
        self.route("GET", "/items")(self._refuse)
        self.route("GET", "/")(self._refuse)

    async def _refuse(self, request: Request) -> Response:
        return Response({"detail": f"not allowed: {request.headers}"}, 403)


class Setup:
    """Four endpoints with credentials from everywhere, and one that repeats them."""

    def __init__(self, directory: Path, urls: dict[str, str]) -> None:
        self.directory = directory
        self.data = directory / "data"
        secret_file = directory / "secret"
        secret_file.write_text(COMMAND_SECRET)
        more = {
            "env": 'token_env = "AGENT_TOKEN"\nredact = ["args.card.number"]',
            "command": f'token_command = ["cat", "{secret_file}"]',
            "basic": 'token_env = "AGENT_PASSWORD"\nbasic_user = "ann"',
            "header": 'headers = { X-Api-Key = "$AGENT_HEADER", X-Note = "is ${AGENT_HEADER}!" }',
            "repeats": 'token_env = "AGENT_TOKEN"\nheaders = { X-Api-Key = "$AGENT_HEADER" }',
        }
        tables = (f'[endpoints.{name}]\nkind = "rest"\nurl = "{urls[name]}"\n{more[name]}\n' for name in more)
        (directory / "config.toml").write_text("hold_s = 0.2\n\n" + "\n".join(tables))
        self.env = {
            **{key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "TMUX")},
            **SECRETS,
            "TERM": "xterm-256color",
            "TRIAGE_CONFIG": str(directory / "config.toml"),
            "TRIAGE_DATA": str(self.data),
            "TRIAGE_OPERATOR": "ann",
        }

    def run(self, *arguments: str, **env: str) -> subprocess.CompletedProcess[bytes]:
        """A command; what it printed has no secret in it."""
        return self._checked([*PROGRAM, *arguments], env)

    def run_broken(self, breakage: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        """A command with a fault of our own planted in it, told as fully as it can be."""
        code = f"{textwrap.dedent(breakage)}\nfrom triage.cli.main import run\nrun()"
        return self._checked([sys.executable, "-c", code, *arguments], {"TRIAGE_DEBUG": "1"})

    def _checked(self, command: list[str], env: dict[str, str]) -> subprocess.CompletedProcess[bytes]:
        done = subprocess.run(command, env={**self.env, **env}, capture_output=True, timeout=60, check=False)
        assert_none_in(done.stdout + done.stderr)
        return done

    def files(self) -> Iterator[Path]:
        """What triage wrote."""
        return (path for path in self.data.rglob("*") if path.is_file())


def assert_none_in(text: bytes) -> None:
    """No secret stands in it."""
    found = [secret for secret in (*ALL, CARD) if secret.encode() in text]
    assert found == []


@pytest.fixture
def setup(tmp_path: Path) -> Iterator[Setup]:
    agents = {name: GoodAgent() for name in ("env", "command", "basic", "header")}
    arguments = {"card": {"number": CARD, "owner": "Kim"}, "amount": 12}
    agents["env"].more = {"title": f"Charge {CARD}", "actions": [{"name": "charge", "arguments": arguments}]}
    with ExitStack() as stack:
        urls = {name: stack.enter_context(in_thread(agent)) for name, agent in agents.items()}
        urls["repeats"] = stack.enter_context(in_thread(Refusing()))
        made = Setup(tmp_path, urls)
        yield made
    sent = {name: " ".join(agent.asked[0].headers.values()) for name, agent in agents.items() if agent.asked}
    assert {name: secret in sent[name] for name, secret in _wanted().items()} == dict.fromkeys(
        _wanted(), True
    )


def _wanted() -> dict[str, str]:
    """What each agent must have been sent, or the test would prove nothing."""
    return {"env": ALL[0], "command": COMMAND_SECRET, "basic": ALL[-1], "header": SECRETS["AGENT_HEADER"]}


def test_commands_print_none_and_write_none(setup: Setup) -> None:
    listed = json.loads(setup.run("list", "--json").stdout)
    assert {item["endpoint"] for item in listed} == {"env", "command", "basic", "header"}
    shown = setup.run("show", _id(listed, "env"), "--json").stdout.decode()
    assert "‹redacted›" in json.loads(shown)["action"]["arguments"]["card"]["number"]
    done = setup.run("approve", _id(listed, "env"), "--json")
    assert json.loads(done.stdout)["state"] == "confirmed"
    edit = setup.run("reject", _id(listed, "basic"), "--reason", "no")
    assert edit.returncode == 0
    for arguments in (
        ("list",),
        ("show", _id(listed, "header")),
        ("endpoints",),
        ("endpoints", "--json"),
        ("log",),
        ("log", "--json"),
        ("log", "verify"),
        ("status", "--json"),
        ("doctor",),
    ):
        setup.run(*arguments, TRIAGE_DEBUG="1")
    refused = setup.run("endpoints").stderr.decode()
    assert "repeats: " in refused
    assert "‹redacted›" in refused
    files = list(setup.files())
    assert len(files) > 4
    for path in files:
        assert_none_in(path.read_bytes())


def _id(listed: list[dict[str, Any]], endpoint: str) -> str:
    return str(next(item["id"] for item in listed if item["endpoint"] == endpoint))


def test_what_it_sent_was_whole(setup: Setup, tmp_path: Path) -> None:
    """The card that nobody was shown is what the agent had, and the decision reached it."""
    listed = json.loads(setup.run("list", "--json").stdout)
    arguments = json.loads(setup.run("show", _id(listed, "env"), "--json").stdout)["action"]["arguments"]
    edited = {**arguments, "amount": 15}
    done = setup.run("edit", _id(listed, "env"), "--args", json.dumps(edited), "--json")
    assert json.loads(done.stdout)["state"] == "confirmed", done.stderr


FAULTS = {
    "while polling": """
        from triage.connectors.rest.speaking import Speaking
        async def poll(self):
            headers = dict(self.wire.headers)
            raise RuntimeError("planted")
        Speaking.poll = poll
    """,
    "before anything": """
        from triage.cli.workplace import Workplace
        def must(self, *_, **more):
            import os
            secrets = dict(os.environ)
            raise RuntimeError("planted")
        Workplace.must_decide = must
        Workplace.desk = must
    """,
}


@pytest.mark.parametrize("place", FAULTS)
@pytest.mark.parametrize("command", [("list",), ("approve", "a"), ("doctor",)], ids=" ".join)
def test_a_fault_of_our_own_is_told_without_them(setup: Setup, place: str, command: tuple[str, ...]) -> None:
    setup.run("list")
    done = setup.run_broken(FAULTS[place], *command)
    if command != ("doctor",):
        assert b"planted" in done.stdout + done.stderr
        assert done.returncode != 0


def test_the_console_shows_none_and_no_process_is_named_after_one(setup: Setup) -> None:
    stop, titles = threading.Event(), set[bytes]()
    watching = threading.Thread(target=_watch_titles, args=(stop, titles))
    watching.start()
    try:
        with Terminal(PROGRAM, setup.env, columns=110, rows=32) as terminal:
            terminal.wait_for("1/4")
            for keys in (("enter", "enter", "esc", "esc"), ("w", "esc"), ("e", "f3", "esc"), ("L", "esc")):
                for _ in range(4):
                    for key in keys:
                        press(terminal, key)
                    press(terminal, "j")
            terminal.press("g")
            settle(terminal, LOOK_S)
            terminal.press("a")
            terminal.wait_for("Approved")
            terminal.wait_for("confirmed")
            terminal.press("q")
            assert terminal.wait_ended() == 0
            output = bytes(terminal.output)
    finally:
        stop.set()
        watching.join()
    assert_none_in(output)
    assert any(b"-m\0triage" in title for title in titles)
    assert_none_in(b"\n".join(titles))
    for path in setup.files():
        assert_none_in(path.read_bytes())


async def test_a_screenshot_shows_none(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in setup.env.items():
        monkeypatch.setenv(name, value)
    desk = Desk(config.load(), setup.data, operator="ann")
    app = TriageApp(desk)
    try:
        async with app.run_test(size=(110, 32)) as pilot:
            while len(desk.entries()) < 4 or "Charge" not in (picture := app.export_screenshot()):
                await pilot.pause(0.02)
            assert_none_in(picture.encode())
            await pilot.press("w")
            assert_none_in(app.export_screenshot().encode())
    finally:
        await desk.stop()


def _watch_titles(stop: threading.Event, titles: set[bytes]) -> None:
    """Every command line of every process there is, again and again."""
    while not stop.wait(0.02):
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                titles.add(path.read_bytes())
            except OSError:
                continue  # it has just ended


def test_a_fault_in_the_console_is_told_without_them(setup: Setup) -> None:
    code = textwrap.dedent("""
        from triage.tui.screens.desk_screen import DeskScreen
        def take_key(self, event):
            secrets = [station.connector.wire.headers for station in self.desk._stations.values()]
            raise RuntimeError("planted")
        DeskScreen.take_key = take_key
        from triage.cli.main import run
        run()
    """)
    env = {**setup.env, "TRIAGE_DEBUG": "1"}
    with Terminal([sys.executable, "-c", code], env, columns=110, rows=32) as terminal:
        terminal.wait_for("1/4")
        terminal.press("j")
        assert terminal.wait_ended() == 1
        output = bytes(terminal.output)
    assert b"planted" in output
    assert b"take_key" in output, "with TRIAGE_DEBUG it says the way there"
    assert_none_in(output)
    assert output.rfind(b"\x1b[?1049l") > output.rfind(b"\x1b[?1049h") >= 0, "the alternate screen is left"


def test_files_are_for_this_user_alone(setup: Setup) -> None:
    old = os.umask(0)
    try:
        setup.run("list")
        setup.run("approve", _id(json.loads(setup.run("list", "--json").stdout), "env"))
    finally:
        os.umask(old)
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (setup.data, *setup.data.rglob("*"))}
    wrong = {
        str(path): oct(mode) for path, mode in modes.items() if mode != (0o700 if path.is_dir() else 0o600)
    }
    assert wrong == {}


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777])
def test_a_data_directory_that_others_may_write_is_refused(setup: Setup, mode: int) -> None:
    setup.run("list")
    setup.data.chmod(mode)
    done = setup.run("list")
    assert done.returncode == 2
    assert b"chmod 700" in done.stderr


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_configuration_that_others_may_write_is_refused(setup: Setup, mode: int) -> None:
    (setup.directory / "config.toml").chmod(mode)
    done = setup.run("list")
    assert done.returncode == 2
    assert b"chmod 600" in done.stderr
    (setup.directory / "config.toml").chmod(0o600)
    setup.run("list")
