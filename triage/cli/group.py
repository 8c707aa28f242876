"""A group of commands that are imported when they are asked for, and whose errors are told in words."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import click

from triage.cli.exits import stop_for

__all__ = ["LazyGroup"]


class LazyGroup(click.Group):
    """A click group whose commands lie in modules of their own.

    ``where``: name of a command → ``module:attribute``, in the order of the help.
    """

    def __init__(self, *args: Any, where: Mapping[str, str], **more: Any) -> None:
        super().__init__(*args, **more)
        self._where = where

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order given."""
        return list(self._where)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """One command, imported now."""
        if cmd_name not in self._where:
            return None
        module, _, attribute = self._where[cmd_name].partition(":")
        found: click.Command = getattr(importlib.import_module(module), attribute)
        return found

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; whatever goes wrong becomes a sentence and an exit code."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.Abort, click.exceptions.Exit, BrokenPipeError):
            raise
        except Exception as error:
            raise stop_for(error) from error
