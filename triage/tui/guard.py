"""The guard before every decision: what was painted, how long ago, and by whose hand a key came.

It holds rules 1 and 2 of the desk. A decision binds to the item and revision that were painted, a key
that is held down never decides, and nothing decides right after the item changed under the cursor.
All times are seconds of one monotonic clock that is passed in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

__all__ = ["BURST_S", "DISTURBED_S", "PAINT_S", "REPEAT_S", "Guard", "Subject"]

PAINT_S = 0.150
"""How long an item must have been on screen before it may be decided."""
REPEAT_S = 0.120
"""The same key again within this time is a key held down."""
BURST_S = 0.025
"""Another key within this time is a paste or a backlog, not a judgment."""
DISTURBED_S = 0.300
"""How long decision keys stay dead after the item under the cursor changed by itself."""


class Subject(NamedTuple):
    """What a decision is about."""

    item_id: str
    revision: str


class Guard:
    """Says whether a decision may be taken now, and why not."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._painted: Subject | None = None
        self._painted_at = float("-inf")
        self._disturbed_at = float("-inf")
        self._key = ""
        self._key_at = float("-inf")
        self._repeated = False
        self._burst = False

    @property
    def painted(self) -> Subject | None:
        """What the operator sees in the pane; None: no item."""
        return self._painted

    @property
    def painted_for_s(self) -> float:
        """Seconds since it came into the pane."""
        return self._clock() - self._painted_at

    def paint(self, subject: Subject | None) -> None:
        """The pane has painted ``subject``. Painting the same again changes nothing."""
        if subject != self._painted:
            self._painted = subject
            self._painted_at = self._clock()

    def key(self, key: str) -> None:
        """A key was pressed, whatever it does."""
        now = self._clock()
        since = now - self._key_at
        self._repeated = key == self._key and since < REPEAT_S
        self._burst = since < BURST_S
        self._key, self._key_at = key, now

    def paste(self) -> None:
        """Text was pasted: keys that follow at once belong to it."""
        self._key_at = self._clock()
        self._key = ""

    def disturb(self) -> None:
        """The item under the cursor was changed by something else than the operator."""
        self._disturbed_at = self._clock()

    def stray(self) -> str | None:
        """Why the last key was no judgment, whatever it is about; None: it may have been."""
        if self._repeated:
            return "a key held down does not decide"
        return "keys that come in a burst do not decide" if self._burst else None

    def refuse(self, item_id: str | None) -> str | None:
        """Why the last key may not decide the item under the cursor; None: it may."""
        if item_id is None:
            return "no item is under the cursor"
        if why := self.stray():
            return why
        now = self._clock()
        if now - self._disturbed_at < DISTURBED_S:
            return "it just changed — look again"
        if self._painted is None or self._painted.item_id != item_id:
            return "the item is not on screen yet"
        if now - self._painted_at < PAINT_S:
            return "it has only just been shown — look first"
        return None
