"""Peers: mail programs that show a list beside thousands of messages, measured in the same way when installed."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Mapping
from pathlib import Path

from benchmarks.figures import Peer, median
from benchmarks.terminal import Terminal

__all__ = ["MailReader", "mail_readers"]

_MUTTRC = """set folder = "{box}"
set spoolfile = "{box}"
set mbox_type = Maildir
set header_cache = ""
set sleep_time = 0
set wait_key = no
set mail_check = 600
set timeout = 600
set quit = yes
set sort = date-received
set from = "me@localhost"
set hostname = "localhost"
bind index j next-entry
bind pager j next-entry
"""
_AERC_ACCOUNT = """[bench]
source = maildir://{directory}
default = box
from = me@localhost
"""


class MailReader:
    """A mail program in a pty, on a box of ``count`` messages of 1 KB, the newest under the cursor at first."""

    def __init__(self, name: str, command: list[str], env: Mapping[str, str], count: int, older: str) -> None:
        self.name = name
        self._command = command
        self._env = {"PATH": os.environ["PATH"], "TERM": "xterm-256color", "LANG": "C.UTF-8", **env}
        self._count = count
        self._older = older
        """The key that moves to the next older message."""

    def start_s(self) -> Peer:
        """From the command to the list painted and a key taken."""
        with self._terminal() as terminal:
            painted = self._wait_for_list(terminal)
            answer = terminal.answer(self._older)
            terminal.press("q")
        return Peer(self.name, painted - terminal.began + answer.last_ms / 1000)

    def key(self, times: int = 30) -> tuple[Peer, Peer]:
        """A key after a pause: milliseconds to the last byte, and bytes."""
        with self._terminal() as terminal:
            self._wait_for_list(terminal)
            terminal.settle(0.3)
            answers = [terminal.answer(self._older) for _ in range(times)]
            terminal.press("q")
        return (
            Peer(self.name, median(each.last_ms for each in answers)),
            Peer(self.name, median(each.size for each in answers)),
        )

    def _terminal(self) -> Terminal:
        return Terminal(self._command, self._env)

    def _wait_for_list(self, terminal: Terminal) -> float:
        newest = _subject(self._count - 1)
        return terminal.wait_until(lambda shown: newest in shown, "the list", limit_s=120)


def mail_readers(directory: Path, count: int) -> list[MailReader]:
    """Those that are installed, on one box made in ``directory``."""
    found = [program for program in ("neomutt", "mutt", "aerc") if shutil.which(program)]
    if "neomutt" in found and "mutt" in found:
        found.remove("mutt")  # where it stands beside neomutt it is often the same program
    if found:
        _make_box(directory, count)
    return [
        _aerc(directory, count) if program == "aerc" else _mutt(program, directory, count)
        for program in found
    ]


def _make_box(directory: Path, count: int) -> None:
    for part in ("cur", "new", "tmp"):
        (directory / "box" / part).mkdir(parents=True)
    for number in range(count):
        (directory / "box" / "cur" / f"{1_700_000_000 + number}.{number}.host:2,S").write_text(
            _message(number)
        )


def _mutt(program: str, directory: Path, count: int) -> MailReader:
    rc = directory / "muttrc"
    rc.write_text(_MUTTRC.format(box=directory / "box"))
    return MailReader(program, [program, "-n", "-F", str(rc)], {"HOME": str(directory)}, count, "k")


def _aerc(directory: Path, count: int) -> MailReader:
    settings = directory / "aerc"
    settings.mkdir()
    (settings / "aerc.conf").write_text("[general]\nunsafe-accounts-conf=true\n")
    (settings / "binds.conf").write_text("[messages]\nj = :next<Enter>\nq = :quit<Enter>\n")
    (settings / "accounts.conf").write_text(_AERC_ACCOUNT.format(directory=directory))
    env = {"HOME": str(directory), "XDG_CONFIG_HOME": str(directory)}
    return MailReader("aerc", ["aerc"], env, count, "j")


def _subject(number: int) -> str:
    return f"Refund order A-{number:07}"


def _message(number: int) -> str:
    body = "\n".join(f"line {row}: parcel returned, customer asks for a refund" for row in range(14))
    moment = time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime(1_700_000_000 + number * 60))
    return (
        f"From: Customer {number} <customer{number}@example.com>\nTo: me@localhost\n"
        f"Subject: {_subject(number)}\nDate: {moment}\nMessage-ID: <{number}@example.com>\n\n{body}\n"
    )
