"""The agent card: who serves here, over which interface, and what credentials it asks for.

A2A 1.0, sections 4.4 (the card), 4.5 (security) and 8 (where it lies).
"""

from __future__ import annotations

from typing import Any
from urllib.parse import SplitResult, urlsplit, urlunsplit

import msgspec

from triage.connectors.http import EndpointError, Garbled, Wire
from triage.model.endpoint import EndpointConfig

__all__ = [
    "BINDINGS",
    "WELL_KNOWN",
    "Card",
    "Interface",
    "NotSpoken",
    "credentials",
    "read_card",
    "spoken",
    "wanted_words",
]

WELL_KNOWN = "/.well-known/agent-card.json"
BINDINGS = ("HTTP+JSON", "JSONRPC")
"""The bindings spoken here."""
_OWN_NAMES = frozenset({"localhost", "127.0.0.1", "0.0.0.0", "::1", "::"})  # noqa: S104 - names, not a bind
"""Hosts by which a server speaks of itself, of no use to anyone else."""


class NotSpoken(EndpointError):
    """An agent that offers no interface that is spoken here."""


class Interface(msgspec.Struct, frozen=True, rename="camel"):
    """One address of an agent, and what is spoken there."""

    url: str
    protocol_binding: str = ""
    protocol_version: str = ""
    tenant: str = ""

    @property
    def is_1(self) -> bool:
        return self.protocol_version.split(".")[0] == "1"


class Card(msgspec.Struct, frozen=True, rename="camel"):
    """What an agent says of itself."""

    name: str
    version: str = ""
    supported_interfaces: tuple[Interface, ...] = ()
    url: str = ""
    """Where a 0.3 agent is; a 1.x agent that serves 0.3 too says it as well."""
    protocol_version: str = ""
    """Of a 0.3 card."""
    security_schemes: dict[str, Any] = {}
    security_requirements: tuple[Any, ...] = ()
    security: tuple[Any, ...] = ()
    """The requirements on a 0.3 card."""


class _Scheme(msgspec.Struct, frozen=True):
    """One way of showing who we are."""

    kind: str
    """``bearer``, ``basic``, ``apiKey``, ``mtls`` or ``other``."""
    words: str
    """What it is and how to set it, for the operator."""
    place: str = ""
    """Of an API key: ``header``, ``query`` or ``cookie``."""
    name: str = ""
    """Of an API key: the header, parameter or cookie."""


def read_card(raw: Any) -> Card:
    """The card in ``raw``. Raises Garbled when it is none."""
    if not isinstance(raw, dict) or not ({"supportedInterfaces", "url"} & set(raw)):
        raise Garbled("what answers there is no agent card: it names no interface")
    known = {name: value for name, value in raw.items() if value is not None}
    try:
        return msgspec.convert(known, Card)
    except msgspec.ValidationError as error:
        raise Garbled(f"the agent card cannot be read: {error}") from error


def spoken(card: Card, base: str) -> Interface:
    """The first 1.x interface of a binding spoken here, its URL as it is reached from ``base``.

    Raises NotSpoken, saying what the agent offers instead and what to do.
    """
    for interface in card.supported_interfaces:
        if interface.is_1 and interface.protocol_binding in BINDINGS:
            return msgspec.structs.replace(interface, url=_reached(interface, base))
    if not card.supported_interfaces or all(
        one.protocol_version.startswith("0.") for one in card.supported_interfaces
    ):
        version = card.protocol_version or "0.3"
        raise NotSpoken(
            f"{card.name} speaks A2A {version} only, which cannot list what waits: nothing of it can be "
            "shown here until the agent offers A2A 1.0"
        )
    offered = ", ".join(f"{one.protocol_binding} {one.protocol_version}" for one in card.supported_interfaces)
    raise NotSpoken(
        f"{card.name} offers {offered}; spoken here are {' and '.join(BINDINGS)} of A2A 1.x: have the agent "
        "serve one of them too"
    )


def credentials(card: Card, wire: Wire, config: EndpointConfig) -> tuple[dict[str, str], dict[str, str]]:
    """The headers and the query parameters that carry our credentials as the card asks for them.

    A token that is configured with no word on where it goes, and that would go out as a bearer token, is
    moved to where the card wants an API key. What the operator did say is left as it is.
    """
    headers = dict(wire.headers)
    bearer = next((name for name in headers if name.lower() == "authorization"), None)
    has_token = any((config.token_env, config.token_command, config.token_keyring))
    plain = config.token_header.lower() == "authorization" and config.basic_user is None
    ways = _ways(card)
    if bearer is None or not (has_token and plain) or any(_takes(way, "bearer") for way in ways):
        return headers, {}
    keys = [way[0] for way in ways if _takes(way, "apiKey")]
    if not keys or keys[0].name.lower() in {name.lower() for name in headers}:
        return headers, {}
    token = headers.pop(bearer).partition(" ")[2]
    if keys[0].place == "query":
        return headers, {keys[0].name: token}
    if keys[0].place == "cookie":
        return {**headers, "Cookie": f"{keys[0].name}={token}"}, {}
    return {**headers, keys[0].name: token}, {}


def wanted_words(card: Card) -> str:
    """The credentials an agent asks for, in words; empty when its card asks for none."""
    return ", or ".join(" and ".join(scheme.words for scheme in way) for way in _ways(card) if way)


def _takes(way: tuple[_Scheme, ...], kind: str) -> bool:
    return len(way) == 1 and way[0].kind == kind


def _ways(card: Card) -> list[tuple[_Scheme, ...]]:
    """The sets of schemes of which any one is enough; each scheme by itself where none is required."""
    schemes = {name: _scheme(raw) for name, raw in card.security_schemes.items() if isinstance(raw, dict)}
    named = [list(_names(raw)) for raw in card.security_requirements or card.security]
    if not named:
        return [(scheme,) for scheme in schemes.values()]
    return [tuple(schemes[name] for name in names if name in schemes) for names in named]


def _names(requirement: Any) -> dict[str, Any]:
    """The names in one requirement: ``{"schemes": {name: …}}``, or ``{name: […]}`` on a 0.3 card."""
    found = requirement.get("schemes", requirement) if isinstance(requirement, dict) else None
    return found if isinstance(found, dict) else {}


def _scheme(raw: dict[str, Any]) -> _Scheme:
    """A scheme as 1.0 writes it, ``{"apiKeySecurityScheme": {…}}``, or as 0.3, ``{"type": "apiKey"}``."""
    own = next((value for name, value in raw.items() if name.endswith("SecurityScheme")), raw)
    own = own if isinstance(own, dict) else {}
    kind = next((name for name in raw if name.endswith("SecurityScheme")), "") or str(raw.get("type", ""))
    kind = kind.removesuffix("SecurityScheme").lower()
    if kind == "apikey":
        place, name = str(own.get("location") or own.get("in") or "header"), str(own.get("name", ""))
        return _Scheme("apiKey", f"an API key in the {place} {name} (token_env)", place, name)
    if kind in ("http", "httpauth"):
        return _http_scheme(str(own.get("scheme", "")))
    if kind in ("oauth2", "openidconnect"):
        return _Scheme("bearer", "an OAuth access token (token_command prints one)")
    if kind in ("mtls", "mutualtls"):
        return _Scheme("mtls", "a client certificate (client_cert)")
    return _Scheme("other", f"credentials of a kind not known here ({kind or 'unnamed'}; headers)")


def _http_scheme(scheme: str) -> _Scheme:
    if scheme.lower() == "bearer":
        return _Scheme("bearer", "a bearer token (token_env)")
    if scheme.lower() == "basic":
        return _Scheme("basic", "a user name and password (basic_user)")
    return _Scheme("other", f"HTTP authentication {scheme} (headers)")


def _reached(interface: Interface, base: str) -> str:
    """The interface's URL, on the host that the card came from where it only names the server itself."""
    own, ours = urlsplit(interface.url), urlsplit(base)
    if _origin(own) == _origin(ours):
        return interface.url
    if (own.hostname or "") in _OWN_NAMES:
        return urlunsplit((ours.scheme, ours.netloc, own.path, "", ""))
    raise NotSpoken(
        f"the agent card at {base} names another host, {interface.url[:200]}: to have it asked, and given "
        f'this endpoint\'s credentials, set url = "{interface.url[:200]}" and '
        f'binding = "{interface.protocol_binding}"'
    )


def _origin(parts: SplitResult) -> tuple[str, str, int | None]:
    default = {"http": 80, "https": 443}.get(parts.scheme)
    try:
        port = parts.port
    except ValueError as error:
        raise NotSpoken(f"the agent card names an address that is none: {parts.netloc[:200]}") from error
    return parts.scheme, parts.hostname or "", port or default
