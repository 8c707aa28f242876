"""A person at the console: real keys in a real terminal, agents that really act, a log that says so."""

from __future__ import annotations

import json
import os
import signal
import time
from typing import Any

import pytest

from tests.end_to_end.conftest import PROGRAM, Agents, triage
from tests.terminal import Terminal

LOOK_S = 0.35
"""A person looks at an item before deciding; the guard asks for half of that."""


def look() -> None:
    time.sleep(LOOK_S)


def started(terminal: Terminal) -> Terminal:
    """The console, once it shows what waits."""
    terminal.wait_for("/14 ", "approve")
    look()
    return terminal


def go_to(terminal: Terminal, filter: str, title: str) -> None:
    """Find an item by a filter and put the cursor on it."""
    terminal.press("/")
    terminal.wait_for("filter /")
    terminal.press(filter, "enter")
    terminal.wait_for(f"{title}")
    look()


def decisions(agents: Agents) -> list[dict[str, Any]]:
    """What the log says was decided, oldest first."""
    done = triage(agents, "log", "--json")
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    return [event for event in events if event["type"] == "decided"]


def test_a_morning_at_the_console(agents: Agents) -> None:
    """Approve, reject, edit, respond, undo, quit."""
    with agents.console() as terminal:
        started(terminal)

        go_to(terminal, "title:postage", "Refund €6.90 postage")
        terminal.press("a")
        terminal.wait_for("Approved: Refund €6.90", "1 held")
        terminal.wait_for("confirmed", timeout_s=30)

        go_to(terminal, "title:competitor", "Note a competitor")
        terminal.press("x")
        terminal.wait_for("Reject:", "This breaks a rule of ours")
        look()
        terminal.press("6")
        terminal.wait_for("Rejected: Note a competitor")
        look()
        terminal.press("u")
        terminal.wait_for("Taken back")

        go_to(terminal, "title:storefront 11.3.0", "Roll storefront back")
        terminal.press("e")
        terminal.wait_for("Edit deploy")
        terminal.press("tab", "tab", "ctrl+u")
        look()
        terminal.press("rolling", "f2")
        terminal.wait_for("What you changed", "rolling")
        look()
        terminal.press("enter")
        terminal.wait_for("High risk", "Type deploy to decide it")
        terminal.press("deploy")
        look()
        terminal.press("enter")
        terminal.wait_for("Edited: Roll storefront")

        go_to(terminal, "title:Swift", "Priya Rossi asks")
        terminal.press("r")
        terminal.wait_for("Answer:")
        look()
        terminal.press("Yes, for friends of the house.")
        look()
        terminal.press("enter")
        terminal.wait_for("Answered: Priya")

        terminal.press("q")
        terminal.wait_for("Leave?")
        look()
        terminal.press("s")
        assert terminal.wait_ended(40) == 0

    effects = agents.all_effects()
    verbs = sorted(effect["verb"] for effect in effects)
    assert verbs == ["approve", "edit", "respond"]
    edited = next(effect for effect in effects if effect["verb"] == "edit")
    assert edited["arguments"]["strategy"] == "rolling"
    log = decisions(agents)
    assert [event["verbs"] for event in log] == [["approve"], ["reject"], ["edit"], ["respond"]]
    assert {event["operator"] for event in log} == {"ann"}
    assert triage(agents, "log", "verify").returncode == 0


def test_the_terminals_own_size_counts_and_not_what_is_said_of_it(agents: Agents) -> None:
    """COLUMNS and LINES are those of when they were set, as by ``docker exec -e COLUMNS``."""
    agents.env |= {"COLUMNS": "60", "LINES": "20"}
    with agents.console() as terminal:
        started(terminal)
        terminal.wait_for("q quit")
        assert "q quit" in terminal.row(35)
        terminal.resize(100, 30)
        terminal.wait_until(lambda: "q quit" in terminal.row(29), "the foot at the new size")


def test_a_command_beside_the_console(agents: Agents) -> None:
    """``list`` and ``approve`` from a second process: the console delivers, and both see it at once."""
    with agents.console() as terminal:
        started(terminal)
        listed = triage(agents, "list", "--json", "--filter", "title:postage")
        assert listed.returncode == 0, listed.stderr
        (item,) = json.loads(listed.stdout)
        done = triage(agents, "approve", item["id"], "--revision", item["revision"], "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["state"] == "confirmed"
        terminal.wait_for("bob", "confirmed")
        again = triage(agents, "approve", item["id"], "--revision", item["revision"])
        assert again.returncode == 3
        assert "bob" in again.stderr
        other = triage(agents, "approve", "--revision", "0" * 32, json_first_id(agents))
        assert other.returncode == 5
    assert [effect["verb"] for effect in agents.effects("payments")] == ["approve"]


def json_first_id(agents: Agents) -> str:
    found: str = json.loads(triage(agents, "list", "--json").stdout)[0]["id"]
    return found


def test_two_people_on_one_queue(agents: Agents) -> None:
    """What one decides the other sees; only the first decision stands."""
    with agents.console() as ann, agents.console(operator="bob") as bob:
        started(ann)
        started(bob)
        ann.press("c")
        bob.wait_for("@ann")
        go_to(ann, "title:postage", "Refund €6.90 postage")
        go_to(bob, "title:postage", "Refund €6.90 postage")
        ann.press("a")
        bob.wait_for("by ann")
        bob.press("x")
        bob.wait_for("already decided by ann")
        ann.wait_for("confirmed", timeout_s=30)
    assert len(agents.effects("payments")) == 1


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_a_lost_terminal_keeps_what_is_held(agents: Agents, number: signal.Signals) -> None:
    path = agents.directory / "config.toml"
    path.write_text(path.read_text().replace("hold_s = 2.0", "hold_s = 120.0"))
    with agents.console() as terminal:
        started(terminal)
        go_to(terminal, "title:postage", "Refund €6.90 postage")
        terminal.press("a")
        terminal.wait_for("1 held")
        terminal.signal(number)
        terminal.wait_ended(30)
    assert agents.effects("payments") == []
    assert [event["verbs"] for event in decisions(agents)] == [["approve"]]
    with agents.console() as terminal:
        terminal.wait_for("1 held")
        look()
        terminal.press("u")
        terminal.wait_for("Taken back")
        terminal.press("q")
        assert terminal.wait_ended(30) == 0
    assert agents.effects("payments") == []


def test_the_background_and_back(agents: Agents) -> None:
    """ctrl+z frees the endpoints for others; fg takes them up again."""
    with agents.console() as terminal:
        started(terminal)
        terminal.press("ctrl+z")
        terminal.wait_until(lambda: is_stopped(terminal.pid), "the console to stop")
        item = json.loads(triage(agents, "list", "--json", "--filter", "title:postage").stdout)[0]
        done = triage(agents, "approve", item["id"])
        assert done.returncode == 0, done.stderr
        terminal.signal(signal.SIGCONT)
        terminal.wait_for("/13")


def test_in_the_background_of_a_shell_and_back(agents: Agents) -> None:
    """ctrl+z, ``bg``, which may not have the terminal, and ``fg``."""
    shell = ["bash", "--norc", "-i"]
    with Terminal(shell, {**agents.env, "PS1": "shell> ", "TRIAGE": " ".join(PROGRAM)}) as terminal:
        terminal.wait_for("shell>")
        terminal.press("$TRIAGE", "enter")
        started(terminal)
        for words in (["bg"], ["bg", "bg"], []):
            terminal.press("ctrl+z")
            terminal.wait_for("Stopped", "shell>")
            for word in words:
                say(terminal, word)
            terminal.press("fg", "enter")
            started(terminal)
        assert terminal.output.count(b"\x1b]2;triage (14)") >= 4, "its title is said anew each time"
        terminal.press("j")
        terminal.wait_for("2/14")
        terminal.press("q")
        terminal.wait_for("14 still wait")
        terminal.press("exit", "enter")
        terminal.wait_ended()


def say(terminal: Terminal, word: str) -> None:
    """Type a word at the shell; returns with its next prompt."""
    prompts = terminal.output.count(b"shell>")
    terminal.press(word, "enter")
    terminal.wait_until(lambda: terminal.output.count(b"shell>") > prompts, f"a prompt after {word}")


def is_stopped(pid: int) -> bool:
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(")")[2].split()[0] == "T"


def test_the_terminal_is_left_as_it_was(agents: Agents) -> None:
    with agents.console(columns=80, rows=24) as terminal:
        started(terminal)
        terminal.press("q")
        assert terminal.wait_ended(30) == 0
        output = bytes(terminal.output)
    assert output.rfind(b"\x1b[?1049l") > output.rfind(b"\x1b[?1049h") >= 0, "the alternate screen is left"
    assert output.rfind(b"\x1b[?25h") > output.rfind(b"\x1b[?25l"), "the cursor is shown"


def test_no_terminal_names_the_commands(agents: Agents) -> None:
    done = triage(agents)
    assert done.returncode == 2
    assert "triage list" in done.stderr
    with Terminal([*_program()], {**agents.env, "TERM": "dumb"}) as terminal:
        assert terminal.wait_ended(30) == 2
        assert "triage approve" in terminal.text


def _program() -> list[str]:
    from tests.end_to_end.conftest import PROGRAM

    return PROGRAM


def test_the_demo_opens_by_itself(tmp_path: object) -> None:
    env = {**os.environ, "TERM": "xterm-256color", "TRIAGE_CONFIG": f"{tmp_path}/none.toml"}
    with Terminal([*_program(), "demo", "--seed", "7"], env) as terminal:
        terminal.wait_for("/14", "really act on each decision")
        terminal.press("q")
        assert terminal.wait_ended(30) == 0
