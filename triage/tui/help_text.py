"""The help page: every action with its keys, what it does, and why it is of no use now."""

from __future__ import annotations

from triage.tui.actions import ACTIONS, GROUPS, Action, Keymap, Situation, keys_label
from triage.tui.lines import Line, indented, wrapped
from triage.tui.marks import Marks

__all__ = ["help_lines"]

_KEYS_WIDTH = 16
_ALIKE = frozenset(f"option_{number}" for number in range(2, 10))
"""Shown together with the first of them."""


def help_lines(keymap: Keymap, situation: Situation, marks: Marks, width: int) -> list[Line]:
    """The page, from the registry and the keys in force."""
    lines: list[Line] = []
    for group in GROUPS:
        lines += [((group, "accent"),)]
        for one in keymap.actions:
            if one.group == group and one.id not in _ALIKE:
                lines += _entry(one, keymap, situation, width)
        lines.append(())
    return [*lines, *_signs(marks)]


def _entry(one: Action, keymap: Keymap, situation: Situation, width: int) -> list[Line]:
    keys, help = keys_label(one, keymap) or "no key", one.help
    if one.id == "option_1":
        all_keys = [keys_label(each, keymap) for each in ACTIONS if each.id.startswith("option_")]
        keys = "1-9" if all_keys == list("123456789") else " ".join(all_keys)
        help = "Answer with the agent's option of that number"
    where = " (in the item)" if one.scope == "pane" else ""
    why = one.when(situation)
    text: Line = ((f"{help}{where}", "text" if why is None else "muted"),)
    if why is not None:
        text = (*text, (f". Not now: {why}", "off"))
    first, *rest = wrapped(text, max(20, width - _KEYS_WIDTH - 3))
    style = "shortcut" if why is None else "off"
    margin = " " * (_KEYS_WIDTH + 3)
    if len(keys) > _KEYS_WIDTH:
        return [((f"  {keys}", style),), *indented([first, *rest], margin)]
    return [((f"  {keys:<{_KEYS_WIDTH}} ", style), *first), *indented(rest, margin)]


def _signs(marks: Marks) -> list[Line]:
    """What the signs in the list mean."""
    found: list[Line] = [(("Signs", "accent"),)]
    named = [
        *((sign, kind.value) for kind, sign in marks.kind.items()),
        *((sign, state.value) for state, sign in marks.state.items()),
        *((sign, f"{risk.value} risk") for risk, sign in marks.risk.items() if sign.strip()),
        *((sign, f"endpoint {state.value}") for state, sign in marks.health.items()),
        (marks.gone, "no longer waits"),
        (marks.changed, "changed since it came"),
        (marks.draft, "a draft is kept"),
        (marks.selected, "selected"),
    ]
    return found + [((f"  {sign}  ", "strong"), (text, "muted")) for sign, text in named]
