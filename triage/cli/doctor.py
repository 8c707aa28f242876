"""``triage doctor``: what is wrong with this set-up, and the mend."""

from __future__ import annotations

import click

from triage.cli import output
from triage.cli.exits import Exit
from triage.cli.parameters import JSON

__all__ = ["doctor"]

_SIGNS = {"ok": "ok   ", "note": "note ", "wrong": "WRONG"}


@click.command()
@JSON
def doctor(as_json: bool) -> None:
    """Say what is wrong with this set-up, and the mend.

    It looks at configuration, data, log, endpoints, their clocks, and the terminal. Nothing is changed.
    Exit code 1 says that something is wrong; notes are worth reading and no fault.
    """
    from triage.cli.checkup import checkup
    from triage.cli.workplace import run

    found = run(checkup)
    if as_json:
        output.data([{"check": each.check, "state": each.state, "detail": each.detail} for each in found])
    else:
        for each in found:
            output.text(f"{_SIGNS[each.state]}  {each.check}: {' '.join(each.detail.split())}")
    if any(each.state == "wrong" for each in found):
        raise click.exceptions.Exit(Exit.FAILED)
