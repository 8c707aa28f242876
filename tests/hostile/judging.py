"""What may reach a terminal: a judge of its own, that shares nothing with the program's way of making text safe."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import NamedTuple

from tests.hostile.corpus import MARK

__all__ = ["Sequence", "foreign_sequences", "sequences_of", "text_of", "unsafe_in"]

MAX_MARKS = 3
"""Combining marks that may follow one another."""
_BLANK = frozenset("\u180b\u180c\u180d\u180e\u180f\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\u00a0")
_FORBIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_TITLE = re.compile(r"2;triage(?: \(\d+\))?")

_SEQUENCE = re.compile(
    r"""\x1b\[(?P<csi>[0-?]*[ -/]*[@-~])
    |\x1b\](?P<osc>[^\x07\x1b\x9c]*)(?:\x07|\x1b\\|\x9c)
    |\x1b(?P<string>[P_^X][^\x1b]*)(?:\x1b\\)
    |\x1b(?P<escape>[ -/]*[0-~])
    |(?P<control>[\x00-\x1f\x7f-\x9f])""",
    re.VERBOSE,
)


class Sequence(NamedTuple):
    """One control sequence."""

    kind: str
    """``csi``, ``osc``, ``string``, ``escape`` or ``control``."""
    body: str

    @property
    def shape(self) -> str:
        """What it does, without how much of it: the parameters of a CSI are left out, its private mark stays."""
        if self.kind != "csi":
            return f"{self.kind} {self.body}"
        return f"csi {re.sub('[0-9;:]', '', self.body)}"


def unsafe_in(text: str) -> list[str]:
    """What of a text may not be shown: characters that act, hide or pile up, by name; none for a safe one."""
    if text.isascii() and text.isprintable():
        return []
    found = [f"U+{ord(char):04X}" for char in sorted(set(text)) if _hides(char)]
    marks = {char for char in set(text) if unicodedata.category(char) in ("Mn", "Me")}
    runs = (len(list(run)) for is_mark, run in groupby(text, marks.__contains__) if is_mark)
    return [*found, "marks piled up"] if marks and max(runs) > MAX_MARKS else found


def _hides(char: str) -> bool:
    if char.isascii():
        return not char.isprintable()
    code = ord(char)
    selects = 0xFE00 <= code <= 0xFE0F or 0xE0100 <= code <= 0xE01EF
    return selects or char in _BLANK or unicodedata.category(char) in _FORBIDDEN


def sequences_of(output: bytes) -> Iterator[Sequence]:
    """The control sequences in what a program wrote, in order. Raises UnicodeDecodeError where it is no UTF-8."""
    for found in _SEQUENCE.finditer(output.decode()):
        kind = found.lastgroup or "control"
        yield Sequence(kind, found[kind])


def text_of(output: bytes) -> str:
    """What a program wrote without its control sequences, each replaced by a line break."""
    return _SEQUENCE.sub("\n", output.decode())


def foreign_sequences(output: bytes, known: Iterable[str]) -> list[str]:
    """Sequences that are not the program's own: of a shape that is not ``known``, or marked as an agent's.

    A title is the program's own as long as it says no more than a count.
    """
    allowed = frozenset(known)
    found = []
    for one in sequences_of(output):
        is_title = one.kind == "osc" and _TITLE.fullmatch(one.body)
        if MARK in one.body or not (is_title or one.shape in allowed):
            found.append(f"{one.kind} {one.body[:60]!r}")
    return found
