"""``triage`` alone: the console, where there is a terminal and something to look after."""

from __future__ import annotations

import gc
import os
import sys
from contextlib import nullcontext

import click

from triage.cli import output
from triage.cli.exits import Exit, Stop

__all__ = ["must_be_terminal", "open_console"]

_INSTEAD = """The same is done by these commands:
  triage list [--watch]                  what waits
  triage show ID                         all of one item
  triage approve|edit|reject|respond ID  decide it (also: ignore, close, decide)
  triage wait ID, triage undo            what came of it; take it back
  triage log, triage status, triage --help"""


def open_console(*, read_only: bool) -> int:
    """The console; its exit code. Without endpoints: how to add one, and the offer of the demo."""
    from triage import paths
    from triage.tui import last_look

    must_be_terminal()
    gc.disable()  # until the console is there: nothing that is imported is garbage
    data = paths.data_dir()
    trusted = data.is_dir() and not paths.others_may_write(data)
    with last_look.shown(data) if trusted else nullcontext() as look:
        from triage import config

        settings = config.load()
        if not settings.endpoints:
            if look is not None:
                look.take_away()
            return _offer_demo(read_only=read_only)
        paths.prepare(data)
        from triage.tui.app import run_console

        operator = settings.operator or paths.operator_name()
        return run_console(settings, data, read_only=read_only, operator=operator, last_look=look)


def must_be_terminal() -> None:
    """Raise Stop, naming the commands that do the same, where no console can be drawn."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise Stop(f"the console needs a terminal on its input and output.\n{_INSTEAD}", Exit.USAGE)
    if os.environ.get("TERM", "") in ("", "dumb", "unknown"):
        named = os.environ.get("TERM") or "not set"
        raise Stop(f"the console cannot be drawn on this terminal (TERM is {named}).\n{_INSTEAD}", Exit.USAGE)


def _offer_demo(*, read_only: bool) -> int:
    from triage.cli.demo import open_demo
    from triage.cli.workplace import NO_ENDPOINTS

    output.say(NO_ENDPOINTS)
    if not click.confirm("Open the demo now?", err=True):
        return Exit.OK
    return open_demo(read_only=read_only)
