"""``triage log``: what was decided and delivered; whether that is what was written; retention."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from triage.cli import output
from triage.cli.exits import Exit, Stop
from triage.cli.parameters import JSON, complete_item, moment

if TYPE_CHECKING:
    from triage.store.log import Event, Log
    from triage.store.payloads import Payload

__all__ = ["log"]

FOLLOW_S = 0.2
_WIDTH = 100
"""Columns of text where standard output is no terminal."""
_BEHIND_TIME = 21
"""Cells before what follows a line's time."""
_LEAST = 20

_ITEM = click.option("--item", metavar="ID", shell_complete=complete_item, help="Of this item alone.")
_SINCE = click.option(
    "--since", metavar="T", callback=moment, help="Not older: 30m, 2h, 3d, or a date such as 2031-05-17."
)

Show = Callable[["Event", "Payload | None"], None]


@click.group(invoke_without_command=True)
@JSON
@_ITEM
@_SINCE
@click.option("--follow", is_flag=True, help="Go on until interrupted, with what comes.")
@click.pass_context
def log(ctx: click.Context, as_json: bool, item: str | None, since: datetime | None, follow: bool) -> None:
    """Show what was decided and delivered, oldest first.

    An edit names the fields that were sent otherwise than proposed; of one item, with --item, also how.
    With --json each event is one line of JSON.
    """
    if ctx.invoked_subcommand is not None:
        return
    book = _open()
    item_id = _whole_id(book, item) if item else None
    show: Show = _show_json if as_json else _show_all_words if item else _show_words
    last = 0
    for event in book.events(item_id, since):
        show(event, book.payload(event))
        last = event.seq
    if follow:
        _follow(book, item_id, last, show)
    elif not last:
        output.say("The log says nothing of that." if item or since else "Nothing has been decided yet.")


def _open() -> Log:
    from triage import paths
    from triage.store.log import Log

    return Log(paths.data_dir())


def _whole_id(book: Log, prefix: str) -> str:
    """The item of the log whose id begins with ``prefix``."""
    wanted = prefix.strip().lower()
    if next(book.events(wanted), None) is not None:
        return wanted
    found = sorted({event.item_id for event in book.events() if wanted and event.item_id.startswith(wanted)})
    if len(found) > 1:
        raise Stop(
            f"{len(found)} ids begin with {prefix!r}: {', '.join(found[:5])}; give more of it", Exit.USAGE
        )
    return found[0] if found else wanted


def _follow(book: Log, item_id: str | None, last: int, show: Show) -> None:
    """Show what is logged from now on, by whichever process, until ctrl+c."""
    try:
        while True:
            for event in book.refresh():
                if event.seq > last and item_id in (None, event.item_id):
                    show(event, book.payload(event))
            time.sleep(FOLLOW_S)
    except KeyboardInterrupt:
        return


def _show_json(event: Event, payload: Payload | None) -> None:
    output.json_line(
        {
            "seq": event.seq,
            "at": event.at,
            "type": event.type,
            "item": event.item_id or None,
            "endpoint": event.endpoint or None,
            "decision": event.decision_id or None,
            "operator": event.operator or None,
            "state": event.state or None,
            "detail": event.detail,
            "effect": event.effect,
            "note": event.note,
            "revision": event.revision or None,
            "verbs": event.verbs,
            "title": payload.item.title if payload else None,
            "verdicts": payload.decision.verdicts if payload else None,
            "edited": _edited(payload) if payload else None,
        }
    )


def _show_words(event: Event, payload: Payload | None) -> None:
    at = event.at.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    what = _decided(event, payload) if event.type == "decided" else _other(event)
    output.text(f"{at}  {event.item_id or '-':<12}  {' '.join(what.split())}")


def _show_all_words(event: Event, payload: Payload | None) -> None:
    """The same, and below an edit what stood in each field and what was sent."""
    from triage.tui.changes import edit_lines
    from triage.tui.lines import indented

    _show_words(event, payload)
    columns = max(_LEAST, (output.width() or _WIDTH) - _BEHIND_TIME)
    for lead, before, after in _edits(payload) if payload else ():
        lines = edit_lines(before, after, columns - len(lead))
        output.lines(indented(lines, " " * (_BEHIND_TIME - output.INDENT) + lead))


def _edits(payload: Payload) -> Iterator[tuple[str, Any, Any]]:
    """What leads a field's name, the arguments as proposed, and as sent; of each action that was edited."""
    from msgspec import UNSET

    actions, verdicts = payload.item.actions, payload.decision.verdicts
    for number, (action, verdict) in enumerate(zip(actions, verdicts, strict=False), 1):
        if verdict.arguments is not UNSET:
            yield f"{number} " if len(actions) > 1 else "", action.arguments, verdict.arguments


def _edited(payload: Payload) -> list[str]:
    """The names of the fields that were edited; of several actions, with the action's number before it."""
    from triage.tui.changes import value_differences

    return [
        lead + place
        for lead, before, after in _edits(payload)
        for place in dict.fromkeys(each.place or "everything" for each in value_differences(before, after))
    ]


def _decided(event: Event, payload: Payload | None) -> str:
    from triage.tui.words import VERB_DONE

    done = ", ".join(VERB_DONE[verb] for verb in dict.fromkeys(event.verbs))
    title = payload.item.title if payload else "(what was shown was erased)"
    reasons = [verdict.reason for verdict in payload.decision.verdicts if verdict.reason] if payload else []
    why = f" ({'; '.join(dict.fromkeys(reasons))})" if reasons else ""
    fields = ", ".join(_edited(payload)) if payload else ""
    return f"{event.operator} {done}{f' {fields}' if fields else ''}{why}: {title}"


def _other(event: Event) -> str:
    where = "everything" if event.endpoint == "*" else event.endpoint
    head = {
        "delivery": event.state,
        "gone": f"gone from {where} ({event.state})",
        "paused": f"{event.operator} paused sending to {where}",
        "resumed": f"{event.operator} resumed sending to {where}",
        "noted": f"{event.operator} noted",
        "repaired": f"{event.operator} repaired",
        "erased": f"{event.operator or 'triage'} erased",
    }.get(event.type, event.type)
    more = output.sentences((event.detail, event.effect, event.note))
    return f"{head}: {more}" if more else head


@log.command()
@JSON
def verify(as_json: bool) -> None:
    """Check that nothing in the log was changed, removed, reordered or cut off.

    Exit code 0: it is whole; 1: it is not, and every fault is named. The head it prints, noted elsewhere,
    proves later that all up to it is still the same.
    """
    from triage import paths
    from triage.store.verifying import findings_in_words
    from triage.store.verifying import verify as check

    found = check(paths.data_dir())
    if as_json:
        output.data({"ok": found.ok, **_fields(found)})
    else:
        for words in (*findings_in_words(found), *found.notes):
            output.say(words)
        verdict = "The log is whole" if found.ok else "The log is NOT what was written"
        output.text(
            f"{verdict}: {found.events} events in {found.segments} segments, {found.payloads} payloads, "
            f"{found.erased} erased."
        )
        output.text(f"head {found.head}")
    if not found.ok:
        raise click.exceptions.Exit(Exit.FAILED)


def _fields(found: Any) -> dict[str, Any]:
    import msgspec

    return msgspec.structs.asdict(found)


@log.command()
@_ITEM
@_SINCE
def export(item: str | None, since: datetime | None) -> None:
    """Print the whole log as JSON, a line an event: as it is stored, with what was shown and decided."""
    book = _open()
    item_id = _whole_id(book, item) if item else None
    for event in book.events(item_id, since):
        payload = book.payload(event)
        output.json_line(
            {
                "event": event,
                "decision": payload.decision if payload else None,
                "item": payload.item if payload else None,
            }
        )


@log.command()
@click.option("--before", metavar="T", callback=moment, help="Older than this: 90d, or a date.")
@click.option("--days", type=click.FloatRange(0), metavar="N", help="Older than so many days.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def erase(before: datetime | None, days: float | None, yes: bool) -> None:
    """Erase what was shown and said in old decisions; that they were taken stays, and the log verifies.

    Without an option it takes `payload_days` of the configuration. Deliveries that are not over are kept.
    """
    from triage import paths
    from triage.cli.stopping import operator_of_log

    if before is not None and days is not None:
        raise click.UsageError("give --before or --days, not both")
    limit = before or _limit(days)
    if not yes:
        _confirm(limit)
    paths.prepare(paths.data_dir())
    count = _open().erase_payloads(limit, operator_of_log())
    output.say(f"What was shown and said in {count} decisions is erased.")


def _limit(days: float | None) -> datetime:
    from triage import config

    wanted = config.load(endpoints=False).payload_days if days is None else days
    if wanted is None:
        raise click.UsageError("say how old with --days or --before; `payload_days` is not configured")
    try:
        return datetime.now(UTC) - timedelta(days=wanted)
    except OverflowError:
        return datetime.min.replace(tzinfo=UTC)


def _confirm(limit: datetime) -> None:
    if not sys.stdin.isatty():
        raise Stop("nothing was erased: it cannot be undone, so say --yes", Exit.USAGE)
    words = limit.astimezone().strftime("%Y-%m-%d %H:%M")
    if not click.confirm(f"Erase for good what was shown and said before {words}?", err=True):
        raise Stop("nothing was erased")
