"""A desk, its endpoint and its log on a disk that fails, and what must hold whatever failed."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.store.disk import Disk, Fault, PowerCut
from tests.store.log_making import CONFIRMED, HELD, S, make_decision, make_item
from triage.model.decision import DeliveryState
from triage.store import head
from triage.store.errors import StoreUnavailable
from triage.store.files import Files
from triage.store.log import Log, log_directory
from triage.store.verifying import verify

__all__ = ["QUICK", "LogDisk", "Named", "Scene", "Unsynced", "World", "powered_off"]


class LogDisk(Disk):
    """A disk on which writing over is halved too, and on which one process can be killed and others go on."""

    def __init__(self, fail_at: int = 0, fault: Fault = Fault.UNDONE, code: int = 0, **more: bool) -> None:
        super().__init__(fail_at, fault, code, lasting=more.get("lasting", False))
        self._halving = fault is Fault.HALF
        self.kill_in = ""
        """The call on a segment in which the process is killed: ``write`` after half of it, or ``sync``."""

    def write(self, descriptor: int, data: bytes | memoryview) -> int:
        if self._is_killed_in("write", descriptor):
            super().write(descriptor, data[: len(data) // 2])
            raise PowerCut
        return super().write(descriptor, data)

    def _is_killed_in(self, call: str, descriptor: int) -> bool:
        if self.kill_in != call or self._record._open[descriptor].suffix != ".jsonl":
            return False
        self.kill_in = ""
        return True

    def sync(self, descriptor: int) -> None:
        if self._is_killed_in("sync", descriptor):
            raise PowerCut
        super().sync(descriptor)

    def overwrite(self, descriptor: int, data: bytes, offset: int) -> int:
        if self._halving and self._due("overwrite"):
            super(Disk, self).overwrite(descriptor, data[: len(data) // 2], offset)
        return super().overwrite(descriptor, data, offset)


class Unsynced(Files):
    """Files on a machine that never loses power."""

    def sync(self, descriptor: int) -> None:
        pass


QUICK = Unsynced()


class Named(Files):
    """Files that know the name behind a descriptor."""

    def __init__(self) -> None:
        self._names: dict[int, str] = {}

    def open(self, path: Path, flags: int) -> int:
        descriptor = super().open(path, flags)
        self._names[descriptor] = path.name
        return descriptor

    def name(self, descriptor: int) -> str:
        return self._names[descriptor]


class World:
    """What was promised to the operator, and what the endpoint got."""

    def __init__(self) -> None:
        self.promised: list[tuple[str, DeliveryState]] = []
        self.refused: set[str] = set()
        self.sends: Counter[str] = Counter()
        self.interrupted: set[str] = set()
        """Decisions whose process was killed: they may stand as being sent and not have been."""
        self._numbers = itertools.count(1)

    def work(self, log: Log) -> None:
        """Decide an item and carry the decision as far as it goes."""
        number = next(self._numbers)
        item = make_item(f"order-{number}")
        decision = make_decision(item, id=f"decision-{number}")
        try:
            log.decide(decision, item)
            self.promised.append((decision.id, HELD))
            self.deliver(log, decision.id, HELD)
        except StoreUnavailable as error:
            if (decision.id, HELD) not in self.promised and "not known" not in str(error):
                self.refused.add(decision.id)

    def deliver(self, log: Log, id: str, state: DeliveryState) -> None:
        """As delivery does: sent once, and only where it was held."""
        if state is HELD:
            self._advance(log, id, HELD, S.SENDING)
            self.sends[id] += 1
            self._advance(log, id, S.SENDING, S.SENT)
            state = S.SENT
        self._advance(log, id, state, CONFIRMED)

    def _advance(self, log: Log, id: str, expect: DeliveryState, to: DeliveryState) -> None:
        log.advance(id, to, expect=expect)
        self.promised.append((id, to))

    def check(self, data: Path) -> None:
        """Nothing promised is lost, nothing refused stands, and after going on all is sent once."""
        found = verify(data)
        assert found.ok, found.findings
        log = Log(data, files=QUICK)
        self._check_events(log)
        for record in log.open_records():
            self.deliver(log, record.decision.id, record.state)
        self._check_events(log)
        decided = {id for id, state in self.promised if state is HELD}
        assert max(self.sends.values(), default=0) <= 1, "sent twice"
        assert all(self.sends[id] for id in decided - self.interrupted), "never sent"
        assert not any(self.sends[id] for id in self.refused)
        self.work(log)
        assert (self.promised[-1][1], len(self.refused & decided)) == (CONFIRMED, 0)
        found = verify(data)
        assert found.ok, found.findings

    def _check_events(self, log: Log) -> None:
        reached = {(event.decision_id, event.state or HELD) for event in log.events()}
        lost = [each for each in self.promised if each not in reached]
        assert not lost, f"lost: {lost}"
        assert not {id for id, _ in reached} & self.refused, "stands, though it was refused"


class Scene(NamedTuple):
    """What was before, and what is then done on a disk that fails."""

    name: str
    before: Callable[[LogDisk, Path, World], None]


def powered_off(disk: LogDisk, data: Path, kept: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put what a power cut leaves into ``data``, and start the machine anew."""
    directory = log_directory(data)
    directory.mkdir(parents=True)
    disk.survivors(directory, kept)
    boot = f"start of the machine for {data.name}"
    monkeypatch.setattr(head, "boot_id", lambda: boot)
