"""Everything an operator can do in the console, as data: one registry that bindings, footer, help, palette,
keymap validation and the documentation's key table are made from.

A screen that acts is an ``ActionHost``: it takes ``bindings(keymap)`` (and, for its item pane,
``bindings(keymap, scope="pane")``), each of which calls its ``action_act(id)``. It asks the action's ``when``
first and tells the operator the sentence it gets. Adding an action is one entry in ``registry.py`` and one branch
in the host. The operator's own commands are actions of the ``Keymap`` alone.
"""

from triage.tui.actions.action import Action, ActionHost
from triage.tui.actions.keymap import (
    PRESETS,
    Keymap,
    bindings,
    check_keymap,
    key_label,
    keymap_of,
    keys_label,
    keys_of,
)
from triage.tui.actions.registry import ACTIONS, GROUPS, action
from triage.tui.actions.situation import Situation

__all__ = [
    "ACTIONS",
    "GROUPS",
    "PRESETS",
    "Action",
    "ActionHost",
    "Keymap",
    "Situation",
    "action",
    "bindings",
    "check_keymap",
    "key_label",
    "keymap_of",
    "keys_label",
    "keys_of",
]
