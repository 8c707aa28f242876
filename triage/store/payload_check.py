"""Checking what is in the payload files against what the events say of it."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from triage.store.events import PayloadRef
from triage.store.files import OS
from triage.store.payloads import Payloads, PayloadState, payload_path
from triage.store.segments import unavailable

__all__ = ["PayloadCheck", "PayloadReport"]


class PayloadReport(Protocol):
    """Takes what was found."""

    def find_in(self, file: str, why: str) -> None:
        """Something in a file beside the segments is not as it was written."""

    def note(self, words: str) -> None:
        """Something is odd but allowed."""


class PayloadCheck:
    """The payloads that were named so far."""

    def __init__(self, directory: Path, report: PayloadReport) -> None:
        self._directory = directory
        self._report = report
        self._payloads = Payloads(directory, OS)
        self._whole = 0
        self._doubtful: list[tuple[int, PayloadRef]] = []
        self._ends: dict[int, int] = {}
        self.erased: list[tuple[int, int]] = []
        """First and last numbers of decisions whose payloads were erased."""

    def look(self, seq: int, ref: PayloadRef) -> None:
        """Look at the one that event ``seq`` names."""
        self._ends[ref.segment] = max(self._ends.get(ref.segment, 0), ref.offset + ref.size)
        if self._state(ref) is PayloadState.WHOLE:
            self._whole += 1
        else:
            self._doubtful.append((seq, ref))

    def result(self) -> tuple[int, int]:
        """How many are whole and how many erased, once all erasures are known; tells what is neither."""
        erased = 0
        for seq, ref in self._doubtful:
            state = self._state(ref)
            if state is not PayloadState.ERASED:
                self._find(seq, ref, "changed or taken away")
            elif not any(first <= seq <= last for first, last in self.erased):
                self._find(seq, ref, "erased, and no event says so")
            else:
                erased += 1
        for segment, end in self._ends.items():
            self._look_behind(segment, end)
        return self._whole, erased

    def _state(self, ref: PayloadRef) -> PayloadState:
        try:
            return self._payloads.state(ref)
        except OSError as error:
            raise unavailable("read", payload_path(self._directory, ref.segment), error) from error

    def _find(self, seq: int, ref: PayloadRef, what: str) -> None:
        file = payload_path(self._directory, ref.segment).name
        self._report.find_in(file, f"the payload of event {seq} was {what}")

    def _look_behind(self, segment: int, end: int) -> None:
        path = payload_path(self._directory, segment)
        try:
            size = path.stat().st_size
        except OSError:  # told already: the payloads in it are not whole
            return
        if size > end:
            self._report.note(
                f"{path.name}: {size - end} bytes at its end that no event names, as after a crash"
            )
