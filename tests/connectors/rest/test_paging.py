"""Each way of paging reads the whole list, and none runs in circles or leaves anything out unsaid."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.connectors.kit.server import Request, Response, Server
from triage.connectors.http import EndpointError, Garbled, Missing, Wire
from triage.connectors.rest.mapping import Listing
from triage.connectors.rest.paging import read_pages


class Shelf(Server):
    """Seven rows, three at a time, by whichever way is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[Any] = [{"id": number} for number in range(7)]
        self.stuck = False
        for method in ("GET", "POST"):
            self.route(method, "/api/rows")(self._page)

    async def _page(self, request: Request) -> Response:
        asked = {**request.query, **(request.json or {})}
        start = int(asked.get("from", 0)) or 3 * (int(asked.get("page", 1)) - 1)
        start = 0 if self.stuck else start
        more = start + 3 < len(self.rows)
        following = f"rows?from={start + 3}"
        links = f'<rows?from=0>; rel="first", <{following}>; title="a, b"; rel="next"' if more else ""
        body = {
            "rows": self.rows[start : start + 3],
            "all": len(self.rows),
            "cursor": start + 3 if more else None,
            "link": following if more else "",
        }
        return Response(body, headers={"link": links} if links else {})


@pytest.fixture
async def shelf() -> AsyncIterator[Shelf]:
    async with Shelf() as server:
        yield server


async def read(shelf: Shelf, **settings: Any) -> list[list[Any]]:
    listing = Listing(path="rows", **{"items": "rows", **settings})
    async with httpx.AsyncClient() as client:
        return await read_pages(Wire(client, f"{shelf.url}/api"), listing, 3)


WAYS: dict[str, dict[str, Any]] = {
    "cursor": {"paging": "cursor", "next": "cursor", "query": {"from": "{page.cursor}"}},
    "cursor in a body": {
        "paging": "cursor",
        "next": "cursor",
        "method": "POST",
        "body": {"from": "{page.cursor}"},
    },
    "url": {"paging": "url", "next": "link"},
    "link header": {"paging": "link-header"},
    "offset": {"paging": "offset", "query": {"from": "{page.offset}", "size": "{page.size}"}},
    "offset and total": {"paging": "offset", "query": {"from": "{page.offset}"}, "total": "all"},
    "page": {"paging": "page", "query": {"page": "{page.number}"}},
}


@pytest.mark.parametrize("way", WAYS)
async def test_every_way_reads_all(shelf: Shelf, way: str) -> None:
    pages = await read(shelf, **WAYS[way])
    assert [row["id"] for page in pages for row in page] == list(range(7))
    for asked in shelf.asked:
        if asked.method == "POST":
            assert asked.json in ({}, {"from": 3}, {"from": 6})


async def test_one_page_is_all_where_there_is_no_paging(shelf: Shelf) -> None:
    assert [len(page) for page in await read(shelf)] == [3]


@pytest.mark.parametrize("way", WAYS)
async def test_an_empty_list_is_empty(shelf: Shelf, way: str) -> None:
    shelf.rows.clear()
    assert await read(shelf, **WAYS[way]) == [[]]


@pytest.mark.parametrize("way", WAYS)
async def test_a_page_that_comes_again_ends_the_reading(shelf: Shelf, way: str) -> None:
    """As where the API takes no notice of the parameter that turns the page."""
    shelf.stuck = True
    with pytest.raises(Garbled, match=r"same (next )?page twice"):
        await read(shelf, **WAYS[way])
    assert len(shelf.asked) <= 3


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"items": "all"}, r"map\.list\.items \(`all`\) gives no list"),
        ({"items": "nowhere"}, "gives no list"),
        ({"items": "length(cursor)"}, r"map\.list\.items: `length\(cursor\)` cannot be applied"),
        ({"paging": "url", "next": "cursor"}, r"map\.list\.next \(`cursor`\) gives no URL"),
        ({**WAYS["offset"], "total": "link"}, r"map\.list\.total \(`link`\) gives no whole number"),
    ],
)
async def test_what_is_elsewhere_than_mapped_is_named(
    shelf: Shelf, settings: dict[str, Any], why: str
) -> None:
    with pytest.raises(EndpointError, match=why):
        await read(shelf, **settings)


async def test_a_next_page_on_another_host_is_not_asked(shelf: Shelf) -> None:
    with pytest.raises(Garbled, match="is not on the endpoint's own host"):
        await read(shelf, paging="url", next="'http://elsewhere.example/rows'")


async def test_an_error_status_is_an_error(shelf: Shelf) -> None:
    async with httpx.AsyncClient() as client:
        with pytest.raises(Missing, match="GET /nothing answered 404"):
            await read_pages(Wire(client, shelf.url), Listing(path="nothing"), 3)
