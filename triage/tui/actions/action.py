"""An action: one thing an operator can do in the console; and the screen that does it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

import msgspec

from triage.tui.actions.situation import Condition, Situation, always

if TYPE_CHECKING:
    from triage.tui.actions.keymap import Keymap

__all__ = ["Action", "ActionHost", "Scope"]

Scope = Literal["desk", "pane"]


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """One thing an operator can do."""

    id: str
    """Its name in the configuration's ``[keys]`` and in ``act('…')``."""
    keys: tuple[str, ...]
    """Keys of the default preset, as Textual names them, or one character."""
    label: str
    """One to three words, for footer and palette."""
    group: str
    """One of ``GROUPS``."""
    help: str
    """What it does, in a sentence without its full stop."""
    when: Condition = always
    """None when it can be done, else why not."""
    footer: bool = False
    """Belongs in the footer while it is available."""
    decides: bool = False
    """Leads to a decision; under the desk's guards against stray keys."""
    scope: Scope = "desk"
    """``pane``: its keys count while the item pane has the focus and go before the desk's."""


class ActionHost(Protocol):
    """A screen that carries out actions."""

    keymap: Keymap

    def situation(self) -> Situation:
        """What the operator has before them now."""

    def action_act(self, id: str) -> None:
        """Do the action ``id``, or say why not."""
