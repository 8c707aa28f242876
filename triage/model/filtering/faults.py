"""What is wrong with a filter, and where."""

from __future__ import annotations

import msgspec

__all__ = ["FilterError", "FilterFault"]


class FilterError(msgspec.Struct, frozen=True):
    """A filter that means nothing, in words for whoever wrote it."""

    position: int
    """Where the fault begins, in characters."""
    length: int
    message: str
    hint: str = ""
    """What to write instead."""

    @property
    def text(self) -> str:
        """Message and hint in one sentence."""
        return f"{self.message}; {self.hint}" if self.hint else self.message


class FilterFault(Exception):
    """Carries a FilterError out of the parser; never leaves this package."""

    def __init__(self, position: int, length: int, message: str, hint: str = "") -> None:
        self.error = FilterError(position, length, message, hint)
        super().__init__(message)
