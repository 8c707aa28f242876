"""``triage list`` and ``triage endpoints``: what waits, and where."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from triage.cli import output
from triage.cli.exits import Exit, Stop
from triage.cli.parameters import JSON, complete_filter

if TYPE_CHECKING:
    from triage.cli.workplace import Workplace
    from triage.desk.desk import Desk
    from triage.model.endpoint import EndpointConfig, Health
    from triage.model.filtering import Filter, Subject
    from triage.store.queue import Entry

__all__ = ["SORTS", "endpoints", "list_items", "rows_of"]

SORTS = ("age", "newest", "deadline", "risk", "agent", "endpoint")
"""The orders of ``triage.model.filtering``, which is not imported for help alone."""


@click.command("list")
@JSON
@click.option(
    "--filter",
    "filter_text",
    metavar="F",
    default="",
    help="Only what this filter means.",
    shell_complete=complete_filter,
)
@click.option("--sort", type=click.Choice(SORTS), default=SORTS[0], show_default=True, help="In which order.")
@click.option("--no-poll", is_flag=True, help="Ask no endpoint; show what is known.")
@click.option("--watch", is_flag=True, help="Go on until interrupted, and print anew what changes.")
def list_items(as_json: bool, filter_text: str, sort: str, no_poll: bool, watch: bool) -> None:
    """List what waits.

    Every endpoint is asked once, unless an open console does that already; exit code 1 says that one did
    not answer, so that something may be missing. What is decided and on its way is listed too.

    \b
    Filters:
      refund                       the word is in title, action, agent or arguments
      endpoint:support risk>=medium amount>100 age>1h due<10m
      kind:question -agent:bot     questions, but not those of an agent called bot
      state:unknown                decisions whose outcome is not known
      is:gone, is:snoozed          what is left out otherwise
    """
    from triage.cli.workplace import Workplace, run

    place = Workplace()
    view = _View(place, filter_text, sort, as_json=as_json)
    if watch:
        run(lambda: _watch(place, view, no_poll=no_poll))
    elif not run(lambda: _once(place, view, no_poll=no_poll)):
        raise click.exceptions.Exit(Exit.FAILED)


class _View:
    """What is listed, in which order and how."""

    def __init__(self, place: Workplace, filter_text: str, sort: str, *, as_json: bool) -> None:
        self._filter = _compiled(filter_text, place)
        self._order = sort
        self._as_json = as_json

    def show(self, desk: Desk, *, one_line: bool = False) -> None:
        """Print it as it is now."""
        from triage.desk.documents import listed

        found = self._sorted(desk)
        if self._as_json:
            documents = [listed(entry, desk.record(entry.item.id), desk.risk_of(entry)) for entry in found]
            (output.json_line if one_line else output.data)(documents)
        elif found:
            output.table(list(rows_of(desk, found)), ("ID", "AGE", "ENDPOINT", "STATE", "WHAT"))
        else:
            output.say("Nothing waits." if not self._filter else "Nothing that fits the filter.")

    def _sorted(self, desk: Desk) -> list[Entry]:
        from triage.model.filtering import ORDERS

        order = ORDERS[self._order]
        subjects = [(entry, desk.subject(entry)) for entry in desk.queue.entries()]
        shown = [(entry, subject) for entry, subject in subjects if self._shows(subject)]
        return [entry for entry, _ in sorted(shown, key=lambda pair: order.key(pair[1]))]

    def _shows(self, subject: Subject) -> bool:
        """What waits and what is on its way; others only where the filter asks for a state."""
        from triage.model.decision import OPEN_STATES

        if not self._filter.matches(subject):
            return False
        usual = subject.waiting or subject.state in OPEN_STATES
        return usual or not self._filter.fields.isdisjoint(("is", "state"))


def _compiled(text: str, place: Workplace) -> Filter:
    from triage.model.filtering import FilterError, compile

    made = compile(text, place.config.filters)
    if isinstance(made, FilterError):
        marker = " " * made.position + "^" * max(1, made.length)
        raise Stop(f"the filter means nothing: {made.text}\n  {text}\n  {marker}", Exit.USAGE)
    return made


async def _once(place: Workplace, view: _View, *, no_poll: bool) -> bool:
    """Print what waits; False when an endpoint did not answer."""
    from triage.cli.seeking import poll, tell_health

    async with place.desk((), look_only=True) if no_poll else place.desk(look_only=True) as desk:
        if no_poll:
            view.show(desk)
            return True
        await poll(desk)
        view.show(desk)
        return not tell_health(desk.health())


async def _watch(place: Workplace, view: _View, *, no_poll: bool) -> None:
    """Print what waits now and after every change, until interrupted."""
    import asyncio

    async with place.desk((), look_only=True) if no_poll else place.desk(look_only=True) as desk:
        changed = asyncio.Event()
        desk.subscribe(lambda _: changed.set())
        await desk.start()
        try:
            while True:
                if sys.stdout.isatty():
                    click.clear()
                view.show(desk, one_line=True)
                await changed.wait()
                changed.clear()
        except asyncio.CancelledError:
            return  # ctrl+c ends it as intended


def rows_of(desk: Desk, entries: list[Entry]) -> Iterator[tuple[str, ...]]:
    """A row of the table for each entry."""
    from triage.desk.documents import state_of
    from triage.tui import words

    now = datetime.now(UTC)
    for entry in entries:
        item = entry.item
        since = item.created_at or entry.seen_at
        due = words.due((item.expires_at - now).total_seconds()) if item.expires_at else ""
        what = f"{item.title} ({due})" if due else item.title
        state = state_of(entry, desk.record(item.id))
        yield item.id, words.age((now - since).total_seconds()), item.endpoint, state, what


@click.command()
@JSON
@click.option("--no-poll", is_flag=True, help="Ask none of them; show what is known.")
def endpoints(as_json: bool, no_poll: bool) -> None:
    """List the endpoints: kind, version and how they fare."""
    from triage.cli.workplace import Workplace, run

    place = Workplace()
    found = run(lambda: _endpoints(place, no_poll=no_poll))
    if as_json:
        output.data(found)
        return
    rows = [_endpoint_row(each) for each in found]
    output.table(rows, ("NAME", "KIND", "VERSION", "WAITING", "HEALTH", "URL"))
    for each in found:
        for words in (each["detail"], each["warning"]):
            if words:
                output.say(f"{each['name']}: {words}")


async def _endpoints(place: Workplace, *, no_poll: bool) -> list[dict[str, Any]]:
    from triage.cli.seeking import poll

    async with place.desk(look_only=True) as desk:
        if not no_poll:
            await poll(desk)
        paused = desk.paused()
        return [
            {
                "name": health.endpoint,
                "kind": place.config.endpoints[health.endpoint].kind,
                "url": place.config.endpoints[health.endpoint].url,
                "version": health.version,
                "warning": _warning(health, place.config.endpoints[health.endpoint]),
                "health": health.state.value,
                "detail": health.detail,
                "since": health.since,
                "waiting": health.waiting,
                "paused": "*" in paused or health.endpoint in paused,
            }
            for health in desk.health()
        ]


def _warning(health: Health, settings: EndpointConfig) -> str:
    """What is to be said of an endpoint that answers."""
    from triage.connectors.credentials import plain_http_warning

    unencrypted = plain_http_warning(settings).removeprefix(f"endpoint {settings.name}: ")
    return "; ".join(filter(None, (health.warning, unencrypted)))


def _endpoint_row(found: dict[str, Any]) -> tuple[str, ...]:
    health = f"{found['health']}, paused" if found["paused"] else found["health"]
    return found["name"], found["kind"], found["version"], str(found["waiting"]), health, found["url"]
