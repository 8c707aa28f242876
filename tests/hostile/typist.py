"""Somebody who types whatever there is at a real console, and looks what became of it after each stream.

    python -m tests.hostile.typist DIRECTORY KEYS [SEED]

prints what was typed and what came of it as JSON; ends with a traceback where the program did not stand it.
"""

from __future__ import annotations

import json
import random
import signal
import sys
import time
from collections import Counter
from pathlib import Path

from tests.hostile.counted_agents import Arrivals, CountedAgents, counted_agents
from tests.hostile.keystream import PASTE_END, Make, Piece, stream
from tests.hostile.raw_terminal import RawTerminal
from triage.store.log import Log
from triage.store.verifying import verify

__all__ = ["Typist", "check_log"]

PROGRAM = (sys.executable, "-m", "triage")
KEYS_A_STREAM = 300
UP = b"\x1b]2;triage"
"""The title: written once all is there."""
PATIENCE_S = 180.0
"""A stream may leave some thousand keys to be worked off, each of them a search."""
PROGRESS_S = 60.0
ENDS = ("goes on", "goes on", "goes on", "quits", "SIGTERM", "SIGHUP", "loses its terminal")


class Typist:
    """At one console after the other, on one data directory."""

    def __init__(self, agents: CountedAgents, seed: int, makes: tuple[Make, ...] = ()) -> None:
        self.counts: Counter[str] = Counter()
        """Keys, pieces of each kind, streams, and how consoles ended."""
        self._agents = agents
        self._seed = seed
        self._makes = makes
        self._scratch = agents.directory / "scratch"
        """Where commands typed by chance run: no program is found from there."""
        self._scratch.mkdir()
        self._terminal: RawTerminal | None = None

    def type(self, keys: int) -> None:
        """Type streams that together have so many keys; after each, the console is looked at."""
        chance, told_at = random.Random(self._seed), time.monotonic()
        try:
            while self.counts["keys"] < keys:
                self._type_stream(chance)
                if time.monotonic() - told_at >= PROGRESS_S:
                    told_at = time.monotonic()
                    print(f"{self.counts['keys']:,} of {keys:,} keys", file=sys.stderr, flush=True)
        finally:
            self.leave()

    def leave(self) -> None:
        """Nobody sits there any more."""
        if self._terminal is not None:
            self._terminal.__exit__(None, None, None)

    def _type_stream(self, chance: random.Random) -> None:
        self.counts["streams"] += 1
        how = chance.choice(ENDS)
        pieces = list(stream(chance.randrange(1 << 32), KEYS_A_STREAM, self._makes))
        middle = chance.randrange(len(pieces)) if how == "loses its terminal" else len(pieces)
        for piece in pieces[:middle]:
            self.type_piece(piece)
        self.counts[how] += 1
        if how == "goes on":
            self.must_answer(self.console())
        else:
            self.end(self.console(), how)

    def console(self) -> RawTerminal:
        """A console that runs; another one where the last has ended."""
        if self._terminal is not None and self._terminal.status is None:
            return self._terminal
        programs = {"PATH": str(self._scratch), "EDITOR": "/bin/true", "BROWSER": "/bin/true"}
        env = {**self._agents.env, **programs, "TRIAGE_DEBUG": "1", "PYTHONFAULTHANDLER": "1"}
        terminal = self._terminal = RawTerminal(PROGRAM, env, self._scratch)
        self.counts["consoles"] += 1
        terminal.wait_until(lambda: UP in terminal.output, "the console")
        return terminal

    def type_piece(self, piece: Piece) -> None:
        """Type one piece; a console that it ended must have ended well."""
        terminal = self.console()
        if piece.pause_s:
            terminal.pump(piece.pause_s)
        for size in piece.sizes:
            terminal.resize(*size)
            terminal.pump(0.01)
        terminal.write(piece.data)
        self.counts["keys"] += piece.keys
        self.counts[piece.kind] += 1
        if piece.kind == "leaving":
            terminal.settle(0.2, 3)
        if terminal.status is not None:
            self._must_have_ended_well(terminal, "left by a key")

    def must_answer(self, terminal: RawTerminal) -> None:
        """Whatever it was in the middle of: by esc it comes home, and ``?`` shows the keys."""
        terminal.write(PASTE_END)
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            terminal.settle(0.15)
            terminal.write(b"\x1b")
            terminal.settle(0.15)
            terminal.write(b"?")
            terminal.settle(0.15)
            if terminal.status is not None:
                return self._must_have_ended_well(terminal, "left by a key from before")
            if "─  Keys  ─" in terminal.picture():
                terminal.write(b"\x1b")
                return terminal.settle(0.15)
        shown = terminal.picture()
        terminal.signal(signal.SIGABRT)  # it writes where it is
        terminal.pump(2)
        raise AssertionError(f"no key brings the console home:\n{shown}\n{terminal.tail}")

    def end(self, terminal: RawTerminal, how: str) -> None:
        """Have the console end in this way; fails where it does not end well."""
        if how == "quits":
            self.must_answer(terminal)
            self._quit(terminal)
        elif how == "loses its terminal":
            terminal.hang_up()
        else:
            terminal.signal(signal.Signals[how])
        terminal.wait_ended()
        self._must_have_ended_well(terminal, how)

    def _quit(self, terminal: RawTerminal) -> None:
        """By ``q``, what is held left for the next; more than once: keys from before may still be worked off."""
        end = time.monotonic() + PATIENCE_S
        while terminal.status is None and time.monotonic() < end:
            for key in (b"\x1b", b"q", b"l"):
                terminal.write(key)
                terminal.settle(0.2, 5)

    def _must_have_ended_well(self, terminal: RawTerminal, how: str) -> None:
        good = (0, -signal.SIGHUP) if terminal.lost else (0,)  # the latter while it begins or has just ended
        assert terminal.wait_ended() in good, f"{how}: exit status {terminal.status}\n{terminal.tail}"
        faults = terminal.faults_after_the_end()
        assert not faults, f"{how}: {faults}\n{terminal.tail}"
        self.counts["ended"] += 1
        terminal.hang_up()
        check_log(self._agents.data, self._agents.arrivals())


def check_log(data: Path, arrived: Arrivals) -> Counter[str]:
    """The log is whole, and what arrived are its decisions, each once; how they stand, counted."""
    found = verify(data)
    assert found.ok, found.findings
    states: dict[str, set[str]] = {}
    for event in Log(data).events():
        states.setdefault(event.decision_id, set()).add(event.state or event.type)
    twice = [decision for decision, times in arrived.sends.items() if times > 1]
    assert not twice, f"sent twice: {twice}"
    stray = [decision for decision in arrived.sends if "sending" not in states.get(decision, ())]
    assert not stray, f"sent, and the log does not say so: {stray}"
    counts = Counter(record.state.value for record in Log(data).records())
    more = {"decided": counts.total(), "arrived": len(arrived.sends), "items": len(arrived.taken)}
    return Counter(dict(counts) | more)


def main(directory: Path, keys: int, seed: int) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    with counted_agents(directory, seed, pace=40) as agents:
        agents.configure(hold_s=0.5)
        typist = Typist(agents, seed)
        try:
            typist.type(keys)
        finally:
            print(dict(typist.counts), file=sys.stderr)
        print(json.dumps(typist.counts | check_log(agents.data, agents.arrivals())))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 1)
