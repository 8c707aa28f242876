"""HTTP to one endpoint, bounded: same host, limited time and size, JSON that keeps whole numbers whole.

EndpointError
├── Unreachable    no connection was made: nothing was sent
├── Interrupted    time ran out or the connection broke: it may have been acted on
├── Garbled        an answer that cannot be read: HTML, broken JSON, too large, a redirect away
└── Declined       an answer with an error status
    ├── Denied     401, 403: our credentials are missing, wrong or not enough
    ├── Missing    404, 410: there is no such thing there
    ├── Busy       429, 503: asked too often, or overloaded; may say when to come back
    └── Broken     any other 5xx
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import httpx
import msgspec
from msgspec import UNSET, UnsetType

from triage.model.endpoint import EndpointConfig

__all__ = [
    "Broken",
    "Busy",
    "Clients",
    "Declined",
    "Denied",
    "EndpointError",
    "Garbled",
    "Interrupted",
    "Missing",
    "Reply",
    "Unreachable",
    "Wire",
    "segment",
]

READ_TIMEOUT_S = 10.0
"""Time for one request, from connecting to the last byte, unless the caller says otherwise."""
MAX_BODY_BYTES = 32 * 1024 * 1024
"""Largest body that is read, after decompression."""
MAX_REDIRECTS = 3
KEEP_ALIVE_S = 3.0
"""Idle connections are given up before servers do (many after 5 s), so that no request meets one just closed."""
_USER_AGENT = "triage"


class EndpointError(Exception):
    """What went wrong between us and an endpoint; its text is meant for the operator."""


class Unreachable(EndpointError):
    """No connection was made: nothing was sent."""


class Interrupted(EndpointError):
    """Time ran out or the connection broke after something may have been sent."""


class Garbled(EndpointError):
    """An answer that cannot be read."""


class Declined(EndpointError):
    """An answer with an error status."""

    def __init__(self, message: str, reply: Reply) -> None:
        super().__init__(message)
        self.reply = reply


class Denied(Declined):
    """401 or 403."""


class Missing(Declined):
    """404 or 410."""


class Busy(Declined):
    """429 or 503; ``retry_after_s`` where the server says it."""

    @property
    def retry_after_s(self) -> float | None:
        return _retry_after_s(self.reply.headers.get("retry-after"))


class Broken(Declined):
    """A 5xx other than 503."""


class Reply:
    """One answer, read whole."""

    def __init__(self, status: int, headers: httpx.Headers, content: bytes, where: str) -> None:
        self.status = status
        self.headers = headers
        self.content = content
        self.where = where
        """Method and path, for messages."""

    @property
    def json(self) -> Any:
        """The decoded body. Raises Garbled when it is not JSON."""
        return self.decode(Any)

    def decode(self, shape: Any) -> Any:
        """The body as ``shape``, a msgspec type. Raises Garbled, naming what is wrong and where."""
        try:
            return msgspec.json.decode(self.content, type=shape)
        except msgspec.ValidationError as error:
            raise Garbled(f"{self.where} answered {self.status} with unexpected data: {error}") from error
        except RecursionError as error:
            raise Garbled(f"{self.where} answered with JSON nested too deep to read") from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Garbled(
                f"{self.where} answered {self.status} with {self._looks_like()}, not JSON"
            ) from error

    def raise_for_status(self) -> Reply:
        """Itself when the status is below 300; else the error that fits."""
        if self.status < 300:
            return self
        message = f"{self.where} answered {self.status}{self._words()}"
        if self.status in (401, 403):
            raise Denied(f"{message}; check this endpoint's credentials", self)
        if self.status in (404, 410):
            raise Missing(message, self)
        if self.status in (429, 503):
            raise Busy(message, self)
        raise (Broken if self.status >= 500 else Declined)(message, self)

    def _words(self) -> str:
        """What the error body says, shortened: ``: Thread not found``; nothing where it says nothing."""
        try:
            body = msgspec.json.decode(self.content)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return ""
        for key in ("detail", "message", "error", "title"):
            if isinstance(body, dict) and body.get(key):
                found = body[key]
                found = found.get("message", found) if isinstance(found, dict) else found
                text = found if isinstance(found, str) else msgspec.json.encode(found).decode()
                return f": {text[:300]}"
        return ""

    def _looks_like(self) -> str:
        head = self.content[:200].lstrip().lower()
        if not head:
            return "an empty body"
        if head.startswith((b"<!doctype", b"<html", b"<head", b"<body")):
            return "an HTML page (is the URL that of the API?)"
        return f"{self.headers.get('content-type', 'data of no stated type')} that does not parse"


class Wire:
    """Requests to one endpoint. Everything that can go wrong is an ``EndpointError``."""

    def __init__(self, client: httpx.AsyncClient, url: str, headers: Mapping[str, str] | None = None) -> None:
        self.client = client
        self.url = url.rstrip("/")
        self.headers = dict(headers or {})
        """Sent with every request: credentials and the operator's own headers."""

    async def get(self, path: str, *, params: Mapping[str, Any] | None = None, **more: Any) -> Reply:
        """GET ``path``; raises for an error status."""
        return (await self.request("GET", path, params=params, **more)).raise_for_status()

    async def post(self, path: str, json: Any | UnsetType = UNSET, **more: Any) -> Reply:
        """POST ``json`` to ``path``; raises for an error status."""
        return (await self.request("POST", path, json=json, **more)).raise_for_status()

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any | UnsetType = UNSET,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = READ_TIMEOUT_S,
        max_bytes: int = MAX_BODY_BYTES,
    ) -> Reply:
        """The answer to one request, whatever its status.

        Args:
            path: below the endpoint's URL, or an absolute URL on the same host; its variable parts
                must have passed ``segment``.
            json: body to send; large whole numbers and floats stay as they are.
            timeout_s: for the whole exchange, connecting and reading included.

        Redirects are followed for GET on the same origin only; no cookies are kept.
        """
        url = self._absolute(path)
        where = f"{method} {urlsplit(url).path or '/'}"
        sent_headers = {**self.headers, **(headers or {})}
        content = None
        if json is not UNSET:
            content = msgspec.json.encode(json)
            sent_headers = {"content-type": "application/json", **sent_headers}
        try:
            async with asyncio.timeout(timeout_s):
                for _ in range(MAX_REDIRECTS + 1):
                    reply = await self._once(method, url, where, params, content, sent_headers, max_bytes)
                    if not 300 <= reply.status < 400 or reply.status == 304:
                        return reply
                    url, params = self._redirected(method, url, reply), None
        except TimeoutError as error:
            raise Interrupted(f"{where} gave no full answer within {timeout_s:g} s") from error
        raise Garbled(f"{where} redirects more than {MAX_REDIRECTS} times")

    async def _once(
        self,
        method: str,
        url: str,
        where: str,
        params: Mapping[str, Any] | None,
        content: bytes | None,
        headers: Mapping[str, str],
        max_bytes: int,
    ) -> Reply:
        host = urlsplit(url).netloc.rpartition("@")[2]
        try:
            async with self.client.stream(
                method, url, params=params, content=content, headers=headers
            ) as response:
                body = await _bounded(response, where, max_bytes)
                return Reply(response.status_code, response.headers, body, where)
        except (
            httpx.ConnectError,
            httpx.ConnectTimeout,
            httpx.PoolTimeout,
            httpx.UnsupportedProtocol,
        ) as error:
            raise Unreachable(f"cannot reach {host}: {_plain(error)}") from error
        except httpx.DecodingError as error:
            raise Garbled(f"{where} answered with a body that does not decompress") from error
        except (httpx.TransportError, httpx.InvalidURL) as error:
            raise Interrupted(f"{where} broke off: {_plain(error)}") from error

    def _absolute(self, path: str) -> str:
        if "://" not in path:
            return f"{self.url}/{path.lstrip('/')}" if path else self.url
        if _origin(path) != _origin(self.url):
            raise Garbled(f"{path} is not on the endpoint's own host {_origin(self.url)[1]}")
        return path

    def _redirected(self, method: str, url: str, reply: Reply) -> str:
        target = str(urljoin(url, reply.headers.get("location", "")))
        if method != "GET" or _origin(target) != _origin(url):
            raise Garbled(
                f"{reply.where} redirects to {target[:200]}, which is not followed; "
                "set the endpoint's url to where the API really is"
            )
        return target


class Clients:
    """The HTTP clients of one process: one for all endpoints that need nothing special of TLS or proxy."""

    def __init__(self) -> None:
        self._clients: dict[tuple[str | None, ...], httpx.AsyncClient] = {}

    def client(self, config: EndpointConfig | None = None) -> httpx.AsyncClient:
        """The client for an endpoint's TLS, proxy and socket settings."""
        key = (
            (config.proxy, config.ca_file, config.client_cert, config.client_key, config.unix_socket)
            if config
            else (None,) * 5
        )
        if key not in self._clients:
            self._clients[key] = _new_client(*key)
        return self._clients[key]

    async def aclose(self) -> None:
        """Close every connection."""
        for client in self._clients.values():
            await client.aclose()
        self._clients.clear()


def segment(text: str) -> str:
    """``text`` as one segment of a path. Raises Garbled for what would change the path, such as ``..``."""
    if text in ("", ".", ".."):
        raise Garbled(f"the endpoint sent an id that cannot stand in a path: {text!r}")
    return quote(text, safe="")


def _new_client(
    proxy: str | None,
    ca_file: str | None,
    client_cert: str | None,
    client_key: str | None,
    unix_socket: str | None,
) -> httpx.AsyncClient:
    import truststore

    system = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context: ssl.SSLContext = ssl.create_default_context(cafile=ca_file) if ca_file else system
    if client_cert:
        context.load_cert_chain(client_cert, client_key)
    limits = httpx.Limits(max_connections=200, max_keepalive_connections=100, keepalive_expiry=KEEP_ALIVE_S)
    return httpx.AsyncClient(
        transport=httpx.AsyncHTTPTransport(verify=context, limits=limits, uds=unix_socket, proxy=proxy),
        timeout=httpx.Timeout(None, connect=READ_TIMEOUT_S, pool=READ_TIMEOUT_S),
        follow_redirects=False,
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        headers={"user-agent": _USER_AGENT, "accept": "application/json"},
        trust_env=False,
    )


async def _bounded(response: httpx.Response, where: str, max_bytes: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.aiter_bytes():
        size += len(chunk)
        if size > max_bytes:
            raise Garbled(f"{where} answered with more than {max_bytes // 2**20} MiB; not read further")
        chunks.append(chunk)
    return b"".join(chunks)


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    port = {"http": ":80", "https": ":443"}.get(parts.scheme, "")
    host = parts.netloc.rpartition("@")[2].lower()
    return parts.scheme, host if host.rpartition(":")[1] and not host.endswith("]") else host + port


def _plain(error: Exception) -> str:
    return str(error) or type(error).__name__


def _retry_after_s(value: str | None) -> float | None:
    """Seconds from a ``Retry-After`` header: a number or a date (RFC 9110, section 10.2.3)."""
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return None
