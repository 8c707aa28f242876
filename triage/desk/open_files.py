"""How many files and connections this process may hold open: many systems say 256 or 1,024 unless asked."""

from __future__ import annotations

import resource

__all__ = ["allow_open_files"]

_OF_THE_PROGRAM = 256
_OF_AN_ENDPOINT = 4
"""Its lock, a connection to read by, one to send by, and one to spare."""


def allow_open_files(endpoints: int) -> None:
    """Raise this process's own limit, as far as the system lets it, to what so many endpoints take."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OF_THE_PROGRAM + _OF_AN_ENDPOINT * endpoints
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
