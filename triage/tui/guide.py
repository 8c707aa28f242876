"""The guided first round of the demo: six hints, one at a time, each gone once its thing was done.

Pure: it is told what the operator did and says which hint stands now. It never takes a key.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from triage.tui.lines import Line, both_ends, width_of

__all__ = ["HINTS", "Guide", "Hint"]


class Hint(NamedTuple):
    """One thing to try. ``{approve}`` in a text stands for the key of that action."""

    deeds: frozenset[str]
    """What ends it: a verb that was decided with, or an action that was done."""
    action: str
    """What must be possible now for ``here`` to be true."""
    here: str
    elsewhere: str


HINTS = (
    Hint(
        frozenset({"approve"}),
        "approve",
        "{approve} approves this: its agent then really acts on it",
        "{down} to one that is not of high risk: {approve} approves it",
    ),
    Hint(
        frozenset({"undo"}),
        "undo",
        "{undo} takes your decision back while it is held",
        "once more: {approve}, and {undo} at once takes it back",
    ),
    Hint(
        frozenset({"reject"}),
        "reject",
        "{reject} rejects this; a number then gives the reason",
        "{down} to one that {reject} can reject",
    ),
    Hint(
        frozenset({"edit"}),
        "edit",
        "{edit} edits it; F2 shows the change, enter sends it",
        "{down} to a proposal of one action: {edit} edits it",
    ),
    Hint(
        frozenset({"respond"}),
        "option_1",
        "{option_1} and the other numbers answer this question",
        "{down} to a question with answers: {option_1} gives one",
    ),
    Hint(
        frozenset({"filter", "help"}),
        "filter",
        "{filter} filters as you type, {help} shows every key",
        "{filter} filters as you type, {help} shows every key",
    ),
)
_PIECES = re.compile(r"\{(\w+)\}")
_MORE = "{back} next hint  {hints_off} none"


class Guide:
    """``key_of``: action id → its key as people read it, empty where it has none."""

    def __init__(self, key_of: Callable[[str], str]) -> None:
        self._key_of = key_of
        hints = [(number, hint) for number, hint in enumerate(HINTS, 1) if self._can_be_shown(hint)]
        self._left = hints

    @property
    def over(self) -> bool:
        """No hint is left."""
        return not self._left

    def line(self, possible: Callable[[str], bool], width: int) -> Line:
        """The hint that stands now, for what the operator has before them. ``possible``: of an action id."""
        if not self._left:
            return ()
        number, hint = self._left[0]
        words = hint.here if possible(hint.action) else hint.elsewhere
        left: Line = ((f" {number}/{len(HINTS)}  ", "accent"), *self._spans(words, "text"))
        more = (*self._spans(_MORE, "muted"), (" ", "text"))
        return both_ends(left, more if width_of(left) + width_of(more) < width else (), width)

    def did(self, deed: str) -> bool:
        """The operator did something: its hint is no longer needed. True when another one stands now."""
        before = self._left
        self._left = [(number, hint) for number, hint in before if deed not in hint.deeds]
        return self._left[:1] != before[:1]

    def skip(self) -> None:
        """Go on to the next hint."""
        self._left = self._left[1:]

    def stop(self) -> None:
        """No more hints."""
        self._left = []

    def _can_be_shown(self, hint: Hint) -> bool:
        names = (*_PIECES.findall(hint.here), *_PIECES.findall(hint.elsewhere))
        return all(self._key_of(name) for name in names)

    def _spans(self, words: str, style: str) -> Line:
        """Words with the keys of the actions named in them."""
        parts = _PIECES.split(words)
        keys = [(self._key_of(name), "shortcut") for name in parts[1::2]]
        texts = [(text, style) for text in parts[::2]]
        pairs = zip(texts, [*keys, ("", "shortcut")], strict=True)
        return tuple(span for pair in pairs for span in pair if span[0])
