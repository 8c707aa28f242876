"""The top line: every endpoint with its state in a sign and words, what waits there, and who is deciding."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from triage.model.endpoint import Health, HealthState
from triage.tui.lines import Line, both_ends, fit, safe, width_of
from triage.tui.marks import Marks
from triage.tui.widgets.line_widget import LineWidget, Look, Painted
from triage.tui.words import HEALTH_WORDS

__all__ = ["BarView", "EndpointBar"]

_STYLES = {
    HealthState.NEW: "muted",
    HealthState.OK: "good",
    HealthState.DEGRADED: "warning",
    HealthState.FAILING: "bad",
    HealthState.DENIED: "bad",
}


class BarView(msgspec.Struct, frozen=True):
    """All that the bar shows."""

    health: Sequence[Health] = ()
    waiting: dict[str, int] = {}
    """Endpoint → items that want a decision."""
    paused: frozenset[str] = frozenset()
    chosen: str | None = None
    """The endpoint that is shown alone."""
    operator: str = ""
    read_only: bool = False
    trouble: bool = False
    """The store cannot be used just now, or work has ended; the strip says more."""


class EndpointBar(LineWidget):
    """One line on the bar's own ground."""

    ground = "bar"

    def __init__(self, look: Look, *, id: str | None = None) -> None:
        super().__init__(look, id=id)
        self._view = BarView()

    def show(self, view: BarView) -> None:
        """Show another state, if it is another."""
        if view != self._view:
            self._view = view
            self.repaint()

    def compose_lines(self) -> list[Painted]:
        """The bar."""
        view, width = self._view, self.size.width
        right = _right(view, self.look.marks)
        room = width - width_of(right) - 3
        left: Line = ((" triage ", "focus"), (" ", "text"), *_endpoints(view, self.look.marks, room - 9))
        return [(both_ends(left, right, width), "bar")]


def _right(view: BarView, marks: Marks) -> Line:
    parts: list[Line] = []
    if view.trouble:
        parts.append((("! trouble", "error"),))
    if "*" in view.paused:
        parts.append(((f"{marks.paused} sending paused", "warning"),))
    if view.read_only:
        parts.append((("read-only", "warning"),))
    parts.append(safe(view.operator, "muted", 16))
    gap = ("  ", "text")
    return (*(span for part in parts for span in (gap, *part)), (" ", "text"))


def _endpoints(view: BarView, marks: Marks, room: int) -> Line:
    """As many endpoints as fit, those that are not well with their words; the rest is counted."""
    spans: list[tuple[str, str]] = []
    used = 0
    for number, health in enumerate(view.health):
        part = _endpoint(view, health, marks, full=True)
        rest = len(view.health) - number
        spare = 9 if rest > 1 else 0
        if used + width_of(part) + spare > room:
            part = _endpoint(view, health, marks, full=False)
        if used + width_of(part) + spare > room:
            part = fit(((f"+{rest} more", "muted"),), max(0, room - used))
            return (*spans, *part)
        spans += [*part, ("   ", "text")]
        used += width_of(part) + 3
    return tuple(spans)


def _endpoint(view: BarView, health: Health, marks: Marks, *, full: bool) -> Line:
    name, state = health.endpoint, health.state
    chosen = name == view.chosen
    spans: list[tuple[str, str]] = [(marks.health[state] + " ", _STYLES[state])]
    spans += [("[", "accent")] if chosen else []
    spans += safe(name, "accent" if chosen else "text", 24)
    spans += [("]", "accent")] if chosen else []
    spans.append((f" {view.waiting.get(name, 0):,}", "muted"))
    if name in view.paused:
        spans.append((f" {marks.paused} paused", "warning"))
    if health.warning and state is HealthState.OK:
        spans.append((" untested version" if full else " !", "warning"))
    if full and HEALTH_WORDS[state]:
        spans.append((f" {HEALTH_WORDS[state]}", _STYLES[state]))
    return tuple(spans)
