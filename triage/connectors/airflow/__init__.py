"""Apache Airflow 3.1 and later: human-in-the-loop tasks, answered by option and parameters."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from triage.connectors.airflow import asking
from triage.connectors.airflow.api import Api, Detail, as_detail, utc
from triage.connectors.airflow.reading import item_of, listed
from triage.connectors.airflow.session import AirflowConfig, NotLoggedIn, Session
from triage.connectors.airflow.settling import Settling, became_of, closing_mark, is_same, place_of
from triage.connectors.base import Connector, Match, Poll, Refusal
from triage.connectors.http import Declined, EndpointError, Garbled, Reply, Wire
from triage.model.decision import Decision, Outcome, Receipt
from triage.model.endpoint import EndpointConfig
from triage.model.item import Context, Gone, Item, Message, Verb

__all__ = ["Airflow", "AirflowConfig"]

_NOTE_LENGTH = 1000
_UNCLEAR = (408, 425)


class _Said(msgspec.Struct, frozen=True):
    """The reply to an answer that was stored."""

    responded_at: str
    responded_by: dict[str, object] = {}


class Airflow(Connector):
    """One Airflow server."""

    kind: ClassVar[str] = "airflow"
    Config: ClassVar[type[EndpointConfig]] = AirflowConfig
    tested: ClassVar[str] = "Airflow 3.3"
    verbs: ClassVar[dict[str, str]] = {
        "approve": "option Approve, or the only one, with the parameters as proposed",
        "edit": "the same with edited parameters",
        "reject": "option Reject, with the reason where a parameter takes it",
        "respond": "the chosen option or options, or the filled-in form",
        "close": "fails the whole DAG run, whose note then names the decision",
    }
    proof: ClassVar[str] = (
        "The question carries our answer, made before its task ended, and the task succeeded with it."
    )

    def __init__(self, config: AirflowConfig, wire: Wire) -> None:
        self._session = Session(config, wire)
        super().__init__(config, self._session.wire)
        self.api = Api(self._session)
        self._settling = Settling(self.api)

    @classmethod
    async def recognise(cls, wire: Wire) -> Match | None:
        """A server that tells its version and how its scheduler fares."""
        base = wire.url.removesuffix("/api/v2")
        version = await _told(wire, f"{base}/api/v2/version", "version")
        if not isinstance(version, str) or not version[:1].isdigit():
            return None
        if await _told(wire, f"{base}/api/v2/monitor/health", "metadatabase") is None:
            return None
        warning = "" if version.startswith("3.3.") else f"tested with {cls.tested}; this is {version}"
        if version.startswith("3.0."):
            warning = f"Airflow {version} has no human-in-the-loop tasks; 3.1 and later do"
        return Match(kind=cls.kind, version=version, detail=f"Apache Airflow {version}", warning=warning)

    # -- looking

    async def poll(self) -> Poll:
        """Every human-in-the-loop task that waits, over all DAGs."""
        waiting, problems = await listed(self.api)
        items = tuple(self._item(detail, row) for detail, row in waiting)
        return Poll(items=items, problems=tuple(problems))

    def _item(self, detail: Detail, row: object) -> Item:
        return item_of(self.config.name, self._session.base, detail, row, self._session.subject)

    async def context(self, item: Item) -> Context:
        """What the run was started with, how its tasks went, and how earlier tries were answered."""
        place = place_of(item)
        run = await self.api.run(place)
        messages = []
        for step in sorted(await self.api.steps(place), key=lambda one: str(one.start_date or "~")):
            mapped = f" [{step.map_index}]" if step.map_index >= 0 else ""
            text = f"{step.task_id}{mapped}: {step.state or 'not started'}"
            messages.append(Message("task", text, utc(step.end_date or step.start_date)))
        for number in range(1, item.locator["try_number"]):
            before = await self.api.earlier(place, number)
            if before:
                told = before.answer_words if before.response_received else "not answered"
                messages.append(Message("earlier try", f"try {number}: {told}", utc(before.responded_at)))
        if run is None:
            return Context(messages=tuple(messages))
        shown = {"state": run.state, "conf": run.conf, "note": run.note}
        return Context(
            messages=tuple(messages), state={name: value for name, value in shown.items() if value}
        )

    def lane(self, item: Item) -> str:
        """The task, whichever try of it asks: an answer goes to its path."""
        return place_of(item).words

    async def reread(self, item: Item) -> Item | Gone:
        """The task as it stands now: the same question only in the same try of it."""
        row = await self.api.row(place_of(item))
        if row is None:
            return Gone("deleted", "the task, or its DAG run, is deleted")
        detail = as_detail(row)
        if not is_same(item, detail) or not detail.asks:
            return became_of(item, detail)
        return self._item(detail, row)

    # -- doing

    def check(self, item: Item, decision: Decision) -> list[str]:
        """Refuses what Airflow would take with 200 and then fail the task over."""
        verdict = decision.verdicts[0]
        if verdict.verb is Verb.CLOSE or verdict.verb not in item.verbs:
            return []
        return asking.faults(item.locator, verdict)

    async def send(self, item: Item, decision: Decision) -> Receipt:
        """One PATCH of the question, or of its DAG run."""
        try:
            if decision.verb is Verb.CLOSE:
                return await self._close(item, decision)
            options, values = asking.answer(item.locator, decision.verdicts[0])
            body = {
                "chosen_options": options,
                "params_input": values,
                "request_created_at": item.locator["created_at"],
            }
            return _receipt(await self.api.answer(place_of(item), body))
        except NotLoggedIn as error:
            raise Refusal(str(error)) from error

    async def _close(self, item: Item, decision: Decision) -> Receipt:
        """Fail the DAG run, unless it is over; its note is kept, as far as both fit."""
        try:
            run = await self.api.run(place_of(item))
        except EndpointError as error:
            raise Refusal(f"not sent, the DAG run cannot be read: {error}") from error
        if run is None or run.is_over:
            raise Refusal(f"the DAG run is {run.state if run else 'deleted'} already")
        mark = closing_mark(decision)
        kept = (run.note or "")[: _NOTE_LENGTH - len(mark) - 1]
        reply = await self.api.fail_run(place_of(item), f"{kept}\n{mark}" if kept else mark)
        _raise_refused(reply)
        return Receipt(reference=decision.id, detail={"status": reply.status})

    async def settle(self, item: Item, decision: Decision, receipt: Receipt | None) -> Outcome:
        """See ``settling``."""
        return await self._settling.outcome(item, decision, receipt)


async def _told(wire: Wire, url: str, member: str) -> object:
    """One member of what a GET answers; None where it answers anything else."""
    reply = await wire.request("GET", url)
    try:
        body = reply.json if reply.status == 200 else None
    except Garbled:
        return None
    return body.get(member) if isinstance(body, dict) else None


def _receipt(reply: Reply) -> Receipt:
    """What the server said. A 409 says that an answer stands, not whose: ours may have come twice."""
    if reply.status == 409:
        return Receipt(detail={"status": 409})
    _raise_refused(reply)
    said: _Said = reply.decode(_Said)
    return Receipt(
        reference=said.responded_at, detail={"status": reply.status, "responded_by": said.responded_by}
    )


def _raise_refused(reply: Reply) -> None:
    """Raise what fits an error status: Refusal where nothing was done, else the status' own error."""
    try:
        reply.raise_for_status()
    except Declined as error:
        if 400 <= reply.status < 500 and reply.status not in _UNCLEAR:
            raise Refusal(f"Airflow does not take it: {error}") from error
        raise
