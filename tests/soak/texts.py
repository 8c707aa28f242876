"""Every hostile text through every place of a real console, looked at as bytes."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from tests.hostile.test_console_bytes import SHORT_TEXTS, assert_harmless, leave
from tests.hostile.touring import DIALOGS, SHORT, console, items_in, page_through, visit_dialogs
from tests.soak.programs import run_tests
from tests.soak.report import Counts, Size, say

__all__ = ["run"]

TEXTS_A_CONSOLE = 24


def run(size: Size, directory: Path) -> Counts:
    """The suite's tests of texts, then consoles that show some of the corpus each, and every dialog on them."""
    counts = Counter({"texts": len(SHORT_TEXTS)})
    if size.share >= 0.5:
        tests = ("test_texts.py", "test_command_line.py", "test_differences.py")
        counts += run_tests(
            directory, *(f"tests/hostile/{name}" for name in tests), "tests/model/test_safe_text.py"
        )
    consoles = -(-len(SHORT_TEXTS) // TEXTS_A_CONSOLE)
    for number in range(size.of(consoles)):
        first = number * TEXTS_A_CONSOLE
        last = min(first + TEXTS_A_CONSOLE, len(SHORT_TEXTS))
        counts["bytes looked at"] += _tour(directory / str(number), first, last, full=size.share >= 0.5)
        counts["texts on a console"] += last - first
        say(f"texts: {last} of {len(SHORT_TEXTS)}")
    return counts


def _tour(directory: Path, first: int, last: int, *, full: bool) -> int:
    directory.mkdir(parents=True)
    with console(directory, first, last) as terminal:
        count = items_in(first, last)
        page_through(terminal, count)
        for _ in range(count if full else 1):
            visit_dialogs(terminal, DIALOGS if full else SHORT)
            terminal.press("k")
        leave(terminal)
        assert_harmless(terminal)
        return len(terminal.output)
