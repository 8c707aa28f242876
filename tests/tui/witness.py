"""What the compositor was really given for the screen, and whether each decision is on just that.

Titles tell items and their versions apart (``n7 #3``), so that what was painted is read off the painted lines
themselves and not from what the program believes is on screen.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

import pytest
from textual.geometry import Region
from textual.strip import Strip

from tests.tui.conftest import Console
from triage.model.decision import Verdict
from triage.store.log import Record
from triage.tui.screens.bulk import BulkDialog
from triage.tui.widgets.comparison_table import ComparisonTable
from triage.tui.widgets.item_pane import ItemPane
from triage.tui.widgets.line_widget import LineWidget

__all__ = ["Witness", "named"]

_NAMED = re.compile(r"n\d+ #\d+")
_TITLE_Y = 1
"""The line of the pane that has the title."""


def named(text: str) -> str:
    """The item and version that a text names; empty: none."""
    found = _NAMED.search(text)
    return found[0] if found else ""


class Witness:
    """Sees every paint, every key and every decision of one console."""

    def __init__(self, console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
        self._console = console
        self._painted: WeakKeyDictionary[LineWidget, dict[int, str]] = WeakKeyDictionary()
        self._at_verb = ""
        """What the pane showed when a key was pressed on the desk."""
        self._at_confirm: frozenset[str] = frozenset()
        """What the table showed as to be decided when a key was pressed in it."""
        self.decisions = 0
        self.many = 0
        """Decisions that were taken together with others."""
        self.verbs: Counter[str] = Counter()
        self.wrong: list[str] = []
        for widget in (ItemPane, ComparisonTable):
            self._watch_paints(widget, monkeypatch)
        self._watch_keys(monkeypatch)
        self._watch_decisions(monkeypatch)

    # -- paints ---------------------------------------------------------------------------------

    def _watch_paints(self, widget: type[LineWidget], monkeypatch: pytest.MonkeyPatch) -> None:
        real = widget.render_lines

        def render_lines(painted: LineWidget, crop: Region) -> list[Strip]:
            strips = real(painted, crop)
            lines = self._painted.setdefault(painted, {})
            lines.update((crop.y + number, strip.text) for number, strip in enumerate(strips))
            return strips

        monkeypatch.setattr(widget, "render_lines", render_lines)

    def _lines(self, widget: LineWidget) -> dict[int, str]:
        return self._painted.get(widget, {})

    def _in_pane(self) -> str:
        return named(self._lines(self._console.screen.pane).get(_TITLE_Y, ""))

    def _in_table(self, dialog: BulkDialog) -> frozenset[str]:
        """The rows that carry the mark of what would be decided."""
        chosen = self._console.screen.look.marks.selected
        lines = self._lines(dialog.table).values()
        return frozenset(named(line) for line in lines if line[1:2] == chosen and named(line))

    # -- keys -----------------------------------------------------------------------------------

    def _watch_keys(self, monkeypatch: pytest.MonkeyPatch) -> None:
        screen = self._console.screen
        real_desk, real_bulk = screen.take_key, BulkDialog.take_key

        def take_key(event: Any) -> bool:
            self._at_verb = self._in_pane()
            return real_desk(event)

        def take_key_of_table(dialog: BulkDialog, event: Any) -> bool:
            self._at_confirm = self._in_table(dialog)
            return real_bulk(dialog, event)

        monkeypatch.setattr(screen, "take_key", take_key)
        monkeypatch.setattr(BulkDialog, "take_key", take_key_of_table)

    # -- decisions ------------------------------------------------------------------------------

    def _watch_decisions(self, monkeypatch: pytest.MonkeyPatch) -> None:
        screen, desk = self._console.screen, self._console.desk
        real = desk.decide

        def decide(item_id: str, revision: str, verdicts: Sequence[Verdict], **more: Any) -> Record:
            together = screen.many.deciding_many.busy
            record = real(item_id, revision, verdicts, **more)
            self._judge(record, revision, self._at_confirm if together else frozenset((self._at_verb,)))
            self.decisions += 1
            self.many += together
            self.verbs.update(verdict.verb.value for verdict in verdicts)
            return record

        monkeypatch.setattr(desk, "decide", decide)

    def _judge(self, record: Record, revision: str, painted: frozenset[str]) -> None:
        item = record.item
        if item is None or item.revision != revision:
            self.wrong.append(f"{record.decision.item_id}: logged with another revision")
        elif named(item.title) not in painted:
            self.wrong.append(f"{named(item.title)} decided, {sorted(painted)} painted")
