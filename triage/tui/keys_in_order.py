"""Keys that edit a text take effect in the order they came, however fast they came.

Left to themselves, keys bound to an action (backspace, left, end) reach it only after characters that were
typed later have been inserted: 1 2 backspace 3 would leave 12 in a field that is then approved.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable
from typing import Any

from textual import actions, events
from textual.actions import SkipAction
from textual.screen import Screen
from textual.widgets import Input, TextArea

__all__ = ["edit_in_order"]


def edit_in_order(screen: Screen[Any], event: events.Key) -> bool:
    """Queue what the key does in the text that is written, behind the characters before it; True if it does
    anything there."""
    line = screen.focused
    if event.is_printable or not isinstance(line, Input | TextArea):
        return False
    found = screen.active_bindings.get(event.key)
    if found is None or found.node is not line or not found.enabled:
        return False
    _, name, parameters = actions.parse(found.binding.action)
    action = getattr(line, f"action_{name}", None)
    return action is not None and line.call_later(_do, action, parameters)


async def _do(action: Callable[..., Any], parameters: tuple[Any, ...]) -> None:
    """Carry out an action that may find that there is nothing to do, such as scrolling a single line."""
    with contextlib.suppress(SkipAction):
        done = action(*parameters)
        if inspect.isawaitable(done):
            await done
