"""The last look: shown at once where it fits the terminal, and gone again where no console follows."""

from __future__ import annotations

import json
import os
import stat
import sys
import termios
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.store.items import NOON, item
from tests.terminal import Terminal
from triage.store.queue import Queue
from triage.tui import last_look
from triage.tui.last_look import keep, shown

PICTURE = "\x1b[1H\x1b[1;38;5;179mtriage\x1b[m\x1b[2;3H◆ what waited"
SIZE = (120, 36)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A terminal of our own at standard input and error output; its other end."""
    ours, theirs = os.openpty()
    termios.tcsetwinsize(theirs, (SIZE[1], SIZE[0]))
    with os.fdopen(os.dup(theirs), "r") as stdin, os.fdopen(os.dup(theirs), "w") as stderr:
        monkeypatch.setattr(last_look, "sys", SimpleNamespace(stdin=stdin, stderr=stderr))
        yield ours
    os.close(theirs)
    os.close(ours)


def written(terminal: int) -> str:
    os.set_blocking(terminal, False)
    try:
        return os.read(terminal, 65536).decode()
    except BlockingIOError:
        return ""


def echoes(terminal: int) -> bool:
    return bool(termios.tcgetattr(terminal)[3] & termios.ECHO)


def test_what_was_kept_is_shown_and_handed_over(tmp_path: Path, terminal: int) -> None:
    keep(tmp_path, PICTURE, SIZE)
    with shown(tmp_path) as look:
        assert look is not None
        assert written(terminal) == "\x1b[?1049h\x1b[?25l" + PICTURE
        assert not echoes(terminal)
        look.hand_over()
        assert echoes(terminal)
    assert written(terminal) == ""


def fail_after(data: Path, terminal: int, *, handed_over: bool) -> None:
    with shown(data) as look:
        assert look is not None
        if handed_over:
            look.hand_over()
        written(terminal)
        raise KeyError


def test_it_is_taken_away_where_the_console_cannot_be_opened(tmp_path: Path, terminal: int) -> None:
    keep(tmp_path, PICTURE, SIZE)
    with pytest.raises(KeyError):
        fail_after(tmp_path, terminal, handed_over=False)
    assert written(terminal) == "\x1b[?1049l\x1b[?25h"
    assert echoes(terminal)


def test_what_fails_later_leaves_the_terminal_to_the_console(tmp_path: Path, terminal: int) -> None:
    keep(tmp_path, PICTURE, SIZE)
    with pytest.raises(KeyError):
        fail_after(tmp_path, terminal, handed_over=True)
    assert written(terminal) == ""


@pytest.mark.parametrize("size", [(80, 24), (120, 35)])
def test_another_size_shows_nothing(tmp_path: Path, terminal: int, size: tuple[int, int]) -> None:
    keep(tmp_path, PICTURE, size)
    with shown(tmp_path) as look:
        assert look is None
    assert written(terminal) == ""


def test_another_terminal_shows_nothing(
    tmp_path: Path, terminal: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(tmp_path, PICTURE, SIZE)
    monkeypatch.setenv("NO_COLOR", "1")
    with shown(tmp_path) as look:
        assert look is None


@pytest.mark.parametrize(
    "picture", ["a\x1b]52;c;aGk=\x07", "a\x1b[2J", "a\nb", "\x1b[1Ha\x9bm", "\x1b[6n", "\x1b[?1049l"]
)
def test_nothing_but_moves_colours_and_text_is_shown(tmp_path: Path, terminal: int, picture: str) -> None:
    keep(tmp_path, picture, SIZE)
    with shown(tmp_path) as look:
        assert look is None
    assert written(terminal) == ""


@pytest.mark.parametrize("text", ["", "{", "[]", '{"terminal": 1}', '{"picture": 7}', "\udcff"])
def test_a_file_that_cannot_be_read_shows_nothing(tmp_path: Path, terminal: int, text: str) -> None:
    (tmp_path / "last-look.json").write_bytes(text.encode(errors="surrogateescape"))
    with shown(tmp_path) as look:
        assert look is None


def test_it_is_kept_for_this_user_alone(tmp_path: Path) -> None:
    keep(tmp_path, PICTURE, SIZE)
    assert stat.S_IMODE((tmp_path / "last-look.json").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["last-look.json"]


def test_where_it_cannot_be_kept_nothing_happens(tmp_path: Path) -> None:
    keep(tmp_path / "missing", PICTURE, SIZE)
    assert not (tmp_path / "missing").exists()


def env(directory: Path) -> dict[str, str]:
    """A place for the real program, with one endpoint that does not answer."""
    (directory / "data").mkdir(mode=0o700)
    path = directory / "config.toml"
    path.write_text('[endpoints.shop]\nkind = "rest"\nurl = "http://127.0.0.1:9"\npoll_s = 600\n')
    path.chmod(0o600)
    kept = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "COLUMNS", "LINES")}
    paths = {"TRIAGE_CONFIG": str(path), "TRIAGE_DATA": str(directory / "data")}
    return {**kept, **paths, "TERM": "xterm-256color"}


def test_the_console_goes_on_from_its_last_look(tmp_path: Path) -> None:
    place = env(tmp_path)
    Queue(tmp_path / "data").sync("shop", [item("a", endpoint="shop")], NOON)
    command = [sys.executable, "-m", "triage"]
    for round in range(2):
        with Terminal(command, place) as terminal:
            terminal.wait_for("shop", "approve", "not reachable")
            looked_at = bytes(terminal.output).count(b"\x1b[?1049h")
            terminal.press("q")
            assert terminal.wait_ended() == 0
            assert looked_at == 1, round
    picture = json.loads((tmp_path / "data" / "last-look.json").read_text())["picture"]
    assert "Opening…" in picture
    assert "approve" not in picture.rpartition("Opening")[2]
