"""What the doctor looks at, check by check. Nothing is changed, and no secret is shown."""

from __future__ import annotations

import asyncio
import contextlib
import os
import platform
import shutil
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib import metadata
from typing import Any, Literal, NamedTuple

from triage import __version__, config, connectors, paths
from triage.connectors.base import Poll
from triage.connectors.credentials import CredentialError, plain_http_warning
from triage.connectors.http import Clients, EndpointError, Reply, Wire
from triage.connectors.opening import open_wire
from triage.model.decision import DeliveryState
from triage.model.endpoint import EndpointConfig
from triage.store.errors import StoreError
from triage.store.log import Log
from triage.store.queue import Queue
from triage.store.verifying import findings_in_words, verify
from triage.tui.actions import check_keymap

__all__ = ["Finding", "checkup"]

State = Literal["ok", "note", "wrong"]

MIN_FREE_BYTES = 50 << 20
MAX_SKEW_S = 60.0
_LIBRARIES = ("textual", "httpx", "tinydb", "msgspec", "click")


class Finding(NamedTuple):
    """What one check found."""

    check: str
    state: State
    detail: str
    """In words, with the mend where something is wrong."""


async def checkup() -> list[Finding]:
    """All checks, in the order they are told."""
    settings, of_config = _configuration()
    found = [_versions(), of_config, *_data(), *_log(), *_terminal()]
    if settings is not None:
        found += _keys(settings)
        found += [each async for each in _endpoints(settings)]
    return found


def _versions() -> Finding:
    libraries = ", ".join(f"{name} {metadata.version(name)}" for name in _LIBRARIES)
    system = f"Python {platform.python_version()}, {platform.system()} {platform.release()}"
    return Finding("versions", "ok", f"triage {__version__}, {system}; {libraries}")


# -- configuration and data ---------------------------------------------------------------------


def _configuration() -> tuple[config.Config | None, Finding]:
    path = paths.config_file()
    try:
        settings = config.load()
    except config.ConfigError as error:
        return None, Finding("configuration", "wrong", str(error))
    if not settings.endpoints:
        what = "has no endpoint" if path.exists() else "is not there yet"
        return settings, Finding("configuration", "note", f"{path} {what}: `triage add URL` adds one")
    if path.stat().st_mode & 0o044:
        return settings, Finding("configuration", "note", f"{path} may be read by others: chmod 600 {path}")
    return settings, Finding("configuration", "ok", f"{path}, {len(settings.endpoints)} endpoints")


def _keys(settings: config.Config) -> Iterator[Finding]:
    for fault in check_keymap(settings.keymap, settings.keys, settings.commands):
        yield Finding("keys", "wrong", fault)


def _data() -> Iterator[Finding]:
    directory = paths.data_dir()
    try:
        paths.prepare(directory)
    except paths.PathProblem as error:
        yield Finding("data", "wrong", str(error))
        return
    if directory.stat().st_mode & 0o077:
        yield Finding("data", "note", f"{directory} may be read by others: chmod 700 {directory}")
    free = shutil.disk_usage(directory).free
    if free < MIN_FREE_BYTES:
        yield Finding("data", "wrong", f"{directory} has {free >> 20} MiB left on its disk; free some space")
    try:
        queue = Queue(directory, anew=True)
        count = len(queue)
        queue.close()
    except StoreError as error:
        yield Finding("queue", "wrong", str(error))
    else:
        yield Finding("data", "ok", f"{directory}, {free >> 30} GiB free, {count} items in the queue")


def _log() -> Iterator[Finding]:
    try:
        found = verify(paths.data_dir())
    except (StoreError, OSError) as error:
        yield Finding("log", "wrong", str(error))
        return
    for words in findings_in_words(found):
        yield Finding("log", "wrong", f"{words}. It is evidence: keep the directory and see who wrote there")
    for note in found.notes:
        yield Finding("log", "note", note)
    if found.ok:
        yield Finding("log", "ok", f"whole, {found.events} events, {found.erased} payloads erased")
    yield from _deliveries()


def _deliveries() -> Iterator[Finding]:
    """What hangs in the air, as far as the log can be read."""
    try:
        log = Log(paths.data_dir())
        open_records, paused = log.open_records(), log.paused()
    except StoreError as error:
        yield Finding("log", "wrong", str(error))
        return
    for record in open_records:
        if record.state is DeliveryState.UNKNOWN:
            item = record.decision.item_id
            yield Finding(
                "log",
                "note",
                f"nobody knows what came of {record.decision.words} of {item} at {record.decision.endpoint}: "
                f"`triage wait {item}` looks again, `triage close {item} --note TEXT` ends it by hand",
            )
    if paused:
        where = "any endpoint" if "*" in paused else ", ".join(sorted(paused))
        yield Finding("log", "note", f"nothing is sent to {where}: `triage resume` lifts that")


# -- terminal -----------------------------------------------------------------------------------


def _terminal() -> Iterator[Finding]:
    name = os.environ.get("TERM", "")
    encoding = (sys.stdout.encoding or "").lower().replace("-", "")
    if encoding != "utf8":
        yield Finding(
            "terminal", "note", f"its encoding is {encoding or 'not known'}: set LANG to a UTF-8 locale"
        )
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        yield Finding("terminal", "note", "none here: commands work, the console needs one")
    elif name in ("", "dumb", "unknown"):
        yield Finding("terminal", "wrong", f"TERM is {name or 'not set'}: set it to what your terminal is")
    else:
        size = os.get_terminal_size(sys.stdout.fileno())
        small = size.columns < 80 or size.lines < 24
        words = f"{name}, {size.columns}×{size.lines}" + (": the console wants 80×24" if small else "")
        yield Finding("terminal", "note" if small else "ok", words)


# -- endpoints ----------------------------------------------------------------------------------


class _Dated(Wire):
    """Notes how far the server's clock is from ours."""

    skew_s: float | None = None

    async def request(self, method: str, path: str, **more: Any) -> Reply:
        reply = await super().request(method, path, **more)
        with contextlib.suppress(ValueError, TypeError):  # it sends no date that can be read
            date = parsedate_to_datetime(reply.headers.get("date", ""))
            self.skew_s = (date - datetime.now(UTC)).total_seconds()
        return reply


async def _endpoints(settings: config.Config) -> AsyncIterator[Finding]:
    clients = Clients()
    try:
        each = (_endpoint(one, clients) for one in settings.endpoints.values())
        for found in await asyncio.gather(*each):
            for finding in found:
                yield finding
    finally:
        await clients.aclose()


async def _endpoint(settings: EndpointConfig, clients: Clients) -> list[Finding]:
    check = f"endpoint {settings.name}"
    found = []
    if warning := plain_http_warning(settings):
        found.append(Finding(check, "note", warning.removeprefix(f"{check}: ")))
    try:
        opened = open_wire(settings, clients)
        wire = _Dated(opened.client, opened.url, opened.headers)
        connector = connectors.load(settings.kind)(settings, wire)
        poll = await connector.poll()
        about = await connector.about()
    except (CredentialError, OSError) as error:
        return [*found, Finding(check, "wrong", str(error).removeprefix(f"{check}: "))]
    except EndpointError as error:
        return [*found, Finding(check, "wrong", str(error))]
    found += _clock(check, wire.skew_s)
    found += [
        Finding(check, "note", f"some of what it sent cannot be read: {each}") for each in poll.problems
    ]
    if about.warning:
        found.append(Finding(check, "note", about.warning))
    return [*found, Finding(check, "ok", _well(settings, about.version, poll))]


def _clock(check: str, skew_s: float | None) -> Iterator[Finding]:
    if skew_s is not None and abs(skew_s) > MAX_SKEW_S:
        side = "ahead of" if skew_s > 0 else "behind"
        yield Finding(
            check,
            "note",
            f"its clock is {abs(skew_s):.0f} s {side} this machine's: ages and deadlines are off by that; set "
            "the one that is wrong",
        )


def _well(settings: EndpointConfig, version: str, poll: Poll) -> str:
    named = f"{settings.kind} {version}".strip()
    return f"{named} at {settings.url} answers, {len(poll.items)} items wait"
