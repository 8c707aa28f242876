"""Looking closer: the difference, the raw form, the log, the page in a browser."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from triage.tui.changes import difference_lines, differences
from triage.tui.fields import editable_json
from triage.tui.handing_on import browse
from triage.tui.json_spans import json_line
from triage.tui.lines import Line, wrapped
from triage.tui.log_text import event_lines, record_lines
from triage.tui.precedent_text import precedent_label, record_page
from triage.tui.screens.choice import Choice, ChoiceDialog
from triage.tui.screens.reading import ReadingScreen

if TYPE_CHECKING:
    from triage.store.log import Record
    from triage.store.queue import Entry
    from triage.tui.screens.desk_screen import DeskScreen

__all__ = ["Looking"]

_RECENT = 200
MAX_RAW_LINES = 50_000


class Looking:
    """The group Look."""

    def __init__(self, screen: DeskScreen) -> None:
        self._screen = screen

    def diff(self, entry: Entry | None) -> None:
        """What changed in the item since it came."""
        if entry is None or entry.previous is None:
            return
        found = differences(entry.previous, entry.item)
        self._read("What changed", lambda width: difference_lines(found, width))

    def raw(self, entry: Entry | None) -> None:
        """The item as its endpoint sent it."""
        if entry is None:
            return
        raw = entry.item.raw if entry.item.raw is not None else {"title": entry.item.title}
        self._read(f"Raw: {entry.item.title}", lambda width: _raw_lines(raw, width))

    def alike(self, entry: Entry | None) -> None:
        """How its like was decided before; one of them can be read whole."""
        if entry is None:
            return
        now = datetime.now(UTC)
        nearest = self._screen.desk.precedents(entry.item).nearest
        if not nearest:
            self._screen.say("Nothing like it was decided before.")
            return
        choices = [
            Choice(
                str(number),
                precedent_label(one, now),
                one.record,
                one.record.item.title if one.record.item else "",
            )
            for number, one in enumerate(nearest, 1)
        ]

        def chosen(record: Record | None) -> None:
            if record is not None:
                self._read("Decided before", lambda width: record_page(record, width))

        self._screen.app.push_screen(ChoiceDialog("Decided before", choices), chosen)

    def log(self, entry: Entry | None) -> None:
        """What the log says of this item; of all, where it says nothing of this one."""
        desk, marks = self._screen.desk, self._screen.look.marks
        events = desk.log_of(entry.item.id) if entry else []
        if entry is not None and events:
            self._read(
                f"Log of: {entry.item.title}",
                lambda width: event_lines(events, marks, width, desk.log.record),
            )
            return
        records = desk.recent(_RECENT)
        self._read("The last decisions", lambda width: record_lines(records, marks, width))

    def preview(self, _: Entry | None) -> None:
        """Show or hide the item beside the list."""
        self._screen.toggle_class("-no-preview")
        self._screen.call_after_refresh(self._screen.repaint_all)

    def browse(self, entry: Entry | None) -> None:
        """Open the item's page at its endpoint."""
        if entry is not None and entry.item.url:
            self._screen.say(browse(entry.item.url).capitalize())

    def _read(self, title: str, make: Any) -> None:
        self._screen.app.push_screen(ReadingScreen(title, make))


def _raw_lines(raw: Any, width: int) -> list[Line]:
    rows = editable_json(raw).split("\n")
    lines = [part for row in rows[:MAX_RAW_LINES] for part in wrapped(json_line(row), width)]
    more = len(rows) - MAX_RAW_LINES
    return [*lines, ((f"… {more:,} more lines", "warning"),)] if more > 0 else lines
