"""A screen for reading: lines that scroll and are searched, over the whole window."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Input

from triage.model import safe_text
from triage.model.item import Item
from triage.tui.lines import Line
from triage.tui.screens.dialog import Dialog, Hint
from triage.tui.screens.page import Maker, Page

__all__ = ["Maker", "ReadingScreen"]

_STEPS = {
    "j": 1.0,
    "down": 1.0,
    "k": -1.0,
    "up": -1.0,
}
_PAGES = {"ctrl+d": 0.5, "ctrl+u": -0.5, "pagedown": 0.9, "pageup": -0.9, "space": 0.9}


class ReadingScreen(Dialog[bool]):
    """Shows what ``make`` gives. With ``confirm`` it asks: enter answers True."""

    DEFAULT_CSS = """
    ReadingScreen #page { height: 1fr; }
    ReadingScreen #search { display: none; }
    ReadingScreen #search.-shown { display: block; }
    """

    def __init__(self, title: str, make: Maker, *, confirm: str = "", item: Item | None = None) -> None:
        super().__init__(title, item=item)
        self.add_class("-wide")
        self._make = make
        self._confirm = confirm

    def body(self) -> ComposeResult:
        """The page, and the line to search with."""
        yield Page(self._make, id="page")
        yield Input(id="search", placeholder="search", select_on_focus=False)

    def on_mount(self) -> None:
        """Read at once."""
        super().on_mount()
        asks: tuple[Hint, ...] = (("enter", self._confirm),) if self._confirm else ()
        self.hint(*asks, ("/", "search"), ("n N", "next, previous"), ("j k", "scroll"), ("q", "back"))
        self.set_focus(self.page)

    @property
    def page(self) -> Page:
        """What is read."""
        return self.query_one("#page", Page)

    def single_key(self, key: str) -> bool:
        """Scroll, search, go back."""
        page = self.page
        if key in _STEPS:
            page.scroll_lines(round(_STEPS[key]))
        elif key in _PAGES:
            page.scroll_pages(_PAGES[key])
        elif key in ("g", "home"):
            page.scroll_lines(-page.top)
        elif key in ("G", "end"):
            page.scroll_lines(page.more)
        elif key in ("n", "N"):
            page.next_match(1 if key == "n" else -1)
            self._say_found()
        elif key == "slash":
            line = self.query_one("#search", Input)
            line.value = ""
            line.add_class("-shown")
            self.set_focus(line)
        elif key in ("q", "h"):
            self.finish(None)
        elif key == "enter" and self._confirm:
            if self._item is None or self.may_decide():
                self.finish(True)
        else:
            return False
        return True

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Go to the first match."""
        self.page.find(event.value)
        self._say_found(event.value)
        event.input.remove_class("-shown")
        self.set_focus(self.page)

    def _say_found(self, words: str = "") -> None:
        """Where in what was found one is, beside the title."""
        frame, found = self.query_one("#frame"), self.page.found
        frame.border_title = Content(f" {safe_text.line(self._title, 80)} {f'({found}) ' if found else ''}")
        self.notice(f"{words!r} is not here." if words and not found else "")

    @property
    def shown_lines(self) -> list[Line]:
        """All lines at the present width."""
        return list(self.page.lines_for(self.page.size.width))
