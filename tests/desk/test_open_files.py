"""As many files as the endpoints take may be open."""

from __future__ import annotations

import subprocess
import sys

_PROGRAM = """
import resource, sys
from triage.desk.open_files import allow_open_files
soft, hard = map(int, sys.argv[1:3])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
allow_open_files(int(sys.argv[3]))
print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
"""


def _limit(soft: int, hard: int, endpoints: int) -> int:
    command = [sys.executable, "-c", _PROGRAM, *map(str, (soft, hard, endpoints))]
    return int(subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout)


def test_the_limit_is_raised_to_what_a_thousand_endpoints_take() -> None:
    assert _limit(256, 8192, 1000) == 4256


def test_it_is_raised_no_further_than_the_system_lets_it() -> None:
    assert _limit(256, 1024, 1000) == 1024


def test_it_is_never_lowered() -> None:
    assert _limit(8192, 8192, 3) == 8192
