"""Carrying decisions to one endpoint: held, read again, sent once, settled from a second source.

Deliveries of one lane go one after the other, each settled before the next. What was begun by a
process that ended is taken up from the log: held ones start their window anew, those in ``sending``
or ``sent`` are only settled, never sent again. After the machine slept, or this process was stopped, what is held
starts its window anew as well: nothing goes out at the moment of waking.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable

from triage.connectors import in_time
from triage.connectors.base import Connector, Refusal
from triage.connectors.http import EndpointError, Unreachable
from triage.desk import timeliness
from triage.desk.lanes import Lanes
from triage.desk.timeliness import Clock, Moment, Sending, passed_s
from triage.fault import fault_words
from triage.model.decision import OPEN_STATES, TRANSITIONS, DeliveryState, Outcome, Receipt
from triage.model.item import Gone, Item
from triage.store.errors import StoreError
from triage.store.log import Log, Record, WrongState
from triage.store.queue import Queue

__all__ = ["Deliverer"]

SETTLE_FIRST_S = 0.15
SETTLE_MAX_S = 5.0
LOST_FOR_S = 15.0
"""How long a lost reply is looked for before the outcome is called unknown."""
UNKNOWN_MAX_S = 120.0
RETRY_MAX_S = 30.0

Changed = Callable[[Iterable[str], Iterable[str]], None]
"""Told of item ids and decision ids that changed."""

_S = DeliveryState


class Deliverer:
    """Delivers what is decided for one endpoint."""

    def __init__(
        self,
        connector: Connector,
        queue: Queue,
        log: Log,
        changed: Changed,
        settled: Callable[[], None],
        refresh: Callable[[], None],
        clock: Clock,
    ) -> None:
        self.connector = connector
        self.endpoint: str = connector.config.name
        self.queue = queue
        self.log = log
        self.changed = changed
        self.settled = settled
        """Told when a delivery ended, so that the endpoint is polled soon."""
        self.refresh = refresh
        """Takes in what other processes logged."""
        self.reasons: dict[str, str] = {}
        """Decision id → why it waits, in words."""
        self.flush = False
        """Send what is held now instead of waiting for its window to end."""
        self.clock = clock
        self._seen: dict[str, Moment] = {}
        """Decision id → when this process first met it."""
        self._held_since: dict[str, float] = {}
        """Decision id → when its window began, in steady seconds."""
        self._lanes = Lanes(self._bring_to_end, self._note_fault)
        self._sending: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()

    # -- what goes on ---------------------------------------------------------------------------

    async def run(self) -> None:
        """Deliver until cancelled; a send under way is then still carried through by ``finish``."""
        self._begin_windows_anew()
        try:
            while True:
                self._wake.clear()
                self._start_lanes()
                await self._wake.wait()
        finally:
            await self._lanes.stop()

    def wake(self) -> None:
        """Look at the log again: something was decided, undone, paused or resumed."""
        self._wake.set()

    @property
    def sends_under_way(self) -> int:
        """How many requests that carry a decision are not answered yet."""
        return len(self._sending)

    async def finish(self) -> None:
        """Wait for sends under way to be logged as sent, refused or unknown."""
        if self._sending:
            await asyncio.wait(self._sending)

    def held_left_s(self, record: Record) -> float:
        """Seconds left of the undo window."""
        if self.flush:
            return 0.0
        now_s = self.clock.now().steady_s
        since_s = self._held_since.get(record.decision.id, now_s)
        return max(0.0, since_s + record.decision.hold_s - now_s)

    def paused(self) -> bool:
        """Whether the operator stopped all sending or that to this endpoint."""
        return self.log.is_paused(self.endpoint)

    # -- lanes ----------------------------------------------------------------------------------

    def _start_lanes(self) -> None:
        for record in self.log.open_records(self.endpoint):
            decision_id = record.decision.id
            if decision_id not in self._lanes:
                now = self.clock.now()
                self._seen.setdefault(decision_id, now)
                self._held_since.setdefault(decision_id, now.steady_s)
                lane = self.connector.lane(record.item) if record.item else record.decision.item_id
                self._lanes.put(lane, decision_id)

    async def _bring_to_end(self, decision_id: str) -> None:
        """Deliver until the decision's delivery is over.

        While the store cannot be written it is tried again, ever less often: where the log has it says
        whether it was sent.
        """
        failures = 0
        while (record := self.log.record(decision_id)) is not None and record.state in OPEN_STATES:
            try:
                await self._deliver(record)
            except StoreError as error:
                failures += 1
                self._say(record, f"{error} Trying again.")
                await asyncio.sleep(min(RETRY_MAX_S, 2.0**failures))
        for kept in (self.reasons, self._seen, self._held_since):
            kept.pop(decision_id, None)

    def _note_fault(self, decision_id: str, error: BaseException) -> None:
        self.reasons[decision_id] = f"{fault_words(error)}; trying again"
        self.changed((), (decision_id,))

    async def _deliver(self, record: Record) -> None:
        item = record.item
        if item is None:
            await self._without_item(record)
        elif record.state is _S.HELD:
            await self._from_held(record, item)
        else:
            await self._settle(record, item, record.receipt)

    async def _without_item(self, record: Record) -> None:
        """What was decided can no longer be read: one that is held is not sent, another is left to the operator."""
        if record.state is _S.HELD:
            self._advance(record, _S.STALE, "not sent, what was decided cannot be read any more")
            self._ended(record)
            return
        if record.state is not _S.UNKNOWN:
            self._advance(record, _S.UNKNOWN, "what was decided cannot be read any more")
        await self._wait_until_closed(record)

    # -- held -----------------------------------------------------------------------------------

    async def _from_held(self, record: Record, item: Item) -> None:
        ready = await self._ready(record, item)
        if ready is None:
            return
        fresh, read = ready
        task = asyncio.create_task(self._send_once(record, fresh, read), name=f"send {record.decision.id}")
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)
        await asyncio.shield(task)
        current = self.log.record(record.decision.id)
        if current is not None and current.state in OPEN_STATES:
            await self._settle(current, fresh, current.receipt)

    async def _ready(self, record: Record, item: Item) -> tuple[Item, Moment] | None:
        """The item as it stands now, and when it was read, once it may be sent; None when it may no longer be."""
        failures = 0
        while self._still_held(record):
            if (left_s := self.held_left_s(record)) > 0 or self.paused():
                await self._pause(record, "sending is paused" if self.paused() else "", left_s or 1.0)
                continue
            read = self.clock.now()
            try:
                fresh = await self.connector.reread(item)
            except EndpointError as error:
                failures += 1
                await self._pause(record, f"{error}; trying again", min(RETRY_MAX_S, 2.0**failures))
                continue
            if self.paused() or not self._still_held(record):  # the machine may have slept while it was read
                continue
            now = self.clock.now()
            if passed_s(read, now) > timeliness.MAX_READ_AGE_S:
                continue
            why = _why_stale(record, item, fresh, now)
            if why is None and isinstance(fresh, Item):
                return fresh, read
            if self._advance(record, _S.STALE, why or "") and isinstance(fresh, Item):
                self.queue.put(fresh, now.wall)
            self._ended(record)
        return None

    def _still_held(self, record: Record) -> bool:
        """Whether the record is held and not too old; too old ends it."""
        self.refresh()
        current = self.log.record(record.decision.id)
        if current is None or current.state is not _S.HELD:
            return False
        now = self.clock.now()
        why = timeliness.why_too_old(record.decision, self._seen.get(record.decision.id, now), now)
        if why is None:
            return True
        reason = self.reasons.get(record.decision.id, "")
        self._advance(record, _S.STALE, f"{why} ({reason})" if reason else why)
        self._ended(record)
        return False

    async def _pause(self, record: Record, reason: str, seconds: float) -> None:
        """Wait at most ``seconds``, in steps that notice an undo, a pause or a flush soon."""
        if self.reasons.get(record.decision.id, "") != reason:
            self.reasons[record.decision.id] = reason
            self.changed((), (record.decision.id,))
        await self._doze(min(seconds, 0.25))
        if reason and seconds > 0.25 and not self.paused():
            deadline = time.monotonic() + seconds - 0.25
            while time.monotonic() < deadline and not self.flush:
                await self._doze(0.25)

    async def _doze(self, seconds: float) -> None:
        """Wait; where much more time passed than that the machine slept, and windows begin anew."""
        before = self.clock.now()
        await asyncio.sleep(seconds)
        if passed_s(before, self.clock.now()) > seconds + timeliness.SLACK_S:
            self._begin_windows_anew()

    def _begin_windows_anew(self) -> None:
        self._held_since = dict.fromkeys(self._held_since, self.clock.now().steady_s)

    # -- sending --------------------------------------------------------------------------------

    async def _send_once(self, record: Record, item: Item, read: Moment) -> None:
        """The only place that sends. Never called twice for one decision: ``sending`` is taken once."""
        began = self.clock.now()
        if not self._advance(record, _S.SENDING):
            return
        gap_s = passed_s(began, self.clock.now())
        if gap_s > timeliness.MAX_SENDING_GAP_S:
            self._not_sent(record, f"{timeliness.slept_words(gap_s)} right before sending")
            return
        terms = Sending(self.clock, item, read)
        if why := terms.why_not():
            self._not_sent(record, why)
            return
        try:
            with in_time.only(terms):
                receipt = await self.connector.send(item, record.decision)
        except in_time.TooLate as error:
            self._not_sent(record, str(error))
        except Refusal as error:
            self._end(record, _S.REFUSED, str(error))
        except Unreachable as error:
            self._end(record, _S.REFUSED, f"{error}; nothing was sent")
        except EndpointError as error:
            self.reasons[record.decision.id] = f"{error}; looking whether it arrived"
            self.changed((), (record.decision.id,))
        except Exception as error:  # noqa: BLE001 - whatever went wrong, it may have been sent
            self._advance(record, _S.UNKNOWN, f"a fault in triage itself while sending: {error!r}")
        else:
            self._advance(record, _S.SENT, receipt=receipt)

    def _not_sent(self, record: Record, why: str) -> None:
        """It certainly did not go out, whatever another process that looked for it meanwhile took it for."""
        self.refresh()
        current = self.log.record(record.decision.id)
        doubted = current is not None and current.state is _S.UNKNOWN
        self._advance(record, _S.REFUSED if doubted else _S.STALE, why)
        self._ended(record)

    # -- settling -------------------------------------------------------------------------------

    async def _settle(self, record: Record, item: Item, receipt: Receipt | None) -> None:
        """Look at the second source until it says what came of the decision, or the operator does."""
        began, wait_s = time.monotonic(), SETTLE_FIRST_S
        while (current := self.log.record(record.decision.id)) is not None:
            if current.state not in OPEN_STATES:
                return
            outcome = await self._look(item, current, receipt)
            lost_s = time.monotonic() - began
            if self._take_outcome(current, outcome, patient=lost_s < LOST_FOR_S):
                return
            limit_s = UNKNOWN_MAX_S if current.state is _S.UNKNOWN else SETTLE_MAX_S
            wait_s = min(wait_s * 1.6, limit_s)
            await self._wait_for_change(record, wait_s)
            self.refresh()

    async def look_again(self, record: Record) -> None:
        """Settle once more, on the operator's word."""
        if record.item is None:
            return
        outcome = await self._look(record.item, record, record.receipt)
        self._take_outcome(record, outcome, patient=False)

    async def _look(self, item: Item, record: Record, receipt: Receipt | None) -> Outcome:
        try:
            return await self.connector.settle(item, record.decision, receipt)
        except EndpointError as error:
            return Outcome(_S.UNKNOWN, f"{error}; looking again")
        except Exception as error:  # noqa: BLE001 - a fault of ours must not pass for an outcome
            return Outcome(_S.UNKNOWN, f"a fault in triage itself while looking: {error!r}")

    def _take_outcome(self, record: Record, outcome: Outcome, *, patient: bool) -> bool:
        """Log what is new in ``outcome``; True when the delivery is over."""
        if outcome.state in (_S.CONFIRMED, _S.REFUSED):
            self._end(record, outcome.state, outcome.detail, outcome.effect)
            return True
        if outcome.state is _S.SENT:
            if record.state is not _S.SENT:
                self._advance(record, _S.SENT, outcome.detail, receipt=record.receipt)
            self._say(record, outcome.detail)
        elif patient:
            self._say(record, outcome.detail)
        elif record.state is not _S.UNKNOWN:
            self._advance(record, _S.UNKNOWN, outcome.detail)
        return False

    async def _wait_for_change(self, record: Record, seconds: float) -> None:
        """At most ``seconds``; less when the record is settled meanwhile, as by hand."""
        deadline = time.monotonic() + seconds
        while (left_s := deadline - time.monotonic()) > 0:
            await self._doze(min(left_s, 0.5))
            current = self.log.record(record.decision.id)
            if current is None or current.state not in OPEN_STATES:
                return

    async def _wait_until_closed(self, record: Record) -> None:
        while (current := self.log.record(record.decision.id)) and current.state in OPEN_STATES:
            await self._wait_for_change(record, UNKNOWN_MAX_S)

    # -- the log --------------------------------------------------------------------------------

    def _say(self, record: Record, reason: str) -> None:
        if self.reasons.get(record.decision.id) != reason:
            self.reasons[record.decision.id] = reason
            self.changed((), (record.decision.id,))

    def _advance(
        self,
        record: Record,
        to: DeliveryState,
        detail: str = "",
        effect: str = "",
        receipt: Receipt | None = None,
    ) -> bool:
        """Log the new state; False when another process or the operator was first."""
        current = self.log.record(record.decision.id)
        expect = record.state if current is None or to is _S.SENDING else current.state
        if to not in TRANSITIONS[expect]:  # closed by hand meanwhile
            return False
        try:
            self.log.advance(
                record.decision.id, to, expect=expect, detail=detail, effect=effect, receipt=receipt
            )
        except WrongState:
            return False
        finally:
            self.changed((record.decision.item_id,), (record.decision.id,))
        return True

    def _end(self, record: Record, to: DeliveryState, detail: str, effect: str = "") -> None:
        if self._advance(record, to, detail, effect) and to is _S.CONFIRMED:
            self.queue.forget([record.decision.item_id])
        self._ended(record)

    def _ended(self, record: Record) -> None:
        self.changed((record.decision.item_id,), (record.decision.id,))
        self.settled()


def _why_stale(record: Record, shown: Item, now_is: Item | Gone, now: Moment) -> str | None:
    """Why a held decision must not be sent any more; None when it may be."""
    if isinstance(now_is, Gone):
        words = f": {now_is.detail}" if now_is.detail else ""
        return f"not sent, the item no longer waits ({now_is.reason}{words})"
    if now_is.revision != record.decision.revision:
        return "not sent, what is asked changed after it was decided; look at it again"
    return timeliness.why_overdue(shown, now)
