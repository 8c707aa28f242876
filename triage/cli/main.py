"""``triage``: the commands by name, and the console where none is named."""

from __future__ import annotations

import io
import sys

import click

from triage import __version__
from triage.cli.group import LazyGroup

__all__ = ["main", "run"]

_WHERE = {
    "demo": "triage.cli.demo:demo",
    "add": "triage.cli.adding:add",
    "endpoints": "triage.cli.listing:endpoints",
    "list": "triage.cli.listing:list_items",
    "show": "triage.cli.showing:show",
    "approve": "triage.cli.deciding:approve",
    "edit": "triage.cli.deciding:edit",
    "reject": "triage.cli.deciding:reject",
    "respond": "triage.cli.deciding:respond",
    "ignore": "triage.cli.deciding:ignore",
    "close": "triage.cli.deciding:close",
    "decide": "triage.cli.deciding:decide",
    "wait": "triage.cli.waiting:wait",
    "undo": "triage.cli.stopping:undo",
    "pause": "triage.cli.stopping:pause",
    "resume": "triage.cli.stopping:resume",
    "log": "triage.cli.logbook:log",
    "status": "triage.cli.status:status",
    "doctor": "triage.cli.doctor:doctor",
    "completion": "triage.cli.completion:completion",
}

_EPILOG = """\b
Exit codes:
  0  confirmed, or nothing to report
  1  it did not work
  2  the command or the configuration is wrong
  3  refused by the endpoint, or decided already
  4  the outcome is not known (yet)
  5  the item changed since it was shown

Data goes to standard output, words for people to standard error. Settings are in TRIAGE_CONFIG, data in
TRIAGE_DATA, or where the platform keeps such things; `triage doctor` says where that is."""


@click.group(
    cls=LazyGroup,
    where=_WHERE,
    invoke_without_command=True,
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, "--version", message="triage %(version)s")
@click.option("--read-only", is_flag=True, help="Look, but decide nothing.")
@click.pass_context
def main(ctx: click.Context, read_only: bool) -> None:
    """One inbox for every AI agent that needs a person's judgment.

    Without a command it opens the console.
    """
    ctx.obj = {"read_only": read_only}
    if ctx.invoked_subcommand is None:
        from triage.cli.console import open_console

        ctx.exit(open_console(read_only=read_only))


def run() -> None:
    """The entry point: text that the terminal's encoding lacks is escaped instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    main(prog_name="triage")
