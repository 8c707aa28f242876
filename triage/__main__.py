"""``python -m triage``: the same as ``triage``."""

from __future__ import annotations

from triage.cli.main import run

if __name__ == "__main__":
    run()
