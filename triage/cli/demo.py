"""``triage demo``: the console on built-in agents that act on each decision, or those agents alone."""

from __future__ import annotations

import random
import shlex
import signal
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from triage.cli import output
from triage.cli.exits import Stop

if TYPE_CHECKING:
    from triage.demo import Demo

__all__ = ["demo", "open_demo", "write_configuration"]


@click.command()
@click.option("--seed", type=int, metavar="N", help="Ask the same things, in the same order, each time.")
@click.option(
    "--pace",
    type=click.FloatRange(0, 1000),
    default=1.0,
    show_default=True,
    metavar="X",
    help="How much faster than usual new items come; 0: none.",
)
@click.option("--serve", is_flag=True, help="Open no console: serve the agents until interrupted.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, metavar="P", help="With --serve: where to listen."
)
@click.option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="With --serve: keep configuration and data there; default: for as long as it runs.",
)
@click.pass_context
def demo(
    ctx: click.Context, seed: int | None, pace: float, serve: bool, port: int, into: Path | None
) -> None:
    """Try it on built-in agents that really act on each decision.

    They run on this machine alone, and what is decided is forgotten at the end. With --serve the same agents
    are there for other commands; it prints the variables to set in another terminal:

    \b
    triage demo --serve --into /tmp/demo > demo.env &
    . ./demo.env && triage list
    """
    if serve:
        _serve(seed, pace, port, into)
    elif port or into:
        raise click.UsageError("--port and --into go with --serve")
    else:
        ctx.exit(open_demo(seed, pace, read_only=ctx.find_root().params["read_only"]))


def open_demo(seed: int | None = None, pace: float = 1.0, *, read_only: bool = False) -> int:
    """The console on the demo's agents, with the operator's own settings otherwise; its exit code."""
    from triage import config, paths
    from triage.cli.console import must_be_terminal
    from triage.demo import Demo
    from triage.tui.app import run_console

    must_be_terminal()
    mine = config.load(endpoints=False)
    agents = Demo(random.SystemRandom().randrange(10_000) if seed is None else seed, pace)
    with tempfile.TemporaryDirectory(prefix="triage-demo-") as directory:
        operator = mine.operator or paths.operator_name()
        return run_console(mine, Path(directory), read_only=read_only, demo=agents, operator=operator)


def write_configuration(directory: Path, agents: Demo) -> tuple[Path, Path]:
    """Configure the agents as endpoints in ``directory``; the configuration file and the data directory."""
    from triage import config, paths

    path, data = directory / "config.toml", directory / "data"
    path.unlink(missing_ok=True)
    for name, settings in agents.endpoints.items():
        config.add_endpoint(path, name, settings)
    paths.prepare(data)
    return path, data


def _serve(seed: int | None, pace: float, port: int, into: Path | None) -> None:
    """Serve until SIGINT or SIGTERM."""
    import asyncio

    with ExitStack() as stack:
        passing = None if into else stack.enter_context(tempfile.TemporaryDirectory(prefix="triage-demo-"))
        directory = into or Path(passing or "")
        try:
            asyncio.run(_served(seed, pace, port, directory.resolve()))
        except OSError as error:
            raise Stop(f"the agents cannot listen on port {port}: {error.strerror}") from error


async def _served(seed: int | None, pace: float, port: int, directory: Path) -> None:
    import asyncio

    from triage.demo import running

    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stopped.set)
    async with running(seed, pace, port) as agents:
        path, data = write_configuration(directory, agents)
        output.text(f"export TRIAGE_CONFIG={shlex.quote(str(path))}")
        output.text(f"export TRIAGE_DATA={shlex.quote(str(data))}")
        output.say(
            f"{len(agents.agents)} agents (seed {agents.seed}) serve at {agents.url} until ctrl+c. In another "
            "terminal, set the two variables above, then: triage list"
        )
        await stopped.wait()
