"""What a terminal sends, made into events: whatever it sends, the console goes on."""

from __future__ import annotations

import os
import re
from codecs import getincrementaldecoder
from collections.abc import Iterator

from textual._xterm_parser import XTermParser
from textual.message import Message

__all__ = ["TerminalInput", "TerminalLost"]

READ_BYTES = 4096
_PIECES = re.compile(r"\x1b?[^\x1b]+|\x1b")


class TerminalLost(Exception):
    """The terminal is gone: it will never send anything again."""


class TerminalInput:
    """The terminal behind a file descriptor.

    Bytes that are no UTF-8 become U+FFFD. A sequence that Textual's parser stumbles over is dropped, with what
    follows it up to the next escape: a key's number beyond Unicode, a window of no size.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._decode = getincrementaldecoder("utf-8")(errors="replace").decode
        self._parser = XTermParser()

    def read(self) -> Iterator[Message]:
        """What it sent; waits until there is something. Raises TerminalLost."""
        try:
            data = os.read(self._descriptor, READ_BYTES)
        except OSError as error:
            raise TerminalLost from error
        if not data:
            raise TerminalLost
        return self.events_of(self._decode(data))

    def events_of(self, text: str) -> Iterator[Message]:
        """The events in a piece of what it sent."""
        for piece in _PIECES.findall(text):
            try:
                yield from self._parser.feed(piece)
            except Exception:  # noqa: BLE001 - another's parser, and no byte may end the console
                self._parser = XTermParser()

    def overdue(self) -> Iterator[Message]:
        """What an escape was that nothing followed: the key."""
        yield from self._parser.tick()
