"""What deciding an item of high risk asks for on the way: a reason for every verdict, or a word to type."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from triage.desk.desk import Desk
from triage.desk.rating import Rated
from triage.model.decision import Verdict
from triage.model.item import Item, Verb
from triage.tui.reasons import Reason, reasons_of
from triage.tui.screens.confirm import ConfirmDialog
from triage.tui.screens.reason import ReasonDialog

if TYPE_CHECKING:
    from textual.app import App

__all__ = ["Careful"]

Verdicts = Sequence[Verdict]
GoOn = Callable[[Verdicts, "Reason | None"], None]
"""Gets the verdicts, and the reason that was asked for here; None: none was."""


class Careful:
    """Stands between a verb's key and its decision. ``app`` gives the app to open dialogs in."""

    def __init__(self, desk: Desk, app: Callable[[], App[Any]]) -> None:
        self._desk = desk
        self._app = app

    def needs_reason(self, item: Item) -> bool:
        """Whether no verdict on the item goes without a reason."""
        return self._desk.config.high_risk == "reason" and self._rated(item).is_high

    def ask(self, item: Item, verdicts: Verdicts, go_on: GoOn) -> None:
        """Ask for what the operators' settings want, then go on; at once where they want nothing."""
        policy, rated = self._desk.config.high_risk, self._rated(item)
        asked = [verdict for verdict in verdicts if _lacks(verdict, policy)]
        if not rated.is_high or not asked:
            go_on(verdicts, None)
        elif policy == "reason":
            self._ask_reason(item, asked[0].verb, verdicts, rated, go_on)
        else:
            dialog = ConfirmDialog(asked[0].verb, item, rated.why)
            self._app().push_screen(dialog, lambda yes: go_on(verdicts, None) if yes else None)

    def _ask_reason(self, item: Item, verb: Verb, verdicts: Verdicts, rated: Rated, go_on: GoOn) -> None:
        def given(reason: Reason | None) -> None:
            if reason is not None:
                said = reason.sent(item, self._desk.operator)
                whole = [
                    msgspec.structs.replace(one, reason=said) if _lacks(one, "reason") else one
                    for one in verdicts
                ]
                go_on(whole, reason)

        warning = f"High risk: {rated.why}" if rated.why else "High risk"
        ready = reasons_of(self._desk.config, verb, item.endpoint)
        dialog = ReasonDialog(verb, item, ready, warning=f"{warning}. It needs a reason.", needed=True)
        self._app().push_screen(dialog, given)

    def _rated(self, item: Item) -> Rated:
        """The risk of the item as it stands in the queue now."""
        entry = self._desk.entry(item.id)
        return self._desk.risk_of(entry) if entry else Rated(item.risk)


def _lacks(verdict: Verdict, policy: str) -> bool:
    """Whether a verdict on an item of high risk lacks what ``policy`` wants; a rejection lets nothing happen."""
    if policy == "reason":
        return not (verdict.reason or "").strip()
    return policy == "confirm" and verdict.verb is not Verb.REJECT
