"""``triage show``: all of one item, with what led to it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from triage.cli import output
from triage.cli.exits import Exit, Stop
from triage.cli.parameters import ITEM, JSON

if TYPE_CHECKING:
    from triage.cli.workplace import Workplace
    from triage.desk.desk import Desk
    from triage.desk.rating import Rated
    from triage.model.item import Context
    from triage.store.log import Record
    from triage.store.queue import Entry

__all__ = ["show"]

_WIDTH = 100
"""Columns of text where standard output is no terminal."""


@click.command()
@ITEM
@JSON
@click.option("--no-poll", is_flag=True, help="Ask no endpoint; show what is known, without what led to it.")
def show(item: str, as_json: bool, no_poll: bool) -> None:
    """Show one item, its revision, and what led to it.

    Any beginning of the id that no other item has will do.
    """
    from triage.cli.workplace import Workplace, run

    place = Workplace()
    run(lambda: _show(place, item, as_json=as_json, no_poll=no_poll))


async def _show(place: Workplace, prefix: str, *, as_json: bool, no_poll: bool) -> None:
    from triage.cli.seeking import Decided, locate, poll, tell_health

    try:
        found = await locate(place, prefix, may_poll=not no_poll)
    except Decided as error:
        _print(place, _entry_of(error.record), error.record, None, as_json=as_json)
        return
    async with place.desk(() if no_poll else (found.endpoint,), look_only=True) as desk:
        if not no_poll:
            await poll(desk)
            tell_health(desk.health())
        entry = desk.entry(found.id)
        if entry is None:
            raise Stop(f"item {found.id} has just left the queue", Exit.REFUSED)
        asks = not no_poll and entry.gone is None
        context = await _context(desk, found.id) if asks else None
        _print(place, entry, desk.record(found.id), context, as_json=as_json)


async def _context(desk: Desk, item_id: str) -> Context | None:
    """What led to the item; None, and said why, where its endpoint does not tell."""
    from triage.connectors.http import EndpointError
    from triage.desk.desk import Refused

    try:
        return await desk.context(item_id)
    except (EndpointError, Refused) as error:
        output.say(f"triage: what led to it cannot be shown: {error}")
        return None


def _entry_of(record: Record) -> Entry:
    """An item that has left the queue, as the log has it."""
    from triage.store.queue import Entry

    if record.item is None:
        decision = record.decision
        raise Stop(
            f"{decision.operator} decided item {decision.item_id} ({decision.words}, {record.state}); what was "
            "shown then has been erased. `triage log --item` tells the rest."
        )
    return Entry(record.item, seen_at=record.decision.at)


def _print(
    place: Workplace, entry: Entry, record: Record | None, context: Context | None, *, as_json: bool
) -> None:
    from triage.desk.documents import shown, state_of
    from triage.desk.rating import Rater

    rated = Rater(place.config.risk, place.config.filters).rate(entry)
    if as_json:
        output.data(shown(entry, record, context, rated))
        return
    item = entry.item
    output.text(f"{item.id}  {state_of(entry, record)} at {item.endpoint}")
    output.text(f"revision {item.revision}")
    output.text(f"takes {', '.join(item.verbs) or 'no decision here'}\n")
    output.lines(_page(place, entry, record, context, rated))


def _page(
    place: Workplace, entry: Entry, record: Record | None, context: Context | None, rated: Rated
) -> Iterator[Sequence[tuple[str, str]]]:
    """The item laid out as in the console's pane."""
    from triage.tui.item_text import PageView, body_lines, head_lines
    from triage.tui.marks import marks_for

    item_id = entry.item.id
    instead_of_keys = {
        "look_again": f"`triage wait {item_id}`",
        "close_by_hand": f"`triage close {item_id} --note …`",
    }
    view = PageView(
        entry,
        record,
        datetime.now(UTC),
        place.operator,
        context="not asked for" if context is None else context,
        key_of=lambda action: instead_of_keys.get(action, action),
        rated=rated,
    )
    marks, columns = marks_for(os.environ), (output.width() or _WIDTH) - output.INDENT
    yield from head_lines(view, marks, columns)
    yield ()
    yield from body_lines(view, marks, columns)
