"""A queue that several processes might open."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from triage.store import storage
from triage.store.files import OS, Files
from triage.store.queue import Queue


@pytest.fixture(scope="module", params=["small in memory", "all in the file"])
def kept_in(request: pytest.FixtureRequest) -> Iterator[None]:
    """Where documents lie; most that tests make are small."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "all in the file":
            patch.setattr(storage, "SMALL_BYTES", 0)
        yield


@pytest.fixture
def open_queue(tmp_path: Path) -> Callable[..., Queue]:
    """Opens the queue as another process would."""

    def open_it(files: Files = OS) -> Queue:
        return Queue(tmp_path / "data", files=files)

    return open_it


@pytest.fixture
def queue(open_queue: Callable[..., Queue]) -> Queue:
    return open_queue()
