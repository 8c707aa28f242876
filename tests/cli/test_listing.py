"""``triage list``, ``endpoints`` and ``show``: shapes, filters, what cannot be asked, hostile text."""

from __future__ import annotations

import json
import os
import random
import subprocess
import time
from pathlib import Path

import pytest

from tests.cli.agents import Agents, credit, open_desk
from tests.cli.conftest import Run, ended, output_of, process
from triage.cli.listing import SORTS
from triage.demo.content import scout
from triage.demo.proposal import option
from triage.model.filtering import ORDERS

KEYS = (
    "id revision endpoint kind agent title action actions options answer_schema verbs created_at expires_at state"
).split()


def test_list_prints_an_array_of_objects_with_the_keys_of_the_design(
    triage: Run, place: Path, agents: Agents
) -> None:
    item = agents.ask(actions=[credit("Kim", 5.0), credit("Lee", 7)], deadline_s=600, description="twice")
    result = triage("list", "--json")
    assert result.exit_code == 0
    [found] = output_of(result)
    assert [key for key in found if key in KEYS] == KEYS
    assert found["id"] == item
    assert (found["endpoint"], found["kind"], found["agent"]) == ("payments", "approval", "payments")
    assert found["action"] == found["actions"][0]
    assert list(found["action"]) == ["name", "arguments", "schema"]
    assert found["actions"][1]["arguments"] == {"customer": "Lee", "amount": 7}
    assert found["verbs"] == ["approve", "edit", "reject"]
    assert found["state"] == "waiting"
    assert found["created_at"] < found["expires_at"]
    assert result.stderr == ""


def test_a_question_has_its_options_and_no_action(triage: Run, place: Path, agents: Agents) -> None:
    agents.ask(
        "helpdesk",
        title="Which?",
        kind="question",
        options=[option("A", 1, "one"), option("B", {"x": 2})],
        verbs=("respond",),
    )
    [found] = output_of(triage("list", "--json"))
    assert (found["action"], found["actions"]) == (None, [])
    assert found["options"] == [
        {"label": "A", "value": 1, "description": "one"},
        {"label": "B", "value": {"x": 2}},
    ]


def test_people_get_a_table(triage: Run, place: Path, agents: Agents) -> None:
    item = agents.ask(title="Give 5 to Kim")
    result = triage("list")
    assert result.stdout.splitlines()[0].split() == ["ID", "AGE", "ENDPOINT", "STATE", "WHAT"]
    assert result.stdout.splitlines()[1].split(maxsplit=4) == [
        item,
        "now",
        "payments",
        "waiting",
        "Give 5 to Kim",
    ]
    agents.withdraw(item)
    result = triage("list")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "Nothing waits" in result.stderr
    assert output_of(triage("list", "--json")) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("kim", {"Give 5 to Kim"}),
        ("endpoint:deploys", {"Restart"}),
        ("args.amount>50", {"Give 80 to Lee"}),
        ("amount>50 or kind:question", {"Give 80 to Lee", "Which?"}),
        ("-kind:question -(lee or kim)", {"Restart"}),
        ("filter:big", {"Give 80 to Lee"}),
        ("verb:respond", {"Which?"}),
        ("is:gone", {"Gone"}),
        (
            " or ".join(f'"word {number}"' for number in range(100)) + " or title:give*kim",
            {"Give 5 to Kim"},
        ),
    ],
)
def test_a_filter_chooses(text: str, expected: set[str], triage: Run, place: Path, agents: Agents) -> None:
    config = place / "config.toml"
    config.write_text('filters = { big = "amount>50" }\n' + config.read_text())
    gone = agents.ask(title="Gone", actions=[])
    triage("list")
    agents.withdraw(gone)
    agents.ask()
    agents.ask(title="Give 80 to Lee", actions=[credit("Lee", 80)])
    agents.ask("helpdesk", title="Which?", kind="question", verbs=("respond",), options=[option("A", 1)])
    agents.ask("deploys", title="Restart", actions=[{"name": "restart", "arguments": {}}])
    found = output_of(triage("list", "--json", "--filter", text))
    assert {each["title"] for each in found} == expected


def test_a_filter_that_means_nothing_is_pointed_at(triage: Run, place: Path) -> None:
    result = triage("list", "--filter", "amount>5 (kind:nonsense")
    assert result.exit_code == 2
    assert "amount>5 (kind:nonsense" in result.stderr
    assert "^" in result.stderr


def test_every_order_can_be_asked_for(triage: Run, place: Path, agents: Agents) -> None:
    assert tuple(ORDERS) == SORTS
    agents.ask(title="late", deadline_s=9000)
    agents.ask(title="soon", deadline_s=60)
    found = output_of(triage("list", "--json", "--sort", "deadline"))
    assert [each["title"] for each in found] == ["soon", "late"]


def test_no_poll_shows_what_is_known(triage: Run, place: Path, agents: Agents) -> None:
    agents.ask(title="first")
    triage("list")
    agents.ask(title="second")
    assert [each["title"] for each in output_of(triage("list", "--json", "--no-poll"))] == ["first"]
    assert [each["title"] for each in output_of(triage("list", "--json"))] == ["first", "second"]


def test_an_endpoint_that_does_not_answer_is_named_and_the_others_are_listed(
    triage: Run, place: Path, agents: Agents
) -> None:
    config = place / "config.toml"
    config.write_text(config.read_text() + '\n[endpoints.down]\nkind = "rest"\nurl = "http://127.0.0.1:9"\n')
    agents.ask()
    result = triage("list", "--json")
    assert result.exit_code == 1
    assert len(output_of(result)) == 1
    assert "down: cannot reach 127.0.0.1:9" in result.stderr
    assert triage("list", "--no-poll").exit_code == 0


def test_missing_credentials_are_said_and_the_others_are_listed(
    triage: Run, place: Path, agents: Agents
) -> None:
    config = place / "config.toml"
    more = '\n[endpoints.shut]\nkind = "rest"\nurl = "http://127.0.0.1:9"\ntoken_env = "NOT_SET"\n'
    config.write_text(config.read_text() + more)
    agents.ask()
    result = triage("list", "--json")
    assert result.exit_code == 1
    assert len(output_of(result)) == 1
    assert "NOT_SET" in result.stderr


def test_without_endpoints_it_says_how_to_add_one(triage: Run, home: Path) -> None:
    for command in ("list", "endpoints"):
        result = triage(command)
        assert result.exit_code == 2
        assert "triage add URL" in result.stderr
        assert "triage demo" in result.stderr


def test_a_wrong_configuration_is_named_with_file_and_line(triage: Run, home: Path) -> None:
    (home / "config.toml").write_text('theem = "dark"\n[endpoints.a]\nkind = "rest"\nurl = "http://a"\n')
    result = triage("list")
    assert result.exit_code == 2
    assert f"{home / 'config.toml'}:1: `theem` is no setting; did you mean `theme`?" in result.stderr


def test_an_open_console_is_left_to_poll(triage: Run, place: Path, agents: Agents) -> None:
    agents.ask(title="seen by the console")
    with open_desk(os.environ):
        began = time.monotonic()
        assert [each["title"] for each in output_of(triage("list", "--json"))] == ["seen by the console"]
        assert time.monotonic() - began < 1.5


def test_two_lists_at_once_both_show_all(place: Path, agents: Agents) -> None:
    for number in range(3):
        agents.ask(title=f"item {number}")
    both = [process("list", "--json") for _ in range(2)]
    for code, printed, _ in [ended(one) for one in both]:
        assert code == 0
        assert [each["title"] for each in json.loads(printed)] == ["item 0", "item 1", "item 2"]


def test_watch_prints_anew_what_changed(place: Path, agents: Agents) -> None:
    agents.ask(title="first")
    watching = process("list", "--json", "--watch", "--filter", "endpoint:payments")
    assert watching.stdout
    try:
        until_titles(watching, ["first"])
        agents.ask(title="second")
        until_titles(watching, ["first", "second"])
    finally:
        watching.send_signal(2)
    code, _, said = ended(watching)
    assert (code, said) == (0, "")


def until_titles(watching: subprocess.Popen[str], titles: list[str]) -> None:
    assert watching.stdout
    for line in watching.stdout:
        if [each["title"] for each in json.loads(line)] == titles:
            return
    raise AssertionError("it ended before")


def test_endpoints_tell_kind_version_and_health(triage: Run, place: Path, agents: Agents) -> None:
    agents.ask()
    triage("pause", "mail")
    found = {each["name"]: each for each in output_of(triage("endpoints", "--json"))}
    assert list(found) == ["payments", "deploys", "mail", "helpdesk", "scout"]
    one = found["payments"]
    assert list(one) == [
        "name", "kind", "url", "version", "warning", "health", "detail", "since", "waiting", "paused",
    ]  # fmt: skip
    assert (one["kind"], one["version"], one["health"], one["waiting"]) == ("rest", "1.0", "ok", 1)
    assert [name for name, each in found.items() if each["paused"]] == ["mail"]
    assert "payments" in triage("endpoints", "--no-poll").stdout


def test_show_adds_description_context_and_raw(triage: Run, place: Path, agents: Agents) -> None:
    context = {"messages": [{"role": "customer", "text": "please"}]}
    item = agents.ask(description="Why not?", context=context)
    triage("list")
    found = output_of(triage("show", item[:5], "--json"))
    assert {*KEYS, "description", "context", "raw"} <= set(found)
    assert found["description"] == "Why not?"
    assert found["context"]["messages"] == [{"role": "customer", "text": "please"}]
    assert found["raw"]["title"] == found["title"]
    assert output_of(triage("show", item, "--json", "--no-poll"))["context"] is None
    words = triage("show", item).stdout
    assert all(part in words for part in (found["revision"], "Why not?", "give_credit", "please", "approve"))


def test_show_polls_for_an_item_that_was_never_listed(triage: Run, place: Path, agents: Agents) -> None:
    item = agents.ask()
    assert output_of(triage("show", item[:8], "--json"))["id"] == item


def test_an_unknown_or_ambiguous_id_is_said(triage: Run, place: Path, agents: Agents) -> None:
    result = triage("show", "zzzzzz")
    assert result.exit_code == 2
    assert "'zzzzzz'" in result.stderr
    for _ in range(40):
        agents.ask()
    found = [each["id"] for each in output_of(triage("list", "--json"))]
    shared = next(char for char in "0123456789abcdefghjkmnpqrstvwxyz" if sum(i[0] == char for i in found) > 1)
    result = triage("show", shared)
    assert result.exit_code == 2
    assert "give more of it" in result.stderr


def test_no_text_of_an_agent_acts_on_the_terminal(triage: Run, place: Path, agents: Agents) -> None:
    nasty = "a\x1b]52;c;cm0=\x07b\x9b31mc\u202ed\u200be\r\nf\x7f\u2066g"
    items = [agents.ask(title=nasty, description=nasty, actions=[credit(nasty) | {"description": nasty}])]
    for template in scout.TEMPLATES:
        agents.do(lambda made=template: agents.demo.agents["scout"].ask(made(random.Random(3))))  # type: ignore[misc]
    items += [each["id"] for each in output_of(triage("list", "--json"))]
    printed = [triage("list"), triage("list", "--json"), triage("endpoints"), triage("status")]
    printed += [triage("show", item, *more) for item in items for more in ((), ("--json",))]
    printed += [
        triage("approve", items[0], "--json"),
        triage("log"),
        triage("log", "--json"),
        triage("log", "export"),
    ]
    for result in printed:
        bad = [char for char in result.stdout + result.stderr if char != "\n" and not char.isprintable()]
        assert bad == [], result.stdout
    shown = output_of(triage("show", items[1], "--json"))
    assert json.loads(json.dumps(shown)) == shown
