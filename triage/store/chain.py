"""Judging the log's lines one after the other: is each what was written, and if not, which is to blame.

Two neighbours that do not fit leave open which of them was changed; the line after them tells, since it
bears the hash of the true one.
"""

from __future__ import annotations

from typing import Protocol

from triage.store.appending import FOREIGN, RECOVERED
from triage.store.head import NOTHING, Head
from triage.store.ledger import ERASED, Event
from triage.store.payload_check import PayloadCheck
from triage.store.raw_lines import RawLine, Report
from triage.store.segments import VERSION

__all__ = ["Chain", "LineReport"]


class LineReport(Report, Protocol):
    """Takes what was found about a line."""

    def blame(self, line: RawLine, why: str) -> None:
        """A line is not as it was written."""


class Chain:
    """The chain as far as it was judged."""

    def __init__(self, report: LineReport, payloads: PayloadCheck) -> None:
        self._report = report
        self._payloads = payloads
        self._last = RawLine(0, 0, b"")
        self._last.hash = NOTHING
        self._before_last = self._last
        self.events = 0
        """How many there are."""
        self.seq = 0
        """Number of the last."""
        self.event_hash = NOTHING
        """SHA-256 of its line."""

    def judge(self, line: RawLine, after: RawLine | None, head: Head | None) -> None:
        """Judge the next line; ``after`` and ``head`` may bear it out."""
        if not line.whole:
            return
        if line.number == 1:
            self._judge_header(line)
        elif line.event is None and not line.torn:
            self._report.blame(line, "this is not an event")
        if not line.bad:
            self._judge_order(line, _is_borne_out(line, after, head))
        if line.event is not None:
            self._take(line, line.event)
        elif line.bad and line.number > 1:
            self.seq += 1
        self._before_last, self._last = self._last, line

    def _judge_header(self, line: RawLine) -> None:
        header = line.header
        if header is None or header.segment != line.segment:
            self._report.blame(line, f"this is not the header of segment {line.segment} of a log")
        elif header.version > VERSION:
            self._report.blame(line, f"written in format {header.version}; this triage reads up to {VERSION}")

    def _judge_order(self, line: RawLine, borne_out: bool) -> None:
        """Whether a line follows the one before it; if not, which of the two is to blame."""
        last, event = self._last, line.event
        if last.torn and event is not None and event.type != RECOVERED:
            self._report.blame(last, "this is half a line, and no event says so")
        in_order = event is None or event.seq == self.seq + 1
        if last.bad or (in_order and line.previous in (None, last.hash)):
            return
        if line.raw == last.raw:
            self._report.blame(line, "the line before it stands here again")
        elif event is not None and event.seq == self.seq and event.previous == self._before_last.hash:
            self._report.blame(last, "it was put in here: the line after it does not know it")
        elif event is not None and not in_order:
            self._report.blame(line, f"this is event {event.seq}, and {self.seq + 1} was to come")
        elif borne_out:
            self._report.blame(last, "it was changed, or what stood behind it was taken away")
        else:
            self._report.blame(line, "it was changed: it does not follow the line before it")

    def _take(self, line: RawLine, event: Event) -> None:
        self.events += 1
        self.seq, self.event_hash = event.seq, line.hash
        if event.payload is not None:
            self._payloads.look(event.seq, event.payload)
        if event.type == ERASED:
            self._payloads.erased.extend(event.erased)
        if event.type == RECOVERED and event.state == FOREIGN:
            self._report.blame(self._last, "this was not written by triage")
        elif event.type == RECOVERED and not self._last.torn:
            self._report.note(f"segment {line.segment}, line {line.number}: {event.detail}")


def _is_borne_out(line: RawLine, after: RawLine | None, head: Head | None) -> bool:
    """Whether what comes after a line, or the head, shows that it is what was written."""
    if after is not None and after.previous is not None:
        return after.previous == line.hash
    return head is None or head.stands.reach != line.reach or head.stands.hash == line.hash
