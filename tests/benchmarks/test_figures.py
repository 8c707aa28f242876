"""What the benchmark makes of its figures; the figures themselves are no test's business."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest

from benchmarks import __main__ as program
from benchmarks.figures import Figure, Peer, Report, Row, cells, median, percentile, table
from benchmarks.link import Link
from benchmarks.measuring import PARTS
from benchmarks.part import Part, Setting


def _row(aim: float, value: float | None, *, at_least: bool = False) -> Row:
    figure = None if value is None else Figure(value, "three times", (Peer("mutt", 2.0),))
    return Row("it", "what it is", aim, "ms", at_least, figure)


@pytest.mark.parametrize(
    ("row", "ratio", "fault"),
    [
        (_row(10, 5), 0.5, ""),
        (_row(10, 20), 2.0, ""),
        (_row(10, 20.1), 2.01, "over twice its aim"),
        (_row(40, 25, at_least=True), 1.6, ""),
        (_row(40, 19, at_least=True), 40 / 19, "over twice its aim"),
        (_row(0, 0), 0.0, ""),
        (_row(0, 1), float("inf"), "over twice its aim"),
        (_row(10, None), None, "not measured"),
    ],
)
def test_how_much_of_an_aim_is_used(row: Row, ratio: float | None, fault: str) -> None:
    assert row.ratio == pytest.approx(ratio)
    assert program.fault(row) == fault


def test_a_known_miss_is_held_to_one_and_a_half_times_what_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "_known_ratios", lambda: {"it": 2.4})
    assert program.fault(_row(10, 35)) == ""
    assert program.fault(_row(10, 37)) == "over twice its aim"


def test_a_row_shows_aim_figure_and_peers() -> None:
    assert cells(_row(10, 5)) == ("what it is", "≤ 10.0 ms", "5.0 ms", "0.50×", "mutt 2.0 ms (2.50×)")
    assert cells(_row(10, None)) == ("what it is", "≤ 10.0 ms", "not measured", "", "")
    assert len({len(line) for line in table([_row(10, 5), _row(1000, 12345)]).splitlines()}) == 1


def test_medians_and_percentiles() -> None:
    assert median([3, 1, 2]) == 2
    assert percentile(range(100), 0.95) == 95
    assert percentile([7], 0.95) == 7


def test_a_link_delays_and_fills() -> None:
    link = Link(round_trip_s=0.08, rate=100_000)
    assert link.deliver(1000, 10.0) == pytest.approx(10.05)
    assert link.deliver(1000, 10.0) == pytest.approx(10.06)


def test_every_part_and_row_has_a_name_of_its_own() -> None:
    rows = [row.name for part in PARTS for row in part.rows]
    assert len(set(rows)) == len(rows)
    assert len({part.name for part in PARTS}) == len(PARTS)


@pytest.fixture
def once_slow(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A part that misses its aim by far the first time; the values it gave."""
    given: list[float] = []

    def measure(setting: Setting) -> Mapping[str, Figure]:
        given.append(5.0 if given else 500.0)
        return {"it": Figure(given[-1])}

    monkeypatch.setattr(program, "PARTS", (Part("part", (_row(10, None),), measure),))
    return given


def test_the_short_form_measures_again_what_is_over_twice_its_aim(once_slow: list[float]) -> None:
    assert program.main(["--short"]) == 0
    assert once_slow == [500.0, 5.0]


def test_the_whole_form_measures_once_and_fails(
    once_slow: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    assert program.main([]) == 1
    assert once_slow == [500.0]
    assert "over twice its aim: what it is" in capsys.readouterr().err


def test_results_are_written_and_a_part_keeps_the_others(once_slow: list[float], tmp_path: Path) -> None:
    results = tmp_path / "results.json"
    before = Report("2020-01-01", {}, (_row(10, 500), msgspec.structs.replace(_row(10, 7), name="other")))
    results.write_bytes(msgspec.json.encode(before))
    program.main(["--short", "--only", "part", "--json", str(results)])
    after = msgspec.json.decode(results.read_bytes(), type=Report)
    assert {row.name: row.figure.value for row in after.rows if row.figure} == {"it": 5.0, "other": 7.0}


def test_an_unknown_part_is_said_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main(["--only", "nothing"]) == 2
    assert "endpoints" in capsys.readouterr().err


def test_a_part_that_fails_loses_nothing_of_the_others(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(setting: Setting) -> Mapping[str, Figure]:
        raise TimeoutError("the queue never came")

    parts = (
        Part("broken", (Row("other", "the other", 10, "ms"),), broken),
        Part("part", (_row(10, None),), lambda setting: {"it": Figure(5.0)}),
    )
    monkeypatch.setattr(program, "PARTS", parts)
    assert program.main(["--short"]) == 1
    told = capsys.readouterr()
    assert "not measured: the other" in told.err
    assert "the queue never came" in told.err
    assert "5.0 ms" in told.out
