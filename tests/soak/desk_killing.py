"""Kills a desk that decides and delivers to agents that count, again and again, and checks each time what it left.

    python -m tests.soak.desk_killing DIRECTORY KILLS [SEED]

prints as JSON how many were killed, in the middle of what, and how the decisions ended. Ends with a traceback when
a decision was lost or sent twice, or something cannot be read.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import select
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.hostile.counted_agents import CountedAgents, counted_agents
from tests.soak.settling import check_ended, run_until_settled
from triage import config
from triage.connectors import load
from triage.desk.desk import Desk, Refused
from triage.model.decision import Verdict
from triage.model.item import Item, Verb
from triage.store.log import AlreadyDecided, Log
from triage.store.queue import Queue
from triage.store.verifying import verify

KILLS_A_DIRECTORY = 100
PACE = 400.0
MOST_S = 0.4
STARTED_WITHIN_S = 10.0


def verdicts_on(item: Item, chance: random.Random) -> list[Verdict]:
    """What is decided: anything that the item takes and that needs no thought."""
    verbs = [verb for verb in (Verb.APPROVE, Verb.REJECT, Verb.IGNORE) if verb in item.verbs]
    if not verbs:
        return []
    verdict = Verdict(chance.choice(verbs), reason="for the test")
    return [verdict] * max(1, len(item.actions))


async def decide_on(agents: CountedAgents, says: int, seed: int) -> None:
    """Decide for ever, and say which decisions were taken."""
    chance = random.Random(seed)
    desk = Desk(config.load(), agents.data, operator="ann")
    await desk.start()
    while True:
        for entry in desk.entries():
            if desk.log.standing(entry.item.id) is None and (verdicts := verdicts_on(entry.item, chance)):
                try:
                    record = desk.decide(entry.item.id, entry.item.revision, verdicts)
                except (Refused, AlreadyDecided):
                    continue
                os.write(says, f"{record.decision.id}\n".encode())
                await asyncio.sleep(chance.uniform(0, 0.03))
        await asyncio.sleep(0.01)


def killed_desk(agents: CountedAgents, after_s: float, seed: int, *, at_work: bool) -> Iterator[str]:
    """Have a desk begin and kill it; the decisions that it was promised.

    ``at_work``: the time is counted from its first decision, else from its beginning.
    """
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.environ.update(agents.env)
            asyncio.run(decide_on(agents, writing, seed))
        finally:
            os._exit(1)
    os.close(writing)
    if at_work:
        select.select([reading], [], [], STARTED_WITHIN_S)
    time.sleep(after_s)
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    assert os.WIFSIGNALED(status), "the desk ended by itself"
    with os.fdopen(reading) as pipe:
        yield from (line.strip() for line in pipe if line.endswith("\n"))


def left_behind(agents: CountedAgents, promised: set[str]) -> Counter[str]:
    """What a kill left can be read, and holds what was promised; in the middle of what it came, by state."""
    if not agents.data.joinpath("log").is_dir():
        assert not promised
        return Counter()
    found = verify(agents.data)
    assert found.ok, found.findings
    log, queue = Log(agents.data), Queue(agents.data)
    known = {record.decision.id for record in log.records()}
    assert promised <= known, f"lost: {promised - known}"
    assert all(entry.item.id for entry in queue.entries())
    queue.close()
    states = {record.state.value for record in log.open_records()} - {"unknown"}
    return Counter(f"killed with one {state}" for state in states)


def one_directory(directory: Path, kills: int, seed: int) -> Counter[str]:
    """So many kills on one data directory, then a desk that is left alone."""
    chance = random.Random(seed)
    promised: set[str] = set()
    counts: Counter[str] = Counter()
    with counted_agents(directory, seed, PACE) as agents:
        agents.configure(hold_s=0.05, poll_s=0.5)
        for _ in range(kills):
            at_work, after_s = chance.random() < 0.7, chance.uniform(0, MOST_S)
            promised.update(killed_desk(agents, after_s, chance.randrange(1 << 32), at_work=at_work))
            counts += left_behind(agents, promised)
        run_until_settled(agents)
        return counts + check_ended(agents, promised) + Counter(kills=kills, promised=len(promised))


def main(directory: Path, kills: int, seed: int) -> None:
    load("rest")
    counts: Counter[str] = Counter()
    for number in range(0, kills, KILLS_A_DIRECTORY):
        place = directory / str(number)
        place.mkdir(parents=True)
        counts += one_directory(place, min(KILLS_A_DIRECTORY, kills - number), seed + number)
        print(f"{number + KILLS_A_DIRECTORY} of {kills} kills: {dict(counts)}", file=sys.stderr, flush=True)
    print(json.dumps(counts))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 1)
