"""Consoles in terminals and command lines on one data directory, one of them killed every second.

    python -m tests.soak.crowd DIRECTORY SECONDS [SEED]

prints as JSON what they did and the longest that any of them waited for a lock. Ends with a traceback when an item
was decided twice, a promise was lost, the chain is broken or somebody waited longer than a second.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from tests.hostile.counted_agents import CountedAgents, counted_agents
from tests.hostile.raw_terminal import RawTerminal
from tests.soak.settling import check_ended, run_until_settled
from tests.soak.timed import longest_wait_s

CONSOLES = COMMANDS = 4
KILL_EVERY_S = 1.0
PACE = 300.0
TICK_S = 0.05
MOST_WAIT_S = 1.0
PROGRAM = (sys.executable, "-m", "tests.soak.timed")
KEYS = (b"j", b"j", b"k", b"G", b"g", b"a", b"a", b"a", b"x1", b"u", b"\x1b")


class Console:
    """A real console, at which somebody types a key now and then."""

    def __init__(self, agents: CountedAgents, number: int) -> None:
        env = {**agents.env, "TRIAGE_OPERATOR": f"console-{number}"}
        self._terminal = RawTerminal(PROGRAM, env, agents.directory)

    def tick(self, chance: random.Random) -> None:
        self._terminal.pump(0)
        assert self._terminal.status is None, f"a console ended by itself:\n{self._terminal.tail}"
        if chance.random() < 0.2 and b"help" in self._terminal.output:
            self._terminal.write(chance.choice(KEYS))

    def kill(self) -> None:
        self._terminal.__exit__(None, None, None)


class CommandLine:
    """Somebody who gives one command after the other."""

    def __init__(self, agents: CountedAgents, number: int) -> None:
        self._env = {**agents.env, "TRIAGE_OPERATOR": f"command-{number}"}
        self._running: subprocess.Popen[bytes] | None = None
        self._printed = agents.directory / f"printed-{number}"
        self._said = agents.directory / f"said-{number}"
        self._verb = ""
        self._waiting: list[str] = []
        self.counts: Counter[str] = Counter()
        self.promised: set[str] = set()

    def tick(self, chance: random.Random) -> None:
        if self._running is None:
            self._begin(chance)
        elif self._running.poll() is not None:
            self._end(self._printed.read_text(), self._said.read_text(), self._running.returncode)
            self._running = None

    def _begin(self, chance: random.Random) -> None:
        verb = chance.choice(["approve", "reject"]) if self._waiting else "list"
        item = [self._waiting.pop(chance.randrange(len(self._waiting)))] if self._waiting else []
        more = ["--reason", "no"] if verb == "reject" else []
        self._verb = verb
        command = [*PROGRAM, verb, *item, *more, "--json"]
        with self._printed.open("wb") as printed, self._said.open("wb") as said:
            self._running = subprocess.Popen(
                command, env=self._env, stdin=subprocess.DEVNULL, stdout=printed, stderr=said
            )

    def _end(self, printed: str, said: str, status: int) -> None:
        assert "Traceback" not in said, said
        assert status in (0, 1, 2, 3, 4, 5), f"{self._verb}: exit status {status}: {said}"
        self.counts[f"commands that ended with {status}"] += 1
        if self._verb == "list" and status == 0:
            self._waiting = [item["id"] for item in json.loads(printed)][:3]
        elif status == 0:
            self.promised.add(json.loads(printed)["decision"])

    def kill(self) -> None:
        if self._running is not None:
            self._running.kill()
            self._running.wait()
            self._running = None


class Crowd:
    """Eight of them; who is killed is followed by another."""

    def __init__(self, agents: CountedAgents, seed: int) -> None:
        self._agents = agents
        self._chance = random.Random(seed)
        self._born = 0
        self._members = [
            self._new(Console if at < CONSOLES else CommandLine) for at in range(CONSOLES + COMMANDS)
        ]
        self._ended: list[CommandLine] = []
        self.counts: Counter[str] = Counter()

    def _new(self, kind: type[Console] | type[CommandLine]) -> Console | CommandLine:
        self._born += 1
        return kind(self._agents, self._born)

    def run(self, seconds: float) -> None:
        """Have them at it for so long, then kill them all."""
        try:
            self._run(seconds)
        finally:
            for member in self._members:
                member.kill()

    def _run(self, seconds: float) -> None:
        end, kill_at = time.monotonic() + seconds, time.monotonic() + KILL_EVERY_S
        while time.monotonic() < end:
            for member in self._members:
                member.tick(self._chance)
            if time.monotonic() > kill_at:
                kill_at += KILL_EVERY_S
                self._kill_one()
            time.sleep(TICK_S)

    def _kill_one(self) -> None:
        at = self._chance.randrange(len(self._members))
        victim = self._members[at]
        victim.kill()
        self.counts["consoles killed" if isinstance(victim, Console) else "command lines killed"] += 1
        if isinstance(victim, CommandLine):
            self._ended.append(victim)
        self._members[at] = self._new(type(victim))

    def told(self) -> tuple[set[str], Counter[str]]:
        """What command lines were promised, and how they ended."""
        lines = [one for one in (*self._members, *self._ended) if isinstance(one, CommandLine)]
        counts = sum((line.counts for line in lines), Counter[str]())
        return set().union(*(line.promised for line in lines)), counts


def main(directory: Path, seconds: float, seed: int) -> None:
    directory.mkdir(parents=True)
    waits = directory / "waits"
    waits.mkdir()
    os.environ["TRIAGE_SOAK_WAITS"] = str(waits)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with counted_agents(directory, seed, PACE) as agents:
        agents.configure(hold_s=0.3)
        crowd = Crowd(agents, seed)
        crowd.run(seconds)
        run_until_settled(agents)
        promised, counts = crowd.told()
        counts += crowd.counts + check_ended(agents, promised)
        longest_s = longest_wait_s(waits)
        assert longest_s < MOST_WAIT_S, f"somebody waited {longest_s:.3f} s for a lock"
        operators = _operators(agents)
    print(
        json.dumps(
            {"seconds": seconds, **counts, "deciders": operators, "longest wait in s": round(longest_s, 3)}
        )
    )


def _operators(agents: CountedAgents) -> int:
    from triage.store.log import Log

    return len({record.decision.operator for record in Log(agents.data).records()})


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 1)
