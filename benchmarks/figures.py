"""Figures: what is measured, what it should be, what a peer takes for the same, as a table and as JSON."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

__all__ = ["Figure", "Peer", "Report", "Row", "cells", "median", "percentile", "table"]

Unit = Literal["ms", "s", "bytes", "%", "MiB", "x", "1/s", "keys"]


class Peer(msgspec.Struct, frozen=True):
    """The same, done by something else in the same run."""

    name: str
    value: float


class Figure(msgspec.Struct, frozen=True):
    """One measured value."""

    value: float
    note: str = ""
    """How it came about, in a few words: how often, what else was seen."""
    peers: tuple[Peer, ...] = ()


class Row(msgspec.Struct, frozen=True):
    """One line of the table: what is measured and what it should be."""

    name: str
    what: str
    aim: float
    unit: Unit
    at_least: bool = False
    """More is better."""
    figure: Figure | None = None

    @property
    def ratio(self) -> float | None:
        """How much of the aim is used up; above 1 it is missed."""
        if self.figure is None:
            return None
        if self.at_least:
            return self.aim / self.figure.value if self.figure.value else float("inf")
        return self.figure.value / self.aim if self.aim else (0.0 if not self.figure.value else float("inf"))


class Report(msgspec.Struct, frozen=True):
    """All that one run measured."""

    at: str
    machine: dict[str, str]
    rows: tuple[Row, ...]


def median(values: Iterable[float]) -> float:
    """The one in the middle."""
    return statistics.median(list(values))


def percentile(values: Iterable[float], share: float) -> float:
    """The value that ``share`` of all do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def table(rows: Sequence[Row]) -> str:
    """The rows as a table for a terminal and for Markdown alike."""
    head = ("what", "aim", "figure", "of the aim", "peers in the same run")
    body = [head, *(cells(row) for row in rows)]
    widths = [max(len(cells[column]) for cells in body) for column in range(len(head))]
    lines = [_line(cells, widths) for cells in body]
    return "\n".join((lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]))


def cells(row: Row) -> tuple[str, ...]:
    """What is measured, the aim, the figure, how much of the aim that is, and the peers: as words."""
    aim = f"{'≥' if row.at_least else '≤'} {_written(row.aim, row.unit)}"
    figure = row.figure
    if figure is None:
        return row.what, aim, "not measured", "", ""
    ratio = row.ratio
    of_aim = "" if ratio is None or row.aim == 0 else f"{ratio:.2f}×"
    peers = ", ".join(_beside(peer, figure.value, row.unit) for peer in figure.peers)
    return row.what, aim, _written(figure.value, row.unit), of_aim, peers


def _beside(peer: Peer, value: float, unit: Unit) -> str:
    """What a peer took, and the figure as so many times that."""
    times = f" ({value / peer.value:.2f}×)" if peer.value else ""
    return f"{peer.name} {_written(peer.value, unit)}{times}"


def _written(value: float, unit: Unit) -> str:
    match unit:
        case "bytes":
            return f"{value:,.0f}"
        case "x":
            return f"{value:.2f}×"
        case "%":
            return f"{value:.1f} %"
        case "s":
            return f"{value:.2f} s"
        case "1/s":
            return f"{value:,.0f}/s"
        case "keys":
            return f"{value:.2f}"
        case _:
            return f"{value:,.1f} {unit}" if value < 100 else f"{value:,.0f} {unit}"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"
