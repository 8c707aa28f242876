"""Peers: mail programs that show a list beside thousands of messages, measured in the same way when installed."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

from benchmarks.figures import Peer, median
from benchmarks.terminal import Terminal

__all__ = ["MailReader", "mail_reader"]

_RC = """set folder = "{box}"
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


class MailReader:
    """neomutt or mutt, on a box of ``count`` messages of 1 KB made in ``directory``."""

    def __init__(self, program: str, directory: Path, count: int) -> None:
        self.name = program
        self._count = count
        self._box = directory / "box"
        self._rc = directory / "muttrc"
        self._rc.write_text(_RC.format(box=self._box))
        for part in ("cur", "new", "tmp"):
            (self._box / part).mkdir(parents=True)
        for number in range(count):
            (self._box / "cur" / f"{1_700_000_000 + number}.{number}.host:2,S").write_text(_message(number))

    def terminal(self) -> Terminal:
        """The program in a pty."""
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(self._rc.parent),
            "TERM": "xterm-256color",
            "LANG": "C.UTF-8",
        }
        return Terminal([self.name, "-n", "-F", str(self._rc)], env)

    def start_s(self) -> Peer:
        """From the command to the list painted and the next entry taken."""
        with self.terminal() as terminal:
            painted = self._wait_for_list(terminal)
            answer = terminal.answer("k")
            terminal.press("q")
        return Peer(self.name, painted - terminal.began + answer.last_ms / 1000)

    def _wait_for_list(self, terminal: Terminal) -> float:
        newest = _subject(self._count - 1)
        return terminal.wait_until(lambda shown: newest in shown, "the list", limit_s=120)

    def key(self, keys: str, times: int = 30) -> tuple[Peer, Peer]:
        """A key after a pause: milliseconds to the last byte, and bytes."""
        with self.terminal() as terminal:
            self._wait_for_list(terminal)
            terminal.settle(0.3)
            answers = [terminal.answer(keys) for _ in range(times)]
            terminal.press("q")
        return (
            Peer(self.name, median(each.last_ms for each in answers)),
            Peer(self.name, median(each.size for each in answers)),
        )


def mail_reader(directory: Path, count: int) -> MailReader | None:
    """The first of the known ones that is installed."""
    for program in ("neomutt", "mutt"):
        if shutil.which(program):
            directory.mkdir(parents=True, exist_ok=True)
            return MailReader(program, directory, count)
    return None


def _subject(number: int) -> str:
    return f"Refund order A-{number:07}"


def _message(number: int) -> str:
    body = "\n".join(f"line {row}: parcel returned, customer asks for a refund" for row in range(14))
    moment = time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime(1_700_000_000 + number * 60))
    return (
        f"From: Customer {number} <customer{number}@example.com>\nTo: me@localhost\n"
        f"Subject: {_subject(number)}\nDate: {moment}\nMessage-ID: <{number}@example.com>\n\n{body}\n"
    )
