"""``python -m triage.demo``: the demo's agents by themselves, to be configured as endpoints."""

from __future__ import annotations

import asyncio
import signal

import click

from triage.demo import running


@click.command(help="Serve the demo's agents on the loopback interface until interrupted.")
@click.option("--port", default=0, show_default="a free one", help="Port to listen on.")
@click.option("--seed", type=int, help="Ask the same things, in the same order, each time.")
@click.option(
    "--pace", default=1.0, show_default=True, help="How much faster than usual new items come; 0: none."
)
def main(port: int, seed: int | None, pace: float) -> None:
    try:
        asyncio.run(_serve(port, seed, pace))
    except OSError as error:
        raise click.ClickException(f"cannot listen on port {port}: {error.strerror}") from error


async def _serve(port: int, seed: int | None, pace: float) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    async with running(seed, pace, port) as demo:
        click.echo(f"seed {demo.seed}")
        for name, settings in demo.endpoints.items():
            click.echo(f"{name:<9} {settings['url']}")
        await stopped.wait()


if __name__ == "__main__":
    main()
