"""Whatever is typed at a real console: it goes on or ends well, the terminal is as it was, the log is whole.

``TRIAGE_KEYS=100000`` types so many; ``TRIAGE_KEYS_SEED`` chooses others.
"""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hostile import keystream
from tests.hostile.counted_agents import CountedAgents, counted_agents
from tests.hostile.keystream import DECIDES_NOTHING, LEAVING, PASTE, PASTE_END, Piece, stream
from tests.hostile.raw_terminal import left_behind
from tests.hostile.typist import Typist, check_log
from triage.store.log import Log

KEYS = int(os.environ.get("TRIAGE_KEYS", "900"))
SEED = int(os.environ.get("TRIAGE_KEYS_SEED", "5"))
LOOK_S = 0.35
"""Longer than the guard wants an item looked at."""


@pytest.fixture
def agents(tmp_path: Path) -> Iterator[CountedAgents]:
    with counted_agents(tmp_path, SEED, pace=40) as agents:
        agents.configure(hold_s=0.3)
        yield agents


@pytest.fixture
def typist(agents: CountedAgents) -> Iterator[Typist]:
    typist = Typist(agents, SEED)
    yield typist
    typist.leave()


def decided(agents: CountedAgents) -> list[str]:
    return [record.decision.id for record in Log(agents.data).records()]


@pytest.mark.timeout(max(180, KEYS // 5))
def test_any_stream_leaves_a_console_that_answers_or_has_ended_well(
    agents: CountedAgents, typist: Typist
) -> None:
    typist.type(KEYS)
    assert typist.counts["keys"] >= KEYS
    check_log(agents.data, agents.arrivals())


TROUBLE = {
    "a byte that is no UTF-8": b"\xac",
    "half a character": b"\xf0\x9f",
    "a key beyond Unicode": b"\x1b[1114112u",
    "half a surrogate pair": b"\x1b[55296;;55296u",
    "a key with alternates": b"\x1b[97:65;5u",
    "a window of no size": b"\x1b[48;0;0;0;0t",
    "a window without end": b"\x1b[48;100000;100000;1;1t",
    "a mouse in a window of no pixels": b"\x1b[48;32;110;0;0t\x1b[<0;5;5M",
    "up in a single line": b"x\x1b[A\x1b[B\x1b[5~",
    "paging a palette that is not drawn": b":a\x1b[6~\x1b[6~b\x1b[6~",
    "a prompt answered twice": b"|a\r\r",
    "a palette left twice": b":ap\r\x1b\x1b",
    "a dialog left before it is there": b"?q?q?q",
}


def test_what_once_ended_the_console_no_longer_does(agents: CountedAgents, typist: Typist) -> None:
    console = typist.console()
    for name, data in TROUBLE.items():
        for part in (data, b"\x1b", b"\x1b"):
            console.write(part)
            console.settle(0.12)
        assert console.status is None, f"{name}: {console.tail}"
    typist.must_answer(console)
    typist.end(console, "quits")


def test_what_is_pasted_and_what_no_key_sent_decides_nothing(agents: CountedAgents) -> None:
    typist = Typist(agents, SEED, DECIDES_NOTHING)
    chance = random.Random(SEED)
    for piece in stream(chance.randrange(1 << 32), 80, DECIDES_NOTHING):
        typist.type_piece(piece._replace(pause_s=chance.choice([0.0, 0.0, LOOK_S])))
    console = typist.console()
    console.pump(LOOK_S)
    console.write(PASTE + b"a\ra\rx1" + PASTE_END + b"a")
    typist.must_answer(console)
    typist.end(console, "quits")
    assert decided(agents) == []


def test_a_key_after_a_look_decides_so_the_others_could_have(agents: CountedAgents, typist: Typist) -> None:
    """Or the test above would prove nothing."""
    console = typist.console()
    console.wait_until(lambda: b"1/1" in console.output, "what waits")
    for _ in range(4):
        console.settle(LOOK_S)
        console.write(b"a")
        console.settle(LOOK_S)
        console.write(b"\x1bj")
    typist.must_answer(console)
    typist.end(console, "quits")
    assert decided(agents)


@pytest.mark.parametrize("how", ["SIGTERM", "SIGHUP", "loses its terminal"])
def test_a_console_that_is_ended_in_the_middle_of_much_ends_well(typist: Typist, how: str) -> None:
    console = typist.console()
    console.write(b"jk?q:" * 40)
    typist.end(console, how)


def test_a_console_that_was_stopped_goes_on_and_gives_the_terminal_back(typist: Typist) -> None:
    """SIGCONT comes without ctrl+z as well; the terminal's settings are those from before it all the same."""
    console = typist.console()
    for number in (signal.SIGCONT, signal.SIGSTOP, signal.SIGCONT):
        console.signal(number)
        console.settle()
    typist.must_answer(console)
    typist.end(console, "quits")


def test_the_unit_of_the_mouse_is_given_back() -> None:
    assert left_behind(b"\x1b[?1049h\x1b[?1016h\x1b[?1049l") == ["1016"]
    assert left_behind(b"\x1b[?1049h\x1b[?25l\x1b[>25u\x1b[?25h\x1b[?1049l") == ["the keyboard protocol"]
    assert left_behind(b"\x1b[?25l") == ["25"]


def test_streams_have_something_of_everything_and_repeat_themselves() -> None:
    pieces = list(stream(SEED, 3000))
    assert pieces == list(stream(SEED, 3000))
    assert len({piece.kind for piece in pieces}) == len(keystream._WEIGHTS)
    assert sum(piece.keys for piece in pieces) >= 3000
    assert not [piece for piece in pieces if _leaves_unsaid(piece)]


def _leaves_unsaid(piece: Piece) -> bool:
    return piece.kind in ("key", "burst", "character", "control") and piece.data in LEAVING
