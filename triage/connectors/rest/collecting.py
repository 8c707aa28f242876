"""Pages of raw items become a poll: what cannot be read is a problem, and hides no other item."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from triage.connectors.base import Poll
from triage.connectors.rest.contract import Malformed
from triage.model.item import Item

__all__ = ["Reader", "collect"]

AT_A_TIME = 100
"""Items read in one go: a few milliseconds."""


class Reader(Protocol):
    """Reads one raw item."""

    def named(self, raw: Any, position: int) -> str:
        """How to speak of an item that cannot be read."""

    def read(self, raw: Any, now: datetime) -> tuple[Item, list[str]] | None:
        """The item, and what had to be left out of it; None when it does not wait. Raises Malformed."""


async def collect(pages: Iterable[Sequence[Any]], reader: Reader) -> Poll:
    """The items of all pages, each once. Other work goes on every few items: keys are answered meanwhile."""
    now = datetime.now(UTC)
    found: dict[str, Item] = {}
    page_of: dict[str, int] = {}
    problems: list[str] = []
    position = 0
    for page_number, page in enumerate(pages):
        for raw in page:
            position += 1
            if position % AT_A_TIME == 0:
                await asyncio.sleep(0)
            name = reader.named(raw, position)
            try:
                read = reader.read(raw, now)
            except Malformed as error:
                problems.append(f"{name} cannot be shown: {error}")
                continue
            if read is None:
                continue
            item, remarks = read
            problems.extend(f"{name}: {remark}" for remark in remarks)
            if item.key not in found:
                found[item.key], page_of[item.key] = item, page_number
            elif item != found[item.key] or page_number == page_of[item.key]:
                # The same item again on a later page only means that the list moved while it was read.
                problems.append(f"{name} is listed twice; the first is shown")
    return Poll(tuple(found.values()), tuple(problems))
