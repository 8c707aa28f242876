"""What the operator can do besides deciding: one class a group of actions, one method an action."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from triage.tui.doing.console import Console
from triage.tui.doing.deliveries import Deliveries
from triage.tui.doing.finding import Finding
from triage.tui.doing.handing import Handing, own_doings
from triage.tui.doing.looking import Looking
from triage.tui.doing.marking import Marking
from triage.tui.doing.moving import Moving
from triage.tui.doing.selecting import Selecting

if TYPE_CHECKING:
    from triage.store.queue import Entry
    from triage.tui.screens.desk_screen import DeskScreen

__all__ = ["Doing", "doings"]

Doing = Callable[["Entry | None"], None]

_GROUPS = (Moving, Selecting, Deliveries, Looking, Finding, Marking, Handing, Console)


def doings(screen: DeskScreen) -> dict[str, Doing]:
    """Action id → what does it. Each takes the entry under the cursor."""
    built_in = {name: method for group in _GROUPS for name, method in _methods(group(screen)).items()}
    return built_in | own_doings(screen)


def _methods(group: object) -> dict[str, Doing]:
    return {name: getattr(group, name) for name in vars(type(group)) if not name.startswith("_")}
