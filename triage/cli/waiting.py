"""``triage wait``: until an item is decided, by whomever, and its outcome is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from triage.cli.parameters import ITEM, JSON

if TYPE_CHECKING:
    from triage.cli.delivering import Result
    from triage.cli.seeking import Found
    from triage.cli.workplace import Workplace
    from triage.desk.desk import Desk

__all__ = ["wait"]


@click.command()
@ITEM
@click.option(
    "--timeout",
    "timeout_s",
    metavar="S",
    type=click.FloatRange(0),
    default=0.0,
    show_default="however long it takes",
    help="Seconds to wait.",
)
@JSON
def wait(item: str, timeout_s: float, as_json: bool) -> None:
    """Wait until an item is decided and its outcome known.

    The exit code says what came of it, whoever decided. A decision of unknown outcome is looked at again.
    An item that goes away without a decision made here ends the waiting with exit code 3.
    """
    from triage.cli.delivering import finish
    from triage.cli.workplace import Workplace, run

    place = Workplace()
    finish(run(lambda: _wait(place, item, timeout_s)), as_json=as_json)


async def _wait(place: Workplace, prefix: str, timeout_s: float) -> Result:
    import asyncio

    from triage.cli.delivering import result_of
    from triage.cli.seeking import Decided, Found, locate
    from triage.model.decision import OPEN_STATES

    try:
        found = await locate(place, prefix)
    except Decided as error:
        decision = error.record.decision
        if error.record.state not in OPEN_STATES or decision.endpoint not in place.config.endpoints:
            return result_of(error.record)
        found = Found(decision.item_id, decision.endpoint)
    async with place.desk((found.endpoint,), strict=True) as desk:
        await desk.start()
        try:
            async with asyncio.timeout(timeout_s or None):
                return await _outcome(desk, found)
        except TimeoutError:
            return _still_open(desk, found, timeout_s)


async def _outcome(desk: Desk, found: Found) -> Result:
    """What came of the item, whoever decided it."""
    import asyncio

    from triage.cli.delivering import result_of
    from triage.model.decision import DeliveryState

    changed = asyncio.Event()
    desk.subscribe(lambda _: changed.set())
    record = desk.record(found.id)
    if record is not None and record.state is DeliveryState.UNKNOWN and not desk.read_only:
        await desk.look_again(record.decision.id)
    while True:
        record = desk.record(found.id)
        if record is not None and record.state is not DeliveryState.WITHDRAWN:
            return result_of(await desk.wait(record.decision.id))
        if (gone := _gone(desk, found)) is not None:
            return gone
        await changed.wait()
        changed.clear()


def _gone(desk: Desk, found: Found) -> Result | None:
    """The item went without being decided here; None while it waits."""
    from triage.cli.delivering import Result
    from triage.cli.exits import Exit

    entry = desk.entry(found.id)
    if entry is not None and entry.gone is None:
        return None
    why = f"{entry.gone.reason} {entry.gone.detail}".strip() if entry and entry.gone else "not known"
    return Result(found.id, None, "gone", why, Exit.REFUSED, f"{found.id} no longer waits: {why}")


def _still_open(desk: Desk, found: Found, timeout_s: float) -> Result:
    from triage.cli.delivering import Result, result_of
    from triage.cli.exits import Exit

    record = desk.record(found.id)
    if record is not None:
        return result_of(record)
    why = f"nobody decided it within {timeout_s:g} s"
    return Result(found.id, None, "waiting", why, Exit.UNKNOWN, f"{found.id} still waits: {why}")
