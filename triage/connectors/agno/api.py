"""What is asked of an AgentOS: its approvals, the runs of a session, and the two calls of a decision."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import msgspec

from triage.connectors.agno.rows import PENDING, REQUIRED, Row
from triage.connectors.agno.runs import Leg, find_leg, step_requirements
from triage.connectors.http import Declined, Garbled, Missing, Reply, Wire, segment

__all__ = ["UNCLEAR", "Api", "Listing", "read_row"]

SEND_TIMEOUT_S = 30.0
UNCLEAR = (408, 409, 425)
"""Statuses below 500 that do not say that nothing was done."""
DECIDED = ("approved", "rejected")
_FORM = {"content-type": "application/x-www-form-urlencoded"}


class Listing(msgspec.Struct, frozen=True):
    """One page of approvals; each is read by itself, so that a bad one spoils no other."""

    data: list[Any]
    meta: dict[str, Any] = {}


class Api:
    """One AgentOS."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    async def page(self, status: str | None, limit: int, number: int, **more: str) -> Listing:
        """Approvals in a status, newest first, of those that a run waits for."""
        params = {"approval_type": REQUIRED, "limit": limit, "page": number, **more}
        if status is not None:
            params = {"status": status, **params}
        found: Listing = (await self.wire.get("approvals", params=params)).decode(Listing)
        return found

    async def row(self, approval_id: str) -> Any:
        """One approval as sent; None when there is none, or none for us to see."""
        try:
            return (await self.wire.get(f"approvals/{segment(approval_id)}")).json
        except Missing:
            return None

    async def leg(self, row: Row) -> Leg:
        """The run to continue for an approval. Where its session cannot be seen: the approval's own."""
        try:
            listed = (await self.wire.get(f"sessions/{segment(row.session_id)}/runs")).json
        except Declined as error:
            if error.reply.status >= 500:
                raise
            listed = None
        return find_leg(row, listed)

    async def others_wait(self, row: Row, leg: Leg) -> int:
        """How many other approvals the run of ``row`` waits for."""
        return sum(one.status == PENDING and one.id != row.id for one in await self._of_runs(PENDING, leg))

    async def decided(self, leg: Leg) -> list[Row]:
        """The decided approvals of a run and those below it."""
        return [one for one in await self._of_runs(None, leg) if one.status in DECIDED]

    async def _of_runs(self, status: str | None, leg: Leg) -> list[Row]:
        """The approvals of each run in a tree. The filter is not trusted to be one."""
        found = []
        for run_id in sorted(leg.tree):
            page = await self.page(status, 100, 1, run_id=run_id)
            found += [one for one in map(read_row, page.data) if one.run_id == run_id]
        return found

    async def resolve(self, approval_id: str, status: str, operator: str, data: dict[str, Any]) -> None:
        """The first call: decide the approval, if nobody did."""
        body = {"status": status, "resolved_by": operator[:255], "resolution_data": data}
        await self.wire.post(f"approvals/{segment(approval_id)}/resolve", body, timeout_s=SEND_TIMEOUT_S)

    async def carry_on(self, row: Row, leg: Leg, decided: list[Row]) -> Reply:
        """The second call: continue the run, which a workflow's must be told what was ``decided``.

        Not to be repeated: a call still at work would run again.
        """
        fields = {"stream": "false", "session_id": row.session_id}
        if leg.kind == "workflows":
            fields["step_requirements"] = msgspec.json.encode(step_requirements(leg, decided)).decode()
        path = f"{leg.kind}/{segment(leg.owner)}/runs/{segment(leg.run_id)}/continue"
        form = msgspec.Raw(urlencode(fields).encode())
        return await self.wire.post(path, form, headers=_FORM, timeout_s=SEND_TIMEOUT_S)


def read_row(raw: Any) -> Row:
    """The approval in ``raw``. Raises Garbled where it is none."""
    try:
        return msgspec.convert(raw, Row)
    except msgspec.ValidationError as error:
        raise Garbled(f"an approval cannot be read: {error}") from error
