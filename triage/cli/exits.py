"""How a command ends: its exit codes, and what each error comes to."""

from __future__ import annotations

import errno
from enum import IntEnum
from typing import IO, TYPE_CHECKING, Any

import click

from triage.cli import output
from triage.fault import fault_words

if TYPE_CHECKING:
    from triage.model.decision import DeliveryState

__all__ = ["Exit", "Stop", "exit_of", "stop_for"]


class Exit(IntEnum):
    """What a command's exit code says."""

    OK = 0
    """Confirmed, or nothing to report."""
    FAILED = 1
    """It did not work; nothing was decided, or what was decided was not sent."""
    USAGE = 2
    """The command or the configuration is wrong."""
    REFUSED = 3
    """Refused by the endpoint, or decided already."""
    UNKNOWN = 4
    """The outcome is not known, or not known yet."""
    CHANGED = 5
    """The item changed since it was shown."""


class Stop(click.ClickException):
    """Ends a command with a sentence for the operator and an exit code."""

    def __init__(self, message: str, code: Exit = Exit.FAILED) -> None:
        super().__init__(message)
        self.exit_code = int(code)  # type: ignore[misc]

    def show(self, file: IO[Any] | None = None) -> None:
        """Say it on standard error."""
        output.say(f"triage: {self.message}")


def exit_of(state: DeliveryState) -> Exit:
    """The exit code for a delivery in ``state``."""
    codes = {
        "confirmed": Exit.OK,
        "withdrawn": Exit.FAILED,
        "refused": Exit.REFUSED,
        "stale": Exit.CHANGED,
    }
    return codes.get(state.value, Exit.UNKNOWN)


def stop_for(error: Exception) -> Stop:
    """What ``error`` comes to. Nothing is imported for it: errors are known by their names."""
    if isinstance(error, RecursionError):
        return Stop("some JSON is nested too deeply to be read")
    for module, name, code in _CODES:
        if _is_a(error, module, name):
            return Stop(str(error), code)
    if isinstance(error, OSError):
        return Stop(_os_words(error))
    return Stop(fault_words(error))


_CODES = (
    ("triage.config.faults", "ConfigError", Exit.USAGE),
    ("triage.paths", "PathProblem", Exit.USAGE),
    ("triage.connectors.credentials", "CredentialError", Exit.USAGE),
    ("triage.store.errors", "SharedDirectory", Exit.USAGE),
    ("triage.store.errors", "StoreError", Exit.FAILED),
    ("triage.store.log", "AlreadyDecided", Exit.REFUSED),
    ("triage.desk.marking", "ItemChanged", Exit.CHANGED),
    ("triage.desk.marking", "Refused", Exit.REFUSED),
    ("triage.connectors.replies", "EndpointError", Exit.FAILED),
)
"""Module and name of an exception, and its exit code; the first that fits counts."""


def _is_a(error: Exception, module: str, name: str) -> bool:
    return any(kind.__module__ == module and kind.__name__ == name for kind in type(error).__mro__)


def _os_words(error: OSError) -> str:
    why = (error.strerror or str(error)).lower()
    if error.errno == errno.ENOSPC:
        why = "the disk is full; free some space and try again"
    return f"{error.filename}: {why}" if error.filename else why
