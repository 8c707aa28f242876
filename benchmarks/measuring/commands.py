"""Commands as a shell prompt runs them: the whole process."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping

from benchmarks.figures import Figure, Peer, Row, median
from benchmarks.making import Place, make_queue
from benchmarks.part import Part, Setting

__all__ = ["PARTS"]


def _took_s(command: list[str], env: Mapping[str, str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, env=env, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def _commands(setting: Setting) -> Mapping[str, Figure]:
    times = setting.times(15)
    with setting.directory() as directory:
        place = Place(directory / "desk")
        make_queue(place.data, 100)
        bare = Peer(
            "python alone", median(_took_s([sys.executable, "-c", ""], place.env) for _ in range(times))
        )
        figures = {}
        for name in ("status", "--help"):
            took = median(_took_s([*place.command, name], place.env) for _ in range(times))
            figures[f"command-{name.strip('-')}"] = Figure(took, f"median of {times}", (bare,))
    return figures


PARTS = (
    Part(
        "commands",
        (
            Row("command-status", "`triage status`, whole process", 0.15, "s"),
            Row("command-help", "`triage --help`, whole process", 0.15, "s"),
        ),
        _commands,
    ),
)
