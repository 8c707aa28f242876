"""Finding an item by the beginning of its id, and polling as far as that needs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from triage.cli import output
from triage.cli.exits import Exit, Stop

if TYPE_CHECKING:
    from triage.cli.workplace import Workplace
    from triage.desk.desk import Desk
    from triage.model.endpoint import Health
    from triage.store.log import Record

__all__ = ["Decided", "Found", "locate", "poll", "tell_health"]

PASSING_S = 2.0
"""How long a command that has an endpoint just now is waited for."""
_STEP_S = 0.05


class Found(NamedTuple):
    """An item of the queue."""

    id: str
    endpoint: str


class Decided(Exception):
    """The item has left the queue after it was decided; ``record`` is the last decision on it."""

    def __init__(self, record: Record) -> None:
        super().__init__(record.decision.item_id)
        self.record = record


async def poll(desk: Desk) -> None:
    """Poll the desk's endpoints once, except those that another process's desk keeps up to date.

    A command that has one just now is waited for a little, for it goes soon.
    """
    await desk.refresh()
    left = [health.endpoint for health in desk.health() if _is_left(desk, health.endpoint)]
    deadline = time.monotonic() + PASSING_S
    while left and time.monotonic() < deadline:
        await asyncio.sleep(_STEP_S)
        desk.queue.refresh()
        free = [name for name in left if not desk.holder(name)]
        await asyncio.gather(*map(desk.refresh, free))
        left = [name for name in left if name not in free and _is_left(desk, name)]
    desk.queue.refresh()


def _is_left(desk: Desk, endpoint: str) -> bool:
    """Whether what is known of it may be old: another process has it, and does not poll it all the time."""
    if not desk.holder(endpoint):
        return False
    return not desk.is_staffed(endpoint) or desk.queue.health(endpoint) is None


def tell_health(found: Iterable[Health]) -> bool:
    """Say which endpoints do not answer, or answer in part; True when one does not."""
    from triage.model.endpoint import HealthState

    silent = False
    for health in found:
        if health.state in (HealthState.FAILING, HealthState.DENIED):
            silent = True
            output.say(f"triage: {health.endpoint}: {health.detail}")
        elif health.state is HealthState.DEGRADED:
            output.say(f"triage: {health.endpoint}: some of what it sent cannot be read: {health.detail}")
    return silent


async def locate(place: Workplace, prefix: str, *, may_poll: bool = True) -> Found:
    """The item whose id begins with ``prefix``; all endpoints are polled where it is not in the queue yet.

    Raises Decided, and Stop where there is none or several.
    """
    wanted = prefix.strip().lower()
    found = _queued(place, wanted)
    record = None if found else _logged(place, wanted, whole=True)
    if found is None and record is None:
        if may_poll:
            await _poll_all(place)
        found = _queued(place, wanted)
        record = None if found else _logged(place, wanted, whole=False)
    if record is not None:
        raise Decided(record)
    if found is None:
        raise Stop(
            f"no item has an id that begins with {prefix!r}; `triage list` names those that wait", Exit.USAGE
        )
    if found.endpoint not in place.config.endpoints:
        raise Stop(
            f"item {found.id} waits at {found.endpoint}, which is no longer configured; add it again with "
            "`triage add`",
            Exit.USAGE,
        )
    return found


async def _poll_all(place: Workplace) -> None:
    async with place.desk(look_only=True) as desk:
        await poll(desk)
        tell_health(desk.health())


def _queued(place: Workplace, wanted: str) -> Found | None:
    from triage.store.queue import Queue

    queue = Queue(place.data)
    try:
        ids = [wanted] if wanted in queue else [each for each in queue.ids() if each.startswith(wanted)]
        if len(ids) > 1:
            some = ", ".join(sorted(ids)[:5])
            raise Stop(f"{len(ids)} ids begin with {wanted!r}: {some}; give more of it", Exit.USAGE)
        entry = queue.get(ids[0]) if ids and wanted else None
        return Found(entry.item.id, entry.item.endpoint) if entry else None
    finally:
        queue.close()


def _logged(place: Workplace, wanted: str, *, whole: bool) -> Record | None:
    """The last decision on an item that is not in the queue.

    ``whole``: by its whole id alone, and only where it stands, so that the item need not be polled.
    """
    from triage.model.decision import REOPENING_STATES
    from triage.store.log import Log

    log = Log(place.data)
    record = log.standing(wanted)
    if whole:
        return record if record is not None and record.state not in REOPENING_STATES else None
    if record is None and wanted:
        fitting = (each for each in log.records() if each.decision.item_id.startswith(wanted))
        record = next(fitting, None)
    return record
