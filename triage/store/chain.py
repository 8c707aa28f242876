"""Judging the log's lines one after the other: is each what was written, and if not, which is to blame.

Two neighbours that do not fit leave open which of them was changed; the line after them tells, since it
bears the hash of the true one.
"""

from __future__ import annotations

from typing import Protocol

from triage.store.appending import FOREIGN, RECOVERED
from triage.store.events import ERASED, Event
from triage.store.head import NOTHING, Head
from triage.store.payload_check import PayloadCheck
from triage.store.raw_lines import RawLine, Report
from triage.store.segments import VERSION, torn_hash

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
        self._torn: list[RawLine] = []
        self._gap: tuple[RawLine, RawLine] | None = None
        self.events = 0
        """How many there are."""
        self.seq = 0
        """Number of the last."""
        self.event_hash = NOTHING
        """SHA-256 of its line."""

    def judge(self, line: RawLine, after: RawLine | None, head: Head | None) -> None:
        """Judge the next line; ``after`` and ``head`` may bear it out."""
        if line.torn:
            self._torn.append(line)
            return
        if not line.whole:
            self._torn.clear()
            if line.bad:
                self._gap = (self._last, line)
                self._last = line
            return
        if line.number == 1:
            self._judge_header(line)
        elif line.event is None:
            self._report.blame(line, "this is not an event")
        if line.has_too_much:
            self._report.blame(line, "what stands behind its text does not belong there")
        borne_out = _is_borne_out(line, after, head)
        if not line.bad:
            self._judge_order(line, borne_out)
        if line.event is not None:
            self.judge_gap(line.event.seq)
            self._judge_torn(line, line.event, borne_out)
            self._take(line, line.event)
        elif line.number > 1:
            self._torn.clear()
            self.seq += 1
        self._before_last, self._last = self._last, line

    def judge_gap(self, seq: int = 0) -> None:
        """Say what a segment lacks at its end, once the number of the event behind it is known; 0: there is none."""
        if self._gap is None:
            return
        (before, gap), self._gap = self._gap, None
        if gap.header is None:  # a whole segment: told already
            return
        if seq != self.seq + 1:
            self._report.find(
                gap.segment, gap.number, "the end of this line, or what stood behind it, is missing"
            )
        else:
            self._report.blame(before, "it was changed: it is shorter than it was")

    def _judge_header(self, line: RawLine) -> None:
        header = line.header
        if header is None or header.segment != line.segment:
            self._report.blame(line, f"this is not the header of segment {line.segment} of a log")
        elif header.version > VERSION:
            self._report.blame(line, f"written in format {header.version}; this triage reads up to {VERSION}")

    def _judge_order(self, line: RawLine, borne_out: bool) -> None:
        """Whether a line follows the one before it; if not, which of the two is to blame."""
        last, event = self._last, line.event
        in_order = event is None or event.seq == self.seq + 1
        if last.bad or (in_order and line.previous == last.hash):
            return
        if self._torn and not self._is_of_torn(event):
            blanked = b"\0" in self._torn[-1].raw
            self._report.blame(self._torn[-1 if blanked else 0], "it was changed, or does not belong here")
            self._torn.clear()
        elif not borne_out:
            self._report.blame(line, "it was changed: it does not follow the line before it")
        elif line.raw == last.raw:
            self._report.blame(line, "the line before it stands here again")
        elif event is not None and event.seq == self.seq and event.previous == self._before_last.hash:
            self._report.blame(last, "it was put in here: the line after it does not know it")
        elif event is not None and not in_order:
            why = f"event {event.seq} follows here, and {self.seq + 1} was to come"
            self._report.blame(self._torn[0] if self._torn else line, why)
        else:
            self._report.blame(last, "it was changed, or what stood behind it was taken away")

    def _is_of_torn(self, event: Event | None) -> bool:
        """Whether an event speaks of the half-written lines before it."""
        return event is not None and event.torn == _hash_of(self._torn)

    def _judge_torn(self, line: RawLine, event: Event, borne_out: bool) -> None:
        """Whether the half-written lines before an event are those that it speaks of."""
        of_them = self._is_of_torn(event)
        torn, self._torn = self._torn, []
        foreign = event.type == RECOVERED and event.state == FOREIGN
        if not of_them and not borne_out:
            self._report.blame(line, "it was changed")
        elif not of_them:
            known = next((count for count in range(1, len(torn)) if event.torn == _hash_of(torn[:count])), 0)
            blamed = torn[known] if torn else line
            self._report.blame(
                blamed, "what a killed process left was changed, or taken away, or put in here"
            )
        elif foreign and torn:
            self._report.blame(torn[-1], "this was not written by triage")
        elif event.type == RECOVERED and not torn:
            self._report.note(f"segment {line.segment}, line {line.number}: {event.detail}")

    def _take(self, line: RawLine, event: Event) -> None:
        self.events += 1
        self.seq, self.event_hash = event.seq, line.hash
        self._payloads.look(line, event)
        if event.type == ERASED:
            self._payloads.erased.extend(event.erased)


def _hash_of(torn: list[RawLine]) -> str:
    return torn_hash(b"".join(line.raw + b"\n" for line in torn))


def _is_borne_out(line: RawLine, after: RawLine | None, head: Head | None) -> bool:
    """Whether what comes after a line, or the head, shows that it is what was written."""
    if after is not None and after.previous is not None:
        return after.previous == line.hash
    if head is None or head.stands.reach < line.reach:
        return True
    return head.stands.reach == line.reach and head.stands.hash == line.hash
