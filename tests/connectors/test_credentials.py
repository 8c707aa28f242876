"""Credentials become headers, and no error or warning ever repeats one."""

from __future__ import annotations

import base64
import sys
import types
from typing import Any

import pytest

from triage.connectors import credentials
from triage.connectors.credentials import (
    CredentialError,
    plain_http_warning,
    read_token,
    request_headers,
)
from triage.model.endpoint import EndpointConfig

SECRET = "s3cr3t-dummy"


def config(url: str = "https://agents.example/api", **settings: Any) -> EndpointConfig:
    return EndpointConfig(name="mail", kind="rest", url=url, **settings)


def printing(code: str) -> list[str]:
    """A command whose Python prints a token."""
    return [sys.executable, "-c", code]


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIL_TOKEN", SECRET)
    monkeypatch.delenv("NOT_THERE", raising=False)


def refused(**settings: Any) -> str:
    """Why these settings give no headers; never with the secret in it, nor chained to it."""
    with pytest.raises(CredentialError) as caught:
        request_headers(config(**settings))
    assert SECRET not in str(caught.value)
    assert SECRET not in repr(caught.value.__cause__)
    assert str(caught.value).startswith("endpoint mail: ")
    return str(caught.value)


def test_without_any_there_are_none() -> None:
    assert request_headers(config()) == {}
    assert read_token(config()) is None


def test_a_token_is_a_bearer_by_default() -> None:
    assert request_headers(config(token_env="MAIL_TOKEN")) == {"Authorization": f"Bearer {SECRET}"}


def test_a_scheme_that_stands_in_the_token_is_not_doubled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIL_TOKEN", f"Bearer {SECRET}")
    assert request_headers(config(token_env="MAIL_TOKEN")) == {"Authorization": f"Bearer {SECRET}"}


def test_another_header_carries_the_token_alone() -> None:
    assert request_headers(config(token_env="MAIL_TOKEN", token_header="X-Api-Key")) == {"X-Api-Key": SECRET}


def test_basic_takes_the_token_as_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIL_TOKEN", "pä:ss")
    headers = request_headers(config(token_env="MAIL_TOKEN", basic_user="kim"))
    scheme, _, encoded = headers["Authorization"].partition(" ")
    assert scheme == "Basic"
    assert base64.b64decode(encoded).decode() == "kim:pä:ss"


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"token_env": "NOT_THERE"}, "the environment variable NOT_THERE is not set; export it"),
        ({"basic_user": "kim"}, "basic_user needs a password"),
        ({"basic_user": "k:im", "token_env": "MAIL_TOKEN"}, "holds a colon"),
        ({"headers": {"Authorization": "x"}, "token_env": "MAIL_TOKEN"}, "both the token and"),
        ({"headers": {"authorization": "x"}, "token_env": "MAIL_TOKEN"}, "both the token and"),
        ({"headers": {"X-Key": "$NOT_THERE"}}, "NOT_THERE (for the header X-Key) is not set"),
        ({"headers": {"X Key": "a"}}, "cannot name a header"),
        ({"headers": {"": "a"}}, "cannot name a header"),
        ({"headers": {"Content-Length": "5"}}, "set by HTTP itself"),
        ({"token_header": "X:Key", "token_env": "MAIL_TOKEN"}, "cannot name a header"),
    ],
    ids=str,
)
def test_what_cannot_be_used_says_the_mend(settings: dict[str, Any], why: str) -> None:
    assert why in refused(**settings)


@pytest.mark.parametrize(
    "held", [f"{SECRET}\r\nX-Admin: 1", f"{SECRET}\x00", f"{SECRET}\n", f"\x1b{SECRET}", ""]
)
@pytest.mark.parametrize("basic_user", [None, "kim"])
def test_a_token_that_breaks_the_header_is_refused(
    monkeypatch: pytest.MonkeyPatch, held: str, basic_user: str | None
) -> None:
    monkeypatch.setattr(credentials, "_variable", lambda *_: held)
    said = refused(token_env="MAIL_TOKEN", basic_user=basic_user)
    assert "is empty" in said or "line break or control character" in said


@pytest.mark.parametrize("value", [f"{SECRET}\r\nX-Admin: 1", f"{SECRET}\x7f", f"{SECRET} ", f"{SECRET}ü"])
def test_a_header_that_breaks_the_request_is_refused(value: str) -> None:
    assert "the value of the header X-Key" in refused(headers={"X-Key": value})


def test_headers_take_their_values_from_the_environment() -> None:
    headers = {
        "X-Whole": "$MAIL_TOKEN",
        "X-Braced": "${MAIL_TOKEN}",
        "X-Within": "Token ${MAIL_TOKEN}!",
        "X-Literal": "costs $5, $MAIL_TOKEN",
    }
    assert request_headers(config(headers=headers)) == {
        "X-Whole": SECRET,
        "X-Braced": SECRET,
        "X-Within": f"Token {SECRET}!",
        "X-Literal": "costs $5, $MAIL_TOKEN",
    }


def test_a_command_prints_the_token_and_no_shell_is_in_between() -> None:
    command = [*printing("import sys; print('  ' + sys.argv[1] + '\\n')"), "$(id)"]
    assert read_token(config(token_command=command)) == "$(id)"


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (printing(f"print('{SECRET}'); raise SystemExit(3)"), "ended with exit code 3; run it by hand"),
        (
            printing(f"import sys; sys.stdout.buffer.write(b'{SECRET}\\xff')"),
            "printed something that is no text",
        ),
        (printing("pass"), "what token_command printed is empty"),
        (printing(f"print('{SECRET}\\n{SECRET}')"), "what token_command printed holds a line break"),
        (["/no/such/program", SECRET], "cannot be run: No such file or directory"),
        ([], "cannot be run"),
    ],
)
def test_a_command_that_fails_says_so_without_its_arguments(command: list[str], why: str) -> None:
    assert why in refused(token_command=command)


def test_a_command_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "COMMAND_TIMEOUT_S", 0.2)
    hanging = printing(f"import time; print('{SECRET}', flush=True); time.sleep(60)")
    assert "gave no token within 0.2 s" in refused(token_command=hanging)


class KeyringStub(types.ModuleType):
    """Stands for the keyring package, with one password in it."""

    def __init__(self) -> None:
        super().__init__("keyring")
        self.errors = types.ModuleType("keyring.errors")
        self.errors.KeyringError = type("KeyringError", (Exception,), {})  # type: ignore[attr-defined]

    def get_password(self, service: str, user: str) -> str | None:
        if service == "locked":
            raise self.errors.KeyringError(SECRET)
        return SECRET if (service, user) == ("https://mail.example", "kim") else None


@pytest.fixture
def keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    stub = KeyringStub()
    monkeypatch.setitem(sys.modules, "keyring", stub)
    monkeypatch.setitem(sys.modules, "keyring.errors", stub.errors)


@pytest.mark.usefixtures("keyring")
def test_the_keyring_holds_the_token() -> None:
    assert read_token(config(token_keyring="https://mail.example/kim")) == SECRET


@pytest.mark.usefixtures("keyring")
@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ("mail/lou", "no password for mail/lou; put it there: keyring set mail lou"),
        ("mail", "must be SERVICE/USER"),
        ("/kim", "must be SERVICE/USER"),
        ("locked/kim", "the keyring cannot be read: KeyringError"),
    ],
)
def test_a_keyring_that_does_not_hold_it_says_so(entry: str, why: str) -> None:
    assert why in refused(token_keyring=entry)


def test_a_missing_keyring_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    assert "pip install 'triage-inbox[keyring]'" in refused(token_keyring="mail/kim")


@pytest.mark.parametrize(
    "settings", [{"token_env": "MAIL_TOKEN"}, {"token_command": ["x"]}, {"headers": {"X-Key": "a"}}]
)
def test_plain_http_to_another_machine_is_warned_of(settings: dict[str, Any]) -> None:
    warning = plain_http_warning(config("http://10.0.0.7:2024", **settings))
    assert "endpoint mail: its credentials go to 10.0.0.7 unencrypted" in warning


@pytest.mark.parametrize(
    ("url", "settings"),
    [
        ("https://10.0.0.7", {"token_env": "MAIL_TOKEN"}),
        ("http://10.0.0.7", {}),
        ("http://127.0.0.1:2024", {"token_env": "MAIL_TOKEN"}),
        ("http://127.9.9.9", {"token_env": "MAIL_TOKEN"}),
        ("http://[::1]:2024", {"token_env": "MAIL_TOKEN"}),
        ("http://localhost:2024", {"token_env": "MAIL_TOKEN"}),
        ("http://mail.localhost", {"token_env": "MAIL_TOKEN"}),
        ("http://mail", {"token_env": "MAIL_TOKEN", "unix_socket": "/run/mail.sock"}),
    ],
)
def test_what_stays_private_is_not_warned_of(url: str, settings: dict[str, Any]) -> None:
    assert plain_http_warning(config(url, **settings)) == ""
