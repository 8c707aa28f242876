"""From the command to the queue on the screen and a key taken; and what that holds in memory."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.figures import Figure, Row, median
from benchmarks.making import Place, make_log, make_queue
from benchmarks.part import Part, Setting
from benchmarks.peers import mail_readers
from benchmarks.terminal import Terminal

__all__ = ["PARTS"]

_FOOTER = "approve"


def _start(place: Place, count: int) -> tuple[float, float, float]:
    """Seconds to the first rows, to a key taken, and the most memory in MiB."""
    with Terminal(place.command, place.env) as terminal:
        rows = terminal.wait_until(lambda shown: f"{count - 1}:" in shown, "the oldest item", limit_s=600)
        terminal.wait_until(lambda shown: _FOOTER in shown and "approval" in shown, "the keys", limit_s=120)
        painted = terminal.last_at()
        answer = terminal.answer("j")
        terminal.settle(1.0)
        peak = terminal.peak_mib()
        terminal.press("q")
        terminal.wait_ended()
    return rows - terminal.began, painted - terminal.began + answer.last_ms / 1000, peak


def _thousand(setting: Setting) -> Mapping[str, Figure]:
    times = setting.times(7)
    with setting.directory() as directory:
        place = Place(directory / "desk")
        make_queue(place.data, 1000)
        _start(place, 1000)  # compiles what was changed, and leaves what the console remembers
        starts = [_start(place, 1000) for _ in range(times)]
        beside = tuple(peer.start_s() for peer in mail_readers(directory / "mail", 1000))
    note = f"median of {times}"
    return {
        "start-rows": Figure(median(rows for rows, _, _ in starts), note),
        "start": Figure(median(ready for _, ready, _ in starts), note, beside),
    }


def _hundred_thousand(setting: Setting) -> Mapping[str, Figure]:
    count, decisions = (20_000, 20_000) if setting.short else (100_000, 1_000_000)
    times = setting.times(5)
    with setting.directory() as directory:
        place = Place(directory / "desk")
        make_queue(place.data, count)
        make_log(place.data, decisions)
        _start(place, count)
        starts = [_start(place, count) for _ in range(times)]
        peers = [] if setting.short else mail_readers(directory / "mail", count)
        beside = tuple(peer.start_s() for peer in peers)
    note = f"{count:,} items, {decisions:,} decisions; median of {times}"
    return {
        "start-large": Figure(median(ready for _, ready, _ in starts), note, beside),
        "memory-large": Figure(median(peak for _, _, peak in starts), note),
    }


PARTS = (
    Part(
        "start",
        (
            Row("start-rows", "`triage` to the first rows, 1,000 waiting", 0.1, "s"),
            Row("start", "`triage` to a key taken, 1,000 waiting", 0.45, "s"),
        ),
        _thousand,
    ),
    Part(
        "start-large",
        (
            Row("start-large", "the same, 100,000 waiting and 1,000,000 decisions logged", 1.0, "s"),
            Row("memory-large", "memory there, at most", 150, "MiB"),
        ),
        _hundred_thousand,
    ),
)
