"""Credentials: what turns an endpoint's settings into request headers. Secrets go nowhere else."""

from __future__ import annotations

import base64
import os
import re
import subprocess
from collections.abc import Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit

from triage.model.endpoint import EndpointConfig

__all__ = ["CredentialError", "plain_http_warning", "read_token", "request_headers", "secrets_in"]

COMMAND_TIMEOUT_S = 10.0
_WHOLE = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*)")
_BRACED = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")  # RFC 9110, section 5.6.2
_NOT_SECRET = frozenset({"accept", "accept-language", "content-type", "user-agent"})
_SCHEMES = frozenset({"apikey", "basic", "bearer", "digest", "token"})
_SHORTEST_SECRET = 6
"""A shorter word would be taken out of texts that only happen to have it."""
_NOT_OURS = frozenset({"connection", "content-length", "transfer-encoding"})


class CredentialError(Exception):
    """Credentials that cannot be had or used; its text names the endpoint and the mend, never a secret."""


def request_headers(config: EndpointConfig) -> dict[str, str]:
    """The headers that go with every request to an endpoint: its own and its credentials.

    Runs ``token_command``, for 10 s at most. Raises CredentialError.
    """
    headers = {name: _expanded(config, name, value) for name, value in config.headers.items()}
    token = read_token(config)
    if config.basic_user is not None:
        headers = _with(config, headers, _basic(config, config.basic_user, token))
    elif token is not None:
        headers = _with(config, headers, _bearer(config, token))
    for name, value in headers.items():
        _check_header(config, name, value)
    return headers


def read_token(config: EndpointConfig) -> str | None:
    """The token, or the password where ``basic_user`` is set; None where none is configured.

    Raises CredentialError.
    """
    if config.token_env is not None:
        token, source = _variable(config, config.token_env), f"the environment variable {config.token_env}"
    elif config.token_command is not None:
        token, source = _printed(config, config.token_command), "what token_command printed"
    elif config.token_keyring is not None:
        token, source = _kept(config, config.token_keyring), f"the keyring's entry {config.token_keyring}"
    else:
        return None
    if not token:
        raise _error(config, f"{source} is empty; put the token there")
    if not token.isprintable():
        raise _error(config, f"{source} holds a line break or control character; a token has none")
    return token


def secrets_in(headers: Mapping[str, str]) -> tuple[str, ...]:
    """What of an endpoint's headers must never be repeated: their words of some length, and Basic's password."""
    found: dict[str, None] = {}
    for name, value in headers.items():
        if name.lower() in _NOT_SECRET:
            continue
        for word in (value, *value.split(), *_password_in(value)):
            if len(word) >= _SHORTEST_SECRET and word.lower() not in _SCHEMES:
                found[word] = None
    return tuple(sorted(found, key=len, reverse=True))


def _password_in(value: str) -> tuple[str, ...]:
    scheme, _, encoded = value.partition(" ")
    if scheme.lower() != "basic":
        return ()
    try:
        return (base64.b64decode(encoded).decode().partition(":")[2],)
    except ValueError:
        return ()


def plain_http_warning(config: EndpointConfig) -> str:
    """What to warn of when credentials would cross a network unencrypted; empty when they would not."""
    parts = urlsplit(config.url)
    secret = config.basic_user or config.headers or _has_token(config)
    if parts.scheme != "http" or not secret or config.unix_socket or _is_loopback(parts.hostname or ""):
        return ""
    return (
        f"endpoint {config.name}: its credentials go to {parts.hostname} unencrypted, for anyone on the way "
        "to read; use an https:// URL, or a tunnel to this machine"
    )


def _has_token(config: EndpointConfig) -> bool:
    return any(
        source is not None for source in (config.token_env, config.token_command, config.token_keyring)
    )


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _bearer(config: EndpointConfig, token: str) -> tuple[str, str]:
    names_scheme = token[:7].lower() == "bearer "
    if config.token_header.lower() == "authorization" and not names_scheme:
        token = f"Bearer {token}"
    return config.token_header, token


def _basic(config: EndpointConfig, user: str, password: str | None) -> tuple[str, str]:
    """RFC 7617, section 2."""
    if password is None:
        raise _error(config, "basic_user needs a password; say where it is, for instance with token_env")
    if ":" in user or not user.isprintable():
        raise _error(config, "basic_user holds a colon or control character; a user name has none")
    encoded = base64.b64encode(f"{user}:{password}".encode()).decode()
    return config.token_header, f"Basic {encoded}"


def _with(config: EndpointConfig, headers: dict[str, str], added: tuple[str, str]) -> dict[str, str]:
    if added[0].lower() in {name.lower() for name in headers}:
        raise _error(config, f"both the token and [headers] set {added[0]}; keep one of them")
    return {**headers, added[0]: added[1]}


def _expanded(config: EndpointConfig, name: str, value: str) -> str:
    """A header's value with ``$NAME`` (alone) and ``${NAME}`` (anywhere in it) from the environment."""
    where = f" (for the header {name})"
    if whole := _WHOLE.fullmatch(value):
        return _variable(config, whole[1], where)
    return _BRACED.sub(lambda found: _variable(config, found[1], where), value)


def _check_header(config: EndpointConfig, name: str, value: str) -> None:
    if not _HEADER_NAME.fullmatch(name):
        raise _error(config, f"{name!r} cannot name a header; use letters, digits and -")
    if name.lower() in _NOT_OURS:
        raise _error(config, f"the header {name} is set by HTTP itself; take it out")
    if not (value.isascii() and value.isprintable()) or value != value.strip():
        raise _error(
            config, f"the value of the header {name} holds a line break, control or non-ASCII character"
        )


def _variable(config: EndpointConfig, name: str, where: str = "") -> str:
    value = os.environ.get(name)
    if value is None:
        raise _error(config, f"the environment variable {name}{where} is not set; export it and start again")
    return value


def _printed(config: EndpointConfig, command: list[str]) -> str:
    """What a command prints. Its arguments and its output may be secret: neither is repeated."""
    program = f"token_command ({command[0] if command else 'empty'} …)"
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=COMMAND_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise _error(
            config, f"{program} gave no token within {COMMAND_TIMEOUT_S:g} s; run it by hand to see why"
        ) from None
    except (OSError, ValueError, IndexError) as error:
        raise _error(config, f"{program} cannot be run: {_reason(error)}") from None
    if done.returncode:
        raise _error(config, f"{program} ended with exit code {done.returncode}; run it by hand to see why")
    try:
        return done.stdout.decode().strip()
    except UnicodeDecodeError:
        raise _error(config, f"{program} printed something that is no text") from None


def _kept(config: EndpointConfig, entry: str) -> str:
    service, slash, user = entry.rpartition("/")
    if not slash or not service or not user:
        raise _error(config, "token_keyring must be SERVICE/USER")
    try:
        import keyring
        import keyring.errors
    except ImportError as error:
        raise _error(
            config,
            "token_keyring needs the keyring extra, which is not installed: "
            "pip install 'triage-inbox[keyring]'",
        ) from error
    try:
        found: str | None = keyring.get_password(service, user)
    except keyring.errors.KeyringError as error:
        raise _error(config, f"the keyring cannot be read: {_reason(error)}") from None
    if found is None:
        raise _error(
            config, f"the keyring has no password for {entry}; put it there: keyring set {service} {user}"
        )
    return found


def _reason(error: Exception) -> str:
    said = error.strerror if isinstance(error, OSError) else ""
    return said or type(error).__name__


def _error(config: EndpointConfig, message: str) -> CredentialError:
    return CredentialError(f"endpoint {config.name}: {message}")
