"""Looking at everything the console shows of an item, by real keys in a terminal."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence as Seq
from pathlib import Path

from tests.hostile.console_process import TEXTS_AN_ITEM
from tests.terminal import Terminal

__all__ = [
    "DIALOGS",
    "KNOWN",
    "MODES",
    "SHORT",
    "console",
    "items_in",
    "page_through",
    "press",
    "settle",
    "visit_dialogs",
]

PATIENCE_S = 0.3
"""Some keys do nothing that is seen."""
ESC_ALONE_S = 0.15
"""A key that follows sooner, when the clock has something painted just then, makes another one of it."""
MODES = ("1000", "1003", "1004", "1006", "1015", "1016", "1049", "2004", "2026", "2031", "2048", "25", "7")
KNOWN = frozenset(
    {
        *("control \n", "control \r"),
        *("csi <u", "csi >u", "csi ?$p", "csi ?h", "csi ?l"),
        *(f"csi {final}" for final in "ABCDGHJKXdm"),
        *("osc 22;default", "osc 22;text", "osc 22;pointer"),
    }
)
"""What the console writes besides text, whoever its agents are."""

SHORT: Seq[Seq[str]] = (
    ("w", "esc"),
    ("enter", "enter", "G", "esc", "esc"),
    ("e", "f3", "esc"),
    ("A", "esc"),
    ("D", "esc"),
    ("m", "esc"),
    (":", "appr", "esc"),
    ("/", "agent:", "tab", "esc"),
    ("space", "space", "a", "j", "l", "n", "esc", "esc"),
    ("|", "cat", "enter", "esc"),
)
"""Keys that open a dialog and go back, for each that differs."""

DIALOGS: Seq[Seq[str]] = (
    *SHORT,
    ("w", "G", "/", "E", "enter", "n", "esc"),
    ("L", "esc"),
    ("x", "esc"),
    ("r", "tab", "esc"),
    ("D", "j", "x", "esc", "esc"),
    ("t", "esc"),
    ("i", "esc"),
    ("n", "a note", "esc"),
    ("!", "esc"),
    ("?", "esc"),
    ("/", "title:", "tab", "enter", "esc"),
    ("z", "j", "enter", "esc", "z"),
    ("v", "j", "j", "v", "x", "esc", "esc", "esc"),
    ("space", "space", "a", "j", "l", "enter", "esc", "n", "esc", "esc", "esc"),
)
"""The same for all that there are."""


def console(data: Path, first: int, last: int, *, columns: int = 110, rows: int = 32) -> Terminal:
    """A terminal with the texts of the corpus from ``first`` to ``last``."""
    env = {
        **{key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "TMUX")},
        "TERM": "xterm-256color",
        "TRIAGE_CONFIG": str(data / "none.toml"),
    }
    command = [
        sys.executable,
        "-m",
        "tests.hostile.console_process",
        str(data / "data"),
        str(first),
        str(last),
    ]
    return Terminal(command, env, columns=columns, rows=rows)


def settle(terminal: Terminal, quiet_s: float = 0.06, timeout_s: float = 20.0) -> None:
    """Return once the program has written nothing for a while."""
    limit = time.monotonic() + timeout_s
    size, since = len(terminal.output), time.monotonic()
    while time.monotonic() - since < quiet_s and terminal.status is None and time.monotonic() < limit:
        time.sleep(0.01)
        if len(terminal.output) != size:
            size, since = len(terminal.output), time.monotonic()


def press(terminal: Terminal, key: str) -> None:
    """Type a key and see what comes of it; a lone esc is taken for one only after a while."""
    size, began = len(terminal.output), time.monotonic()
    terminal.press(key)
    alone_s = ESC_ALONE_S if key == "esc" else 0.0
    while terminal.status is None and (waited := time.monotonic() - began) < PATIENCE_S:
        if waited >= alone_s and len(terminal.output) != size:
            break
        time.sleep(0.01)
    settle(terminal)


def items_in(first: int, last: int) -> int:
    """How many items show the texts from ``first`` to ``last``."""
    return -(-(last - first) // TEXTS_AN_ITEM)


def page_through(terminal: Terminal, count: int) -> None:
    """Put the cursor on every item, one after the other, so that each is in the pane once."""
    terminal.wait_for(f"1/{count}", timeout_s=60)
    for number in range(2, count + 1):
        terminal.press("j")
        _wait_for_place(terminal, f" {number}/{count}")
    settle(terminal)


def _wait_for_place(terminal: Terminal, place: str) -> None:
    terminal.wait_until(lambda: place in terminal.row(1), f"{place} in the list's header")


def visit_dialogs(terminal: Terminal, dialogs: Seq[Seq[str]] = DIALOGS) -> None:
    """Open and leave everything that shows more of the item under the cursor."""
    for keys in dialogs:
        for key in keys:
            if key == "esc" and "cat" in keys:  # a program takes its time to start and to print
                terminal.wait_until(
                    lambda: "  cat  " in terminal.text or '{"id":' in terminal.text, "its output"
                )
            press(terminal, key)
