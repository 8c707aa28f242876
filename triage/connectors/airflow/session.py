"""Requests with a token: the one that is configured, or one got for a user name and password and renewed."""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
import time
from collections.abc import Mapping
from typing import Any

import msgspec

from triage.connectors.credentials import CredentialError, read_token
from triage.connectors.http import EndpointError, Garbled, Reply, Wire
from triage.model.endpoint import EndpointConfig

__all__ = ["AirflowConfig", "NotLoggedIn", "Session"]

_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")  # RFC 6750, section 2.1
RENEW_BEFORE_S = 60.0
"""A token that is to end sooner than this, or than a tenth of its life, is renewed first."""


class AirflowConfig(EndpointConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of an Airflow server."""

    user: str | None = None
    """User name to log in with; ``token_env``, ``token_command`` or ``token_keyring`` then gives the
    password. Without it they give a token."""

    def faults(self) -> list[tuple[tuple[str, ...], str]]:
        """A user without a password, or with two."""
        if self.user is None:
            return []
        if self.basic_user is not None:
            return [(("basic_user",), "cannot go with user: Airflow takes a token, which user logs in for")]
        if self.token_env is None and self.token_command is None and self.token_keyring is None:
            where = "token_env, token_command or token_keyring"
            return [(("user",), f"needs a password; say where it is with {where}")]
        return []


class NotLoggedIn(EndpointError):
    """No token could be had: the request was not made."""


class _Token(msgspec.Struct, frozen=True):
    text: str
    renew_at: float | None
    """On the monotonic clock; None: it does not say when it ends."""


class _Granted(msgspec.Struct, frozen=True):
    access_token: str


class Session:
    """One server's API, spoken to by one user."""

    def __init__(self, config: AirflowConfig, wire: Wire) -> None:
        self._config = config
        self._token: _Token | None = None
        self._logging_in = asyncio.Lock()
        header = config.token_header.lower()
        kept = {name: value for name, value in wire.headers.items() if name.lower() != header}
        self.wire = wire if config.user is None else Wire(wire.client, wire.url, kept)
        """Without the password, which the configured headers carry as if it were a token."""
        self.base = wire.url.removesuffix("/api/v2")

    @property
    def subject(self) -> str | None:
        """Who we are to the server, as far as our token says."""
        header = self._token.text if self._token else self.wire.headers.get(self._config.token_header, "")
        found = _claims(header.rpartition(" ")[2]).get("sub")
        return found if isinstance(found, str) else None

    async def read(self, path: str, params: Mapping[str, Any] | None = None) -> Reply:
        """The answer to a GET below ``/api/v2``; asked once more with a new token when ours is refused."""
        token = await self._valid_token()
        reply = await self._request(token, "GET", path, params=params)
        if token and _refuses_token(reply):
            self._drop(token)
            reply = await self._request(await self._valid_token(), "GET", path, params=params)
        return reply

    async def write(self, path: str, body: Any) -> Reply:
        """The answer to one PATCH. Raises NotLoggedIn when it was not made. Is never made twice: a token
        that is refused is only forgotten."""
        try:
            token = await self._valid_token()
        except EndpointError as error:
            raise NotLoggedIn(f"not sent, logging in failed: {error}") from error
        reply = await self._request(token, "PATCH", path, json=body)
        if token and _refuses_token(reply):
            self._drop(token)
        return reply

    async def _request(self, token: _Token | None, method: str, path: str, **more: Any) -> Reply:
        headers = {self._config.token_header: f"Bearer {token.text}"} if token else None
        return await self.wire.request(method, f"{self.base}/api/v2/{path}", headers=headers, **more)

    async def _valid_token(self) -> _Token | None:
        """A token of our own getting; None where the configuration gives one."""
        if self._config.user is None:
            return None
        async with self._logging_in:
            token = self._token
            if token is None or (token.renew_at is not None and time.monotonic() >= token.renew_at):
                token = self._token = await self._log_in()
            return token

    def _drop(self, token: _Token) -> None:
        if self._token is token:
            self._token = None

    async def _log_in(self) -> _Token:
        try:
            password = await asyncio.to_thread(read_token, self._config)
        except CredentialError as error:
            raise EndpointError(str(error)) from error
        body = {"username": self._config.user, "password": password}
        reply = await self.wire.post(f"{self.base}/auth/token", body)
        granted: _Granted = reply.decode(_Granted)
        if not _TOKEN.fullmatch(granted.access_token):
            raise Garbled(f"{reply.where} gave something that is no token")
        return _Token(granted.access_token, _renew_at(granted.access_token))


def _renew_at(token: str) -> float | None:
    """When to renew a token, on our own monotonic clock: the server's may be set differently."""
    claims = _claims(token)
    ends, begins = claims.get("exp"), claims.get("iat", claims.get("nbf"))
    if not isinstance(ends, int | float) or not isinstance(begins, int | float):
        return None
    life_s = ends - begins
    return time.monotonic() + life_s - min(RENEW_BEFORE_S, life_s / 10)


def _claims(token: str) -> dict[str, Any]:
    """What a JWT says of itself, unverified; nothing where it is none."""
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        claims = msgspec.json.decode(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, ValueError, msgspec.DecodeError):
        return {}
    return claims if isinstance(claims, dict) else {}


def _refuses_token(reply: Reply) -> bool:
    """401, or the 403 that a garbage token gets; any other 403 is a real no."""
    return reply.status == 401 or (reply.status == 403 and b"Invalid JWT token" in reply.content)
