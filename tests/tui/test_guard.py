"""The guard: what may be decided by which key and when, on a clock the test turns."""

from __future__ import annotations

import pytest

from triage.tui.guard import BURST_S, DISTURBED_S, PAINT_S, REPEAT_S, Guard, Subject

A, B = Subject("a", "1"), Subject("b", "1")


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def pass_(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def guard(clock: Clock) -> Guard:
    """A guard before an item that has been looked at for a second."""
    guard = Guard(clock)
    guard.paint(A)
    clock.pass_(1)
    return guard


def test_what_was_looked_at_may_be_decided(guard: Guard) -> None:
    guard.key("a")
    assert guard.refuse("a") is None
    assert guard.painted == A


def test_what_is_not_painted_may_not(guard: Guard) -> None:
    guard.key("a")
    assert guard.refuse("b") == "the item is not on screen yet"
    assert guard.refuse(None) == "no item is under the cursor"


def test_a_fresh_paint_may_not_be_decided(guard: Guard, clock: Clock) -> None:
    guard.paint(B)
    clock.pass_(PAINT_S - 0.01)
    guard.key("a")
    assert guard.refuse("b") == "it has only just been shown — look first"
    clock.pass_(0.02)
    assert guard.refuse("b") is None


def test_painting_the_same_again_does_not_begin_anew_but_another_revision_does(
    guard: Guard, clock: Clock
) -> None:
    guard.paint(A)
    guard.key("a")
    assert guard.refuse("a") is None
    guard.paint(Subject("a", "2"))
    assert guard.refuse("a") is not None


def test_a_key_held_down_never_decides(guard: Guard, clock: Clock) -> None:
    for _ in range(50):
        guard.key("a")
        clock.pass_(REPEAT_S - 0.01)
    assert guard.refuse("a") == "a key held down does not decide"
    clock.pass_(REPEAT_S)
    guard.key("a")
    assert guard.refuse("a") is None


def test_keys_in_a_burst_do_not_decide(guard: Guard, clock: Clock) -> None:
    guard.key("j")
    clock.pass_(BURST_S / 2)
    guard.key("a")
    assert guard.refuse("a") == "keys that come in a burst do not decide"


def test_a_paste_does_not_decide(guard: Guard, clock: Clock) -> None:
    guard.paste()
    guard.key("a")
    assert guard.refuse("a") is not None


def test_nothing_is_decided_right_after_the_item_changed_by_itself(guard: Guard, clock: Clock) -> None:
    guard.disturb()
    clock.pass_(DISTURBED_S - 0.01)
    guard.key("a")
    assert guard.refuse("a") == "it just changed — look again"
    clock.pass_(0.02)
    assert guard.refuse("a") is None
