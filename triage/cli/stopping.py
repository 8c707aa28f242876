"""Taking back and holding up: ``triage undo``, ``pause`` and ``resume``, and closing by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

import click

from triage.cli import output
from triage.cli.parameters import ENDPOINT, JSON, complete_item

if TYPE_CHECKING:
    from triage.cli.delivering import Result
    from triage.desk.desk import Desk
    from triage.store.log import Record

__all__ = ["EVERYWHERE", "close_by_hand", "operator_of_log", "pause", "resume", "undo"]

EVERYWHERE = "*"
"""Stands in the log for all endpoints."""


@click.command()
@click.argument("item", metavar="[ID]", required=False, shell_complete=complete_item)
@JSON
def undo(item: str | None, as_json: bool) -> None:
    """Take back a decision that is still held.

    Without ID, your last one. ID is that of the item or of the decision, or the beginning of it.
    """
    from triage.cli.delivering import finish, result_of
    from triage.cli.exits import Exit
    from triage.cli.workplace import Workplace, run

    place = Workplace(endpoints=False)
    place.must_decide()

    async def work() -> Result:
        async with place.desk(()) as desk:
            record = desk.undo(None if item is None else _held(desk, item).decision.id)
            return result_of(record)._replace(code=Exit.OK)

    finish(run(work), as_json=as_json)


def _held(desk: Desk, prefix: str) -> Record:
    """The open delivery whose item or decision begins with ``prefix``."""
    from triage.cli.exits import Exit, Stop

    wanted = prefix.strip().lower()
    found = [
        record
        for record in desk.log.open_records()
        if wanted and (record.decision.item_id.startswith(wanted) or record.decision.id.startswith(wanted))
    ]
    if len(found) == 1:
        return found[0]
    if not found:
        raise Stop(f"no decision on {prefix!r} is held or on its way", Exit.REFUSED)
    ids = ", ".join(record.decision.item_id for record in found[:5])
    raise Stop(f"{prefix!r} begins {len(found)} of them: {ids}; give more of it", Exit.USAGE)


def close_by_hand(prefix: str, note: str, *, as_json: bool) -> NoReturn:
    """End the delivery of unknown outcome whose item begins with ``prefix``, and the command."""
    from triage.cli.delivering import finish, result_of
    from triage.cli.exits import Exit
    from triage.cli.workplace import Workplace, run

    place = Workplace(endpoints=False)
    place.must_decide()

    async def work() -> Result:
        async with place.desk(()) as desk:
            record = desk.close_by_hand(_held(desk, prefix).decision.id, note)
            return result_of(record)._replace(code=Exit.OK)

    finish(run(work), as_json=as_json)


@click.command()
@ENDPOINT
def pause(endpoint: str | None) -> None:
    """Stop all sending: the emergency stop.

    Nothing is sent to ENDPOINT, or to any, until `triage resume`. What was decided stays held;
    older than 10 minutes it is not sent but asked again.
    """
    _switch("paused", endpoint)
    output.say(f"Nothing is sent to {endpoint or 'any endpoint'} until `triage resume`.")


@click.command()
@ENDPOINT
def resume(endpoint: str | None) -> None:
    """Send again to ENDPOINT, or to all."""
    still = _switch("resumed", endpoint)
    output.say(f"Sending to {endpoint or 'all endpoints'} goes on.")
    if still:
        where = "all sending" if EVERYWHERE in still else f"sending to {', '.join(sorted(still))}"
        output.say(f"Still paused: {where}.")


def _switch(event: str, endpoint: str | None) -> frozenset[str]:
    """Log it; what is paused then. Works whatever is wrong with the configuration."""
    from triage import config, paths
    from triage.cli.exits import Exit, Stop
    from triage.store.log import Log

    if click.get_current_context().find_root().params["read_only"]:
        raise Stop("--read-only looks only; leave it out", Exit.USAGE)
    names = config.endpoint_names()
    if endpoint is not None and endpoint not in names:
        raise Stop(f"no endpoint is called {endpoint!r}; there are: {', '.join(names) or 'none'}", Exit.USAGE)
    paths.prepare(paths.data_dir())
    log = Log(paths.data_dir())
    log.append(event, endpoint=endpoint or EVERYWHERE, operator=operator_of_log())
    return log.paused()


def operator_of_log() -> str:
    """Who acts, whatever is wrong with the configuration."""
    from triage import config, paths

    try:
        return config.load(endpoints=False).operator or paths.operator_name()
    except config.ConfigError:
        return paths.operator_name()
