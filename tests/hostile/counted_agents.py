"""The demo's agents in a process of their own, counting each decision that arrives.

    python -m tests.hostile.counted_agents DIRECTORY SEED PACE

writes the configuration of its endpoints into DIRECTORY and says its URL, then serves until its input ends.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from triage.cli.demo import write_configuration
from triage.demo import Demo
from triage.demo.serving import Answer, Request

__all__ = ["Arrivals", "CountedAgents", "counted_agents"]

ROOT = Path(__file__).parents[2]


class Arrivals(NamedTuple):
    """What arrived at all agents."""

    sends: dict[str, int]
    """Decision → how many requests brought it."""
    taken: dict[str, str]
    """Agent and its item → the decision that was taken."""


class CountedDemo(Demo):
    """Counts requests, whatever is answered to them."""

    def __init__(self, seed: int, pace: float) -> None:
        super().__init__(seed, pace)
        self.sends: Counter[str] = Counter()

    async def _serve(self, request: Request) -> Answer:
        if request.path == ("arrivals",):
            return Answer(200, {"sends": self.sends, "taken": self._taken()})
        if request.path[-1:] == ("decision",):
            self.sends[request.headers.get("idempotency-key", "")] += 1
        return await super()._serve(request)

    def _taken(self) -> dict[str, str]:
        return {
            f"{name}/{key}": asked.decision["decision_id"]
            for name, agent in self.agents.items()
            for key, asked in agent.items.items()
            if asked.decision is not None
        }


class CountedAgents:
    """That process, as a test sees it."""

    def __init__(self, url: str, directory: Path) -> None:
        self.url = url
        self.directory = directory
        self.data = directory / "data"
        self.env = {
            **{name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "TMUX")},
            "TERM": "xterm-256color",
            "TRIAGE_CONFIG": str(directory / "config.toml"),
            "TRIAGE_DATA": str(self.data),
            "TRIAGE_OPERATOR": "ann",
            "PYTHONPATH": str(ROOT),
        }

    def arrivals(self) -> Arrivals:
        """What has arrived so far."""
        with urllib.request.urlopen(f"{self.url}/arrivals", timeout=30) as reply:
            return Arrivals(**json.load(reply))

    def configure(self, *, hold_s: float, poll_s: float = 2.0) -> None:
        """How long a decision is held, and how often the agents are asked."""
        path = self.directory / "config.toml"
        path.write_text(
            f"hold_s = {hold_s}\n{path.read_text()}".replace("poll_s = 2.0", f"poll_s = {poll_s}")
        )


@contextmanager
def counted_agents(directory: Path, seed: int, pace: float) -> Iterator[CountedAgents]:
    """Agents that serve until the block ends."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.hostile.counted_agents", str(directory), str(seed), str(pace)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        url = process.stdout.readline().strip()
        assert url, "the agents did not start"
        yield CountedAgents(url, directory)
    finally:
        process.stdin.close()
        process.wait(20)
        process.stdout.close()


async def main(directory: Path, seed: int, pace: float) -> None:
    demo = CountedDemo(seed, pace)
    await demo.start()
    write_configuration(directory, demo)
    print(demo.url, flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await demo.stop()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
