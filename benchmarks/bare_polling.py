"""Polling with httpx and nothing else, as a peer: ``python -m benchmarks.bare_polling URL COUNT POLL_S SECONDS``.

Asks each agent at ``URL/eN/items`` every POLL_S seconds over one client, decodes the JSON and forgets it; prints the
share of one core that this took, once all have been asked.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time

import httpx
import msgspec

from benchmarks.figures import Peer

__all__ = ["bare_polling"]

_CONNECTIONS = 10


def bare_polling(url: str, count: int, poll_s: float, seconds: float) -> Peer:
    """The share of one core, in percent, that it takes in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.bare_polling", url, *map(str, (count, poll_s, seconds))]
    told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=seconds + 60)
    return Peer("bare httpx", float(told.stdout))


async def _poll(client: httpx.AsyncClient, url: str, poll_s: float, first_s: float) -> None:
    await asyncio.sleep(first_s)
    while True:
        began = time.monotonic()
        msgspec.json.decode((await client.get(f"{url}/items")).content)
        await asyncio.sleep(poll_s - (time.monotonic() - began))


async def _measured(url: str, count: int, poll_s: float, seconds: float) -> float:
    limits = httpx.Limits(max_connections=_CONNECTIONS)
    async with httpx.AsyncClient(limits=limits, trust_env=False) as client:
        tasks = [
            asyncio.create_task(_poll(client, f"{url}/e{each}", poll_s, poll_s * each / count))
            for each in range(count)
        ]
        await asyncio.sleep(poll_s + 1)
        cpu_s, began = time.process_time(), time.perf_counter()
        await asyncio.sleep(seconds)
        share = (time.process_time() - cpu_s) / (time.perf_counter() - began)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return share * 100


if __name__ == "__main__":
    print(asyncio.run(_measured(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4]))))
