"""Keymaps: which key does which action, from a preset and the operator's own ``[keys]``.

Nothing here is fatal: a fault in the overrides is a sentence from ``check_keymap``, and ``keymap_of`` leaves
that override out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from types import MappingProxyType
from typing import TYPE_CHECKING

import msgspec

from triage.config.judging import OwnCommand
from triage.tui.actions.action import Action, Scope
from triage.tui.actions.own import PREFIX, own_action
from triage.tui.actions.registry import ACTIONS, action
from triage.tui.actions.situation import Situation

if TYPE_CHECKING:
    from textual.binding import Binding

__all__ = [
    "PRESETS",
    "Keymap",
    "bindings",
    "check_keymap",
    "key_label",
    "keymap_of",
    "keys_label",
    "keys_of",
]

PRESETS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "default": {},
        "mail": {
            "open": "enter o right",
            "back": "escape u left",
            "undo": "z",
            "edit": "v",
            "edit_external": "V",
            "reject": "x #",
            "ignore": "e",
            "escalate": "f",
            "select": "; insert",
            "select_range": "E",
            "select_all": "+",
            "group": "Z",
            "snooze": "b",
            "browse": "B",
            "filter": "/ l",
            "sort": "t",
            "alike": "&",
            "sort_reverse": "T",
            "theme": "ctrl+t",
            "first": "g home =",
            "last": "G end *",
            "scroll_down": "space pagedown ctrl+d",
            "scroll_up": "minus pageup ctrl+u",
            "refresh": "R $",
        },
    }
)
"""Preset → action → keys; what is not named is as in the registry. ``mail`` follows mutt and Gmail."""

_NAMED = frozenset(
    "escape enter tab space backspace insert delete home end pageup pagedown up down left right comma "
    "minus".split()
) | {f"f{number}" for number in range(1, 13)}
_ALIASES = {
    "esc": "escape",
    "return": "enter",
    "pgup": "pageup",
    "pgdn": "pagedown",
    "page_up": "pageup",
    "page_down": "pagedown",
    "del": "delete",
    "ins": "insert",
    ",": "comma",
    "-": "minus",
}
_MANGLED = {
    "ctrl+h": "terminals send backspace for it",
    "ctrl+i": "terminals send tab for it",
    "ctrl+j": "some terminals send enter for it",
    "ctrl+m": "terminals send enter for it",
    "ctrl+s": "it stops the output of many terminals",
    "ctrl+q": "many terminals keep it for themselves",
    "ctrl+c": "it is kept for copying and for leaving",
    "ctrl+z": "it sends the console to the background",
    "ctrl+enter": "terminals send enter for it",
    "alt+enter": "terminals send enter for it",
    "shift+enter": "terminals send enter for it",
}
_LABELS = {
    "escape": "esc",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
    "home": "Home",
    "end": "End",
    "insert": "Ins",
    "delete": "Del",
    "comma": ",",
    "minus": "-",
}


_NO_COMMANDS: Mapping[str, OwnCommand] = MappingProxyType({})
_NO_FILTERS: Mapping[str, str] = MappingProxyType({})


class Keymap(msgspec.Struct, frozen=True):
    """The keys in force."""

    preset: str
    keys: Mapping[str, tuple[str, ...]]
    """Action id → its keys, none where the operator took them away."""
    own: tuple[Action, ...] = ()
    """The operator's own commands."""

    @property
    def actions(self) -> tuple[Action, ...]:
        """All there are: the registry's, and the operator's own."""
        return ACTIONS + self.own

    def action(self, action_id: str) -> Action:
        """The action of that id. Raises KeyError."""
        found = (one for one in self.own if one.id == action_id)
        return next(found, None) or action(action_id)

    def available(self, situation: Situation) -> list[Action]:
        """The footer's actions that can be done now, in their order."""
        return [one for one in self.actions if one.footer and one.when(situation) is None]

    def of(self, action_id: str) -> tuple[str, ...]:
        """The action's keys."""
        return self.keys[action_id]

    def label(self, action_id: str) -> str:
        """The action's first key as people read it; empty when it has none."""
        return key_label(self.keys[action_id][0]) if self.keys[action_id] else ""


def keymap_of(
    preset: str,
    overrides: Mapping[str, str],
    commands: Mapping[str, OwnCommand] = _NO_COMMANDS,
    saved: Mapping[str, str] = _NO_FILTERS,
) -> Keymap:
    """The keys in force under a preset, the operator's overrides and own commands, less what is faulty in them.

    Args:
        saved: name → filter, for the commands' ``when``.
    """
    keymap, _ = _with_own(_resolve(preset, overrides)[0], commands, saved)
    return keymap


def check_keymap(
    preset: str, overrides: Mapping[str, str], commands: Mapping[str, OwnCommand] = _NO_COMMANDS
) -> list[str]:
    """Every fault of a preset's name, of overrides and of the keys of own commands, a sentence each."""
    keymap, faults = _resolve(preset, overrides)
    return faults + _with_own(keymap, commands, _NO_FILTERS)[1]


def keys_of(action_id: str, preset: str, overrides: Mapping[str, str]) -> tuple[str, ...]:
    """The keys of one action."""
    return keymap_of(preset, overrides).of(action_id)


def bindings(keymap: Keymap, scope: Scope = "desk") -> list[Binding]:
    """The scope's actions as Textual bindings, each to ``act('<id>')`` of the screen."""
    from textual.binding import Binding

    return [
        Binding(",".join(keys), f"screen.act('{one.id}')", one.label, show=False, id=one.id, tooltip=one.help)
        for one in keymap.actions
        if one.scope == scope and (keys := keymap.of(one.id))
    ]


def _resolve(preset: str, overrides: Mapping[str, str]) -> tuple[Keymap, list[str]]:
    faults = []
    if preset not in PRESETS:
        faults.append(f"keymap: there is no {preset!r}, only {' and '.join(PRESETS)}; default is used.")
        preset = "default"
    keys = {one.id: one.keys for one in ACTIONS}
    keys |= {action_id: tuple(text.split()) for action_id, text in PRESETS[preset].items()}
    own, problems = _own_keys(overrides, keys)
    faults += problems
    merged = keys | own
    for action_id, sentence in list(_clashes(merged, own)):
        faults.append(sentence)
        own.pop(action_id, None)
    return Keymap(preset, MappingProxyType(_without_clashes(keys | own, own))), faults


def _with_own(
    keymap: Keymap, commands: Mapping[str, OwnCommand], saved: Mapping[str, str]
) -> tuple[Keymap, list[str]]:
    """The keymap with the operator's own commands, and what is wrong with their keys; a key that is taken is left
    where it is."""
    owner = {key: one.id for one in ACTIONS if one.scope == "desk" for key in keymap.of(one.id)}
    faults: list[str] = []
    own: list[Action] = []
    for name, command in commands.items():
        keys: list[str] = []
        for key, problem in map(_read_key, _parts(command.key)):
            other = owner.get(key)
            if problem:
                faults.append(f"commands.{name}: {problem}")
            elif other is not None:
                faults.append(f"commands.{name}: {_taken(key, other)}")
            else:
                owner[key] = PREFIX + name
                keys.append(key)
        own.append(own_action(name, command, tuple(keys), saved))
    keys_of_all = {**keymap.keys, **{one.id: one.keys for one in own}}
    return Keymap(keymap.preset, MappingProxyType(keys_of_all), tuple(own)), faults


def _taken(key: str, other: str) -> str:
    label = key_label(key)
    if other.startswith(PREFIX):
        return f"{label!r} belongs to commands.{other.removeprefix(PREFIX)} already; choose another key."
    return f"{label!r} belongs to {other} already; choose another key, or give {other} another one in [keys]."


def _own_keys(
    overrides: Mapping[str, str], known: Mapping[str, object]
) -> tuple[dict[str, tuple[str, ...]], list[str]]:
    """The overrides that can be read, and what is wrong with the others."""
    own: dict[str, tuple[str, ...]] = {}
    faults: list[str] = []
    for action_id, text in overrides.items():
        if action_id not in known:
            faults.append(f"keys.{action_id}: there is no such action{_nearest(action_id, known)}")
            continue
        read = [_read_key(part) for part in _parts(text)]
        bad = [problem for _, problem in read if problem]
        faults += [f"keys.{action_id}: {problem}" for problem in bad]
        if not bad:
            own[action_id] = tuple(dict.fromkeys(key for key, _ in read))
    return own, faults


def _parts(text: str) -> list[str]:
    """The keys in ``text``, parted by spaces or commas; a comma alone is the comma key."""
    words = text.split()
    return [part for word in words for part in ([word] if word == "," else word.split(",")) if part]


def _read_key(text: str) -> tuple[str, str]:
    """A key as Textual names it, and what is wrong with it (empty when nothing)."""
    if len(text) == 1:
        return (_ALIASES.get(text, text), "") if text.isprintable() else ("", f"{text!r} is no key.")
    *modifiers, base = text.split("+") if not text.endswith("++") else [*text[:-2].split("+"), "+"]
    lowered = [modifier.lower() for modifier in modifiers]
    base = _ALIASES.get(base.lower(), base.lower() if len(base) > 1 else base)
    if unknown := [modifier for modifier in lowered if modifier not in ("ctrl", "alt", "shift")]:
        return "", f"{text!r}: there is no modifier {unknown[0]!r} (ctrl, alt, shift)."
    if len(base) > 1 and base not in _NAMED:
        return "", f"there is no key {text!r}{_nearest(base, _NAMED | set(_ALIASES))}"
    return _read_modified(text, lowered, base)


def _read_modified(text: str, modifiers: list[str], base: str) -> tuple[str, str]:
    if modifiers == ["shift"] and len(base) == 1:
        better = f": write {base.upper()!r}." if base.isalpha() else ": write the character itself."
        return "", f"terminals do not tell {text!r} apart{better}"
    if "ctrl" in modifiers and len(base) == 1:
        base = base.lower()
        if not (base.isascii() and base.isalpha()):
            return "", f"terminals do not send {text!r}: ctrl goes with letters and named keys."
    key = "+".join([*sorted(set(modifiers), key=("ctrl", "alt", "shift").index), base])
    return ("", f"{key!r} cannot be used: {_MANGLED[key]}.") if key in _MANGLED else (key, "")


def _clashes(keys: Mapping[str, tuple[str, ...]], own: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Override by override: which key it takes from another action of the same scope."""
    for first, second, key in _pairs(keys):
        culprit, other = (second, first) if second in own else (first, second)
        if culprit in own:
            yield (
                culprit,
                f"keys.{culprit}: {key_label(key)!r} belongs to {other} already; give {other} another key in "
                f"[keys] too.",
            )


def _pairs(keys: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[str, str, str]]:
    """Two actions of one scope and the key they both have."""
    owner: dict[tuple[Scope, str], str] = {}
    for one in ACTIONS:
        for key in keys[one.id]:
            first = owner.setdefault((one.scope, key), one.id)
            if first != one.id:
                yield first, one.id, key


def _without_clashes(
    keys: dict[str, tuple[str, ...]], own: Mapping[str, object]
) -> dict[str, tuple[str, ...]]:
    """``keys`` with every key given once: the first action of the registry keeps it.

    Needed when an override gave a key away that a dropped override had taken.
    """
    for _, second, key in list(_pairs(keys)):
        keys[second] = tuple(one for one in keys[second] if one != key)
    return keys


def _nearest(name: str, known: object) -> str:
    names = list(known) if isinstance(known, Mapping | frozenset) else []
    close = get_close_matches(name, names, n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else "."


def key_label(key: str) -> str:
    """A key as people read it: ``ctrl+d``, ``PgDn``, ``↓``."""
    *modifiers, base = key.split("+") if key != "+" else ["+"]
    return "+".join(
        [*modifiers, _LABELS.get(base, base.upper() if base[:1] == "f" and base[1:].isdigit() else base)]
    )


def keys_label(action: Action, keymap: Keymap) -> str:
    """All keys of an action, parted by spaces."""
    return " ".join(key_label(key) for key in keymap.of(action.id))
