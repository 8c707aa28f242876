"""Run the benchmark: ``python -m benchmarks [--short] [--only NAME] [--json FILE]``."""

from __future__ import annotations

import argparse
import platform
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path

import msgspec

from benchmarks.figures import Report, Row, table
from benchmarks.measuring import PARTS
from benchmarks.part import Part, Setting

__all__ = ["main", "measured"]

RESULTS = Path(__file__).parent / "results.json"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table, write JSON. Exit status 1 where a figure is far over its aim (see ``fault``)."""
    options = _parser().parse_args(arguments)
    parts = [part for part in PARTS if not options.only or _is_meant(part, options.only)]
    if not parts:
        print(
            f"no part or row has such a name; there are {', '.join(part.name for part in PARTS)}",
            file=sys.stderr,
        )
        return 2
    setting = Setting(options.short, Path(options.scratch))
    rows = tuple(row for part in parts for row in measured(part, setting, again=2 if options.short else 0))
    report = Report(datetime.now(UTC).isoformat(timespec="seconds"), _machine(), rows)
    print(table(rows))
    for row in rows:
        if row.figure is not None and row.figure.note:
            print(f"  {row.name}: {row.figure.note}")
    if options.json:
        _written(Path(options.json), report, keep=bool(options.only))
    faults = [f"{fault(row)}: {row.what}" for row in rows if fault(row)]
    print("\n".join(faults), file=sys.stderr)
    return 1 if faults else 0


def fault(row: Row) -> str:
    """What is wrong with a row; empty: nothing. One that is known to miss its aim by more than half is held to one and
    a half times what the last whole run found."""
    if row.figure is None:
        return "not measured"
    return (
        "over twice its aim"
        if (row.ratio or 0.0) > max(2.0, 1.5 * _known_ratios().get(row.name, 0.0))
        else ""
    )


@cache
def _known_ratios() -> dict[str, float]:
    """How much of its aim each row used up in the last whole run."""
    if not RESULTS.exists():
        return {}
    report = msgspec.json.decode(RESULTS.read_bytes(), type=Report)
    return {row.name: row.ratio for row in report.rows if row.ratio is not None}


def measured(part: Part, setting: Setting, *, again: int = 0) -> tuple[Row, ...]:
    """The rows of a part, with their figures.

    ``again``: how often a part with a fault is measured once more, for other work may have run beside; the last
    figures stand.
    """
    print(f"measuring {part.name}…", file=sys.stderr, flush=True)
    try:
        figures = part.measure(setting)
    except Exception:  # noqa: BLE001 - what the other parts measured is not lost with this one
        traceback.print_exc()
        figures = {}
    rows = tuple(msgspec.structs.replace(row, figure=figures.get(row.name)) for row in part.rows)
    if again and any(map(fault, rows)):
        return measured(part, setting, again=again - 1)
    return rows


def _is_meant(part: Part, names: Sequence[str]) -> bool:
    return part.name in names or any(row.name in names for row in part.rows)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--short", action="store_true", help="small sizes, few repetitions: about four minutes"
    )
    parser.add_argument(
        "--only", action="append", metavar="NAME", help="this part or row alone; may be repeated"
    )
    parser.add_argument(
        "--json", metavar="FILE", default="", help=f"write the figures, as into {RESULTS.name}"
    )
    parser.add_argument(
        "--scratch", metavar="DIR", default=tempfile.gettempdir(), help="where files are made"
    )
    return parser


def _written(path: Path, report: Report, *, keep: bool) -> None:
    """Write the report; ``keep``: rows that were not measured this time stay as they were."""
    if keep and path.exists():
        before = msgspec.json.decode(path.read_bytes(), type=Report)
        new = {row.name: row for row in report.rows}
        rows = (*(new.pop(row.name, row) for row in before.rows), *new.values())
        report = msgspec.structs.replace(report, rows=rows)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n")


def _machine() -> dict[str, str]:
    import os

    return {
        "system": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "load": f"{os.getloadavg()[0]:.1f}",
        "python": platform.python_version(),
        "textual": version("textual"),
        "clock": f"{time.get_clock_info('perf_counter').resolution:g} s",
    }


if __name__ == "__main__":
    sys.exit(main())
