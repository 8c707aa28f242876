"""The example on the page about judging is read as it stands."""

from __future__ import annotations

import re
from pathlib import Path

from triage.config import parse
from triage.desk.rating import Rater
from triage.model.filtering import Filter, compile
from triage.model.item import Risk

PAGE = Path(__file__).resolve().parent.parent / "docs" / "judging.md"


def test_the_example_is_a_configuration() -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    found = parse(example, PAGE)
    assert [rule.risk for rule in found.risk] == [Risk.HIGH, Risk.HIGH, Risk.MEDIUM]
    assert all(isinstance(compile(rule.when, found.filters), Filter) for rule in found.notify)
    assert not Rater(found.risk, found.filters).timed
    assert list(found.commands) == ["ticket"]
    assert list(found.endpoints["support"].reasons) == ["reject"]
