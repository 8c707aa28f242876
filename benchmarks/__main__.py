"""Run the benchmark: ``python -m benchmarks [--short] [--only NAME] [--json FILE]``."""

from __future__ import annotations

import argparse
import platform
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import msgspec

from benchmarks.figures import Report, Row, table
from benchmarks.measuring import PARTS
from benchmarks.part import Part, Setting

__all__ = ["main", "measured"]

RESULTS = Path(__file__).parent / "results.json"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table, write JSON. Exit status 1 where a figure is over twice its aim."""
    options = _parser().parse_args(arguments)
    parts = [part for part in PARTS if not options.only or _is_meant(part, options.only)]
    if not parts:
        print(
            f"no part or row has such a name; there are {', '.join(part.name for part in PARTS)}",
            file=sys.stderr,
        )
        return 2
    setting = Setting(options.short, Path(options.scratch))
    rows = tuple(row for part in parts for row in measured(part, setting, twice=options.short))
    report = Report(datetime.now(UTC).isoformat(timespec="seconds"), _machine(), rows)
    print(table(rows))
    for row in rows:
        if row.figure is not None and row.figure.note:
            print(f"  {row.name}: {row.figure.note}")
    if options.json:
        _written(Path(options.json), report, keep=bool(options.only))
    missed = [row.what for row in rows if row.is_missed_by_far]
    for what in missed:
        print(f"over twice its aim: {what}", file=sys.stderr)
    return 1 if missed else 0


def measured(part: Part, setting: Setting, *, twice: bool = False) -> tuple[Row, ...]:
    """The rows of a part, with their figures.

    ``twice``: a part with a row over twice its aim is measured once more, for other work may have run beside;
    the second figures then stand.
    """
    print(f"measuring {part.name}…", file=sys.stderr, flush=True)
    figures = part.measure(setting)
    rows = tuple(msgspec.structs.replace(row, figure=figures.get(row.name)) for row in part.rows)
    if twice and any(row.is_missed_by_far for row in rows):
        return measured(part, setting)
    return rows


def _is_meant(part: Part, names: Sequence[str]) -> bool:
    return part.name in names or any(row.name in names for row in part.rows)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--short", action="store_true", help="small sizes, few repetitions: about two minutes"
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
