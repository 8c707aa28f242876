"""Prefect 3: paused and suspended flow runs, let go on with what their form asks for."""

from __future__ import annotations

from typing import ClassVar
from uuid import NAMESPACE_URL, uuid5

import msgspec

from triage.connectors.base import Connector, Match, Poll, Refusal
from triage.connectors.http import Declined, Garbled, Wire
from triage.connectors.prefect import forms
from triage.connectors.prefect.api import Answer, Api, FlowRun, api_path, as_run, is_too_busy, utc
from triage.connectors.prefect.reading import Reader, Waiting
from triage.connectors.prefect.settling import Settling, became_of, closing_message
from triage.model.decision import Decision, Outcome, Receipt
from triage.model.endpoint import EndpointConfig
from triage.model.item import Context, Gone, Item, Message, Verb

__all__ = ["Prefect", "PrefectConfig"]

_UNCLEAR = (408, 425)
_IGNORE = "Prefect has no way to pass over a question: answer it, or close it, which cancels the flow run."
_CLOSE = (
    "Cancels the flow run. A process that is paused does not notice: it sleeps until its pause times out."
)


class PrefectConfig(EndpointConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of a Prefect server."""

    tags: list[str] = msgspec.field(default_factory=list)
    """Show only runs that carry all of these tags."""


class Prefect(Connector):
    """One Prefect server, self-hosted or hosted (with ``/accounts/…/workspaces/…`` in its URL)."""

    kind: ClassVar[str] = "prefect"
    Config: ClassVar[type[EndpointConfig]] = PrefectConfig
    tested: ClassVar[str] = "Prefect 3.9"
    verbs: ClassVar[dict[str, str]] = {
        "approve": "resume, with the form's yes and what it proposes; a plain pause just goes on",
        "edit": "resume, with the form's yes and its other fields as edited",
        "reject": "resume, with the form's no; a plain pause has none",
        "respond": "resume, with the form filled in",
        "close": "set_state CANCELLED",
    }
    proof: ClassVar[str] = (
        "The answer stored for this very question is ours and the run has left its pause; for a plain "
        "pause, the state that Prefect made when it accepted ours is in the run's history."
    )

    def __init__(self, config: EndpointConfig, wire: Wire) -> None:
        super().__init__(config, wire)
        self.api = Api(wire)
        self._reader = Reader(self.api, self.config.tags)
        self._settling = Settling(self.api)

    @classmethod
    async def recognise(cls, wire: Wire) -> Match | None:
        """A server that is healthy with ``true`` and gives its version as a JSON string."""
        root = api_path(wire.url)
        health = await wire.request("GET", f"{root}/health")
        if health.status != 200 or health.content.strip() != b"true":
            return None
        reply = await wire.request("GET", f"{root}/admin/version")
        if reply.status in (401, 403):
            reply.raise_for_status()
        try:
            version: str = reply.decode(str) if reply.status == 200 else ""
        except Garbled:
            return None
        if not version[:1].isdigit():
            return None
        return Match(
            kind=cls.kind,
            version=version,
            detail=f"Prefect server {version}",
            warning="" if version.startswith("3.9.") else f"tested with {cls.tested}; this is {version}",
        )

    # -- looking

    async def poll(self) -> Poll:
        """Every paused run, each with its form."""
        waiting, problems = await self._reader.all()
        return Poll(items=tuple(self._item(one) for one in waiting), problems=tuple(problems))

    def _item(self, waiting: Waiting) -> Item:
        run, form = waiting.run, waiting.form
        asked = forms.read(waiting.flow or "a flow", run, form)
        details = run.state.state_details
        keyset = details.run_input_keyset
        return Item(
            endpoint=self.config.name,
            key=f"{run.id} {run.state.id}",
            kind=asked.kind,
            title=asked.title,
            verbs=asked.verbs,
            agent=waiting.flow,
            description=asked.description,
            actions=asked.actions,
            options=asked.options,
            answer_schema=asked.answer_schema,
            created_at=utc(run.state.timestamp),
            expires_at=utc(details.pause_timeout),
            url=self._page_of(run),
            refusals={Verb.IGNORE.value: _IGNORE, **asked.refusals},
            warnings={Verb.CLOSE.value: _CLOSE},
            locator={
                "run_id": str(run.id),
                "state_id": run.state.id,
                "keyset": msgspec.to_builtins(keyset) if keyset else None,
                **asked.locator,
            },
            raw={"flow_run": waiting.raw, "form": msgspec.to_builtins(form) if form else None},
        )

    def _page_of(self, run: FlowRun) -> str | None:
        """The run's page of the server's own dashboard; a hosted one has it elsewhere."""
        if "/api/" in self.wire.url:
            return None
        return f"{self.wire.url.removesuffix('/api')}/runs/flow-run/{run.id}"

    async def context(self, item: Item) -> Context:
        """What the run logged, the states it went through, its parameters, and what it was told before."""
        run_id = item.locator["run_id"]
        states, logs = await self.api.states(run_id), await self.api.logs(run_id)
        told, row = await self.api.inputs(run_id), await self.api.row(run_id) or {}
        messages = [Message("state", state.words, utc(state.timestamp)) for state in states]
        messages += [Message("log", log.message, utc(log.timestamp)) for log in logs]
        messages.sort(key=lambda one: one.at.timestamp() if one.at else 0.0)
        shown = {key: row[key] for key in ("parameters", "tags", "context") if row.get(key)}
        return Context(messages=tuple(messages), state={**shown, "input": told} if told else shown or None)

    def lane(self, item: Item) -> str:
        """The run: an answer is addressed to it, whatever it asks by then."""
        run_id: str = item.locator["run_id"]
        return run_id

    async def reread(self, item: Item) -> Item | Gone:
        """The run as it stands now: the same question only while its state is the same."""
        row = await self.api.row(item.locator["run_id"])
        if row is None:
            return Gone("deleted", "the flow run is deleted")
        run = as_run(row)
        if run.state.id != item.locator["state_id"] or not run.waits:
            return await became_of(self.api, item, run)
        return self._item(await self._reader.one(run, row))

    # -- doing

    def check(self, item: Item, decision: Decision) -> list[str]:
        """Refuses what the server would run as a template, or could not store."""
        verdict = decision.verdicts[0]
        if verdict.verb is Verb.CLOSE or verdict.verb not in item.verbs:
            return []
        return forms.faults(item.locator, verdict)

    async def send(self, item: Item, decision: Decision) -> Receipt:
        """One resume, or one change to CANCELLED that the server makes only once for this question."""
        run_id = item.locator["run_id"]
        try:
            if decision.verb is Verb.CLOSE:
                answer = await self.api.set_state(run_id, _cancelled(item, decision))
            else:
                answer = await self.api.resume(run_id, forms.answer(item.locator, decision.verdicts[0]))
        except Declined as error:
            if 400 <= error.reply.status < 500 and error.reply.status not in _UNCLEAR:
                raise Refusal(str(error)) from error
            if is_too_busy(error.reply):
                return Receipt(detail={"status": "BUSY"})
            raise
        return _receipt(item, answer)

    async def settle(self, item: Item, decision: Decision, receipt: Receipt | None) -> Outcome:
        """See ``settling``."""
        return await self._settling.outcome(item, decision, receipt)


def _cancelled(item: Item, decision: Decision) -> dict[str, object]:
    """The state that closes a question; a server takes one transition id only once in a row."""
    once = str(uuid5(NAMESPACE_URL, f"triage:{item.key}"))
    return {
        "type": "CANCELLED",
        "name": "Cancelled",
        "message": closing_message(decision),
        "state_details": {"transition_id": once},
    }


def _receipt(item: Item, answer: Answer) -> Receipt:
    """What the server said, which it says by ``status`` alone. Raises Refusal when the question certainly
    stands as before; any other "no" may be about an answer that slipped in first."""
    state_id = answer.state.id if answer.state else ""
    if answer.status == "REJECT" and state_id == item.locator["state_id"]:
        raise Refusal(f"Prefect does not take it; the question still stands: {answer.reason}")
    said = {"status": answer.status}
    if answer.status != "ACCEPT":
        said["reason"] = answer.reason
    return Receipt(reference=state_id, detail=said)
