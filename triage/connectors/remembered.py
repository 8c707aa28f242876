"""Replies to what is asked again and again: a server that gives ETags need not send the same list twice.

After RFC 9110, sections 8.8.3 (ETag), 13.1.2 (If-None-Match) and 15.4.5 (304).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from triage.connectors.replies import Reply

__all__ = ["KEPT_S", "Asked", "Remembered"]

KEPT_S = 300.0
"""After this a list is asked for whole again: an ETag that should have changed hides nothing for longer."""
KEPT_BYTES = 4 * 2**20
"""Largest sum of bodies kept for one endpoint; what goes beyond is asked for whole each time."""

Asked = tuple[Any, ...]
"""What was asked: URL and parameters."""


class _Kept(NamedTuple):
    tag: str
    reply: Reply
    until: float


class Remembered:
    """The last replies of one endpoint that carry an ETag."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: dict[Asked, _Kept] = {}
        self._bytes = 0

    def condition(self, asked: Asked) -> Mapping[str, str]:
        """Headers to ask with: a body is wanted only if it differs from the one kept."""
        kept = self._kept.get(asked)
        if kept is not None and kept.until <= self._clock():
            self._forget(asked)
            kept = None
        return {} if kept is None else {"if-none-match": kept.tag}

    def whole(self, asked: Asked, reply: Reply) -> Reply:
        """The reply; where it only says "not modified": the very one that was kept."""
        kept = self._kept.get(asked)
        if reply.status == 304 and kept is not None:
            return kept.reply
        self._forget(asked)
        tag = reply.headers.get("etag", "")
        if reply.status == 200 and tag and self._bytes + len(reply.content) <= KEPT_BYTES:
            self._kept[asked] = _Kept(tag, reply, self._clock() + KEPT_S)
            self._bytes += len(reply.content)
        return reply

    def _forget(self, asked: Asked) -> None:
        kept = self._kept.pop(asked, None)
        if kept is not None:
            self._bytes -= len(kept.reply.content)
