"""The strip at the bottom: what the console says, and every decision on its way to its endpoint."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec

from triage.model.decision import DeliveryState
from triage.tui import words
from triage.tui.lines import Line, both_ends, rule, safe, width_of
from triage.tui.marks import Marks
from triage.tui.widgets.line_widget import LineWidget, Look, Painted

__all__ = ["DeliveryStrip", "DeliveryView"]

_ORDER = (
    DeliveryState.UNKNOWN,
    DeliveryState.REFUSED,
    DeliveryState.STALE,
    DeliveryState.HELD,
    DeliveryState.SENDING,
    DeliveryState.SENT,
    DeliveryState.CONFIRMED,
    DeliveryState.WITHDRAWN,
    DeliveryState.CLOSED,
)
"""What is shown first when not all fits: what needs a person, then what still moves."""


class DeliveryView(msgspec.Struct, frozen=True):
    """One delivery as it is shown."""

    state: DeliveryState
    words: str
    """The verbs."""
    title: str
    detail: str = ""
    held_s: int | None = None
    """Whole seconds left to undo it."""
    mine: bool = True
    operator: str = ""


class DeliveryStrip(LineWidget):
    """A rule with the counts, and as many deliveries as fit. A message takes the first row."""

    def __init__(self, look: Look, *, id: str | None = None) -> None:
        super().__init__(look, id=id)
        self._deliveries: Sequence[DeliveryView] = ()
        self._message = ""
        self._message_style = "text"
        self.undo_key = "u"

    @property
    def message(self) -> str:
        """What the console says just now."""
        return self._message

    def show(self, deliveries: Sequence[DeliveryView]) -> None:
        """Show these deliveries, newest last, if they are others than before."""
        if tuple(deliveries) != tuple(self._deliveries):
            self._deliveries = tuple(deliveries)
            self.repaint()

    def say(self, text: str, style: str = "text") -> None:
        """Say something until something else is said; nothing: be still."""
        if (text, style) != (self._message, self._message_style):
            self._message, self._message_style = text, style
            self.repaint()

    def compose_lines(self) -> list[Painted]:
        """The rule, the message, the deliveries."""
        width, height = self.size.width, self.size.height
        marks = self.look.marks
        rows: list[Line] = []
        if self._message:
            rows.append(((" ", "text"), *safe(self._message, self._message_style)))
        newest_first = reversed(tuple(enumerate(self._deliveries)))
        ordered = sorted(newest_first, key=lambda pair: (_ORDER.index(pair[1].state), -pair[0]))
        rows += [self._row(view, marks, width) for _, view in ordered]
        if not rows:
            rows.append(((" nothing is on its way", "off"),))
        lines = [rule(self._head(marks), (), width, marks.line), *rows[: height - 1]]
        lines += [()] * (height - len(lines))
        return [(line, "plain") for line in lines[:height]]

    def _head(self, marks: Marks) -> Line:
        counts = Counter(view.state for view in self._deliveries)
        spans: list[tuple[str, str]] = [(marks.line + " ", "rule"), ("Deliveries", "title"), (" ", "rule")]
        for state in _ORDER:
            if counts[state]:
                spans.append(
                    (f" {marks.state[state]} {counts[state]} {words.state_words(state)} ", f"state-{state}")
                )
        return tuple(spans)

    def _row(self, view: DeliveryView, marks: Marks, width: int) -> Line:
        style = f"state-{view.state}"
        state = words.state_words(view.state, view.held_s)
        who = "" if view.mine else f"{view.operator} "
        left: Line = (
            (f" {marks.state[view.state]} {state:<11}", style),
            *safe(f"{who}{view.words:<8} ", "muted"),
        )
        title = safe(view.title, "text", max(20, width // 2))
        if view.state is DeliveryState.HELD and view.mine and not view.detail:
            right: Line = ((f"{self.undo_key}", "shortcut"), (" undo ", "muted"))
            return both_ends((*left, *title), right, width)
        room = width - width_of(left) - width_of(title) - 4
        detail = safe(view.detail, "muted", max(0, room)) if view.detail and room > 8 else ()
        return (*left, *title, ("   ", "text"), *detail)
