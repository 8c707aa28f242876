"""One AgentOS for all of a module's tests, empty before each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.connectors.agno.till import Till


@pytest.fixture(scope="package")
def only_till(tmp_path_factory: pytest.TempPathFactory) -> Till:
    return Till(tmp_path_factory.mktemp("till"))


@pytest.fixture
def till(only_till: Till) -> Iterator[Till]:
    yield only_till
    only_till.clear()
