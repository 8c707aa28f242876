"""Deciding at the desk: what is checked before, taking back, closing by hand, and the stop of all sending."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from triage.desk.checking import faults_of_verdicts
from triage.desk.looking import Looking
from triage.desk.marking import ItemChanged, ItemGone, Marking, Refused
from triage.desk.station import Station
from triage.model.decision import Decision, DeliveryState, Verdict, new_decision_id
from triage.model.item import Item
from triage.store.log import Record, WrongState
from triage.store.queue import Entry

__all__ = ["Deciding"]

WAIT_STEP_S = 0.025


class Deciding(Looking, Marking):
    """The part of the desk that decides."""

    _take_in: Callable[[], None]

    def check(self, item: Item, verdicts: Sequence[Verdict]) -> list[str]:
        """Why these verdicts would not be taken on ``item``; none when they would."""
        faults = faults_of_verdicts(item, verdicts)
        station = self._stations.get(item.endpoint)
        if faults or station is None:
            missing = f"endpoint {item.endpoint!r} is not configured"
            return faults or [self._unusable.get(item.endpoint, missing)]
        return station.connector.check(item, self._new_decision(item, verdicts, 0.0))

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

    async def wait(self, decision_id: str, timeout_s: float | None = None) -> Record:
        """The record once its outcome is known or given up as unknown. Raises TimeoutError."""
        on_the_way = (DeliveryState.HELD, DeliveryState.SENDING, DeliveryState.SENT)
        async with asyncio.timeout(timeout_s):
            while (record := self._record(decision_id)).state in on_the_way:
                await asyncio.sleep(WAIT_STEP_S)
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
