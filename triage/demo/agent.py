"""One agent of the demo: what it asks, the contract it serves, and its acting on what is decided."""

from __future__ import annotations

import asyncio
import copy
import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from triage.demo.decisions import Verdict, faults
from triage.demo.proposal import Act, Failed, Proposal, Template, World
from triage.demo.serving import Answer, Request

__all__ = ["Agent", "Asked"]

VERSION = "1.0"


class Asked:
    """One item at its agent, from being asked to being done."""

    def __init__(self, item_id: str, proposal: Proposal, agent: str, created_at: datetime) -> None:
        self.id = item_id
        self.proposal = proposal
        self.agent = agent
        self.created_at = created_at
        self.version = 1
        self.state = "pending"
        self.decision: dict[str, Any] | None = None
        self.result: str | None = None

    @property
    def expires_at(self) -> datetime | None:
        wait_s = self.proposal.deadline_s
        return None if wait_s is None else self.created_at + timedelta(seconds=wait_s)

    def extend_deadline(self, now: datetime) -> None:
        """Let what was asked hours ago wait as long from ``now`` on."""
        if self.proposal.deadline_s is not None:
            age_s = (now - self.created_at).total_seconds()
            self.proposal = msgspec.structs.replace(
                self.proposal, deadline_s=round(self.proposal.deadline_s + age_s)
            )

    def document(self) -> dict[str, Any]:
        """The item as the contract writes it."""
        return {
            "id": self.id,
            "version": str(self.version),
            "agent": self.agent,
            "created_at": self.created_at,
            "expires_at": self.expires_at,
            **self.proposal.served(),
            "state": self.state,
            "decision": self.decision,
            "result": self.result,
        }


class Agent:
    """An agent with a name, templates to ask from, and acts by the name of an action."""

    def __init__(
        self, name: str, templates: Sequence[Template], acts: Mapping[str, Act], world: World, seed: int
    ) -> None:
        self.name = name
        self.world = world
        self.items: dict[str, Asked] = {}
        self.effects: list[dict[str, Any]] = []
        self._returning: list[Proposal] = []
        self._acts = acts
        self._seed = seed
        self._random = random.Random(f"{seed}:{name}")
        self._templates = list(templates)
        self._deck: list[Template] = []
        self._working: set[asyncio.Task[None]] = set()

    # asking

    def ask_next(self, created_at: datetime) -> Asked:
        """Ask something drawn from the templates, each once before any comes again."""
        if not self._deck:
            self._deck = self._random.sample(self._templates, len(self._templates))
        return self.ask(self._deck.pop()(self._random), created_at)

    def ask(self, proposal: Proposal, created_at: datetime | None = None) -> Asked:
        """Ask ``proposal``, created now unless said otherwise."""
        number = len(self.items) + 1
        digits = random.Random(f"{self._seed}:{self.name}:{number}").randrange(16**4)
        asked = Asked(f"{self.name}-{number:03d}-{digits:04x}", proposal, self.name, created_at or _now())
        self.items[asked.id] = asked
        return asked

    def ask_returning(self) -> None:
        """Ask in another way what was turned down since the last time."""
        for proposal in self._returning:
            self.ask(proposal)
        self._returning.clear()

    def change(self, item_id: str, **members: Any) -> None:
        """Ask the same in other words: the version goes up."""
        asked = self.items[item_id]
        asked.proposal = msgspec.structs.replace(asked.proposal, **members)
        asked.version += 1

    def withdraw(self, item_id: str, why: str) -> None:
        """No longer ask."""
        asked = self.items[item_id]
        asked.state, asked.result = "withdrawn", why

    def pending(self) -> list[Asked]:
        """What waits now, oldest first."""
        for asked in self.items.values():
            self._expire(asked)
        return sorted(
            (asked for asked in self.items.values() if asked.state == "pending"),
            key=lambda asked: (asked.created_at, asked.id),
        )

    # the contract

    async def serve(self, request: Request) -> Answer:
        """Answer one request below this agent's URL."""
        match (request.method, request.path[1:]):
            case ("GET", ()):
                return Answer(200, {"triage_contract": 1, "name": f"{self.name} (demo)", "version": VERSION})
            case ("GET", ("items",)):
                return self._list(request)
            case ("GET", ("items", item_id)) if item_id in self.items:
                self._expire(self.items[item_id])
                return Answer(200, self.items[item_id].document())
            case ("POST", ("items", item_id, "decision")) if item_id in self.items:
                return self._decide(self.items[item_id], request)
            case ("GET", ("effects",)):
                return Answer(200, {"effects": self.effects, "world": self.world})
            case ("GET" | "POST", _):
                return Answer(404, {"error": f"{self.name} has nothing at /{'/'.join(request.path[1:])}"})
        return Answer(405, {"error": "GET and POST only"})

    def _list(self, request: Request) -> Answer:
        number = request.query.get("limit", "100")
        start = request.query.get("cursor", "0")
        if not (number.isdecimal() and start.isdecimal() and int(number) > 0):
            return Answer(400, {"error": "limit or cursor is not one of ours"})
        waiting = self.pending()
        stop = int(start) + min(int(number), 100)
        documents = [asked.document() for asked in waiting[int(start) : stop]]
        return Answer(200, {"items": documents, "next": str(stop) if stop < len(waiting) else None})

    def _decide(self, asked: Asked, request: Request) -> Answer:
        """Take a decision or say why not; nothing is awaited, so two cannot both be taken."""
        try:
            body = msgspec.json.decode(request.body, type=_Decision)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return Answer(400, {"error": f"the decision cannot be read: {error}"})
        if request.headers.get("idempotency-key") != body.decision_id:
            return Answer(400, {"error": "Idempotency-Key must be the decision's id"})
        self._expire(asked)
        if asked.decision is not None:
            if asked.decision["decision_id"] == body.decision_id:
                return Answer(200, asked.document())
            return Answer(409, {"error": f"{asked.id} is decided already", "decision": asked.decision})
        if asked.state != "pending":
            return Answer(410, {"error": f"{asked.id} is {asked.state}"})
        if body.version != str(asked.version):
            return Answer(412, {"error": f"{asked.id} is at version {asked.version} by now"})
        if wrong := faults(asked.proposal, body.verdicts):
            return Answer(422, {"error": "; ".join(wrong)})
        self._take(asked, body)
        return Answer(200, asked.document())

    def _take(self, asked: Asked, body: _Decision) -> None:
        asked.decision = {
            "decision_id": body.decision_id,
            "operator": body.operator,
            "at": _now(),
            "verdicts": msgspec.to_builtins(body.verdicts),
        }
        asked.state = "decided"
        chance = random.Random(f"{self._seed}:{asked.id}:acting")
        if not (asked.proposal.slow or chance.random() < 0.3):
            self._act(asked, body)
            return
        task = asyncio.get_running_loop().create_task(self._act_later(asked, body, chance.uniform(0.2, 1.5)))
        self._working.add(task)
        task.add_done_callback(self._working.discard)

    # acting

    async def _act_later(self, asked: Asked, body: _Decision, wait_s: float) -> None:
        await asyncio.sleep(wait_s)
        self._act(asked, body)

    def _act(self, asked: Asked, body: _Decision) -> None:
        """Do what was decided, all of it or nothing, and say what came of it."""
        actions: list[dict[str, Any]] = asked.proposal.actions or [{}]
        world, effects = copy.deepcopy(self.world), list(self.effects)
        try:
            said = [
                self._do(asked, proposed, verdict, body)
                for proposed, verdict in zip(actions, body.verdicts, strict=True)
            ]
        except Failed as error:
            self.world, self.effects = world, effects
            asked.state, asked.result = "failed", str(error)
            return
        asked.state, asked.result = "done", " ".join(said)

    def _do(self, asked: Asked, proposed: dict[str, Any], verdict: Verdict, body: _Decision) -> str:
        said = self._effect_of(asked, proposed, verdict)
        effect = {"item": asked.id, "decision_id": body.decision_id, "verb": verdict.verb, "said": said}
        if verdict.verb in ("approve", "edit") and proposed:
            effect["action"] = proposed["name"]
            effect["arguments"] = _arguments(proposed, verdict)
        self.effects.append(effect)
        return said

    def _effect_of(self, asked: Asked, proposed: dict[str, Any], verdict: Verdict) -> str:
        match verdict.verb:
            case "approve" | "edit" if proposed:
                said = self._acts[proposed["name"]](self.world, _arguments(proposed, verdict))
                return f"{said} Allowed from now on: {verdict.scope}." if verdict.scope else said
            case "respond":
                self.world.setdefault("answers", {})[asked.id] = verdict.answer
                return _told(asked.proposal, verdict.answer)
            case "reject":
                self._ask_again(asked)
                return f"Not done: {verdict.reason}" if verdict.reason else "Not done."
            case "ignore":
                return "Put aside without an answer."
        return "Noted."

    def _ask_again(self, asked: Asked) -> None:
        if asked.proposal.again:
            self._returning.append(asked.proposal.again())

    def _expire(self, asked: Asked) -> None:
        if asked.state == "pending" and asked.expires_at and asked.expires_at <= _now():
            asked.state = "expired"
            asked.result = "Nobody decided in time, so nothing was done."

    async def stop(self) -> None:
        """Give up what is still being acted on."""
        for task in self._working:
            task.cancel()
        await asyncio.gather(*self._working, return_exceptions=True)


class _Decision(msgspec.Struct, frozen=True):
    decision_id: str
    version: str
    verdicts: tuple[Verdict, ...]
    operator: str = ""


def _arguments(proposed: dict[str, Any], verdict: Verdict) -> Any:
    return proposed["arguments"] if verdict.arguments is msgspec.UNSET else verdict.arguments


def _told(proposal: Proposal, answer: Any) -> str:
    labels = {msgspec.json.encode(each["value"]): each["label"] for each in proposal.options}
    chosen = answer if isinstance(answer, list) else [answer]
    shown = ", ".join(labels.get(msgspec.json.encode(one)) or _text(one) for one in chosen)
    return proposal.told.replace("{answer}", shown) if proposal.told else f"Went on with: {shown}"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _now() -> datetime:
    return datetime.now(UTC)
