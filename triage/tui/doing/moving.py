"""Moving through the list and in the item."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from triage.tui.guard import Subject
from triage.tui.item_text import body_lines
from triage.tui.screens.reading import ReadingScreen
from triage.tui.widgets.filter_line import FilterLine

if TYPE_CHECKING:
    from triage.store.queue import Entry
    from triage.tui.screens.desk_screen import DeskScreen

__all__ = ["Moving"]


class Moving:
    """The group Move."""

    def __init__(self, screen: DeskScreen) -> None:
        self._screen = screen

    def down(self, _: Entry | None) -> None:
        """The next item; in the item, a line down."""
        self._step(1)

    def up(self, _: Entry | None) -> None:
        """The item before; in the item, a line up."""
        self._step(-1)

    def first(self, _: Entry | None) -> None:
        """The first item; in the item, its top."""
        self._to_end(-1)

    def last(self, _: Entry | None) -> None:
        """The last item; in the item, its end."""
        self._to_end(1)

    def page_down(self, _: Entry | None) -> None:
        """A window of the list, or of the item, down."""
        self._page(1)

    def page_up(self, _: Entry | None) -> None:
        """A window of the list, or of the item, up."""
        self._page(-1)

    def scroll_down(self, _: Entry | None) -> None:
        """Half a page of the item down."""
        self._screen.pane.scroll_by(max(1, self._screen.pane.page_rows // 2))

    def scroll_up(self, _: Entry | None) -> None:
        """Half a page of the item up."""
        self._screen.pane.scroll_by(-max(1, self._screen.pane.page_rows // 2))

    def open(self, entry: Entry | None) -> None:
        """Go into the item, and ask its endpoint what led to it; from there, read it over the whole window.

        Of a folded group: unfold it.
        """
        screen = self._screen
        if screen.focused is screen.pane:
            self._read_whole(entry)
            return
        if screen.many.unfold():
            return
        screen.add_class("-reading")
        screen.set_focus(screen.pane)
        if entry is None:
            return
        subject = Subject(entry.item.id, entry.item.revision)
        if not screen.has_context(subject):
            screen.take_context(subject, f"asking {entry.item.endpoint}…")
            screen.run_worker(self._ask(subject), exclusive=False)

    def _read_whole(self, entry: Entry | None) -> None:
        """Every text of the item to its end, on a screen of its own."""
        if entry is None:
            return
        beside = self._screen.showing.page(entry)
        key_of = lambda id: "" if id == "alike" else beside.key_of(id)  # noqa: E731 - it does nothing there
        page = msgspec.structs.replace(beside, whole=True, key_of=key_of)
        marks = self._screen.look.marks
        self._screen.app.push_screen(
            ReadingScreen(entry.item.title, lambda width: body_lines(page, marks, width))
        )

    async def _ask(self, subject: Subject) -> None:
        from triage.connectors.http import EndpointError
        from triage.desk.desk import Refused

        try:
            context = await self._screen.desk.context(subject.item_id)
        except (EndpointError, Refused) as error:
            self._screen.take_context(subject, f"could not be read: {error}")
        else:
            self._screen.take_context(subject, context)

    def back(self, _: Entry | None) -> None:
        """Out of the item; from the list, show everything again."""
        screen = self._screen
        if screen.focused is screen.pane:
            screen.remove_class("-reading")
            screen.set_focus(screen.list)
        elif screen.pane.searching:
            screen.pane.search("")
        elif screen.many.choosing.selection:
            screen.many.choosing.clear()
            screen.many.show_selection()
        elif screen.many.fold():
            return
        elif screen.view.filter_text or screen.view.endpoint:
            screen.view.endpoint = None
            screen.view.set_filter("")
            screen.query_one(FilterLine).hide()
            screen.refill()
        else:
            screen.guiding.skip()

    def endpoint_next(self, _: Entry | None) -> None:
        """The next endpoint alone."""
        self._screen.view.step_endpoint(1)
        self._screen.refill()

    def endpoint_previous(self, _: Entry | None) -> None:
        """The endpoint before alone."""
        self._screen.view.step_endpoint(-1)
        self._screen.refill()

    def _step(self, step: int) -> None:
        screen = self._screen
        if screen.focused is screen.pane:
            screen.pane.scroll_by(step)
        else:
            screen.move_to(screen.list.index + step)

    def _page(self, step: int) -> None:
        screen = self._screen
        rows = screen.pane.page_rows if screen.focused is screen.pane else screen.list.window
        self._step(step * max(1, rows - 1))

    def _to_end(self, step: int) -> None:
        screen = self._screen
        if screen.focused is screen.pane:
            screen.pane.scroll_by(step * 1_000_000)
        else:
            screen.move_to(len(screen.view.rows) - 1 if step > 0 else 0)
