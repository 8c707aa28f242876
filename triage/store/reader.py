"""The log as one process has read it, kept up as others write.

Lines that were never acknowledged may be taken back by their writer. Whoever read them already reads the log
anew, and says of no event twice that it is new.
"""

from __future__ import annotations

from collections import deque
from pathlib import Path

import msgspec

from triage.store.appending import Appender
from triage.store.errors import StoreDamaged, StoreUnavailable
from triage.store.events import Event
from triage.store.files import Files
from triage.store.head import HEAD_NAME, HeadFile, Position
from triage.store.index import Index, Saved
from triage.store.ledger import Ledger
from triage.store.segments import REMEDY, Line, Reread, Segments, segment_path

__all__ = ["SAVE_EVERY", "Reader"]

SAVE_EVERY = 4000
"""About so many events are read again when the log is opened; the index has the rest."""
_LARGE_BYTES = 1 << 14
"""A payload counts as one event more for so many bytes."""
_LATELY = 64
"""So many of the last events are remembered; far fewer are ever taken back."""


class _Inconsistent(StoreDamaged):
    """An event does not follow from what was before: the log is damaged, or the index is wrong about it."""


class Reader:
    """What the events in ``directory`` add up to. Its methods raise the errors of ``store.errors``."""

    def __init__(self, directory: Path, files: Files) -> None:
        self.directory = directory
        self._files = files
        self._untold: list[Event] = []
        self._lately: deque[Event] = deque(maxlen=_LATELY)
        self.segments = Segments(directory, files)
        self.ledger = Ledger()
        self.appender = Appender(self.segments, files)
        self._distrusted = 0
        """Of the index files up to this number one said what the log does not."""
        self._index = self._new_index()
        self._unsaved = 0
        self._is_sound = self._is_open = False
        self._read_anew()
        self._is_open = True

    def close(self) -> None:
        """Give the index' file back; what is asked afterwards opens it again."""
        self._index.close()

    def take_in(self) -> bool:
        """Read what was appended; True where the log had to be read anew."""
        if self._is_sound and not self._index.is_lost:
            try:
                for line in self.segments.read():
                    self.apply(line)
                return False
            except (Reread, StoreDamaged):
                self._is_sound = False
        self._read_anew()
        return True

    def apply(self, line: Line) -> None:
        """Take in a line that this process has appended."""
        self._apply(self.ledger, line)
        self._unsaved += _weight(line.event)
        self._tell(line.event)

    def told(self) -> list[Event]:
        """What was read since this was last asked."""
        told, self._untold = self._untold, []
        return told

    def save(self, times: int = 1) -> None:
        """Have the index take over what was read, once it is ``times`` enough and all on the disk."""
        every = times * SAVE_EVERY
        at = self.segments.at
        if self._unsaved < every or not (self.appender.is_firm or self._is_on_disk(at)):
            return
        saved = self._index.save(self.ledger, at, self.segments.tail)
        self._unsaved = every // 2 if saved is Saved.LATER else 0
        self._is_sound = self._is_sound and saved is not Saved.LOST

    def _is_on_disk(self, at: Position) -> bool:
        return not self.segments.torn and self._stands().reach >= at.reach

    def _stands(self) -> Position:
        head = HeadFile(self.directory / HEAD_NAME, self._files).read()
        return Position() if head is None else head.stands

    def _apply(self, ledger: Ledger, line: Line) -> None:
        try:
            ledger.apply(line.event, line.place)
        except ValueError as error:
            path = segment_path(self.directory, line.place.segment)
            raise _Inconsistent(path, 0, f"event {line.event.seq}: {error}", REMEDY) from error

    def _tell(self, event: Event) -> None:
        if self._is_open:
            self._untold.append(event)
        self._lately.append(event)

    # anew

    def _read_anew(self) -> None:
        """Read the log from where the index ends, or all of it."""
        self._is_sound = False
        if self._index.is_lost:
            self._distrusted = max(self._distrusted, self._index.number)
        index = self._new_index()
        at = index.load()
        if at is not None:
            try:
                self._read_from(index, at)
                return
            except (Reread, _Inconsistent):
                self._distrusted = index.number
            except StoreUnavailable:
                if not index.is_lost:
                    raise
                self._distrusted = index.number
            index = self._new_index()
        try:
            self._read_from(index, None)
        except Reread:
            why = "a segment's header says that the one before ends where it cannot"
            raise StoreDamaged(self.directory, 0, why, REMEDY) from None

    def _new_index(self) -> Index:
        return Index(self.directory, self.segments.event_at, self._files, after=self._distrusted)

    def _read_from(self, index: Index, at: Position | None) -> None:
        segments = Segments(self.directory, self._files, at)
        ledger = Ledger(index if at else None)
        stands = self._stands()
        segments.expect(stands)
        told = {event.seq: event for event in self._lately}
        newest = max(told, default=0)
        if at is not None and self._is_open and at.seq > newest:
            self._tell_between(newest, at.seq)
        unsaved = 0
        for line in segments.read():
            self._apply(ledger, line)
            event = line.event
            if event.seq > newest or (event.seq in told and not _is_same(event, told[event.seq])):
                self._tell(event)
            unsaved += _weight(event)
            if unsaved >= 10 * SAVE_EVERY and segments.at.reach <= stands.reach and not segments.torn:
                index.save(ledger, segments.at, segments.tail)
                unsaved = 0
        segments.check_end()
        self.segments, self.ledger, self.appender = segments, ledger, Appender(segments, self._files)
        self._index, self._unsaved, self._is_sound = index, unsaved, True

    def _tell_between(self, newest: int, seq: int) -> None:
        """Tell the events behind ``newest``, up to ``seq``, which the index has taken over already."""
        try:
            found = self._read_between(self.segments.at, newest, seq)
        except (Reread, StoreDamaged):  # what was read there was taken back
            found = self._read_between(Position(), newest, seq)
        for event in found:
            self._tell(event)

    def _read_between(self, at: Position, newest: int, seq: int) -> list[Event]:
        found = []
        for line in Segments(self.directory, self._files, at).read():
            if line.event.seq > seq:
                break
            if line.event.seq > newest:
                found.append(line.event)
        return found


def _weight(event: Event) -> int:
    """How much there is to read of an event, with its payload, against one without."""
    return 1 if event.payload is None else 1 + event.payload.size // _LARGE_BYTES


def _is_same(one: Event, other: Event) -> bool:
    """Whether two events differ in nothing but the line before them, and where they stand."""
    return _placeless(one) == _placeless(msgspec.structs.replace(other, previous=one.previous))


def _placeless(event: Event) -> Event:
    ref = event.payload
    if ref is None:
        return event
    return msgspec.structs.replace(event, payload=msgspec.structs.replace(ref, segment=0, offset=0))
