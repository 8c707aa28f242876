"""What is at a URL: every kind of connector is asked whether it knows what answers there.

Only GETs are sent, each at most once however many kinds want it, and all within a few seconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import msgspec

from triage import connectors
from triage.connectors.base import Connector, Match
from triage.connectors.http import EndpointError, Reply, Unreachable, Wire

__all__ = ["DETECTION_S", "Detection", "base_urls", "detect"]

DETECTION_S = 5.0
"""Time for all of it."""
MAX_PARENTS = 4
"""How many parents of a URL's path are tried."""


class Detection(msgspec.Struct, frozen=True):
    """What was found at a URL."""

    matches: tuple[Match, ...]
    """What it may be, each with the URL to configure; more than one only where one server speaks as many."""
    words: str
    """What was found, or why nothing was, and what to do; for the operator."""
    denied: bool = False
    """Whether it refused our credentials, or the lack of them, somewhere."""
    faults: tuple[str, ...] = ()
    """What went wrong while asking, a sentence each."""


class _Asked(Wire):
    """GETs alone, each sent once; keeps what came back."""

    def __init__(self, wire: Wire, url: str) -> None:
        super().__init__(wire.client, url, wire.headers)
        self.replies: list[Reply] = []
        self.errors: list[EndpointError] = []
        self._sent: dict[bytes, asyncio.Task[Reply]] = {}

    async def request(self, method: str, path: str, **more: Any) -> Reply:
        if method != "GET":
            raise EndpointError(f"{method} {path} was not sent: what is at a URL is found out by GET alone")
        key = msgspec.json.encode(
            (self._absolute(path), more.get("params"), more.get("headers")), order="deterministic"
        )
        if key not in self._sent:
            self._sent[key] = asyncio.create_task(self._get(path, more))
        return await asyncio.shield(self._sent[key])

    async def _get(self, path: str, more: dict[str, Any]) -> Reply:
        try:
            reply = await super().request("GET", path, **more)
        except EndpointError as error:
            self.errors.append(error)
            raise
        self.replies.append(reply)
        return reply

    async def stop(self) -> None:
        """Give up what was not answered."""
        for task in self._sent.values():
            task.cancel()
        await asyncio.gather(*self._sent.values(), return_exceptions=True)


class _Findings:
    """What asking all kinds brought together."""

    def __init__(self) -> None:
        self.matches: list[Match] = []
        self.faults: list[str] = []
        self.wires: list[_Asked] = []

    @property
    def replies(self) -> list[Reply]:
        return [reply for wire in self.wires for reply in wire.replies]

    @property
    def errors(self) -> list[EndpointError]:
        return [error for wire in self.wires for error in wire.errors]

    @property
    def denied(self) -> bool:
        return any(reply.status in (401, 403) for reply in self.replies)

    def take(self, kind: str, url: str, task: asyncio.Task[Match | None]) -> None:
        """What one kind said of ``url``."""
        if task.cancelled():
            self.faults.append(f"{kind}: no answer from {url} in time")
        elif error := task.exception():
            words = str(error) if isinstance(error, EndpointError) else f"{type(error).__name__}: {error}"
            self.faults.append(f"{kind}: {words}")
        elif match := task.result():
            self.matches.append(match if match.url else msgspec.structs.replace(match, url=url))


async def detect(wire: Wire, kinds: Iterable[type[Connector]] | None = None) -> Detection:
    """What answers at ``wire.url``, or else at a parent of its path, such as where its documentation is.

    ``kinds``: default all there are. Raises nothing: what goes wrong is told in the result.
    """
    asked = [connectors.load(kind) for kind in connectors.kinds()] if kinds is None else list(kinds)
    found = _Findings()
    deadline = asyncio.get_running_loop().time() + DETECTION_S
    for url in base_urls(wire.url):
        await _ask_all(found, _Asked(wire, url), asked, deadline)
        if found.matches or _is_over(found, deadline):
            break
    return Detection(
        matches=tuple(found.matches),
        words=_words(wire.url, found, [kind.kind for kind in asked]),
        denied=found.denied,
        faults=tuple(dict.fromkeys(found.faults)),
    )


def base_urls(url: str) -> Iterator[str]:
    """``url`` without query and fragment, then the parents of its path up to its host."""
    parts = urlsplit(url)
    steps = [step for step in parts.path.split("/") if step]
    for count in range(len(steps), max(-1, len(steps) - MAX_PARENTS - 1), -1):
        yield urlunsplit((parts.scheme, parts.netloc, "".join(f"/{step}" for step in steps[:count]), "", ""))


async def _ask_all(found: _Findings, wire: _Asked, kinds: list[type[Connector]], deadline: float) -> None:
    tasks = {asyncio.create_task(kind.recognise(wire)): kind.kind for kind in kinds}
    found.wires.append(wire)
    try:
        left_s = deadline - asyncio.get_running_loop().time()
        await asyncio.wait(tasks, timeout=max(0.0, left_s))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await wire.stop()
    for task, kind in tasks.items():
        found.take(kind, wire.url, task)


def _is_over(found: _Findings, deadline: float) -> bool:
    """Whether asking on would be in vain: no time is left, or nobody is there."""
    nobody = any(isinstance(error, Unreachable) for error in found.errors)
    return nobody or asyncio.get_running_loop().time() >= deadline


def _words(url: str, found: _Findings, kinds: list[str]) -> str:
    if not found.matches:
        return _why_none(url, found, kinds)
    each = "; ".join(_described(match) for match in found.matches)
    if len(found.matches) == 1:
        return each
    return f"{each}. Choose one, for instance with --kind {found.matches[0].kind}"


def _described(match: Match) -> str:
    version = f" {match.version}" if match.version else ""
    detail = f" ({match.detail})" if match.detail else ""
    warning = f"; {match.warning}" if match.warning else ""
    return f"{match.url} is {match.kind}{version}{detail}{warning}"


def _why_none(url: str, found: _Findings, kinds: list[str]) -> str:
    unreachable = [error for error in found.errors if isinstance(error, Unreachable)]
    if unreachable and not found.replies:
        return f"{unreachable[0]}; check the URL and whether the server runs"
    if not found.replies and not found.errors:
        return f"{url} did not answer within {DETECTION_S:g} s; check the URL, or name what it is with --kind"
    if found.denied:
        return (
            f"{url} answers, but does not say what it is without valid credentials; give them with "
            "--token-env or --header, or name what it is with --kind"
        )
    return (
        f"nothing known answers at {url}: {_seen(found)}. If it is one of {', '.join(kinds)}, give the "
        "URL of its API and name it with --kind; any other JSON API can be mapped with --kind rest"
    )


def _seen(found: _Findings) -> str:
    """What did come back, in a few words."""
    fine = [reply for reply in found.replies if reply.status < 300]
    if fine:
        pages = all(reply.content.lstrip()[:1] == b"<" for reply in fine)
        return "only web pages came back" if pages else "what came back is of no known kind"
    if found.errors:
        return str(found.errors[0])
    statuses = sorted({reply.status for reply in found.replies})
    return f"it answered {', '.join(map(str, statuses))} to everything"
