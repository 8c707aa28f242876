"""The driver's way to the background and back: it waits for nothing it interrupted, and writes nothing meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import os
import selectors
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
from textual.constants import ESCAPE_DELAY
from textual.drivers.linux_driver import LinuxDriver

from triage.tui.driver import LOOKS, FrugalDriver


@contextlib.contextmanager
def listening(
    heard: list[Any], monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[int, FrugalDriver, list[float | None]]]:
    """A driver that reads, the end to write to, and how long it was ready to wait each time that it did."""
    reading, writing = os.pipe()
    waits: list[float | None] = []
    select = selectors.DefaultSelector.select

    def noted(selector: selectors.DefaultSelector, timeout: float | None = None) -> Any:
        if threading.current_thread() is not threading.main_thread():  # asyncio waits in that one
            waits.append(timeout)
        return select(selector, timeout)

    monkeypatch.setattr(selectors.DefaultSelector, "select", noted)
    monkeypatch.setattr(FrugalDriver, "process_message", lambda _, message: heard.append(message))
    one = driver()
    one.fileno = reading
    thread = threading.Thread(target=one.run_input_thread, daemon=True)
    thread.start()
    try:
        yield writing, one, waits
        one.exit_event.set()
        thread.join(10)
        assert not thread.is_alive(), "told to stop, it still waits"
    finally:
        os.close(writing)
        os.close(reading)


SIGNALS = (signal.SIGTSTP, signal.SIGCONT)


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[object]]:
    """What a driver did of its own, in order. Signals are given back their handlers."""
    done: list[object] = []
    before = {number: signal.getsignal(number) for number in SIGNALS}
    monkeypatch.setattr(LinuxDriver, "stop_application_mode", lambda _: done.append("left"))
    monkeypatch.setattr(LinuxDriver, "start_application_mode", lambda _: done.append("entered"))
    monkeypatch.setattr(LinuxDriver, "disable_input", lambda _: None)
    monkeypatch.setattr(os, "kill", lambda _, number: done.append(signal.Signals(number)))
    yield done
    for number, handler in before.items():
        signal.signal(number, handler)


def driver() -> FrugalDriver:
    return FrugalDriver(cast(Any, SimpleNamespace(_driver_inline=False)), size=(80, 24))


async def test_a_signal_to_stop_does_nothing_amid_what_it_interrupts(said: list[object]) -> None:
    """It may come while something is written, and to write would wait for that."""
    driver()
    signal.raise_signal(signal.SIGTSTP)
    assert said == []
    await asyncio.sleep(0)
    assert said == ["left", signal.SIGSTOP]


async def test_to_stop_once_more_on_the_way_is_to_stop_once(said: list[object]) -> None:
    driver()
    signal.raise_signal(signal.SIGTSTP)
    signal.raise_signal(signal.SIGTSTP)
    await asyncio.sleep(0)
    assert said == ["left", signal.SIGSTOP]


async def test_while_another_program_has_the_terminal_it_only_stops(said: list[object]) -> None:
    with driver().no_automatic_restart():
        signal.raise_signal(signal.SIGTSTP)
        signal.raise_signal(signal.SIGCONT)
        await asyncio.sleep(0)
    assert said == [signal.SIGSTOP]


async def test_what_is_written_meanwhile_fills_no_queue(said: list[object]) -> None:
    """A title each second for as long as an editor is open: a queue that nobody empties would block the console."""
    one = driver()
    one.suspend_application_mode()
    for number in range(100):
        one.write(f"\x1b]2;triage ({number})\x07")
    assert said == ["left"]


async def test_in_the_background_still_it_takes_the_terminal_at_the_next_chance(said: list[object]) -> None:
    """After ``bg`` it may not: Textual gives up and starts nothing that writes."""
    one = driver()
    one.suspend_application_mode()
    for _ in range(2):
        signal.raise_signal(signal.SIGCONT)
        await asyncio.sleep(0)
    assert said == ["left", "entered", "entered"]
    one._writer_thread = cast(Any, SimpleNamespace(is_alive=lambda: True))
    for _ in range(2):
        signal.raise_signal(signal.SIGCONT)
        await asyncio.sleep(0)
    assert said == ["left", "entered", "entered", "entered"]


async def test_after_the_end_nothing_takes_the_terminal_again(said: list[object]) -> None:
    """Leaving may take a while, to send what is held: ctrl+z and ``fg`` then, or just before."""
    one = driver()
    signal.raise_signal(signal.SIGTSTP)
    one.stop_application_mode()
    await asyncio.sleep(0)
    assert said == ["left"]
    assert [signal.getsignal(number) for number in SIGNALS] == [signal.SIG_DFL] * 2


async def test_an_editor_that_ends_after_the_console_gives_it_nothing_back(said: list[object]) -> None:
    one = driver()
    one.suspend_application_mode()
    one.stop_application_mode()
    one.resume_application_mode()
    assert "entered" not in said


async def test_what_the_terminal_says_while_it_is_left_is_switched_off_again(
    said: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread that reads answers to it: it has to end before the modes are looked at."""
    one = driver()

    def last_words(_: LinuxDriver) -> None:
        one._mouse_pixels = True
        said.append("heard")

    monkeypatch.setattr(LinuxDriver, "disable_input", last_words)
    monkeypatch.setattr(FrugalDriver, "write", lambda _, data: said.append(data))
    one.stop_application_mode()
    assert said == ["heard", "\x1b[?1016l", "left"]


async def until(condition: Callable[[], object]) -> None:
    limit = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < limit
        await asyncio.sleep(0.01)


async def test_while_the_terminal_sends_nothing_nothing_is_done(
    said: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[Any] = []
    with listening(heard, monkeypatch) as (writing, _, waits):
        await until(lambda: waits == [None])
        os.write(writing, b"a\x1b")
        await until(lambda: [event.key for event in heard] == ["a", "escape"])
        await until(lambda: waits[-1] is None)
        assert waits == [None, *[ESCAPE_DELAY] * LOOKS, None]
        assert LOOKS >= 2, "the time that an escape is given may end just behind the first look"


async def test_it_stops_in_the_middle_of_what_is_sent(
    said: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    with listening([], monkeypatch) as (writing, one, waits):
        await until(lambda: waits)
        one.exit_event.set()
        os.write(writing, b"a" * 1000)
    one.exit_event.set()
