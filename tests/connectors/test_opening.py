"""A configured endpoint opens as the connector of its kind, and every kind there is can be opened."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from triage import connectors
from triage.connectors.base import Connector
from triage.connectors.credentials import CredentialError
from triage.connectors.http import Clients
from triage.connectors.opening import open_connector
from triage.connectors.rest import Rest, RestConfig


@pytest.fixture
async def clients() -> AsyncIterator[Clients]:
    opened = Clients()
    yield opened
    await opened.aclose()


def config(**settings: Any) -> RestConfig:
    return RestConfig(name="mail", kind="rest", url="http://127.0.0.1:9/api/", **settings)


@pytest.mark.parametrize("kind", connectors.kinds())
def test_each_module_that_counts_as_a_kind_is_one(kind: str) -> None:
    found = connectors.load(kind)
    assert issubclass(found, Connector)
    assert found.kind == kind


def test_an_unknown_kind_is_a_key_error() -> None:
    for kind in ("fax", "credentials", "base"):
        with pytest.raises(KeyError):
            connectors.load(kind)


async def test_opens_with_the_endpoints_credentials(
    clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAIL_TOKEN", "dummy")
    opened = open_connector(config(token_env="MAIL_TOKEN", headers={"X-Team": "a"}), clients)
    assert isinstance(opened, Rest)
    assert opened.wire.url == "http://127.0.0.1:9/api"
    assert opened.wire.headers == {"X-Team": "a", "Authorization": "Bearer dummy"}
    assert opened.wire.client is clients.client()


async def test_missing_credentials_open_nothing(clients: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MAIL_TOKEN", raising=False)
    with pytest.raises(
        CredentialError, match="endpoint mail: the environment variable MAIL_TOKEN is not set"
    ):
        open_connector(config(token_env="MAIL_TOKEN"), clients)


@pytest.mark.parametrize("field", ["ca_file", "client_cert"])
async def test_certificates_that_cannot_be_used_are_named(
    clients: Clients, tmp_path: Path, field: str
) -> None:
    file = tmp_path / "broken.pem"
    file.write_text("no certificate")
    with pytest.raises(OSError, match=r"endpoint mail: its certificates cannot be used \(.*broken\.pem\)"):
        open_connector(config(**{field: str(file)}), clients)


async def test_a_proxy_that_needs_another_package_says_so(
    clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "socksio", None)
    with pytest.raises(OSError, match=r"endpoint mail: its proxy cannot be used: .*socksio"):
        open_connector(config(proxy="socks5://127.0.0.1:1080"), clients)
