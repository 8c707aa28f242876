"""``triage status``: one line for a shell prompt or tmux, from the small file that desks keep."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from triage.cli import output
from triage.cli.exits import Exit, Stop
from triage.cli.parameters import JSON

if TYPE_CHECKING:
    from triage.desk.summary import Summary

__all__ = ["status"]

OLD_S = 300.0
"""A summary older than this says how old it is."""
_PIECE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}")


@click.command()
@click.option("--format", "template", metavar="F", help="Print this, its placeholders filled.")
@JSON
def status(template: str | None, as_json: bool) -> None:
    """Print how things stand, in one line.

    No endpoint is asked: it is as new as the last command or console that looked.

    \b
    Placeholders of --format:
      {waiting}       items that want a decision
      {waiting.NAME}  those at one endpoint
      {held} {sending} {unknown}  deliveries in that state
      {failing}       endpoints that do not answer, by name
      {paused}        endpoints to which nothing is sent, by name; `all` for all of them
      {oldest}        age of the oldest item that waits, such as 4m
      {age}           age of these figures
      {{ and }}       the signs themselves
    """
    summary = _summary()
    if as_json:
        output.data(summary)
    elif template is not None:
        output.text(_filled(template, summary))
    else:
        output.text(_line(summary))


def _summary() -> Summary:
    """What the last desk left; all zero where there was none."""
    import msgspec

    from triage import paths
    from triage.desk.summary import SUMMARY_FILE, SUMMARY_VERSION, Summary

    path = paths.data_dir() / SUMMARY_FILE
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Summary)
    except FileNotFoundError:
        return Summary(datetime.now(UTC), 0, 0, 0, 0, [], [], None, {})
    except (msgspec.DecodeError, UnicodeError) as error:
        raise Stop(f"{path} cannot be read: {error}; `triage list` writes it anew") from error
    if found.version > SUMMARY_VERSION:
        raise Stop(f"{path} was written by a newer triage (format {found.version}); update triage")
    return found


def _line(summary: Summary) -> str:
    parts = [f"{summary.waiting} waiting"]
    for name in ("held", "sending", "unknown"):
        if count := getattr(summary, name):
            parts.append(f"{count} {name}")
    if summary.failing:
        parts.append(f"not answering: {', '.join(summary.failing)}")
    if summary.paused:
        parts.append(f"paused: {_paused(summary)}")
    if _age_s(summary.at) > OLD_S:
        parts.append(f"{_age(summary.at)} ago")
    elif _age_s(summary.at) < -OLD_S:
        parts.append("from before the clock was set back")
    return ", ".join(parts)


def _filled(template: str, summary: Summary) -> str:
    def fill(found: re.Match[str]) -> str:
        return found.group()[0] if found[1] is None else _value(found[1], summary)

    return _PIECE.sub(fill, template)


def _value(name: str, summary: Summary) -> str:
    values = {
        "waiting": str(summary.waiting),
        "held": str(summary.held),
        "sending": str(summary.sending),
        "unknown": str(summary.unknown),
        "failing": ", ".join(summary.failing),
        "paused": _paused(summary),
        "oldest": _age(summary.oldest) if summary.oldest else "",
        "age": _age(summary.at),
    }
    endpoint = name.removeprefix("waiting.")
    if endpoint != name:
        return str(summary.by_endpoint.get(endpoint, 0))
    if name not in values:
        known = ", ".join(f"{{{each}}}" for each in values)
        raise Stop(f"{{{name}}} stands for nothing; there are {known} and {{waiting.NAME}}", Exit.USAGE)
    return values[name]


def _paused(summary: Summary) -> str:
    return "all" if "*" in summary.paused else ", ".join(summary.paused)


def _age_s(since: datetime) -> float:
    return (datetime.now(UTC) - since).total_seconds()


def _age(since: datetime) -> str:
    """``now``, ``4m``, ``2h``, ``3d``."""
    seconds = _age_s(since)
    units = ((86_400, "d"), (3600, "h"), (60, "m"))
    return next((f"{int(seconds // size)}{letter}" for size, letter in units if seconds >= size), "now")
