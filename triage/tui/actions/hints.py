"""The keys that are of use in a situation, as the footer shows them."""

from __future__ import annotations

import msgspec

from triage.tui.actions.keymap import Keymap
from triage.tui.actions.situation import Situation

__all__ = ["key_hints"]


def key_hints(keymap: Keymap, situation: Situation) -> list[tuple[str, str]]:
    """Keys and what they do, without help and quit; how many they decide where that is not one."""
    shown = [one for one in keymap.available(situation) if one.id not in ("help", "quit")]
    if situation.folded and not situation.selection:  # only what the first of the group takes as well
        first = keymap.available(msgspec.structs.replace(situation, folded=None))
        shown = [one for one in shown if one in first]
    many = f" {situation.many:,}" if situation.many else ""
    return [
        (keymap.label(one.id), one.label + (many if one.decides else ""))
        for one in shown
        if keymap.label(one.id)
    ]
