"""Nothing new: bytes and processor time, while ten endpoints are polled; and how soon something new is seen."""

from __future__ import annotations

import time
from collections.abc import Mapping

from benchmarks.agents import Agents, document
from benchmarks.bare_polling import bare_polling
from benchmarks.figures import Figure, Row, median, percentile
from benchmarks.making import Place
from benchmarks.part import Part, Setting
from benchmarks.terminal import Terminal
from triage.desk.pace import LIVELY_POLLS

__all__ = ["PARTS"]


def _idle(setting: Setting) -> Mapping[str, Figure]:
    count, poll_s, watched_s = 10, 5.0, 12.0 if setting.short else 60.0
    with Agents() as agents, setting.directory() as directory:
        place = Place(directory / "desk", agents.config(count, poll_s))
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 7 * 86_400))
        agents.add(*((f"e{each % count}", {**document(each), "created_at": now}) for each in range(50)))
        with Terminal(place.command, place.env) as terminal:
            terminal.wait_for("/50 ", "approve")
            time.sleep(
                (LIVELY_POLLS + 1) * poll_s
            )  # after what came they are asked twice as often for a while
            terminal.settle(2.0)
            size, cpu_s, requests = terminal.size, terminal.cpu_s(), agents.requests()
            time.sleep(watched_s)
            size, cpu_s, requests = (
                terminal.size - size,
                terminal.cpu_s() - cpu_s,
                agents.requests() - requests,
            )
            terminal.press("q")
            terminal.wait_ended()
        bare = bare_polling(agents.url, count, poll_s, watched_s)
    note = f"{watched_s:g} s, {requests} polls"
    return {
        "idle-bytes": Figure(size * 60 / watched_s, note),
        "idle-cpu": Figure(cpu_s / watched_s * 100, note, (bare,)),
    }


def _new(setting: Setting) -> Mapping[str, Figure]:
    times = setting.times(10)
    poll_s = 1.0
    waits, whole = [], []
    with Agents() as agents, setting.directory() as directory:
        place = Place(directory / "desk", agents.config(1, poll_s))
        agents.add(("e0", document(0, "The first")))
        with Terminal(place.command, place.env) as terminal:
            terminal.wait_for("The first", "approve")
            terminal.settle(1.0)
            for number in range(1, times + 1):
                time.sleep(number % 5 * 0.17)
                asked = time.perf_counter()
                agents.add(("e0", document(number, f"Here is number {number:03}")))
                seen = terminal.wait_for(f"Here is number {number:03}")
                waits.append((seen - agents.served()[f"i{number}"]) * 1000)
                whole.append((seen - asked) * 1000)
            terminal.press("q")
    note = (
        f"{times} items; p95 {percentile(waits, 0.95):.0f} ms; from asking to painted {median(whole):.0f} ms"
    )
    return {"new": Figure(median(waits), f"{note} at an interval of {poll_s:g} s")}


PARTS = (
    Part(
        "idle",
        (
            Row("idle-bytes", "nothing new, 10 endpoints each 5 s: bytes a minute", 0, "bytes"),
            Row("idle-cpu", "processor time there", 1.0, "%"),
        ),
        _idle,
    ),
    Part("seen", (Row("new", "new at its endpoint to painted, beyond the poll interval", 100, "ms"),), _new),
)
