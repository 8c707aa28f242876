"""Run as a program: a desk that polls and delivers until its input ends. Says ``ready`` once it has polled."""

from __future__ import annotations

import asyncio
import sys

from triage import config, paths
from triage.desk.desk import Desk


async def main() -> None:
    desk = Desk(config.load(), paths.data_dir(), operator="console")
    await desk.start()
    while any(desk.queue.health(name) is None for name in desk.config.endpoints):
        await asyncio.sleep(0.02)
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await desk.stop()


asyncio.run(main())
