"""An endpoint: one configured agent server, and how it fares."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

import msgspec

from triage.model.reason import ReadyReason

__all__ = ["POLL_S", "EndpointConfig", "Health", "HealthState"]


POLL_S = 5.0


class EndpointConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every endpoint may have set, whatever its kind. A connector's own ``Config`` adds to it."""

    name: str
    """Taken from the table's name: ``[endpoints.NAME]``."""
    kind: str
    """Which connector speaks to it, for instance ``langgraph``."""
    url: str
    """Where it is, with its path prefix; no query."""
    poll_s: float = POLL_S
    """Seconds between two polls while it answers. Half of it for a while after something changed there."""
    poll_idle_s: float | None = None
    """Longest pause between two polls while nothing changes there: it grows to a tenth of the quiet time. Default:
    four times ``poll_s``, at most 30."""
    token_env: str | None = None
    """Environment variable that holds the token."""
    token_command: list[str] | None = None
    """Command that prints the token; run without a shell when the endpoint is first asked."""
    token_keyring: str | None = None
    """``SERVICE/USER`` in the system's keyring (needs the ``keyring`` extra)."""
    token_header: str = "Authorization"
    """Header that carries the token; ``Authorization`` gets ``Bearer`` before it."""
    basic_user: str | None = None
    """User name for HTTP basic authentication; the token is then its password."""
    headers: dict[str, str] = {}
    """Further request headers. A value ``$NAME`` or ``${NAME}`` is read from the environment."""
    proxy: str | None = None
    """Proxy URL, ``http://`` or ``socks5://``."""
    ca_file: str | None = None
    """PEM file of the authority that signed the server's certificate; default: the system's."""
    client_cert: str | None = None
    """PEM file of the client certificate."""
    client_key: str | None = None
    """PEM file of the client certificate's key; default: in ``client_cert``."""
    unix_socket: str | None = None
    """Path of a Unix socket to connect to instead of the URL's host."""
    reasons: dict[str, list[str | ReadyReason]] = {}
    """Verb → reasons offered for its items instead of those at the top of the file."""
    redact: list[str] = []
    """Arguments that are shown, logged and given to programs as ``‹redacted›``, such as ``args.card.number``; what
    you leave so is sent as the agent proposed it. A step goes into every element of a list."""

    @property
    def longest_poll_s(self) -> float:
        """Seconds of the longest pause while it answers."""
        return self.poll_idle_s or max(self.poll_s, min(4 * self.poll_s, 30.0))

    def faults(self) -> Iterable[tuple[tuple[str, ...], str]]:
        """What is wrong although each setting has its type: the keys within the endpoint's table, and why.

        For a connector's own ``Config`` to say, when the configuration is read; the sentence goes on after
        the key's name: ``must be 1 or more``.
        """
        return ()


class HealthState(StrEnum):
    """How an endpoint fares."""

    NEW = "new"
    """Not asked yet."""
    OK = "ok"
    DEGRADED = "degraded"
    """It answers, but some of what it sent could not be read."""
    FAILING = "failing"
    """The last poll failed; it is asked again, ever less often."""
    DENIED = "denied"
    """It refuses our credentials; asked again only on the operator's word or every 2 minutes."""


class Health(msgspec.Struct, frozen=True, omit_defaults=True):
    """How one endpoint fares, in words where it is not well."""

    endpoint: str
    state: HealthState = HealthState.NEW
    detail: str = ""
    """What is wrong and what to do, for the operator."""
    since: datetime | None = None
    """When this state began."""
    version: str = ""
    """What the server says of its version."""
    warning: str = ""
    """What is to be said of that version, such as that it was not tested."""
    waiting: int = 0
    """Items that wait there, as of the last poll that succeeded."""
