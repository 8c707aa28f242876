"""kill -9 at any moment: the file can be read, and holds what was acknowledged and nothing half done."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.store.killing import state_after
from tests.store.worker import ROOT
from triage.store.database import Database

KILLS = 80


def test_nothing_acknowledged_is_lost_by_writers_killed_at_random_moments(tmp_path: Path) -> None:
    path = tmp_path / "database.jsonl"
    watcher = Database(path)
    killer = subprocess.Popen(
        [sys.executable, "-m", "tests.store.killing", str(path), str(KILLS)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    seen = set()
    while killer.poll() is None:
        numbers = {document.doc_id: document["number"] for document in watcher}
        count = max(numbers.values(), default=0)
        assert numbers in (state_after(count), state_after(count + 1))
        seen.add(count)
    out, errors = killer.communicate()
    assert killer.returncode == 0, errors
    told = json.loads(out)
    assert told["kills"] == KILLS
    assert told["changes"] > 0
    assert len(seen) > 1
    assert {document.doc_id: document["number"] for document in watcher} == state_after(told["changes"])
