"""``python -m tests.soak``: the long form of what the suite tries for a moment, with a report of what was lost.

    python -m tests.soak [--short | --minutes M] [--only PART]... [--seed N] [--json FILE]

The long form takes two to three hours. It ends with exit status 1 where anything was lost.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.soak.parts import PARTS
from tests.soak.report import Outcome, Part, Size, as_json, say, table

LONG_MINUTES = 150.0
SHORT_MINUTES = 1.0


def run_part(part: Part, size: Size, directory: Path) -> Outcome:
    """Run one part; what it loses becomes its outcome, and the others go on."""
    say(f"{part.name}: {part.what}")
    began = time.monotonic()
    try:
        counts, lost = part.run(size, directory), ""
    except Exception as error:  # noqa: BLE001 - whatever went wrong, the report must say it
        counts, lost = {}, f"{type(error).__name__}: {error}"
        say(f"{part.name}: LOST: {lost}")
    return Outcome(part.name, part.what, round(time.monotonic() - began, 1), counts, lost)


def arguments(words: Sequence[str]) -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--short", action="store_true", help="about a minute")
    length.add_argument(
        "--minutes", type=float, default=LONG_MINUTES, help="about so long; default: %(default)g"
    )
    parser.add_argument(
        "--only", action="append", choices=[part.name for part in PARTS], help="this part alone"
    )
    parser.add_argument(
        "--seed", type=int, default=None, help="the same seed does the same; default: another"
    )
    parser.add_argument("--json", type=Path, default=None, help="write the report there as well")
    return parser.parse_args(words)


def main(words: Sequence[str]) -> int:
    """Run the parts; the exit status."""
    asked = arguments(words)
    minutes = SHORT_MINUTES if asked.short else asked.minutes
    seed = asked.seed if asked.seed is not None else time.time_ns() % 1_000_000
    size = Size(minutes / LONG_MINUTES, seed)
    say(f"seed {seed}")
    with tempfile.TemporaryDirectory(prefix="triage-soak-") as directory:
        outcomes = [
            run_part(part, size, Path(directory, part.name))
            for part in PARTS
            if not asked.only or part.name in asked.only
        ]
    print(table(outcomes))
    if asked.json:
        asked.json.write_bytes(as_json(outcomes, size))
    return 1 if any(one.lost for one in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
