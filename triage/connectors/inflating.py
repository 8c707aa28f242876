"""Compressed answers, unpacked a little at a time: however far a bomb would swell, it is noticed early."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator

import httpx

__all__ = ["ACCEPTED", "InflatingTransport"]

ACCEPTED = "gzip, deflate"
"""What we say that we take; a server that sends another encoding is not read."""
PIECE_BYTES = 1 << 16


class InflatingTransport(httpx.AsyncBaseTransport):
    """Answers of ``inner`` without their compression.

    httpx unpacks each piece whole, and one encoding within another: a few kilobytes could fill the memory.
    """

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The answer. Raises httpx.DecodingError where it is compressed in a way that was not asked for."""
        response = await self._inner.handle_async_request(request)
        encodings = [
            each.strip().lower()
            for each in response.headers.get("content-encoding", "").split(",")
            if each.strip()
        ]
        if encodings in ([], ["identity"]):
            return response
        if len(encodings) > 1 or encodings[0] not in ("gzip", "x-gzip", "deflate"):
            await response.aclose()
            raise httpx.DecodingError(f"it is compressed as {', '.join(encodings)}", request=request)
        kept = [(key, value) for key, value in response.headers.raw if key.lower() not in _OF_PACKING]
        return httpx.Response(
            response.status_code,
            headers=kept,
            stream=_Inflated(response, request),
            extensions=response.extensions,
        )

    async def aclose(self) -> None:
        """Close every connection."""
        await self._inner.aclose()


_OF_PACKING = frozenset({b"content-encoding", b"content-length"})
_EITHER = zlib.MAX_WBITS | 32
"""gzip and zlib, told apart by their first bytes."""


class _Inflated(httpx.AsyncByteStream):
    """The unpacked body, in pieces of bounded size."""

    def __init__(self, packed: httpx.Response, request: httpx.Request) -> None:
        self._packed = packed
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        inflater = zlib.decompressobj(_EITHER)
        first = True
        async for piece in self._packed.aiter_raw():
            if first and piece:
                inflater, first = _inflater_for(piece), False
            while piece:
                try:
                    yield inflater.decompress(piece, PIECE_BYTES)
                except zlib.error as error:
                    raise httpx.DecodingError(str(error), request=self._request) from error
                piece = inflater.unconsumed_tail
        if not first and not inflater.eof:
            raise httpx.DecodingError("it ends too soon", request=self._request)

    async def aclose(self) -> None:
        """Done with it."""
        await self._packed.aclose()


def _inflater_for(head: bytes) -> zlib._Decompress:
    """Some servers call a bare deflate stream ``deflate``, without the zlib frame that it should have."""
    try:
        zlib.decompressobj(_EITHER).decompress(head, 1)
    except zlib.error:
        return zlib.decompressobj(-zlib.MAX_WBITS)
    return zlib.decompressobj(_EITHER)
