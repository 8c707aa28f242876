"""Shows the demo's guide on the desk's screen, and tells it what the operator does."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from triage.model.decision import DeliveryState
from triage.model.item import Risk
from triage.tui.guide import Guide
from triage.tui.widgets.guide_line import GuideLine

if TYPE_CHECKING:
    from triage.tui.actions import Situation
    from triage.tui.screens.desk_screen import DeskScreen

__all__ = ["Guiding"]


class Guiding:
    """Does nothing where there is no guide."""

    def __init__(self, screen: DeskScreen, guide: Guide | None) -> None:
        self._screen = screen
        self._guide = guide
        self._decisions: set[str] = set()
        """Decisions the guide was told of."""

    @property
    def on(self) -> bool:
        """A hint stands."""
        return self._guide is not None and not self._guide.over

    def show(self, situation: Situation) -> None:
        """Show the hint for what the operator has before them."""
        if self._guide is None:
            return
        screen = self._screen
        line = self._guide.line(lambda id: self._is_simple(id, situation), screen.size.width)
        screen.query_one(GuideLine).show(line)

    def _is_simple(self, id: str, situation: Situation) -> bool:
        """Whether an action can be done now, and asks for no special care."""
        entry = situation.entry
        if id == "approve" and entry is not None and self._screen.desk.risk_of(entry).risk is Risk.HIGH:
            return False
        return self._screen.keymap.action(id).when(situation) is None

    def did(self, action_id: str) -> None:
        """The operator did an action; decisions are told of by ``decided``, once they are logged."""
        if action_id in ("filter", "help"):
            self._tell(action_id)

    def decided(self, decision_ids: Iterable[str]) -> None:
        """Decisions were logged, or go on."""
        if not self.on:
            return
        for decision_id in decision_ids:
            record = self._screen.desk.log.record(decision_id)
            if record is None or record.decision.operator != self._screen.desk.operator:
                continue
            if decision_id not in self._decisions:
                self._decisions.add(decision_id)
                self._tell(record.decision.verb.value)
            if record.state is DeliveryState.WITHDRAWN:
                self._tell("undo")

    def skip(self) -> None:
        """Show the next hint."""
        if self._guide is not None:
            self._guide.skip()
            self._screen.show_keys()

    def stop(self) -> None:
        """Show no more hints."""
        if self._guide is not None:
            self._guide.stop()
            self._screen.show_keys()

    def _tell(self, deed: str) -> None:
        if self._guide is None or not self._guide.did(deed):
            return
        if self._guide.over:
            key_of = self._screen.keymap.label
            self._screen.say(
                f"That was the round. {key_of('help')} shows every key, {key_of('palette')} finds an action",
                "good",
            )
        self._screen.show_keys()
