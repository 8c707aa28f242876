"""What a command works with: the configuration, the data directory, the operator, and desks on them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from triage import config as configuration
from triage import paths
from triage.cli import output
from triage.cli.exits import Exit, Stop, stop_for

if TYPE_CHECKING:
    from triage.config import Config
    from triage.connectors.base import Connector
    from triage.connectors.http import Clients
    from triage.desk.desk import Desk
    from triage.model.endpoint import EndpointConfig

__all__ = ["NO_ENDPOINTS", "Workplace", "run"]

T = TypeVar("T")

NO_ENDPOINTS = """No agent endpoint is configured yet.
  triage add URL    adds one, for instance: triage add http://localhost:2024
  triage demo       opens the console on built-in agents, to try it"""


class Workplace:
    """One operator's configuration and data directory. Raises ConfigError and PathProblem.

    ``endpoints=False``: the command asks no endpoint, so that none need be configured.
    """

    def __init__(self, *, endpoints: bool = True) -> None:
        self.config: Config = configuration.load(endpoints=endpoints)
        self.data: Path = paths.data_dir()
        self.operator = self.config.operator or paths.operator_name()
        self.read_only: bool = click.get_current_context().find_root().params["read_only"]
        if endpoints and not self.config.endpoints:
            raise Stop(NO_ENDPOINTS, Exit.USAGE)
        paths.prepare(self.data)

    def must_decide(self) -> None:
        """Raise Stop under ``--read-only``."""
        if self.read_only:
            raise Stop("--read-only looks only; leave it out to decide", Exit.USAGE)

    @asynccontextmanager
    async def desk(
        self,
        endpoints: Collection[str] | None = None,
        *,
        look_only: bool = False,
        strict: bool = False,
    ) -> AsyncIterator[Desk]:
        """A desk that is stopped at the end; nothing runs on it until ``start``.

        Args:
            endpoints: those to open; None: all.
            look_only: neither decide nor deliver.
            strict: an endpoint that cannot be opened ends the command (else it is only said so).
        """
        from triage.connectors.opening import open_connector
        from triage.desk.desk import Desk

        desk = Desk(
            self.config,
            self.data,
            operator=self.operator,
            read_only=look_only or self.read_only,
            stays=False,
            endpoints=endpoints,
            opener=_strict_opener if strict else open_connector,
        )
        try:
            yield desk
        finally:
            await desk.stop()


def run(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run ``work`` to its end; what goes wrong in a task beside it is told in a sentence, once."""
    told: set[str] = set()

    def tell(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        words = stop_for(error).message if isinstance(error, Exception) else context["message"]
        if words not in told:
            told.add(words)
            output.say(f"triage: {words}")

    async def main() -> T:
        asyncio.get_running_loop().set_exception_handler(tell)
        return await work()

    return asyncio.run(main())


def _strict_opener(settings: EndpointConfig, clients: Clients) -> Connector:
    from triage.connectors.credentials import CredentialError
    from triage.connectors.opening import open_connector

    try:
        return open_connector(settings, clients)
    except (CredentialError, OSError) as error:
        raise Stop(str(error), Exit.USAGE) from error
