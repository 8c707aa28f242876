"""``triage add``: ask a URL what it is, try it, and write it into the configuration."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

import click

from triage.cli import output
from triage.cli.exits import Exit, Stop
from triage.cli.parameters import whole_text

if TYPE_CHECKING:
    from triage.config import Config
    from triage.connectors.base import Match, Poll
    from triage.connectors.http import Clients
    from triage.model.endpoint import EndpointConfig

__all__ = ["add"]

_FROM_VARIABLE = re.compile(r"\$[A-Za-z_]\w*|.*\$\{[A-Za-z_]\w*\}.*")
"""As credentials are read: the whole value ``$VAR``, or ``${VAR}`` anywhere in it."""
_SECRET_HEADERS = re.compile(r"auth|key|token|secret|cookie", re.IGNORECASE)


@click.command()
@click.argument("url", callback=whole_text)
@click.option("--name", metavar="N", help="What it is to be called; default: after its URL.")
@click.option("--kind", metavar="K", help="What it is, where it does not say so itself.")
@click.option("--token-env", metavar="VAR", help="Environment variable that holds its token.")
@click.option(
    "--header",
    "headers",
    metavar="'K: V'",
    multiple=True,
    callback=lambda ctx, param, value: _headers(value),
    help="A further request header; ${VAR} in it is read from the environment. May be repeated.",
)
def add(url: str, name: str | None, kind: str | None, token_env: str | None, headers: dict[str, str]) -> None:
    """Add the agent server at URL.

    It is asked what it is and what waits there. Nothing is written unless it answers. Secrets are never
    written: name the variable that holds them.
    """
    from triage import config, paths
    from triage.cli.workplace import run

    known = config.load()
    more = {**({"token_env": token_env} if token_env else {}), **({"headers": headers} if headers else {})}
    base = _base(url)
    _check_settings(name or "new", {"kind": kind or "rest", "url": base, **more})
    for header, value in headers.items():
        if _SECRET_HEADERS.search(header) and not _FROM_VARIABLE.fullmatch(value):
            output.say(
                f"Mind: the header {header} is written as it stands; with ${{VAR}} a variable holds it."
            )
    table, found = run(lambda: _try(base, kind, more))
    called = name or _name(known, table["url"], table["kind"])
    if name is None:
        _not_twice(known, table["url"])
    config.add_endpoint(paths.config_file(), called, table)
    output.say(f"Added {called} to {paths.config_file()}.")
    _tell_waiting(called, found)


def _headers(values: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for value in values:
        header, colon, content = value.partition(":")
        if not colon or not header.strip() or not content.strip():
            raise click.BadParameter("write it as 'Name: value'")
        if "$" in content and not _FROM_VARIABLE.fullmatch(content.strip()):
            raise click.BadParameter("name a variable as $VAR by itself, or as ${VAR} beside other text")
        found[header.strip()] = content.strip()
    return found


def _base(url: str) -> str:
    """The URL without query and fragment, which no endpoint's has."""
    if "://" not in url:
        raise Stop(f"{url} is no URL: begin with http:// or https://, for instance http://{url}", Exit.USAGE)
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise Stop(f"that is no URL: {error}", Exit.USAGE) from error
    return urlunsplit((parts.scheme.lower(), parts.netloc, parts.path.rstrip("/"), "", ""))


def _check_settings(name: str, table: dict[str, Any]) -> EndpointConfig:
    """The settings as the configuration would read them. Raises Stop."""
    from triage.config.checking import faults_of_endpoint
    from triage.config.faults import Lines

    made, faults = faults_of_endpoint(name, table, Lines(""))
    if made is None:
        raise Stop("; ".join(fault.message for fault in faults), Exit.USAGE)
    return made


async def _try(url: str, kind: str | None, more: dict[str, Any]) -> tuple[dict[str, Any], Poll]:
    """The table to write, and what waits there."""
    from triage.connectors.http import Clients

    clients = Clients()
    try:
        match = await _recognised(url, kind, more, clients)
        table = {"kind": match.kind, "url": match.url.rstrip("/"), **more}
        return table, await _poll(_check_settings("new", table), clients)
    finally:
        await clients.aclose()


async def _recognised(url: str, kind: str | None, more: dict[str, Any], clients: Clients) -> Match:
    """What is at the URL, told; ``kind`` is believed where it does not say."""
    from triage import connectors
    from triage.connectors.base import Match
    from triage.connectors.detect import detect
    from triage.connectors.opening import open_wire

    settings = _check_settings("new", {"kind": kind or "rest", "url": url, **more})
    wire = open_wire(settings, clients)
    found = await detect(wire, None if kind is None else [connectors.load(kind)])
    if len(found.matches) == 1:
        output.say(f"{found.words}.")
        return found.matches[0]
    if found.matches:
        raise Stop(found.words, Exit.USAGE)
    if kind is not None and not found.denied:
        output.say(f"It does not show that it is {kind}: {found.words}. Trying all the same.")
    if kind is not None:
        return Match(kind, "", url=url)
    raise Stop(found.words, Exit.USAGE if found.denied else Exit.FAILED)


async def _poll(settings: EndpointConfig, clients: Clients) -> Poll:
    """What waits there: the proof that it can be used. Raises Stop."""
    from triage.connectors.http import Denied, EndpointError
    from triage.connectors.opening import open_connector, plain_http_warning

    if warning := plain_http_warning(settings):
        output.say(f"Mind: {warning.removeprefix('endpoint new: ')}")
    try:
        return await open_connector(settings, clients).poll()
    except Denied as error:
        raise Stop(
            f"it refuses access, so nothing was written: {error}. Give credentials with --token-env or --header",
            Exit.USAGE,
        ) from error
    except EndpointError as error:
        raise Stop(f"what waits there cannot be listed, so nothing was written: {error}") from error


def _name(known: Config, url: str, kind: str) -> str:
    """A name after the URL's path or host that is not taken yet."""
    parts = urlsplit(url)
    host = (parts.hostname or "").split(".")
    local = parts.hostname in ("localhost", "::1") or all(label.isdigit() for label in host)
    steps = [step for step in parts.path.split("/") if step]
    wanted = steps[-1] if steps else kind if local else host[0]
    base = re.sub(r"[^A-Za-z0-9_-]+", "-", wanted).strip("-")[:56] or kind
    names = [base, *(f"{base}-{number}" for number in range(2, 1000))]
    return next(name for name in names if name not in known.endpoints)


def _not_twice(known: Config, url: str) -> None:
    for name, settings in known.endpoints.items():
        if settings.url.rstrip("/") == url:
            raise Stop(
                f"{url} is configured already, as {name}; to have it twice, name this one with --name",
                Exit.USAGE,
            )


def _tell_waiting(name: str, found: Poll) -> None:
    for problem in found.problems:
        output.say(f"Some of what waits there cannot be read: {problem}")
    if not found.items:
        output.say("Nothing waits there now.")
        return
    output.table(
        [(item.id, item.kind.value, item.title) for item in _named(name, found)], ("ID", "KIND", "WHAT")
    )


def _named(name: str, found: Poll) -> Any:
    """The items under the endpoint's own name, which their ids depend on."""
    import msgspec

    return [msgspec.structs.replace(item, endpoint=name) for item in found.items]
