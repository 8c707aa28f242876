"""The configuration: what is read, and every fault told at once, with line and mend."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from datetime import time
from pathlib import Path

import pytest

from triage import config, connectors
from triage.config import Config, ConfigError
from triage.config.judging import NoticeRule
from triage.connectors.base import Connector
from triage.model.endpoint import EndpointConfig
from triage.model.item import Risk
from triage.model.reason import ReadyReason

GOOD = """\
# mine
operator = "ann"
hold_s = 3

[keys]
approve = "A"

[reasons]
reject = ["not now", "wrong customer"]

[endpoints.support]  # the support agents
kind = "fake"
url = "https://agents.example/api"
token_env = "SUPPORT_TOKEN"
headers = { X-Team = "red" }
"""


class Deep(EndpointConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of a kind that has some of its own."""

    limit: int = 100

    def faults(self) -> Iterator[tuple[tuple[str, ...], str]]:
        if self.limit < 1:
            yield ("limit",), "must be 1 or more"


class Fake:
    """Stands for a connector: only its settings are asked for here."""

    Config = Deep


@pytest.fixture(autouse=True)
def _kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(kind: str) -> type[Connector]:
        if kind != "fake":
            raise KeyError(kind)
        return Fake  # type: ignore[return-value]

    monkeypatch.setattr(connectors, "kinds", lambda: ["fake", "langgraph"])
    monkeypatch.setattr(connectors, "load", load)


def written(directory: Path, text: str) -> Path:
    path = directory / "config.toml"
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return path


def faults(directory: Path, text: str) -> list[str]:
    """The sentences of the error, without the file's name."""
    path = written(directory, text)
    with pytest.raises(ConfigError) as caught:
        config.load(path)
    return [row.removeprefix(f"{path}") for row in str(caught.value).splitlines()]


def test_a_missing_file_is_an_empty_configuration(tmp_path: Path) -> None:
    path = tmp_path / "none.toml"
    assert config.load(path) == Config(source=path)


def test_what_a_kind_finds_wrong_with_its_own_settings_is_told(tmp_path: Path) -> None:
    text = GOOD + "limit = 0\n"
    assert faults(tmp_path, text) == [":16: `endpoints.support.limit` must be 1 or more"]


def test_a_whole_file_is_read(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD)
    found = config.load(path)
    assert (found.operator, found.hold_s, found.source) == ("ann", 3.0, path)
    assert found.reasons == {"reject": ["not now", "wrong customer"]}
    support = found.endpoints["support"]
    assert isinstance(support, Deep)
    assert (support.name, support.limit, support.headers) == ("support", 100, {"X-Team": "red"})


JUDGING = """\
high_risk = "reason"
escalate_command = "page"

[[reasons.reject]]
text = "Too much"
message = "{title}: {reason}, says {operator}. {{}}"

[filters]
big = "amount>100"

[[risk]]
when = "filter:big (agent:bot or not title:buy)"
risk = "high"

[[notify]]
when = "risk:high"
how = ["bell", "command"]
command = "say"
quiet = ["22:00-07:00", "12:00 - 13:30"]

[commands.ticket]
run = "jq ."
key = "J"
"""


def test_the_settings_of_judging_are_read(tmp_path: Path) -> None:
    found = config.load(written(tmp_path, JUDGING))
    assert (found.high_risk, found.escalate_command) == ("reason", "page")
    (reason,) = found.reasons["reject"]
    assert isinstance(reason, ReadyReason)
    values = {"title": "A {agent}", "agent": "bot", "action": "", "operator": "ann"}
    assert reason.sent(values) == "A {agent}: Too much, says ann. {}"
    assert [rule.risk for rule in found.risk] == [Risk.HIGH]
    assert (found.commands["ticket"].key, found.commands["ticket"].label) == ("J", "")
    (notice,) = found.notify
    assert notice.how == ["bell", "command"]


@pytest.mark.parametrize(
    ("at", "quiet"),
    [
        (time(21, 59), False),
        (time(22), True),
        (time(3), True),
        (time(7), False),
        (time(12), True),
        (time(13, 30), False),
    ],
)
def test_quiet_hours_go_over_midnight(at: time, quiet: bool) -> None:
    assert NoticeRule(quiet=["22:00-07:00", "12:00-13:30"]).is_quiet(at) is quiet


def test_without_endpoints_no_connector_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(connectors, "load")
    found = config.load(written(tmp_path, GOOD), endpoints=False)
    assert found.operator == "ann"
    assert found.endpoints == {}


def test_a_byte_order_mark_and_crlf_are_read(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(b"\xef\xbb\xbfhold_s = 1\r\n")
    path.chmod(0o600)
    assert config.load(path).hold_s == 1.0


RULE = '[[risk]]\nwhen = "amount>100"\n'
ENDPOINT = '[endpoints.a]\nkind = "fake"\nurl = "http://h"\n'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("holds = 3", ":1: `holds` is no setting; did you mean `hold_s`?"),
        ("\n\nendpoint = 1", ":3: `endpoint` is no setting; did you mean `endpoints`?"),
        ('hold_s = "3"', ":1: `hold_s` must be a number, not text in quotes"),
        ("hold_s = -1", ":1: `hold_s` must be a number >= 0"),
        ("hold_s = 601", ":1: `hold_s` must be a number <= 600"),
        ("operator = 3", ":1: `operator` must be text in quotes, not a whole number"),
        ('operator = " "', ":1: `operator` must be a name of printable characters"),
        ("payload_days = 0", ":1: `payload_days` must be a whole number >= 1"),
        ("[keys]\napprove = 1", ":2: `keys.approve` must be text in quotes, not a whole number"),
        ('[reasons]\nrejekt = ["x"]', ":2: `rejekt` in [reasons] is no verb; did you mean `reject`?"),
        (
            "[reasons]\nreject = [1]",
            ":2: `reasons.reject.1` must be text in quotes or a table, not a whole number",
        ),
        ('[reasons]\nreject = [" "]', ":2: `reasons.reject.1` has no text to pick it by"),
        (
            '[[reasons.reject]]\ntext = "no"\n[[reasons.reject]]\ntext = "so"\nmesage = "x"',
            ":5: `mesage` is no setting in [reasons.reject.2]; did you mean `message`?",
        ),
        (
            '[[reasons.reject]]\ntext = "no"\nmessage = "{titel}: no"',
            ":3: `reasons.reject.1.message`: {titel} stands for nothing; did you mean {title}?",
        ),
        (
            '[[reasons.reject]]\ntext = "no"\nmessage = "a { b"',
            ":3: `reasons.reject.1.message`: write {{ for the sign { itself",
        ),
        (
            ENDPOINT + '[endpoints.a.reasons]\nrejekt = ["x"]',
            ":5: `rejekt` in [endpoints.a.reasons] is no verb; did you mean `reject`?",
        ),
        (
            ENDPOINT + '[endpoints.a.reasons]\nreject = [{ text = "x", message = "{x}" }]',
            ":5: `endpoints.a.reasons.reject.1.message`: {x} stands for nothing; there are {title}, {agent}",
        ),
        ('[filters]\nbig = "amount >100"', ":2: `filters.big` means nothing at its character 8: "),
        ('[filters]\nbig = "filter:big"', ":2: `filters.big` means nothing at its character 1: "),
        (RULE + 'risk = "hi"', ":3: `risk.1.risk` must be one of low, medium, high; did you mean `high`?"),
        (RULE, ":1: [risk.1] needs `risk`"),
        (
            RULE + 'risk = "low"\n\n[[risk]]\nwhen = "amount>100 or"\nrisk = "high"',
            ":6: `risk.2.when` means nothing at its character 12: nothing stands after or",
        ),
        (
            RULE + 'risk = "low"\n[[risk]]\nwhen = "amont:100"\nrisk = "high"',
            ":5: `risk.2.when` means nothing at its character 1: `amont` is no field; did you mean agent:100?",
        ),
        (
            '[filters]\nopen = "is:claimed"\n[[risk]]\nwhen = "-filter:open"\nrisk = "high"',
            ":4: `risk.1.when` asks `is:`, how an item stands; risk is a matter of what it asks",
        ),
        ("[risk]\nx = 1", ":1: `risk` must be a list in […], not a table"),
        ('high_risk = "yes"', ":1: `high_risk` must be one of reason, confirm, none"),
        ("[[notify]]\nhow = []", ":2: `notify.1.how` is empty, so that nothing would be told"),
        (
            '[[notify]]\nhow = ["bel"]',
            ":2: `notify.1.how.1` must be one of bell, osc9, command; did you mean `bell`?",
        ),
        (
            '[[notify]]\nhow = ["command"]',
            ':2: `notify.1.how` says "command", but there is no `command` beside it',
        ),
        (
            '[[notify]]\ncommand = "x"',
            ':2: `notify.1.command` is never run: put "command" into `how`',
        ),
        (
            '[[notify]]\nquiet = ["22-7"]',
            ":2: `notify.1.quiet` must be two times of day, such as 22:00-07:00",
        ),
        (
            '[[notify]]\nquiet = ["22:00-22:00"]',
            ":2: `notify.1.quiet` begins and ends at the same time",
        ),
        ('[[notify]]\n\nwhen = "is:late"', ":3: `notify.1.when` means nothing at its character 4: "),
        ('[commands.a]\nkey = "J"', ":1: [commands.a] needs `run`"),
        ('[commands.a]\nrun = ""', ":2: `commands.a.run` names no program"),
        ('[commands."a b"]\nrun = "x"', ":1: `a b` cannot name a command: use letters, digits, - and _"),
        (
            '[commands.a]\nrun = "x"\nlabel = "a\\u0007"',
            ":3: `commands.a.label` must be printable characters",
        ),
        ('[commands.a]\nrun = "x"\nwhen = "("', ":3: `commands.a.when` means nothing at its character 1: "),
        ("a = ", ":1: is not TOML here: Invalid value"),
        ('x = 1\ny = "', ":2: is not TOML here: Unterminated string"),
        ("x = 1\nx = 2", ":2: is not TOML here: Cannot overwrite a value"),
        ("endpoints = 1", ":1: `endpoints` must be tables: [endpoints.NAME]"),
        (
            "[endpoints]\na = 1",
            ":2: `endpoints.a` must be a table: [endpoints.NAME] with kind and url",
        ),
        (
            '[endpoints.a]\nurl = "http://h"',
            ":1: [endpoints.a] needs `kind`, one of fake, langgraph",
        ),
        ('[endpoints.a]\nkind = "fake"', ":1: [endpoints.a] needs `url`"),
        (
            '[endpoints.a]\nkind = "lang"\nurl = "http://h"',
            ":2: `lang` is no kind of endpoint (did you mean `langgraph`?); there are fake, langgraph",
        ),
        (
            '[endpoints.a]\nkind = 3\nurl = "http://h"',
            ":2: `endpoints.a.kind` must be text in quotes, not a whole number",
        ),
        (
            '[endpoints."a b"]\nkind = "fake"\nurl = "http://h"',
            ":1: `a b` cannot name an endpoint: use letters, digits, - and _, at most 64 of them",
        ),
        (
            ENDPOINT + 'token = "sk-secret"',
            ":4: `token` is no setting in [endpoints.a]; did you mean `token_env`?",
        ),
        (ENDPOINT + 'name = "b"', ":4: `name` is no setting in [endpoints.a]; known are"),
        (
            ENDPOINT + "limit = true",
            ":4: `endpoints.a.limit` must be a whole number, not true or false",
        ),
        (
            ENDPOINT + 'token_env = "sk-secret"',
            ":4: `endpoints.a.token_env` must name an environment variable, not hold the token itself",
        ),
        (
            ENDPOINT + 'token_env = "A"\ntoken_command = ["b"]',
            ":5: `endpoints.a.token_command` cannot stand beside `token_env`: a token comes from one place",
        ),
        (
            ENDPOINT + 'redact = ["args.card.number", "card"]',
            ":4: `endpoints.a.redact` cannot be: 'card' names no argument; write it from args. on",
        ),
        (
            ENDPOINT + "token_command = []",
            ":4: `endpoints.a.token_command` must hold a command and its arguments",
        ),
        (ENDPOINT + "poll_s = 0", ":4: `endpoints.a.poll_s` must be 0.2 seconds or more"),
        (ENDPOINT + "poll_s = nan", ":4: `endpoints.a.poll_s` must be 0.2 seconds or more"),
        (
            ENDPOINT + 'client_key = "config.toml"',
            ":4: `endpoints.a.client_key` needs `client_cert` beside it",
        ),
        (
            ENDPOINT + 'proxy = "ftp://h"',
            ":4: `endpoints.a.proxy` must begin with http:// or socks5://",
        ),
        (
            ENDPOINT + "headers = { X = 1 }",
            ":4: `endpoints.a.headers.X` must be text in quotes, not a whole number",
        ),
    ],
)
def test_a_fault_is_told_with_its_line_and_mend(tmp_path: Path, text: str, expected: str) -> None:
    found = faults(tmp_path, text)
    assert len(found) == 1
    assert found[0].startswith(expected)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("agents.example", "must begin with http:// or https://"),
        ("ftp://h", "must begin with http:// or https://"),
        ("http:///path", "names no host"),
        ("http://h:port", "is no URL: Port could not be cast to integer value as 'port'"),
        ("http://h/?a=1", "must end with its path: no ?query, no #fragment"),
        ("http://h/#a", "must end with its path: no ?query, no #fragment"),
        ("http://h/a b", "holds characters that no URL may hold"),
    ],
)
def test_an_unusable_url_is_refused(tmp_path: Path, url: str, expected: str) -> None:
    found = faults(tmp_path, f'[endpoints.a]\nkind = "fake"\nurl = "{url}"')
    assert found == [f":3: `endpoints.a.url` {expected}"]


def test_credentials_in_a_url_are_refused_and_not_repeated(tmp_path: Path) -> None:
    (found,) = faults(tmp_path, '[endpoints.a]\nkind = "fake"\nurl = "https://ann:geheim@h/api"')
    assert "`token_env`" in found
    assert "geheim" not in found


def test_no_value_of_a_setting_is_repeated(tmp_path: Path) -> None:
    found = faults(
        tmp_path, ENDPOINT + 'token = "geheim"\ntoken_env = "sk-geheim"\nproxy = "http://a:geheim@h"'
    )
    assert len(found) == 3
    assert "geheim" not in "".join(found)


def test_all_faults_are_told_in_the_order_of_their_lines(tmp_path: Path) -> None:
    text = 'hold_s = "x"\nthem = "dark"\n' + ENDPOINT.replace("http://h", "h") + "pol_s = 1\n[endpoints.b]\n"
    lines = [row.split(":")[1] for row in faults(tmp_path, text)]
    assert lines == ["1", "2", "5", "6", "7", "7"]


def test_lines_are_right_beside_text_over_several_lines(tmp_path: Path) -> None:
    text = 'editor = """\\\ntheme = 1\n[x]\\\n"""\npip = "x"\n'
    assert faults(tmp_path, text) == [":5: `pip` is no setting; did you mean `pipe`?"]


def test_a_file_that_is_not_utf_8_is_a_fault(tmp_path: Path) -> None:
    path = written(tmp_path, "")
    path.write_bytes(b'a = 1\noperator = "\xff"\n')
    with pytest.raises(ConfigError, match=r":2: is not UTF-8 text here"):
        config.load(path)


def test_a_directory_is_no_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is a directory"):
        config.load(tmp_path)


def test_a_file_that_others_may_write_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD)
    path.chmod(0o622)
    with pytest.raises(ConfigError, match=r"may be written by other users.*chmod 600"):
        config.load(path)


def test_paths_are_taken_from_the_configurations_directory(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").touch()
    path = written(tmp_path, ENDPOINT + 'ca_file = "ca.pem"')
    assert config.load(path).endpoints["a"].ca_file == str(tmp_path / "ca.pem")
    assert "names no file" in faults(tmp_path, ENDPOINT + 'ca_file = "other.pem"')[0]


def test_adding_to_a_missing_file_makes_it_for_this_user_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "config.toml"
    config.add_endpoint(path, "a", {"kind": "fake", "url": "http://h"})
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert config.load(path).endpoints["a"].url == "http://h"


def test_adding_keeps_comments_and_order(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD)
    config.add_endpoint(path, "b", {"kind": "fake", "url": "http://h", "headers": {"X": "$Y"}})
    text = path.read_text()
    assert text.startswith(GOOD.rstrip("\n"))
    assert list(config.load(path).endpoints) == ["support", "b"]
    assert config.load(path).endpoints["b"].headers == {"X": "$Y"}


@pytest.mark.parametrize(
    ("name", "table", "message"),
    [
        ("support", {"kind": "fake", "url": "http://h"}, "there is an endpoint `support` already"),
        ("b", {"kind": "fake", "url": "h"}, "must begin with http"),
        ("b c", {"kind": "fake", "url": "http://h"}, "cannot name an endpoint"),
    ],
)
def test_nothing_is_written_that_would_not_be_read(
    tmp_path: Path, name: str, table: dict[str, str], message: str
) -> None:
    path = written(tmp_path, GOOD)
    with pytest.raises(ConfigError, match=message):
        config.add_endpoint(path, name, table)
    assert path.read_text() == GOOD
    assert [found.name for found in tmp_path.iterdir()] == ["config.toml"]


def test_adding_through_a_link_keeps_the_link(tmp_path: Path) -> None:
    real = written(tmp_path, GOOD)
    link = tmp_path / "link.toml"
    link.symlink_to(real)
    config.add_endpoint(link, "b", {"kind": "fake", "url": "http://h"})
    assert link.is_symlink()
    assert "endpoints.b" in real.read_text()


def test_endpoint_names_never_raise(tmp_path: Path) -> None:
    assert config.endpoint_names(written(tmp_path, GOOD)) == ["support"]
    assert config.endpoint_names(written(tmp_path, "= broken")) == []
