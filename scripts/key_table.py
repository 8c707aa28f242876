"""Write the key tables: docs/keys.md whole, and README's block between its two ``keys`` comments.

python scripts/key_table.py            write both
python scripts/key_table.py --check    exit 1 when one of them is stale
"""

from __future__ import annotations

import sys
from pathlib import Path

from generated import ROOT, between, keep

from triage.tui.actions import ACTIONS, GROUPS, PRESETS, Action, Keymap, keymap_of, keys_label

_DIGITS = "option_"


def pages() -> dict[Path, str]:
    """Each page that holds a key table, as it should stand."""
    readme = ROOT / "README.md"
    short = short_table(keymap_of("default", {}))
    return {ROOT / "docs" / "keys.md": page(), readme: between(readme.read_text(), "keys", short)}


def page() -> str:
    """The whole of docs/keys.md."""
    parts = [_INTRODUCTION]
    default, mail = (keymap_of(preset, {}) for preset in PRESETS)
    for group in GROUPS:
        parts.append(f"## {group}\n\n| id | default | mail | what it does |\n| --- | --- | --- | --- |")
        parts[-1] += "".join(f"\n{_row(one, default, mail)}" for one in _rows(group))
    return "\n\n".join(parts) + "\n"


def _row(one: Action, default: Keymap, mail: Keymap) -> str:
    if one.id.startswith(_DIGITS):
        return (
            "| `option_1` … `option_9` | `1`–`9` | `1`–`9` | Answer with the agent's option of that number |"
        )
    where = " (in the item)" if one.scope == "pane" else ""
    return f"| `{one.id}` | {_keys(one, default)} | {_keys(one, mail)} | {one.help}{where} |"


def short_table(keymap: Keymap) -> str:
    """Group by group, label and keys: for README."""
    lines = ["| | |", "| --- | --- |"]
    for group in GROUPS:
        cells = [f"{_label(one)} {_short_keys(one, keymap)}" for one in _rows(group)]
        lines.append(f"| **{group}** | {' · '.join(cells)} |")
    return "\n".join(lines)


def _rows(group: str) -> list[Action]:
    """The group's actions; of the nine options the first alone."""
    members = [one for one in ACTIONS if one.group == group]
    return [one for one in members if not one.id.startswith(_DIGITS) or one.id == f"{_DIGITS}1"]


def _label(one: Action) -> str:
    return "the agent's own options" if one.id.startswith(_DIGITS) else one.label


def _short_keys(one: Action, keymap: Keymap) -> str:
    return "`1`–`9`" if one.id.startswith(_DIGITS) else _keys(one, keymap)


def _keys(one: Action, keymap: Keymap) -> str:
    return " ".join(f"`{key}`" for key in keys_label(one, keymap).split()).replace("|", "\\|")


_INTRODUCTION = """# Keys

Made by `scripts/key_table.py` from the registry of actions; change them there.

`keymap = "default"` or `"mail"` (after mutt and Gmail) in the configuration chooses a column. Single
actions are changed by their id; several keys are parted by spaces, and an empty text takes the keys away
(the action stays in the command palette):

```toml
keymap = "default"

[keys]
approve = "a ctrl+a"
edit_external = "ctrl+e"
close = ""
```

A key is a character (`a`, `A`, `!`), a named key (`enter`, `esc`, `tab`, `space`, `backspace`, `delete`,
`home`, `end`, `pgup`, `pgdn`, `up`, `down`, `left`, `right`, `f1` … `f12`) or one of them with `ctrl+` or
`alt+`. Combinations that terminals change or keep (such as `ctrl+s`, `ctrl+h`, `ctrl+enter`) are refused, and
so is one key for two actions; the console says what is wrong. In a text field no single key decides."""

if __name__ == "__main__":
    sys.exit(keep(pages(), sys.argv[1:]))
