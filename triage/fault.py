"""A fault of triage's own in words: where and what, without the values of variables, which may be secret."""

from __future__ import annotations

import os
import traceback

__all__ = ["fault_words"]


def fault_words(error: BaseException) -> str:
    """What went wrong, and where; with ``TRIAGE_DEBUG`` set the whole way there, still without values."""
    if os.environ.get("TRIAGE_DEBUG"):
        return "".join(traceback.format_exception(error))
    places = traceback.extract_tb(error.__traceback__)
    where = f", at {os.path.basename(places[-1].filename)}:{places[-1].lineno}" if places else ""
    return (
        f"a fault in triage itself{where}: {type(error).__name__}: {error}. "
        "With TRIAGE_DEBUG=1 set it says more."
    )
