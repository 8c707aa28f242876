"""What an endpoint answers: a reply read whole, or what went wrong.

EndpointError
├── Unreachable    no connection was made: nothing was sent
├── Interrupted    time ran out or the connection broke: it may have been acted on
├── Garbled        an answer that cannot be read: HTML, broken JSON, too large, a redirect away
└── Declined       an answer with an error status
    ├── Denied     401, 403: our credentials are missing, wrong or not enough
    ├── Missing    404, 410: there is no such thing there
    ├── Busy       429, 503: asked too often, or overloaded; may say when to come back
    └── Broken     any other 5xx
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    import httpx

__all__ = [
    "Broken",
    "Busy",
    "Declined",
    "Denied",
    "EndpointError",
    "Garbled",
    "Interrupted",
    "Missing",
    "Reply",
    "Unreachable",
]


class EndpointError(Exception):
    """What went wrong between us and an endpoint; its text is meant for the operator."""


class Unreachable(EndpointError):
    """No connection was made: nothing was sent."""


class Interrupted(EndpointError):
    """Time ran out or the connection broke after something may have been sent."""


class Garbled(EndpointError):
    """An answer that cannot be read."""


class Declined(EndpointError):
    """An answer with an error status."""

    def __init__(self, message: str, reply: Reply) -> None:
        super().__init__(message)
        self.reply = reply


class Denied(Declined):
    """401 or 403."""


class Missing(Declined):
    """404 or 410."""


class Busy(Declined):
    """429 or 503; ``retry_after_s`` where the server says it."""

    @property
    def retry_after_s(self) -> float | None:
        return _retry_after_s(self.reply.headers.get("retry-after"))


class Broken(Declined):
    """A 5xx other than 503."""


class Reply:
    """One answer, read whole."""

    def __init__(
        self,
        status: int,
        headers: httpx.Headers,
        content: bytes,
        where: str,
        without_secrets: Callable[[str], str] = str,
    ) -> None:
        self.status = status
        self.headers = headers
        self.content = content
        self.where = where
        """Method and path, for messages."""
        self._without_secrets = without_secrets

    @property
    def json(self) -> Any:
        """The decoded body. Raises Garbled when it is not JSON."""
        return self.decode(Any)

    def decode(self, shape: Any) -> Any:
        """The body as ``shape``, a msgspec type. Raises Garbled, naming what is wrong and where."""
        try:
            return self._decoded(shape)
        except msgspec.ValidationError as error:
            why = self._without_secrets(str(error))
            raise Garbled(f"{self.where} answered {self.status} with unexpected data: {why}") from error
        except RecursionError as error:
            raise Garbled(f"{self.where} answered with JSON nested too deep to read") from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Garbled(
                f"{self.where} answered {self.status} with {self._looks_like()}, not JSON"
            ) from error

    def _decoded(self, shape: Any) -> Any:
        """The body; halves of surrogate pairs, which are no text, become U+FFFD rather than spoil it all."""
        try:
            return msgspec.json.decode(self.content, type=shape)
        except msgspec.ValidationError:
            raise
        except msgspec.DecodeError:
            mended = _HALVES.sub(_whole, self.content)
            if mended == self.content:
                raise
            return msgspec.json.decode(mended, type=shape)

    def raise_for_status(self) -> Reply:
        """Itself when the status is below 300; else the error that fits."""
        if self.status < 300:
            return self
        message = f"{self.where} answered {self.status}{self._without_secrets(self._words())}"
        if self.status in (401, 403):
            raise Denied(f"{message}; check this endpoint's credentials", self)
        if self.status in (404, 410):
            raise Missing(message, self)
        if self.status in (429, 503):
            raise Busy(message, self)
        raise (Broken if self.status >= 500 else Declined)(message, self)

    def unless_gone(self, server: str) -> Reply | None:
        """Itself; None for a 404 with a ``detail``, as servers built on FastAPI say that a thing is not there.

        Args:
            server: whose reply it should be, for the message.

        Raises Garbled for another 404, for a proxy's page proves nothing; else what ``raise_for_status`` raises.
        """
        try:
            return self.raise_for_status()
        except Missing:
            try:
                own = "detail" in self.decode(dict[str, Any])
            except Garbled:
                own = False
            if own:
                return None
            raise Garbled(
                f"{self.where} answered {self.status} with something that is not {server}'s"
            ) from None

    def _words(self) -> str:
        """What the error body says, shortened: ``: Thread not found``; nothing where it says nothing."""
        try:
            body = msgspec.json.decode(self.content)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return ""
        for key in ("detail", "message", "error", "title"):
            if isinstance(body, dict) and body.get(key):
                found = body[key]
                found = found.get("message", found) if isinstance(found, dict) else found
                text = found if isinstance(found, str) else msgspec.json.encode(found).decode()
                return f": {text[:300]}"
        return ""

    def _looks_like(self) -> str:
        head = self.content[:200].lstrip().lower()
        if not head:
            return "an empty body"
        if head.startswith((b"<!doctype", b"<html", b"<head", b"<body")):
            return "an HTML page (is the URL that of the API?)"
        kind = self._without_secrets(self.headers.get("content-type", "data of no stated type"))
        return f"{kind[:100]} that does not parse"


_HALVES = re.compile(
    rb"(?P<other>\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})|\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
)
"""In JSON text: an escaped backslash, a whole surrogate pair, or half of one."""


def _whole(found: re.Match[bytes]) -> bytes:
    return found["other"] or rb"\ufffd"


def _retry_after_s(value: str | None) -> float | None:
    """Seconds from a ``Retry-After`` header: a number or a date (RFC 9110, section 10.2.3)."""
    if not value:
        return None
    try:
        seconds = float(value)
        return max(0.0, seconds) if math.isfinite(seconds) else None
    except ValueError:
        pass
    from email.utils import parsedate_to_datetime

    try:
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return None
