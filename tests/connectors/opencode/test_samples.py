"""What was recorded of a real server (1.18.33), read back."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.connectors.kit.deliver import connected, decide
from tests.connectors.kit.replay import URL, Exchange, Replay, read_sample
from triage.connectors.base import Refusal
from triage.connectors.opencode import Opencode
from triage.model.decision import Decision, DeliveryState, Receipt, Verdict
from triage.model.item import Item, ItemKind, Option, Scope, Verb

SAMPLES = Path(__file__).parent / "samples"
BUSY = Exchange("GET", "/session/status?directory=%2Fproject", None, 200, {}, {})


def sample(name: str, path: str | None = None) -> Exchange:
    found = read_sample(SAMPLES / f"{name}.json")
    return msgspec.structs.replace(found, path=path) if path else found


@asynccontextmanager
async def replaying(*exchanges: Exchange) -> AsyncIterator[tuple[Opencode, Replay]]:
    replay = Replay(*exchanges)
    async with connected(Opencode, URL, replay, directories=["/project"]) as connector:
        yield connector, replay


async def listed(name: str, sort: str) -> list[Item]:
    other = "question" if sort == "permission" else "permission"
    async with replaying(
        sample(name, f"/{sort}?directory=%2Fproject"),
        sample("list_empty", f"/{other}?directory=%2Fproject"),
    ) as (connector, _):
        poll = await connector.poll()
    assert poll.problems == ()
    return list(poll.items)


async def test_two_commands_of_one_session() -> None:
    first, second = await listed("list_permission_bash_two_of_one_session", "permission")
    assert (first.title, first.kind, first.agent) == ("bash: touch e1", ItemKind.APPROVAL, "project")
    assert first.key == "/project|per_201dfa70e001kJtpxuZE4lCuT8"
    assert first.actions[0].name == "bash"
    assert first.actions[0].arguments == {"patterns": ["touch e1"], "command": "touch e1"}
    assert first.verbs == (Verb.APPROVE, Verb.REJECT)
    assert first.scopes == (
        Scope(
            "always",
            "bash touch *: never asked again, in any session here, until the server stops. Also grants what "
            "waits in this session and fits.",
        ),
    )
    assert "Also rejects the other request of this session: bash: touch e2." in first.warnings["reject"]
    assert "bash: touch e1" in second.warnings["reject"]
    assert "reject it with the change you want" in first.refusals["edit"]


async def test_an_edit_shows_its_file_and_diff() -> None:
    (item,) = await listed("list_permission_edit_diff", "permission")
    assert item.title == "edit: g.txt"
    assert item.actions[0].arguments["filepath"] == "/project/g.txt"
    assert item.actions[0].arguments["diff"].endswith("+one\n+two\n")
    assert item.scopes[0].description.startswith("edit *: ")
    assert item.warnings["reject"].startswith("Without a reason the agent's turn ends")


async def test_two_questions_make_one_form() -> None:
    (item,) = await listed("list_question", "question")
    assert item.kind is ItemKind.QUESTION
    assert item.title == "2 questions: Which database? / Which checks?"
    assert item.verbs == (Verb.RESPOND, Verb.IGNORE)
    assert item.options == ()
    assert "  Postgres: a server" in item.description
    assert item.answer_schema == {
        "type": "object",
        "properties": {
            "Database": {
                "type": "string",
                "minLength": 1,
                "examples": ["SQLite", "Postgres"],
                "description": "Which database?",
            },
            "Checks": {
                "type": "array",
                "items": {"type": "string", "minLength": 1, "examples": ["Lint", "Types"]},
                "minItems": 1,
                "uniqueItems": True,
                "description": "Which checks?",
            },
        },
        "required": ["Database", "Checks"],
        "additionalProperties": False,
    }


async def test_a_question_alone_offers_its_options_by_number() -> None:
    found = sample("list_question").body[0]
    for questions, many in ((found["questions"][:1], False), (found["questions"][1:], True)):
        body = [{**found, "questions": questions}]
        async with replaying(
            Exchange("GET", "/question?directory=%2Fproject", None, 200, {}, body),
            sample("list_empty", "/permission?directory=%2Fproject"),
        ) as (connector, _):
            (item,) = (await connector.poll()).items
        labels = [option["label"] for option in questions[0]["options"]]
        assert [option.value for option in item.options] == labels
        assert item.many is many
    assert item.options[0] == Option("Lint", "Lint", "style")


async def test_the_time_is_read_from_the_id(monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime(2026, 11, 22, 6, 30, tzinfo=UTC)
    monkeypatch.setattr(time, "time_ns", lambda: int(now.timestamp() * 1e9))
    (item,) = await listed("list_question", "question")
    assert item.created_at is not None
    assert abs((now - item.created_at).total_seconds()) < 3600


async def sent(item: Item, decision: Decision, name: str) -> tuple[Receipt, Any]:
    """The receipt for a recorded answer, and the body that was sent for it."""
    recorded = sample(name)
    where = msgspec.structs.replace(recorded, path=f"{recorded.path}?directory=%2Fproject")
    request_id = recorded.path.split("/")[2]
    item = msgspec.structs.replace(item, locator={**item.locator, "request_id": request_id})
    async with replaying(where) as (connector, replay):
        receipt = await connector.send(item, decision)
    assert replay.asked[0][2] == recorded.sent
    return receipt, replay.asked[0][1]


@pytest.mark.parametrize(
    ("name", "verdict", "reply"),
    [
        ("approve_once", Verdict(Verb.APPROVE), "taken"),
        ("double_answer", Verdict(Verb.APPROVE), "not there"),
        ("unknown_id", Verdict(Verb.APPROVE), "not there"),
        ("stale_answer_after_abort", Verdict(Verb.APPROVE), "taken"),
        ("reject_with_message", Verdict(Verb.REJECT, reason="Use b2 instead."), "taken"),
        (
            "question_answer",
            Verdict(Verb.RESPOND, answer={"Database": "my own words", "Checks": ["Lint", "Types"]}),
            "taken",
        ),
    ],
)
async def test_answers_are_sent_as_recorded(name: str, verdict: Verdict, reply: str) -> None:
    sort = "question" if verdict.verb is Verb.RESPOND else "permission"
    lists = {"question": "list_question", "permission": "list_permission_edit_diff"}
    (item,) = await listed(lists[sort], sort)
    receipt, path = await sent(item, decide(item, verdict), name)
    assert receipt.detail == {"reply": reply}
    assert path.endswith("?directory=%2Fproject")


async def test_a_bad_word_is_refused() -> None:
    (item,) = await listed("list_permission_edit_diff", "permission")
    recorded = sample("bad_payload")
    item = msgspec.structs.replace(
        item, locator={**item.locator, "request_id": recorded.path.split("/")[2], "directory": ""}
    )
    async with replaying(recorded) as (connector, _):
        with pytest.raises(Refusal, match="does not take this"):
            await connector.send(item, decide(item, Verdict(Verb.APPROVE)))


async def settled(item: Item, name: str, receipt: Receipt | None) -> tuple[DeliveryState, str, str]:
    """What settles an approval when the tool call is as recorded in ``name`` and nothing waits."""
    recorded = sample(name)
    turn = recorded.body[0]
    session_id = recorded.path.split("/")[2]
    tool = {"messageID": turn["info"]["id"], "callID": turn["parts"][0]["callID"]}
    where = {**item.locator, "session_id": session_id, "tool": tool}
    item = msgspec.structs.replace(item, locator=where)
    async with replaying(
        sample(name, f"/session/{session_id}/message?directory=%2Fproject"),
        sample("list_empty", "/permission?directory=%2Fproject"),
        BUSY,
    ) as (connector, replay):
        replay.exchanges.append(
            Exchange(
                "GET",
                f"/session/{session_id}/message/{turn['info']['id']}?directory=%2Fproject",
                None,
                200,
                {"content-type": "text/html"},
                "a web page",
            )
        )
        outcome = await connector.settle(item, decide(item, Verdict(Verb.APPROVE)), receipt)
    return outcome.state, outcome.detail, outcome.effect


async def test_once_ran_by_the_tool_part() -> None:
    (item,) = await listed("list_permission_edit_diff", "permission")
    taken = Receipt("per_1", {"reply": "taken"})
    assert await settled(item, "after_once_tool_part", taken) == (
        DeliveryState.CONFIRMED,
        "the tool call ran",
        "(no output)",
    )
    assert (await settled(item, "after_once_tool_part", None))[0] is DeliveryState.UNKNOWN


async def test_true_after_an_abort_is_no_effect() -> None:
    (item,) = await listed("list_permission_edit_diff", "permission")
    taken = Receipt("per_1", {"reply": "taken"})
    state, detail, _ = await settled(item, "after_stale_answer_tool_part", taken)
    assert state is DeliveryState.UNKNOWN
    assert "did not run, or was stopped" in detail
    later = Receipt("per_1", {"reply": "taken", "replied_ms": 1795327778000})
    state, detail, _ = await settled(item, "after_stale_answer_tool_part", later)
    assert (state, detail) == (
        DeliveryState.REFUSED,
        "the agent's run had been aborted before: nothing ran",
    )
