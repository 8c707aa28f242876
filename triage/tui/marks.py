"""The signs that stand for kinds, states and risks: each differs in shape, never in colour alone.

Two sets of one cell each: the usual one, and plain ASCII for terminals that cannot draw it.
"""

from __future__ import annotations

import locale
from collections.abc import Mapping
from types import MappingProxyType

from triage.model.decision import DeliveryState
from triage.model.endpoint import HealthState
from triage.model.item import ItemKind, Risk

__all__ = ["Marks", "marks_for"]


class Marks:
    """One set of signs."""

    def __init__(self, *, ascii_only: bool = False) -> None:
        pick = 1 if ascii_only else 0
        self.ascii_only = ascii_only
        self.kind: Mapping[ItemKind, str] = _picked(_KINDS, pick)
        self.state: Mapping[DeliveryState, str] = _picked(_STATES, pick)
        self.health: Mapping[HealthState, str] = _picked(_HEALTH, pick)
        self.risk: Mapping[Risk, str] = _picked(_RISKS, pick)
        self.cursor = "▌>"[pick]
        self.selected = "✓+"[pick]
        self.draft = "✎~"[pick]
        self.gone = "∅-"[pick]
        self.changed = "Δ^"[pick]
        self.line = "─-"[pick]
        self.heavy = "━="[pick]
        self.bar = "│|"[pick]
        self.tee = "┬+"[pick]
        self.foot = "┴+"[pick]
        self.down = "↓v"[pick]
        self.up = "↑^"[pick]
        self.dot = "·-"[pick]
        self.paused = "‖#"[pick]
        self.thumb = "┃#"[pick]
        self.folded = "▸>"[pick]
        self.unfolded = "▾v"[pick]
        self.times = "×x"[pick]


_KINDS = {ItemKind.APPROVAL: "◆*", ItemKind.QUESTION: "??", ItemKind.EXTERNAL: "↗@"}
_STATES = {
    DeliveryState.HELD: "◔h",
    DeliveryState.SENDING: "→>",
    DeliveryState.SENT: "➤>",
    DeliveryState.CONFIRMED: "✓+",
    DeliveryState.REFUSED: "✗x",
    DeliveryState.UNKNOWN: "‽?",
    DeliveryState.WITHDRAWN: "↶<",
    DeliveryState.STALE: "↻s",
    DeliveryState.CLOSED: "■c",
}
_HEALTH = {
    HealthState.NEW: "○o",
    HealthState.OK: "●o",
    HealthState.DEGRADED: "◐%",
    HealthState.FAILING: "✗x",
    HealthState.DENIED: "⊘!",
}
_RISKS = {Risk.HIGH: "▲!", Risk.MEDIUM: "△^", Risk.LOW: "  "}


def _picked(signs: Mapping, pick: int) -> Mapping:  # type: ignore[type-arg]
    return MappingProxyType({key: pair[pick] for key, pair in signs.items()})


def marks_for(environment: Mapping[str, str]) -> Marks:
    """The set this terminal can draw, as its environment tells."""
    plain_console = environment.get("TERM", "") in ("linux", "vt100", "vt220", "ansi", "cons25")
    encoding = locale.getpreferredencoding(False).replace("-", "").lower()
    return Marks(ascii_only=plain_console or encoding not in ("utf8", "utf_8"))
