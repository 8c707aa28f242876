"""A process that decides and is stopped before its fsync, with the lock held; it says how its decision stands."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from tests.store.log_faults import Named
from tests.store.log_making import make_decision, make_item
from triage.store.log import Log


class Sleeping(Named):
    """Stops the process at the fsync of a segment."""

    def sync(self, descriptor: int) -> None:
        if self.name(descriptor) == "00000001.jsonl":
            os.kill(os.getpid(), signal.SIGSTOP)
        super().sync(descriptor)


def main(data: Path) -> None:
    item = make_item()
    record = Log(data, files=Sleeping()).decide(make_decision(item, operator="sleeper"), item)
    print(record.state)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
