"""Over a link of 80 ms there and back and 100 KB a second."""

from __future__ import annotations

import time
from collections.abc import Mapping

from benchmarks.agents import Agents, document
from benchmarks.figures import Figure, Row, median, percentile
from benchmarks.link import Link
from benchmarks.making import Place, make_queue
from benchmarks.measuring.keys import cursor
from benchmarks.part import Part, Setting
from benchmarks.terminal import Terminal

__all__ = ["PARTS"]

_COUNT = 1000
_EVERY_S = 0.25


def _linked(setting: Setting) -> Mapping[str, Figure]:
    times = setting.times(40)
    link = Link()
    with setting.directory() as directory:
        place = Place(directory / "desk")
        make_queue(place.data, _COUNT)
        with Terminal(place.command, place.env, link=link) as terminal:
            terminal.wait_for(f"{_COUNT - 1}:", "approve")
            terminal.settle(1.5)
            answers = [terminal.answer("j", quiet_s=_EVERY_S) for _ in range(times)]
            behind = [_behind(terminal) for _ in range(setting.times(10))]
            terminal.press("q")
    over = [each.last_ms - link.round_trip_s * 1000 for each in answers]
    return {
        "link": Figure(
            median(over),
            f"{times} keys {_EVERY_S:g} s apart, to the last byte; p95 {percentile(over, 0.95):.0f} ms",
        ),
        "link-behind": Figure(
            median(behind),
            f"two keys 30 ms apart, {len(behind)} times; p95 {percentile(behind, 0.95):.0f} ms",
        ),
    }


def _behind(terminal: Terminal) -> float:
    """How much longer than a round trip a key takes that follows another before its answer is here."""
    terminal.settle(0.5)
    wanted = cursor(terminal.text) + 2
    terminal.press("j")
    time.sleep(0.03)
    pressed = terminal.press("j")
    seen = terminal.wait_until(lambda shown: cursor(shown) == wanted, f"row {wanted}")
    return (seen - pressed) * 1000 - 80


def _many_new(setting: Setting) -> Mapping[str, Figure]:
    count = 1000
    with Agents() as agents, setting.directory() as directory:
        place = Place(directory / "desk", agents.config(1, 1.0))
        agents.add(("e0", document(0, "The first")))
        with Terminal(place.command, place.env) as terminal:
            terminal.wait_for("The first", "approve")
            terminal.settle(1.0)
            before = terminal.size
            agents.add(*(("e0", document(number)) for number in range(1, count + 1)))
            terminal.wait_until(lambda shown: f"{count + 1:,}" in shown, "all that is new", limit_s=30)
            terminal.settle(2.0)
            size = terminal.size - before
            terminal.press("q")
    return {"new-bytes": Figure(size, f"{count:,} items in one poll")}


PARTS = (
    Part(
        "link",
        (
            Row("link", "a key over 80 ms and 100 KB/s, beyond the round trip", 30, "ms"),
            Row("link-behind", "the list after a key behind another one, beyond the round trip", 30, "ms"),
        ),
        _linked,
    ),
    Part("new", (Row("new-bytes", "bytes of 1,000 new items", 20_000, "bytes"),), _many_new),
)
