"""Agno's AgentOS: approvals that runs wait for, and the second call that carries a run on."""

from __future__ import annotations

import time
from typing import Any, ClassVar

import msgspec

from triage.connectors.agno.api import UNCLEAR, Api, read_row
from triage.connectors.agno.rows import PENDING, REQUIRED, Row, read_item, stuck_item
from triage.connectors.agno.runs import Leg, Taken, messages
from triage.connectors.agno.settling import (
    LATER,
    LOST,
    NO,
    YES,
    Settling,
    decision_data,
    is_approval,
    is_ours,
)
from triage.connectors.base import Connector, Match, Poll, Refusal
from triage.connectors.http import Declined, EndpointError, Garbled, Unreachable, Wire
from triage.model.decision import Decision, DeliveryState, Outcome, Receipt
from triage.model.endpoint import EndpointConfig
from triage.model.item import Context, Gone, Item

__all__ = ["Agno"]

PAGE = 250
MAX_PAGES = 400
READS = 3
"""How often a list that moves while it is read is read anew."""
STUCK_S = 600.0
"""A decided approval whose run still says that it is paused is shown again after this long."""
STUCK_EVERY_S = 60.0
"""How often decided approvals are looked through for such runs."""
STUCK_ROWS = 100
_COUNTS = (("agent", "agent_count"), ("team", "team_count"), ("workflow", "workflow_count"))


class Agno(Connector):
    """One AgentOS."""

    kind = "agno"
    tested = "agno 3.1"
    verbs: ClassVar[dict[str, str]] = {
        "approve": "resolves the approval as approved, then continues its run",
        "reject": "resolves it as rejected, then continues its run",
        "respond": "resolves it as approved with the values or the result, then continues its run",
    }
    proof = (
        "The approval holds our decision's id, and the run that asked shows its calls carried out or turned "
        "down as decided."
    )

    def __init__(self, config: EndpointConfig, wire: Wire) -> None:
        super().__init__(config, wire)
        self.api = Api(wire)
        self._settling = Settling()
        self._stuck: tuple[float, Poll] = (0.0, Poll(()))
        self._went_on: set[str] = set()
        """Ids of decided approvals whose runs were seen to go on."""

    @classmethod
    async def recognise(cls, wire: Wire) -> Match | None:
        """An AgentOS says in ``GET /info`` which agno it runs; older ones only count their approvals."""
        info = await _json(wire, "info")
        version = info.get("agno_version")
        if isinstance(version, str):
            known = version.startswith("3.1.")
            counts = [f"{info[key]} {name}{'s' * (info[key] != 1)}" for name, key in _COUNTS if info.get(key)]
            return Match(
                kind=cls.kind,
                version=version,
                detail=": ".join(filter(None, (f"AgentOS of agno {version}", ", ".join(counts)))),
                warning="" if known else f"tested with {cls.tested}; this is {version}",
            )
        count = (await _json(wire, "approvals/count")).get("count")
        if not isinstance(count, int) or isinstance(count, bool):
            return None
        return Match(cls.kind, "", f"an AgentOS; {count} approvals wait", warning=f"tested with {cls.tested}")

    # -- looking

    async def poll(self) -> Poll:
        """All approvals that wait, and runs that were left paused by a decision."""
        items: dict[str, Item] = {}
        problems: list[str] = []
        for raw in await self._pending():
            try:
                row = msgspec.convert(raw, Row)
                if row.status == PENDING and row.approval_type in (None, REQUIRED):
                    items.setdefault(row.id, read_item(self.config.name, row, raw))
            except (msgspec.ValidationError, ValueError) as error:
                problems.append(f"{_name_of(raw)} cannot be read: {error}")
        stuck = await self._stuck_runs()
        return Poll((*items.values(), *stuck.items), (*problems, *stuck.problems))

    async def _pending(self) -> list[Any]:
        """Every pending row. Pages are counted off, so one that is decided meanwhile moves others past the
        reader: the list is read anew until it is whole."""
        for _ in range(READS):
            rows, total = await self._pages()
            if _distinct(rows) >= total:
                return rows
        raise Garbled(f"the approvals of {self.config.name} change faster than they can be read")

    async def _pages(self) -> tuple[list[Any], int]:
        """The rows of all pages, and how many there are to be."""
        rows: list[Any] = []
        for number in range(1, MAX_PAGES + 1):
            page = await self.api.page(PENDING, PAGE, number)
            rows += page.data
            pages, total = page.meta.get("total_pages"), page.meta.get("total_count")
            if not isinstance(pages, int) or number >= pages:
                return rows, total if isinstance(total, int) else 0
        raise Garbled(f"{self.config.name} has more than {MAX_PAGES} pages of approvals")

    async def _stuck_runs(self) -> Poll:
        """Decided approvals whose runs were never carried on, among the newest; looked for now and then."""
        at, found = self._stuck
        if at and time.monotonic() - at < STUCK_EVERY_S:
            return found
        items, problems = [], []
        for status in ("approved", "rejected"):
            for raw in (await self.api.page(status, STUCK_ROWS, 1)).data:
                try:
                    row = msgspec.convert(raw, Row)
                    if await self._is_stuck(row):
                        items.append(stuck_item(self.config.name, row, raw))
                except (msgspec.ValidationError, ValueError, EndpointError) as error:
                    problems.append(f"{_name_of(raw)} cannot be read: {error}")
        self._stuck = time.monotonic(), Poll(tuple(items), tuple(problems))
        return self._stuck[1]

    async def _is_stuck(self, row: Row) -> bool:
        """Whether a row was decided long ago, and its run waits for nothing else and still was not seen to go
        on. Agno refuses to continue one whose call by hand was rejected: nothing can be done about it."""
        if row.status == PENDING or row.run_status != "PAUSED" or row.id in self._went_on:
            return False
        if row.resolved_at is None or time.time() - row.resolved_at < STUCK_S:
            return False
        if row.status == "rejected" and any(call.external_execution_required for call in row.calls):
            return False
        leg = await self.api.leg(row)
        if leg.taken(row.id, row.status == "approved") is Taken.NOT_SEEN:
            return bool(leg.own) and not leg.at_work and not await self.api.others_wait(row, leg)
        self._went_on.add(row.id)
        return False

    async def context(self, item: Item) -> Context:
        """What was said in the run that asked."""
        raw = await self.api.row(item.locator["approval_id"])
        return Context() if raw is None else Context(messages=messages(await self.api.leg(read_row(raw))))

    def lane(self, item: Item) -> str:
        """The session: of several approvals in one run, the last one to be decided carries it on."""
        return str(item.locator["session_id"] or item.key)

    async def reread(self, item: Item) -> Item | Gone:
        """The approval as it stands now."""
        raw = await self.api.row(item.locator["approval_id"])
        if raw is None:
            return Gone("not known", "the approval is deleted, or not for us to see")
        row = read_row(raw)
        if row.id != item.locator["approval_id"]:
            raise Garbled(f"{self.config.name} answered with another approval, {row.id[:80]!r}")
        try:
            if item.locator["shape"] == "stuck":
                stuck = await self._is_stuck(row)
                return (
                    stuck_item(self.config.name, row, raw) if stuck else Gone("answered", "its run went on")
                )
            if row.status == PENDING:
                return read_item(self.config.name, row, raw)
        except ValueError as error:
            raise Garbled(f"approval {row.id} cannot be read: {error}") from error
        return Gone({"expired": "expired", "cancelled": "deleted"}.get(row.status, "answered"), row.words)

    # -- doing

    def check(self, item: Item, decision: Decision) -> list[str]:
        """One decision covers all calls of an approval."""
        if any(verdict != decision.verdicts[0] for verdict in decision.verdicts):
            return ["one decision covers all calls of an approval: give every call the same verdict"]
        return []

    async def send(self, item: Item, decision: Decision) -> Receipt:
        """Decide the approval, then continue its run. Each is done once; when the reply to the first is lost
        and the approval holds our decision, the second follows."""
        row = read_row(item.raw)
        try:
            leg = await self.api.leg(row)
        except Unreachable:
            raise
        except EndpointError as error:
            raise Refusal(f"{error}; nothing was sent") from error
        status = "approved" if is_approval(decision) else "rejected"
        try:
            await self.api.resolve(row.id, status, decision.operator, decision_data(decision))
        except EndpointError as error:
            await self._after_lost(row, decision, error)
        continued, why = await self._carry_on(row, leg)
        return Receipt(
            reference=row.id,
            detail={
                "run": f"{leg.kind}/{leg.owner}/{leg.run_id}",
                "continued": continued,
                "why": why,
            },
        )

    async def _after_lost(self, row: Row, decision: Decision, error: EndpointError) -> None:
        """Returns when the approval holds our decision all the same; else raises what fits."""
        if isinstance(error, Unreachable):
            raise error
        clear = isinstance(error, Declined) and error.reply.status < 500 and error.reply.status not in UNCLEAR
        if clear:
            raise Refusal(str(error)) from error
        try:
            raw = await self.api.row(row.id)
        except EndpointError:
            raise error from None
        now = None if raw is None else read_row(raw)
        if now is None or now.status == PENDING:
            raise error
        if not is_ours(now, decision):
            raise Refusal(f"it is {now.words} already") from error

    async def _carry_on(self, row: Row, leg: Leg) -> tuple[str, str]:
        """Continue the run unless it waits for other approvals too; what came of that, and why."""
        try:
            others = await self.api.others_wait(row, leg)
            decided = await self.api.decided(leg) if leg.kind == "workflows" else []
        except EndpointError as error:
            return NO, str(error)
        if others:
            return LATER, f"{others} other approvals of the run wait"
        try:
            await self.api.carry_on(row, leg, decided)
        except Unreachable as error:
            return NO, str(error)
        except Declined as error:
            clear = error.reply.status < 500 and error.reply.status not in (408, 425)
            return NO if clear else LOST, str(error)
        except EndpointError as error:
            return LOST, str(error)
        return YES, ""

    async def settle(self, item: Item, decision: Decision, receipt: Receipt | None) -> Outcome:
        """What the approval and its run say; see ``settling``."""
        raw = await self.api.row(item.locator["approval_id"])
        if raw is None:
            return Outcome(DeliveryState.UNKNOWN, "the approval is deleted, so nothing tells what came of it")
        row = read_row(raw)
        if (missing := self._settling.missing(row, decision, receipt)) is not None:
            return missing
        leg = await self.api.leg(row)
        others = await self.api.others_wait(row, leg)
        return self._settling.carried(row, leg, others, decision, receipt)

    async def repair(self, item: Item) -> str | None:
        """Carry on a run that a decision left paused, with the decision that stands."""
        if item.repair is None:
            return None
        now = await self.reread(item)
        if isinstance(now, Gone):
            raise Refusal(f"nothing is to be done: {now.detail}")
        row = read_row(now.raw)
        continued, why = await self._carry_on(row, await self.api.leg(row))
        self._went_on.add(row.id)
        self._stuck = (0.0, Poll(()))
        if continued in (NO, LATER):
            self._went_on.discard(row.id)
            raise Refusal(f"its run was not continued: {why}")
        return "its run was continued" + ("" if continued == YES else f", but did not answer in time ({why})")


async def _json(wire: Wire, path: str) -> dict[str, Any]:
    """The object that a GET answers with; empty where it answers with anything else."""
    reply = await wire.request("GET", path)
    try:
        body = reply.raise_for_status().json
    except (Declined, Garbled):
        return {}
    return body if isinstance(body, dict) else {}


def _distinct(rows: list[Any]) -> int:
    """How many rows there are, without those that came twice."""
    ids = [row["id"] for row in rows if isinstance(row, dict) and isinstance(row.get("id"), str)]
    return len(rows) - len(ids) + len(set(ids))


def _name_of(raw: Any) -> str:
    name = raw.get("id") if isinstance(raw, dict) else None
    return f"approval {name[:80]}" if isinstance(name, str) and name else "an approval without an id"
