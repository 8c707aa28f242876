"""The operator's own commands as actions beside those of the registry."""

from __future__ import annotations

from collections.abc import Mapping

from triage.config.judging import OwnCommand
from triage.model.filtering import Filter, FilterError, compile
from triage.tui.actions import situation
from triage.tui.actions.action import Action
from triage.tui.actions.situation import Condition, Situation

__all__ = ["PREFIX", "own_action"]

PREFIX = "command_"
"""Begins the ids of these actions."""


def own_action(name: str, command: OwnCommand, keys: tuple[str, ...], saved: Mapping[str, str]) -> Action:
    """The action that gives an item to ``command``. ``saved``: name → filter, for ``filter:NAME``."""
    return Action(
        id=PREFIX + name,
        keys=keys,
        label=command.label or name,
        group="Hand on",
        help=f"Give the item as JSON to: {command.run}",
        when=situation.all_of(situation.has_item, situation.one_row, _matches(compile(command.when, saved))),
        footer=True,
    )


def _matches(made: Filter | FilterError) -> Condition:
    """The item is one that the command is of use for."""

    def condition(before: Situation) -> str | None:
        if isinstance(made, FilterError):
            return f"its filter means nothing: {made.text}"
        if not made or (before.subject is not None and made.matches(before.subject)):
            return None
        return f"it is for items that match {made.text}"

    return condition
