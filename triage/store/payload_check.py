"""Checking the payloads against what the events say of them."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from triage.store.events import Event, PayloadRef
from triage.store.files import OS
from triage.store.payloads import Payloads, PayloadState, payload_path, state_of
from triage.store.raw_lines import RawLine, Report
from triage.store.segments import unavailable

__all__ = ["PayloadCheck", "PayloadReport"]


class PayloadReport(Report, Protocol):
    """Takes what was found."""

    def find_in(self, file: str, why: str, line: int = 0) -> None:
        """Something is not as it was written, beside the lines; or it is if lines are wrong that were told."""


class PayloadCheck:
    """The payloads that were named so far."""

    def __init__(self, directory: Path, report: PayloadReport) -> None:
        self._directory = directory
        self._report = report
        self._payloads = Payloads(directory, OS)
        self._whole = 0
        self._doubtful: list[tuple[tuple[int, int], int, PayloadRef]] = []
        """Segment and line, the event's number, and what it names."""
        self._ends: dict[Path, int] = {}
        self.erased: list[tuple[int, int]] = []
        """First and last numbers of decisions whose payloads were erased."""

    def look(self, line: RawLine, event: Event) -> None:
        """Look at the one that the event on a line names, if it names one."""
        ref = event.payload
        if ref is None:
            return
        if not ref.inside:
            path = payload_path(self._directory, ref)
            self._ends[path] = max(self._ends.get(path, 0), ref.offset + ref.size)
        state = state_of(ref, line.payload or b"") if ref.inside else self._state(ref)
        if state is PayloadState.WHOLE:
            self._whole += 1
        elif not line.bad:
            self._doubtful.append((line.reach, event.seq, ref))

    def result(self) -> tuple[int, int]:
        """How many are whole and how many erased, once all erasures are known; tells what is neither."""
        erased = 0
        for reach, seq, ref in self._doubtful:
            state = self._state(ref)
            if state is not PayloadState.ERASED:
                self._find(reach, seq, ref, "changed or taken away")
            elif not any(first <= seq <= last for first, last in self.erased):
                self._find_blank(reach, seq, ref)
            else:
                erased += 1
        for path, end in self._ends.items():
            self._look_behind(path, end)
        return self._whole, erased

    def _state(self, ref: PayloadRef) -> PayloadState:
        try:
            return self._payloads.state(ref)
        except OSError as error:
            raise unavailable("read", payload_path(self._directory, ref), error) from error

    def _find(self, reach: tuple[int, int], seq: int, ref: PayloadRef, what: str) -> None:
        why = f"the payload of event {seq} was {what}"
        if ref.inside:
            self._report.find(*reach, why)
        else:
            self._report.find_in(payload_path(self._directory, ref).name, why)

    def _find_blank(self, reach: tuple[int, int], seq: int, ref: PayloadRef) -> None:
        file = payload_path(self._directory, ref).name
        why = f"the payload of event {seq} was erased, and no event says so"
        self._report.find_in(file, why, reach[1] if ref.inside else 0)

    def _look_behind(self, path: Path, end: int) -> None:
        try:
            size = path.stat().st_size
        except OSError:  # told already: the payloads in it are not whole
            return
        if size > end:
            self._report.note(
                f"{path.name}: {size - end} bytes at its end that no event names, as after a crash"
            )
