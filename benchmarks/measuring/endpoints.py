"""A thousand endpoints, each polled every five seconds."""

from __future__ import annotations

import time
from collections.abc import Mapping

from benchmarks.agents import Agents, document
from benchmarks.bare_polling import bare_polling
from benchmarks.figures import Figure, Row, percentile
from benchmarks.making import Place
from benchmarks.part import Part, Setting
from benchmarks.terminal import Terminal
from triage.desk.pace import LIVELY_POLLS

__all__ = ["PARTS"]


def _thousand(setting: Setting) -> Mapping[str, Figure]:
    count, poll_s, watched_s = (100, 1.0, 5.0) if setting.short else (1000, 5.0, 30.0)
    with Agents() as agents, setting.directory() as directory:
        place = Place(directory / "desk", agents.config(count, poll_s))
        agents.add(*((f"e{each}", document(each)) for each in range(count)))
        with Terminal(place.command, place.env) as terminal:
            terminal.wait_until(lambda shown: f"/{count:,}" in shown, "all that wait", limit_s=120)
            time.sleep((LIVELY_POLLS + 1) * poll_s)  # after what came they are asked more often for a while
            cpu_s, requests = terminal.cpu_s(), agents.requests()
            time.sleep(watched_s)
            cpu_s, requests = terminal.cpu_s() - cpu_s, agents.requests() - requests
            moves = [terminal.answer("j").last_ms for _ in range(setting.times(60))]
            memory = terminal.memory_mib()
            terminal.press("q")
            terminal.wait_ended()
        bare = bare_polling(agents.url, count, poll_s, watched_s)
    note = f"{count:,} endpoints, {requests / watched_s:.0f} requests a second"
    return {
        "endpoints-cpu": Figure(cpu_s / watched_s * 100, note, (bare,)),
        "endpoints-memory": Figure(memory, note),
        "endpoints-j": Figure(percentile(moves, 0.95), f"{note}; p95 of {len(moves)}"),
    }


PARTS = (
    Part(
        "endpoints",
        (
            Row("endpoints-cpu", "1,000 endpoints each 5 s: of one core", 40, "%"),
            Row("endpoints-memory", "memory there", 200, "MiB"),
            Row("endpoints-j", "`j` there, 95 of 100", 25, "ms"),
        ),
        _thousand,
    ),
)
