"""Write the tables of speed: README's and docs/speed.md's, from the benchmark's last whole run.

python scripts/speed_table.py            write both from benchmarks/results.json
python scripts/speed_table.py --check    exit 1 when one of them is stale
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
from generated import ROOT, between, keep

sys.path.insert(0, str(ROOT))
from benchmarks.figures import Report, Row, cells

RESULTS = ROOT / "benchmarks" / "results.json"
_IN_README = (
    "start-rows start start-large memory-large j j-bytes burst decide judging-keys judging-ms link new idle-bytes "
    "idle-cpu endpoints-cpu durable-1 decision-growth precedents command-status"
).split()


def pages() -> dict[Path, str]:
    """Each page that holds such a table, as it should stand."""
    report = msgspec.json.decode(RESULTS.read_bytes(), type=Report)
    named = {row.name: row for row in report.rows}
    blocks = {
        ROOT / "README.md": _table([named[name] for name in _IN_README]),
        ROOT / "docs" / "speed.md": f"{_where(report)}\n\n{_table(report.rows)}",
    }
    return {page: between(page.read_text(), "speed", block) for page, block in blocks.items()}


def _table(rows: Sequence[Row]) -> str:
    lines = ["| what | aim | measured | beside it |", "| --- | ---: | ---: | --- |"]
    for row in rows:
        what, aim, figure, _, peers = cells(row)
        lines.append(f"| {what} | {aim} | {_marked(row, figure)} | {peers} |")
    return "\n".join(lines)


def _marked(row: Row, figure: str) -> str:
    """Bold where the aim is missed."""
    return f"**{figure}**" if (row.ratio or 0.0) > 1 else figure


def _where(report: Report) -> str:
    machine = ", ".join(f"{name} {value}" for name, value in report.machine.items() if name != "system")
    return f"Measured on {report.at[:10]}: {report.machine['system']}, {machine}. Bold: the aim is missed."


if __name__ == "__main__":
    sys.exit(keep(pages(), sys.argv[1:]))
