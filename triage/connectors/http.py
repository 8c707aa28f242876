"""HTTP to one endpoint, bounded: same host, limited time and size, JSON that keeps whole numbers whole.

Whatever goes wrong is one of the errors of ``replies``. httpx is imported with the first request or client:
a console is on the screen before it asks anybody.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urljoin, urlsplit

import msgspec
from msgspec import UNSET, UnsetType

from triage.connectors.credentials import secrets_in
from triage.connectors.in_time import asked_before
from triage.connectors.remembered import Remembered
from triage.connectors.replies import (
    Broken,
    Busy,
    Declined,
    Denied,
    EndpointError,
    Garbled,
    Interrupted,
    Missing,
    Reply,
    Unreachable,
)
from triage.model.endpoint import EndpointConfig

if TYPE_CHECKING:
    import httpx

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
CONNECTIONS = 10
"""Largest number of connections to one origin, for reading and for sending each."""
KEPT_CONNECTIONS = 3
"""Of these, how many are kept while nothing is asked: each of them is looked at for every request."""
_KEPT = 8
"""So many requests that are asked again are kept for each endpoint."""
_USER_AGENT = "triage"


class Wire:
    """Requests to one endpoint. Everything that can go wrong is an ``EndpointError``.

    ``client``: or what makes it, asked with the first request.
    """

    def __init__(
        self,
        client: httpx.AsyncClient | Callable[[], httpx.AsyncClient],
        url: str,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._client = client
        self.url = url.rstrip("/")
        self.headers = dict(headers or {})
        """Sent with every request: credentials and the operator's own headers."""
        self._secrets = secrets_in(self.headers)
        self._remembered = Remembered()
        self._kept: dict[tuple[Any, ...], httpx.Request] = {}
        """What is asked at every poll, by URL, parameters and headers: to build it is a quarter of its cost."""

    @property
    def client(self) -> httpx.AsyncClient:
        """What carries the requests."""
        if callable(self._client):
            self._client = self._client()
        return self._client

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
        again: bool = False,
    ) -> Reply:
        """The answer to one request, whatever its status.

        Args:
            path: below the endpoint's URL, or an absolute URL on the same host; its variable parts
                must have passed ``segment``.
            json: body to send; large whole numbers and floats stay as they are.
            timeout_s: for the whole exchange, connecting and reading included.
            again: a GET that is asked at every poll: where the server gives ETags it sends a body only when
                that changed, and else the same ``Reply`` object is given as before.

        Redirects are followed for GET on the same origin only; no cookies are kept.
        """
        url = self._absolute(path)
        where = f"{method} {urlsplit(url).path or '/'}"
        sent_headers = {**self.headers, **(headers or {})}
        asked = (url, *(params or {}).items())
        if again:
            sent_headers.update(self._remembered.condition(asked))
        content = None
        if json is not UNSET:
            content = msgspec.json.encode(json)
            sent_headers = {"content-type": "application/json", **sent_headers}
        try:
            async with asyncio.timeout(timeout_s):
                for _ in range(MAX_REDIRECTS + 1):
                    built = partial(self._built, method, url, params, content, sent_headers, again=again)
                    reply = await self._once(built, url, where, max_bytes)
                    if not 300 <= reply.status < 400 or reply.status == 304:
                        return self._remembered.whole(asked, reply) if again else reply
                    url, params = self._redirected(method, url, reply), None
        except TimeoutError as error:
            raise Interrupted(f"{where} gave no full answer within {timeout_s:g} s") from error
        raise Garbled(f"{where} redirects more than {MAX_REDIRECTS} times")

    def _built(
        self,
        method: str,
        url: str,
        params: Mapping[str, Any] | None,
        content: bytes | None,
        headers: Mapping[str, str],
        *,
        again: bool,
    ) -> httpx.Request:
        """The request; what is asked again and again as it was built before."""
        key = (url, *(params or {}).items(), *headers.items()) if again else ()
        if key in self._kept:
            return self._kept[key]
        request = self.client.build_request(
            method, url, params=params, content=content, headers=headers, extensions=asked_before(method)
        )
        if again:
            if len(self._kept) >= _KEPT:
                self._kept.clear()
            self._kept[key] = request
        return request

    async def _once(self, built: Callable[[], httpx.Request], url: str, where: str, max_bytes: int) -> Reply:
        import httpx

        host = urlsplit(url).netloc.rpartition("@")[2]
        try:
            response = await self.client.send(built(), stream=True)
            try:
                body = await _bounded(response, where, max_bytes)
                return Reply(response.status_code, response.headers, body, where, self.without_secrets)
            finally:
                await response.aclose()
        except (
            httpx.ConnectError,
            httpx.ConnectTimeout,
            httpx.PoolTimeout,
            httpx.UnsupportedProtocol,
        ) as error:
            raise Unreachable(f"cannot reach {host}: {_plain(error)}") from error
        except httpx.DecodingError as error:
            raise Garbled(
                f"{where} answered with a body that does not decompress: {_plain(error)}"
            ) from error
        except (httpx.TransportError, httpx.InvalidURL) as error:
            raise Interrupted(f"{where} broke off: {_plain(error)}") from error

    def without_secrets(self, text: str) -> str:
        """``text`` of a server's with our credentials taken out, should it repeat them."""
        for secret in self._secrets:
            text = text.replace(secret, "‹redacted›")
        return text

    def _absolute(self, path: str) -> str:
        if "://" not in path:
            return f"{self.url}/{path.lstrip('/')}" if path else self.url
        if not _is_on(self.url, path):
            raise Garbled(f"{path[:200]} is not on the endpoint's own host {urlsplit(self.url).netloc}")
        return path

    def _redirected(self, method: str, url: str, reply: Reply) -> str:
        location = reply.headers.get("location", "")
        try:
            target = str(urljoin(url, location))
        except ValueError:
            target = ""
        if method != "GET" or not _is_on(url, target):
            words = self.without_secrets(target or location)[:200]
            raise Garbled(
                f"{reply.where} redirects to {words or 'nowhere'}, which is not followed; "
                "set the endpoint's url to where the API really is"
            )
        return target


class Clients:
    """The HTTP clients of one process: one for all endpoints that need nothing special of TLS or proxy."""

    def __init__(self) -> None:
        self._clients: dict[tuple[str | None, ...], httpx.AsyncClient] = {}
        self._wanted = False

    def client(self, config: EndpointConfig | None = None) -> httpx.AsyncClient:
        """The client for an endpoint's TLS, proxy and socket settings."""
        key = _special(config) if config else (None,) * 5
        if key not in self._clients:
            self._clients[key] = _new_client(*key)
        return self._clients[key]

    def later(self) -> Callable[[], httpx.AsyncClient]:
        """What gives the client for endpoints that need nothing special, made when it is first asked."""
        self._wanted = True
        return self.client

    def open(self) -> None:
        """Make that client now, if any endpoint will ask for it: takes a tenth of a second, in any thread."""
        if self._wanted:
            self.client()

    @staticmethod
    def is_special(config: EndpointConfig) -> bool:
        """Whether its settings need a client of their own, which may turn out not to be possible."""
        return any(_special(config))

    async def aclose(self) -> None:
        """Close every connection."""
        for client in self._clients.values():
            await client.aclose()
        self._clients.clear()


def _special(config: EndpointConfig) -> tuple[str | None, ...]:
    return config.proxy, config.ca_file, config.client_cert, config.client_key, config.unix_socket


def segment(text: str) -> str:
    """``text`` as one segment of a path. Raises Garbled for what would change the path, such as ``..``."""
    if text in ("", ".", ".."):
        raise Garbled(f"the endpoint sent an id that cannot stand in a path: {text!r}")
    try:
        return quote(text, safe="")
    except UnicodeEncodeError as error:
        raise Garbled(f"the endpoint sent an id that is no text: {text[:40]!r}") from error


def _new_client(
    proxy: str | None,
    ca_file: str | None,
    client_cert: str | None,
    client_key: str | None,
    unix_socket: str | None,
) -> httpx.AsyncClient:
    from http.cookiejar import CookieJar, DefaultCookiePolicy

    import httpx
    import truststore

    from triage.connectors.inflating import ACCEPTED, InflatingTransport
    from triage.connectors.pools import Pools

    system = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context: ssl.SSLContext = ssl.create_default_context(cafile=ca_file) if ca_file else system
    if client_cert:
        context.load_cert_chain(client_cert, client_key)

    def pool(idle_s: float) -> httpx.AsyncBaseTransport:
        limits = httpx.Limits(
            max_connections=CONNECTIONS,
            max_keepalive_connections=KEPT_CONNECTIONS,
            keepalive_expiry=idle_s,
        )
        return httpx.AsyncHTTPTransport(verify=context, limits=limits, uds=unix_socket, proxy=proxy)

    if proxy:
        pool(0.0)  # where it cannot be used this is said now, not with the first request
    return httpx.AsyncClient(
        transport=InflatingTransport(Pools(pool)),
        timeout=httpx.Timeout(None, connect=READ_TIMEOUT_S, pool=READ_TIMEOUT_S),
        follow_redirects=False,
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        headers={"user-agent": _USER_AGENT, "accept": "application/json", "accept-encoding": ACCEPTED},
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


def _is_on(url: str, other: str) -> bool:
    """Whether ``other`` is an address at the same host as ``url``, and carries no credentials of its own."""
    try:
        return _origin(url) == _origin(other) and "@" not in urlsplit(other).netloc
    except ValueError:
        return False


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    port = {"http": ":80", "https": ":443"}.get(parts.scheme, "")
    host = parts.netloc.rpartition("@")[2].lower()
    return parts.scheme, host if host.rpartition(":")[1] and not host.endswith("]") else host + port


def _plain(error: Exception) -> str:
    return str(error) or type(error).__name__
