"""Opening an endpoint: the connector of its kind, with a ``Wire`` that carries its credentials."""

from __future__ import annotations

from triage import connectors
from triage.connectors.base import Connector
from triage.connectors.credentials import plain_http_warning, request_headers
from triage.connectors.http import Clients, Wire
from triage.model.endpoint import EndpointConfig

__all__ = ["open_connector", "open_wire", "plain_http_warning"]


def open_connector(config: EndpointConfig, clients: Clients) -> Connector:
    """The connector for a configured endpoint; nothing is asked of the endpoint yet.

    Raises CredentialError, or OSError when its TLS, proxy or socket settings cannot be used; KeyError for
    a kind that there is no connector for.
    """
    return connectors.load(config.kind)(config, open_wire(config, clients))


def open_wire(config: EndpointConfig, clients: Clients) -> Wire:
    """Requests to an endpoint with its headers. Raises CredentialError, or OSError as above."""
    headers = request_headers(config)
    if not Clients.is_special(config):
        return Wire(clients.later(), config.url, headers)
    try:
        client = clients.client(config)
    except OSError as error:
        reason = error.strerror or str(error)
        files = " ".join(filter(None, (config.ca_file, config.client_cert, config.client_key)))
        raise OSError(
            f"endpoint {config.name}: its certificates cannot be used ({files}): {reason}"
        ) from error
    except ImportError as error:
        raise OSError(f"endpoint {config.name}: its proxy cannot be used: {error}") from error
    return Wire(client, config.url, headers)
