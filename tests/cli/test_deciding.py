"""The verbs: what the agents did, what was printed, and every exit code."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.cli.agents import Agents, credit, open_desk
from tests.cli.conftest import Run, ended, output_of, process
from triage.demo.agent import Agent
from triage.demo.proposal import option
from triage.demo.serving import Answer, Request
from triage.store.errors import StoreUnavailable
from triage.store.log import Log

EDITOR = """
import json, sys
path = sys.argv[-1]
value = json.load(open(path))
{change}
open(path, "w").write(text if "text" in dir() else json.dumps(value))
"""


def log_of(place: Path) -> Log:
    return Log(place / "data")


def decisions(place: Path) -> int:
    return sum(event.type == "decided" for event in log_of(place).events())


def test_approve_is_done_by_the_agent_and_proven(triage: Run, place: Path, agents: Agents) -> None:
    item = agents.ask()
    result = triage("approve", item, "--reason", "fine", "--json")
    assert result.exit_code == 0
    found = output_of(result)
    assert list(found) == ["id", "decision", "state", "detail"]
    assert (found["id"], found["state"]) == (item, "confirmed")
    assert "Kim now has" in found["detail"]
    [effect] = agents.done(item)
    assert effect["decision_id"] == found["decision"]
    assert (effect["verb"], effect["arguments"]) == ("approve", {"customer": "Kim", "amount": 5.0})
    taken = agents.decision(item)
    assert (taken["operator"], taken["verdicts"]) == ("ann", [{"verb": "approve", "reason": "fine"}])


def test_without_json_everything_said_goes_to_standard_error(
    triage: Run, place: Path, agents: Agents
) -> None:
    item = agents.ask()
    result = triage("approve", item[:10])
    assert (result.exit_code, result.stdout) == (0, "")
    assert f"{item} approve: confirmed: " in result.stderr


def test_reject_needs_a_reason_and_takes_it_to_the_agent(triage: Run, place: Path, agents: Agents) -> None:
    item = agents.ask()
    assert triage("reject", item).exit_code == 2
    assert triage("reject", item, "--reason", "too much").exit_code == 0
    assert agents.decision(item)["verdicts"] == [{"verb": "reject", "reason": "too much"}]
    assert [effect["said"] for effect in agents.done(item)] == ["Not done: too much"]


def test_a_single_verb_applies_to_every_action(triage: Run, place: Path, agents: Agents) -> None:
    item = agents.ask(actions=[credit("Kim", 1), credit("Lee", 2), credit("Mo", 3)])
    assert triage("approve", item).exit_code == 0
    assert [effect["arguments"]["customer"] for effect in agents.done(item)] == ["Kim", "Lee", "Mo"]


def test_decide_gives_each_action_its_own_verdict(triage: Run, place: Path, agents: Agents) -> None:
    item = agents.ask(actions=[credit("Kim", 1), credit("Lee", 2), credit("Mo", 3)])
    verdicts = [
        {"verb": "approve"},
        {"verb": "reject", "reason": "no"},
        {"verb": "edit", "arguments": {"customer": "Mo", "amount": 4}},
    ]
    assert triage("decide", item, "--verdicts", json.dumps(verdicts)).exit_code == 0
    done = agents.done(item)
    assert [effect["verb"] for effect in done] == ["approve", "reject", "edit"]
    assert done[2]["arguments"] == {"customer": "Mo", "amount": 4}


@pytest.mark.parametrize(
    ("verdicts", "words"),
    [
        ("[", "no JSON"),
        ("{}", "must be a JSON array"),
        ("[]", "must be a JSON array"),
        ('[{"verb": "aprove"}]', "verdict 1 cannot be read"),
        ('[{"verb": "approve"}, {"verb": "reject", "reson": "x"}]', "verdict 2 has reson; known are"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_verdicts_that_cannot_be_read(
    verdicts: str, words: str, triage: Run, place: Path, agents: Agents
) -> None:
    result = triage("decide", agents.ask(), "--verdicts", verdicts)
    assert result.exit_code == 2
    assert words in result.stderr


def test_too_few_verdicts_are_refused_and_nothing_is_logged(triage: Run, place: Path, agents: Agents) -> None:
    item = agents.ask(actions=[credit(), credit("Lee")])
    result = triage("decide", item, "--verdicts", '[{"verb": "approve"}]', "--json")
    assert result.exit_code == 3
    assert "asks for 2 verdicts" in result.stderr
    assert output_of(result) == {
        "id": item,
        "decision": None,
        "state": "refused",
        "detail": "this item asks for 2 verdicts, one an action in their order; 1 given",
    }
    assert decisions(place) == 0


# -- answers ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        (["Small one"], {"size": 1}),
        (["small ONE"], {"size": 1}),
        (["big"], "big"),
        (["--json-answer", '{"size": 1}'], {"size": 1}),
    ],
)
def test_respond_by_option_or_json(
    arguments: list[str], answer: Any, triage: Run, place: Path, agents: Agents
) -> None:
    options = [option("Small one", {"size": 1}), option("The big one", "big")]
    item = agents.ask(
        "helpdesk", title="Which?", kind="question", options=options, verbs=("respond", "ignore")
    )
    assert triage("respond", item, *arguments).exit_code == 0
    assert agents.decision(item)["verdicts"] == [{"verb": "respond", "answer": answer}]


@pytest.mark.parametrize(
    ("schema", "text", "answer"),
    [
        ({"type": "string"}, "5", "5"),
        ({"type": "integer"}, "5", 5),
        ({"type": "boolean"}, "true", True),
        (None, "words of mine", "words of mine"),
    ],
)
def test_respond_in_words(
    schema: dict[str, Any] | None, text: str, answer: Any, triage: Run, place: Path, agents: Agents
) -> None:
    item = agents.ask("helpdesk", title="What?", kind="question", answer_schema=schema, verbs=("respond",))
    assert triage("respond", item, text).exit_code == 0
    assert agents.decision(item)["verdicts"][0]["answer"] == answer


def test_one_of_many_is_sent_as_a_list(triage: Run, place: Path, agents: Agents) -> None:
    options = [option("Monday", "mon"), option("Friday", "fri")]
    schema = {"type": "array", "items": {"type": "string"}}
    more: dict[str, Any] = {"options": options, "many": True, "answer_schema": schema, "verbs": ("respond",)}
    item = agents.ask("helpdesk", title="When?", kind="question", **more)
    assert triage("respond", item, "Friday", "--reason", "asked them").exit_code == 0
    assert agents.decision(item)["verdicts"] == [
        {"verb": "respond", "answer": ["fri"], "reason": "asked them"}
    ]


def test_respond_wants_one_answer(triage: Run, place: Path, agents: Agents) -> None:
    for arguments in ([], ["a", "--json-answer", "1"]):
        result = triage("respond", "abc", *arguments)
        assert result.exit_code == 2
        assert "one of the two" in result.stderr
    assert triage("respond", "abc", "--json-answer", "{").exit_code == 2


def test_an_answer_that_breaks_the_schema_is_refused_here(triage: Run, place: Path, agents: Agents) -> None:
    schema = {"type": "integer", "maximum": 9}
    item = agents.ask(
        "helpdesk", title="How many?", kind="question", answer_schema=schema, verbs=("respond",)
    )
    for text in ("many", "12"):
        result = triage("respond", item, text)
        assert result.exit_code == 3
        assert text in result.stderr
    assert agents.decision(item) is None


def test_ignore_and_close(triage: Run, place: Path, agents: Agents) -> None:
    item = agents.ask("helpdesk", title="Which?", kind="question", verbs=("respond", "ignore"))
    assert triage("ignore", item).exit_code == 0
    assert agents.decision(item)["verdicts"] == [{"verb": "ignore"}]
    item = agents.ask(verbs=("approve", "close"))
    assert triage("close", item, "--reason", "old").exit_code == 0
    assert agents.decision(item)["verdicts"] == [{"verb": "close", "reason": "old"}]


def test_a_verb_the_item_does_not_take_is_refused_here(triage: Run, place: Path, agents: Agents) -> None:
    item = agents.ask(verbs=("approve", "reject"))
    result = triage("ignore", item)
    assert result.exit_code == 3
    assert "it takes approve, reject" in result.stderr
    assert decisions(place) == 0


def test_a_wider_grant_is_given_only_by_its_name(triage: Run, place: Path, agents: Agents) -> None:
    scopes = [{"name": "always", "description": "from now on"}]
    item = agents.ask(scopes=scopes)
    result = triage("approve", item, "--scope", "for ever")
    assert result.exit_code == 3
    assert "offered: always" in result.stderr
    assert triage("approve", item, "--scope", "always").exit_code == 0
    assert agents.decision(item)["verdicts"] == [{"verb": "approve", "scope": "always"}]


# -- edits --------------------------------------------------------------------------------------


def test_edit_with_arguments_given(triage: Run, place: Path, agents: Agents) -> None:
    item = agents.ask()
    assert triage("edit", item, "--args", '{"customer": "Kim", "amount": 3}').exit_code == 0
    [effect] = agents.done(item)
    assert (effect["verb"], effect["arguments"]) == ("edit", {"customer": "Kim", "amount": 3})


def test_edit_from_a_file_keeps_large_numbers(triage: Run, place: Path, agents: Agents) -> None:
    item = agents.ask(
        actions=[{"name": "give_credit", "arguments": {"customer": "Kim", "amount": 1, "n": 1}}]
    )
    value = '{"customer": "Kim", "amount": 2, "n": 12345678901234567890123}'
    assert triage("edit", item, "--args-file", "-", input=value).exit_code == 0
    assert agents.done(item)[0]["arguments"]["n"] == 12345678901234567890123


def test_edit_of_several_actions_approves_what_is_left_as_it_is(
    triage: Run, place: Path, agents: Agents
) -> None:
    item = agents.ask(actions=[credit("Kim", 1), credit("Lee", 2)])
    result = triage("edit", item, "--args", '{"customer": "Kim", "amount": 3}')
    assert (result.exit_code, "array" in result.stderr) == (2, True)
    value = [{"customer": "Kim", "amount": 1}, {"customer": "Lee", "amount": 9}]
    assert triage("edit", item, "--args", json.dumps(value)).exit_code == 0
    assert [effect["verb"] for effect in agents.done(item)] == ["approve", "edit"]
    item = agents.ask(actions=[credit("Kim", 1), credit("Lee", 2)])
    unchanged = [{"customer": "Kim", "amount": 1}, {"customer": "Lee", "amount": 2}]
    assert triage("edit", item, "--args", json.dumps(unchanged)).exit_code == 3
    assert agents.decision(item) is None


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--args", "{"], 2, "--args is no JSON"),
        (["--args", "{}", "--args-file", "/dev/null"], 2, "not both"),
        (["--args-file", "/nowhere/at/all"], 2, "No such file"),
        (["--args", '{"customer": "Kim", "amount": 500}'], 3, "amount"),
        (["--args", '{"customer": "Kim", "amount": 5.0}'], 3, "approve instead"),
    ],
)
def test_edits_that_are_not_taken(
    arguments: list[str], code: int, words: str, triage: Run, place: Path, agents: Agents
) -> None:
    item = agents.ask()
    result = triage("edit", item, *arguments)
    assert result.exit_code == code
    assert words in result.stderr
    assert agents.decision(item) is None


def editor(monkeypatch: pytest.MonkeyPatch, place: Path, change: str) -> None:
    script = place / "editor.py"
    script.write_text(EDITOR.format(change=change))
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", f"{sys.executable} {script}")


def test_edit_opens_the_editor_and_shows_the_difference(
    triage: Run, place: Path, agents: Agents, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor(monkeypatch, place, 'value["amount"] = 2.5')
    item = agents.ask()
    result = triage("edit", item)
    assert result.exit_code == 0
    assert "- amount  5.0" in result.stderr
    assert "+ amount  2.5" in result.stderr
    assert agents.done(item)[0]["arguments"] == {"customer": "Kim", "amount": 2.5}


def test_an_edit_left_as_it_was_decides_nothing(
    triage: Run, place: Path, agents: Agents, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor(monkeypatch, place, "text = open(path).read()")
    item = agents.ask()
    result = triage("edit", item)
    assert (result.exit_code, "nothing was changed" in result.stderr) == (1, True)
    assert agents.decision(item) is None


def test_a_wrong_edit_is_kept_as_a_draft_for_the_next_one(
    triage: Run, place: Path, agents: Agents, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor(monkeypatch, place, 'value["amount"] = 700')
    item = agents.ask()
    result = triage("edit", item)
    assert result.exit_code == 3
    assert "100" in result.stderr
    assert "kept as the item's draft" in result.stderr
    editor(monkeypatch, place, 'assert value["amount"] == 700; value["amount"] = 70')
    assert triage("edit", item).exit_code == 0
    assert agents.done(item)[0]["arguments"]["amount"] == 70


def test_an_editor_that_fails_decides_nothing(
    triage: Run, place: Path, agents: Agents, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = agents.ask()
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", "/nowhere/editor")
    result = triage("edit", item)
    assert (result.exit_code, "EDITOR" in result.stderr) == (2, True)
    editor(monkeypatch, place, "sys.exit(3)")
    result = triage("edit", item)
    assert (result.exit_code, "exit code 3" in result.stderr) == (1, True)
    assert decisions(place) == 0


# -- not taken ----------------------------------------------------------------------------------


def test_the_revision_binds(triage: Run, place: Path, agents: Agents) -> None:
    item = agents.ask()
    [seen] = output_of(triage("list", "--json"))
    agents.change(item, title="Give 5000 to Kim")
    triage("list")
    result = triage("approve", item, "--revision", seen["revision"], "--json")
    assert result.exit_code == 5
    assert output_of(result)["state"] == "stale"
    assert output_of(result)["decision"] is None
    assert decisions(place) == 0
    [seen] = output_of(triage("list", "--json"))
    assert triage("approve", item, "--revision", seen["revision"]).exit_code == 0


def test_a_newer_revision_than_the_queue_knows_is_polled_for(
    triage: Run, place: Path, agents: Agents
) -> None:
    item = agents.ask()
    triage("list")
    agents.change(item, title="Give 5 to Kim, please")
    with_other_queue = place / "other"
    os.environ["TRIAGE_DATA"] = str(with_other_queue)
    [seen] = output_of(triage("list", "--json"))
    os.environ["TRIAGE_DATA"] = str(place / "data")
    assert triage("approve", item, "--revision", seen["revision"]).exit_code == 0


def test_without_a_revision_a_change_since_the_last_list_is_not_sent(
    triage: Run, place: Path, agents: Agents
) -> None:
    item = agents.ask()
    triage("list")
    agents.change(item, title="Give 5000 to Kim")
    result = triage("approve", item, "--json")
    assert result.exit_code == 5
    assert output_of(result)["state"] == "stale"
    assert "look at it again" in output_of(result)["detail"]
    assert agents.decision(item) is None


def test_the_second_decision_is_told_who_was_first_and_when(
    triage: Run, place: Path, agents: Agents, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = agents.ask()
    first = output_of(triage("approve", item, "--json"))
    monkeypatch.setenv("TRIAGE_OPERATOR", "bob")
    result = triage("reject", item, "--reason", "no", "--json")
    assert result.exit_code == 3
    found = output_of(result)
    assert (found["decision"], found["state"]) == (first["decision"], "confirmed")
    assert found["detail"].startswith("ann decided it first, at 20")
    assert len(agents.done(item)) == 1
    assert triage("approve", item[:7]).exit_code == 3


def test_what_somebody_else_settled_at_the_endpoint_is_refused(
    triage: Run, place: Path, agents: Agents
) -> None:
    item = agents.ask()
    triage("list")
    agents.withdraw(item)
    triage("list")
    result = triage("approve", item)
    assert result.exit_code == 3
    assert "no longer waits" in result.stderr


def test_refused_by_the_endpoint(triage: Run, place: Path, agents: Agents) -> None:
    failing = {
        "name": "refund_to_expired_card",
        "arguments": {"order": "AF-1", "customer": "K", "amount": 3.0},
    }
    item = agents.ask(actions=[failing])
    result = triage("approve", item, "--json")
    assert result.exit_code == 3
    assert output_of(result)["state"] == "refused"
    assert "card expired" in output_of(result)["detail"]
    assert agents.done(item) == []


def test_an_outcome_nobody_knows(
    triage: Run, place: Path, agents: Agents, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The agent takes the decision, answers with an error, and then does not show what it did."""
    serve = Agent.serve

    async def broken(self: Agent, request: Request) -> Answer:
        return (
            Answer(500, {"error": "out of order"}) if request.method == "POST" else await serve(self, request)
        )

    monkeypatch.setattr(Agent, "serve", broken)
    item = agents.ask()
    result = triage("approve", item, "--json")
    assert result.exit_code == 4
    assert output_of(result)["state"] == "unknown"
    assert f"triage wait {item}" in result.stderr
    assert triage("approve", item).exit_code == 3
    assert triage("wait", item, "--timeout", "0.5").exit_code == 4
    assert triage("close", item, "--note", " ").exit_code == 3
    closed = triage("close", item, "--note", "looked there, nothing was booked", "--json")
    assert closed.exit_code == 0
    assert output_of(closed)["state"] == "closed"
    assert triage("wait", item).exit_code == 4


def test_an_id_that_nothing_has(triage: Run, place: Path) -> None:
    result = triage("approve", "zzzz")
    assert result.exit_code == 2
    assert "`triage list`" in result.stderr


def test_an_endpoint_without_its_token_ends_with_what_is_missing(
    triage: Run, place: Path, agents: Agents, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = place / "config.toml"
    config.write_text(config.read_text().replace('kind = "rest"', 'kind = "rest"\ntoken_env = "OUR_TOKEN"'))
    monkeypatch.setenv("OUR_TOKEN", "s3cret")
    item = agents.ask()
    triage("list")
    monkeypatch.delenv("OUR_TOKEN")
    result = triage("approve", item)
    assert result.exit_code == 2
    assert "OUR_TOKEN" in result.stderr
    assert decisions(place) == 0


def test_read_only_decides_nothing(triage: Run, place: Path, agents: Agents) -> None:
    item = agents.ask()
    assert triage("--read-only", "list").exit_code == 0
    for command in (["approve", item], ["undo"], ["pause"], ["close", item, "--note", "x"]):
        assert triage("--read-only", *command).exit_code == 2
    assert agents.decision(item) is None


# -- waiting ------------------------------------------------------------------------------------


def test_what_cannot_be_sent_in_time_is_taken_back(triage: Run, place: Path, agents: Agents) -> None:
    item = agents.ask()
    assert triage("pause").exit_code == 0
    result = triage("approve", item, "--timeout", "0.4", "--json")
    assert result.exit_code == 1
    assert output_of(result)["state"] == "withdrawn"
    assert "held: sending is paused" in result.stderr
    assert triage("resume").exit_code == 0
    assert agents.decision(item) is None
    assert triage("approve", item).exit_code == 0


def test_what_was_sent_but_is_not_done_in_time_is_not_known(
    triage: Run, place: Path, agents: Agents, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(self: Agent, *_: object) -> None:
        return None

    monkeypatch.setattr(Agent, "_act_later", never)
    item = agents.ask(slow=True)
    result = triage("approve", item, "--timeout", "0.5", "--json")
    assert result.exit_code == 4
    assert output_of(result)["state"] == "sent"


def test_a_disk_that_fills_up_under_a_delivery_is_said_once_and_nothing_is_sent(
    triage: Run, place: Path, agents: Agents, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = agents.ask()
    tried = []

    def advance(self: Log, *_: object, **__: object) -> None:
        tried.append(self)
        raise StoreUnavailable("the disk is full; free some space.")

    with monkeypatch.context() as full:
        full.setattr(Log, "advance", advance)
        result = triage("approve", item, "--timeout", "0.5")
    assert result.exit_code == 1
    assert result.stderr.count("the disk is full; free some space. Trying again.") == 1
    assert len(tried) < 4
    assert agents.decision(item) is None
    assert triage("wait", item, "--timeout", "30").exit_code == 0
    assert len(agents.done(item)) == 1


def test_a_held_decision_is_taken_back_by_ctrl_c(place: Path, agents: Agents) -> None:
    item = agents.ask()
    running = process("approve", item, "--hold", "60", "--json")
    assert running.stderr
    until_said(running, "held 60 s; ctrl+c takes it back")
    running.send_signal(signal.SIGINT)
    code, printed, said = ended(running)
    assert (code, json.loads(printed)["state"]) == (1, "withdrawn")
    assert "Traceback" not in said
    assert agents.decision(item) is None


def test_a_lost_terminal_keeps_what_is_held(place: Path, agents: Agents, triage: Run) -> None:
    item = agents.ask()
    running = process("approve", item, "--hold", "60")
    until_said(running, "held")
    running.send_signal(signal.SIGHUP)
    code, _, said = ended(running)
    assert code == 4
    assert "Traceback" not in said
    [record] = log_of(place).open_records()
    assert (record.state, record.decision.item_id) == ("held", item)
    assert output_of(triage("undo", item, "--json"))["state"] == "withdrawn"


def until_said(running: subprocess.Popen[str], words: str) -> None:
    assert running.stderr
    for line in running.stderr:
        if words in line:
            return
    raise AssertionError(f"it ended without saying {words!r}")


def test_a_hold_is_waited_for(triage: Run, place: Path, agents: Agents) -> None:
    item = agents.ask()
    began = time.monotonic()
    assert triage("approve", item, "--hold", "0.5").exit_code == 0
    assert time.monotonic() - began >= 0.5


# -- several processes --------------------------------------------------------------------------


def test_no_wait_without_a_console_is_refused_and_nothing_is_logged(
    triage: Run, place: Path, agents: Agents
) -> None:
    item = agents.ask()
    result = triage("approve", item, "--no-wait")
    assert result.exit_code == 2
    assert "no console is open" in result.stderr
    assert decisions(place) == 0


def test_no_wait_is_not_fooled_by_a_command_that_only_passes(
    triage: Run, place: Path, agents: Agents
) -> None:
    item = agents.ask()
    triage("list")
    passing = process("wait", agents.ask())
    try:
        deadline = time.monotonic() + 20
        while not list((place / "data" / "locks").glob("*.holder")):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        result = triage("approve", item, "--no-wait")
    finally:
        passing.send_signal(signal.SIGINT)
        ended(passing)
    assert result.exit_code == 2
    assert decisions(place) == 0


def test_with_a_console_open_it_delivers(triage: Run, place: Path, agents: Agents) -> None:
    with open_desk(os.environ):
        item, other = agents.ask(), agents.ask()
        deadline = time.monotonic() + 20
        while len(output_of(triage("list", "--json"))) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        result = triage("approve", item, "--json")
        assert (result.exit_code, output_of(result)["state"]) == (0, "confirmed")
        result = triage("approve", other, "--no-wait", "--json")
        assert result.exit_code == 0
        assert output_of(result)["state"] == "held"
        assert triage("wait", other, "--timeout", "20").exit_code == 0
    assert len(agents.done(item)) == len(agents.done(other)) == 1
    assert agents.decision(item)["operator"] == "ann"


def test_two_at_once_decide_once(place: Path, agents: Agents) -> None:
    item = agents.ask()
    both = [process("approve", item, "--json", TRIAGE_OPERATOR=name) for name in ("ann", "bob")]
    results = [ended(one) for one in both]
    assert sorted(code for code, _, _ in results) == [0, 3]
    loser = next(json.loads(printed) for code, printed, _ in results if code == 3)
    winner = next(json.loads(printed) for code, printed, _ in results if code == 0)
    assert loser["decision"] == winner["decision"]
    assert len(agents.done(item)) == 1


def test_several_items_at_once_are_all_done(place: Path, agents: Agents, triage: Run) -> None:
    items = [agents.ask() for _ in range(3)]
    triage("list")
    assert [code for code, _, _ in map(ended, [process("approve", item) for item in items])] == [0, 0, 0]
    assert [len(agents.done(item)) for item in items] == [1, 1, 1]
