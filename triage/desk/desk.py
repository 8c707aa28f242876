"""The desk: everything an operator can do with what waits, as methods, with no screen attached."""

from __future__ import annotations

import asyncio
import contextlib
import getpass
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Literal

import msgspec

from triage.config import Config
from triage.connectors.base import Connector
from triage.connectors.credentials import CredentialError
from triage.connectors.http import Clients
from triage.connectors.opening import open_connector
from triage.desk.checking import faults_of_verdicts
from triage.desk.documents import shown
from triage.desk.escalating import Escalations
from triage.desk.looking import Looking
from triage.desk.marking import ItemChanged, ItemGone, Marking, Refused
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
from triage.model.decision import (
    Decision,
    DeliveryState,
    Verdict,
    new_decision_id,
)
from triage.model.endpoint import EndpointConfig
from triage.model.item import Context, Item
from triage.model.redaction import Redactor
from triage.store.errors import StoreError, StoreUnavailable
from triage.store.log import Log, Record, WrongState
from triage.store.queue import Entry, Queue

__all__ = ["Change", "Desk", "ItemChanged", "ItemGone", "Refused"]

WATCH_S = 0.1
"""How often the files are looked at for what other processes wrote."""
GATHER_S = 0.02
"""What changes within so short a time is told at once."""
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


class Desk(Looking, Marking):
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
        """End all work. ``send``: carry out what is held first, at most ``timeout_s``; ``keep``: leave
        it in the log for the next desk. A send under way is always carried through."""
        if held == "send":
            for station in self._stations.values():
                station.deliverer.flush = True
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    while any(record.state is not DeliveryState.UNKNOWN for record in self._own_open()):
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
        summary_due, dirty = 0.0, True
        while True:
            self._note_trouble(self._try_to_take_in())
            dirty = self._tell() or dirty
            if dirty and loop.time() >= summary_due:
                while len(self._uncounted) > COUNTED_AT_ONCE:  # a large queue was opened: keys wait for us
                    self._count_some(COUNTED_AT_ONCE)
                    await asyncio.sleep(0)
                self._write_summary()
                summary_due, dirty = loop.time() + SUMMARY_S, False
            await asyncio.sleep(GATHER_S)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(WATCH_S - GATHER_S):
                    await self._stirred.wait()

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

    def check(self, item: Item, verdicts: Sequence[Verdict]) -> list[str]:
        """Why these verdicts would not be taken on ``item``; none when they would."""
        faults = faults_of_verdicts(item, verdicts)
        station = self._stations.get(item.endpoint)
        if faults or station is None:
            missing = f"endpoint {item.endpoint!r} is not configured"
            return faults or [self._unusable.get(item.endpoint, missing)]
        return station.connector.check(item, self._new_decision(item, verdicts, 0.0))

    async def context(self, item_id: str) -> Context:
        """What led to an item, asked of its endpoint. Raises EndpointError."""
        item = self._item(item_id)
        return await self._station(item.endpoint).connector.context(item)

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

    # -- deciding -------------------------------------------------------------------------------

    def decide(
        self, item_id: str, revision: str, verdicts: Sequence[Verdict], *, hold_s: float | None = None
    ) -> Record:
        """Log a decision, fsynced when this returns; its delivery follows by itself.

        Args:
            revision: of the item as the operator saw it.
            hold_s: seconds in which it can be undone; default: the configuration's.

        Raises ``Refused`` (``ItemGone``, ``ItemChanged``), the log's ``AlreadyDecided`` naming who was
        first, or the log's error when it cannot be written; nothing is decided then.
        """
        self._may_write()
        entry = self.queue.get(item_id)
        if entry is None:
            raise ItemGone(f"item {item_id} is no longer in the queue")
        if entry.gone is not None:
            raise ItemGone(f"the item no longer waits: {entry.gone.reason} {entry.gone.detail}".strip())
        if entry.item.revision != revision:
            raise ItemChanged("the item has changed since it was shown; look at it again")
        faults = self.check(entry.item, verdicts) or self._faults_of_risk(entry, verdicts)
        if faults:
            raise Refused(*faults)
        hold = self.config.hold_s if hold_s is None else hold_s
        record = self.log.decide(self._new_decision(entry.item, verdicts, hold), entry.item)
        self._logged(record)
        return record

    def undo(self, decision_id: str | None = None) -> Record:
        """Take back a held decision; None: the newest held one of this operator."""
        self._may_write()
        record = self._newest_held() if decision_id is None else self._record(decision_id)
        return self._advance(
            record, DeliveryState.WITHDRAWN, expect=DeliveryState.HELD, why="cannot be undone"
        )

    def close_by_hand(self, decision_id: str, note: str) -> Record:
        """End a delivery whose outcome stays unknown, on the operator's word; ``note`` says why."""
        self._may_write()
        if not note.strip():
            raise Refused("closing by hand needs a note that says what you found out")
        record = self._record(decision_id)
        return self._advance(
            record, DeliveryState.CLOSED, expect=DeliveryState.UNKNOWN, why="cannot be closed", note=note
        )

    async def look_again(self, decision_id: str) -> Record:
        """Ask the second source once more about a decision that was sent."""
        record = self._record(decision_id)
        if record.state in (DeliveryState.SENDING, DeliveryState.SENT, DeliveryState.UNKNOWN):
            self._may_write()
            await self._station(record.decision.endpoint).deliverer.look_again(record)
        return self._record(decision_id)

    async def repair(self, item_id: str) -> str:
        """Mend what blocks an item, where its endpoint allows; says what was done."""
        self._may_write()
        item = self._item(item_id)
        done = await self._station(item.endpoint).connector.repair(item)
        if done is None:
            raise Refused("there is nothing to repair about this item")
        self.log.append(
            "repaired", item_id=item.id, endpoint=item.endpoint, operator=self.operator, detail=done
        )
        self._station(item.endpoint).poller.soon()
        return done

    def pause(self, endpoint: str | None = None) -> None:
        """Send nothing to an endpoint, or to any (None), until ``resume``."""
        self._pause_event("paused", endpoint)

    def resume(self, endpoint: str | None = None) -> None:
        """Send again to an endpoint; None: to all, those paused alone too."""
        self._pause_event("resumed", endpoint)

    async def refresh(self, endpoint: str | None = None) -> None:
        """Poll now, and return when that is done; endpoints that another process polls are left to it."""
        stations = [self._station(endpoint)] if endpoint else list(self._stations.values())
        await asyncio.gather(
            *(station.poller.poll_now() for station in stations if station.ownership.try_take())
        )
        self._tell()

    async def wait(self, decision_id: str, timeout_s: float | None = None) -> Record:
        """The record once its outcome is known or given up as unknown. Raises TimeoutError."""
        on_the_way = (DeliveryState.HELD, DeliveryState.SENDING, DeliveryState.SENT)
        async with asyncio.timeout(timeout_s):
            while (record := self._record(decision_id)).state in on_the_way:
                await asyncio.sleep(WATCH_S / 4)
                self._take_in()
        return record

    # -- within ---------------------------------------------------------------------------------

    def _faults_of_risk(self, entry: Entry, verdicts: Sequence[Verdict]) -> list[str]:
        """Why an item of high risk is not decided so, where the operators want a reason for each verdict."""
        if self.config.high_risk != "reason" or all((each.reason or "").strip() for each in verdicts):
            return []
        rated = self.risk_of(entry)
        said = f" ({rated.why})" if rated.why else ""
        return [f"this is of high risk{said} and needs a reason"] if rated.is_high else []

    def _station(self, endpoint: str) -> Station:
        if endpoint in self._unusable:
            raise Refused(f"{endpoint}: {self._unusable[endpoint]}")
        if endpoint not in self._stations:
            raise Refused(f"endpoint {endpoint!r} is not configured")
        return self._stations[endpoint]

    def _record(self, decision_id: str) -> Record:
        record = self.log.record(decision_id)
        if record is None:
            raise Refused(f"no decision {decision_id} is in the log")
        return record

    def _newest_held(self) -> Record:
        for record in reversed(self.log.open_records()):
            if record.state is DeliveryState.HELD and record.decision.operator == self.operator:
                return record
        raise Refused("nothing is held that could be undone")

    def _new_decision(self, item: Item, verdicts: Sequence[Verdict], hold_s: float) -> Decision:
        return Decision(
            id=new_decision_id(),
            item_id=item.id,
            endpoint=item.endpoint,
            revision=item.revision,
            verdicts=tuple(verdicts),
            operator=self.operator,
            at=self.clock.now().wall,
            hold_s=hold_s,
        )

    def _advance(
        self, record: Record, to: DeliveryState, *, expect: DeliveryState, why: str, note: str = ""
    ) -> Record:
        try:
            after = self.log.advance(
                record.decision.id, to, expect=expect, operator=self.operator, note=note, detail=note
            )
        except WrongState as error:
            raise Refused(f"it {why}: it is {error.record.state} already") from error
        self._logged(after)
        return after

    def _logged(self, record: Record) -> None:
        self._take_in()
        self._publish(items=(record.decision.item_id,), decisions=(record.decision.id,))
        station = self._stations.get(record.decision.endpoint)
        if station is not None:
            station.deliverer.wake()

    def _pause_event(self, event: str, endpoint: str | None) -> None:
        self._may_write()
        if endpoint is not None and endpoint not in self.config.endpoints:
            raise Refused(
                f"no endpoint is called {endpoint!r}; there are: {', '.join(self.config.endpoints)}"
            )
        self.log.append(event, endpoint=endpoint or "*", operator=self.operator)
        self._take_in()
        self._publish(endpoints=self._stations)
