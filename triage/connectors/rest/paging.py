"""All pages of a mapped API's list, whichever way it pages."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urljoin

from triage.connectors.http import EndpointError, Garbled, Reply, Wire
from triage.connectors.rest.expressions import Inapplicable, apply
from triage.connectors.rest.mapping import Asking, Listing
from triage.connectors.rest.templates import Values, fill, fill_headers, fill_path, fill_query

__all__ = ["ask", "find", "read_pages"]

MAX_PAGES = 1000
_LINK = re.compile(r"<(?P<url>[^>]*)>(?P<parameters>[^<]*)")
_REL_NEXT = re.compile(r""";\s*rel\s*=\s*(?:"(?:[^"]*\s)?next(?:\s[^"]*)?"|next\b)""", re.IGNORECASE)


async def ask(wire: Wire, asking: Asking, values: Values, **more: Any) -> Reply:
    """The answer to one mapped request, whatever its status."""
    if asking.body is not None:
        more["json"] = fill(asking.body, values)
    headers = {**fill_headers(asking.headers, values), **more.pop("headers", {})}
    return await wire.request(
        asking.method,
        fill_path(asking.path, values),
        params=fill_query(asking.query, values) or None,
        headers=headers,
        **more,
    )


def find(expression: str, reply: Reply, key: str) -> Any:
    """What the expression of the setting ``key`` finds in a reply. Raises Garbled."""
    try:
        return apply(expression, reply.json)
    except Inapplicable as error:
        raise Garbled(f"map.{key}: {error}, in the answer to {reply.where}") from error


async def read_pages(wire: Wire, listing: Listing, page_size: int, *, again: bool = False) -> list[list[Any]]:
    """The raw items, page by page. Raises EndpointError rather than leave any out.

    ``again``: as a poll does, again and again (see ``Wire.request``).
    """
    return await _Pages(wire, listing, page_size, again).read()


class _Pages:
    """One reading of the whole list."""

    def __init__(self, wire: Wire, listing: Listing, page_size: int, again: bool) -> None:
        self.wire = wire
        self.again = again and listing.method == "GET"
        self.listing = listing
        self.pages: list[list[Any]] = []
        self.values: dict[str, Any] = {
            "page.offset": 0,
            "page.number": listing.first_page,
            "page.size": page_size,
        }
        self._link: str | None = None
        self._followed: set[str] = set()

    async def read(self) -> list[list[Any]]:
        for _ in range(MAX_PAGES):
            reply = (await self._ask()).raise_for_status()
            rows = find(self.listing.items, reply, "list.items")
            if not isinstance(rows, list):
                raise Garbled(
                    f"map.list.items (`{self.listing.items}`) gives no list in the answer to {reply.where}"
                )
            again = bool(rows) and self.pages[-1:] == [rows]
            self.pages.append(rows)
            if not self._turn(reply, rows):
                return self.pages
            if again:
                raise Garbled(f"{reply.where} gives the same page twice; check map.list.paging")
        raise Garbled(f"the list has more than {MAX_PAGES} pages; check map.list.paging")

    async def _ask(self) -> Reply:
        if self._link is None:
            return await ask(self.wire, self.listing, self.values, again=self.again)
        headers = fill_headers(self.listing.headers, self.values)
        return await self.wire.request("GET", self._link, headers=headers, again=self.again)

    def _turn(self, reply: Reply, rows: list[Any]) -> bool:
        """Make ready for the next page; False when there is none."""
        match self.listing.paging:
            case "cursor":
                return self._turn_to_cursor(self._next(reply))
            case "url":
                return self._turn_to_link(reply, self._next(reply))
            case "link-header":
                return self._turn_to_link(reply, _next_link(reply.headers.get("link", "")))
            case "offset" | "page":
                return self._count(reply, rows)
        return False

    def _next(self, reply: Reply) -> Any:
        return find(self.listing.next or "`null`", reply, "list.next")

    def _turn_to_cursor(self, cursor: Any) -> bool:
        if cursor in (None, False, ""):
            return False
        self._note(str(cursor))
        self.values["page.cursor"] = cursor
        return True

    def _turn_to_link(self, reply: Reply, link: Any) -> bool:
        if link in (None, False, ""):
            return False
        if not isinstance(link, str):
            raise Garbled(
                f"map.list.next (`{self.listing.next}`) gives no URL in the answer to {reply.where}"
            )
        asked = self._link or f"{self.wire.url}/{fill_path(self.listing.path, self.values).lstrip('/')}"
        self._link = urljoin(asked, link)
        self._note(self._link)
        return True

    def _note(self, following: str) -> None:
        if following in self._followed:
            raise Garbled(f"the list names the same next page twice: {following[:80]!r}")
        self._followed.add(following)

    def _count(self, reply: Reply, rows: list[Any]) -> bool:
        self.values["page.offset"] += len(rows)
        self.values["page.number"] += 1
        if self.listing.total is not None:
            total = find(self.listing.total, reply, "list.total")
            if not isinstance(total, int):
                raise EndpointError(
                    f"map.list.total (`{self.listing.total}`) gives no whole number in the answer to "
                    f"{reply.where}"
                )
            return bool(rows) and self.values["page.offset"] < total
        return bool(rows)


def _next_link(header: str) -> str | None:
    """The URL with rel="next" in a ``Link`` header (RFC 8288)."""
    for found in _LINK.finditer(header):
        if _REL_NEXT.search(found["parameters"]):
            return found["url"]
    return None
