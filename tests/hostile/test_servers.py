"""Hostile servers: whatever one sends is bounded, refused and said; it gets no credential it should not have."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.hostile.servers import HostileServer, Write, plain_reply
from triage.connectors.credentials import plain_http_warning
from triage.connectors.http import (
    Broken,
    Busy,
    Clients,
    EndpointError,
    Garbled,
    Interrupted,
    Unreachable,
    Wire,
    segment,
)
from triage.connectors.opening import open_wire
from triage.model.endpoint import EndpointConfig

SECRET = "marker-bearer-0123456789"
CERTIFICATE = Path(__file__).parent / "certificate" / "cert.pem"
KEY = CERTIFICATE.with_name("key.pem")
LATE_S = 0.4


@contextlib.asynccontextmanager
async def wire_to(url: str) -> AsyncIterator[Wire]:
    clients = Clients()
    try:
        yield Wire(clients.client(), url, {"Authorization": f"Bearer {SECRET}"})
    finally:
        await clients.aclose()


async def _json(wire: Wire, timeout_s: float) -> Any:
    return (await wire.get("/x", timeout_s=timeout_s)).json


async def refused(write: Write | bytes, *, timeout_s: float = 5.0) -> EndpointError:
    """What comes of one request to such a server."""
    async with HostileServer(write) as server, wire_to(server.url) as wire:
        with pytest.raises(EndpointError) as caught:
            await _json(wire, timeout_s)
    assert SECRET not in str(caught.value)
    return caught.value


def reply(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    return plain_reply(body, status, *headers)


def redirect(location: str, *headers: str) -> bytes:
    return reply(b"", f"location: {location}", *headers, status="302 Found")


# -- redirects ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "location",
    [
        "http://{other}/take",
        "//{other}/take",
        "http://{here}@{other}/take",
        "http://user:word@{here}/take",
        "http://{here}\\@{other}/take",
        "https://{here}/take",
        "http://{here}.evil.test/take",
        "http://localhost/take",
        "http://[::1",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "http://{here}:99999/take",
        "\thttp://{other}/take",
    ],
)
async def test_a_redirect_off_the_host_is_not_followed(location: str) -> None:
    async with HostileServer(reply(b"{}")) as other, HostileServer(b"") as server:
        hosts = {"here": server.url.partition("//")[2], "other": other.url.partition("//")[2]}
        server.write = redirect(location.format(**hosts))
        async with wire_to(server.url) as wire:
            with pytest.raises(
                (Garbled, Interrupted), match=r"redirects to .*not followed|broke off: .*(location|absolute)"
            ):
                await wire.get("/x")
    assert other.heads == []
    assert len(server.heads) == 1


async def test_a_redirect_that_repeats_the_credentials_does_not_show_them() -> None:
    error = await refused(redirect(f"http://evil.test/?key={SECRET}"))
    assert "‹redacted›" in str(error)


async def test_a_decision_is_never_redirected() -> None:
    async with HostileServer(redirect("/y")) as server, wire_to(server.url) as wire:
        with pytest.raises(Garbled, match="not followed"):
            await wire.post("/x", {"verb": "approve"})
    assert len(server.heads) == 1


async def test_cookies_are_neither_kept_nor_sent() -> None:
    body = reply(
        b"{}", "set-cookie: session=1; Path=/", "set-cookie: b=2; Domain=127.0.0.1", "connection: close"
    )
    async with HostileServer(body) as server, wire_to(server.url) as wire:
        for _ in range(3):
            await wire.get("/x")
    assert len(server.heads) == 3
    assert not [head for head in server.heads if b"cookie" in head.lower()]


# -- bodies without end, slowly, swelling ---------------------------------------------------------


async def _endless(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"10000\r\n" + b"[" * 0x10000 + b"\r\n")
        await writer.drain()


async def _slowly(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.02)


async def _slow_head(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"x-a: b\r\n")
        await writer.drain()
        await asyncio.sleep(0.02)


async def _endless_head(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"x-a: " + b"b" * 60_000 + b"\r\n")
        await writer.drain()


async def _silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()


async def _continuing(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100)
        await writer.drain()
        await asyncio.sleep(0)


@pytest.mark.parametrize("write", [_slowly, _slow_head, _silent, _continuing])
async def test_who_never_comes_to_an_end_is_given_up(write: Write) -> None:
    began = asyncio.get_running_loop().time()
    error = await refused(write, timeout_s=LATE_S)
    assert isinstance(error, Interrupted)
    assert asyncio.get_running_loop().time() - began < 5 * LATE_S


async def test_a_head_without_end_is_given_up() -> None:
    assert isinstance(await refused(_endless_head), Interrupted)


@contextlib.contextmanager
def memory_within(most: int) -> Iterator[None]:
    """No more than this may be held at any moment."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < most
    finally:
        tracemalloc.stop()


def gzipped(size: int, times: int = 1) -> bytes:
    data = zlib.compress(b"\0", 9)
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    data = b"".join(packer.compress(b" " * (1 << 20)) for _ in range(size >> 20)) + packer.flush()
    for _ in range(times - 1):
        data = gzip.compress(data, mtime=0)
    return data


BOMB = gzipped(400 << 20)
"""400 MiB in 400 KB."""


@pytest.mark.parametrize(
    ("headers", "body", "words"),
    [
        (["content-encoding: gzip"], BOMB, "more than 32 MiB"),
        (["content-encoding: deflate"], zlib.compress(b" " * (64 << 20)), "more than 32 MiB"),
        (["content-encoding: gzip, gzip"], gzip.compress(BOMB, mtime=0), "compressed as gzip, gzip"),
        (
            ["content-encoding: gzip", "content-encoding: gzip"],
            gzip.compress(BOMB, mtime=0),
            "compressed as gzip, gzip",
        ),
        (["content-encoding: br"], BOMB, "compressed as br"),
        (["content-encoding: zstd"], BOMB, "compressed as zstd"),
        (["content-encoding: gzip"], b"no gzip at all", "does not decompress"),
        (["content-encoding: gzip"], gzip.compress(b"[1, 2, 3]" * 999, mtime=0)[:-20], "does not decompress"),
        ([], b"[" + b" " * (50 << 20) + b"]", "more than 32 MiB"),
    ],
    ids=["gzip", "deflate", "twice", "twice in two headers", "br", "zstd", "none", "cut off", "50 MB"],
)
async def test_what_swells_is_not_read_whole(headers: list[str], body: bytes, words: str) -> None:
    with memory_within(200 << 20):
        error = await refused(reply(body, *headers))
    assert isinstance(error, Garbled)
    assert words in str(error)


async def test_a_body_without_end_is_not_read_whole() -> None:
    with memory_within(150 << 20):
        error = await refused(_endless)
    assert "more than 32 MiB" in str(error)


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("gzip", gzip.compress(b'{"a":[1,2.0]}', mtime=0)),
        ("x-gzip", gzip.compress(b'{"a":[1,2.0]}', mtime=0)),
        ("deflate", zlib.compress(b'{"a":[1,2.0]}')),
        ("deflate", zlib.compress(b'{"a":[1,2.0]}', wbits=-15)),
        ("identity", b'{"a":[1,2.0]}'),
        ("GZIP", gzip.compress(b'{"a":[1,2.0]}', mtime=0)),
    ],
)
async def test_honest_compression_is_read(encoding: str, packed: bytes) -> None:
    async with (
        HostileServer(reply(packed, f"content-encoding: {encoding}")) as server,
        wire_to(server.url) as wire,
    ):
        assert (await wire.get("/x")).json == {"a": [1, 2.0]}
    assert b"accept-encoding: gzip, deflate\r\n" in server.heads[0].lower()


# -- what is no JSON ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<!doctype html><p>Log in</p>", "HTML page"),
        (b"", "empty body"),
        (b"\xff\xfe{}", "not JSON"),
        (b"[" * 10_000 + b"]" * 10_000, "nested too deep"),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "nested too deep"),
        (b"[1,2", "not JSON"),
        (b"[NaN, Infinity]", "not JSON"),
        (b"{} {}", "not JSON"),
        (b"\x1b]0;owned\x07", "not JSON"),
        (b'"\xed\xa0\x80"', "not JSON"),
    ],
)
async def test_what_is_no_json_is_said_so(body: bytes, words: str) -> None:
    assert words in str(await refused(reply(body, "content-type: text/\x1b[2J")))


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'"\\ud800"', "\ufffd"),
        (b'{"\\udfff a":"b\\uDBFF"}', {"\ufffd a": "b\ufffd"}),
        (b'"\\ud83d\\ude00 \\ud83d"', "😀 \ufffd"),
        (b'"\\\\ud800 \\ud800"', "\\ud800 \ufffd"),
        (b'"\\ud800\\ud800\\udc00"', "\ufffd\U00010000"),
    ],
)
async def test_half_a_surrogate_pair_spoils_nothing_else(body: bytes, value: object) -> None:
    async with HostileServer(reply(body)) as server, wire_to(server.url) as wire:
        assert (await wire.get("/x")).json == value


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\x00" * 4096,
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 9\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffffffff\r\n{}",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n{}",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked, gzip\r\n\r\n",
        b"HTTP/1.1 999 What\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n bad: folded\r\n\r\n",
    ],
    ids=lambda answer: answer[:60].decode("latin-1").encode("unicode_escape").decode(),
)
async def test_what_is_no_http_is_an_error_in_words(answer: bytes) -> None:
    error = await refused(answer, timeout_s=1.0)
    assert isinstance(error, EndpointError)
    assert str(error)


@pytest.mark.parametrize(
    "value", ["1e999", "nan", "inf", "-5", "99999999999", "Fri, 31 Dec 9999 23:59:59 GMT", "soon"]
)
async def test_a_pause_that_never_ends_is_not_granted(value: str) -> None:
    from triage.desk.pace import MAX_WISHED_S

    error = await refused(reply(b"", f"retry-after: {value}", status="429 Too Many Requests"))
    assert isinstance(error, Busy)
    wished = error.retry_after_s or 0.0
    assert 0.0 <= min(wished, MAX_WISHED_S) <= 3600.0


# -- credentials repeated, ids that would change the path -----------------------------------------


async def test_a_server_that_repeats_the_credentials_is_not_quoted() -> None:
    async def echo(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        body = msgspec.json.encode({"detail": f"bad token Bearer {SECRET} ({SECRET})"})
        writer.write(reply(body, status="500 No"))
        await writer.drain()

    error = await refused(echo)
    assert isinstance(error, Broken)
    assert "bad token ‹redacted› (‹redacted›)" in str(error)


@pytest.mark.parametrize("text", ["", ".", "..", "\ud800"])
def test_ids_that_cannot_stand_in_a_path_are_refused(text: str) -> None:
    with pytest.raises(Garbled):
        segment(text)


@pytest.mark.parametrize(
    "text", ["../../admin", "a/b", "a?b=c", "a#b", "a\r\nx-evil: 1", "%2e%2e", "http://evil.test/", "a\\b"]
)
async def test_ids_stay_one_segment_of_the_path(text: str) -> None:
    async with HostileServer(reply(b"{}", "connection: close")) as server, wire_to(server.url) as wire:
        await wire.get(f"items/{segment(text)}")
    target = server.heads[0].split(b" ")[1]
    assert target.startswith(b"/items/")
    assert target.count(b"/") == 2
    assert b"x-evil" not in server.heads[0].partition(b"\r\n")[2]


# -- TLS ------------------------------------------------------------------------------------------


def _settings(url: str, **more: str) -> EndpointConfig:
    return EndpointConfig(name="a", kind="rest", url=url, **more)  # type: ignore[arg-type]


async def test_a_certificate_that_nobody_vouches_for_is_refused_before_anything_is_sent() -> None:
    clients = Clients()
    async with HostileServer(reply(b"{}"), certificate=(CERTIFICATE, KEY)) as server:
        with pytest.raises(Unreachable, match="certificate"):
            await open_wire(_settings(server.url), clients).get("/x")
    assert server.heads == []
    await clients.aclose()


async def test_the_authority_that_the_operator_names_is_believed() -> None:
    clients = Clients()
    async with HostileServer(reply(b"[7]"), certificate=(CERTIFICATE, KEY)) as server:
        wire = open_wire(_settings(server.url, ca_file=str(CERTIFICATE)), clients)
        assert (await wire.get("/x")).json == [7]
    await clients.aclose()


async def test_another_name_than_the_certificates_is_refused() -> None:
    clients = Clients()
    async with HostileServer(reply(b"[7]"), certificate=(CERTIFICATE, KEY)) as server:
        url = server.url.replace("127.0.0.1", "127.0.0.2")
        wire = open_wire(_settings(url, ca_file=str(CERTIFICATE)), clients)
        with pytest.raises(Unreachable):
            await wire.get("/x")
    assert server.heads == []
    await clients.aclose()


def test_credentials_over_plain_http_are_warned_of_unless_they_stay_here() -> None:
    assert "unencrypted" in plain_http_warning(_settings("http://agents.example", token_env="X"))
    assert not plain_http_warning(_settings("http://127.0.0.1:8000", token_env="X"))
    assert not plain_http_warning(_settings("https://agents.example", token_env="X"))
