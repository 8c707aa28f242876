"""Carrying an answer to a run, and what its reply says.

An agent's decision is told by its reply alone: afterwards there is nothing to look up. Its answer must
never go out twice: while an approved tool is at work its run stays listed, and a second approval runs the
tool again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from triage.connectors.base import Refusal
from triage.connectors.http import Broken, Declined, Garbled, Reply
from triage.connectors.mastra.api import Api
from triage.connectors.mastra.asking import QUESTION, STEP
from triage.model.decision import Decision, Receipt, Verdict
from triage.model.item import Item, Verb

__all__ = ["LATE", "TAKEN", "carry"]

TAKEN, LATE = "taken", "late"
"""What a receipt says of the reply: 200, or that nothing of that name is suspended any more."""
STEP_TIMEOUT_S = 30.0
"""A step's answer is proved by reading its run; there is no need to wait for the run's end."""
_TOO_LATE = ("was not suspended", "could not find a suspended run", "because it is not suspended")
_TEXT_LENGTH = 400


async def carry(api: Api, item: Item, decision: Decision, patience_s: float) -> Receipt:
    """Send the answer, once. ``patience_s``: for an agent's run to end or to suspend again."""
    where, verdict = item.locator, decision.verdicts[0]
    if where["sort"] == STEP:
        return await _to_step(api, where, verdict)
    body = {"runId": where["run_id"], "toolCallId": where["tool_call_id"]}
    if where["sort"] == QUESTION:
        body["resumeData"] = verdict.answer
        reply = await api.answer_call(where["agent_id"], "resume-stream", body, patience_s)
        return _receipt(reply, where, _of_stream)
    route = "approve-tool-call-generate" if verdict.verb is Verb.APPROVE else "decline-tool-call-generate"
    if verdict.verb is Verb.REJECT and verdict.reason:
        body["reason"] = verdict.reason
    reply = await api.answer_call(where["agent_id"], route, body, patience_s)
    return _receipt(reply, where, _of_call)


async def _to_step(api: Api, where: dict[str, Any], verdict: Verdict) -> Receipt:
    if verdict.verb is Verb.CLOSE:
        reply = await api.cancel(where["workflow_id"], where["run_id"], STEP_TIMEOUT_S)
    else:
        body = {"step": where["path"], "resumeData": verdict.answer}
        reply = await api.resume(where["workflow_id"], where["run_id"], body, STEP_TIMEOUT_S)
    return _receipt(reply, where, lambda reply, _: {"status": str(_object(reply).get("status", ""))})


def _receipt(reply: Reply, where: dict[str, Any], read: Callable[[Reply, str], dict[str, Any]]) -> Receipt:
    """What a reply says. Raises Refusal where nothing was done, else EndpointError."""
    try:
        reply.raise_for_status()
    except Broken as error:
        # A 500 is how Mastra says too late; any other may come after acting.
        if not any(words in str(error) for words in _TOO_LATE):
            raise
        return Receipt(reference=where["run_id"], detail={"reply": LATE, "words": str(error)})
    except Declined as error:
        if 400 <= reply.status < 500 and reply.status != 408:
            raise Refusal(f"Mastra does not take this: {error}") from error
        raise
    told = read(reply, where.get("tool_call_id", ""))
    return Receipt(reference=where["run_id"], detail={"reply": TAKEN, **told})


def _of_call(reply: Reply, call_id: str) -> dict[str, Any]:
    """Whether a run's reply shows that the tool ran, and what came of it."""
    told = _object(reply)
    steps = told.get("steps")
    results = [*_list(told.get("toolResults"))]
    for step in steps if isinstance(steps, list) else []:
        results += _list(step.get("toolResults") if isinstance(step, dict) else None)
    return {
        **_result(results, call_id),
        "finish": str(told.get("finishReason")),
        "text": _brief(told.get("text")),
    }


def _of_stream(reply: Reply, call_id: str) -> dict[str, Any]:
    """The same of the events of a stream, which ends in ``[DONE]``."""
    events = list(_events(reply))
    texts = [_payload(event).get("text") for event in events if event.get("type") == "text-delta"]
    asks = [event for event in events if event.get("type") in ("tool-call-suspended", "tool-call-approval")]
    return {
        **_result([event for event in events if event.get("type") == "tool-result"], call_id),
        "finish": "suspended" if asks else "stop",
        "text": _brief("".join(text for text in texts if isinstance(text, str))),
    }


def _events(reply: Reply) -> Iterator[dict[str, Any]]:
    """The JSON of each ``data:`` line. Raises Garbled when the stream does not come to its end."""
    text = reply.content.decode("utf-8", "replace")
    lines = [line.removeprefix("data:").strip() for line in text.splitlines() if line.startswith("data:")]
    if not lines or lines[-1] != "[DONE]":
        raise Garbled(f"{reply.where} answered with a stream that breaks off")
    for line in lines[:-1]:
        try:
            event = msgspec.json.decode(line)
        except (msgspec.DecodeError, RecursionError) as error:
            raise Garbled(f"{reply.where} answered with an event that cannot be read: {error}") from error
        if isinstance(event, dict):
            yield event


def _result(results: list[Any], call_id: str) -> dict[str, Any]:
    for result in results:
        payload = _payload(result)
        if payload.get("toolCallId") == call_id:
            return {"ran": True, "result": _brief(payload.get("result"))}
    return {"ran": False}


def _payload(event: Any) -> dict[str, Any]:
    payload = event.get("payload") if isinstance(event, dict) else None
    return payload if isinstance(payload, dict) else {}


def _object(reply: Reply) -> dict[str, Any]:
    found: dict[str, Any] = reply.decode(dict[str, Any])
    return found


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _brief(value: Any) -> str:
    text = value if isinstance(value, str) else "" if value is None else msgspec.json.encode(value).decode()
    return text if len(text) <= _TEXT_LENGTH else text[: _TEXT_LENGTH - 1] + "…"
