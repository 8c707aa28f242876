"""opencode's server: the permissions and questions that wait in each of its project directories."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime
from typing import Any, ClassVar

import msgspec

from triage.connectors.base import Connector, Match, Poll, Refusal
from triage.connectors.http import Declined, Denied, Garbled, Reply, Wire, segment
from triage.connectors.opencode.api import Api, told_missing
from triage.connectors.opencode.asking import ALWAYS, answers
from triage.connectors.opencode.looking import Looking
from triage.connectors.opencode.settling import NOT_THERE, TAKEN, Settling, gone
from triage.connectors.opencode.talk import messages
from triage.model.decision import Decision, DeliveryState, Outcome, Receipt, Verdict
from triage.model.endpoint import EndpointConfig
from triage.model.item import Context, Gone, Item, Verb

__all__ = ["Opencode", "OpencodeConfig"]

_RUNNING_S = 3.0
"""A granted tool call that runs longer is called running, so that the session's next answer can go out."""
_NEVER_ARRIVED_S = 30.0
"""A send whose reply was lost cannot arrive later than this after it was first found missing."""


class OpencodeConfig(EndpointConfig, frozen=True, kw_only=True):
    """Settings of an opencode endpoint. Its password goes with ``basic_user = "opencode"``."""

    directories: list[str] = msgspec.field(default_factory=list)
    """Project directories to look at, as they are called on the server. Default: all with a session that
    changed lately."""
    recent_days: float = 30.0
    """How long ago a directory's last session may have changed for it to be looked at; 0: however long.
    The server opens each project that is looked at."""


class Opencode(Connector):
    """One server (``opencode serve``), version 1."""

    kind = "opencode"
    Config = OpencodeConfig
    tested = "1.18.33"
    verbs: ClassVar[dict[str, str]] = {
        "approve": "POST permission/{id}/reply once, or always",
        "reject": "POST permission/{id}/reply reject, with the reason",
        "respond": "POST question/{id}/reply with an answer to each question",
        "ignore": "POST question/{id}/reject: dismisses the question",
    }
    proof = (
        "The tool call that asked, read from its session: it ran, was rejected or dismissed, or carries "
        "our answers; and the reply that only one answer gets."
    )

    def __init__(self, config: EndpointConfig, wire: Wire) -> None:
        super().__init__(config, wire)
        self.api = Api(wire)
        self.looking = Looking(config.name, self.api, self.config.directories, self.config.recent_days)
        self._running_since: dict[str, float] = {}
        self._missing_since: dict[str, float] = {}

    @classmethod
    async def recognise(cls, wire: Wire) -> Match | None:
        """``GET /global/health`` says that it is healthy, and its version. Unknown paths are a web page."""
        try:
            reply = await wire.get("global/health")
            health = reply.json
        except Denied:
            raise
        except (Declined, Garbled):
            return None
        if not isinstance(health, dict) or health.get("healthy") is not True:
            return None
        version = health.get("version")
        if not isinstance(version, str) or "json" not in reply.headers.get("content-type", ""):
            return None
        known = version.startswith("1.18.")
        return Match(
            kind=cls.kind,
            version=version,
            detail=f"opencode server {version}",
            warning="" if known else f"tested with {cls.tested}; this is {version}",
        )

    # -- looking

    async def poll(self) -> Poll:
        """What waits in every directory that is looked at."""
        return await self.looking.poll()

    async def context(self, item: Item) -> Context:
        """The session's latest messages, its title, and the whole input of the tool call."""
        where = item.locator
        session = await self.api.session(where["directory"], where["session_id"])
        turns = await self.api.turns(where["directory"], where["session_id"])
        call = await self.looking.call(item)
        state = {
            "session": session.title,
            "directory": session.directory,
            **({"parent session": session.parent_id} if session.parent_id else {}),
            **({"tool input": call.input} if call else {}),
        }
        return Context(messages=messages(turns), state=state)

    def lane(self, item: Item) -> str:
        """The session: a rejection answers everything that waits in it."""
        session_id: str = item.locator["session_id"]
        return session_id

    async def reread(self, item: Item) -> Item | Gone:
        """The request as it is listed now, if its tool call still waits for it."""
        listed = await self.looking.listed(item)
        call = await self.looking.call(item)
        now_is = next((one for one in listed if one.key == item.key), None)
        if now_is is None:
            return gone(call)
        if item.locator["tool"] is not None and (call is None or not call.alive):
            return gone(call) if call else Gone("deleted", "its session was deleted")
        return now_is

    # -- doing

    async def send(self, item: Item, decision: Decision) -> Receipt:
        """One reply, with the item's directory: without it the server knows no such request."""
        where, verdict = item.locator, decision.verdicts[0]
        word = "reject" if verdict.verb is Verb.IGNORE else "reply"
        path = f"{where['sort']}/{segment(where['request_id'])}/{word}"
        params = {"directory": where["directory"]} if where["directory"] else None
        reply = await self.wire.request("POST", path, params=params, json=_body(item, verdict))
        return Receipt(
            reference=where["request_id"],
            detail={"reply": _understood(reply), **_date_of(reply)},
        )

    async def settle(self, item: Item, decision: Decision, receipt: Receipt | None) -> Outcome:
        """See ``settling``."""
        call = await self.looking.call(item)
        listed = await self.looking.listed(item)
        busy = await self.looking.busy(item.locator["directory"])
        others = [one for one in listed if one.key != item.key and one.locator["tool"] is not None]
        waits = any(one.key == item.key for one in listed)
        outcome = Settling(
            item,
            decision,
            receipt,
            call=call,
            waits=waits,
            busy=busy is None or item.locator["session_id"] in busy,
            again=any(one.locator["tool"] == item.locator["tool"] for one in others),
            running_long=_longer(self._running_since, decision.id, _RUNNING_S, not waits),
        ).outcome()
        if _longer(self._missing_since, decision.id, _NEVER_ARRIVED_S, waits and receipt is None):
            return Outcome(DeliveryState.REFUSED, "it never arrived; the request still waits")
        return outcome


def _body(item: Item, verdict: Verdict) -> Any:
    match verdict.verb:
        case Verb.APPROVE:
            return {"reply": "always" if verdict.scope == ALWAYS else "once"}
        case Verb.REJECT:
            return {"reply": "reject", **({"message": verdict.reason} if verdict.reason else {})}
        case Verb.RESPOND:
            return {"answers": answers(item, verdict)}
        case _:
            return msgspec.UNSET


def _understood(reply: Reply) -> str:
    """What a reply says, TAKEN or NOT_THERE. Raises Refusal where nothing was done, else EndpointError."""
    if reply.status == 404 and told_missing(reply):
        return NOT_THERE
    try:
        reply.raise_for_status()
    except Declined as error:
        if 400 <= reply.status < 500 and reply.status != 408:
            raise Refusal(f"opencode does not take this: {error}") from error
        raise
    if reply.json is True:
        return TAKEN
    if reply.json is False:
        return NOT_THERE
    raise Garbled(f"{reply.where} answered {reply.status} with something else than true")


def _date_of(reply: Reply) -> dict[str, int]:
    """When the server replied, by its own clock, in milliseconds; it tells whole seconds."""
    try:
        moment = parsedate_to_datetime(reply.headers.get("date", ""))
    except (TypeError, ValueError):
        return {}
    return {"replied_ms": int(moment.timestamp() * 1000)}


def _longer(since: dict[str, float], key: str, seconds: float, holds: bool) -> bool:
    """Whether something has held for longer than ``seconds``, as far as we looked."""
    if not holds:
        since.pop(key, None)
        return False
    return time.monotonic() - since.setdefault(key, time.monotonic()) >= seconds
