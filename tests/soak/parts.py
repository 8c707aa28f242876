"""The parts of the soak: what each runs, how much of it, and what it counts."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from tests.soak import tampering, texts
from tests.soak.programs import run_program, run_tests
from tests.soak.report import Counts, Part, Size, say

__all__ = ["PARTS"]

KILLS_A_LOG = 100


def _desk_kills(size: Size, directory: Path) -> Counts:
    return run_program("tests.soak.desk_killing", directory, size.of(2000, 10), size.seed)


def _store_kills(size: Size, directory: Path) -> Counts:
    """In pieces: each looks at all of its log after every kill."""
    directory.mkdir()
    kills = size.of(1000, 10)
    counts: Counter[str] = Counter()
    for number in range(0, kills, KILLS_A_LOG):
        some = min(KILLS_A_LOG, kills - number)
        told = run_program("tests.store.log_killing", directory / f"log{number}", some, size.seed + number)
        counts += Counter({f"{what} (log)": int(count) for what, count in told.items()})
        path = directory / f"{number}.jsonl"
        told = run_program("tests.store.killing", path, some, size.seed + number)
        counts += Counter({f"{what} (queue)": int(count) for what, count in told.items()})
        say(f"store: {number + some} of {kills} kills of each")
    return counts


def _faults(size: Size, directory: Path) -> Counts:
    if size.share < 0.5:
        return run_tests(directory, "tests/store/test_log_faults.py", "-k", "first or fsync")
    return run_tests(directory, "tests/store/test_log_faults.py", "tests/store/test_database_faults.py")


def _processes(size: Size, directory: Path) -> Counts:
    seconds = size.of(60, 6)
    place = directory.with_name("log alone")
    place.mkdir()
    log = run_program("tests.store.log_crowd", place / "data", seconds, 8, 1.0, size.seed)
    counts = run_program("tests.soak.crowd", directory, seconds, size.seed)
    return {**counts, **{f"{what} (log alone)": count for what, count in log.items()}}


def _tampering(size: Size, directory: Path) -> Counts:
    directory.mkdir()
    counts = Counter(tampering.run(size, directory))
    if size.share >= 0.5:
        counts += run_tests(directory / "tests", "tests/store/test_verifying.py")
    return counts


def _servers(size: Size, directory: Path) -> Counts:
    files = ["tests/hostile/test_servers.py", "tests/hostile/test_desk_among_hostile_servers.py"]
    if size.share >= 0.5:
        files += ["tests/connectors"]
    return run_tests(directory, *files)


def _keys(size: Size, directory: Path) -> Counts:
    return run_program("tests.hostile.typist", directory, size.of(100_000, 600), size.seed)


def _files(size: Size, directory: Path) -> Counts:
    env = {"TRIAGE_EXAMPLES": str(size.of(2000, 10))}
    return run_tests(directory, "tests/hostile/test_files.py", env=env)


PARTS = (
    Part("kills", "kill -9 of a desk that decides and delivers to agents that count", _desk_kills),
    Part("store", "kill -9 of writers of the log and of the queue", _store_kills),
    Part("faults", "every call of the operating system on a decision's way fails", _faults),
    Part("processes", "eight consoles and command lines, one killed every second", _processes),
    Part("tampering", "every byte of a log changed", _tampering),
    Part("texts", "hostile texts in every field and place", texts.run),
    Part("servers", "hostile servers", _servers),
    Part("keys", "whatever can be typed at a console", _keys),
    Part("files", "spoiled configuration and state files", _files),
)
