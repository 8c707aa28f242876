"""Every thread of a status, over all pages, while rows come and go between them."""

from __future__ import annotations

import re
from typing import Any

from triage.connectors.http import Garbled
from triage.connectors.langgraph.api import Api

__all__ = ["has_id", "listed"]

PAGE = 250
OVERLAP = 25
"""Rows asked for again with the next page: so many may leave the list before it without a gap."""
STEPS_BACK = 20
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


async def listed(api: Api, status: str, metadata: dict[str, Any]) -> list[Any]:
    """The rows of every thread of ``status`` whose metadata contains ``metadata``.

    They come in the order of their ids, in pages that overlap. When a row leaves the list, those after it
    move up; a page that begins after the last row seen may have been moved past some, so an earlier one
    is asked for again. Raises Garbled rather than leave any out.
    """
    rows: dict[str, Any] = {}
    nameless: list[Any] = []
    last, offset, steps_back = "", 0, 0
    while True:
        page = await api.page(status, metadata, offset, PAGE)
        ids = [row["thread_id"] for row in page.rows if has_id(row) and _UUID.fullmatch(row["thread_id"])]
        if offset and (not ids or ids[0] > last):
            steps_back += 1
            if steps_back > STEPS_BACK:
                raise Garbled("the list of threads changes faster than it can be read")
            offset = max(0, offset - PAGE)
            continue
        rows.update((row["thread_id"], row) for row in page.rows if has_id(row))
        nameless += [row for row in page.rows if not has_id(row)]
        if not page.more:
            return [*rows.values(), *nameless]
        if not ids or ids != sorted(ids):
            raise Garbled("the server does not list threads in the order of their ids, as it was asked to")
        last = ids[-1]
        offset += max(1, len(page.rows) - min(OVERLAP, len(page.rows) // 2))


def has_id(row: Any) -> bool:
    """Whether a row says which thread it is."""
    return isinstance(row, dict) and isinstance(row.get("thread_id"), str)
