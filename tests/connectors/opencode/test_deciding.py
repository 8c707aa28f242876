"""Decisions carried to a server that acts, its traps included; each asserts what the server did."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.connectors.kit.deliver import NotTaken, decide, deliver, settle
from tests.connectors.kit.faults import Fault, Line
from tests.connectors.kit.server import Request, Response
from tests.connectors.opencode.conftest import polled
from tests.connectors.opencode.serving import WEB_PAGE, OpencodeServer
from triage.connectors import opencode
from triage.connectors.base import Refusal
from triage.connectors.http import Garbled
from triage.connectors.opencode import Opencode
from triage.model.decision import DeliveryState, Receipt, Verdict
from triage.model.item import Gone, Item, Verb

APPROVE, REJECT = Verdict(Verb.APPROVE), Verdict(Verb.REJECT, reason="Use b2 instead.")
CONFIRMED, REFUSED, UNKNOWN = DeliveryState.CONFIRMED, DeliveryState.REFUSED, DeliveryState.UNKNOWN
DATABASE = {"question": "Which database?", "header": "Database", "options": [{"label": "SQLite"}]}
NO_WIDER_GRANT: dict[str, Any] = {"always": []}
CHECKS = {
    "question": "Which checks?",
    "header": "Checks",
    "options": [{"label": "Lint"}, {"label": "Types"}],
    "multiple": True,
    "custom": False,
}


async def test_once_runs_that_call_alone(server: OpencodeServer, connector: Opencode) -> None:
    session_id = server.session()
    first, second = (
        server.ask_permission(session_id, "touch e1"),
        server.ask_permission(session_id, "touch e2"),
    )
    outcome = await deliver(connector, await polled(connector, first), [APPROVE])
    assert (outcome.state, outcome.effect) == (CONFIRMED, "(no output)")
    assert server.ran == ["touch e1"]
    assert list(server.waiting) == [second]


async def test_always_is_asked_for_by_name_only_and_takes_along_what_fits(
    server: OpencodeServer, connector: Opencode, line: Line
) -> None:
    session_id = server.session()
    first = server.ask_permission(session_id, "touch e1")
    server.ask_permission(session_id, "touch e2")
    other = server.ask_permission(session_id, "rm e1", "rm *")
    item = await polled(connector, first)
    assert [scope.name for scope in item.scopes] == ["always"]
    assert item.scopes[0].description.startswith("bash touch *: never asked again")
    outcome = await deliver(connector, item, [Verdict(Verb.APPROVE, scope="always")])
    assert outcome.state is CONFIRMED
    assert [asked.json for asked in line.asked if asked.acted] == [{"reply": "always"}]
    assert server.ran == ["touch e1", "touch e2"]
    assert list(server.waiting) == [other]


async def test_a_request_without_patterns_to_allow_has_no_wider_grant(
    server: OpencodeServer, connector: Opencode
) -> None:
    item = await polled(connector, server.ask_permission(server.session(), **NO_WIDER_GRANT))
    assert item.scopes == ()
    assert item.refusals["scope"]
    with pytest.raises(NotTaken, match="always"):
        await deliver(connector, item, [Verdict(Verb.APPROVE, scope="always")])


async def test_arguments_cannot_be_edited_and_it_says_what_to_do(
    server: OpencodeServer, connector: Opencode, line: Line
) -> None:
    item = await polled(connector, server.ask_permission(server.session()))
    with pytest.raises(NotTaken, match="reject it with the change you want as the reason"):
        await deliver(connector, item, [Verdict(Verb.EDIT, arguments={"command": "touch b2"})])
    assert line.sends == 0


async def test_a_rejection_takes_the_sessions_others_along_and_says_so_before(
    server: OpencodeServer, connector: Opencode, line: Line
) -> None:
    session_id = server.session()
    names = [server.ask_permission(session_id, f"touch e{number}") for number in range(1, 8)]
    elsewhere = server.ask_permission(server.session())
    item, sibling = await polled(connector, names[0]), await polled(connector, names[1])
    assert item.warnings["reject"].startswith(
        "Also rejects the other 6 requests of this session: bash: touch e2; bash: touch e3; "
    )
    assert "; and 1 more." in item.warnings["reject"]
    assert connector.lane(item) == connector.lane(sibling)
    assert (await deliver(connector, item, [REJECT])).state is CONFIRMED
    assert list(server.waiting) == [elsewhere]
    assert (await deliver(connector, sibling, [APPROVE])).state is DeliveryState.STALE
    gone = await connector.reread(sibling)
    assert gone == Gone("answered", "rejected, alone or with others of its session")
    assert await connector.reread(item) == Gone("answered", "rejected: Use b2 instead.")
    assert (server.ran, line.sends) == ([], 1)


async def test_a_rejection_by_a_sibling_is_not_ours(server: OpencodeServer, connector: Opencode) -> None:
    session_id = server.session()
    first, second = server.ask_permission(session_id), server.ask_permission(session_id, "touch e2")
    item, sibling = await polled(connector, first), await polled(connector, second)
    await connector.send(sibling, decide(sibling, Verdict(Verb.REJECT)))
    for verdict, state in ((REJECT, REFUSED), (APPROVE, REFUSED), (Verdict(Verb.REJECT), UNKNOWN)):
        decision = decide(item, verdict)
        receipt = await connector.send(item, decision)
        assert (await settle(connector, item, decision, receipt)).state is state
        assert (await settle(connector, item, decision, None)).state is state


async def test_a_rejection_without_a_reason_sends_no_words(
    server: OpencodeServer, connector: Opencode, line: Line
) -> None:
    item = await polled(connector, server.ask_permission(server.session()))
    assert (await deliver(connector, item, [Verdict(Verb.REJECT)])).state is CONFIRMED
    assert [asked.json for asked in line.asked if asked.acted] == [{"reply": "reject"}]


async def test_true_without_effect_is_never_confirmed(server: OpencodeServer, connector: Opencode) -> None:
    """An aborted run leaves its request listed, and a grant of it gets 200 and true."""
    session_id = server.session()
    request_id = server.ask_permission(session_id)
    item = await polled(connector, request_id)
    server.abort(session_id)
    assert request_id in server.waiting
    assert (await deliver(connector, item, [APPROVE])).state is DeliveryState.STALE
    decision = decide(item, APPROVE)
    receipt = await connector.send(item, decision)
    assert receipt.detail["reply"] == "taken"
    assert (await settle(connector, item, decision, receipt)).state in (UNKNOWN, REFUSED)
    server.turns[session_id][0]["parts"][0]["state"]["time"]["end"] -= 2000
    outcome = await settle(connector, item, decision, receipt)
    assert (outcome.state, outcome.detail) == (
        REFUSED,
        "the agent's run had been aborted before: nothing ran",
    )
    assert server.ran == []


@pytest.mark.parametrize("verb", [Verb.REJECT, Verb.RESPOND, Verb.IGNORE])
async def test_answers_to_an_aborted_run_reach_nobody(
    server: OpencodeServer, connector: Opencode, verb: Verb
) -> None:
    session_id = server.session()
    asks = server.ask_permission if verb is Verb.REJECT else server.ask_question
    item = await polled(connector, asks(session_id))
    server.abort(session_id)
    verdict = Verdict(verb, answer="blue") if verb is Verb.RESPOND else Verdict(verb)
    decision = decide(item, verdict)
    receipt = await connector.send(item, decision)
    assert (await settle(connector, item, decision, receipt)).state is REFUSED


async def test_a_deleted_session_leaves_nothing_to_read(server: OpencodeServer, connector: Opencode) -> None:
    session_id = server.session("/srv/home")
    item = await polled(connector, server.ask_permission(session_id))
    server.delete(session_id)
    assert await connector.reread(item) == Gone("deleted", "its session was deleted")
    decision = decide(item, APPROVE)
    receipt = await connector.send(item, decision)
    outcome = await settle(connector, item, decision, receipt)
    assert outcome.state is UNKNOWN
    assert "close this by hand" in outcome.detail


async def test_a_web_page_for_an_answer_is_no_success(server: OpencodeServer, connector: Opencode) -> None:
    item = await polled(connector, server.ask_permission(server.session()))

    async def moved(request: Request) -> Response:
        return WEB_PAGE

    server.route("POST", "/permission/{id}/reply")(moved)
    server._routes.insert(0, server._routes.pop())
    with pytest.raises(Garbled):
        await connector.send(item, decide(item, APPROVE))
    assert (await deliver(connector, item, [APPROVE])).state is UNKNOWN
    assert server.ran == []


async def test_without_its_directory_a_request_looks_answered(
    server: OpencodeServer, connector: Opencode, line: Line
) -> None:
    """The trap itself, and that our answers name the directory."""
    request_id = server.ask_permission(server.session("/srv/else where"))
    item = await polled(connector, request_id)
    path = f"/permission/{request_id}/reply"
    assert (await connector.wire.request("POST", path, json={"reply": "once"})).status == 404
    line.asked.clear()
    assert (await deliver(connector, item, [APPROVE])).state is CONFIRMED
    assert [asked.target for asked in line.asked if asked.acted] == [f"{path}?directory=%2Fsrv%2Felse+where"]


async def test_not_there_but_still_listed_was_not_taken(server: OpencodeServer, connector: Opencode) -> None:
    item = await polled(connector, server.ask_permission(server.session()))
    decision = decide(item, APPROVE)
    astray = {**item.locator, "request_id": "per_000000000000Ab"}
    receipt = await connector.send(_at(item, astray), decision)
    assert receipt.detail["reply"] == "not there"
    assert (await settle(connector, item, decision, receipt)).state is REFUSED


async def test_a_long_call_is_confirmed_as_running_so_that_the_session_goes_on(
    server: OpencodeServer, connector: Opencode, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.slow = True
    session_id = server.session()
    item = await polled(connector, server.ask_permission(session_id))
    decision = decide(item, APPROVE)
    receipt = await connector.send(item, decision)
    assert (await connector.settle(item, decision, receipt)).state is DeliveryState.SENT
    monkeypatch.setattr(opencode, "_RUNNING_S", 0.0)
    outcome = await connector.settle(item, decision, receipt)
    assert (outcome.state, outcome.detail) == (CONFIRMED, "the tool call is running")
    server.finish(session_id)
    assert (await connector.settle(item, decision, receipt)).effect == "(no output)"


async def test_after_a_new_start_nothing_is_known(server: OpencodeServer, connector: Opencode) -> None:
    server.slow = True
    item = await polled(connector, server.ask_permission(server.session()))
    decision = decide(item, APPROVE)
    receipt = await connector.send(item, decision)
    server.restart()
    outcome = await settle(connector, item, decision, receipt)
    assert outcome.state is UNKNOWN
    assert "the server was started anew" in outcome.detail
    gone = await connector.reread(item)
    assert isinstance(gone, Gone)
    assert gone.reason == "not known"


async def test_a_call_that_asks_for_more_is_another_item(server: OpencodeServer, connector: Opencode) -> None:
    first = server.ask_permission(server.session(), "cat /etc/hosts")
    item = await polled(connector, first)
    again = server.ask_again(first)
    outcome = await deliver(connector, item, [APPROVE])
    assert (outcome.state, outcome.effect) == (
        CONFIRMED,
        "the same tool call now waits for another permission",
    )
    assert server.ran == []
    next_item = await polled(connector, again)
    decision = decide(item, APPROVE)
    assert (await deliver(connector, next_item, [REJECT])).state is CONFIRMED
    late = await settle(connector, item, decision, Receipt(first, {"reply": "taken"}))
    assert late.state is CONFIRMED
    assert "then rejected by another answer" in late.detail


async def test_a_request_that_names_no_call(server: OpencodeServer, connector: Opencode) -> None:
    """Such as doom_loop: the session at work is all there is to see."""
    session_id = server.session()
    changes: dict[str, Any] = {
        "permission": "doom_loop",
        "patterns": ["bash"],
        "metadata": {"tool": "bash"},
        "tool": None,
    }
    item = await polled(connector, server.ask_permission(session_id, **changes))
    assert item.title == "doom_loop: bash"
    outcome = await deliver(connector, item, [APPROVE])
    assert (outcome.state, outcome.detail) == (CONFIRMED, "the grant was taken and the session is at work")
    second = await polled(connector, server.ask_permission(session_id, **changes))
    assert (await deliver(connector, second, [REJECT])).state is UNKNOWN


async def test_a_lost_answer_never_arrives_after_a_while(
    server: OpencodeServer, connector: Opencode, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = await polled(connector, server.ask_permission(server.session()))
    decision = decide(item, APPROVE)
    line.fault = Fault.LOST
    assert (await deliver(connector, item, decision)).state is UNKNOWN
    monkeypatch.setattr(opencode, "_NEVER_ARRIVED_S", 0.0)
    outcome = await connector.settle(item, decision, None)
    assert (outcome.state, outcome.detail) == (REFUSED, "it never arrived; the request still waits")
    assert isinstance(await connector.reread(item), Item)


async def test_the_first_answer_wins_and_the_second_learns_what_came(
    server: OpencodeServer, connector: Opencode
) -> None:
    item = await polled(connector, server.ask_permission(server.session()))
    await connector.send(item, decide(item, APPROVE))
    for verdict, state in ((REJECT, REFUSED), (APPROVE, UNKNOWN)):
        decision = decide(item, verdict)
        receipt = await connector.send(item, decision)
        assert receipt.detail["reply"] == "not there"
        assert (await settle(connector, item, decision, receipt)).state is state
    assert server.ran == ["touch e1"]


async def test_a_false_for_an_answer_is_not_there(server: OpencodeServer, connector: Opencode) -> None:
    item = await polled(connector, server.ask_permission(server.session()))

    async def false(request: Request) -> Response:
        return Response(False)

    server.route("POST", "/permission/{id}/reply")(false)
    server._routes.insert(0, server._routes.pop())
    assert (await connector.send(item, decide(item, APPROVE))).detail == {"reply": "not there"}


async def test_a_malformed_answer_is_refused_in_the_servers_words(
    server: OpencodeServer, connector: Opencode, line: Line
) -> None:
    item = await polled(connector, server.ask_permission(server.session()))

    async def no(request: Request) -> Response:
        return Response({"name": "BadRequest", "data": {"message": "Expected x"}}, 400)

    server.route("POST", "/permission/{id}/reply")(no)
    server._routes.insert(0, server._routes.pop())
    with pytest.raises(Refusal, match="answered 400"):
        await connector.send(item, decide(item, APPROVE))


# Questions


async def test_answers_go_in_the_questions_order(
    server: OpencodeServer, connector: Opencode, line: Line
) -> None:
    item = await polled(connector, server.ask_question(server.session(), DATABASE, CHECKS))
    outcome = await deliver(
        connector, item, [Verdict(Verb.RESPOND, answer={"Checks": ["Types"], "Database": "DuckDB"})]
    )
    assert (outcome.state, outcome.detail) == (CONFIRMED, "the agent has the answer")
    assert [asked.json for asked in line.asked if asked.acted] == [{"answers": [["DuckDB"], ["Types"]]}]


@pytest.mark.parametrize(
    "answer",
    [
        {"Database": "SQLite"},
        {"Database": "", "Checks": ["Lint"]},
        {"Database": "SQLite", "Checks": []},
        {"Database": "SQLite", "Checks": ["Nonsense"]},
        {"Database": "SQLite", "Checks": "Lint"},
        "SQLite",
    ],
    ids=str,
)
async def test_an_incomplete_form_is_not_sent(
    server: OpencodeServer, connector: Opencode, line: Line, answer: Any
) -> None:
    item = await polled(connector, server.ask_question(server.session(), DATABASE, CHECKS))
    with pytest.raises(NotTaken):
        await deliver(connector, item, [Verdict(Verb.RESPOND, answer=answer)])
    assert line.sends == 0


async def test_questions_with_the_same_label_are_numbered(
    server: OpencodeServer, connector: Opencode
) -> None:
    item = await polled(connector, server.ask_question(server.session(), DATABASE, DATABASE))
    answer = {"question 1": "SQLite", "question 2": "none"}
    assert (await deliver(connector, item, [Verdict(Verb.RESPOND, answer=answer)])).state is CONFIRMED
    assert server.answers[item.locator["request_id"]] == [{"answers": [["SQLite"], ["none"]]}]


async def test_several_choices_of_one_question(server: OpencodeServer, connector: Opencode) -> None:
    item = await polled(connector, server.ask_question(server.session(), CHECKS))
    assert item.many
    outcome = await deliver(connector, item, [Verdict(Verb.RESPOND, answer=["Lint", "Types"])])
    assert outcome.state is CONFIRMED
    assert server.answers[item.locator["request_id"]] == [{"answers": [["Lint", "Types"]]}]


async def test_an_answer_given_elsewhere_is_told(server: OpencodeServer, connector: Opencode) -> None:
    item = await polled(connector, server.ask_question(server.session()))
    await connector.send(item, decide(item, Verdict(Verb.RESPOND, answer="green")))
    for verdict in (Verdict(Verb.RESPOND, answer="blue"), Verdict(Verb.IGNORE)):
        decision = decide(item, verdict)
        receipt = await connector.send(item, decision)
        assert (await settle(connector, item, decision, receipt)).state is REFUSED
    assert await connector.reread(item) == Gone("answered", "granted or answered: the tool call ran")


async def test_a_dismissed_question(server: OpencodeServer, connector: Opencode) -> None:
    item = await polled(connector, server.ask_question(server.session()))
    assert (await deliver(connector, item, [Verdict(Verb.IGNORE)])).state is CONFIRMED
    assert await connector.reread(item) == Gone("answered", "dismissed")
    decision = decide(item, Verdict(Verb.RESPOND, answer="blue"))
    assert (await settle(connector, item, decision, None)).state is REFUSED


def _at(item: Item, locator: dict[str, Any]) -> Item:
    return msgspec.structs.replace(item, locator=locator)
