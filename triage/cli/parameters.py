"""Options and arguments that several commands share, and how a shell completes them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from triage.store.queue import Entry

__all__ = ["ENDPOINT", "ITEM", "JSON", "complete_filter", "complete_item", "moment", "whole_text"]

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_MOST_SHOWN = 200


def complete_item(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Ids in the queue with their titles; nothing is polled."""
    from triage.model import safe_text

    with _queue() as entries:
        return [
            CompletionItem(entry.item.id, help=safe_text.line(entry.item.title, 60))
            for entry in entries
            if entry.gone is None and entry.item.id.startswith(incomplete.lower())
        ][:_MOST_SHOWN]


def complete_filter(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """How a filter can go on."""
    from triage.model.filtering import complete

    with _queue() as entries:
        found = complete(incomplete, len(incomplete), [entry.item for entry in entries])
        return [CompletionItem(incomplete[: each.start] + each.text) for each in found]


def complete_endpoint(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of configured endpoints."""
    from triage.config import endpoint_names

    return [CompletionItem(name) for name in endpoint_names() if name.startswith(incomplete)]


@contextmanager
def _queue() -> Iterator[list[Entry]]:
    """What the queue holds; nothing where it cannot be read, for completion has nobody to tell."""
    from triage import paths
    from triage.store.errors import StoreError
    from triage.store.queue import Queue

    entries: list[Entry] = []
    try:
        if (paths.data_dir() / "queue.jsonl").exists():
            queue = Queue(paths.data_dir())
            entries = list(queue.entries())
            queue.close()
    except (StoreError, OSError):
        entries = []
    yield entries


def moment(ctx: click.Context, param: click.Parameter, value: str | None) -> datetime | None:
    """A time before now (``2h``, ``3d``) or a date or time of the calendar, local unless it says more."""
    if value is None:
        return None
    if found := _DURATION.fullmatch(value.strip()):
        try:
            return datetime.now(UTC) - timedelta(**{_UNITS[found[2]]: float(found[1])})
        except OverflowError:
            return datetime.min.replace(tzinfo=UTC)
    try:
        return datetime.fromisoformat(value.strip()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise click.BadParameter(
            f"{value!r} is no time; write how long ago (30m, 2h, 3d) or a date (2031-05-17, 2031-05-17T09:00)"
        ) from None


def whole_text(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Text that can be stored and sent. Raises BadParameter for bytes that are no UTF-8."""
    try:
        (value or "").encode()
    except UnicodeEncodeError:
        raise click.BadParameter("it holds bytes that are no UTF-8 text") from None
    return value


JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
ITEM = click.argument("item", metavar="ID", shell_complete=complete_item)
ENDPOINT = click.argument("endpoint", metavar="[ENDPOINT]", required=False, shell_complete=complete_endpoint)
