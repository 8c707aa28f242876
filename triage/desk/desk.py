"""The desk: everything an operator can do with what waits, as methods, with no screen attached."""

from __future__ import annotations

import asyncio
import contextlib
import getpass
from collections.abc import Callable, Collection, Iterable
from datetime import timedelta
from pathlib import Path
from typing import Literal

import msgspec

from triage.config import Config
from triage.connectors.base import Connector
from triage.connectors.credentials import CredentialError
from triage.connectors.http import Clients
from triage.connectors.opening import open_connector
from triage.desk.deciding import Deciding
from triage.desk.documents import shown
from triage.desk.escalating import Escalations
from triage.desk.marking import ItemChanged, ItemGone, Refused
from triage.desk.open_files import allow_open_files
from triage.desk.ownership import Ownership
from triage.desk.rating import Rater
from triage.desk.redacting import RedactingConnector, redaction_key
from triage.desk.station import Station
from triage.desk.summary import write_summary
from triage.desk.tally import Tally
from triage.desk.timeliness import Clock
from triage.desk.wary import WaryConnector
from triage.fault import fault_words
from triage.model.decision import DeliveryState
from triage.model.endpoint import EndpointConfig
from triage.model.item import Context
from triage.model.redaction import Redactor
from triage.store.errors import StoreError, StoreUnavailable
from triage.store.log import Log
from triage.store.queue import Queue

__all__ = ["Change", "Desk", "ItemChanged", "ItemGone", "Refused"]

WATCH_S = 0.1
"""How often the files are looked at for what other processes wrote."""
QUIET_WATCH_S = 0.5
"""The same once nothing has changed for ``QUIET_AFTER_S``."""
QUIET_AFTER_S = 5.0
GATHER_S = 0.02
"""What changes within so short a time is told at once."""
FIRST_S = 0.4
"""Longest wait for endpoints that have not answered yet, before those that did are told of."""
SUMMARY_S = 1.0
COUNTED_AT_ONCE = 500
POLLS_AT_ONCE = 50
STOP_TIMEOUT_S = 30.0
CLOCK_BELIEVED_DAYS = 31
"""Nothing is erased by itself while the newest decision is older; the next one ends that."""

OpenConnector = Callable[[EndpointConfig, Clients], Connector]


class Change(msgspec.Struct, frozen=True):
    """What is not as it was: ids of items and decisions, names of endpoints."""

    items: frozenset[str] = frozenset()
    endpoints: frozenset[str] = frozenset()
    decisions: frozenset[str] = frozenset()


class Desk(Deciding):
    """The work of one operator in one process on one data directory.

    Args:
        config: endpoints and preferences.
        data: the data directory; several processes may share it.
        operator: who decides; default: the configuration's, else the login name.
        read_only: look, but neither decide nor deliver.
        stays: this desk delivers what others decide until it is stopped; False for a command that goes as
            soon as its own work is done.
        endpoints: work on these alone; default: on all that are configured.
        opener: makes a connector; tests pass their own.
        clock: default: this machine's.

    Raises ``CredentialError`` or ``ConfigError`` when an endpoint's settings cannot be used, and the
    store's errors when the data directory cannot.
    """

    def __init__(
        self,
        config: Config,
        data: Path,
        *,
        operator: str | None = None,
        read_only: bool = False,
        stays: bool = True,
        endpoints: Collection[str] | None = None,
        opener: OpenConnector = open_connector,
        clock: Clock | None = None,
    ) -> None:
        self.config = config
        self.data = data
        self.operator = operator or config.operator or getpass.getuser()
        self.read_only = read_only
        self.clock = clock or Clock()
        self._stays = stays and not read_only
        self.queue = Queue(data)
        self.log = Log(data)
        self.rater = Rater(config.risk, config.filters)
        self._escalations = Escalations(config.escalate_command, self._not_sent_out)
        self._clients = Clients()
        self._callbacks: list[Callable[[Change], None]] = []
        self._pending = Change()
        self._stirred = asyncio.Event()
        self._tally = Tally(self.waits, self.sleeps, self.clock)
        self._uncounted = set(self.queue.ids())
        self._unread: dict[str, str] = {}
        """Item id → why its entry could not be read, in words."""
        self.trouble = ""
        """Why the store cannot be used just now or work has ended, in words; empty: all goes on."""
        self._fault = ""
        self._ended: dict[str, float] = {}
        """Decision id → monotonic time at which its delivery was seen to be over."""
        self._tasks: list[asyncio.Task[None]] = []
        self._unusable: dict[str, str] = {}
        self._stations: dict[str, Station] = {}
        self._gate = asyncio.Semaphore(POLLS_AT_ONCE)
        allow_open_files(len(config.endpoints))
        for name, settings in config.endpoints.items():
            if endpoints is None or name in endpoints:
                self._open(name, settings, opener)

    def _open(self, name: str, settings: EndpointConfig, opener: OpenConnector) -> None:
        """One endpoint's station; one that cannot be opened is said so and the others go on."""
        try:
            connector: Connector = WaryConnector(opener(settings, self._clients))
            if settings.redact:
                connector = RedactingConnector(connector, Redactor(settings.redact, redaction_key(self.data)))
        except (CredentialError, OSError) as error:
            self._unusable[name] = str(error)
            return
        ownership = Ownership(self.data / "locks", name, stays=self._stays)
        self._stations[name] = Station(
            connector,
            ownership,
            self.queue,
            self.log,
            self._publish,
            self._take_in,
            self._gate,
            read_only=self.read_only,
            clock=self.clock,
        )

    # -- at work --------------------------------------------------------------------------------

    async def start(self) -> None:
        """Begin to poll, deliver and watch, in tasks of the running loop."""
        self._erase_old_payloads()
        self._tasks = [asyncio.create_task(self._watch(), name="watch")]
        opened = asyncio.create_task(asyncio.to_thread(self._clients.open), name="open HTTP client")
        self._tasks += [
            asyncio.create_task(self._run(station, opened), name=f"station {station.name}")
            for station in self._stations.values()
        ]
        for task in self._tasks:
            task.add_done_callback(self._ended_early)

    async def _run(self, station: Station, opened: asyncio.Task[None]) -> None:
        """Work on an endpoint, once what speaks HTTP was loaded beside: a screen takes keys meanwhile.

        Where that failed the station asks for it again, and its endpoint's health says why.
        """
        await asyncio.wait((opened,))
        await station.run()

    def _ended_early(self, task: asyncio.Task[None]) -> None:
        """Work that should go on ended by a fault of ours: nobody may think that it goes on."""
        if not task.cancelled() and (error := task.exception()) is not None:
            self._fault = f"{task.get_name()} ended: {fault_words(error)}. Open triage again."

    def _erase_old_payloads(self) -> None:
        """Keep what was shown and sent only for the days the operator wants.

        Not where the clock stands far ahead of the log: it may be wrong, and what is erased is gone for good.
        """
        days, now = self.config.payload_days, self.clock.now().wall
        if days is None or self.read_only:
            return
        with contextlib.suppress(
            StoreUnavailable
        ):  # erased at the next start; deciding says the disk's fault
            newest = self.log.recent(1)
            if newest and now - newest[0].changed_at <= timedelta(days=CLOCK_BELIEVED_DAYS):
                self.log.erase_payloads(now - timedelta(days=days), self.operator)

    async def stop(
        self, *, held: Literal["send", "keep"] = "keep", timeout_s: float = STOP_TIMEOUT_S
    ) -> None:
        """End all work. ``send``: carry out what is held first, at most ``timeout_s``, but for what a pause
        stops; ``keep``: leave it in the log for the next desk. A send under way is always carried through."""
        if held == "send":
            for station in self._stations.values():
                station.deliverer.flush = True
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    while any(
                        record.state is not DeliveryState.UNKNOWN and not self.is_stopped(record)
                        for record in self._own_open()
                    ):
                        await asyncio.sleep(WATCH_S / 2)
        await self._escalations.finish()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        for station in self._stations.values():
            station.ownership.free()
        await self._clients.aclose()
        self._write_summary()
        self.queue.save()
        self.queue.close()
        self.log.close()

    async def step_aside(self) -> None:
        """Free every endpoint for other processes, as before the terminal's ctrl+z."""
        await asyncio.gather(*(station.release() for station in self._stations.values()))

    async def take_up(self) -> None:
        """Work on the endpoints again after ``step_aside``."""
        for station in self._stations.values():
            station.take_up()

    def subscribe(self, callback: Callable[[Change], None]) -> Callable[[], None]:
        """Have ``callback`` told of changes, in the event loop; returns what ends that."""
        self._callbacks.append(callback)
        return lambda: self._callbacks.remove(callback)

    async def _watch(self) -> None:
        """Take in what other processes wrote, tell the subscribers, keep the summary."""
        loop = asyncio.get_running_loop()
        summary_due, dirty, told_at = 0.0, True, loop.time()
        await self._all_asked_once()
        while True:
            self._note_trouble(self._try_to_take_in())
            told = self._tell()
            dirty = dirty or told
            if dirty and loop.time() >= summary_due:
                while len(self._uncounted) > COUNTED_AT_ONCE:  # a large queue was opened: keys wait for us
                    self._count_some(COUNTED_AT_ONCE)
                    await asyncio.sleep(0)
                self._write_summary()
                summary_due, dirty = loop.time() + SUMMARY_S, False
            if told:
                told_at = loop.time()
                await asyncio.sleep(GATHER_S)
            quiet = loop.time() - told_at > QUIET_AFTER_S
            timer = loop.call_later(QUIET_WATCH_S if quiet else WATCH_S, self._stirred.set)
            await self._stirred.wait()
            timer.cancel()

    async def _all_asked_once(self) -> None:
        """Wait a moment for the first polls: what waits is then told at once, and none of it comes in above another."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FIRST_S):
                while not all(each.poller.polls or each.watched_since for each in self._stations.values()):
                    await asyncio.sleep(GATHER_S)

    def _try_to_take_in(self) -> str:
        """What is wrong with the store, in words; empty: nothing is."""
        try:
            self._take_in()
        except StoreError as error:
            return str(error)
        self._publish(items=self._read_again())
        troubles = (*self._unread.values(), *(each.poller.trouble for each in self._stations.values()))
        return self._fault or next(filter(None, troubles), "")

    def _note_trouble(self, trouble: str) -> None:
        if trouble != self.trouble:
            self.trouble = trouble
            self._publish(endpoints=self._stations)

    def _take_in(self) -> None:
        items = self.queue.refresh()
        events = self.log.refresh()
        for event in events:
            if event.type in ("decided", "delivery"):
                self._note_end(event.decision_id)
        if items or events:
            self._publish(
                items=(*items, *(event.item_id for event in events if event.item_id)),
                endpoints=(event.endpoint for event in events if event.endpoint),
                decisions=(event.decision_id for event in events if event.decision_id),
            )
        if events:
            for station in self._stations.values():
                station.deliverer.wake()

    def _publish(
        self, items: Iterable[str] = (), endpoints: Iterable[str] = (), decisions: Iterable[str] = ()
    ) -> None:
        changed = frozenset(items)
        self._uncounted |= changed
        self._pending = Change(
            self._pending.items | changed,
            self._pending.endpoints | frozenset(endpoints),
            self._pending.decisions | frozenset(decisions),
        )
        if self._pending != Change():
            self._stirred.set()

    def _tell(self) -> bool:
        self._stirred.clear()
        change, self._pending = self._pending, Change()
        if change == Change():
            return False
        for callback in tuple(self._callbacks):
            callback(change)
        return True

    def _write_summary(self) -> None:
        summary = self.summary()
        with contextlib.suppress(OSError):  # a full disk is said where a decision is logged
            write_summary(self.data, summary)

    # -- asking endpoints ------------------------------------------------------------------------

    async def context(self, item_id: str) -> Context:
        """What led to an item, asked of its endpoint. Raises EndpointError."""
        item = self._item(item_id)
        return await self._station(item.endpoint).connector.context(item)

    async def refresh(self, endpoint: str | None = None) -> None:
        """Poll now, and return when that is done; endpoints that another process polls are left to it."""
        stations = [self._station(endpoint)] if endpoint else list(self._stations.values())
        await asyncio.gather(
            *(station.poller.poll_now() for station in stations if station.ownership.try_take())
        )
        self._tell()

    # -- escalating -----------------------------------------------------------------------------

    def escalate(self, item_id: str, to: str, note: str = "") -> asyncio.Task[str] | None:
        """Hand the item to ``to``; an empty name takes that back.

        Where a command is configured it is run beside: the result is then why it failed, empty when it did not.
        """
        self.mark_escalated(item_id, to, note)
        entry = self.queue.get(item_id)
        if entry is None or not to:
            return None
        item = shown(entry, self.record(item_id), None, self.risk_of(entry))
        document = {"item": item, "to": to, "note": note, "operator": self.operator}
        return self._escalations.send(item_id, document)

    def _not_sent_out(self, item_id: str, why: str) -> None:
        with contextlib.suppress(StoreUnavailable, ItemGone):  # who escalated is told in any case
            item = self._item(item_id)
            said = f"the escalation was not sent out: {why}"
            self.log.append(
                "noted", item_id=item_id, endpoint=item.endpoint, operator=self.operator, detail=said
            )
